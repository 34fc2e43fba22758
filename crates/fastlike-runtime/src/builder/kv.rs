//! The KV stores that a service begins with.

use std::path::PathBuf;

use crate::error::StartError;
use crate::kv::KvSeed;
pub(super) use crate::kv::Seeds;
use crate::state::{State, StateError};

use super::Builder;

/// Where the state of a service is.
#[derive(Default)]
pub(super) enum Place {
    #[default]
    Memory,
    Directory(PathBuf),
    Given(State),
}

impl Place {
    pub(super) fn open(self) -> Result<State, StateError> {
        match self {
            Self::Memory => Ok(State::in_memory()),
            Self::Directory(directory) => State::open(directory),
            Self::Given(state) => Ok(state),
        }
    }
}

impl Builder {
    /// What the program's KV stores and rate counters are kept in. Without
    /// one, the service has its own, in memory.
    pub fn state(mut self, state: State) -> Self {
        self.state = Place::Given(state);
        self
    }

    /// As [`Builder::state`] with a directory, which [`State::open`] opens
    /// when the service is built.
    pub fn state_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.state = Place::Directory(directory.into());
        self
    }

    /// A KV store with these entries at first; one without entries is empty,
    /// and those that are given later are added.
    ///
    /// The store is made in the [`State`] if it is not there yet. An entry is
    /// written unless the state was given the same content for its key the
    /// last time: what programs do with the key afterwards lasts over reloads
    /// and, in a state directory, restarts, its deletion included, until the
    /// entry given here changes.
    pub fn kv_store<K: Into<String>, V: Into<KvSeed>>(
        mut self,
        name: impl Into<String>,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, seed)| (key.into(), seed.into()));
        self.kv_seeds
            .entry(name.into())
            .or_default()
            .extend(entries);
        self
    }
}

/// Makes the stores and writes what they begin with, or does nothing.
pub(super) fn sow(state: &State, seeds: Seeds) -> Result<(), StartError> {
    let sown = state.kv_stores().sow(seeds);
    sown.map_err(|(name, error)| StartError::Settings(format!("KV store {name:?}: {error}")))
}
