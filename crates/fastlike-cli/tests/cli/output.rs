//! What is printed while a program is served.

use crate::harness::{Server, guest};

#[test]
fn a_request_is_one_line() {
    let server = Server::start(&[&guest("hello.wat")]);
    server.get("/some/path?with=query");
    let line = server.stdout_line("/some/path");
    assert!(line.starts_with("GET /some/path"), "{line}");
    assert!(
        line.contains(" 200 in ") && line.contains("(cpu ") && line.contains(", heap 64.0 KiB)"),
        "{line}"
    );
    assert!(server.stdout_line("Loaded").contains("hello.wat"));
}

#[test]
fn quiet_prints_no_line_per_request() {
    let server = Server::start(&[&guest("hello.wat"), "--quiet"]);
    server.get("/some/path");
    server.stdout_line("access :: ");
    server.get("/other");
    assert!(
        !server.stdout().contains("/some/path"),
        "{}",
        server.stdout()
    );
}

#[test]
fn verbose_output_has_the_words_that_tools_look_for() {
    let server = Server::start(&["-v", &guest("hello.wat")]);
    let line = server.stdout_line("Listening on");
    assert!(
        line.contains(&format!("INFO Listening on http://{}", server.address)),
        "{line}"
    );
    assert!(!line.contains('\x1b'), "{line:?}");
}

#[test]
fn lines_of_verbose_output_begin_with_their_level() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = format!("--profile=guest,{}", folder.path().display());
    let server = Server::start(&["-v", &profile, &guest("busy.wat")]);
    server.get("/");
    server.stdout_line("wrote the profile");
    let stdout = server.stdout();
    let mut lines = stdout.lines();
    assert!(lines.all(|line| line.starts_with("INFO ")), "{stdout}");
}

#[test]
fn log_endpoints_print_their_name_and_one_line_a_message() {
    let server = Server::start(&[&guest("hello.wat")]);
    server.get("/");
    assert_eq!(server.stdout_line("access"), "access :: one\\ntwo");
}

#[test]
fn the_programs_own_output_passes_through() {
    let server = Server::start(&[&guest("hello.wat")]);
    server.get("/");
    assert_eq!(server.stdout_line("to stdout"), "to stdout");
    assert_eq!(server.stderr_line("to stderr"), "to stderr");
}

#[test]
fn the_programs_own_output_is_marked_when_asked_for() {
    let server = Server::start(&[&guest("hello.wat"), "--log-stdout", "--log-stderr"]);
    server.get("/");
    assert_eq!(server.stdout_line("to stdout"), "stdout :: to stdout");
    assert_eq!(server.stderr_line("to stderr"), "stderr :: to stderr");
}

#[test]
fn json_is_one_object_a_line() {
    let server = Server::start(&[&guest("hello.wat"), "--log-format", "json", "--debug"]);
    server.get("/path");
    server.stdout_line("\"request\"");
    let mut messages = Vec::new();
    for line in server.stdout().lines() {
        let object: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "message"] {
            assert!(object[key].is_string(), "{line}");
        }
        if object["message"] == "request" {
            assert_eq!(object["path"], "/path");
            assert_eq!(object["status"], 200);
            assert!(
                object["cpu_ms"].is_number() && object["heap"].is_number(),
                "{line}"
            );
        }
        messages.push(object["message"].as_str().unwrap_or_default().to_owned());
    }
    for wanted in [
        "loaded",
        "listening",
        "request",
        "to stdout",
        "to stderr",
        "one\ntwo",
    ] {
        assert!(
            messages.iter().any(|message| message == wanted),
            "{wanted}: {messages:?}"
        );
    }
}

#[test]
fn a_failed_program_is_explained() {
    let server = Server::start(&[&guest("trap.wat")]);
    let response = server.get("/");
    assert!(response.starts_with("HTTP/1.1 500 "), "{response}");
    // Tools look for these words.
    assert!(
        response.contains("\nerror while executing at wasm backtrace:\n"),
        "{response}"
    );
    assert!(response.contains("deep_inside"), "{response}");
    server.stdout_line("deep_inside");
    server.stdout_line("GET / 500");
}

#[test]
fn backtraces_can_be_kept_from_responses() {
    let server = Server::start(&[&guest("trap.wat"), "--backtraces", "never"]);
    let response = server.get("/");
    assert!(response.starts_with("HTTP/1.1 500 "), "{response}");
    assert!(!response.contains("deep_inside"), "{response}");
    server.stdout_line("deep_inside");
}

#[test]
fn flags_without_effect_are_taken_with_a_word() {
    let server = Server::start(&[&guest("hello.wat"), "--debug"]);
    assert_eq!(
        server.stderr_line("--debug"),
        "warning: --debug has no effect: there is no debug adapter; a trap's backtrace names \
         functions and lines without it"
    );
    assert!(server.get("/").contains("hello"));
}
