//! The way to a backend, which the observer is told of, and the operator if it
//! leads nowhere.

use std::sync::Arc;

use http::{Request, Response};
use tokio::time::Instant;

use crate::backend::{Backend, SendContext, SendError};
use crate::http::Body;
use crate::observe::BackendReport;
use crate::world::World;

/// Sends a request to the backend that the guest knows as `name`.
pub(super) fn dispatch(
    world: &Arc<World>,
    name: &str,
    backend: &Arc<dyn Backend>,
    request: Request<Body>,
    cx: SendContext,
) -> impl Future<Output = Result<Response<Body>, SendError>> + Send + use<> {
    let (world, name) = (Arc::clone(world), name.to_owned());
    let began = Instant::now();
    let sending = backend.send(request, cx);
    let backend = Arc::clone(backend);
    async move {
        let sent = sending.await;
        world.observer.backend_request(&BackendReport {
            backend: &name,
            dynamic: backend.info().dynamic,
            result: sent.as_ref().map(Response::status),
            took: began.elapsed(),
        });
        if let Err(error) = &sent {
            world.failures.tell(&name, backend.info(), error);
        }
        sent
    }
}
