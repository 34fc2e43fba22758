//! Config stores: values by key, also under their old name, dictionaries.

mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::limits;
use crate::named::{Kind, Named, StoreError, check_name};

use file::Watched;
pub(crate) use file::check_entry;

/// Looks values up by itself, in place of a config store's entries.
///
/// Asked for each lookup of a guest, so it must answer at once.
pub trait ConfigProvider: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &str) -> Option<Arc<str>>;
}

/// What is in a store.
type Entries = BTreeMap<String, Arc<str>>;

/// A config store. A handle: clones are the same store.
#[derive(Clone, Default)]
pub struct ConfigStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entries: ArcSwap<Entries>,
    source: Source,
}

#[derive(Default)]
enum Source {
    /// What was written to it last.
    #[default]
    Written,
    /// The same, or what the file has held since.
    File(Watched),
    Computed(Box<dyn ConfigProvider>),
}

impl ConfigStore {
    /// The store that a JSON file holds.
    pub(crate) fn file(path: PathBuf) -> Result<Self, StoreError> {
        let (watched, entries) = Watched::read(path)?;
        Ok(Self(Arc::new(Inner {
            entries: ArcSwap::from_pointee(entries),
            source: Source::File(watched),
        })))
    }

    pub(crate) fn computed(provider: impl ConfigProvider) -> Self {
        Self(Arc::new(Inner {
            entries: ArcSwap::default(),
            source: Source::Computed(Box::new(provider)),
        }))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Arc<str>> {
        match &self.0.source {
            Source::Computed(provider) => provider.get(key),
            Source::Written | Source::File(_) => self.0.entries.load().get(key).cloned(),
        }
    }

    /// All keys with their values, in order; none of a store that looks them
    /// up by itself.
    pub fn entries(&self) -> Vec<(String, Arc<str>)> {
        let entries = self.0.entries.load();
        let owned = |(key, value): (&String, &Arc<str>)| (key.clone(), Arc::clone(value));
        entries.iter().map(owned).collect()
    }

    /// Adds an entry, or replaces the one with this key, which is true then.
    /// Where a file holds the store, this lasts until the file changes.
    ///
    /// # Errors
    /// [`StoreError::Name`] for a key that is empty or has more than 256
    /// characters, [`StoreError::Value`] for a value of more than 8,000,
    /// [`StoreError::Full`] when there are 10,000 entries, and
    /// [`StoreError::Computed`].
    pub fn insert(&self, key: &str, value: &str) -> Result<bool, StoreError> {
        let value: Arc<str> = Arc::from(value);
        let mut before = None;
        self.change(|entries| -> Result<(), StoreError> {
            before = entries.insert(key.to_owned(), Arc::clone(&value));
            Ok(())
        })?;
        Ok(before.is_some())
    }

    /// Removes an entry; false if there was none.
    ///
    /// # Errors
    /// [`StoreError::Computed`].
    pub fn remove(&self, key: &str) -> Result<bool, StoreError> {
        let mut before = None;
        self.change(|entries| -> Result<(), StoreError> {
            before = entries.remove(key);
            Ok(())
        })?;
        Ok(before.is_some())
    }

    /// Makes several changes at once, or none if `change` or a limit refuses
    /// them. Nobody else's changes come between, so `change` may be called
    /// again with what they have left.
    ///
    /// # Errors
    /// Those of `change`, and as [`ConfigStore::insert`].
    pub fn change<E: From<StoreError>>(
        &self,
        mut change: impl FnMut(&mut BTreeMap<String, Arc<str>>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.changeable()?;
        let mut done = Ok(());
        self.0.entries.rcu(|entries| {
            let mut changed = Entries::clone(entries);
            done = change(&mut changed).and_then(|()| Ok(check(&changed)?));
            if done.is_ok() {
                Arc::new(changed)
            } else {
                Arc::clone(entries)
            }
        });
        done
    }

    /// Replaces all entries at once. Of two with one key, the later counts.
    ///
    /// # Errors
    /// As [`ConfigStore::insert`]; then nothing has changed.
    pub fn replace(
        &self,
        entries: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), StoreError> {
        let entries: Entries = entries
            .into_iter()
            .map(|(key, value)| (key, Arc::from(value)))
            .collect();
        self.change(|all| {
            all.clone_from(&entries);
            Ok(())
        })
    }

    /// Looks whether the file has changed, at most once a second. Done when a
    /// guest opens the store, so that one run sees one state of it unless it
    /// opens it again.
    pub(crate) fn refresh(&self) {
        if let Source::File(watched) = &self.0.source
            && let Some(entries) = watched.changed()
        {
            self.0.entries.store(Arc::new(entries));
        }
    }

    fn changeable(&self) -> Result<(), StoreError> {
        match self.0.source {
            Source::Computed(_) => Err(StoreError::Computed),
            Source::Written | Source::File(_) => Ok(()),
        }
    }
}

/// Checks all entries against the platform's limits.
fn check(entries: &Entries) -> Result<(), StoreError> {
    if entries.len() > limits::STORE_ENTRIES {
        return Err(too_many());
    }
    entries
        .iter()
        .try_for_each(|(key, value)| check_entry(key, value))
}

fn too_many() -> StoreError {
    StoreError::Full {
        what: "entries in a config store",
        max: limits::STORE_ENTRIES,
    }
}

impl fmt::Debug for ConfigStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}

/// The config stores of a service, by name. A handle: clones are the same
/// stores, and a program that has one open sees its changes.
#[derive(Clone, Debug)]
pub struct ConfigStores(Arc<Named<ConfigStore>>);

impl Default for ConfigStores {
    fn default() -> Self {
        Self(Arc::new(Named::new(Kind {
            one: "config store",
            section: "config_stores",
        })))
    }
}

impl ConfigStores {
    /// The names of the stores, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.names()
    }

    /// The store of this name.
    pub fn get(&self, name: &str) -> Option<ConfigStore> {
        self.0.get(name)
    }

    /// The store of this name, made if there is none.
    ///
    /// # Errors
    /// [`StoreError::Name`] unless the name has 1 to 255 bytes,
    /// [`StoreError::Full`] when there are 1,000 stores.
    pub fn create(&self, name: &str) -> Result<ConfigStore, StoreError> {
        check_name("a config store", name)?;
        self.0.get_or_insert(name, ConfigStore::default)
    }

    /// A store that is made now; `None` if there is one of this name. Of
    /// several who make it at a time, one is given it.
    ///
    /// # Errors
    /// As [`ConfigStores::create`].
    pub fn create_new(&self, name: &str) -> Result<Option<ConfigStore>, StoreError> {
        check_name("a config store", name)?;
        self.0.insert_new(name, ConfigStore::default)
    }

    /// Removes a store; false if there was none. A program that has it open
    /// keeps it.
    pub fn remove(&self, name: &str) -> bool {
        self.0.remove(name)
    }

    pub(crate) fn insert(&self, name: &str, store: ConfigStore) -> Result<(), StoreError> {
        check_name("a config store", name)?;
        self.0.insert(name, store)
    }

    pub(crate) fn warn_unknown(&self, name: &str) {
        self.0.warn_unknown(name);
    }
}
