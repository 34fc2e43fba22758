//! `fastlike run`: a program run as a command, and the tests of a project.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::{Ended, fastlike, guest, run, run_command, targets, wait, workspace};

#[test]
fn arguments_output_and_exit_code_are_the_programs() {
    let program = guest("args.wat");
    for line in [
        &["run", &program, "--", "--nocapture", "-v"][..],
        &["run", "--", &program, "--nocapture", "-v"],
        &["run", &program, "--nocapture", "-v"],
    ] {
        let ended = run(line);
        let args = format!("{program}\0--nocapture\0-v\0");
        assert_eq!(ended.stdout, format!("{args}onethree"), "{line:?}");
        assert_eq!(ended.stderr, "\ntwo ", "{line:?}");
        assert_eq!(ended.code, Some(3), "{line:?}");
    }
}

/// The command of this line, as `"$0" "$@"` of a shell's script.
fn scripted(script: &str, args: &[&str]) -> Command {
    let command = fastlike(args);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null());
    shell
}

#[test]
fn both_outputs_keep_their_order() {
    let args = ["run", &guest("args.wat")];
    let ended = run_command(&mut scripted("exec \"$0\" \"$@\" 2>&1", &args));
    assert!(ended.stdout.ends_with("\0one\ntwo three"), "{ended:?}");
}

/// As WASI numbers them.
const NO_SPACE: i32 = 51;
const BROKEN_PIPE: i32 = 64;

#[cfg(target_os = "linux")]
#[test]
fn the_program_learns_that_a_disk_is_full() {
    let program = guest("yes.wat");
    for (script, line) in [
        ("exec \"$0\" \"$@\" >/dev/full", &["run", &program][..]),
        ("exec \"$0\" \"$@\" 2>/dev/full", &["run", &program, "x"]),
        (
            "exec \"$0\" \"$@\" >/dev/full",
            &["run", "--log-stdout", &program],
        ),
        (
            "exec \"$0\" \"$@\" 2>/dev/full",
            &["run", "--log-stderr", &program, "x"],
        ),
        (
            "exec \"$0\" \"$@\" 2>/dev/full",
            &["run", "--log-stdout", "--log-format=json", &program],
        ),
    ] {
        let ended = run_command(&mut scripted(script, line));
        assert_eq!(ended.code, Some(NO_SPACE), "{line:?}: {ended:?}");
    }
}

#[test]
fn the_program_learns_that_its_reader_has_gone_away() {
    let program = guest("yes.wat");
    for line in [&["run", &program][..], &["run", "--log-stdout", &program]] {
        let mut command = fastlike(line);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut first = String::new();
        let mut reader = BufReader::new(child.stdout.take().expect("piped"));
        reader.read_line(&mut first).expect("a line");
        assert!(first.ends_with("yes\n"), "{first}");
        drop(reader);
        assert_eq!(wait(&mut child).code(), Some(BROKEN_PIPE), "{line:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_program_sees_a_terminal_where_there_is_one() {
    let program = guest("kinds.wat");
    assert_eq!(run(&["run", &program]).code, Some(0));
    // `script` of util-linux gives a command a terminal.
    let on_terminal = |redirection: &str, flags: &str| {
        let command = format!(
            "script -qec \"'$0' run {flags} '$1' {redirection}\" /dev/null </dev/null; exit $?"
        );
        let mut shell = scripted(&command, &[&program]);
        run_command(&mut shell)
    };
    let both = on_terminal("", "");
    // Not every system has it.
    if both.code == Some(127) {
        return;
    }
    assert_eq!(both.code, Some(22), "{both:?}");
    assert_eq!(on_terminal("2>/dev/null", "").code, Some(20));
    // Lines that are marked are no terminal's.
    assert_eq!(on_terminal("", "--log-stdout").code, Some(2));
}

#[test]
fn the_programs_lines_are_marked_when_asked_for() {
    let ended = run(&["run", "--log-stdout", "--log-stderr", &guest("args.wat")]);
    assert!(ended.stdout.starts_with("stdout :: "), "{ended:?}");
    assert_eq!(ended.stderr, "stderr :: \nstderr :: two \n");
}

#[test]
fn a_trap_prints_its_backtrace_and_has_a_code_of_its_own() {
    let ended = run(&["run", &guest("trap.wat")]);
    assert_eq!(ended.code, Some(134), "{ended:?}");
    assert_eq!(ended.stdout, "");
    let first = "error: the program trapped: wasm trap: wasm `unreachable` instruction executed\n";
    assert!(ended.stderr.starts_with(first), "{}", ended.stderr);
    assert!(ended.stderr.contains("deep_inside"), "{}", ended.stderr);
}

#[test]
fn time_is_limited_only_when_asked_for() {
    let ended = run(&["run", "--cpu-limit", "20ms", &guest("endless.wat")]);
    assert_eq!(ended.code, Some(124), "{ended:?}");
    let expected = "error: the CPU time limit is used up\n";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

#[test]
fn what_cannot_be_run_is_an_error_as_everywhere() {
    let ended = run(&["run", "no/such.wasm"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended
            .stderr
            .starts_with("error: cannot read no/such.wasm\n")
    );
    let ended = run(&["run", "-C", "no/fastly.toml", &guest("args.wat")]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .starts_with("error: cannot read `no/fastly.toml`\n")
    );
    assert_eq!(run(&["run"]).code, Some(2));
}

#[test]
fn unknown_imports_are_refused_or_trap_or_give_zero() {
    let program = guest("unknown_import.wat");
    let with = |behavior: &str| run(&["run", "--unknown-import-behavior", behavior, &program]);
    let refused = with("link-error");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let trapped = with("trap");
    let name = "unknown import: `fastly_http_resp::nwe` has not been defined";
    assert_eq!(trapped.code, Some(134), "{trapped:?}");
    assert!(
        trapped
            .stderr
            .contains(&format!("the program trapped: {name}")),
        "{}",
        trapped.stderr
    );
    let zero = with("zero-or-null");
    assert_eq!(zero.code, Some(0), "{zero:?}");
    // What stands in for something is said at the start.
    assert!(
        zero.stderr.contains("`fastly_http_resp::nwe`"),
        "{}",
        zero.stderr
    );
}

#[test]
fn a_component_is_told_from_a_module() {
    let folder = tempfile::tempdir().expect("a folder");
    let component = folder.path().join("component.wasm");
    std::fs::write(&component, b"\0asm\x0d\0\x01\0").expect("writable");
    let ended = run(&["run", &component.display().to_string()]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("is a WebAssembly component"),
        "{}",
        ended.stderr
    );
}

/// Runs a task of Cargo in the project of `testdata`, with this command as the
/// runner of its tests.
fn cargo(task: &[&str], args: &[&str]) -> Ended {
    let project = workspace().join("testdata/project");
    let runner = fastlike(&[]).get_program().to_owned();
    let runner = PathBuf::from(runner).display().to_string();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(task)
        .args(["--locked", "--target", "wasm32-wasip1"])
        .args(args)
        .current_dir(project)
        .stdin(Stdio::null());
    // What the Cargo and the nextest that run this test have set is not for
    // those that it runs.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let ours = name.starts_with("CARGO") && name != "CARGO_HOME";
        if ours || name.starts_with("NEXTEST") || name.contains("RUSTFLAGS") {
            cargo.env_remove(&*name);
        }
    }
    cargo
        .env("CARGO_TARGET_DIR", targets().join("project"))
        .env(
            "CARGO_TARGET_WASM32_WASIP1_RUNNER",
            format!("{runner} run -C fastly.toml --"),
        )
        .env(
            "XDG_CACHE_HOME",
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache"),
        )
        .env("CARGO_TERM_COLOR", "never");
    run_command(&mut cargo)
}

#[test]
fn cargo_runs_the_tests_of_a_project() {
    let all = cargo(&["test"], &[]);
    assert_eq!(all.code, Some(0), "{}\n{}", all.stdout, all.stderr);
    let counts = "test result: ok. 5 passed; 0 failed; 3 ignored";
    assert!(all.stdout.contains(counts), "{}", all.stdout);
    assert!(!all.stdout.contains("printed by a test"), "{}", all.stdout);

    let one = cargo(&["test"], &["shown_when", "--", "--nocapture"]);
    assert_eq!(one.code, Some(0), "{}\n{}", one.stdout, one.stderr);
    assert!(one.stdout.contains("1 passed"), "{}", one.stdout);
    assert!(one.stdout.contains("printed by a test\n"), "{}", one.stdout);

    let failing = cargo(
        &["test"],
        &["wrong_fails", "--", "--ignored", "--nocapture"],
    );
    assert_eq!(failing.code, Some(134), "{failing:?}");
    for wanted in [
        "sums are hard",
        "src/main.rs:",
        "the program trapped",
        "exit status: 134",
    ] {
        assert!(
            failing.stderr.contains(wanted),
            "{wanted}: {}",
            failing.stderr
        );
    }

    let exits = cargo(&["test"], &["exit_code", "--", "--ignored"]);
    assert!(exits.stderr.contains("exit status: 7"), "{}", exits.stderr);
}

#[test]
fn nextest_runs_the_tests_of_a_project() {
    let all = cargo(
        &["nextest", "run"],
        &["--run-ignored", "all", "--no-fail-fast"],
    );
    if all.stderr.contains("no such command") {
        return;
    }
    // 100 is nextest's code for tests that failed.
    assert_eq!(all.code, Some(100), "{}", all.stderr);
    for wanted in [
        // Also if it counts slow ones.
        "8 tests run: 6 passed",
        "2 failed",
        "PASS",
        "tests::the_stores_of_the_manifest_are_there",
        "sums are hard",
    ] {
        assert!(all.stderr.contains(wanted), "{wanted}: {}", all.stderr);
    }
}

#[test]
fn tests_are_listed_as_nextest_needs_it() {
    let list = cargo(&["test"], &["--", "--list", "--format", "terse"]);
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    let mut lines = list.stdout.lines();
    assert!(
        lines.all(|line| line.ends_with(": test")),
        "{}",
        list.stdout
    );
    assert_eq!(list.stdout.lines().count(), 8, "{}", list.stdout);
}

#[test]
fn the_help_of_run_has_the_runners_line() {
    let help = run(&["run", "--help"]);
    assert_eq!(help.code, Some(0));
    assert!(
        help.stdout
            .contains("CARGO_TARGET_WASM32_WASIP1_RUNNER='fastlike run -C fastly.toml --'"),
        "{}",
        help.stdout
    );
}
