//! Manifests that are wrong, and what the README shows of them.

use crate::harness::{fastlike, guest, run_command, workspace};

/// The output for a manifest of `testdata/manifests`.
fn said_of(name: &str) -> String {
    let guest = guest("hello.wat");
    let path = format!("testdata/manifests/{name}");
    let mut command = fastlike(&[&guest, "-C", &path, "--bind", "127.0.0.1:0"]);
    let ended = run_command(command.current_dir(workspace()));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    ended.stderr
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("README.md");
    for name in ["three-mistakes.toml", "syntax.toml", "version.toml"] {
        let said = said_of(name);
        assert!(
            readme.contains(said.trim_end()),
            "README.md lacks what is printed for {name}:\n\n{said}"
        );
    }
}

#[test]
fn every_problem_is_said_at_once() {
    let said = said_of("backends.toml");
    assert_eq!(said.matches("\nerror: ").count() + 1, 26, "{said}");
    assert!(
        said.ends_with("error parsing `testdata/manifests/backends.toml`: 26 problems\n"),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn a_database_that_cannot_be_used_is_said_with_the_rest_and_where_it_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("writable");
    };
    write("city.mmdb.gz", b"\x1f\x8b and so on");
    write("page.mmdb", b"<html>log in first</html>");
    let manifest = "[local_server]\nacls = 5\n\n[local_server.geolocation]\n\
                    database = [\"city.mmdb.gz\", \"page.mmdb\"]\n";
    write("fastly.toml", manifest.as_bytes());
    let mut command = fastlike(&[&guest("hello.wat"), "-C", "fastly.toml"]);
    let ended = run_command(command.current_dir(folder.path()));
    assert_eq!(ended.code, Some(1));
    for said in [
        "the database cannot be used: this is a gzip archive",
        "fastly.toml:5:13",
        "help: unpack it",
        "not in MaxMind's format",
        "fastly.toml:5:29",
        "error parsing `fastly.toml`: 3 problems",
    ] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
