use std::time::Duration;

use super::*;

fn text(store: &ConfigStore, key: &str) -> Option<String> {
    store.get(key).map(|value| value.to_string())
}

#[test]
fn keys_values_and_entries_have_limits_and_a_refused_write_changes_nothing() {
    let store = ConfigStore::default();
    let key = "k".repeat(limits::CONFIG_KEY);
    let value = "ä".repeat(limits::CONFIG_VALUE);
    store.insert(&key, &value).expect("at the limits");
    for (key, value) in [
        ("", "v"),
        (&format!("{key}k"), "v"),
        ("k", &format!("{value}v")),
    ] {
        assert!(store.insert(key, value).is_err());
        assert!(store.replace([(key.to_owned(), value.to_owned())]).is_err());
    }
    assert_eq!(store.entries().len(), 1);

    let all = |n: usize| (0..n).map(|n| (n.to_string(), String::new()));
    assert!(store.replace(all(limits::STORE_ENTRIES + 1)).is_err());
    assert_eq!(store.entries().len(), 1);
    store
        .replace(all(limits::STORE_ENTRIES))
        .expect("at the limit");
    assert!(store.insert("one more", "").is_err());
    assert_eq!(store.insert("0", "new"), Ok(true));
    assert_eq!(text(&store, "0").as_deref(), Some("new"));
    assert_eq!(store.remove("0"), Ok(true));
    assert_eq!(store.insert("one more", ""), Ok(false));
}

#[test]
fn changes_that_meet_are_all_made() {
    let store = ConfigStore::default();
    store.insert("count", "0").expect("room");
    let count_up = |entries: &mut Entries| -> Result<(), StoreError> {
        let count: u32 = entries["count"].parse().expect("a number");
        entries.insert("count".to_owned(), (count + 1).to_string().into());
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(|_| store.change(count_up).expect("room")));
        }
    });
    assert_eq!(text(&store, "count").as_deref(), Some("1000"));
    let refused = store.change(|entries| {
        entries.clear();
        Err(StoreError::Computed)
    });
    assert_eq!(refused, Err(StoreError::Computed));
    assert_eq!(text(&store, "count").as_deref(), Some("1000"));
}

#[test]
fn a_computed_store_cannot_be_changed() {
    struct Upper;
    impl ConfigProvider for Upper {
        fn get(&self, key: &str) -> Option<Arc<str>> {
            Some(Arc::from(key.to_uppercase()))
        }
    }
    let store = ConfigStore::computed(Upper);
    assert_eq!(text(&store, "a").as_deref(), Some("A"));
    assert_eq!(store.insert("a", "b"), Err(StoreError::Computed));
    assert_eq!(store.remove("a"), Err(StoreError::Computed));
    assert_eq!(store.replace([]), Err(StoreError::Computed));
    assert_eq!(store.entries(), []);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again_when_it_changed_and_looked_at_once_a_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.json");
    let write = |text: &str| std::fs::write(&path, text).expect("writable");
    write(r#"{"key": "1"}"#);
    let store = ConfigStore::file(path.clone()).expect("valid");
    let look = || {
        store.refresh();
        text(&store, "key").unwrap_or_default()
    };
    let second = || tokio::time::advance(Duration::from_secs(1));

    // Of the same length, and within the clock tick of the file system.
    write(r#"{"key": "2"}"#);
    assert_eq!(look(), "1", "too early to look");
    second().await;
    assert_eq!(look(), "2");

    for broken in ["{", "[]", r#"{"key": 3}"#, r#"{"": "3"}"#] {
        write(broken);
        second().await;
        assert_eq!(look(), "2", "{broken}");
    }
    std::fs::remove_file(&path).expect("there");
    second().await;
    assert_eq!(look(), "2");
    // As editors write: another file takes the place.
    let other = folder.path().join("new");
    std::fs::write(&other, r#"{"key": "4"}"#).expect("writable");
    std::fs::rename(&other, &path).expect("the same folder");
    second().await;
    assert_eq!(look(), "4");

    // What an admin writes stays until the file changes.
    store.insert("key", "5").expect("changeable");
    second().await;
    assert_eq!(look(), "5");
    write(r#"{"key": "6"}"#);
    second().await;
    assert_eq!(look(), "6");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.json");
    let of_length = |length: u64| {
        std::fs::write(&path, r#"{"key": "1"}"#).expect("writable");
        let file = std::fs::OpenOptions::new().append(true).open(&path);
        let mut file = file.expect("writable");
        let rest = usize::try_from(length).expect("small") - 12;
        std::io::Write::write_all(&mut file, &vec![b' '; rest]).expect("room");
        ConfigStore::file(path.clone()).map(|store| text(&store, "key"))
    };
    let most = limits::CONFIG_FILE;
    assert_eq!(of_length(most).expect("at the limit").as_deref(), Some("1"));
    let error = of_length(most + 1).expect_err("past it").to_string();
    assert!(
        error.contains("16777217 bytes, the limit is 16777216"),
        "{error}"
    );
}
