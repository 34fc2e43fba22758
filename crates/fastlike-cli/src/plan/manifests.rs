//! Which manifest is meant.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The name of manifests.
pub(crate) const NAME: &str = "fastly.toml";

/// The file that `--config` names, or that of an environment beside it: as
/// with the official CLI, `--env stage` means `fastly.stage.toml`. A folder
/// stands for the manifest in it.
pub(crate) fn path(config: Option<PathBuf>, env: Option<&str>) -> Result<Option<PathBuf>, Failure> {
    let config = config.map(|path| match path.is_dir() {
        true => path.join(NAME),
        false => path,
    });
    let Some(env) = env else {
        return Ok(config);
    };
    let folder = config
        .as_deref()
        .and_then(Path::parent)
        .unwrap_or(Path::new(""));
    let path = folder.join(format!("fastly.{env}.toml"));
    // A name with a slash in it would lead elsewhere.
    if !env.is_empty() && !env.contains(['/', '\\']) && path.is_file() {
        return Ok(Some(path));
    }
    let there = environments(folder);
    let help = if there.is_empty() {
        format!("there is no fastly.NAME.toml in {}", shown(folder))
    } else {
        format!("there are in {}: {}", shown(folder), there.join(", "))
    };
    let message = format!("--env {env}: there is no file `{}`", path.display());
    Err(Failure::new(message).help(help))
}

/// What `--env` could be, as flags.
fn environments(folder: &Path) -> Vec<String> {
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = std::fs::read_dir(here).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let env = name.strip_prefix("fastly.")?.strip_suffix(".toml")?;
            (!env.is_empty()).then(|| format!("--env {env}"))
        })
        .collect();
    names.sort_unstable();
    names
}

fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() {
        "the working directory".to_owned()
    } else {
        format!("`{}`", folder.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(folder: &Path, env: Option<&str>) -> Result<Option<PathBuf>, String> {
        let config = folder.join("fastly.toml");
        path(Some(config), env).map_err(|failure| match failure {
            Failure::Error { error, help } => format!("{error} | {}", help.unwrap_or_default()),
            Failure::Manifest(error) => error.to_string(),
        })
    }

    #[test]
    fn an_environment_has_a_file_beside_the_usual_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        assert_eq!(find(folder, None), Ok(Some(folder.join("fastly.toml"))));
        let none = find(folder, Some("stage")).expect_err("no file");
        assert!(none.contains("there is no fastly.NAME.toml"), "{none}");
        for name in [
            "fastly.stage.toml",
            "fastly.prod.toml",
            "fastly.toml",
            "other.toml",
        ] {
            std::fs::write(folder.join(name), "").expect("writable");
        }
        let stage = folder.join("fastly.stage.toml");
        assert_eq!(find(folder, Some("stage")), Ok(Some(stage)));
        let some = find(folder, Some("staging")).expect_err("no such file");
        assert!(some.contains("fastly.staging.toml` |"), "{some}");
        assert!(some.ends_with(": --env prod, --env stage"), "{some}");
        assert!(find(folder, Some("../stage")).is_err());
        assert!(find(folder, Some("")).is_err());
    }

    #[test]
    fn a_folder_stands_for_the_manifests_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let stage = folder.join("fastly.stage.toml");
        std::fs::write(&stage, "").expect("writable");
        let find = |env| path(Some(folder.to_owned()), env).unwrap_or_default();
        assert_eq!(find(None), Some(folder.join("fastly.toml")));
        assert_eq!(find(Some("stage")), Some(stage));
    }
}
