//! The PROXY protocol, versions 1 and 2: a header before all else, by which a
//! proxy says whose connection it passes on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::client::Reader;
use crate::limits;
use crate::wire::Socket;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIRST_WORD: &[u8] = b"PROXY ";
/// The longest line of version 1, its end included (section 2.1).
const LINE: usize = 107;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Incomplete,
    /// A header of so many bytes; without addresses it is the proxy's own
    /// connection, or of a kind that has none.
    Header(usize, Option<Addresses>),
}

/// Takes the header from the connection. None if the peer speaks for itself.
pub(super) async fn take_header(socket: &mut Socket) -> io::Result<Option<Addresses>> {
    loop {
        match parse(socket.ahead())
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?
        {
            Parsed::Header(length, addresses) => {
                socket.discard_ahead(length);
                return Ok(addresses);
            }
            Parsed::Incomplete => {
                if socket.read_ahead().await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Parsed, &'static str> {
    let begins = |with: &[u8]| bytes.starts_with(with) || with.starts_with(bytes);
    if begins(SIGNATURE) {
        version_2(bytes)
    } else if begins(FIRST_WORD) {
        version_1(bytes)
    } else {
        Err("the trusted peer sent no PROXY header")
    }
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 51234 443\r\n`.
fn version_1(bytes: &[u8]) -> Result<Parsed, &'static str> {
    const WRONG: &str = "the line of the PROXY header is wrong";
    let first = bytes.get(..LINE).unwrap_or(bytes);
    let Some(end) = first.windows(2).position(|end| end == b"\r\n") else {
        return if bytes.len() < LINE {
            Ok(Parsed::Incomplete)
        } else {
            Err("the line of the PROXY header does not end")
        };
    };
    let line = first.get(FIRST_WORD.len()..end).unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| WRONG)?;
    let words: Vec<&str> = line.split(' ').collect();
    let addresses = match words[..] {
        ["UNKNOWN", ..] => None,
        [family @ ("TCP4" | "TCP6"), source, destination, from, to] => {
            let address = |ip: &str, port: &str| {
                let ip: IpAddr = ip.parse().ok()?;
                let port: u16 = port.parse().ok()?;
                (ip.is_ipv4() == (family == "TCP4")).then_some(SocketAddr::new(ip, port))
            };
            Some(Addresses {
                source: address(source, from).ok_or(WRONG)?,
                destination: address(destination, to).ok_or(WRONG)?,
            })
        }
        _ => return Err(WRONG),
    };
    Ok(Parsed::Header(end.saturating_add(2), addresses))
}

fn version_2(bytes: &[u8]) -> Result<Parsed, &'static str> {
    const LOCAL: u8 = 0x20;
    const PROXY: u8 = 0x21;
    let mut reader = Reader(bytes);
    let head = (|| {
        reader.take(SIGNATURE.len())?;
        Some((reader.u8()?, reader.u8()?, reader.u16()?))
    })();
    let Some((command, family, length)) = head else {
        return Ok(Parsed::Incomplete);
    };
    if ![LOCAL, PROXY].contains(&command) {
        return Err("the PROXY header is of an unknown version");
    }
    let length = usize::from(length);
    let whole = length.saturating_add(16);
    if whole > limits::PROXY_HEADER {
        return Err("the PROXY header is too long");
    }
    let Some(content) = reader.take(length) else {
        return Ok(Parsed::Incomplete);
    };
    let mut content = Reader(content);
    let addresses = match (command, family >> 4) {
        (PROXY, 1) => Some(ipv4(&mut content)),
        (PROXY, 2) => Some(ipv6(&mut content)),
        _ => None,
    };
    match addresses {
        Some(None) => Err("the PROXY header's addresses are cut off"),
        Some(addresses) => Ok(Parsed::Header(whole, addresses)),
        None => Ok(Parsed::Header(whole, None)),
    }
}

fn ipv4(content: &mut Reader<'_>) -> Option<Addresses> {
    let (source, destination) = (content.u32()?, content.u32()?);
    let (from, to) = (content.u16()?, content.u16()?);
    Some(Addresses {
        source: (Ipv4Addr::from(source), from).into(),
        destination: (Ipv4Addr::from(destination), to).into(),
    })
}

fn ipv6(content: &mut Reader<'_>) -> Option<Addresses> {
    let mut address = || {
        Some(Ipv6Addr::from(
            <[u8; 16]>::try_from(content.take(16)?).ok()?,
        ))
    };
    let (source, destination) = (address()?, address()?);
    let (from, to) = (content.u16()?, content.u16()?);
    Some(Addresses {
        source: (source, from).into(),
        destination: (destination, to).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(source: &str, destination: &str) -> Option<Addresses> {
        Some(Addresses {
            source: source.parse().expect("an address"),
            destination: destination.parse().expect("an address"),
        })
    }

    /// Parses it with something after it, and in every length before.
    fn parsed(header: &[u8]) -> Option<Addresses> {
        for cut in 0..header.len() {
            assert_eq!(parse(&header[..cut]), Ok(Parsed::Incomplete), "{cut}");
        }
        let more = [header, b"GET / HTTP/1.1\r\n"].concat();
        match parse(&more) {
            Ok(Parsed::Header(length, addresses)) => {
                assert_eq!(length, header.len());
                addresses
            }
            other => panic!("{other:?}"),
        }
    }

    fn v2(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [SIGNATURE, &[command, family], &length, content].concat()
    }

    #[test]
    fn version_1_says_whose_connection_it_is() {
        assert_eq!(
            parsed(b"PROXY TCP4 192.0.2.1 198.51.100.1 51234 443\r\n"),
            addresses("192.0.2.1:51234", "198.51.100.1:443")
        );
        assert_eq!(
            parsed(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"),
            addresses("[2001:db8::1]:1", "[2001:db8::2]:2")
        );
        assert_eq!(parsed(b"PROXY UNKNOWN what ever\r\n"), None);
    }

    #[test]
    fn version_2_says_whose_connection_it_is() {
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0, 80, 1, 187, 4, 0, 0];
        assert_eq!(
            parsed(&v2(0x21, 0x11, &four)),
            addresses("192.0.2.1:80", "198.51.100.1:443")
        );
        let mut six = vec![0; 36];
        (six[15], six[31], six[35]) = (1, 2, 9);
        assert_eq!(
            parsed(&v2(0x21, 0x21, &six)),
            addresses("[::1]:0", "[::2]:9")
        );
        assert_eq!(parsed(&v2(0x20, 0, &[])), None);
        assert_eq!(parsed(&v2(0x21, 0x31, &[0; 216])), None);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = [b"PROXY ".as_slice(), &[b'x'; LINE - 6]].concat();
        for wrong in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.1 198.51.100.1 51234\r\n",
            b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 51234 70000\r\n",
            b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY \xff\r\n",
            &long,
            &v2(0x31, 0x11, &[0; 12]),
            &v2(0x21, 0x11, &[0; 11]),
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_header_is_as_long_as_the_limit_and_not_longer() {
        let room = limits::PROXY_HEADER - 16;
        assert_eq!(parsed(&v2(0x20, 0, &vec![0; room])), None);
        assert!(parse(&v2(0x20, 0, &vec![0; room + 1])).is_err());
    }
}
