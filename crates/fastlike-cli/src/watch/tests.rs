use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder with files, and a watch that is told of changes by looking alone.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }

    fn watch(&self, names: &[&str]) -> Watch {
        Watch::new(names.iter().map(|name| self.path(name)), None)
    }

    fn tree(&self) -> Watch {
        Watch::new([], Some(Tree::new(self.folder.path(), &["bin", "pkg"])))
    }

    /// Paths as names in the folder.
    fn names(&self, paths: Vec<PathBuf>) -> Vec<String> {
        let name = |path: PathBuf| {
            let path = path.strip_prefix(self.folder.path()).expect("inside");
            path.display().to_string()
        };
        paths.into_iter().map(name).collect()
    }

    async fn changed(&self, watch: &mut Watch) -> Vec<String> {
        self.names(watch.changed().await)
    }
}

#[tokio::test]
async fn a_file_that_is_written_replaced_made_or_removed_has_changed() {
    let place = Place::new();
    place.write("a", "1");
    let mut watch = place.watch(&["a", "b", "c/d"]);
    assert!(watch.changes().await.is_empty());
    assert_eq!(watch.count(), 1);
    place.write("a", "22");
    assert_eq!(place.changed(&mut watch).await, ["a"]);
    // As editors do it; of the same length, in the same moment.
    fs::rename(place.write("a.new", "33"), place.path("a")).expect("renamed");
    assert_eq!(place.changed(&mut watch).await, ["a"]);
    place.write("b", "");
    place.write("c/d", "in a folder that was not there");
    assert_eq!(place.changed(&mut watch).await, ["b", "c/d"]);
    fs::remove_dir_all(place.path("c")).expect("removed");
    assert_eq!(place.changed(&mut watch).await, ["c/d"]);
    place.write("c/d", "again");
    assert_eq!(place.changed(&mut watch).await, ["c/d"]);
    assert!(watch.changes().await.is_empty());
}

#[tokio::test]
async fn the_system_tells_of_changes_while_somebody_waits() {
    let place = Place::new();
    place.write("folder/a", "1");
    let mut watch = place.watch(&["folder/a"]);
    // Nobody looks by himself.
    watch.pace.look = Duration::from_secs(3600);
    if let Some(complaint) = watch.complaint() {
        panic!("{complaint}");
    }
    for text in ["22", "333"] {
        let mut waiting = std::pin::pin!(watch.changed());
        // It waits before anything happens.
        let early = tokio::time::timeout(PACE.quiet, waiting.as_mut()).await;
        assert!(early.is_err(), "{early:?}");
        // The folder is another one each time.
        fs::rename(place.path("folder"), place.path(&format!("old{text}"))).expect("renamed");
        place.write("folder/a", text);
        assert_eq!(place.names(waiting.await), ["folder/a"], "{text}");
    }
}

#[tokio::test]
async fn a_file_that_vanishes_for_a_moment_was_never_gone() {
    let place = Place::new();
    place.write("a", "1");
    let mut watch = place.watch(&["a"]);
    watch.pace.grace = Duration::from_secs(3600);
    watch.pace.most = Duration::from_secs(3600);
    fs::remove_file(place.path("a")).expect("removed");
    let mut waiting = std::pin::pin!(watch.changed());
    // Long enough for many looks, all of which find nothing there.
    let early = tokio::time::timeout(PACE.quiet * 5, waiting.as_mut()).await;
    assert!(early.is_err(), "{early:?}");
    place.write("a", "22");
    assert_eq!(place.names(waiting.await), ["a"]);
}

#[tokio::test]
async fn a_link_changes_with_its_target() {
    let place = Place::new();
    place.write("one/a", "1");
    place.write("two/a", "2");
    let link = |target: &str| {
        let (new, path) = (place.path("new"), place.path("link"));
        std::os::unix::fs::symlink(place.path(target), &new).expect("linked");
        fs::rename(new, path).expect("renamed");
    };
    link("one");
    let mut watch = place.watch(&["link/a"]);
    place.write("one/a", "11");
    assert_eq!(place.changed(&mut watch).await, ["link/a"]);
    link("two");
    assert_eq!(place.changed(&mut watch).await, ["link/a"]);
    place.write("two/a", "22");
    assert_eq!(place.changed(&mut watch).await, ["link/a"]);
}

#[tokio::test]
async fn sources_are_watched_and_what_builds_make_is_not() {
    let place = Place::new();
    place.write(".gitignore", "*.log\n");
    place.write(".fastlyignore", "generated/\n");
    place.write("src/bin/app.rs", "");
    let mut watch = place.tree();
    for ignored in [
        "bin/main.wasm",
        "pkg/app.tar.gz",
        "target/release/x",
        "sub/target/x",
        "node_modules/x/index.js",
        ".git/HEAD",
        ".idea/workspace.xml",
        "a.log",
        "src/generated/x.rs",
        "src/.main.rs.swp",
        "src/main.rs~",
        "src/.#main.rs",
        "src/4913",
    ] {
        place.write(ignored, "x");
    }
    assert_eq!(place.names(watch.changes().await), [""; 0]);
    for (watched, at) in [
        ("src/bin/app.rs", "src/bin/app.rs"),
        ("Cargo.toml", "Cargo.toml"),
        (".cargo/config.toml", ".cargo/config.toml"),
        (".env", ".env"),
        ("new/folder/bin/x.rs", "new/folder/bin/x.rs"),
        (".fastlyignore", ".fastlyignore"),
    ] {
        place.write(watched, "# changed\n");
        let changed = place.changed(&mut watch).await;
        assert!(changed.contains(&at.to_owned()), "{watched}: {changed:?}");
    }
    fs::remove_dir_all(place.path("new")).expect("removed");
    assert_eq!(place.changed(&mut watch).await, ["new/folder/bin/x.rs"]);
}

#[tokio::test]
async fn files_that_are_watched_can_become_others() {
    let place = Place::new();
    place.write("a", "1");
    let mut watch = place.watch(&["a"]);
    place.write("b", "1");
    let now = SystemTime::now() + Duration::from_secs(60);
    watch.set_files([place.path("b")], now).await;
    assert!(watch.changes().await.is_empty(), "a new one is no change");
    place.write("a", "22");
    assert!(watch.changes().await.is_empty(), "nobody asked for it");
    place.write("b", "22");
    assert_eq!(place.changed(&mut watch).await, ["b"]);
    // It may have changed after it was read.
    let read = SystemTime::now() - Duration::from_secs(60);
    watch
        .set_files([place.path("a"), place.path("b")], read)
        .await;
    assert_eq!(place.changed(&mut watch).await, ["a"]);
}
