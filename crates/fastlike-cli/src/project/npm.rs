//! Programs in JavaScript and AssemblyScript.

use std::fs;

use serde_json::Value;

use super::Project;
use super::build::Step;
use crate::failure::Failure;

/// `npm run build`; the official compiler for packages that have no such
/// script.
pub(super) fn javascript(project: &Project) -> Result<Step, Failure> {
    let path = project.root.join("package.json");
    let read = fs::read(&path).map_err(anyhow::Error::new);
    let package = read.and_then(|bytes| Ok(serde_json::from_slice::<Value>(&bytes)?));
    let package = package
        .map_err(|error| Failure::from(error.context(format!("cannot read {}", path.display()))))?;
    if package.pointer("/scripts/build").is_some() {
        return Ok(Step::new("npm", &["run", "build"]));
    }
    let compiler = "js-compute-runtime";
    let arguments = ["exec", "--", compiler, "src/index.js", "bin/main.wasm"];
    Ok(Step::new("npm", &arguments))
}

/// The compiler, with the official CLI's flags.
pub(super) fn assemblyscript() -> Step {
    let compiler = ["exec", "--", "asc", "assembly/index.ts"];
    let flags = ["--outFile", "bin/main.wasm", "--optimize", "--noAssert"];
    Step::new("npm", &[&compiler[..], &flags[..]].concat())
}
