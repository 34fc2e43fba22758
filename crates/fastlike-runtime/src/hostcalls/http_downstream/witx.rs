//! The core-wasm door of `fastly_http_downstream`.

use fastlike_abi::fastly_http_downstream::FastlyHttpDownstream;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::{
    BodyHandle, ClientCertVerifyResult, HostError, NextRequestOptions, RequestHandle,
    RequestPromiseHandle,
};
use wiggle::{GuestMemory, GuestPtr};

use crate::error::Error;
use crate::sandbox::Sandbox;

const MODULE: &str = "fastly_http_downstream";

/// Getters of a text that is not known.
macro_rules! absent_texts {
    ($($name:ident)*) => {
        $(fn $name(&mut self, _: &mut GuestMemory<'_>, req: RequestHandle, _: GuestPtr<u8>, _: u32, _: GuestPtr<u32>) -> Result<(), HostError> {
            self.session.downstream.metadata(req)?;
            self.unavailable(MODULE, stringify!($name))
        })*
    };
}

/// Getters of a number that is not known, or 0 where there is no other answer.
macro_rules! absent_numbers {
    ($($name:ident)*) => {
        $(fn $name(&mut self, _: &mut GuestMemory<'_>, req: RequestHandle) -> Result<u32, HostError> {
            self.session.downstream.metadata(req)?;
            self.unavailable(MODULE, stringify!($name)).map(|()| 0)
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

    fn downstream_client_request_id(
        &mut self,
        mem: &mut GuestMemory<'_>,
        req: RequestHandle,
        buf: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let id = super::request_id(&self.session, req)?;
        OutBuf::new(buf, max, nwritten).write(mem, id.as_bytes())
    }

    fn downstream_compliance_region(
        &mut self,
        mem: &mut GuestMemory<'_>,
        req: RequestHandle,
        buf: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let region = super::compliance_region(&self.session, req)?;
        OutBuf::new(buf, max, nwritten).write(mem, region.as_bytes())
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

    absent_texts! {
        downstream_bot_category
        downstream_bot_name
        downstream_client_h2_fingerprint
        downstream_client_oh_fingerprint
        downstream_resvpnproxy_vpn_service_name
        downstream_tls_cipher_openssl_name
        downstream_tls_client_hello
        downstream_tls_client_servername
        downstream_tls_ja4
        downstream_tls_protocol
        downstream_tls_raw_client_certificate
    }

    absent_numbers! {
        downstream_bot_analyzed
        downstream_bot_category_kind
        downstream_bot_detected
        downstream_bot_verified
        downstream_client_ddos_detected
        downstream_resvpnproxy_is_anonymous
        downstream_resvpnproxy_is_anonymous_vpn
        downstream_resvpnproxy_is_hosting_provider
        downstream_resvpnproxy_is_proxy_over_vpn
        downstream_resvpnproxy_is_public_proxy
        downstream_resvpnproxy_is_relay_proxy
        downstream_resvpnproxy_is_residential_proxy
        downstream_resvpnproxy_is_smart_dns_proxy
        downstream_resvpnproxy_is_tor_exit_node
        downstream_resvpnproxy_is_vpn_datacenter
    }

    fn downstream_tls_client_cert_verify_result(
        &mut self,
        _: &mut GuestMemory<'_>,
        req: RequestHandle,
    ) -> Result<ClientCertVerifyResult, HostError> {
        self.session.downstream.metadata(req)?;
        self.unavailable(MODULE, "downstream_tls_client_cert_verify_result")?;
        Err(Error::Absent.into())
    }

    fn downstream_tls_ja3_md5(
        &mut self,
        _: &mut GuestMemory<'_>,
        req: RequestHandle,
        _: GuestPtr<u8>,
        _: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        self.session.downstream.metadata(req)?;
        self.unavailable(MODULE, "downstream_tls_ja3_md5")
    }

    fn downstream_visits_this_pop(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        self.unavailable(MODULE, "downstream_visits_this_pop")
            .map(|()| 0)
    }

    fn downstream_visits_this_service(
        &mut self,
        _: &mut GuestMemory<'_>,
    ) -> Result<u32, HostError> {
        self.unavailable(MODULE, "downstream_visits_this_service")
            .map(|()| 0)
    }

    fn fastly_key_is_valid(
        &mut self,
        _: &mut GuestMemory<'_>,
        req: RequestHandle,
    ) -> Result<u32, HostError> {
        self.session.requests.get(req)?;
        self.unavailable(MODULE, "fastly_key_is_valid").map(|()| 0)
    }

    fn next_request(
        &mut self,
        _: &mut GuestMemory<'_>,
        _: u32,
        _: GuestPtr<NextRequestOptions>,
    ) -> Result<RequestPromiseHandle, HostError> {
        self.unavailable(MODULE, "next_request")?;
        Err(Error::Absent.into())
    }

    fn next_request_abandon(
        &mut self,
        _: &mut GuestMemory<'_>,
        _: RequestPromiseHandle,
    ) -> Result<(), HostError> {
        self.unavailable(MODULE, "next_request_abandon")
    }

    async fn next_request_wait(
        &mut self,
        _: &mut GuestMemory<'_>,
        _: RequestPromiseHandle,
    ) -> Result<(RequestHandle, BodyHandle), HostError> {
        self.unavailable(MODULE, "next_request_wait")?;
        Err(Error::Absent.into())
    }
}
