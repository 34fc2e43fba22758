//! The stores that a service begins with.

use std::path::PathBuf;

use super::Builder;
use crate::acl::{Acl, AclEntry, Acls};
use crate::config_store::{ConfigProvider, ConfigStore, ConfigStores};
use crate::error::StartError;
use crate::named::StoreError;
use crate::secret_store::{Secret, SecretStores};

/// Stores as they are collected.
#[derive(Default)]
pub(super) struct Stores {
    pub(super) config: ConfigStores,
    pub(super) secret: SecretStores,
    pub(super) acls: Acls,
    /// The first that cannot be.
    wrong: Option<String>,
}

impl Stores {
    pub(super) fn check(&self) -> Result<(), StartError> {
        match &self.wrong {
            Some(wrong) => Err(StartError::Settings(wrong.clone())),
            None => Ok(()),
        }
    }

    fn note(&mut self, kind: &str, name: &str, done: Result<(), StoreError>) {
        if let Err(error) = done {
            self.wrong
                .get_or_insert_with(|| format!("{kind} {name:?}: {error}"));
        }
    }
}

impl Builder {
    /// A config store (or dictionary, which is the same) with these entries.
    /// A later one of the same name takes its place.
    pub fn config_store<K: Into<String>, V: AsRef<str>>(
        mut self,
        name: impl Into<String>,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let name = name.into();
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value.as_ref().to_owned()));
        let store = ConfigStore::default();
        let done = store
            .replace(entries)
            .and_then(|()| self.stores.config.insert(&name, store));
        self.stores.note("config store", &name, done);
        self
    }

    /// A config store that a JSON file holds: an object of strings. Changes of
    /// the file are seen within a second of the store being opened; while the
    /// file is broken, the store keeps what it had and a warning is logged.
    pub fn config_store_file(mut self, name: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        let name = name.into();
        let done = ConfigStore::file(file.into())
            .and_then(|store| self.stores.config.insert(&name, store));
        self.stores.note("config store", &name, done);
        self
    }

    /// A config store that looks values up by itself.
    pub fn config_store_provider(
        mut self,
        name: impl Into<String>,
        provider: impl ConfigProvider,
    ) -> Self {
        let name = name.into();
        let done = self
            .stores
            .config
            .insert(&name, ConfigStore::computed(provider));
        self.stores.note("config store", &name, done);
        self
    }

    /// As [`Builder::secret_store`], with secrets that are in order.
    pub fn secret_store_of(
        mut self,
        name: impl Into<String>,
        secrets: impl IntoIterator<Item = (String, Secret)>,
    ) -> Self {
        let name = name.into();
        let made = self.stores.secret.create(&name);
        let done = made.and_then(|store| store.replace(secrets));
        self.stores.note("secret store", &name, done);
        self
    }

    /// A secret store with these secrets. A later one of the same name takes
    /// its place.
    pub fn secret_store<K: Into<String>, V: Into<Vec<u8>>>(
        mut self,
        name: impl Into<String>,
        secrets: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let name = name.into();
        let secrets: Result<Vec<_>, _> = secrets
            .into_iter()
            .map(|(key, value)| Ok((key.into(), Secret::new(value)?)))
            .collect();
        let done = self
            .stores
            .secret
            .create(&name)
            .and_then(|store| store.replace(secrets?));
        self.stores.note("secret store", &name, done);
        self
    }

    /// An access control list with these entries, of which the longest prefix
    /// counts, and of two with one prefix the later. A later list of the same
    /// name takes its place.
    pub fn acl(
        mut self,
        name: impl Into<String>,
        entries: impl IntoIterator<Item = AclEntry>,
    ) -> Self {
        let name = name.into();
        let acl = Acl::default();
        let done = acl
            .replace(entries)
            .and_then(|()| self.stores.acls.insert(&name, acl));
        self.stores.note("ACL", &name, done);
        self
    }
}
