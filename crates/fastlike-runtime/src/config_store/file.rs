//! Config stores that a JSON file holds, and what an entry may be.

use std::fs::{self, Metadata};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::Entries;
use crate::limits;
use crate::named::StoreError;

/// How often the file's metadata are looked at, at most: a look is a system
/// call of microseconds, in the middle of a request.
const LOOK: Duration = Duration::from_secs(1);

/// A file that was written so shortly before it was read may change again
/// without a change of its metadata, whose clock is coarse.
const COARSE: Duration = Duration::from_secs(2);

/// Checks an entry against the platform's limits.
pub(crate) fn check_entry(key: &str, value: &str) -> Result<(), StoreError> {
    let start = || key.chars().take(20).collect::<String>();
    if key.is_empty() {
        return Err(StoreError::Name("a key is empty".to_owned()));
    }
    if let Some(length) = too_long(key, limits::CONFIG_KEY) {
        return Err(StoreError::Name(format!(
            "the key `{}…` has {length} characters, the limit is {}",
            start(),
            limits::CONFIG_KEY
        )));
    }
    if let Some(length) = too_long(value, limits::CONFIG_VALUE) {
        return Err(StoreError::Value(format!(
            "the value of `{}` has {length} characters, the limit is {}",
            start(),
            limits::CONFIG_VALUE
        )));
    }
    Ok(())
}

/// The characters of a text that has more than it may.
fn too_long(text: &str, most: usize) -> Option<usize> {
    // There are no more of them than bytes.
    let length = || text.chars().count();
    (text.len() > most)
        .then(length)
        .filter(|length| *length > most)
}

/// The file that a store is read from, and what of it was seen last.
pub(super) struct Watched {
    path: PathBuf,
    born: Instant,
    /// When to look next, in milliseconds after `born`.
    next: AtomicU64,
    seen: Mutex<Seen>,
    hasher: RandomState,
}

#[derive(Default)]
struct Seen {
    stamp: Option<Stamp>,
    /// Nothing can have changed while the metadata are the same.
    settled: bool,
    /// Tells whether what was read is new.
    content: u64,
}

/// What changes when a file is written, or another one takes its place.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode,
        }
    }

    fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|at| at.elapsed().ok());
        age.is_some_and(|age| age > COARSE)
    }
}

impl Watched {
    /// Reads the file for the first time.
    pub(super) fn read(path: PathBuf) -> Result<(Self, Entries), StoreError> {
        let watched = Self {
            path,
            born: Instant::now(),
            next: AtomicU64::new(millis(LOOK)),
            seen: Mutex::default(),
            hasher: RandomState::new(),
        };
        let read = watched.look(&mut watched.seen.lock());
        match read {
            Some(Ok(entries)) => Ok((watched, entries)),
            Some(Err(why)) => Err(StoreError::Value(watched.about(&why))),
            None => Err(StoreError::Value(watched.about("it has not been read"))),
        }
    }

    /// What the file holds, if it is time to look and it has changed. Of a
    /// file that is broken nothing, and a warning in the log.
    pub(super) fn changed(&self) -> Option<Entries> {
        let now = millis(self.born.elapsed());
        if now < self.next.load(Ordering::Relaxed) {
            return None;
        }
        // Somebody else is looking: what there is will do.
        let mut seen = self.seen.try_lock()?;
        self.next
            .store(now.saturating_add(millis(LOOK)), Ordering::Relaxed);
        match self.look(&mut seen)? {
            Ok(entries) => {
                tracing::info!("{}", self.about("it has changed and was read again"));
                Some(entries)
            }
            Err(why) => {
                let why = self.about(&why);
                tracing::warn!("{why}; the config store keeps what it has");
                None
            }
        }
    }

    /// What the file holds, or what is wrong with it; nothing if that is the
    /// same as before.
    fn look(&self, seen: &mut Seen) -> Option<Result<Entries, String>> {
        let metadata = fs::metadata(&self.path);
        let stamp = metadata.as_ref().ok().map(Stamp::of);
        if seen.settled && seen.stamp == stamp {
            return None;
        }
        let text = metadata
            .map_err(|error| error.to_string())
            .and_then(|metadata| self.text(&metadata));
        let content = self.hasher.hash_one(&text);
        let same = seen.content == content;
        *seen = Seen {
            stamp,
            settled: stamp.is_some_and(|stamp| stamp.is_settled()),
            content,
        };
        (!same).then(|| text.and_then(|text| parse(&text)))
    }

    fn text(&self, metadata: &Metadata) -> Result<String, String> {
        if metadata.len() > limits::CONFIG_FILE {
            return Err(format!(
                "it has {} bytes, the limit is {}",
                metadata.len(),
                limits::CONFIG_FILE
            ));
        }
        fs::read_to_string(&self.path).map_err(|error| error.to_string())
    }

    fn about(&self, what: &str) -> String {
        format!("`{}`: {what}", self.path.display())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn parse(text: &str) -> Result<Entries, String> {
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))?;
    if object.len() > limits::STORE_ENTRIES {
        return Err(super::too_many().to_string());
    }
    let mut entries = Entries::new();
    for (key, value) in object {
        let Value::String(value) = value else {
            return Err(format!("the value of {key:?} is not a string"));
        };
        check_entry(&key, &value).map_err(|error| error.to_string())?;
        entries.insert(key, Arc::from(value));
    }
    Ok(entries)
}
