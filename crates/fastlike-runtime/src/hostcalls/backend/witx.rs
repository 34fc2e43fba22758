//! The core-wasm door of `fastly_backend`.

use std::sync::Arc;

use fastlike_abi::fastly_backend::FastlyBackend;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::{BackendHealth, HostError, TlsVersion as AbiTlsVersion};
use wiggle::{GuestMemory, GuestPtr};

use super::{milliseconds, seconds, tcp_keepalive, tls_version};
use crate::backend::{Backend, Health, TlsVersion};
use crate::error::Error;
use crate::limits;
use crate::sandbox::Sandbox;

impl Sandbox {
    fn backend_named(
        &self,
        mem: &GuestMemory<'_>,
        name: GuestPtr<str>,
    ) -> Result<Arc<dyn Backend>, HostError> {
        let name = memory::text(mem, name, limits::BACKEND_NAME)?;
        Ok(super::named(&self.session, &name)?)
    }
}

fn health(health: Health) -> BackendHealth {
    match health {
        Health::Unknown => BackendHealth::Unknown,
        Health::Healthy => BackendHealth::Healthy,
        Health::Unhealthy => BackendHealth::Unhealthy,
    }
}

fn version(version: TlsVersion) -> AbiTlsVersion {
    match version {
        TlsVersion::Tls1_0 => AbiTlsVersion::Tls1,
        TlsVersion::Tls1_1 => AbiTlsVersion::Tls11,
        TlsVersion::Tls1_2 => AbiTlsVersion::Tls12,
        TlsVersion::Tls1_3 => AbiTlsVersion::Tls13,
    }
}

impl FastlyBackend for Sandbox {
    fn exists(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        let name = memory::text(mem, backend, limits::BACKEND_NAME)?;
        Ok(super::exists(&self.session, &name).into())
    }

    fn is_healthy(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<BackendHealth, HostError> {
        Ok(health(self.backend_named(mem, backend)?.health_now()))
    }

    fn is_dynamic(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(self.backend_named(mem, backend)?.info().dynamic.into())
    }

    fn is_ssl(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(self.backend_named(mem, backend)?.info().tls.into())
    }

    fn get_host(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
        value: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let backend = self.backend_named(mem, backend)?;
        OutBuf::new(value, max, nwritten).write(mem, backend.info().host.as_bytes())
    }

    fn get_override_host(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
        value: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let backend = self.backend_named(mem, backend)?;
        let host = backend
            .info()
            .override_host
            .as_deref()
            .ok_or(Error::Absent)?;
        OutBuf::new(value, max, nwritten).write(mem, host.as_bytes())
    }

    fn get_port(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u16, HostError> {
        Ok(self.backend_named(mem, backend)?.info().port)
    }

    fn get_connect_timeout_ms(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(milliseconds(
            self.backend_named(mem, backend)?.info().connect_timeout,
        ))
    }

    fn get_first_byte_timeout_ms(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(milliseconds(
            self.backend_named(mem, backend)?.info().first_byte_timeout,
        ))
    }

    fn get_between_bytes_timeout_ms(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(milliseconds(
            self.backend_named(mem, backend)?
                .info()
                .between_bytes_timeout,
        ))
    }

    fn get_ssl_min_version(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<AbiTlsVersion, HostError> {
        let backend = self.backend_named(mem, backend)?;
        Ok(version(tls_version(
            backend.info(),
            backend.info().tls_min,
        )?))
    }

    fn get_ssl_max_version(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<AbiTlsVersion, HostError> {
        let backend = self.backend_named(mem, backend)?;
        Ok(version(tls_version(
            backend.info(),
            backend.info().tls_max,
        )?))
    }

    fn get_http_keepalive_time(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(milliseconds(
            self.backend_named(mem, backend)?.info().keepalive_time,
        ))
    }

    fn get_tcp_keepalive_enable(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(self
            .backend_named(mem, backend)?
            .info()
            .tcp_keepalive
            .is_some()
            .into())
    }

    fn get_tcp_keepalive_interval(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(seconds(
            tcp_keepalive(self.backend_named(mem, backend)?.info()).interval,
        ))
    }

    fn get_tcp_keepalive_probes(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(tcp_keepalive(self.backend_named(mem, backend)?.info()).probes)
    }

    fn get_tcp_keepalive_time(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<u32, HostError> {
        Ok(seconds(
            tcp_keepalive(self.backend_named(mem, backend)?.info()).time,
        ))
    }
}
