//! The admin listener.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use crate::harness::{Server, fastlike, guest, replace, run, run_command, targets};
use crate::official::{NOWHERE, official};

/// The address in "Admin at http://…", and the token after it.
fn admin(server: &Server) -> (SocketAddr, Option<String>) {
    let line = server.stdout_line("Admin at http://");
    let (_, rest) = line.split_once("http://").expect("a URL");
    let (address, token) = match rest.split_once(", token ") {
        Some((address, token)) => (address, Some(token.trim().to_owned())),
        None => (rest.trim(), None),
    };
    (address.parse().expect("an address"), token)
}

/// The status and the rest of what is answered.
fn ask(address: SocketAddr, line: &str, token: Option<&str>, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    let key = token.map(|token| format!("fastly-key: {token}\r\n"));
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{}content-length: {}\r\n\r\n{body}",
        key.unwrap_or_default(),
        body.len()
    )
    .expect("writable");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{answer}")), answer)
}

#[test]
fn a_token_is_made_and_printed_and_opens_the_api() {
    let server = Server::start(&[&guest("hello.wat"), "--admin", "127.0.0.1:0"]);
    let (address, token) = admin(&server);
    let token = token.expect("a new token");
    assert_eq!(token.len(), 32);
    let list = "GET /resources/stores/kv";
    assert_eq!(ask(address, list, None, "").0, 401);
    assert_eq!(ask(address, list, Some("another-token"), "").0, 401);
    assert_eq!(ask(address, list, Some(&token), "").0, 200);
    let other = Server::start(&[&guest("hello.wat"), "--admin", "127.0.0.1:0"]);
    assert_ne!(admin(&other).1, Some(token));
}

#[test]
fn a_token_that_is_given_is_not_printed() {
    let token = "a-token-of-our-own";
    let flags = ["--admin", "127.0.0.1:0", "--bind", "127.0.0.1:0"];
    let hello = guest("hello.wat");
    let flags = [&[hello.as_str()], &flags[..]].concat();
    let by_flag = [&flags[..], &["--admin-token", token]].concat();
    let mut by_environment = fastlike(&flags);
    by_environment.env("FASTLIKE_ADMIN_TOKEN", token);
    for mut command in [fastlike(&by_flag), by_environment] {
        let server = Server::start_command(&mut command);
        let (address, printed) = admin(&server);
        assert_eq!(printed, None);
        assert_eq!(ask(address, "GET /resources/acls", Some(token), "").0, 200);
        assert!(!server.stdout().contains(token) && !server.stderr().contains(token));
    }
}

#[test]
fn nothing_listens_for_admins_unless_it_is_asked_for() {
    let server = Server::start(&[&guest("hello.wat")]);
    assert!(server.get("/").contains("hello"));
    assert!(!server.stdout().contains("Admin"), "{}", server.stdout());
    let token = run(&["x.wasm", "--admin-token", "a-token-of-our-own"]);
    assert_eq!(token.code, Some(2), "{}", token.stderr);
}

#[test]
fn other_machines_are_let_in_only_explicitly() {
    let hello = guest("hello.wat");
    let refused = run(&[&hello, "--bind", "127.0.0.1:0", "--admin", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(1));
    let expected = "--admin 0.0.0.0:0: other machines can reach 0.0.0.0";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("--admin-remote"),
        "{}",
        refused.stderr
    );
    let server = Server::start(&[&hello, "--admin", "0.0.0.0:0", "--admin-remote"]);
    let (mut address, _) = admin(&server);
    address.set_ip([127, 0, 0, 1].into());
    assert_eq!(ask(address, "GET /healthz", None, "").0, 200);
    assert_eq!(ask(address, "GET /metrics", None, "").0, 401);
}

#[test]
fn a_token_that_cannot_be_one_is_not_repeated() {
    let wrong = "with a blank";
    let refused = run(&["x.wasm", "--admin", "127.0.0.1:0", "--admin-token", wrong]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("8 to 1024 visible"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains(wrong), "{}", refused.stderr);
}

#[test]
fn requests_are_counted_and_still_printed() {
    let server = Server::start(&[&guest("hello.wat"), "--admin", "127.0.0.1:0"]);
    let (address, _) = admin(&server);
    server.get("/counted");
    server.stdout_line("GET /counted 200");
    let (status, page) = ask(address, "GET /metrics", None, "");
    assert_eq!(status, 200);
    assert!(
        page.contains("\nfastlike_requests_total{status=\"200\"} 1\n"),
        "{page}"
    );
    assert_eq!(ask(address, "GET /readyz", None, "").0, 200);
}

#[test]
fn programs_get_the_address_and_the_token_as_json() {
    let flags = ["--admin", "127.0.0.1:0", "--log-format", "json"];
    let server = Server::start(&[&[guest("hello.wat").as_str()], &flags[..]].concat());
    let line = server.stdout_line("\"message\":\"admin\"");
    let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let address = line["url"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://"));
    let address = address
        .and_then(|address| address.parse().ok())
        .expect("an address");
    let token = line["token"].as_str();
    assert_eq!(ask(address, "GET /resources/acls", token, "").0, 200);
}

#[test]
fn the_official_command_line_fills_stores() {
    let Some(program) = official() else {
        return;
    };
    let wasm = targets().join("bin/stores_by_path.wasm");
    let flags = ["--admin", "127.0.0.1:0"];
    let server = Server::start(&[&[wasm.to_str().expect("UTF-8")], &flags[..]].concat());
    let (address, token) = admin(&server);
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files");
    std::fs::create_dir(&files).expect("writable");
    for name in ["one", "two"] {
        std::fs::write(files.join(name), name).expect("writable");
    }
    let fastly = |args: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(args)
            .arg("--non-interactive")
            .stdin(Stdio::null())
            .env("HOME", folder.path())
            .env("HTTPS_PROXY", NOWHERE)
            .env_remove("XDG_CONFIG_HOME")
            .env("FASTLY_API_ENDPOINT", format!("http://{address}"))
            .env("FASTLY_ACCOUNT_ENDPOINT", format!("http://{address}"))
            .env("FASTLY_API_TOKEN", token.as_deref().expect("a new token"));
        let ended = run_command(&mut command);
        assert_eq!(
            ended.code,
            Some(0),
            "{args:?}: {}{}",
            ended.stdout,
            ended.stderr
        );
        ended.stdout
    };
    fastly(&["kv-store", "create", "--name=s"]);
    let entry = ["kv-store-entry", "create", "--store-id=s"];
    fastly(&[&entry[..], &["--key=a/b", "--value=hello", "--metadata=m"]].concat());
    let dir = format!("--dir={}", files.display());
    fastly(&[&entry[..], &[&dir]].concat());
    let listed = fastly(&["kv-store-entry", "list", "--store-id=s"]);
    for key in ["a/b", "one", "two"] {
        assert!(listed.lines().any(|line| line.trim() == key), "{listed}");
    }
    let described = fastly(&["kv-store-entry", "describe", "--store-id=s", "--key=a/b"]);
    assert!(described.contains("Metadata: m"), "{described}");
    fastly(&["config-store", "create", "--name=c"]);
    fastly(&[
        "config-store-entry",
        "create",
        "--store-id=c",
        "--key=k",
        "--value=configured",
    ]);
    let described = fastly(&["config-store-entry", "describe", "--store-id=c", "--key=k"]);
    assert!(described.contains("Value: configured"), "{described}");

    assert!(server.get("/kv/s/a/b").ends_with("\r\n\r\nhello"));
    assert!(server.get("/kv/s/two").ends_with("\r\n\r\ntwo"));
    assert!(server.get("/config/c/k").ends_with("\r\n\r\nconfigured"));
}

#[test]
fn a_reload_is_counted_and_the_new_service_is_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("fastly.toml");
    let store = |value: &str| {
        format!(
            "[local_server.config_stores.s]\nformat = \"inline-toml\"\n\
             contents = {{ k = \"{value}\" }}\n"
        )
    };
    std::fs::write(&manifest, store("first")).expect("writable");
    let wasm = targets().join("bin/stores_by_path.wasm");
    let server = Server::start(&[
        wasm.to_str().expect("UTF-8"),
        "--watch",
        "-C",
        manifest.to_str().expect("UTF-8"),
        "--admin",
        "127.0.0.1:0",
    ]);
    let (address, token) = admin(&server);
    let ask = |line: &str, body: &str| ask(address, line, token.as_deref(), body);
    let put = "PUT /resources/stores/config/s/item/k";
    assert_eq!(ask(put, "item_value=written").0, 200);
    assert!(server.get("/config/s/k").ends_with("written"));
    ask("POST /resources/stores/kv", "{\"name\":\"s\"}");
    assert_eq!(ask("PUT /resources/stores/kv/s/keys/k", "kept").0, 200);

    server.stdout_line("Watching");
    let new = folder.path().join("new");
    replace(&manifest, &new, &store("second"));
    server.stdout_line("Reloaded in ");
    assert!(server.get("/config/s/k").ends_with("second"));
    assert!(server.get("/kv/s/k").ends_with("kept"));
    assert_eq!(ask(put, "item_value=written+again").0, 200);
    assert!(server.get("/config/s/k").ends_with("written again"));
    replace(&manifest, &new, "[local_server");
    server.stderr_line("Not reloaded");
    let page = ask("GET /metrics", "").1;
    for counted in [
        "fastlike_reloads_total{result=\"success\"} 1\n",
        "fastlike_reloads_total{result=\"failure\"} 1\n",
        // Those of the first service, too.
        "fastlike_requests_total{status=\"200\"} 4\n",
    ] {
        assert!(page.contains(counted), "{counted}{page}");
    }
}
