//! The core-wasm door of `fastly_http_downstream`.

use std::time::Duration;

use fastlike_abi::fastly_http_downstream::FastlyHttpDownstream;
use fastlike_abi::layout::next_request_options as layout;
use fastlike_abi::memory::{self, OutBuf, Record};
use fastlike_abi::types::{
    BodyHandle, ClientCertVerifyResult, HostError, NextRequestOptions, NextRequestOptionsMask,
    RequestHandle, RequestPromiseHandle,
};
use wiggle::{GuestMemory, GuestPtr};

use super::{signals, tls};
use crate::client::VpnProxySignals;
use crate::sandbox::Sandbox;

/// Getters of a text, each with its meaning.
macro_rules! texts {
    ($($name:ident => $meaning:path;)*) => {
        $(fn $name(&mut self, mem: &mut GuestMemory<'_>, req: RequestHandle, buf: GuestPtr<u8>, max: u32, nwritten: GuestPtr<u32>) -> Result<(), HostError> {
            let text = $meaning(&self.session, req)?;
            OutBuf::new(buf, max, nwritten).write(mem, text.as_ref())
        })*
    };
}

/// Getters of a yes or no, each with its meaning.
macro_rules! flags {
    ($($name:ident => $meaning:path;)*) => {
        $(fn $name(&mut self, _: &mut GuestMemory<'_>, req: RequestHandle) -> Result<u32, HostError> {
            Ok($meaning(&self.session, req)?.into())
        })*
    };
}

/// Getters of what is known of the client's address as that of a proxy.
macro_rules! vpn_proxy_flags {
    ($($name:ident => $flag:expr;)*) => {
        $(fn $name(&mut self, _: &mut GuestMemory<'_>, req: RequestHandle) -> Result<u32, HostError> {
            Ok(signals::vpn_proxy_flag(&self.session, req, $flag)?.into())
        })*
    };
}

impl FastlyHttpDownstream for Sandbox {
    fn downstream_client_ip_addr(
        &mut self,
        mem: &mut GuestMemory<'_>,
        req: RequestHandle,
        octets: GuestPtr<u8>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let address = super::client_ip(&self.session, req)?;
        memory::write_address(mem, octets, nwritten, address)
    }

    fn downstream_server_ip_addr(
        &mut self,
        mem: &mut GuestMemory<'_>,
        req: RequestHandle,
        octets: GuestPtr<u8>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let address = super::server_ip(&self.session, req)?;
        memory::write_address(mem, octets, nwritten, address)
    }

    fn downstream_original_header_names(
        &mut self,
        mem: &mut GuestMemory<'_>,
        req: RequestHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let names = super::original_header_names(&self.session, req)?;
        OutBuf::new(buf, buf_len, nwritten).write_list(
            mem,
            names.into_iter(),
            cursor,
            ending_cursor,
        )
    }

    fn downstream_original_header_count(
        &mut self,
        _: &mut GuestMemory<'_>,
        req: RequestHandle,
    ) -> Result<u32, HostError> {
        Ok(super::original_header_names(&self.session, req)?.len() as u32)
    }

    texts! {
        downstream_client_request_id => super::request_id;
        downstream_compliance_region => signals::compliance_region;
        downstream_client_h2_fingerprint => super::h2_fingerprint;
        downstream_client_oh_fingerprint => signals::oh_fingerprint;
        downstream_tls_protocol => tls::protocol;
        downstream_tls_cipher_openssl_name => tls::cipher;
        downstream_tls_client_servername => tls::server_name;
        downstream_tls_client_hello => tls::client_hello;
        downstream_tls_ja4 => tls::ja4;
        downstream_tls_raw_client_certificate => tls::certificate;
        downstream_bot_name => signals::bot_name;
        downstream_bot_category => signals::bot_category;
        downstream_resvpnproxy_vpn_service_name => signals::vpn_service_name;
    }

    flags! {
        fastly_key_is_valid => super::key_is_valid;
        downstream_client_ddos_detected => signals::ddos_detected;
        downstream_bot_analyzed => signals::bot_analyzed;
        downstream_bot_detected => signals::bot_detected;
        downstream_bot_category_kind => signals::bot_category_kind;
        downstream_bot_verified => signals::bot_verified;
    }

    vpn_proxy_flags! {
        downstream_resvpnproxy_is_anonymous => VpnProxySignals::is_any;
        downstream_resvpnproxy_is_anonymous_vpn => |known| known.is_anonymous_vpn;
        downstream_resvpnproxy_is_hosting_provider => |known| known.is_hosting_provider;
        downstream_resvpnproxy_is_proxy_over_vpn => |known| known.is_proxy_over_vpn;
        downstream_resvpnproxy_is_public_proxy => |known| known.is_public_proxy;
        downstream_resvpnproxy_is_relay_proxy => |known| known.is_relay_proxy;
        downstream_resvpnproxy_is_residential_proxy => |known| known.is_residential_proxy;
        downstream_resvpnproxy_is_smart_dns_proxy => |known| known.is_smart_dns_proxy;
        downstream_resvpnproxy_is_tor_exit_node => |known| known.is_tor_exit_node;
        downstream_resvpnproxy_is_vpn_datacenter => |known| known.is_vpn_datacenter;
    }

    fn downstream_tls_client_cert_verify_result(
        &mut self,
        _: &mut GuestMemory<'_>,
        req: RequestHandle,
    ) -> Result<ClientCertVerifyResult, HostError> {
        Ok(tls::verified(&self.session, req)?)
    }

    fn downstream_tls_ja3_md5(
        &mut self,
        mem: &mut GuestMemory<'_>,
        req: RequestHandle,
        digest: GuestPtr<u8>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let ja3 = tls::ja3(&self.session, req)?;
        // The buffer has no length of its own: it is one of 16 bytes.
        OutBuf::new(digest, 16, nwritten).write(mem, &ja3)
    }

    fn downstream_visits_this_pop(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        Ok(super::visits_this_pop(&self.session))
    }

    fn downstream_visits_this_service(
        &mut self,
        _: &mut GuestMemory<'_>,
    ) -> Result<u32, HostError> {
        Ok(super::visits_this_service(&self.session))
    }

    fn next_request(
        &mut self,
        mem: &mut GuestMemory<'_>,
        mask: u32,
        options: GuestPtr<NextRequestOptions>,
    ) -> Result<RequestPromiseHandle, HostError> {
        // Low 32 bits only: the record of JavaScript guests ends there.
        let timeout = if mask & u32::from(NextRequestOptionsMask::TIMEOUT) != 0 {
            let low = Record::at(options).u32(mem, layout::TIMEOUT_MS)?;
            Some(Duration::from_millis(low.into()))
        } else {
            None
        };
        Ok(super::next_request(&mut self.session, timeout)?)
    }

    fn next_request_abandon(
        &mut self,
        _: &mut GuestMemory<'_>,
        promise: RequestPromiseHandle,
    ) -> Result<(), HostError> {
        Ok(super::next_request_abandon(&mut self.session, promise)?)
    }

    async fn next_request_wait(
        &mut self,
        _: &mut GuestMemory<'_>,
        promise: RequestPromiseHandle,
    ) -> Result<(RequestHandle, BodyHandle), HostError> {
        Ok(super::next_request_wait(&mut self.session, promise).await?)
    }
}
