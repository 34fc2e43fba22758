//! What ends the command at its start: where it is, and how to mend it.

use std::net::TcpListener;

use crate::harness::{guest, here, run, run_command};

/// The command must fail with exactly these lines.
#[track_caller]
fn fails(args: &[&str], expected: &str) {
    fails_with(1, args, expected);
}

#[track_caller]
fn fails_with(code: i32, args: &[&str], expected: &str) {
    let ended = run(args);
    assert_eq!(ended.stderr, expected);
    assert_eq!(ended.code, Some(code));
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_program_that_is_not_there() {
    fails_with(
        2,
        &["no/such.wasm", "--bind", "127.0.0.1:0"],
        "error: cannot read no/such.wasm\n\
         caused by: No such file or directory (os error 2)\n\
         help: build the program first; the official CLI writes it to bin/main.wasm\n",
    );
}

#[test]
fn a_command_that_is_none() {
    fails_with(
        2,
        &["demoo", "--bind", "127.0.0.1:0"],
        "error: cannot read demoo\n\
         caused by: No such file or directory (os error 2)\n\
         help: name a .wasm file, or a command: serve, run, dev, demo or completions\n",
    );
}

#[test]
fn a_misspelt_command_with_arguments() {
    for args in [&["runn", "app.wasm"][..], &["runn", "--no-such-flag"]] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}");
        let expected = "error: there is no command `runn`: there are serve, run, dev, demo and \
                        completions\n";
        assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    }
    // Not every wrong line is about the command.
    let ended = run(&["run", "--cpu-limt", "5s", "app.wasm"]);
    assert_eq!(ended.code, Some(2));
    let expected = "error: unexpected argument '--cpu-limt' found\n";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("Usage: fastlike run "),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_folder_is_no_program() {
    let ended = run(&[".", "--bind", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("help: name the .wasm file in it"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_program_that_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        path.display().to_string()
    };
    let empty = write("empty.wasm", b"");
    let text = write("readme.txt", b"This is no program.");
    let component = write("component.wasm", b"\0asm\x0d\0\x01\0");
    for (path, code, what) in [
        (&empty, 2, "is not a WebAssembly module"),
        (&text, 2, "is not a WebAssembly module"),
        (
            &component,
            1,
            "is a WebAssembly component, which is not supported yet",
        ),
    ] {
        let ended = run(&[path, "--bind", "127.0.0.1:0"]);
        assert_eq!(ended.code, Some(code), "{path}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
        assert!(ended.stderr.contains(path.as_str()), "{}", ended.stderr);
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    }
}

#[test]
fn a_program_that_imports_what_nobody_has() {
    let ended = run(&[&guest("unknown_import.wat"), "--bind", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1));
    let wanted = "unknown import: `fastly_http_resp::nwe` has not been defined";
    assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
    assert!(ended.stderr.contains("help: "), "{}", ended.stderr);
}

#[test]
fn a_port_that_is_taken() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    fails(
        &[&guest("hello.wat"), "--bind", &address],
        &format!(
            "error: cannot listen on `{address}`\n\
             caused by: Address already in use (os error 98)\n\
             help: another program listens there: stop it, or take another port \
             (`--bind 127.0.0.1:0` takes a free one)\n"
        ),
    );
}

#[test]
fn an_address_that_is_none() {
    fails_with(
        2,
        &[&guest("hello.wat"), "--bind", "7676"],
        "error: cannot listen on `7676`\n\
         caused by: invalid socket address\n\
         help: write HOST:PORT, as 127.0.0.1:7676, [::1]:7676 or localhost:0\n",
    );
}

#[test]
fn backends_that_cannot_be() {
    fails(
        &[&guest("hello.wat"), "--backend", "api=api.example.com"],
        "error: backend `api`: \"api.example.com\" is not the URL of an origin: \
         it has no scheme, write http://HOST or https://HOST\n\
         help: write `--backend api=https://HOST`\n",
    );
    fails(
        &[
            &guest("hello.wat"),
            "--backend",
            "a=http://a",
            "--backend",
            "a=http://b",
        ],
        "error: the backend `a` is given twice\nhelp: keep one `--backend` of this name\n",
    );
}

#[test]
fn a_manifest_and_a_database_that_are_not_there() {
    fails(
        &[&guest("hello.wat"), "-C", "no/fastly.toml"],
        "error: cannot read `no/fastly.toml`\n\
         caused by: No such file or directory (os error 2)\n\
         help: name the manifest's file; without `-C` a program is served with none\n",
    );
    fails(
        &[&guest("hello.wat"), "--geo", "no/city.mmdb"],
        "error: geolocation database `no/city.mmdb`: there is no such file\n\
         help: check the path, or download the database to it\n",
    );
}

#[test]
fn a_log_filter_that_is_none() {
    let mut command = crate::harness::fastlike(&[&guest("hello.wat"), "--bind", "127.0.0.1:0"]);
    let ended = run_command(command.env("FASTLIKE_LOG", "fastlike=loud"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with("error: FASTLIKE_LOG: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn usage_errors_have_a_code_of_their_own() {
    for args in [
        &["app.wasm", "--no-such-flag"][..],
        &["app.wasm", "other.wasm"],
        &["app.wasm", "--wasm", "other.wasm"],
        &["app.wasm", "--cpu-limit", "10"],
        &["app.wasm", "--heap-limit", "much"],
        &["app.wasm", "--max-sandboxes", "0"],
        &["app.wasm", "--experimental_modules=foo"],
        &["app.wasm", "--profile=guest,x,often"],
        &["app.wasm", "--backend", "api"],
        &["app.wasm", "--compile-cache", "x", "--no-compile-cache"],
        &["completions", "no-such-shell"],
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}");
        assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    }
}

#[test]
fn errors_are_plain_where_nobody_sees_colours() {
    let mut command = crate::harness::fastlike(&["x.wasm", "-C", "manifest.toml"]);
    let ended = run_command(command.current_dir(here()).env("NO_COLOR", "1"));
    assert!(!ended.stderr.contains('\x1b'), "{}", ended.stderr);
}
