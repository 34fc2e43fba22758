//! Where the guests are.

use std::path::PathBuf;

/// The folder that `cargo xtask guests` fills.
fn folder() -> PathBuf {
    match std::env::var_os("FASTLIKE_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        // A bare `cargo nextest run` uses the guests of the last `cargo xtask guests`.
        None => PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../target/guests/bin"
        )),
    }
}

/// The file of a guest.
#[track_caller]
pub(crate) fn guest_file(name: &str) -> PathBuf {
    let file = folder().join(name).with_extension("wasm");
    assert!(
        file.exists(),
        "{} is missing: build the guests with `cargo xtask guests`",
        file.display()
    );
    file
}

/// Whether this machine cannot build a guest, so that its test has nothing to do.
pub(super) fn is_skipped(name: &str) -> bool {
    let skipped = std::env::var("FASTLIKE_SKIPPED_GUESTS").unwrap_or_default();
    skipped.split(',').any(|skipped| skipped == name)
}

/// Each test is a process of its own: they share what was compiled.
pub(super) fn compile_cache() -> PathBuf {
    let folder = folder().join("../compile-cache");
    std::fs::create_dir_all(&folder).expect("a folder for compiled guests");
    folder.canonicalize().expect("the folder was made")
}
