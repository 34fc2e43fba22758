//! Shields: POPs that gather the requests of all others on their way to an
//! origin.
//!
//! A service knows its shields by name. At each of them it either runs, or it
//! reaches it like a backend, at a URL for plain and one for encrypted traffic.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::backend::{
    Backend, BackendInfo, BoxFuture, Origin, OriginError, SendContext, SendError,
};
use crate::http::Body;
use crate::limits;

/// A shield, as seen from this service; see
/// [`Builder::shield`](crate::Builder::shield).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShieldSite {
    /// This service runs there.
    Running,
    /// It is elsewhere. Both are URLs as [`Origin::new`] takes them; that they
    /// differ is not needed, and on one machine both may be `http`.
    At {
        /// Where unencrypted traffic goes.
        plain: String,
        /// Where encrypted traffic goes.
        tls: String,
    },
}

/// What is wrong with a shield's settings.
#[derive(thiserror::Error, Debug, PartialEq, Eq)]
pub(crate) enum InvalidShield {
    #[error("a shield's name has 1 to {} bytes, and {name:?} has {}", limits::SHIELD_NAME, name.len())]
    Name { name: String },
    #[error("shield {name:?}: {source}")]
    Url { name: String, source: OriginError },
}

/// How a shield is reached (the ABI's `shield_backend_config`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShieldOptions {
    pub(crate) cache_key: Option<String>,
    /// Zero: any time.
    pub(crate) first_byte_timeout: Option<Duration>,
    /// Zero: any time.
    pub(crate) between_bytes_timeout: Option<Duration>,
}

/// A URL of a shield and its times: what has a pool of connections of its own.
type Key = (String, Option<Duration>, Option<Duration>);

/// The shields of a service, by name.
#[derive(Default)]
pub(crate) struct Shields {
    sites: BTreeMap<String, ShieldSite>,
    origins: Mutex<HashMap<Key, Arc<Origin>>>,
    warned: Mutex<HashSet<String>>,
}

impl Shields {
    /// Adds a shield; a later one of the same name takes its place.
    pub(crate) fn insert(&mut self, name: String, site: ShieldSite) -> Result<(), InvalidShield> {
        if name.is_empty() || name.len() > limits::SHIELD_NAME {
            return Err(InvalidShield::Name { name });
        }
        if let ShieldSite::At { plain, tls } = &site {
            for url in [plain, tls] {
                Origin::new(url).map_err(|source| InvalidShield::Url {
                    name: name.clone(),
                    source,
                })?;
            }
        }
        self.sites.insert(name, site);
        Ok(())
    }

    /// What a guest is told of a shield: a byte that is 1 if the service runs
    /// there, then the plain and the encrypted URL, a NUL after each (ABI
    /// facts, section 12).
    pub(crate) fn info(&self, name: &str) -> Option<Vec<u8>> {
        let (running, plain, tls) = match self.sites.get(name)? {
            ShieldSite::Running => (1, "", ""),
            ShieldSite::At { plain, tls } => (0, plain.as_str(), tls.as_str()),
        };
        let mut info = vec![running];
        for url in [plain, tls] {
            info.extend_from_slice(url.as_bytes());
            info.push(0);
        }
        Some(info)
    }

    /// A backend that leads to the URL of a shield, as [`Shields::info`] told
    /// it, with the name to know it by; `number` tells apart those that one
    /// guest makes. Any other URL leads nowhere: a shield is configured.
    pub(crate) fn backend(
        &self,
        url: &str,
        options: ShieldOptions,
        number: usize,
    ) -> Option<(String, Arc<dyn Backend>)> {
        let (site, kind) = self.at(url)?;
        let key = (
            url.to_owned(),
            options.first_byte_timeout,
            options.between_bytes_timeout,
        );
        let backend = ShieldBackend {
            origin: self.origin(key)?,
            cache_key: options.cache_key,
        };
        Some((format!("shield {number} {site} {kind}"), Arc::new(backend)))
    }

    /// The shield that has this URL, and what for.
    fn at(&self, url: &str) -> Option<(&str, &'static str)> {
        self.sites.iter().find_map(|(name, site)| match site {
            ShieldSite::At { plain, .. } if plain == url => Some((name.as_str(), "plain")),
            ShieldSite::At { tls, .. } if tls == url => Some((name.as_str(), "tls")),
            ShieldSite::At { .. } | ShieldSite::Running => None,
        })
    }

    /// The origin of these settings: the same for all sandboxes, so that they
    /// share its connections, up to a number of different settings.
    fn origin(&self, key: Key) -> Option<Arc<Origin>> {
        let mut origins = self.origins.lock();
        if let Some(origin) = origins.get(&key) {
            return Some(Arc::clone(origin));
        }
        let (url, first_byte, between_bytes) = &key;
        let mut origin = Origin::new(url).ok()?.dynamic();
        if let Some(timeout) = first_byte {
            origin = origin.first_byte_timeout(*timeout);
        }
        if let Some(timeout) = between_bytes {
            origin = origin.between_bytes_timeout(*timeout);
        }
        let origin = Arc::new(origin);
        if origins.len() < limits::SHIELD_ORIGINS {
            origins.insert(key, Arc::clone(&origin));
        }
        Some(origin)
    }

    /// Warns once a name that there is no such shield.
    pub(crate) fn warn_unknown(&self, name: &str) {
        let mut warned = self.warned.lock();
        if warned.len() >= limits::UNKNOWN_SHIELD_WARNINGS || !warned.insert(name.to_owned()) {
            return;
        }
        drop(warned);
        let names: Vec<&str> = self.sites.keys().map(String::as_str).collect();
        tracing::warn!(
            "the guest asked for the shield {name:?}, which is not configured (configured: \
             {names:?}); add it to [local_server.shielding_sites] in fastly.toml or with \
             Builder::shield"
        );
    }
}

impl fmt::Debug for Shields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shields")
            .field("sites", &self.sites)
            .finish_non_exhaustive()
    }
}

/// The way to a shield. Its cache key is kept for a cache that has not come
/// yet.
struct ShieldBackend {
    origin: Arc<Origin>,
    cache_key: Option<String>,
}

impl Backend for ShieldBackend {
    fn info(&self) -> &BackendInfo {
        self.origin.info()
    }

    fn send(
        &self,
        request: http::Request<Body>,
        cx: SendContext,
    ) -> BoxFuture<'static, Result<http::Response<Body>, SendError>> {
        self.origin.send(request, cx)
    }
}

impl fmt::Debug for ShieldBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShieldBackend")
            .field("origin", &self.origin)
            .field("cache_key", &self.cache_key)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(plain: &str, tls: &str) -> ShieldSite {
        ShieldSite::At {
            plain: plain.to_owned(),
            tls: tls.to_owned(),
        }
    }

    fn shields(sites: &[(&str, ShieldSite)]) -> Shields {
        let mut shields = Shields::default();
        for (name, site) in sites {
            let inserted = shields.insert((*name).to_owned(), site.clone());
            inserted.expect("a valid site");
        }
        shields
    }

    #[test]
    fn a_guest_is_told_in_bytes_where_a_shield_is() {
        let shields = shields(&[
            ("here", ShieldSite::Running),
            ("there", at("http://a:1", "https://a:2")),
        ]);
        assert_eq!(shields.info("here").as_deref(), Some(&b"\x01\0\0"[..]));
        assert_eq!(
            shields.info("there").as_deref(),
            Some(&b"\0http://a:1\0https://a:2\0"[..])
        );
        assert_eq!(shields.info("Here"), None);
    }

    #[test]
    fn a_name_has_1_byte_to_the_limit_and_a_url_names_an_origin() {
        let insert = |name: &str, site| Shields::default().insert(name.to_owned(), site);
        let longest = "x".repeat(limits::SHIELD_NAME);
        assert_eq!(insert(&longest, ShieldSite::Running), Ok(()));
        for name in [String::new(), format!("{longest}x")] {
            let refused = insert(&name, ShieldSite::Running);
            assert_eq!(refused, Err(InvalidShield::Name { name }));
        }
        for wrong in [at("a:1", "https://a"), at("http://a", "ftp://a")] {
            let refused = insert("x", wrong);
            assert!(matches!(refused, Err(InvalidShield::Url { .. })));
        }
    }

    #[test]
    fn only_the_urls_of_shields_lead_somewhere() {
        let shields = shields(&[("there", at("http://a:1", "https://b:2"))]);
        let lead = |url| shields.backend(url, ShieldOptions::default(), 7);
        let (name, backend) = lead("http://a:1").expect("the plain URL");
        assert_eq!(name, "shield 7 there plain");
        let info = backend.info();
        assert_eq!((info.host.as_str(), info.port, info.tls), ("a", 1, false));
        let (name, backend) = lead("https://b:2").expect("the encrypted URL");
        assert_eq!(name, "shield 7 there tls");
        assert!(backend.info().tls);
        for other in ["", "there", "http://a:1/", "http://127.0.0.1"] {
            assert!(lead(other).is_none(), "{other}");
        }
    }

    #[test]
    fn the_longest_names_are_names_of_backends() {
        let site = "x".repeat(limits::SHIELD_NAME);
        let shields = shields(&[(&site, at("http://a", "http://a"))]);
        let last = limits::SHIELD_BACKENDS;
        let (name, _) = shields
            .backend("http://a", ShieldOptions::default(), last)
            .expect("a URL of a shield");
        assert!(name.len() <= limits::BACKEND_NAME);
    }

    #[test]
    fn equal_settings_share_an_origin_up_to_a_limit() {
        let shields = shields(&[("there", at("http://a:1", "https://a:2"))]);
        let origin = |milliseconds| {
            let timeout = Some(Duration::from_millis(milliseconds));
            shields.origin(("http://a:1".to_owned(), timeout, None))
        };
        let same = |milliseconds| match (origin(milliseconds), origin(milliseconds)) {
            (Some(one), Some(two)) => Arc::ptr_eq(&one, &two),
            _ => panic!("the URL is valid"),
        };
        for number in 0..limits::SHIELD_ORIGINS as u64 {
            assert!(same(number), "{number}");
        }
        assert!(!same(limits::SHIELD_ORIGINS as u64), "one too many");
        let info = origin(5).expect("an origin").info().clone();
        assert_eq!(info.first_byte_timeout, Duration::from_millis(5));
        assert_eq!(
            info.between_bytes_timeout,
            BackendInfo::new("a", 1, false).between_bytes_timeout
        );
    }

    #[test]
    fn an_unknown_shield_is_warned_about_up_to_a_limit() {
        let shields = Shields::default();
        for number in 0..=limits::UNKNOWN_SHIELD_WARNINGS {
            shields.warn_unknown(&number.to_string());
        }
        assert_eq!(shields.warned.lock().len(), limits::UNKNOWN_SHIELD_WARNINGS);
    }

    #[test]
    fn the_cache_key_of_a_backend_is_kept() {
        let origin = Arc::new(Origin::new("http://a").expect("a URL"));
        let backend = ShieldBackend {
            origin,
            cache_key: Some("one".to_owned()),
        };
        assert!(format!("{backend:?}").contains("cache_key: Some(\"one\")"));
    }
}
