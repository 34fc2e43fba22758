//! Programs in Rust.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use serde_json::Value;

use super::Project;
use super::build::{self, Step};
use crate::failure::Failure;
use crate::printer::Stream;
use crate::report::Report;

/// The target of Compute programs.
const TARGET: &str = "wasm32-wasip1";

/// The program that Cargo makes of a project.
pub(super) struct Program {
    name: String,
    /// The folder of the target's profiles.
    folder: PathBuf,
}

impl Program {
    /// Asks Cargo for it. A script that names it with `--bin` is believed.
    pub(super) async fn find(
        project: &Project,
        script: Option<&str>,
        report: &Report,
    ) -> Result<Self, Failure> {
        let arguments = ["metadata", "--no-deps", "--format-version", "1"];
        let mut command = Command::new("cargo");
        command.args(arguments);
        let output = Arc::new(Mutex::new(Vec::new()));
        let (gathered, printed) = (Arc::clone(&output), report.clone());
        let asked = build::start(project, command, move |stream, line| match stream {
            Stream::Stdout => gathered.lock().extend_from_slice(line),
            Stream::Stderr => printed.build_output(stream, line),
        });
        let shown = format!("cargo {}", arguments.join(" "));
        let status = asked
            .await
            .map_err(|error| build::not_started(&shown, &error))?;
        if !status.success() {
            return Err(Failure::new(format!("`{shown}` failed")));
        }
        let metadata = serde_json::from_slice(&output.lock());
        let metadata: Value = metadata.map_err(|error| {
            let message = format!("what `{shown}` printed is not JSON");
            Failure::from(anyhow::Error::new(error).context(message))
        })?;
        let target = metadata["target_directory"].as_str().unwrap_or("target");
        let name = match script.and_then(named) {
            Some(name) => name.to_owned(),
            None => {
                let manifest = project.root.join("Cargo.toml");
                // Cargo says it without links.
                name(&metadata, &manifest.canonicalize().unwrap_or(manifest))?
            }
        };
        Ok(Self {
            name,
            folder: Path::new(target).join(TARGET),
        })
    }

    /// What the official CLI runs where the manifest has no script.
    pub(super) fn step(&self) -> Step {
        let arguments = ["build", "--release", "--target", TARGET, "--bin"];
        Step::new("cargo", &[&arguments[..], &[&self.name]].concat())
    }

    /// Puts what was built where the program belongs: what the profile
    /// `release` made; if a script chose the profile, the newest that is
    /// newer than what is there.
    pub(super) fn deliver(&self, wasm: &Path, release: bool) -> Result<(), Failure> {
        let artifact = |profile: &str| {
            let path = self.folder.join(profile).join(&self.name);
            path.with_file_name(format!("{}.wasm", self.name))
        };
        let path = if release {
            artifact("release")
        } else {
            let built = ["release", "debug"].map(artifact);
            let newest = built.into_iter().max_by_key(|path| modified(path));
            match newest {
                Some(path) if modified(&path) > modified(wasm) => path,
                _ => return Ok(()),
            }
        };
        build::put(&path, wasm).map_err(|error| {
            let message = format!("cannot copy {} to {}", path.display(), wasm.display());
            Failure::from(anyhow::Error::new(error).context(message))
        })
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}

/// The program that a script has Cargo build.
pub(super) fn named(script: &str) -> Option<&str> {
    let mut words = script.split_whitespace();
    while let Some(word) = words.next() {
        if word == "--bin" {
            return words.next();
        }
        if let Some(name) = word.strip_prefix("--bin=") {
            return Some(name);
        }
    }
    None
}

/// The program of the package whose manifest this is, or of the workspace: the
/// one with the package's name, its default, or the only one.
pub(super) fn name(metadata: &Value, manifest: &Path) -> Result<String, Failure> {
    let packages = metadata["packages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let is_here =
        |package: &&Value| package["manifest_path"].as_str().map(Path::new) == Some(manifest);
    let here: Vec<&Value> = packages.iter().filter(is_here).collect();
    let packages = if here.is_empty() {
        packages.iter().collect()
    } else {
        here
    };
    let mut programs = Vec::new();
    for package in packages {
        let bins: Vec<&str> = bins(package).collect();
        let default = [&package["default_run"], &package["name"]];
        let default = default.iter().find_map(|name| name.as_str());
        match default.filter(|name| bins.contains(name)) {
            Some(name) => programs.push(name),
            None => programs.extend(bins),
        }
    }
    match programs.as_slice() {
        [name] => Ok((*name).to_owned()),
        [] => Err(Failure::new("Cargo knows of no program in this project")
            .help("a program has a src/main.rs, or a [[bin]] in Cargo.toml")),
        several => Err(Failure::new(format!(
            "Cargo knows of several programs in this project: {}",
            several.join(", ")
        ))
        .help(format!(
            "name one in the manifest: `[scripts]` with `build = \"cargo build --release --target {TARGET} --bin NAME\"`"
        ))),
    }
}

fn bins(package: &Value) -> impl Iterator<Item = &str> {
    let targets = package["targets"].as_array().map_or(&[][..], Vec::as_slice);
    targets
        .iter()
        .filter(|target| {
            let kinds = target["kind"].as_array();
            kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
        })
        .filter_map(|target| target["name"].as_str())
}
