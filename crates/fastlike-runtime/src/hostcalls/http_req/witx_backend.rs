//! The record `dynamic_backend_config`, read where its mask says (ABI facts,
//! section 14: guests pass 60 to 108 bytes).

use std::time::Duration;

use fastlike_abi::layout::{dynamic_backend_config as layout, healthcheck_config};
use fastlike_abi::memory::Record;
use fastlike_abi::types::{
    BackendConfigOptions as Mask, DynamicBackendConfig, FastlyStatus, HealthcheckConfig, HostError,
    SecretHandle,
};
use http::Method;
use http::uri::PathAndQuery;
use wiggle::{GuestMemory, GuestPtr};

use super::dynamic_backend::NewBackend;
use crate::backend::{DynamicSettings, HealthCheck, TcpKeepalive, TlsVersion};
use crate::limits;

type Result<T> = std::result::Result<T, HostError>;

fn invalid() -> HostError {
    FastlyStatus::Inval.into()
}

/// What the guest wants of the backend at `target`.
pub(super) fn new_backend(
    mem: &GuestMemory<'_>,
    target: String,
    mask: Mask,
    record: GuestPtr<DynamicBackendConfig>,
) -> Result<NewBackend> {
    if mask.contains(Mask::RESERVED) {
        return Err(invalid());
    }
    let config = Config {
        mem,
        mask,
        record: Record::at(record),
    };
    let named = |option, at, len| config.text(option, at, len, limits::DYNAMIC_NAME);
    let named = |option, at, len| Config::not_empty(named(option, at, len)?);
    let millis = |option, at| -> Result<_> { Ok(config.u32(option, at)?.map(milliseconds)) };
    let pool = |at| -> Result<_> { Ok(config.u32(Mask::POOLING_LIMITS, at)?.unwrap_or_default()) };
    let tls_version =
        |option, at| -> Result<_> { config.u32(option, at)?.map(version).transpose() };
    let client_certificate = config.client_certificate()?;
    let (keepalive_time, tcp_keepalive) = config.keepalive()?;
    let settings = DynamicSettings {
        target,
        override_host: named(
            Mask::HOST_OVERRIDE,
            layout::HOST_OVERRIDE,
            layout::HOST_OVERRIDE_LEN,
        )?,
        connect_timeout: millis(Mask::CONNECT_TIMEOUT, layout::CONNECT_TIMEOUT_MS)?,
        first_byte_timeout: millis(Mask::FIRST_BYTE_TIMEOUT, layout::FIRST_BYTE_TIMEOUT_MS)?,
        between_bytes_timeout: millis(
            Mask::BETWEEN_BYTES_TIMEOUT,
            layout::BETWEEN_BYTES_TIMEOUT_MS,
        )?,
        tls: mask.contains(Mask::USE_SSL),
        tls_min: tls_version(Mask::SSL_MIN_VERSION, layout::SSL_MIN_VERSION)?,
        tls_max: tls_version(Mask::SSL_MAX_VERSION, layout::SSL_MAX_VERSION)?,
        cert_host: named(
            Mask::CERT_HOSTNAME,
            layout::CERT_HOSTNAME,
            layout::CERT_HOSTNAME_LEN,
        )?,
        ca_certificates: Config::not_empty(config.text(
            Mask::CA_CERT,
            layout::CA_CERT,
            layout::CA_CERT_LEN,
            limits::DYNAMIC_PEM,
        )?)?,
        ciphers: config.text(
            Mask::CIPHERS,
            layout::CIPHERS,
            layout::CIPHERS_LEN,
            limits::DYNAMIC_CIPHERS,
        )?,
        sni: config.text(
            Mask::SNI_HOSTNAME,
            layout::SNI_HOSTNAME,
            layout::SNI_HOSTNAME_LEN,
            limits::DYNAMIC_NAME,
        )?,
        // Its key is behind a handle still.
        client_certificate: None,
        dont_pool: mask.contains(Mask::DONT_POOL),
        grpc: mask.contains(Mask::GRPC),
        keepalive_time,
        tcp_keepalive,
        max_connections: pool(layout::MAX_CONNECTIONS)?,
        max_use: pool(layout::MAX_USE)?,
        max_lifetime: milliseconds(pool(layout::MAX_LIFETIME_MS)?),
        prefer_ipv4: mask.contains(Mask::PREFER_IPV4),
        health_check: config.health_check()?,
    };
    Ok(NewBackend {
        settings,
        client_certificate,
    })
}

/// The guest's record. A field is read only if its option is set.
struct Config<'a, 'm> {
    mem: &'a GuestMemory<'m>,
    mask: Mask,
    record: Record,
}

impl Config<'_, '_> {
    fn text(&self, option: Mask, at: u32, length: u32, limit: usize) -> Result<Option<String>> {
        if !self.mask.contains(option) {
            return Ok(None);
        }
        self.record.text(self.mem, at, length, limit).map(Some)
    }

    fn not_empty(text: Option<String>) -> Result<Option<String>> {
        match text {
            Some(text) if text.is_empty() => Err(invalid()),
            text => Ok(text),
        }
    }

    fn u32(&self, option: Mask, at: u32) -> Result<Option<u32>> {
        if !self.mask.contains(option) {
            return Ok(None);
        }
        self.record.u32(self.mem, at).map(Some)
    }

    fn client_certificate(&self) -> Result<Option<(String, SecretHandle)>> {
        let chain = self.text(
            Mask::CLIENT_CERT,
            layout::CLIENT_CERTIFICATE,
            layout::CLIENT_CERTIFICATE_LEN,
            limits::DYNAMIC_PEM,
        )?;
        let key = self.u32(Mask::CLIENT_CERT, layout::CLIENT_KEY)?;
        Ok(Config::not_empty(chain)?.zip(key.map(SecretHandle::from)))
    }

    /// How long idle connections are kept, and the TCP probes. The Rust SDK
    /// sets the option for either, and leaves 0 where nothing was said.
    fn keepalive(&self) -> Result<(Option<Duration>, Option<TcpKeepalive>)> {
        let field = |at| -> Result<_> { Ok(self.u32(Mask::KEEPALIVE, at)?.unwrap_or_default()) };
        let seconds = |at| -> Result<Duration> { Ok(Duration::from_secs(field(at)?.into())) };
        let time = milliseconds(field(layout::HTTP_KEEPALIVE_TIME_MS)?);
        let probes = if field(layout::TCP_KEEPALIVE_ENABLE)? == 0 {
            None
        } else {
            Some(TcpKeepalive {
                time: seconds(layout::TCP_KEEPALIVE_TIME_SECS)?,
                interval: seconds(layout::TCP_KEEPALIVE_INTERVAL_SECS)?,
                probes: field(layout::TCP_KEEPALIVE_PROBES)?,
            })
        };
        Ok(((!time.is_zero()).then_some(time), probes))
    }

    fn health_check(&self) -> Result<Option<HealthCheck>> {
        use healthcheck_config as layout;
        let Some(place) = self.u32(Mask::HEALTHCHECK, self::layout::HEALTHCHECK)? else {
            return Ok(None);
        };
        if place == 0 {
            return Err(invalid());
        }
        let record = Record::at(GuestPtr::<HealthcheckConfig>::new(place));
        let text = |at, length| record.text(self.mem, at, length, limits::HEALTH_URL);
        let millis = |at| -> Result<_> { Ok(Duration::from_millis(record.u64(self.mem, at)?)) };
        let number = |at| record.u32(self.mem, at);
        let method = text(layout::METHOD, layout::METHOD_LEN)?;
        let path = text(layout::PATH, layout::PATH_LEN)?;
        let mut check = HealthCheck::new(text(layout::HOST, layout::HOST_LEN)?);
        check.method = Method::from_bytes(method.as_bytes()).map_err(|_| invalid())?;
        check.path = PathAndQuery::try_from(path).map_err(|_| invalid())?;
        check.interval = millis(layout::INTERVAL_MS)?;
        check.timeout = millis(layout::TIMEOUT_MS)?;
        check.expected_status =
            u16::try_from(number(layout::EXPECTED_STATUS)?).map_err(|_| invalid())?;
        check.window = number(layout::WINDOW)?;
        check.threshold = number(layout::THRESHOLD)?;
        check.initial = number(layout::INITIAL)?;
        Ok(Some(check))
    }
}

fn milliseconds(count: u32) -> Duration {
    Duration::from_millis(count.into())
}

/// The version of the ABI's number.
fn version(number: u32) -> Result<TlsVersion> {
    Ok(match number {
        0 => TlsVersion::Tls1_0,
        1 => TlsVersion::Tls1_1,
        2 => TlsVersion::Tls1_2,
        3 => TlsVersion::Tls1_3,
        _ => return Err(invalid()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a text of `length` bytes is taken for an option whose place is
    /// at `place` in the record, and its length behind it.
    fn takes(option: Mask, place: u32, length: usize) -> bool {
        const TEXT: usize = 256;
        let mut raw = vec![b'x'; TEXT + length];
        let at = place as usize;
        raw[at..at + 4].copy_from_slice(&(TEXT as u32).to_le_bytes());
        raw[at + 4..at + 8].copy_from_slice(&(length as u32).to_le_bytes());
        let mem = GuestMemory::Unshared(&mut raw);
        new_backend(&mem, "a.example".to_owned(), option, GuestPtr::new(0)).is_ok()
    }

    #[test]
    fn texts_are_taken_up_to_their_limits() {
        for (option, place, limit) in [
            (
                Mask::HOST_OVERRIDE,
                layout::HOST_OVERRIDE,
                limits::DYNAMIC_NAME,
            ),
            (
                Mask::CERT_HOSTNAME,
                layout::CERT_HOSTNAME,
                limits::DYNAMIC_NAME,
            ),
            (
                Mask::SNI_HOSTNAME,
                layout::SNI_HOSTNAME,
                limits::DYNAMIC_NAME,
            ),
            (Mask::CA_CERT, layout::CA_CERT, limits::DYNAMIC_PEM),
            (
                Mask::CLIENT_CERT,
                layout::CLIENT_CERTIFICATE,
                limits::DYNAMIC_PEM,
            ),
            (Mask::CIPHERS, layout::CIPHERS, limits::DYNAMIC_CIPHERS),
        ] {
            assert!(takes(option, place, limit), "{option:?}");
            assert!(!takes(option, place, limit + 1), "{option:?}");
        }
        for empty_is_fine in [
            (Mask::CIPHERS, layout::CIPHERS),
            (Mask::SNI_HOSTNAME, layout::SNI_HOSTNAME),
        ] {
            assert!(takes(empty_is_fine.0, empty_is_fine.1, 0));
        }
        assert!(!takes(Mask::HOST_OVERRIDE, layout::HOST_OVERRIDE, 0));
    }

    /// A health check as the record says it.
    fn check(change: impl FnOnce(&mut [u8; 56])) -> Option<HealthCheck> {
        const RECORD: usize = 128;
        let mut record = [0; 56];
        let texts: &[(u32, &[u8])] = &[
            (healthcheck_config::HOST, b"a.example"),
            (healthcheck_config::METHOD, b"HEAD"),
            (healthcheck_config::PATH, b"/path?a"),
        ];
        let mut raw = vec![0; 512];
        for (number, (field, text)) in texts.iter().enumerate() {
            let (at, field) = (256 + number * 32, *field as usize);
            raw[at..at + text.len()].copy_from_slice(text);
            record[field..field + 4].copy_from_slice(&(at as u32).to_le_bytes());
            record[field + 4..field + 8].copy_from_slice(&(text.len() as u32).to_le_bytes());
        }
        record[0..8].copy_from_slice(&2_000u64.to_le_bytes());
        record[8..16].copy_from_slice(&1_000u64.to_le_bytes());
        for (field, number) in [(40usize, 204u32), (44, 6), (48, 5), (52, 4)] {
            record[field..field + 4].copy_from_slice(&number.to_le_bytes());
        }
        change(&mut record);
        raw[RECORD..RECORD + 56].copy_from_slice(&record);
        let place = layout::HEALTHCHECK as usize;
        raw[place..place + 4].copy_from_slice(&(RECORD as u32).to_le_bytes());
        let mem = GuestMemory::Unshared(&mut raw);
        let target = "a.example".to_owned();
        let new = new_backend(&mem, target, Mask::HEALTHCHECK, GuestPtr::new(0));
        new.ok()?.settings.health_check
    }

    #[test]
    fn a_health_check_is_read_whole() {
        let read = check(|_| {}).expect("valid");
        let mut expected = HealthCheck::new("a.example");
        expected.method = Method::HEAD;
        expected.path = PathAndQuery::from_static("/path?a");
        expected.interval = Duration::from_secs(2);
        expected.timeout = Duration::from_secs(1);
        expected.expected_status = 204;
        (expected.window, expected.threshold, expected.initial) = (6, 5, 4);
        assert_eq!(read, expected);
        // A status of 17 bits, a method that is none, a place that is none.
        assert_eq!(check(|record| record[42] = 1), None);
        assert_eq!(check(|record| record[28..32].fill(0)), None);
        assert_eq!(check(|record| record[16..20].fill(0xff)), None);
    }
}
