//! `cargo xtask guests`: builds the programs of `testdata` that the tests serve.
//!
//! Each family (a cargo package, or the JavaScript folder) is built only when its sources, its
//! lock file or its tools have changed: a key over all of them lies beside the programs.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::projects;
use crate::shell::{cargo, has, in_ci, output, root, run, target};

pub(crate) const WASM: &str = "wasm32-wasip1";

/// The guests that are there now.
pub(crate) struct Built {
    /// Where the `.wasm` files are.
    pub(crate) dir: PathBuf,
    /// Names of the guests that are in the list.
    count: usize,
    /// Guests that could not be built on this machine, and why.
    skipped: Vec<(String, String)>,
}

impl Built {
    /// Says what there is, and what was skipped.
    pub(crate) fn report(&self) {
        eprintln!("{} guests in {}", self.count, self.dir.display());
        for (name, why) in &self.skipped {
            eprintln!("skipped: the guest {name}: {why}");
        }
    }

    /// The names of the skipped guests, with commas between them.
    pub(crate) fn skipped_names(&self) -> String {
        let names: Vec<&str> = self.skipped.iter().map(|(name, _)| name.as_str()).collect();
        names.join(",")
    }
}

/// Builds every guest that has changed.
pub(crate) fn build() -> Result<Built> {
    let dir = target().join("guests/bin");
    fs::create_dir_all(&dir)?;
    let mut wanted = Vec::new();
    for package in ["testdata/guests", "testdata/guests/legacy"] {
        wanted.extend(rust(&root().join(package), &dir)?);
    }
    let scripts = names(&root().join("testdata/js/src"), "js")?;
    let mut skipped = Vec::new();
    match javascript(&root().join("testdata/js"), &scripts, &dir) {
        Ok(()) => wanted.extend(scripts),
        Err(error) if in_ci() => return Err(error.context("the JavaScript guests")),
        Err(error) => skipped.extend(scripts.into_iter().map(|name| (name, format!("{error:#}")))),
    }
    remove_others(&dir, &wanted)?;
    skipped.extend(projects::build()?);
    Ok(Built {
        dir,
        count: wanted.len(),
        skipped,
    })
}

/// The copy of the demo's guest that is part of the command line's sources.
const DEMO: &str = "crates/fastlike-cli/demo/demo.wasm";
/// Beside it, the key of the source that it was built from.
const DEMO_KEY: &str = "crates/fastlike-cli/demo/demo.key";

/// Builds the demo's guest into the sources of the command line.
pub(crate) fn write_demo() -> Result<()> {
    ensure_wasm_target()?;
    cargo_build(&root().join("testdata/guests"), &["--bin", "demo"])?;
    fs::copy(compiled("demo"), root().join(DEMO)).context("the demo's guest")?;
    fs::write(root().join(DEMO_KEY), demo_key()?).context(DEMO_KEY)?;
    eprintln!("wrote {DEMO}");
    Ok(())
}

/// Fails if the demo's guest was built from another source than there is now.
pub(crate) fn check_demo() -> Result<()> {
    let key = fs::read_to_string(root().join(DEMO_KEY)).unwrap_or_default();
    if key != demo_key()? {
        bail!("{DEMO} was built from another source: run `cargo xtask demo-guest`");
    }
    Ok(())
}

fn demo_key() -> Result<String> {
    let source = root().join("testdata/guests/src/bin/demo.rs");
    Ok(key(&[source], "")? + "\n")
}

/// Builds a cargo package of guests, and returns the names of its programs.
fn rust(package: &Path, dir: &Path) -> Result<Vec<String>> {
    let programs = names(&package.join("src/bin"), "rs")?;
    let key = key(
        &[
            package.join("Cargo.toml"),
            package.join("Cargo.lock"),
            package.join("src"),
        ],
        &output(Command::new("rustc").arg("--version"))?,
    )?;
    let stamp = stamp(package)?;
    if is_current(&stamp, &key, &programs, dir) {
        return Ok(programs);
    }
    ensure_wasm_target()?;
    cargo_build(package, &["--bins"])?;
    for name in &programs {
        fs::copy(compiled(name), wasm(dir, name)).with_context(|| format!("the guest {name}"))?;
    }
    fs::write(stamp, key)?;
    Ok(programs)
}

fn cargo_build(package: &Path, what: &[&str]) -> Result<()> {
    let mut build = cargo();
    build
        .args(["build", "--release", "--locked", "--target", WASM])
        .args(what)
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", target().join("guests"))
        // The SDK of 2020 will stop compiling one day; that is known, and no news at each build.
        .env("CARGO_FUTURE_INCOMPAT_REPORT_FREQUENCY", "never")
        // Instead of flags for this machine's processor, which mean nothing to WebAssembly.
        .env("CARGO_ENCODED_RUSTFLAGS", remapped_paths());
    run(&mut build)
}

/// Flags without which a program names folders of the machine that it was built on.
fn remapped_paths() -> String {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
    let folders = [(Some(root()), "fastlike"), (cargo, "cargo")];
    let flags = folders.iter().filter_map(|(folder, name)| {
        let folder = folder.as_ref()?.display();
        Some(format!("--remap-path-prefix={folder}={name}"))
    });
    flags.collect::<Vec<_>>().join("\u{1f}")
}

fn compiled(name: &str) -> PathBuf {
    let release = target().join("guests").join(WASM).join("release");
    wasm(&release, name)
}

pub(crate) fn ensure_wasm_target() -> Result<()> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib").join(WASM);
    if library.is_dir() {
        return Ok(());
    }
    if !has("rustup") {
        bail!("this Rust has no target {WASM}, and there is no rustup to add it");
    }
    run(Command::new("rustup").args(["target", "add", WASM]))
}

/// Builds the JavaScript guests with the official compiler from npm.
fn javascript(sources: &Path, scripts: &[String], dir: &Path) -> Result<()> {
    let key = key(
        &[
            sources.join("package.json"),
            sources.join("package-lock.json"),
            sources.join("src"),
        ],
        "",
    )?;
    let stamp = stamp(sources)?;
    if is_current(&stamp, &key, scripts, dir) {
        return Ok(());
    }
    if !has("npm") {
        bail!("there is no npm on PATH");
    }
    let work = target().join("guests/js");
    npm_install(sources, &work)?;
    fs::create_dir_all(work.join("src"))?;
    for name in scripts {
        let script = format!("src/{name}.js");
        fs::copy(sources.join(&script), work.join(&script))?;
        let mut build = Command::new("npm");
        build
            .args(["run", "--silent", "build", "--", &script])
            .arg(wasm(dir, name))
            .current_dir(&work);
        run(&mut build)?;
    }
    fs::write(stamp, key)?;
    Ok(())
}

/// Installs the packages of a folder with a `package.json` and its lock file into another one,
/// beside the other build products, so that the sources stay as they are.
pub(crate) fn npm_install(sources: &Path, work: &Path) -> Result<()> {
    fs::create_dir_all(work)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(sources.join(file), work.join(file))?;
    }
    // Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms,
    // and npm writes only those that it can load where it runs.
    let mut install = Command::new("npm");
    install
        .args(["install", "--no-save", "--ignore-scripts"])
        .args(["--no-audit", "--no-fund", "--loglevel", "error"])
        .current_dir(work);
    run(&mut install)
}

/// The names of the files with this extension in a folder, sorted.
pub(crate) fn names(folder: &Path, extension: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            names.push(stem.ok_or_else(|| anyhow!("a name in UTF-8"))?.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn wasm(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.wasm"))
}

/// Where the key of a family is kept.
pub(crate) fn stamp(family: &Path) -> Result<PathBuf> {
    let name = family.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| anyhow!("{} has a name", family.display()))?;
    Ok(target().join("guests").join(format!("{name}.key")))
}

fn is_current(stamp: &Path, key: &str, programs: &[String], dir: &Path) -> bool {
    fs::read_to_string(stamp).is_ok_and(|old| old == key)
        && programs.iter().all(|name| wasm(dir, name).is_file())
}

/// A key that changes when one of the files, or what is told of the tools, changes.
pub(crate) fn key(paths: &[PathBuf], tools: &str) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    tools.hash(&mut hasher);
    for path in paths {
        hash_tree(path, &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn hash_tree(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    path.file_name().hash(hasher);
    if !path.is_dir() {
        let text = fs::read(path).with_context(|| path.display().to_string())?;
        text.hash(hasher);
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(path)? {
        inside.push(entry?.path());
    }
    inside.sort();
    inside.iter().try_for_each(|path| hash_tree(path, hasher))
}

/// Removes programs whose sources are gone, so that no test goes on with an old one.
fn remove_others(dir: &Path, wanted: &[String]) -> Result<()> {
    for name in names(dir, "wasm")? {
        if !wanted.contains(&name) {
            fs::remove_file(wasm(dir, &name))?;
        }
    }
    Ok(())
}
