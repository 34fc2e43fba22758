//! The stores of a service, by name: made from its configuration, changeable
//! while it runs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::limits;

/// Why a store cannot be made or changed. Stores stay as they were.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The store's or the entry's name cannot be one.
    #[error("{0}")]
    Name(String),
    /// The entry's value cannot be one.
    #[error("{0}")]
    Value(String),
    /// There is no more room.
    #[error("no more than {max} {what}")]
    Full {
        /// What there are so many of.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// The store looks its values up by itself, so there is nothing to change.
    #[error("this store is computed and cannot be changed")]
    Computed,
}

/// What kind of stores these are, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// One of them.
    pub(crate) one: &'static str,
    /// Where they are configured.
    pub(crate) section: &'static str,
}

/// Checks the name of a store; `what` is one, for the message.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    if (1..=limits::STORE_NAME).contains(&name.len()) {
        return Ok(());
    }
    Err(StoreError::Name(format!(
        "the name of {what} has 1 to {} bytes, and this one has {}",
        limits::STORE_NAME,
        name.len()
    )))
}

/// Names that were warned about; more of them are a guest that makes them up.
const WARNINGS: usize = 64;

/// Stores of one kind. `S` is a cheap handle on a store.
pub(crate) struct Named<S> {
    kind: Kind,
    /// Readers never wait: they have the map as it was when they looked.
    stores: ArcSwap<BTreeMap<String, S>>,
    warned: Mutex<HashSet<String>>,
}

impl<S: Clone> Named<S> {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            stores: ArcSwap::default(),
            warned: Mutex::default(),
        }
    }

    /// In order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.stores.load().keys().cloned().collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<S> {
        self.stores.load().get(name).cloned()
    }

    /// Adds a store; one of the same name is replaced.
    pub(crate) fn insert(&self, name: &str, store: S) -> Result<(), StoreError> {
        self.change(name, |stores| {
            stores.insert(name.to_owned(), store.clone());
        })
    }

    /// The store of this name, made if there is none.
    pub(crate) fn get_or_insert(&self, name: &str, make: impl Fn() -> S) -> Result<S, StoreError> {
        self.change(name, |stores| {
            stores.entry(name.to_owned()).or_insert_with(&make).clone()
        })
    }

    /// A store that is made now; `None` if there is one of this name.
    pub(crate) fn insert_new(
        &self,
        name: &str,
        make: impl Fn() -> S,
    ) -> Result<Option<S>, StoreError> {
        self.change(name, |stores| match stores.entry(name.to_owned()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => Some(place.insert(make()).clone()),
        })
    }

    /// False if there was none.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let before = self.stores.rcu(|stores| {
            let mut stores = BTreeMap::clone(stores);
            stores.remove(name);
            stores
        });
        before.contains_key(name)
    }

    /// Changes a copy of the map and puts it in the map's place; once more if
    /// somebody else did so in the meantime.
    fn change<T>(
        &self,
        name: &str,
        change: impl Fn(&mut BTreeMap<String, S>) -> T,
    ) -> Result<T, StoreError> {
        let mut result = None;
        self.stores.rcu(|stores| {
            if stores.len() >= limits::STORES && !stores.contains_key(name) {
                result = None;
                return std::sync::Arc::clone(stores);
            }
            let mut stores = BTreeMap::clone(stores);
            result = Some(change(&mut stores));
            std::sync::Arc::new(stores)
        });
        result.ok_or(StoreError::Full {
            what: "stores of a kind",
            max: limits::STORES,
        })
    }

    /// Warns once a name that a guest asked for what is not there.
    pub(crate) fn warn_unknown(&self, name: &str) {
        let mut warned = self.warned.lock();
        if warned.len() >= WARNINGS || !warned.insert(name.to_owned()) {
            return;
        }
        let Kind { one, section } = self.kind;
        let names = self.names();
        if names.is_empty() {
            tracing::warn!(
                "the guest opened the {one} {name:?}, which is not configured; there is none: \
                 [local_server.{section}] of fastly.toml is the place for them"
            );
        } else {
            tracing::warn!(
                "the guest opened the {one} {name:?}, which is not configured; configured: \
                 {names:?} (in [local_server.{section}] of fastly.toml)"
            );
        }
    }
}

impl<S: Clone> fmt::Debug for Named<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        one: "thing",
        section: "things",
    };

    #[test]
    fn there_are_so_many_stores_and_the_last_can_still_be_replaced() {
        let named = Named::new(KIND);
        let all: BTreeMap<String, usize> = (0..limits::STORES - 1)
            .map(|n| (n.to_string(), n))
            .collect();
        named.stores.store(std::sync::Arc::new(all));
        named.insert("last", 1).expect("at the limit");
        let full = named.insert("one more", 2).expect_err("past it");
        assert!(matches!(full, StoreError::Full { .. }));
        named.insert("last", 3).expect("replaced");
        assert_eq!(named.get("last"), Some(3));
        assert!(named.remove("last") && !named.remove("last"));
        assert_eq!(named.get_or_insert("one more", || 4), Ok(4));
        assert_eq!(named.get_or_insert("one more", || 5), Ok(4));
        assert_eq!(named.insert_new("one more", || 6), Ok(None));
        assert!(named.insert_new("too many", || 7).is_err());
        assert_eq!(named.get("one more"), Some(4));
    }

    #[test]
    fn of_many_who_make_one_store_at_a_time_one_has_made_it() {
        let named = Named::new(KIND);
        let makers = 8;
        for name in (0..100).map(|n: usize| n.to_string()) {
            let begin = std::sync::Barrier::new(makers);
            let make = |maker| {
                begin.wait();
                named.insert_new(&name, || maker).expect("room")
            };
            let made: Vec<usize> = std::thread::scope(|scope| {
                let make = &make;
                let all: Vec<_> = (0..makers)
                    .map(|maker| scope.spawn(move || make(maker)))
                    .collect();
                let made = all.into_iter().map(|one| one.join().expect("no panic"));
                made.flatten().collect()
            });
            assert_eq!(made.len(), 1, "{name}");
            assert_eq!(named.get(&name), made.first().copied());
        }
    }
}
