//! Request heads as they were written, on an HTTP/1 connection.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use crate::limits;

/// Finds request heads in the bytes of an HTTP/1 connection.
///
/// hyper parses them and forgets case and order, so the bytes are kept here
/// until it shows the parsed head, whose framing headers then tell how many
/// bytes of content follow.
#[derive(Debug, Default)]
pub(super) struct HeadTap {
    state: Tap,
    head: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Tap {
    #[default]
    Head,
    /// Content of so many bytes.
    Length(u64),
    /// The line with a chunk's size: its value so far, and whether it is over.
    ChunkSize(u64, bool),
    /// A chunk's data, its line end included.
    ChunkData(u64),
    /// The lines after the last chunk: the length of the present one.
    Trailers(usize),
    /// Not HTTP/1 any more, or more than is kept.
    Off,
}

impl HeadTap {
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            match self.state {
                Tap::Off => return,
                Tap::Head => {
                    self.head.extend_from_slice(bytes);
                    if self.head.len() > limits::CLIENT_HEAD {
                        self.head = Vec::new();
                        self.state = Tap::Off;
                    }
                    return;
                }
                Tap::Length(left) => {
                    (bytes, self.state) = skip(bytes, left, Tap::Length, Tap::Head)
                }
                Tap::ChunkData(left) => {
                    (bytes, self.state) =
                        skip(bytes, left, Tap::ChunkData, Tap::ChunkSize(0, false))
                }
                Tap::ChunkSize(size, over) => {
                    self.state = chunk_size(*first, size, over);
                    bytes = rest;
                }
                Tap::Trailers(length) => {
                    self.state = match (first, length) {
                        (b'\n', 0) => Tap::Head,
                        (b'\n', _) => Tap::Trailers(0),
                        (b'\r', length) => Tap::Trailers(length),
                        (_, length) => Tap::Trailers(length.saturating_add(1)),
                    };
                    bytes = rest;
                }
            }
        }
    }

    /// The head whose parsed form is `headers`.
    pub(super) fn take(&mut self, headers: &HeaderMap) -> Option<Box<[u8]>> {
        if self.state != Tap::Head {
            return None;
        }
        let start = self
            .head
            .iter()
            .position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        let end = start.checked_add(length_of_head(self.head.get(start..)?)?)?;
        let rest = self.head.split_off(end);
        let head = self.head.split_off(start).into_boxed_slice();
        self.head.clear();
        self.state = if headers.contains_key(TRANSFER_ENCODING) {
            Tap::ChunkSize(0, false)
        } else {
            let length = headers
                .get(CONTENT_LENGTH)
                .and_then(|length| length.to_str().ok()?.parse().ok());
            length
                .filter(|length| *length > 0)
                .map_or(Tap::Head, Tap::Length)
        };
        self.feed(&rest);
        Some(head)
    }
}

/// The bytes up to the first empty line, which is the head's. A line may end
/// without a CR (RFC 9112 section 2.2), as hyper has it.
fn length_of_head(bytes: &[u8]) -> Option<usize> {
    let is_end = |(_, byte): &(usize, &u8)| **byte == b'\n';
    let mut ends = bytes.iter().enumerate().filter(is_end);
    ends.find_map(|(at, _)| {
        let next = at.checked_add(1)?;
        match bytes.get(next..)? {
            [b'\n', ..] => next.checked_add(1),
            [b'\r', b'\n', ..] => next.checked_add(2),
            _ => None,
        }
    })
}

fn skip(bytes: &[u8], left: u64, more: fn(u64) -> Tap, done: Tap) -> (&[u8], Tap) {
    let here = bytes.len() as u64;
    if left > here {
        return (&[], more(left.saturating_sub(here)));
    }
    let (_, rest) = bytes.split_at(left as usize);
    (rest, done)
}

fn chunk_size(byte: u8, size: u64, over: bool) -> Tap {
    match byte {
        b'\n' if size == 0 => Tap::Trailers(0),
        b'\n' => Tap::ChunkData(size.saturating_add(2)),
        _ if over => Tap::ChunkSize(size, true),
        _ => match char::from(byte).to_digit(16) {
            Some(digit) => {
                Tap::ChunkSize(size.saturating_mul(16).saturating_add(digit.into()), false)
            }
            // An extension, or the line's end.
            None => Tap::ChunkSize(size, true),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "POST / HTTP/1.1\r\nHoSt: a\r\n\r\n";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (n.parse().expect("name"), v.parse().expect("value")))
            .collect()
    }

    /// Feeds the bytes in pieces of every size, as a network would.
    fn heads(bytes: &str, framing: &HeaderMap) -> Vec<Vec<String>> {
        (1..bytes.len())
            .map(|size| {
                let mut tap = HeadTap::default();
                let mut found = Vec::new();
                for piece in bytes.as_bytes().chunks(size) {
                    tap.feed(piece);
                    while let Some(head) = tap.take(framing) {
                        found.push(String::from_utf8(head.into_vec()).expect("text"));
                    }
                }
                found
            })
            .collect()
    }

    #[test]
    fn heads_are_found_between_contents_of_every_framing() {
        for (framing, content) in [
            (headers(&[]), ""),
            (headers(&[("content-length", "11")]), "POST / HTTP"),
            (
                headers(&[("transfer-encoding", "chunked")]),
                "5;x=y\r\nab\r\nc\r\n1\r\n\n\r\n0\r\nTrailer: 1\r\n\r\n",
            ),
            (headers(&[("transfer-encoding", "chunked")]), "0\r\n\r\n"),
        ] {
            let stream = format!("{HEAD}{content}\r\n{HEAD}{content}{HEAD}");
            for found in heads(&stream, &framing) {
                assert_eq!(found, [HEAD; 3], "{content:?}");
            }
        }
    }

    #[test]
    fn a_line_of_a_head_may_end_in_a_bare_line_feed() {
        let mut tap = HeadTap::default();
        for head in [
            "GET /1 HTTP/1.1\nA: 1\n\n",
            "GET /2 HTTP/1.1\r\nB: 2\n\r\n",
            "GET /3 HTTP/1.1\nC: 3\r\n\n",
            "GET /4 HTTP/1.1\r\nD: 4\r\n\r\n",
        ] {
            tap.feed(head.as_bytes());
            let found = tap.take(&headers(&[])).expect("a whole head");
            assert_eq!(String::from_utf8_lossy(&found), head);
        }
    }

    #[test]
    fn a_head_past_the_limit_is_not_kept() {
        let mut tap = HeadTap::default();
        tap.feed(&vec![b'x'; limits::CLIENT_HEAD + 1]);
        assert_eq!((tap.state, tap.head.capacity()), (Tap::Off, 0));
    }
}
