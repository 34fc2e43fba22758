//! What the command says of itself.

use crate::harness::{here, run};

#[test]
fn the_help_is_as_reviewed() {
    let help = run(&["--help"]);
    assert_eq!(help.code, Some(0));
    let file = here().join("help.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &help.stdout).expect("writable");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        help.stdout, expected,
        "UPDATE_EXPECT=1 accepts the new text"
    );
}

#[test]
fn the_version_is_one_line_of_two_words() {
    for flag in ["--version", "-V"] {
        let version = run(&[flag]);
        assert_eq!(version.code, Some(0));
        assert_eq!(
            version.stdout,
            concat!("fastlike ", env!("CARGO_PKG_VERSION"), "\n")
        );
        assert_eq!(version.stderr, "");
    }
}

#[test]
fn commands_have_a_version_and_a_help_of_their_own() {
    for (args, begins) in [
        (&["serve", "--version"][..], "fastlike-serve "),
        (&["run", "-V"], "fastlike-run "),
        (&["help"], "Serves programs written for"),
        (&["help", "run"], "Run a program once"),
        (&["help", "dev"], "Build the project"),
    ] {
        let said = run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        assert!(said.stdout.starts_with(begins), "{args:?}: {said:?}");
    }
    let help = run(&["help", "run"]).stdout;
    assert_eq!(help, run(&["run", "--help"]).stdout);
    assert!(help.contains("guest[,FILE[,PERIOD]]"), "{help}");
    assert_eq!(run(&["help", "no-such-command"]).code, Some(2));
}

#[test]
fn nothing_at_all_is_a_usage_error_that_shows_the_help() {
    let nothing = run(&[]);
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing.stderr.contains("Usage: fastlike"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn completions_are_there_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{shell}");
        assert!(script.stdout.contains("proxy-to"), "{shell}");
    }
}
