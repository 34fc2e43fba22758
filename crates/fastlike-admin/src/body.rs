//! What clients send: read with a limit on its size and on its pauses.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use fastlike_runtime::{Body, BodyError};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Sleep, sleep};

use crate::answer::Problem;
use crate::limits;

/// A request's body that fails when its client pauses for too long.
pub(crate) fn timed(incoming: Incoming) -> Body {
    if http_body::Body::is_end_stream(&incoming) {
        return Body::empty();
    }
    Body::wrap(Timed {
        incoming,
        pause: Box::pin(sleep(limits::BODY_PAUSE)),
    })
}

struct Timed {
    incoming: Incoming,
    pause: Pin<Box<Sleep>>,
}

impl http_body::Body for Timed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            let later = Instant::now() + limits::BODY_PAUSE;
            self.pause.as_mut().reset(later);
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)));
        }
        let elapsed = self.pause.as_mut().poll(cx);
        let late = || BodyError::Transport("the client paused for too long".to_owned());
        elapsed.map(|()| Some(Err(late())))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

fn broken(error: &BodyError) -> Problem {
    Problem::bad_request(format!("the request's body: {error}"))
}

/// All of a body that is a document.
pub(crate) async fn document(body: Body) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large("a document", limits::DOCUMENT);
    let most = u64::try_from(limits::DOCUMENT).unwrap_or(u64::MAX);
    if body.known_length().is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let mut body = body;
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        if let Ok(data) = frame.into_data() {
            if all.len().saturating_add(data.len()) > limits::DOCUMENT {
                return Err(too_large());
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(all.freeze())
}

/// A document in JSON.
pub(crate) async fn json<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let document = document(body).await?;
    serde_json::from_slice(&document).map_err(|error| {
        Problem::bad_request(format!("the body is not the JSON expected: {error}"))
    })
}

/// The fields of a form.
#[derive(Debug)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) async fn read(body: Body) -> Result<Self, Problem> {
        let document = document(body).await?;
        let fields = form_urlencoded::parse(&document);
        Ok(Self(fields.into_owned().collect()))
    }

    /// The last field of this name.
    ///
    /// # Errors
    /// A 400 that names it, if there is none.
    pub(crate) fn field(&self, name: &str) -> Result<&str, Problem> {
        let mut fields = self.0.iter().rev();
        let field = fields.find(|(key, _)| key == name);
        let missing = || Problem::bad_request(format!("the form has no field {name:?}"));
        field.map(|(_, value)| value.as_str()).ok_or_else(missing)
    }
}

/// The lines of a body, one at a time.
pub(crate) struct Lines {
    body: Body,
    /// What has come, and was not handed out.
    rest: BytesMut,
    /// Of it, what is known to have no end of a line.
    searched: usize,
    total: usize,
}

impl Lines {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body,
            rest: BytesMut::new(),
            searched: 0,
            total: 0,
        }
    }

    /// The next line, without its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let unsearched = self.rest.get(self.searched..).unwrap_or_default();
            if let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') {
                let line = self.rest.split_to(self.searched + at);
                let _end = self.rest.split_to(1);
                self.searched = 0;
                return Ok(Some(line.freeze()));
            }
            self.searched = self.rest.len();
            if self.rest.len() > limits::BATCH_LINE {
                return Err(Problem::too_large("a line of a batch", limits::BATCH_LINE));
            }
            let Some(frame) = self.body.frame().await else {
                let last = std::mem::take(&mut self.rest).freeze();
                self.searched = 0;
                return Ok(Some(last).filter(|last| !last.is_empty()));
            };
            let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else {
                continue;
            };
            self.total = self.total.saturating_add(data.len());
            if self.total > limits::BATCH {
                return Err(Problem::too_large("a batch", limits::BATCH));
            }
            self.rest.extend_from_slice(&data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(length: usize) -> Body {
        Body::from(vec![b'0'; length])
    }

    /// A body of unknown length.
    fn streamed<P: Into<Bytes> + Send + 'static>(pieces: Vec<P>) -> Body {
        let pieces = pieces.into_iter();
        let frames = pieces.map(|piece| Ok::<_, BodyError>(Frame::data(piece.into())));
        Body::wrap(http_body_util::StreamBody::new(futures_util::stream::iter(
            frames,
        )))
    }

    #[tokio::test]
    async fn a_document_has_a_limit_known_before_or_not() {
        let fits = document(zeros(limits::DOCUMENT))
            .await
            .expect("at the limit");
        assert_eq!(fits.len(), limits::DOCUMENT);
        let problem = document(zeros(limits::DOCUMENT + 1)).await;
        assert!(problem.is_err_and(|problem| problem.status == 413));
        let half = vec![b'0'; limits::DOCUMENT / 2];
        let fits = document(streamed(vec![half.clone(), half.clone()])).await;
        assert_eq!(fits.expect("at the limit").len(), limits::DOCUMENT);
        let problem = document(streamed(vec![half.clone(), half, vec![b'0']])).await;
        assert!(problem.is_err_and(|problem| problem.status == 413));
    }

    #[tokio::test]
    async fn a_form_has_fields_and_the_last_of_a_name_counts() {
        let form = Form::read(Body::from("a=1&b=two+words%21&a=3")).await;
        let form = form.expect("a form");
        assert_eq!(form.field("a"), Ok("3"));
        assert_eq!(form.field("b"), Ok("two words!"));
        let missing = form.field("c").expect_err("none");
        assert_eq!(missing.detail, "the form has no field \"c\"");
    }

    async fn lines(body: Body) -> Result<Vec<Bytes>, Problem> {
        let mut lines = Lines::new(body);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await? {
            all.push(line);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn lines_are_found_however_they_come() {
        let pieces = ["one\ntw", "o\n", "\nthr", "ee"].map(|piece| piece.as_bytes().to_vec());
        let found = lines(streamed(pieces.to_vec())).await.expect("lines");
        assert_eq!(found, ["one", "two", "", "three"]);
        assert_eq!(lines(Body::empty()).await.expect("none").len(), 0);
    }

    #[tokio::test]
    async fn a_line_and_a_batch_have_limits() {
        let long = vec![b'0'; limits::BATCH_LINE];
        let fits = lines(streamed(vec![long.clone()]))
            .await
            .expect("at the limit");
        assert_eq!(fits.len(), 1);
        let problem = lines(streamed(vec![long, vec![b'0']])).await;
        assert!(problem.is_err_and(|problem| problem.detail.starts_with("a line of a batch")));

        let mut piece = vec![b'0'; 1024 * 1024];
        piece[0] = b'\n';
        let mut pieces = vec![Bytes::from(piece); limits::BATCH / (1024 * 1024)];
        lines(streamed(pieces.clone())).await.expect("at the limit");
        pieces.push(Bytes::from_static(b"\n"));
        let problem = lines(streamed(pieces)).await;
        assert!(problem.is_err_and(|problem| problem.detail.starts_with("a batch")));
    }
}
