//! Building a project's program.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::{Language, Project, cargo, npm, process};
use crate::failure::{self, Failure};
use crate::printer::Stream;
use crate::report::Report;

/// A command, and how it is shown.
pub(super) struct Step {
    pub(super) shown: String,
    pub(super) command: Command,
}

impl Step {
    /// A program with its arguments.
    pub(super) fn new(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments);
        let words: Vec<&str> = std::iter::once(program)
            .chain(arguments.iter().copied())
            .collect();
        Self {
            shown: words.join(" "),
            command,
        }
    }

    /// A line for the shell, as the official CLI runs it.
    fn script(line: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        Self {
            shown: line.trim().lines().collect::<Vec<_>>().join("; "),
            command,
        }
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.shown = format!("{name}={value} {}", self.shown);
        self
    }
}

/// Makes `bin/main.wasm`, as the manifest or else the language says. The
/// commands' output is shown as it comes; dropping the future ends them.
pub(crate) async fn build(
    project: &Project,
    report: &Report,
    changed: &[std::path::PathBuf],
) -> Result<(), Failure> {
    let wasm = project.wasm();
    if let Some(folder) = wasm.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            let message = format!(
                "cannot make the folder {}, where the program belongs",
                folder.display()
            );
            Failure::from(anyhow::Error::new(error).context(message))
        })?;
    }
    let script = project.scripts.build.as_deref();
    let mut program = None;
    let step = match (script, project.language) {
        (Some(script), _) => Step::script(script),
        (None, Language::Rust) => {
            let found = cargo::Program::find(project, None, report).await?;
            let step = found.step();
            program = Some(found);
            step
        }
        (None, Language::JavaScript) => npm::javascript(project)?,
        (None, Language::AssemblyScript) => npm::assemblyscript(),
        // The compiler of the language itself makes core modules for WASI.
        (None, Language::Go) => Step::new("go", &["build", "-o", "bin/main.wasm", "."])
            .env("GOARCH", "wasm")
            .env("GOOS", "wasip1"),
        (None, Language::Other) => return Err(unknown(project)),
    };
    report.running(&step.shown, changed);
    run(project, step, report).await?;
    // The official CLI puts it there, too, after whatever script.
    match (program, script) {
        (Some(program), _) => program.deliver(&wasm, true)?,
        (None, Some(script)) if project.language == Language::Rust => {
            // A script that is no Cargo's has put it there itself.
            if let Ok(program) = cargo::Program::find(project, Some(script), report).await {
                program.deliver(&wasm, false)?;
            }
        }
        _ => {}
    }
    if let Some(script) = &project.scripts.post_build {
        let step = Step::script(script);
        report.running(&step.shown, &[]);
        run(project, step, report).await?;
    }
    if !wasm.is_file() {
        let message = format!("the build has made no {}", wasm.display());
        return Err(Failure::new(message)
            .help("the official CLI and this expect the program there: have `build` of [scripts] put it there"));
    }
    Ok(())
}

fn unknown(project: &Project) -> Failure {
    let message = format!("nobody knows how {} is built", project.root.display());
    Failure::new(message).help(
        "write how in the manifest: `[scripts]` with `build = \"…\"`; without that, Cargo.toml, package.json or go.mod would say it",
    )
}

/// Runs a step in the project's folder, to its good end.
async fn run(project: &Project, step: Step, report: &Report) -> Result<(), Failure> {
    let printed = report.clone();
    let status = start(project, step.command, move |stream, line| {
        printed.build_output(stream, line);
    });
    let status = status
        .await
        .map_err(|error| not_started(&step.shown, &error))?;
    if status.success() {
        return Ok(());
    }
    let failure = Failure::new(format!("`{}` {}", step.shown, said(status)));
    Err(match mend(project) {
        Some(help) => failure.help(help),
        None => failure,
    })
}

/// Starts a command in the project's folder, with its variables.
pub(super) async fn start(
    project: &Project,
    mut command: Command,
    lines: impl Fn(Stream, &[u8]) + Send + Sync + 'static,
) -> io::Result<ExitStatus> {
    if failure::styled() {
        // They write to a pipe, and their user sees a terminal.
        command
            .env("CARGO_TERM_COLOR", "always")
            .env("CLICOLOR_FORCE", "1")
            .env("FORCE_COLOR", "1");
    }
    command.envs(project.environment.iter().cloned());
    command.current_dir(&project.root);
    process::run(command, lines).await
}

pub(super) fn not_started(shown: &str, error: &io::Error) -> Failure {
    let program = shown.split(' ').find(|word| !word.contains('='));
    let program = program.unwrap_or_default();
    let failure = Failure::new(format!("cannot run `{shown}`: {error}"));
    if error.kind() == io::ErrorKind::NotFound {
        return failure.help(format!("install `{program}`, or put it on the PATH"));
    }
    failure
}

fn said(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

/// What is likely to be missing.
fn mend(project: &Project) -> Option<&'static str> {
    let has = |name: &str| project.root.join(name).exists();
    let npm = matches!(
        project.language,
        Language::JavaScript | Language::AssemblyScript
    );
    (npm && has("package.json") && !has("node_modules"))
        .then_some("there is no node_modules: run `npm install`")
}

/// Puts a program where it belongs, in one step.
pub(super) fn put(program: &Path, wasm: &Path) -> io::Result<()> {
    let bytes = fs::read(program)?;
    // The same program is no change.
    if fs::read(wasm).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let new = wasm.with_extension("wasm.new");
    fs::write(&new, bytes)?;
    fs::rename(new, wasm)
}
