//! How serving ends.
#![cfg(unix)]

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use crate::harness::{HeldOrigin, Server, fastlike, guest, heeding_hangups, text};

/// A server, and a request that runs until its origin answers.
fn with_a_request() -> (Server, TcpStream, HeldOrigin) {
    let origin = HeldOrigin::new();
    let backend = format!("api=http://{}", origin.address);
    let flags = ["--backend", &backend, "--bind", "127.0.0.1:0"];
    let command = fastlike(&[&[guest("proxy.wat").as_str()], &flags[..]].concat());
    let server = Server::start_command(&mut heeding_hangups(&command));
    let response = server.send("/");
    origin.asked();
    (server, response, origin)
}

#[test]
fn termination_lets_running_requests_finish_and_exits_0() {
    for signal in ["TERM", "INT", "HUP"] {
        let (mut server, response, origin) = with_a_request();
        server.signal(signal);
        server.stdout_line("Stopping");
        origin.answer();
        let text = text(response);
        assert!(text.ends_with("held"), "{signal}: {text}");
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
        let (mut server, response, origin) = with_a_request();
        server.signal(signal);
        server.stdout_line("Stopping");
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(code), "{signal}");
        drop((response, origin));
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
