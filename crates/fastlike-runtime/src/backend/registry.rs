//! Which backend a name stands for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::dynamic::{DynamicBackends, DynamicSettings, Unmade};
use super::{Backend, Connections, Origin};
use crate::limits;

/// Chooses the backend of a name that is not configured.
type Fallback = Box<dyn Fn(&str) -> Option<Arc<dyn Backend>> + Send + Sync>;

/// The backends of a service, by name.
#[derive(Default)]
pub(crate) struct Registry {
    configured: HashMap<String, Arc<dyn Backend>>,
    /// Backends that the platform itself has; not listed among the names.
    built_in: HashMap<&'static str, Arc<dyn Backend>>,
    fallback: Option<Fallback>,
    /// What the fallback answered: asked twice, it might make two pools.
    remembered: RwLock<HashMap<String, Arc<dyn Backend>>>,
    dynamic: DynamicBackends,
    warned: Mutex<HashSet<String>>,
}

/// A name that no backend can have.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
#[error("a backend's name has 1 to {} bytes, and {name:?} has {}", limits::BACKEND_NAME, name.len())]
pub(crate) struct InvalidName {
    name: String,
}

impl Registry {
    /// Registers a backend; a later one of the same name takes its place.
    pub(crate) fn insert(
        &mut self,
        name: impl Into<String>,
        backend: Arc<dyn Backend>,
    ) -> Result<(), InvalidName> {
        let name = name.into();
        if name.is_empty() || name.len() > limits::BACKEND_NAME {
            return Err(InvalidName { name });
        }
        self.configured.insert(name, backend);
        Ok(())
    }

    /// Registers a backend that the platform itself has.
    pub(crate) fn insert_built_in(&mut self, name: &'static str, backend: Arc<dyn Backend>) {
        self.built_in.insert(name, backend);
    }

    /// Has `fallback` choose the backends of names that are not configured.
    /// What it chose is remembered, so it is normally asked once for a name.
    pub(crate) fn set_fallback(
        &mut self,
        fallback: impl Fn(&str) -> Option<Arc<dyn Backend>> + Send + Sync + 'static,
    ) {
        self.fallback = Some(Box::new(fallback));
    }

    /// The backend of this name, configured or chosen by the fallback.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn Backend>> {
        if let Some(backend) = self.configured.get(name) {
            return Some(Arc::clone(backend));
        }
        if let Some(backend) = self.built_in.get(name) {
            return Some(Arc::clone(backend));
        }
        let fallback = self.fallback.as_ref()?;
        if let Some(backend) = self.remembered.read().get(name) {
            return Some(Arc::clone(backend));
        }
        let backend = fallback(name)?;
        let mut remembered = self.remembered.write();
        if let Some(earlier) = remembered.get(name) {
            return Some(Arc::clone(earlier));
        }
        backend.start();
        if remembered.len() < limits::FALLBACK_BACKENDS {
            remembered.insert(name.to_owned(), Arc::clone(&backend));
        }
        Some(backend)
    }

    /// Whether guests may make backends; they may by default.
    pub(crate) fn allow_dynamic(&mut self, yes: bool) {
        self.dynamic.allow(yes);
    }

    /// A backend that a guest asks for by its settings.
    pub(crate) fn dynamic(&self, settings: DynamicSettings) -> Result<Arc<Origin>, Unmade> {
        self.dynamic.get(settings)
    }

    /// Whether a backend of this name is configured, or the platform's own.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.configured.contains_key(name) || self.built_in.contains_key(name)
    }

    /// Has backends begin with what goes on by itself.
    pub(crate) fn start(&self) {
        self.configured.values().for_each(Backend::start);
    }

    /// The connections of those that have a name for good, in no order.
    pub(crate) fn connections(&self) -> Vec<(String, Connections)> {
        let mut all = Vec::new();
        let mut add = |(name, backend): (&String, &Arc<dyn Backend>)| {
            all.extend(backend.connections().map(|now| (name.clone(), now)));
        };
        self.configured.iter().for_each(&mut add);
        self.remembered.read().iter().for_each(add);
        all
    }

    /// The configured names in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.configured.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Warns that a guest asked for a backend that there is not; once a name.
    pub(crate) fn warn_unknown(&self, name: &str) {
        if let Some(warning) = self.warning(name) {
            tracing::warn!("{warning}");
        }
    }

    /// The warning about `name`, the first time.
    fn warning(&self, name: &str) -> Option<String> {
        let mut warned = self.warned.lock();
        if warned.len() >= limits::UNKNOWN_BACKEND_WARNINGS || !warned.insert(name.to_owned()) {
            return None;
        }
        drop(warned);
        let names = self.names();
        let configured = if names.is_empty() {
            "none is configured".to_owned()
        } else {
            format!("configured: {}", names.join(", "))
        };
        Some(format!(
            "there is no backend named {name:?} ({configured}); add it with --backend \
             NAME=URL, as [local_server.backends.NAME] in fastly.toml, or with \
             Builder::backend"
        ))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("names", &self.names())
            .field("fallback", &self.fallback.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::backend::backend_fn;

    fn backend() -> Arc<dyn Backend> {
        Arc::new(backend_fn(|_| async { http::Response::new(()) }))
    }

    #[test]
    fn a_backend_is_found_by_its_name_only() {
        let mut registry = Registry::default();
        let first = backend();
        registry
            .insert("first", Arc::clone(&first))
            .expect("valid name");
        let found = registry.get("first").expect("configured");
        assert!(Arc::ptr_eq(&found, &first));
        assert!(registry.get("First").is_none());
        assert!(registry.get("").is_none());
    }

    #[test]
    fn a_name_has_one_to_255_bytes() {
        let mut registry = Registry::default();
        registry
            .insert("x".repeat(limits::BACKEND_NAME), backend())
            .expect("at the limit");
        let long = registry.insert("x".repeat(limits::BACKEND_NAME + 1), backend());
        assert!(long.is_err_and(|error| error.to_string().contains("has 256")));
        assert!(registry.insert("", backend()).is_err());
    }

    #[test]
    fn the_fallback_is_asked_once_for_a_name_that_is_not_configured() {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut registry = Registry::default();
        registry.insert("known", backend()).expect("valid name");
        let counter = Arc::clone(&asked);
        registry.set_fallback(move |name| {
            counter.fetch_add(1, Ordering::Relaxed);
            (name != "nobody").then(backend)
        });
        registry.get("known").expect("configured");
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        let one = registry.get("any").expect("fallback");
        let two = registry.get("any").expect("fallback");
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(registry.get("nobody").is_none());
    }

    #[test]
    fn what_the_fallback_chose_is_remembered_up_to_a_limit() {
        let mut registry = Registry::default();
        registry.set_fallback(|_| Some(backend()));
        let same = |name: &str| {
            let (one, two) = (registry.get(name), registry.get(name));
            Arc::ptr_eq(&one.expect("fallback"), &two.expect("fallback"))
        };
        for number in 0..limits::FALLBACK_BACKENDS {
            assert!(same(&number.to_string()));
        }
        assert!(!same("one too many"));
        assert_eq!(registry.remembered.read().len(), limits::FALLBACK_BACKENDS);
    }

    #[test]
    fn an_unknown_name_is_warned_about_once_with_the_names_there_are() {
        let mut registry = Registry::default();
        assert!(
            registry
                .warning("a")
                .is_some_and(|w| w.contains("none is configured"))
        );
        registry.insert("zeta", backend()).expect("valid name");
        registry.insert("alpha", backend()).expect("valid name");
        let warning = registry.warning("api").expect("the first time");
        assert!(warning.contains("\"api\" (configured: alpha, zeta)"));
        assert!(warning.contains("--backend NAME=URL"), "{warning}");
        assert_eq!(registry.warning("api"), None);
    }

    #[test]
    fn warnings_are_bounded() {
        let registry = Registry::default();
        for number in 0..limits::UNKNOWN_BACKEND_WARNINGS {
            assert!(registry.warning(&number.to_string()).is_some());
        }
        assert_eq!(registry.warning("one too many"), None);
    }
}
