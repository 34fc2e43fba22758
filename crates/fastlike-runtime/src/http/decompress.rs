//! Decompression of responses on the way to the guest.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::Frame;

use super::body::{Body, BodyError};

/// What one poll decodes at most: a bomb grows by this much a step, and only
/// as fast as it is read.
const STEP: usize = 32 * 1024;

/// The first byte of a gzip member (RFC 1952 section 2.3.1).
const MAGIC: u8 = 0x1f;

/// Decodes the response's body if its `content-encoding` is `gzip` or
/// `x-gzip`, and removes `content-encoding` and `content-length` then.
pub(crate) fn decompress_response(response: http::Response<Body>) -> http::Response<Body> {
    let (mut parts, body) = response.into_parts();
    let mut encodings = parts.headers.get_all(CONTENT_ENCODING).iter();
    let gzip = encodings.next().is_some_and(|encoding| {
        let name = encoding.as_bytes().trim_ascii();
        name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip")
    });
    let only = encodings.next().is_none();
    // A body without bytes (HEAD, 204, 304) is no gzip stream.
    if !gzip || !only || http_body::Body::is_end_stream(&body) {
        return http::Response::from_parts(parts, body);
    }
    parts.headers.remove(CONTENT_ENCODING);
    parts.headers.remove(CONTENT_LENGTH);
    http::Response::from_parts(parts, Body::wrap(Gunzip::new(body)))
}

/// A gzip stream, decoded as it is read (RFC 1952; members may follow one another).
struct Gunzip {
    source: Body,
    input: Bytes,
    decoder: Decompress,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    /// Nothing was read yet.
    Fresh,
    /// Within a member.
    Member,
    /// A member has just ended; another one or the end may follow.
    Between,
    /// Something else has followed the last member.
    Padding,
    Done,
}

impl Gunzip {
    fn new(source: Body) -> Self {
        Self {
            source,
            input: Bytes::new(),
            decoder: Decompress::new_gzip(15),
            state: State::Fresh,
        }
    }

    fn step(&mut self) -> Result<Bytes, BodyError> {
        let mut output = BytesMut::zeroed(STEP);
        let (read, written) = (self.decoder.total_in(), self.decoder.total_out());
        let status = self
            .decoder
            .decompress(&self.input, &mut output, FlushDecompress::None)
            .map_err(|error| BodyError::Invalid(format!("gzip: {error}")))?;
        let consumed = usize::try_from(self.decoder.total_in() - read).unwrap_or(self.input.len());
        let produced = usize::try_from(self.decoder.total_out() - written).unwrap_or(STEP);
        let _ = self.input.split_to(consumed.min(self.input.len()));
        output.truncate(produced);
        if status == Status::StreamEnd {
            self.decoder = Decompress::new_gzip(15);
            self.state = State::Between;
        } else {
            self.state = State::Member;
        }
        Ok(output.freeze())
    }
}

impl http_body::Body for Gunzip {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            if this.state == State::Done {
                return Poll::Ready(None);
            }
            if this.input.is_empty() {
                match ready!(this.source.poll_chunk(cx)) {
                    Some(Ok(bytes)) => this.input = bytes,
                    Some(Err(error)) => {
                        this.state = State::Done;
                        return Poll::Ready(Some(Err(error)));
                    }
                    None => {
                        let whole =
                            matches!(this.state, State::Between | State::Fresh | State::Padding);
                        this.state = State::Done;
                        if !whole {
                            return Poll::Ready(Some(Err(BodyError::Incomplete)));
                        }
                        let trailers = std::mem::take(this.source.trailers_mut());
                        if trailers.is_empty() {
                            return Poll::Ready(None);
                        }
                        return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                    }
                }
                continue;
            }
            // What follows the last member and is none is padding, which gzip
            // itself ignores, too; it is read so that the trailers are seen.
            if this.state == State::Between && this.input.first() != Some(&MAGIC) {
                tracing::debug!("bytes after the end of a gzip stream are ignored");
                this.state = State::Padding;
            }
            if this.state == State::Padding {
                this.input.clear();
                continue;
            }
            match this.step() {
                Ok(output) if output.is_empty() => {}
                Ok(output) => return Poll::Ready(Some(Ok(Frame::data(output)))),
                Err(error) => {
                    this.state = State::Done;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http_body_util::BodyExt;
    use std::io::Write;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).expect("to memory");
        encoder.finish().expect("to memory")
    }

    fn response(body: impl Into<Body>) -> http::Response<Body> {
        http::Response::builder()
            .header("content-encoding", "gzip")
            .header("content-length", "7")
            .body(body.into())
            .expect("response")
    }

    #[tokio::test]
    async fn gzip_is_decoded_across_chunks_and_members() {
        let big: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let mut encoded = gzip(&big);
        encoded.extend(gzip(b" and more"));
        let mut body = Body::empty();
        for chunk in encoded.chunks(7) {
            body.push_back(Bytes::copy_from_slice(chunk));
        }
        let decoded = decompress_response(response(body));
        assert!(decoded.headers().is_empty());
        let bytes = decoded
            .into_body()
            .collect()
            .await
            .expect("whole")
            .to_bytes();
        assert_eq!(bytes.len(), big.len() + 9);
        assert!(bytes.ends_with(b" and more"));
    }

    #[tokio::test]
    async fn a_truncated_stream_is_incomplete_and_garbage_is_invalid() {
        let mut cut = gzip(b"hello hello hello");
        cut.truncate(cut.len() - 9);
        let decoded = decompress_response(response(cut))
            .into_body()
            .collect()
            .await;
        assert_eq!(decoded.err(), Some(BodyError::Incomplete));
        let decoded = decompress_response(response("not gzip"))
            .into_body()
            .collect()
            .await;
        assert!(matches!(decoded.err(), Some(BodyError::Invalid(_))));
    }

    #[tokio::test]
    async fn what_follows_the_last_member_and_is_none_is_ignored() {
        for garbage in [&[0; 100][..], b"garbage", &[0]] {
            let mut encoded = gzip(b"the content");
            encoded.extend(gzip(b" of two"));
            encoded.extend(garbage);
            // In one piece, and byte by byte.
            for size in [encoded.len(), 1] {
                let mut body = Body::empty();
                for chunk in encoded.chunks(size) {
                    body.push_back(Bytes::copy_from_slice(chunk));
                }
                let decoded = decompress_response(response(body)).into_body();
                let decoded = decoded.collect().await.expect("whole").to_bytes();
                assert_eq!(decoded, "the content of two");
            }
        }
    }

    #[tokio::test]
    async fn a_second_member_that_is_cut_off_is_incomplete() {
        let mut encoded = gzip(b"one");
        encoded.extend(&gzip(b"two")[..12]);
        let decoded = decompress_response(response(encoded)).into_body();
        assert_eq!(decoded.collect().await.err(), Some(BodyError::Incomplete));
    }

    /// A small body that decodes to very much grows only as it is read.
    #[tokio::test]
    async fn a_bomb_goes_off_step_by_step() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..256 {
            encoder.write_all(&zeros).expect("to memory");
        }
        let bomb = encoder.finish().expect("to memory");
        assert!(bomb.len() < 300_000, "{}", bomb.len());
        let mut body = decompress_response(response(bomb)).into_body();
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            let data = frame.expect("whole").into_data().expect("no trailers");
            assert!(data.len() <= STEP);
            size += data.len();
        }
        assert_eq!(size, 256 * zeros.len());
    }

    #[tokio::test]
    async fn an_empty_body_keeps_its_headers() {
        let decoded = decompress_response(response(Body::empty()));
        assert_eq!(decoded.headers().len(), 2);
    }
}
