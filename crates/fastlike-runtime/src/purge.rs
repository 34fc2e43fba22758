//! Purging: removing what is cached under a surrogate key, or making it stale.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::fastlike::Fastlike;
use crate::limits;

/// What becomes of purged objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PurgeMode {
    /// They are gone.
    Hard,
    /// They are stale: good for as long as stale objects are.
    Soft,
}

/// A surrogate key: 1 to 1024 visible ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SurrogateKey<'a>(&'a str);

impl<'a> SurrogateKey<'a> {
    /// The key, if it can be one.
    pub(crate) fn new(key: &'a str) -> Option<Self> {
        let fits = (1..=limits::SURROGATE_KEY).contains(&key.len());
        (fits && key.bytes().all(|byte| byte.is_ascii_graphic())).then_some(Self(key))
    }

    /// The key itself.
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }
}

/// Something whose objects have surrogate keys.
pub(crate) trait Purge: Send + Sync {
    /// Purges the objects with this key, and says how many they were.
    fn purge(&self, key: SurrogateKey<'_>, mode: PurgeMode) -> usize;
}

/// Everything that a purge reaches.
pub(crate) struct Purger {
    caches: Vec<Arc<dyn Purge>>,
    process: u64,
    next: AtomicU64,
    said: AtomicBool,
}

/// A purge that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Purged {
    /// Letters and digits, different for each purge.
    pub(crate) id: String,
    /// Objects that were purged.
    pub(crate) objects: usize,
}

impl Purger {
    /// A purger of these caches, whose ids differ from other processes' by a
    /// random number.
    pub(crate) fn new(caches: Vec<Arc<dyn Purge>>, process: u64) -> Self {
        Self {
            caches,
            process,
            next: AtomicU64::new(0),
            said: AtomicBool::new(false),
        }
    }

    /// Purges a key in all caches.
    pub(crate) fn purge(&self, key: SurrogateKey<'_>, mode: PurgeMode) -> Purged {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}{number:08x}", self.process);
        let purge = |cache: &Arc<dyn Purge>| cache.purge(key, mode);
        let objects = self.caches.iter().map(purge).sum();
        if self.caches.is_empty() && !self.said.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "the surrogate key {:?} is purged: nothing is cached here yet, so there was \
                 nothing to remove",
                key.as_str()
            );
        }
        tracing::debug!(id, objects, "purged {:?} ({mode:?})", key.as_str());
        Purged { id, objects }
    }
}

impl Purged {
    /// The answer of the platform's purge API.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!({ "id": self.id, "status": "ok" }).to_string()
    }
}

/// A text that cannot be a surrogate key.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[error(
    "a surrogate key has 1 to {} visible ASCII characters",
    limits::SURROGATE_KEY
)]
pub struct InvalidSurrogateKey;

impl Fastlike {
    /// Purges what is cached under a surrogate key, or makes it stale if
    /// `soft`, and gives the purge's id: letters and digits.
    ///
    /// # Errors
    /// If the key has not 1 to 1024 visible ASCII characters.
    pub fn purge(&self, key: &str, soft: bool) -> Result<String, InvalidSurrogateKey> {
        let key = SurrogateKey::new(key).ok_or(InvalidSurrogateKey)?;
        let mode = if soft {
            PurgeMode::Soft
        } else {
            PurgeMode::Hard
        };
        let service = self.clone().into_service();
        Ok(service.world.purger.purge(key, mode).id)
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Cache(Mutex<Vec<(String, PurgeMode)>>);

    impl Purge for Cache {
        fn purge(&self, key: SurrogateKey<'_>, mode: PurgeMode) -> usize {
            self.0.lock().push((key.as_str().to_owned(), mode));
            3
        }
    }

    #[test]
    fn a_key_has_1_to_1024_visible_characters() {
        let good = |key: &str| SurrogateKey::new(key).is_some();
        assert!(good("a") && good("~!{}\"") && good(&"k".repeat(limits::SURROGATE_KEY)));
        for wrong in ["", "two keys", "tab\t", "é", "\u{7f}"] {
            assert!(!good(wrong), "{wrong:?}");
        }
        assert!(!good(&"k".repeat(limits::SURROGATE_KEY + 1)));
    }

    #[test]
    fn a_purge_reaches_every_cache_and_has_an_id_of_its_own() {
        let caches = [Arc::new(Cache::default()), Arc::new(Cache::default())];
        let all = caches.iter().map(|c| Arc::clone(c) as Arc<dyn Purge>);
        let purger = Purger::new(all.collect(), 7);
        let key = SurrogateKey::new("news").expect("a key");
        let (one, two) = (
            purger.purge(key, PurgeMode::Hard),
            purger.purge(key, PurgeMode::Soft),
        );
        assert_eq!((one.objects, two.objects), (6, 6));
        assert_ne!(one.id, two.id);
        assert!(one.id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(
            one.to_json(),
            format!("{{\"id\":\"{}\",\"status\":\"ok\"}}", one.id)
        );
        let seen = [PurgeMode::Hard, PurgeMode::Soft].map(|mode| ("news".to_owned(), mode));
        for cache in caches {
            assert_eq!(*cache.0.lock(), seen);
        }
    }
}
