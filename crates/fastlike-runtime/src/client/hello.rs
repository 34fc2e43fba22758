//! A TLS client's first message, and the fingerprints made of it.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;

use super::reader::Reader;

const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// The handshake message with which a client begins (RFC 8446 section 4.1.2),
/// put together from the records it came in. None if there is no whole one.
pub(crate) fn message(records: &[u8]) -> Option<Vec<u8>> {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    let mut records = Reader(records);
    let mut message = Vec::new();
    loop {
        if records.u8()? != HANDSHAKE {
            return None;
        }
        records.take(2)?;
        message.extend_from_slice(records.list16()?);
        let mut header = Reader(&message);
        if header.u8() != Some(CLIENT_HELLO) {
            return None;
        }
        if let Some(length) = header.u24()
            && header.0.len() >= length
        {
            message.truncate(length.saturating_add(4));
            return Some(message);
        }
    }
}

/// What fingerprints are made of. Values that clients make up so that servers
/// stay tolerant (GREASE, RFC 8701) are left out.
#[derive(Debug, Default)]
pub(crate) struct ClientHello<'a> {
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    groups: Vec<u16>,
    point_formats: Vec<u8>,
    signature_algorithms: Vec<u16>,
    versions: Vec<u16>,
    alpn: Option<&'a [u8]>,
}

impl<'a> ClientHello<'a> {
    /// Reads a handshake message as [`message`] gives it.
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(message);
        reader.take(4)?;
        let mut hello = Self {
            version: reader.u16()?,
            ..Self::default()
        };
        reader.take(32)?;
        reader.list8()?;
        hello.ciphers = numbers(reader.list16()?);
        reader.list8()?;
        // Extensions may be missing altogether.
        let mut extensions = Reader(reader.list16().unwrap_or_default());
        while let Some(kind) = extensions.u16() {
            let content = extensions.list16()?;
            if !is_grease(kind) {
                hello.extensions.push(kind);
                hello.extension(kind, content);
            }
        }
        Some(hello)
    }

    fn extension(&mut self, kind: u16, content: &'a [u8]) {
        let mut content = Reader(content);
        let mut list = || numbers(content.list16().unwrap_or_default());
        match kind {
            GROUPS => self.groups = list(),
            SIGNATURE_ALGORITHMS => self.signature_algorithms = list(),
            POINT_FORMATS => {
                self.point_formats = content.list8().unwrap_or_default().to_vec();
            }
            SUPPORTED_VERSIONS => self.versions = numbers(content.list8().unwrap_or_default()),
            ALPN => {
                let mut names = Reader(content.list16().unwrap_or_default());
                self.alpn = names.list8();
            }
            _ => {}
        }
    }

    /// The string of which JA3 is the MD5 digest.
    pub(crate) fn ja3_text(&self) -> String {
        let formats: Vec<u16> = self.point_formats.iter().map(|f| u16::from(*f)).collect();
        let list = |numbers: &[u16]| joined(numbers, "-", |number| number.to_string());
        format!(
            "{},{},{},{},{}",
            self.version,
            list(&self.ciphers),
            list(&self.extensions),
            list(&self.groups),
            list(&formats)
        )
    }

    /// JA3, as its 16 bytes.
    pub(crate) fn ja3(&self) -> [u8; 16] {
        // Nothing is protected by it: JA3 is defined with MD5.
        Md5::digest(self.ja3_text().as_bytes()).into()
    }

    /// JA4: `t13d1516h2_8daaf6152771_02713d6af862`.
    pub(crate) fn ja4(&self) -> String {
        let has_name = self.extensions.contains(&SERVER_NAME);
        let mut ciphers = self.ciphers.clone();
        ciphers.sort_unstable();
        let mut extensions: Vec<u16> = self.extensions.clone();
        extensions.retain(|kind| ![SERVER_NAME, ALPN].contains(kind));
        extensions.sort_unstable();
        let mut described = joined(&extensions, ",", hex);
        if !self.signature_algorithms.is_empty() {
            described.push('_');
            described.push_str(&joined(&self.signature_algorithms, ",", hex));
        }
        format!(
            "t{}{}{:02}{:02}{}_{}_{}",
            self.newest_version(),
            if has_name { 'd' } else { 'i' },
            self.ciphers.len().min(99),
            self.extensions.len().min(99),
            self.alpn_mark(),
            short_hash(&ciphers, &joined(&ciphers, ",", hex)),
            short_hash(&extensions, &described),
        )
    }

    fn newest_version(&self) -> &'static str {
        let newest = self.versions.iter().max().copied();
        match newest.unwrap_or(self.version) {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            0x0002 => "s2",
            _ => "00",
        }
    }

    /// The first and the last character of the first protocol; of one that is
    /// not text, those of its hexadecimal form.
    fn alpn_mark(&self) -> String {
        let ends = self
            .alpn
            .and_then(|name| Some((name.first()?, name.last()?)));
        match ends {
            None => "00".to_owned(),
            Some((first, last))
                if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() =>
            {
                [*first, *last].map(char::from).iter().collect()
            }
            Some((first, last)) => {
                let (first, last) = (format!("{first:02x}"), format!("{last:02x}"));
                format!("{}{}", &first[..1], &last[1..])
            }
        }
    }
}

/// The numbers of two bytes each in `list`, without GREASE.
fn numbers(list: &[u8]) -> Vec<u16> {
    let pairs = list.as_chunks::<2>().0.iter();
    pairs
        .map(|pair| u16::from_be_bytes(*pair))
        .filter(|number| !is_grease(*number))
        .collect()
}

/// 0x0a0a, 0x1a1a, … 0xfafa (RFC 8701).
fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn hex(number: u16) -> String {
    format!("{number:04x}")
}

fn joined(numbers: &[u16], separator: &str, show: impl Fn(u16) -> String) -> String {
    let shown: Vec<String> = numbers.iter().map(|number| show(*number)).collect();
    shown.join(separator)
}

/// The first twelve digits of a SHA-256; zeros for an empty list.
fn short_hash(list: &[u16], text: &str) -> String {
    if list.is_empty() {
        return "0".repeat(12);
    }
    let hash = TLS13_AES_128_GCM_SHA256
        .tls13()
        .map(|suite| suite.common.hash_provider.hash(text.as_bytes()));
    let mut digits = String::new();
    for byte in hash.iter().flat_map(|hash| hash.as_ref()).take(6) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list16(bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).expect("short");
        [&length.to_be_bytes()[..], bytes].concat()
    }

    fn pairs(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
    }

    fn hello(version: u16, ciphers: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend(list16(&pairs(ciphers)));
        body.extend([1, 0]);
        let extensions: Vec<u8> = extensions
            .iter()
            .flat_map(|(kind, content)| [&kind.to_be_bytes()[..], &list16(content)].concat())
            .collect();
        body.extend(list16(&extensions));
        let length = u32::try_from(body.len()).expect("short").to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    /// In records of at most `size` bytes.
    fn records(message: &[u8], size: usize) -> Vec<u8> {
        message
            .chunks(size)
            .flat_map(|part| [&[22, 3, 1][..], &list16(part)].concat())
            .collect()
    }

    #[test]
    fn a_message_is_put_together_from_records_and_not_from_less() {
        let hello = hello(0x0303, &[0x1301], &[]);
        for size in [1, 3, 4, 5, 1_000] {
            let mut records = records(&hello, size);
            assert_eq!(message(&records).as_ref(), Some(&hello), "{size}");
            records.extend(b"what the client sends next");
            assert_eq!(message(&records).as_ref(), Some(&hello), "{size}");
        }
        let whole = records(&hello, 7);
        for cut in 0..whole.len() {
            assert_eq!(message(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(message(b"GET / HTTP/1.1\r\n\r\n"), None);
    }

    #[test]
    fn no_bytes_whatever_are_a_problem() {
        let hello = hello(
            0x0303,
            &[1, 2],
            &[(GROUPS, vec![0, 9, 1]), (ALPN, vec![255])],
        );
        for cut in 0..hello.len() {
            for value in [0, 1, 255] {
                let mut damaged = hello.clone();
                damaged[cut] = value;
                drop(ClientHello::parse(&damaged).map(|hello| (hello.ja3(), hello.ja4())));
            }
            drop(ClientHello::parse(&hello[..cut]));
        }
    }

    /// The example in the description of JA3.
    #[test]
    fn ja3_of_a_known_client() {
        let ciphers = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
        let extensions = [
            (SERVER_NAME, Vec::new()),
            (GROUPS, list16(&pairs(&[23, 24, 25]))),
            (POINT_FORMATS, vec![1, 0]),
        ];
        let message = hello(769, &ciphers, &extensions);
        let hello = ClientHello::parse(&message).expect("a hello");
        assert_eq!(
            hello.ja3_text(),
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
        );
        let digits: String = hello.ja3().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digits, "ada70206e40642a3e4461f35503241d5");
    }

    /// The example in the description of JA4, with GREASE strewn in.
    #[test]
    fn ja4_of_a_known_client() {
        let ciphers = [
            0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
            0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let signatures = [
            0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
        ];
        let mut extensions: Vec<(u16, Vec<u8>)> = [
            0x6a6a, 0x001b, 0x0000, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0xff01,
            0x000b, 0x000a, 0x0015,
        ]
        .map(|kind| (kind, Vec::new()))
        .to_vec();
        extensions.push((ALPN, list16(b"\x02h2\x08http/1.1")));
        extensions.push((SIGNATURE_ALGORITHMS, list16(&pairs(&signatures))));
        extensions.push((SUPPORTED_VERSIONS, b"\x06\x3a\x3a\x03\x04\x03\x03".to_vec()));
        let message = hello(0x0303, &ciphers, &extensions);
        let hello = ClientHello::parse(&message).expect("a hello");
        assert_eq!(hello.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn ja4_of_a_client_that_says_little() {
        let message = hello(0x0301, &[], &[]);
        let bare = ClientHello::parse(&message).expect("a hello");
        assert_eq!(bare.ja4(), "t10i000000_000000000000_000000000000");
        let message = hello(0x0303, &[5], &[(ALPN, list16(&[2, 0xab, 0xcd]))]);
        let odd = ClientHello::parse(&message).expect("a hello");
        assert!(odd.ja4().starts_with("t12i0101ad_"), "{}", odd.ja4());
    }
}
