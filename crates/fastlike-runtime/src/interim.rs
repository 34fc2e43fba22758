//! Interim responses (103 Early Hints) on an HTTP/1.1 connection.
//!
//! hyper writes final responses only, so the bytes of an interim one go
//! around it: they wait here, and the connection's stream writes them between
//! two of hyper's messages.
//!
//! hyper answers requests in turn, but may begin the next one while bytes of
//! the response before are still in its buffer. How many those are is known:
//! hyper tries to write all it has before it lets a request begin, so what
//! its last try left over is the rest of that response. Interim bytes wait
//! for just that rest.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;

use crate::limits;

/// Interim bytes on their way to one connection.
#[derive(Debug, Default)]
pub(crate) struct Interim {
    waiting: AtomicBool,
    /// What the HTTP connection's last try to write left over.
    unwritten: AtomicUsize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: BytesMut,
    /// Bytes of an earlier response that come first.
    after: usize,
}

/// More interim bytes wait than a connection may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

/// What the stream is to write next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// So many of the HTTP connection's bytes at most.
    Http(usize),
    /// These bytes; [`Interim::wrote`] says how many were written.
    Interim(Bytes),
}

impl Interim {
    /// Queues a whole head: it goes before all that the HTTP connection has
    /// not yet tried to write.
    pub(crate) fn push(&self, head: &[u8]) -> Result<(), TooMany> {
        let mut queue = self.queue.lock();
        if queue.bytes.len().saturating_add(head.len()) > limits::INTERIM_BYTES {
            return Err(TooMany);
        }
        if queue.bytes.is_empty() {
            queue.after = self.unwritten.load(Ordering::Acquire);
        }
        queue.bytes.extend_from_slice(head);
        self.waiting.store(true, Ordering::Release);
        Ok(())
    }

    /// What comes next on the wire, when the HTTP connection has bytes to
    /// write.
    pub(crate) fn next(&self) -> Next {
        if !self.waiting.load(Ordering::Acquire) {
            return Next::Http(usize::MAX);
        }
        let mut queue = self.queue.lock();
        if queue.after > 0 {
            return Next::Http(queue.after);
        }
        Next::Interim(queue.bytes.split().freeze())
    }

    /// The interim bytes to write when the HTTP connection has none.
    pub(crate) fn alone(&self) -> Option<Bytes> {
        if !self.waiting.load(Ordering::Acquire) {
            return None;
        }
        let mut queue = self.queue.lock();
        queue.after = 0;
        Some(queue.bytes.split().freeze())
    }

    /// Says how many of the bytes that [`Interim::next`] or
    /// [`Interim::alone`] gave were written: the others are given again.
    pub(crate) fn wrote(&self, mut given: Bytes, written: usize) {
        given.advance(written.min(given.len()));
        let mut queue = self.queue.lock();
        if !given.is_empty() {
            let later = queue.bytes.split();
            queue.bytes.extend_from_slice(&given);
            queue.bytes.unsplit(later);
        }
        if queue.bytes.is_empty() {
            // An empty queue costs a connection nothing.
            queue.bytes = BytesMut::new();
            self.waiting.store(false, Ordering::Release);
        }
    }

    /// Says that of `offered` bytes of the HTTP connection `written` were
    /// written.
    pub(crate) fn http_wrote(&self, offered: usize, written: usize) {
        let left = offered.saturating_sub(written);
        self.unwritten.store(left, Ordering::Release);
        if self.waiting.load(Ordering::Acquire) {
            let mut queue = self.queue.lock();
            queue.after = queue.after.saturating_sub(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\n";

    #[test]
    fn without_hints_everything_is_the_http_connections() {
        let interim = Interim::default();
        assert_eq!(interim.next(), Next::Http(usize::MAX));
        assert_eq!(interim.alone(), None);
    }

    #[test]
    fn a_hint_waits_for_the_rest_of_the_response_before_and_for_no_more() {
        let interim = Interim::default();
        interim.http_wrote(10, 4);
        interim.push(HEAD).expect("room");
        assert_eq!(interim.next(), Next::Http(6));
        interim.http_wrote(30, 5);
        assert_eq!(interim.next(), Next::Http(1));
        interim.http_wrote(25, 1);
        assert_eq!(interim.next(), Next::Interim(Bytes::from_static(HEAD)));
    }

    #[test]
    fn what_was_not_written_is_given_again_before_what_came_later() {
        let interim = Interim::default();
        interim.push(b"abc").expect("room");
        let given = interim.alone().expect("bytes");
        interim.push(b"def").expect("room");
        interim.wrote(given, 1);
        let given = interim.alone().expect("bytes");
        assert_eq!(given, "bcdef");
        interim.wrote(given, 5);
        assert_eq!(interim.alone(), None);
    }

    #[test]
    fn a_client_that_reads_nothing_holds_so_many_hints_and_no_more() {
        let interim = Interim::default();
        interim.push(&vec![0; limits::INTERIM_BYTES]).expect("room");
        assert_eq!(interim.push(b"x"), Err(TooMany));
    }
}
