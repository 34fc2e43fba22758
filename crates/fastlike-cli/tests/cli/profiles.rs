//! `--profile`: where a program's time goes.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Server, fastlike, guest, run_command};

/// The names of the functions in a profile, and the number of its samples.
fn profile(file: &Path) -> (HashSet<String>, usize) {
    let text = std::fs::read_to_string(file).expect("a profile");
    let profile: Value = serde_json::from_str(&text).expect("JSON");
    let thread = &profile["threads"][0];
    let strings = thread["stringArray"].as_array();
    let strings = strings.or_else(|| profile["shared"]["stringArray"].as_array());
    let strings = strings.expect("strings");
    let functions = thread["funcTable"]["name"].as_array();
    let functions = functions.or_else(|| profile["shared"]["funcTable"]["name"].as_array());
    let name = |index: &Value| {
        let index = usize::try_from(index.as_u64()?).ok()?;
        strings.get(index)?.as_str().map(str::to_owned)
    };
    let names = functions.expect("functions").iter().filter_map(name);
    let samples = thread["samples"]["length"].as_u64().expect("samples");
    (names.collect(), usize::try_from(samples).expect("small"))
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[test]
fn each_request_has_a_profile_that_names_functions() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("profiles");
    let flag = format!("--profile=guest,{}", folder.display());
    let server = Server::start(&[&guest("busy.wat"), &flag]);
    // They are written before the answer.
    server.stdout_line(&format!("Profiles of requests go to {}", folder.display()));
    server.get("/");
    server.get("/");
    let files = files(&folder);
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        assert!(
            file.extension().is_some_and(|json| json == "json"),
            "{file:?}"
        );
        let (names, samples) = profile(&file);
        assert!(names.contains("hard_work"), "{names:?}");
        assert!(samples >= 5, "{samples}");
    }
}

#[test]
fn a_run_has_one_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = fastlike(&["run", "--profile=guest,,period=200us", &guest("busy.wat")]);
    let ended = run_command(command.current_dir(folder.path()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "INFO wrote the profile guest-profile.json\n");
    let (names, samples) = profile(&folder.path().join("guest-profile.json"));
    assert!(
        names.contains("hard_work") && samples >= 5,
        "{names:?} {samples}"
    );
}

#[test]
fn a_profile_that_cannot_be_written_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("writable");
    let flag = format!("--profile=guest,{}", file.display());
    let mut command = fastlike(&[&guest("busy.wat"), "--bind", "127.0.0.1:0", &flag]);
    let ended = run_command(&mut command);
    assert_eq!(ended.code, Some(1));
    let expected = format!("error: profiles cannot be written to `{}`", file.display());
    assert!(ended.stderr.starts_with(&expected), "{}", ended.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn perf_is_told_the_functions_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&[&guest("busy.wat"), "--profile=perfmap"]);
    let map = format!("/tmp/perf-{}.map", server.id());
    let text = std::fs::read_to_string(&map).expect("a map");
    drop(std::fs::remove_file(&map));
    assert!(text.contains("hard_work"), "{text}");

    let mut command = fastlike(&["run", "--profile=jitdump", &guest("busy.wat")]);
    let ended = run_command(command.current_dir(folder.path()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let dump = files(folder.path());
    assert_eq!(dump.len(), 1, "{dump:?}");
    let bytes = std::fs::read(&dump[0]).expect("a dump");
    let has = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    assert!(has(b"hard_work"));
}
