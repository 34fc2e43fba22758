//! The process's environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is taken from the environment, by the names it has there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    pub(crate) variables: BTreeMap<String, String>,
}

impl Environment {
    /// The process's own.
    pub(crate) fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(unicode).collect(),
        }
    }

    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// `fastlike` in the user's folder for caches (XDG base directories).
    pub(super) fn compile_cache(&self) -> Option<PathBuf> {
        let caches = match self.get("XDG_CACHE_HOME") {
            // The specification tells to ignore a relative one.
            Some(folder) if Path::new(folder).is_absolute() => PathBuf::from(folder),
            _ => Path::new(self.get("HOME")?).join(".cache"),
        };
        Some(caches.join("fastlike"))
    }
}
