//! Bodies whose pieces a test sends and takes one by one.

use bytes::Bytes;
use fastlike_runtime::{Body, BodyError};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

use super::soon;

/// The write end of a body. Dropping it ends the body as complete.
pub(crate) struct Sender(mpsc::UnboundedSender<Result<Frame<Bytes>, BodyError>>);

/// A body that is what its sender sends.
pub(crate) fn channel() -> (Sender, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    (Sender(sender), Body::wrap(StreamBody::new(stream)))
}

impl Sender {
    /// Sends a chunk; false if nobody reads any more.
    pub(crate) fn send(&self, data: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(data.into()))).is_ok()
    }

    /// Ends the body with trailers.
    pub(crate) fn end_with(self, trailers: &[(&'static str, &'static str)]) {
        let trailers = trailers.iter().map(|(name, value)| {
            let value = http::HeaderValue::from_static(value);
            (http::HeaderName::from_static(name), value)
        });
        drop(self.0.send(Ok(Frame::trailers(trailers.collect()))));
    }

    /// Ends the body early.
    pub(crate) fn fail(self, error: BodyError) {
        drop(self.0.send(Err(error)));
    }

    /// Returns when nobody reads any more.
    pub(crate) async fn closed(&self) {
        soon("the reader's end", self.0.closed()).await;
    }
}

/// The next chunk of a body as text; none at its end.
pub(crate) async fn frame(body: &mut Body) -> Option<Result<String, BodyError>> {
    loop {
        let frame = soon("a chunk of a body", body.frame()).await?;
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) if data.is_empty() => {}
            Ok(Ok(data)) => return Some(Ok(String::from_utf8_lossy(&data).into_owned())),
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// A whole body as text.
pub(crate) async fn text_of(body: Body) -> Result<String, BodyError> {
    let collected = soon("a body", body.collect()).await?;
    Ok(String::from_utf8_lossy(&collected.to_bytes()).into_owned())
}
