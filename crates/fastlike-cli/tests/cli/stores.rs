//! What a manifest says of stores reaches the program, and secrets nobody else.

use crate::harness::{Server, fastlike, targets, text};

/// A manifest in a folder of its own, with the files that it names.
fn folder(manifest: &str, files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("written");
    }
    std::fs::write(folder.path().join("fastly.toml"), manifest).expect("written");
    folder
}

fn serve(guest: &str, folder: &tempfile::TempDir) -> Server {
    let guest = targets().join("bin").join(guest).display().to_string();
    let manifest = folder.path().join("fastly.toml").display().to_string();
    let mut command = fastlike(&[&guest, "-C", &manifest, "--bind", "127.0.0.1:0", "-vv"]);
    command
        .env("FASTLIKE_TEST_SECRET", "s3cret of the environment")
        .env_remove("FASTLIKE_TEST_UNSET");
    Server::start_command(&mut command)
}

fn body(server: &Server, headers: &str) -> String {
    let answer = text(server.send_with("/", headers));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a response");
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}

#[test]
fn secrets_of_a_manifest_reach_the_program_and_nothing_that_is_printed() {
    let manifest = r#"
[local_server]
secret_stores.keys = [
  { key = "password", data = "hush" },
  { key = "empty", data = "" },
  { key = "binary", file = "binary" },
  { key = "inline", data = "s3cret of the manifest" },
  { key = "file", file = "secret.txt" },
  { key = "env", env = "FASTLIKE_TEST_SECRET" },
  { key = "unset", env = "FASTLIKE_TEST_UNSET" },
]
"#;
    let files: &[(&str, &[u8])] = &[
        ("binary", &[0xFF; 64 * 1024]),
        ("secret.txt", b"s3cret of the file"),
    ];
    let folder = folder(manifest, files);
    let mut server = serve("secret_store_lookup.wasm", &folder);
    for (name, expected) in [
        ("inline", "s3cret of the manifest"),
        ("file", "s3cret of the file"),
        ("env", "s3cret of the environment"),
        ("unset", ""),
    ] {
        let header = format!("x-name: {name}\r\n");
        assert_eq!(body(&server, &header), expected, "{name}");
    }
    server.stderr_line("the environment variable `FASTLIKE_TEST_UNSET` is not set");
    server.interrupt();
    server.wait();
    let printed = server.stdout() + &server.stderr();
    assert!(!printed.contains("s3cret"), "{printed}");
    assert!(!printed.contains("hush"), "{printed}");
}

#[test]
fn lists_and_devices_of_a_manifest_reach_the_program() {
    let manifest = r#"
[local_server.acls]
clients = { file = "clients.json" }

[local_server.device_detection]
format = "inline-toml"
[local_server.device_detection.user_agents."a phone"]
device = { name = "Phone", is_mobile = true }
"#;
    let clients =
        br#"{ "entries": [{ "op": "create", "prefix": "127.0.0.0/8", "action": "BLOCK" }] }"#;
    let folder = folder(manifest, &[("clients.json", clients)]);
    let server = serve("acl_lookup.wasm", &folder);
    assert_eq!(body(&server, ""), "127.0.0.0/8 Block");
    drop(server);
    let server = serve("device_detection_lookup.wasm", &folder);
    let told = body(&server, "user-agent: a phone\r\n");
    assert!(told.starts_with("device_name: Some(\"Phone\")\n"), "{told}");
    assert!(told.contains("is_mobile: Some(true)\n"), "{told}");
}

#[test]
fn a_changed_file_of_a_config_store_is_seen_without_a_restart() {
    let manifest = r#"
[local_server.config_stores.settings]
format = "json"
file = "settings.json"
"#;
    let folder = folder(manifest, &[("settings.json", br#"{"colour": "red"}"#)]);
    let server = serve("stores_by_path.wasm", &folder);
    let colour = |server: &Server| server.get("/config/settings/colour");
    assert!(colour(&server).ends_with("\r\n\r\nred"));

    let write = |text: &str| {
        std::fs::write(folder.path().join("settings.json"), text).expect("written");
    };
    write(r#"{"colour": "blue"}"#);
    server.until("the new colour", |server| {
        colour(server).ends_with("\r\n\r\nblue")
    });
    // What is broken changes nothing, and is said.
    write(r#"{"colour": 5}"#);
    server.until("a warning", |server| {
        assert!(colour(server).ends_with("\r\n\r\nblue"));
        server
            .stdout()
            .contains("the value of \"colour\" is not a string; the config store keeps what it has")
    });
}
