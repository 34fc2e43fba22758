//! How serving ends.
#![cfg(unix)]

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Server, fastlike, guest, pause_for, text};

/// Starts a slow request and waits until it runs.
fn with_a_slow_request() -> (Server, TcpStream) {
    let server = Server::start(&[&guest("slow.wat")]);
    // The first one makes sure that the second one is only slow by itself.
    server.get("/");
    let response = server.send("/");
    pause_for(Duration::from_millis(300));
    (server, response)
}

#[test]
fn termination_lets_running_requests_finish_and_exits_0() {
    for signal in ["TERM", "INT", "HUP"] {
        let (mut server, response) = with_a_slow_request();
        server.signal(signal);
        server.stdout_line("Stopping");
        let text = text(response);
        assert!(text.ends_with("slow\n"), "{signal}: {text}");
        let status = server.wait();
        assert_eq!(
            (status.code(), status.signal()),
            (Some(0), None),
            "{signal}"
        );
        assert!(
            TcpStream::connect(server.address).is_err(),
            "{signal}: nobody listens any more"
        );
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let (mut server, response) = with_a_slow_request();
        server.signal(signal);
        server.stdout_line("Stopping");
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(code), "{signal}");
        drop(response);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn who_ignores_the_end_of_the_terminal_goes_on_after_it() {
    let command = fastlike(&[&guest("hello.wat"), "--bind", "127.0.0.1:0"]);
    // As `nohup` does it.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args());
    let mut server = Server::start_command(&mut shell);
    server.signal("HUP");
    assert!(server.get("/").contains("hello"));
    assert!(!server.stdout().contains("Stopping"));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn an_idle_server_ends_at_once() {
    let mut server = Server::start(&[&guest("hello.wat")]);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}
