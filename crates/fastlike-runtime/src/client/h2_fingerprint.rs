//! The fingerprint of how a client begins an HTTP/2 connection, in the form
//! that Akamai has made known: settings, window update, priorities and the
//! order of pseudo-headers, as `1:65536;4:6291456|15663105|0|m,a,s,p`.

use std::fmt::Write as _;

use super::reader::Reader;

/// With these bytes a client begins (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 0x1;
const PADDED: u8 = 0x8;
const WITH_PRIORITY: u8 = 0x20;

/// What the first bytes of a connection say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It takes more of them.
    Incomplete,
    /// It is no beginning of a connection.
    Invalid,
    /// The fingerprint.
    Done(String),
}

/// Reads the connection's first bytes up to the first request's headers.
pub(crate) fn read(bytes: &[u8]) -> Reading {
    match parse(bytes) {
        Some(reading) => reading,
        None => Reading::Incomplete,
    }
}

fn parse(bytes: &[u8]) -> Option<Reading> {
    let mut reader = Reader(bytes);
    if reader.take(PREFACE.len())? != PREFACE {
        return Some(Reading::Invalid);
    }
    let mut settings = Vec::new();
    let mut window = None;
    let mut priorities = Vec::new();
    loop {
        let length = reader.u24()?;
        let (kind, flags, stream) = (reader.u8()?, reader.u8()?, reader.u32()?);
        if kind == HEADERS {
            // A long head need not be there as a whole.
            let there = reader.0.get(..length).unwrap_or(reader.0);
            let whole = there.len() == length;
            let order = match pseudo_headers(there, flags, whole) {
                Some(order) => order,
                None if whole => return Some(Reading::Invalid),
                None => return None,
            };
            return Some(Reading::Done(shown(&settings, window, &priorities, &order)));
        }
        let mut payload = Reader(reader.take(length)?);
        match kind {
            SETTINGS if flags & ACK == 0 => {
                while let (Some(id), Some(value)) = (payload.u16(), payload.u32()) {
                    settings.push(format!("{id}:{value}"));
                }
            }
            WINDOW_UPDATE if stream == 0 && window.is_none() => window = payload.u32(),
            PRIORITY => {
                if let (Some(parent), Some(weight)) = (payload.u32(), payload.u8()) {
                    let (exclusive, parent) = (parent >> 31, parent & 0x7fff_ffff);
                    let weight = u16::from(weight).saturating_add(1);
                    priorities.push(format!("{stream}:{exclusive}:{parent}:{weight}"));
                }
            }
            _ => {}
        }
    }
}

/// The first letters of the pseudo-headers in their order, as HPACK has them
/// (RFC 7541). They come first, and all are in the static table.
fn pseudo_headers(payload: &[u8], flags: u8, whole: bool) -> Option<String> {
    let mut block = Reader(payload);
    if flags & PADDED != 0 {
        block.u8()?;
    }
    if flags & WITH_PRIORITY != 0 {
        block.take(5)?;
    }
    let mut order: Vec<&str> = Vec::new();
    loop {
        // A request may have no other headers.
        let Some(first) = block.0.first().copied() else {
            return whole.then(|| order.join(","));
        };
        let (prefix, has_value) = match first {
            0x80.. => (7, false),
            0x40.. => (6, true),
            // A change of the table's size: not a header.
            0x20..0x40 => {
                integer(&mut block, 5)?;
                continue;
            }
            _ => (4, true),
        };
        match integer(&mut block, prefix)? {
            1 => order.push("a"),
            2 | 3 => order.push("m"),
            4 | 5 => order.push("p"),
            6 | 7 => order.push("s"),
            _ => return Some(order.join(",")),
        }
        if order.len() > 4 {
            return Some(order.join(","));
        }
        if has_value {
            let length = integer(&mut block, 7)?;
            block.take(usize::try_from(length).ok()?)?;
        }
    }
}

/// An integer of HPACK (RFC 7541 section 5.1), of at most 28 more bits.
fn integer(block: &mut Reader<'_>, prefix: u32) -> Option<u32> {
    let mask = (1u32 << prefix).wrapping_sub(1);
    let mut value = u32::from(block.u8()?) & mask;
    if value < mask {
        return Some(value);
    }
    for shift in [0, 7, 14, 21] {
        let byte = block.u8()?;
        value = value.saturating_add(u32::from(byte & 0x7f) << shift);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn shown(settings: &[String], window: Option<u32>, priorities: &[String], order: &str) -> String {
    let mut text = settings.join(";");
    match window {
        Some(window) => drop(write!(text, "|{window}|")),
        None => text.push_str("|00|"),
    }
    if priorities.is_empty() {
        text.push('0');
    } else {
        text.push_str(&priorities.join(","));
    }
    text.push('|');
    text.push_str(order);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let head = [length[1], length[2], length[3], kind, flags];
        [&head[..], &stream.to_be_bytes(), payload].concat()
    }

    fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
        let payload: Vec<u8> = pairs
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        frame(SETTINGS, 0, 0, &payload)
    }

    /// As a browser begins: `:method GET`, `:authority` as a literal of three
    /// bytes, `:scheme https`, `:path /`, and a header.
    fn browser() -> Vec<u8> {
        let block = b"\x82\x41\x03a.b\x87\x84\x53\x01*";
        [
            PREFACE.to_vec(),
            settings(&[(1, 65_536), (3, 1_000), (4, 6_291_456)]),
            frame(WINDOW_UPDATE, 0, 0, &15_663_105u32.to_be_bytes()),
            frame(HEADERS, 0x5, 1, block),
        ]
        .concat()
    }

    #[test]
    fn a_browsers_beginning() {
        assert_eq!(
            read(&browser()),
            Reading::Done("1:65536;3:1000;4:6291456|15663105|0|m,a,s,p".to_owned())
        );
    }

    #[test]
    fn priorities_padding_and_what_is_absent() {
        let mut padded = vec![2];
        padded.extend(*b"\x80\0\0\x03\xc8\x82\x84\x86\x20\x01\x01a\0\0");
        let bytes = [
            PREFACE.to_vec(),
            settings(&[]),
            frame(PRIORITY, 0, 3, &[0x80, 0, 0, 0, 200]),
            frame(PRIORITY, 0, 5, &[0, 0, 0, 3, 0]),
            frame(HEADERS, 0x2d, 7, &padded),
        ]
        .concat();
        assert_eq!(
            read(&bytes),
            Reading::Done("|00|3:1:0:201,5:0:3:1|m,p,s,a".to_owned())
        );
    }

    #[test]
    fn less_than_all_says_nothing_and_nonsense_is_no_problem() {
        let whole = browser();
        // The last header's value does not matter.
        for cut in 0..whole.len() - 3 {
            assert_eq!(read(&whole[..cut]), Reading::Incomplete, "{cut}");
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                drop(read(&damaged));
            }
        }
        assert_eq!(read(&[b'x'; 100]), Reading::Invalid);
    }
}
