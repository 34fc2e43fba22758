//! Secrets: values that nobody sees but the program, in stores by name.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

use crate::limits;
use crate::named::{Kind, Named, StoreError};

/// A value that is never shown, and overwritten with zeros when the last
/// handle on it is dropped.
///
/// Cloning gives another handle on the same bytes.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Takes the bytes, without a copy that would stay in memory.
    ///
    /// # Errors
    /// [`StoreError::Value`] for more than 64 KiB, the platform's limit. The
    /// bytes are overwritten then, too.
    pub fn new(value: impl Into<Vec<u8>>) -> Result<Self, StoreError> {
        let value = Zeroizing::new(value.into());
        if value.len() > limits::SECRET {
            return Err(StoreError::Value(format!(
                "a secret has at most {} bytes, and this one has {}",
                limits::SECRET,
                value.len()
            )));
        }
        Ok(Self(Arc::new(value)))
    }

    /// The bytes. Who copies them is responsible for the copy.
    pub fn plaintext(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.plaintext() == other.plaintext()
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.plaintext().hash(state);
    }
}

/// True for the name of a secret or of a secret store: 1 to 255 of
/// `A-Z a-z 0-9 . _ -` (platform facts, section 2.2).
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=limits::SECRET_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    if is_name(name) {
        return Ok(());
    }
    Err(StoreError::Name(format!(
        "the name of a {what} has 1 to {} letters, digits, `.`, `_` or `-`, which {name:?} is not",
        limits::SECRET_NAME
    )))
}

/// A secret store. A handle: clones are the same store.
#[derive(Clone, Default)]
pub struct SecretStore(Arc<ArcSwap<BTreeMap<String, Secret>>>);

impl SecretStore {
    /// The names of its secrets, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.load().keys().cloned().collect()
    }

    /// The secret of this name.
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.0.load().get(name).cloned()
    }

    /// Adds a secret, or replaces the one of this name, which is true then.
    ///
    /// # Errors
    /// [`StoreError::Name`] unless the name has 1 to 255 letters, digits, `.`,
    /// `_` or `-`; [`StoreError::Full`] when there are 10,000.
    pub fn insert(&self, name: &str, secret: Secret) -> Result<bool, StoreError> {
        self.write(name, &secret, |_| true)
    }

    /// Adds a secret; false if there is one of this name, which stays.
    ///
    /// # Errors
    /// As [`SecretStore::insert`].
    pub fn insert_new(&self, name: &str, secret: Secret) -> Result<bool, StoreError> {
        Ok(!self.write(name, &secret, |there| !there)?)
    }

    /// Replaces the secret of this name; false if there is none.
    ///
    /// # Errors
    /// As [`SecretStore::insert`].
    pub fn update(&self, name: &str, secret: Secret) -> Result<bool, StoreError> {
        self.write(name, &secret, |there| there)
    }

    /// Writes a secret if `may`, which is told whether there is one of this
    /// name, says so. Gives whether there was one.
    fn write(
        &self,
        name: &str,
        secret: &Secret,
        may: impl Fn(bool) -> bool,
    ) -> Result<bool, StoreError> {
        check_name("secret", name)?;
        let mut full = false;
        let before = self.0.rcu(|secrets| {
            let there = secrets.contains_key(name);
            let wanted = may(there);
            full = wanted && !there && secrets.len() >= limits::STORE_ENTRIES;
            if full || !wanted {
                return Arc::clone(secrets);
            }
            let mut secrets = BTreeMap::clone(secrets);
            secrets.insert(name.to_owned(), secret.clone());
            Arc::new(secrets)
        });
        if full {
            return Err(too_many());
        }
        Ok(before.contains_key(name))
    }

    /// Removes a secret; false if there was none.
    pub fn remove(&self, name: &str) -> bool {
        let before = self.0.rcu(|secrets| {
            let mut secrets = BTreeMap::clone(secrets);
            secrets.remove(name);
            secrets
        });
        before.contains_key(name)
    }

    /// Replaces all secrets at once. Of two with one name, the later counts.
    ///
    /// # Errors
    /// As [`SecretStore::insert`]; then nothing has changed.
    pub fn replace(
        &self,
        secrets: impl IntoIterator<Item = (String, Secret)>,
    ) -> Result<(), StoreError> {
        let secrets: BTreeMap<String, Secret> = secrets.into_iter().collect();
        for name in secrets.keys() {
            check_name("secret", name)?;
        }
        if secrets.len() > limits::STORE_ENTRIES {
            return Err(too_many());
        }
        self.0.store(Arc::new(secrets));
        Ok(())
    }
}

fn too_many() -> StoreError {
    StoreError::Full {
        what: "secrets in a store",
        max: limits::STORE_ENTRIES,
    }
}

impl fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// The secret stores of a service, by name. A handle: clones are the same
/// stores, and a program that has one open sees its changes.
#[derive(Clone, Debug)]
pub struct SecretStores(Arc<Named<SecretStore>>);

impl Default for SecretStores {
    fn default() -> Self {
        Self(Arc::new(Named::new(Kind {
            one: "secret store",
            section: "secret_stores",
        })))
    }
}

impl SecretStores {
    /// The names of the stores, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.names()
    }

    /// The store of this name.
    pub fn get(&self, name: &str) -> Option<SecretStore> {
        self.0.get(name)
    }

    /// The store of this name, made if there is none.
    ///
    /// # Errors
    /// [`StoreError::Name`] unless the name has 1 to 255 letters, digits, `.`,
    /// `_` or `-`; [`StoreError::Full`] when there are 1,000 stores.
    pub fn create(&self, name: &str) -> Result<SecretStore, StoreError> {
        check_name("secret store", name)?;
        self.0.get_or_insert(name, SecretStore::default)
    }

    /// A store that is made now; `None` if there is one of this name. Of
    /// several who make it at a time, one is given it.
    ///
    /// # Errors
    /// As [`SecretStores::create`].
    pub fn create_new(&self, name: &str) -> Result<Option<SecretStore>, StoreError> {
        check_name("secret store", name)?;
        self.0.insert_new(name, SecretStore::default)
    }

    /// Removes a store; false if there was none. A program that has it open
    /// keeps it.
    pub fn remove(&self, name: &str) -> bool {
        self.0.remove(name)
    }

    pub(crate) fn warn_unknown(&self, name: &str) {
        self.0.warn_unknown(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(value: &str) -> Secret {
        Secret::new(value).expect("short")
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let stores = SecretStores::default();
        let store = stores.create("store").expect("a name");
        store.insert("key", secret("hush")).expect("room");
        let shown = format!("{:?} {store:?} {stores:?}", store.get("key"));
        assert_eq!(
            shown,
            "Some(Secret(***)) {\"key\"} SecretStores({\"store\"})"
        );
    }

    #[test]
    fn a_secret_has_at_most_64_kib() {
        Secret::new(vec![0; limits::SECRET]).expect("at the limit");
        let error = Secret::new(vec![0; limits::SECRET + 1]).expect_err("past it");
        let expected = "a secret has at most 65536 bytes, and this one has 65537";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn names_are_of_letters_digits_and_three_signs() {
        let longest = "n".repeat(limits::SECRET_NAME);
        for name in ["a", "A.b_c-9", longest.as_str()] {
            assert!(is_name(name), "{name}");
        }
        let too_long = "n".repeat(limits::SECRET_NAME + 1);
        for name in ["", "a b", "ä", "a/b", too_long.as_str()] {
            assert!(!is_name(name), "{name}");
            assert!(SecretStores::default().create(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_store_is_full_at_its_limit_and_stays_as_it_was() {
        let store = SecretStore::default();
        let all = |n: usize| (0..n).map(|n| (n.to_string(), secret("x")));
        assert!(store.replace(all(limits::STORE_ENTRIES + 1)).is_err());
        assert_eq!(store.names().len(), 0);
        let most = limits::STORE_ENTRIES;
        store.replace(all(most)).expect("at the limit");
        assert!(store.insert("one-more", secret("x")).is_err());
        assert_eq!(store.insert("0", secret("y")), Ok(true));
        assert!(store.remove("0") && !store.remove("0"));
        assert_eq!(store.insert("one-more", secret("x")), Ok(false));
        assert!(store.insert_new("too-many", secret("x")).is_err());
        assert_eq!(store.insert_new("one-more", secret("y")), Ok(false));
        assert_eq!(store.update("too-many", secret("y")), Ok(false));
        assert_eq!(store.update("one-more", secret("z")), Ok(true));
        assert_eq!(store.get("one-more"), Some(secret("z")));
    }

    #[test]
    fn of_many_who_add_one_secret_at_a_time_one_has_added_it() {
        let store = SecretStore::default();
        for name in (0..100).map(|n: usize| n.to_string()) {
            let begin = std::sync::Barrier::new(8);
            let add = |value: usize| {
                begin.wait();
                let added = store.insert_new(&name, secret(&value.to_string()));
                added.expect("room").then_some(value)
            };
            let added: Vec<usize> = std::thread::scope(|scope| {
                let add = &add;
                let all: Vec<_> = (0..8)
                    .map(|value| scope.spawn(move || add(value)))
                    .collect();
                let added = all.into_iter().map(|one| one.join().expect("no panic"));
                added.flatten().collect()
            });
            assert_eq!(added.len(), 1, "{name}");
            assert_eq!(store.get(&name), Some(secret(&added[0].to_string())));
        }
    }

    #[test]
    fn an_open_store_sees_changes_and_outlives_its_name() {
        let stores = SecretStores::default();
        let open = stores.create("store").expect("a name");
        let again = stores.create("store").expect("the same");
        again.insert("key", secret("1")).expect("room");
        assert_eq!(open.get("key"), Some(secret("1")));
        assert!(stores.remove("store"));
        assert!(stores.get("store").is_none());
        assert_eq!(open.get("key"), Some(secret("1")));
    }
}
