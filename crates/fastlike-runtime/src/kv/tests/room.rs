//! Room: what takes it, what gives it back, and disks that have none.

use super::*;
use crate::state::{State, StateError};

#[tokio::test(start_paused = true)]
async fn what_has_expired_makes_room_wherever_it_is() {
    const MAX: u64 = 1_000_000;
    let directory = tempfile::tempdir().expect("a directory");
    for stores in [
        KvStores::in_memory(MAX),
        KvStores::on_disk(directory.path(), MAX).expect("a database"),
    ] {
        let (brief, other) = (stores.create("brief"), stores.create("other"));
        let (brief, other) = (brief.expect("new"), other.expect("new"));
        // More than one write sweeps away with its own work.
        for n in 0..200 {
            let value = vec![0; 4_000];
            let stored = brief.insert(&n.to_string(), value, ttl(hours(1))).await;
            stored.expect("room");
        }
        let large = || other.insert("large", vec![0; 900_000], KvInsert::default());
        assert_eq!(large().await, Err(KvError::Full { max: MAX }));
        tokio::time::advance(hours(2)).await;
        large().await.expect("room again");
    }
}

#[tokio::test(start_paused = true)]
async fn large_values_make_room_as_small_ones_do() {
    const MAX: u64 = 1_000_000;
    let directory = tempfile::tempdir().expect("a directory");
    for stores in [
        KvStores::in_memory(MAX),
        KvStores::on_disk(directory.path(), MAX).expect("a database"),
    ] {
        let store = stores.create("store").expect("new");
        let large = || vec![0; 600_000];
        store
            .insert("brief", large(), ttl(hours(1)))
            .await
            .expect("room");
        // What takes the place of something needs no more room than that.
        store
            .insert("brief", large(), ttl(hours(1)))
            .await
            .expect("room");
        tokio::time::advance(hours(2)).await;
        put(&store, "other", large()).await;
        sow(&stores, [("other".to_owned(), large().into())]).expect("room");
        sow(&stores, [("other".to_owned(), vec![1; 600_000].into())]).expect("room");
        assert_eq!(stores.usage().expect("readable").entries, 1);
    }
}

#[tokio::test]
async fn what_was_replaced_is_freed_without_another_write() {
    let both = Both::new();
    let stores = &both.stores[1];
    let store = stores.create("store").expect("new");
    for n in 0..150 {
        put(&store, &n.to_string(), vec![1; 300_000]).await;
    }
    let deletes = (0..150).map(|n| {
        let store = store.clone();
        async move { store.delete(&n.to_string()).await.expect("there") }
    });
    futures_util::future::join_all(deletes).await;
    // It is done by the time that the next one is.
    stores.create("another").expect("new");
    stores.remove("another").expect("there");
    let used = stores.usage().expect("readable").bytes;
    assert!(used < 400_000, "{used}");
}

#[tokio::test]
async fn a_time_to_live_that_cannot_be_counted_to_is_for_ever() {
    for store in Both::new().each() {
        let options = KvInsert {
            ttl: Some(Duration::MAX),
            ..KvInsert::default()
        };
        store.insert("key", "value", options).await.expect("stored");
        let entry = store.lookup("key").expect("a lookup").expect("there");
        assert_eq!(entry.expires, None);
    }
}

fn file_size(both: &Both) -> u64 {
    let file = both.directory.path().join("state.redb");
    std::fs::metadata(file).expect("there").len()
}

#[tokio::test]
async fn who_reads_slowly_keeps_nothing_but_what_they_read() {
    let both = Both::new();
    let stores = &both.stores[1];
    let store = stores.create("store").expect("new");
    let value: Bytes = (0..2_000_000u32).map(|n| (n / 1_000) as u8).collect();
    put(&store, "slow", value.clone()).await;
    let mut slow = store.lookup("slow").expect("a lookup").expect("there");
    let first = slow.value.read(10).await.expect("some").expect("data");
    put(&store, "slow", "replaced").await;
    let overwrite = async |times: u8| {
        for n in 0..times {
            put(&store, "key", vec![n; 4_000_000]).await;
        }
    };
    overwrite(4).await;
    let size = file_size(&both);
    overwrite(12).await;
    assert!(
        file_size(&both) <= 2 * size,
        "{size} to {}",
        file_size(&both)
    );

    let kept = stores.usage().expect("readable").bytes;
    let rest = slow.value.collect().await.expect("whole").to_bytes();
    assert!([first, rest].concat() == value);
    // The next write frees it.
    put(&store, "slow", "again").await;
    let freed = kept - stores.usage().expect("readable").bytes;
    assert!(freed >= 2_000_000, "{freed}");
}

#[tokio::test]
async fn what_somebody_read_in_a_process_that_was_killed_is_freed() {
    let Both { stores, directory } = Both::new();
    let store = stores[1].create("store").expect("new");
    put(&store, "key", vec![1; 2_000_000]).await;
    let reading = store.lookup("key").expect("a lookup").expect("there");
    put(&store, "key", "small").await;
    // As a copy of the file is what a killed process would leave.
    let copy = tempfile::tempdir().expect("a directory");
    let name = "state.redb";
    std::fs::copy(directory.path().join(name), copy.path().join(name)).expect("a copy");
    let again = KvStores::open(copy.path()).expect("a database");
    put(&again.get("store").expect("there"), "other", "").await;
    assert!(again.usage().expect("readable").bytes < 10_000);
    drop(reading);
}

/// No process may write files beyond this length from now on: a test is a
/// process of its own.
#[cfg(target_os = "linux")]
fn limit_files(length: Option<u64>) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit {
        current: length,
        maximum: None,
    };
    setrlimit(Resource::Fsize, limit).expect("a limit");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_was_full_is_written_to_again_when_it_has_room() {
    use tokio::signal::unix::{SignalKind, signal};
    // What the limit does to a process that does not expect it.
    let _signals = signal(SignalKind::from_raw(25)).expect("SIGXFSZ");
    let both = Both::new();
    let store = both.stores[1].create("store").expect("new");
    put(&store, "key", "value").await;
    limit_files(Some(file_size(&both) + 1_000_000));
    let large = || store.insert("large", vec![1; 20_000_000], KvInsert::default());
    assert_eq!(large().await, Err(KvError::DiskFull));
    // What fits is stored, at once.
    put(&store, "small", "value").await;
    assert_eq!(text(&store, "key").await.as_deref(), Some("value"));
    limit_files(None);
    large().await.expect("room again");
    assert_eq!(text(&store, "small").await.as_deref(), Some("value"));
}

#[tokio::test]
async fn a_damaged_database_is_an_error_and_never_a_panic() {
    let directory = tempfile::tempdir().expect("a directory");
    {
        let stores = KvStores::open(directory.path()).expect("a database");
        let store = stores.create("store").expect("new");
        for n in 0..300 {
            put(&store, &format!("{n:03}"), vec![7; 1 + n * 97]).await;
        }
    }
    let file = directory.path().join("state.redb");
    let whole = std::fs::read(&file).expect("readable");
    let (mut refused, mut failed) = (0, 0);
    for round in 0..40_usize {
        let mut damaged = whole.clone();
        for n in 0..30_usize {
            // Anywhere, and the same in every run.
            let at = (round * 7_919 + n * 104_729).wrapping_mul(2_654_435_761) % damaged.len();
            damaged[at] ^= 0x5a;
        }
        std::fs::write(&file, damaged).expect("writable");
        let stores = match State::open(directory.path()) {
            Ok(state) => state.kv_stores().clone(),
            Err(error) => {
                assert!(matches!(error, StateError::Database { .. }), "{error}");
                refused += 1;
                continue;
            }
        };
        let Some(store) = stores.get("store") else {
            continue;
        };
        for n in 0..300 {
            failed += usize::from(store.lookup(&format!("{n:03}")).is_err());
        }
        let _ = store.list(&KvList::default());
        let _ = store.insert("new", "value", KvInsert::default()).await;
    }
    assert!(refused > 0 && failed > 0, "{refused} {failed}");
}
