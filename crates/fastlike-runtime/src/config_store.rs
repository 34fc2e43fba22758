//! Config stores: values by key, also under their old name, dictionaries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

/// A config store.
///
/// Asked for each lookup of a guest, so it must answer at once.
pub trait ConfigStore: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &str) -> Option<Arc<str>>;
}

impl ConfigStore for HashMap<String, Arc<str>> {
    fn get(&self, key: &str) -> Option<Arc<str>> {
        HashMap::get(self, key).cloned()
    }
}

/// The stores of a service, by name.
#[derive(Default)]
pub(crate) struct ConfigStores {
    stores: HashMap<String, Arc<dyn ConfigStore>>,
    warned: Mutex<HashSet<String>>,
}

/// Names warned about; more of them are a guest that makes them up.
const WARNINGS: usize = 64;

impl ConfigStores {
    pub(crate) fn insert(&mut self, name: String, store: Arc<dyn ConfigStore>) {
        self.stores.insert(name, store);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn ConfigStore>> {
        self.stores.get(name).cloned()
    }

    /// The configured names in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.stores.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Warns once a name.
    pub(crate) fn warn_unknown(&self, name: &str) {
        let mut warned = self.warned.lock();
        if warned.len() < WARNINGS && warned.insert(name.to_owned()) {
            tracing::warn!(
                "the guest opened the config store {name:?}, which is not configured; configured: {:?}",
                self.names()
            );
        }
    }
}
