//! A Compute project on the disk: where it is, and how its program is built.

mod build;
mod cargo;
mod npm;
mod process;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fastlike_runtime::manifest::{Manifest, Scripts, Surroundings};

pub(crate) use self::build::build;
use crate::failure::Failure;
use crate::plan::{Environment, MANIFEST};
use crate::watch::absolute;

/// A folder with a manifest, and a program to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    root: PathBuf,
    manifest: PathBuf,
    language: Language,
    scripts: Scripts,
    /// `env_file` and `env_vars`, in this order.
    environment: Vec<(String, String)>,
}

/// What a program is written in, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Rust,
    JavaScript,
    AssemblyScript,
    Go,
    /// Something that only a script can build.
    Other,
}

impl Project {
    /// The manifest of the project at `place`: that file, or the one in that
    /// folder; without a place, the one here or in a folder above.
    pub(crate) fn find(place: Option<&Path>, here: &Path) -> Result<PathBuf, Failure> {
        let Some(place) = place else {
            let found = here.ancestors().map(|folder| folder.join(MANIFEST));
            return found
                .into_iter()
                .find(|path| path.is_file())
                .ok_or_else(|| {
                    Failure::new(format!("there is no {MANIFEST} here or in a folder above"))
                        .help("go to the project's folder, or name it: `fastlike dev FOLDER`")
                });
        };
        let path = here.join(place);
        let place = place.display();
        let message = if path.is_dir() {
            let manifest = path.join(MANIFEST);
            if manifest.is_file() {
                return Ok(manifest);
            }
            format!("there is no {MANIFEST} in {place}")
        } else if !path.exists() {
            format!("there is no {place}")
        } else if path.extension().is_some_and(|end| end == "toml") {
            return Ok(path);
        } else {
            let message = format!("{place} is neither a project's folder nor a manifest");
            let help = format!("name the folder; a program is served by `fastlike serve {place}`");
            return Err(Failure::new(message).help(help));
        };
        Err(Failure::new(message).help("name the folder of a Compute project"))
    }

    /// The project whose manifest this is.
    pub(crate) fn open(manifest: &Path, environment: &Environment) -> Result<Self, Failure> {
        let manifest = absolute(manifest);
        let variable = |name: &str| environment.variables.get(name).cloned();
        let surroundings = Surroundings::new().variable(&variable);
        let (read, _) = Manifest::load_with(&manifest, surroundings).map_err(Failure::Manifest)?;
        let scripts = read.scripts;
        let root = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let mut environment = Vec::new();
        if let Some(file) = &scripts.env_file {
            let path = root.join(file);
            let text = fs::read_to_string(&path).map_err(|error| {
                let message = format!(
                    "cannot read {}, the `env_file` of [scripts]",
                    path.display()
                );
                Failure::from(anyhow::Error::new(error).context(message))
            })?;
            environment.extend(variables(&text).map_err(|line| {
                Failure::new(format!("{}:{line}: this is not NAME=VALUE", path.display()))
            })?);
        }
        let owned = |line: &String| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        environment.extend(scripts.env_vars.iter().filter_map(owned));
        Ok(Self {
            language: language(scripts.language.as_deref(), &root),
            root,
            manifest,
            scripts,
            environment,
        })
    }

    /// What it is now, if that is something else.
    pub(crate) fn again(&self, environment: &Environment) -> Option<Self> {
        // What is wrong in a manifest is said where it is loaded.
        let now = Self::open(&self.manifest, environment).ok();
        now.filter(|now| now != self)
    }

    /// True for files that say how the program is built.
    pub(crate) fn is_made_of(&self, path: &Path) -> bool {
        path == self.manifest || self.env_file().as_deref() == Some(path)
    }

    /// Its folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Its manifest.
    pub(crate) fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// Where its program is once it is built.
    pub(crate) fn wasm(&self) -> PathBuf {
        self.root.join("bin").join("main.wasm")
    }

    /// The file with variables for scripts.
    fn env_file(&self) -> Option<PathBuf> {
        let file = self.scripts.env_file.as_ref()?;
        Some(self.root.join(file))
    }

    /// Folders at its top that hold no sources.
    pub(crate) fn outputs(&self) -> &'static [&'static str] {
        match self.language {
            // A usual place for packages of its own.
            Language::Go => &["bin"],
            _ => &["bin", "pkg"],
        }
    }
}

fn language(named: Option<&str>, root: &Path) -> Language {
    match named {
        Some("rust") => return Language::Rust,
        Some("javascript") => return Language::JavaScript,
        Some("assemblyscript") => return Language::AssemblyScript,
        Some("go") => return Language::Go,
        _ => {}
    }
    let has = |name: &str| root.join(name).is_file();
    if has("Cargo.toml") {
        Language::Rust
    } else if has("package.json") {
        Language::JavaScript
    } else if has("go.mod") {
        Language::Go
    } else {
        Language::Other
    }
}

/// Lines of `NAME=VALUE`, the value maybe in quotes; the number of a line that
/// is none.
fn variables(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut variables = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(number)?;
        let name = name.trim().trim_start_matches("export ").trim();
        if name.is_empty() {
            return Err(number);
        }
        let value = value.trim();
        let bare = ['"', '\'']
            .iter()
            .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote));
        variables.insert(name.to_owned(), bare.unwrap_or(value).to_owned());
    }
    Ok(variables)
}
