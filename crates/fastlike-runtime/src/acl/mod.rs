//! Access control lists: whether an address is let in.

mod entry;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

pub use entry::{AclAction, AclEntry, AclPrefix};
use table::Table;

use crate::limits;
use crate::named::{Kind, Named, StoreError, check_name};

/// An access control list. A handle: clones are the same list.
///
/// The entry with the longest prefix counts. There is one entry a prefix: one
/// that comes later takes the place of one that was there.
///
/// An IPv4 address in an IPv6 one (`::ffff:192.0.2.1`) is looked up as the
/// IPv4 address that it is, and a prefix of such addresses
/// (`::ffff:192.0.2.0/120`) is one of IPv4. Which of the two forms a client
/// comes with depends on how the listener is bound.
#[derive(Clone, Default)]
pub struct Acl(Arc<ArcSwap<Table>>);

/// A change of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclChange {
    /// Adds the entry, or replaces the one with its prefix.
    Set(AclEntry),
    /// Removes the entry with this prefix, if there is one.
    Remove(AclPrefix),
}

impl Acl {
    /// The entry that counts for an address.
    pub fn lookup(&self, address: IpAddr) -> Option<AclEntry> {
        self.0.load().lookup(address)
    }

    /// The entry of exactly this prefix.
    pub fn get(&self, prefix: &AclPrefix) -> Option<AclEntry> {
        self.0.load().get(*prefix)
    }

    /// All entries: IPv4 first, each in the order of addresses, shorter
    /// prefixes first.
    pub fn entries(&self) -> Vec<AclEntry> {
        self.0.load().entries()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.load().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes all the changes in their order, or none. Takes time and memory in
    /// proportion to the whole list, so many at once are better than one by
    /// one.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there would be more than 250,000 entries.
    pub fn change(&self, changes: &[AclChange]) -> Result<(), StoreError> {
        let mut full = false;
        self.0.rcu(|table| {
            let mut changed = Table::clone(table);
            for change in changes {
                match change {
                    AclChange::Set(entry) => changed.set(*entry),
                    AclChange::Remove(prefix) => changed.remove(*prefix),
                }
            }
            full = changed.len() > limits::ACL_ENTRIES;
            if full {
                Arc::clone(table)
            } else {
                Arc::new(changed)
            }
        });
        if full { Err(too_many()) } else { Ok(()) }
    }

    /// Replaces all entries at once.
    ///
    /// # Errors
    /// [`StoreError::Full`] for more than 250,000; then nothing has changed.
    pub fn replace(&self, entries: impl IntoIterator<Item = AclEntry>) -> Result<(), StoreError> {
        let mut table = Table::default();
        for entry in entries {
            table.set(entry);
            if table.len() > limits::ACL_ENTRIES {
                return Err(too_many());
            }
        }
        self.0.store(Arc::new(table));
        Ok(())
    }
}

fn too_many() -> StoreError {
    StoreError::Full {
        what: "entries in an ACL",
        max: limits::ACL_ENTRIES,
    }
}

impl fmt::Debug for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Acl({} entries)", self.len())
    }
}

/// The access control lists of a service, by name. A handle: clones are the
/// same lists, and a program that has one open sees its changes.
#[derive(Clone, Debug)]
pub struct Acls(Arc<Named<Acl>>);

impl Default for Acls {
    fn default() -> Self {
        Self(Arc::new(Named::new(Kind {
            one: "ACL",
            section: "acls",
        })))
    }
}

impl Acls {
    /// The names of the lists, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.names()
    }

    /// The list of this name.
    pub fn get(&self, name: &str) -> Option<Acl> {
        self.0.get(name)
    }

    /// The list of this name, made if there is none.
    ///
    /// # Errors
    /// [`StoreError::Name`] unless the name has 1 to 255 bytes,
    /// [`StoreError::Full`] when there are 1,000 lists.
    pub fn create(&self, name: &str) -> Result<Acl, StoreError> {
        check_name("an ACL", name)?;
        self.0.get_or_insert(name, Acl::default)
    }

    /// A list that is made now; `None` if there is one of this name. Of
    /// several who make it at a time, one is given it.
    ///
    /// # Errors
    /// As [`Acls::create`].
    pub fn create_new(&self, name: &str) -> Result<Option<Acl>, StoreError> {
        check_name("an ACL", name)?;
        self.0.insert_new(name, Acl::default)
    }

    /// Removes a list; false if there was none. A program that has it open
    /// keeps it.
    pub fn remove(&self, name: &str) -> bool {
        self.0.remove(name)
    }

    pub(crate) fn insert(&self, name: &str, acl: Acl) -> Result<(), StoreError> {
        check_name("an ACL", name)?;
        self.0.insert(name, acl)
    }

    pub(crate) fn warn_unknown(&self, name: &str) {
        self.0.warn_unknown(name);
    }
}
