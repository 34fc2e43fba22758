//! [`Current`]: the service that answers now, which another can replace.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::error::ServeError;
use crate::fastlike::{Fastlike, Service};
use crate::reuse::Draining;
use crate::serve::{self, ServeOptions};

/// A place for a [`Fastlike`] that can be replaced while requests run: how a
/// program or its configuration is reloaded without a restart.
///
/// Each request is answered by the service that is here when it begins, also
/// on connections that were opened before. A service that was replaced
/// finishes what it runs; its sandboxes that wait for another request are
/// told that none will come, and it is freed with its last request.
///
/// Cheap to clone; clones are the same place.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use fastlike_runtime::{Current, Fastlike};
///
/// let current = Current::new(Fastlike::builder("app.wasm").build().await?);
/// let later = current.clone();
/// tokio::spawn(async move {
///     // Whenever there is a newer one:
///     if let Ok(newer) = Fastlike::builder("newer.wasm").build().await {
///         later.replace(newer);
///     }
/// });
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:7676").await?;
/// current.serve(listener, std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Current(Arc<Place>);

struct Place {
    service: ArcSwap<Service>,
    /// Services that were here and still run, or could come back.
    replaced: Mutex<Vec<Replaced>>,
}

/// A service that takes no more requests from here.
struct Replaced {
    service: Weak<Service>,
    _draining: Draining,
}

impl Current {
    /// A place with this service.
    pub fn new(fastlike: Fastlike) -> Self {
        Self(Arc::new(Place {
            service: ArcSwap::new(fastlike.into_service()),
            replaced: Mutex::default(),
        }))
    }

    /// The service that is here now. To be asked once for each request: who
    /// keeps it, keeps it from being freed.
    pub fn get(&self) -> Fastlike {
        Fastlike::of_service(self.0.service.load_full())
    }

    /// Puts another service here, and returns the one before. To put one back
    /// that was here earlier is fine.
    ///
    /// Within a tokio runtime: sandboxes that wait in the old one end there.
    pub fn replace(&self, fastlike: Fastlike) -> Fastlike {
        let new = fastlike.into_service();
        let mut replaced = self.0.replaced.lock();
        replaced.retain(|old| {
            let is_new = std::ptr::eq(old.service.as_ptr(), Arc::as_ptr(&new));
            !is_new && old.service.strong_count() > 0
        });
        let old = self.0.service.swap(Arc::clone(&new));
        let same = Arc::ptr_eq(&old, &new);
        let old = Fastlike::of_service(old);
        if !same {
            replaced.push(Replaced {
                service: old.downgrade(),
                _draining: old.drain(),
            });
        }
        old
    }

    /// As [`Fastlike::serve`], by whatever service is current.
    ///
    /// What is settled as a connection begins (the limits of its own) stays
    /// for the connection.
    ///
    /// # Errors
    ///
    /// As [`Fastlike::serve`].
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        self.serve_with(listener, ServeOptions::new(), shutdown)
            .await
    }

    /// As [`Current::serve`], with TLS, behind a proxy, or both.
    ///
    /// # Errors
    ///
    /// As [`Fastlike::serve_with`].
    pub async fn serve_with(
        &self,
        listener: TcpListener,
        options: ServeOptions,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        serve::serve(self.clone(), listener, options, shutdown).await
    }
}

impl From<Fastlike> for Current {
    fn from(fastlike: Fastlike) -> Self {
        Self::new(fastlike)
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Current").field(&self.get()).finish()
    }
}
