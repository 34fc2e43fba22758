//! The core-wasm door of `fastly_http_req`.

use fastlike_abi::fastly_http_req::FastlyHttpReq;
use fastlike_abi::handle::Handle;
use fastlike_abi::layout::{cache_override as layout, inspect_info as inspect_layout};
use fastlike_abi::memory::{self, OutBuf, Record};
use fastlike_abi::types::{
    BackendConfigOptions, BodyHandle, CacheOverride, CacheOverrideTag, ClientCertVerifyResult,
    ContentEncodings, DynamicBackendConfig, FramingHeadersMode, HostError, HttpVersion,
    InspectInfo, InspectInfoMask, PendingRequestHandle, PendingResponseKind, RequestHandle,
    ResponseHandle, SendErrorDetail,
};
use wiggle::{GuestMemory, GuestPtr};

use super::witx_backend::new_backend;
use super::{
    CacheOverrideArguments, framing_mode, hand_off, inspect, pending, privileged, send,
    version_from, version_to,
};
use crate::error::Result as Meaning;
use crate::hostcalls::headers;
use crate::hostcalls::http_downstream::{self, signals, tls};
use crate::hostcalls::status::send_error_report;
use crate::limits;
use crate::sandbox::Sandbox;

type Received = (ResponseHandle, BodyHandle);
type Polled = (u32, ResponseHandle, BodyHandle);

fn backend_name(mem: &GuestMemory<'_>, name: GuestPtr<str>) -> Result<String, HostError> {
    memory::text(mem, name, limits::TEXT)
}

/// Fills the guest's detail record if the send failed.
fn with_detail<T>(
    mem: &mut GuestMemory<'_>,
    record: GuestPtr<SendErrorDetail>,
    result: Meaning<T>,
) -> Result<T, HostError> {
    if let Some(report) = result.as_ref().err().and_then(send_error_report) {
        report.write(mem, record)?;
    }
    Ok(result?)
}

/// "Not done" has invalid handles beside it.
fn polled(received: Option<Received>) -> Polled {
    match received {
        Some((response, body)) => (1, response, body),
        None => (0, ResponseHandle::invalid(), BodyHandle::invalid()),
    }
}

/// A winner that failed has invalid handles, and the call is OK.
fn selected(index: u32, received: &Meaning<Received>) -> Polled {
    match received {
        Ok((response, body)) => (index, *response, *body),
        Err(_) => (index, ResponseHandle::invalid(), BodyHandle::invalid()),
    }
}

impl Sandbox {
    fn current(&self) -> RequestHandle {
        self.session.downstream.handles().0
    }
}

/// Getters of a text about the request being answered, each with its meaning.
macro_rules! current_texts {
    ($($name:ident => $meaning:path;)*) => {
        $(fn $name(&mut self, mem: &mut GuestMemory<'_>, buf: GuestPtr<u8>, max: u32, nwritten: GuestPtr<u32>) -> Result<(), HostError> {
            let text = $meaning(&self.session, self.current())?;
            OutBuf::new(buf, max, nwritten).write(mem, text.as_ref())
        })*
    };
}

impl FastlyHttpReq for Sandbox {
    fn new(&mut self, _: &mut GuestMemory<'_>) -> Result<RequestHandle, HostError> {
        Ok(super::new(&mut self.session)?)
    }

    fn close(&mut self, _: &mut GuestMemory<'_>, h: RequestHandle) -> Result<(), HostError> {
        Ok(super::close(&mut self.session, h)?)
    }

    fn method_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let method = self.session.requests.get(h)?.method.as_str();
        OutBuf::new(buf, buf_len, nwritten).write(mem, method.as_bytes())
    }

    fn method_set(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        method: GuestPtr<str>,
    ) -> Result<(), HostError> {
        let method = memory::text(mem, method, limits::METHOD)?;
        Ok(super::method_set(&mut self.session, h, &method)?)
    }

    fn uri_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let uri = self.session.requests.get(h)?.uri.to_string();
        OutBuf::new(buf, buf_len, nwritten).write(mem, uri.as_bytes())
    }

    fn uri_set(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        uri: GuestPtr<str>,
    ) -> Result<(), HostError> {
        let uri = memory::text(mem, uri, limits::URI)?;
        Ok(super::uri_set(&mut self.session, h, &uri)?)
    }

    fn version_get(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: RequestHandle,
    ) -> Result<HttpVersion, HostError> {
        Ok(version_to(self.session.requests.get(h)?.version))
    }

    fn version_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: RequestHandle,
        version: HttpVersion,
    ) -> Result<(), HostError> {
        self.session.requests.get_mut(h)?.version = version_from(version);
        Ok(())
    }

    fn header_names_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let names = headers::names(&self.session.requests.get(h)?.headers);
        OutBuf::new(buf, buf_len, nwritten).write_list(mem, names, cursor, ending_cursor)
    }

    fn header_value_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let request = self.session.requests.get(h)?;
        let found = headers::first(
            &request.headers,
            memory::bytes(mem, name, limits::HEADER_NAME)?,
        )?;
        OutBuf::new(value, max, nwritten).write(mem, found)
    }

    fn header_values_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        name: GuestPtr<[u8]>,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let request = self.session.requests.get(h)?;
        let values = headers::all(
            &request.headers,
            memory::bytes(mem, name, limits::HEADER_NAME)?,
        )?;
        OutBuf::new(buf, buf_len, nwritten).write_list(mem, values, cursor, ending_cursor)
    }

    fn header_values_set(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        name: GuestPtr<[u8]>,
        values: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let values = memory::bytes(mem, values, limits::HEADER_LIST)?;
        self.session.charge_header(name, values)?;
        Ok(headers::set_all(
            &mut self.session.requests.get_mut(h)?.headers,
            name,
            values,
        )?)
    }

    fn header_insert(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let value = memory::bytes(mem, value, limits::HEADER_VALUE)?;
        self.session.charge_header(name, value)?;
        Ok(headers::insert(
            &mut self.session.requests.get_mut(h)?.headers,
            name,
            value,
        )?)
    }

    fn header_append(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let value = memory::bytes(mem, value, limits::HEADER_VALUE)?;
        self.session.charge_header(name, value)?;
        Ok(headers::append(
            &mut self.session.requests.get_mut(h)?.headers,
            name,
            value,
        )?)
    }

    fn header_remove(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        name: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        Ok(headers::remove(
            &mut self.session.requests.get_mut(h)?.headers,
            name,
        )?)
    }

    fn auto_decompress_response_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: RequestHandle,
        encodings: ContentEncodings,
    ) -> Result<(), HostError> {
        self.session.requests.get_mut(h)?.decompress = encodings.contains(ContentEncodings::GZIP);
        Ok(())
    }

    fn framing_headers_mode_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: RequestHandle,
        mode: FramingHeadersMode,
    ) -> Result<(), HostError> {
        self.session.requests.get_mut(h)?.framing = framing_mode(mode);
        Ok(())
    }

    fn cache_override_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: RequestHandle,
        tag: CacheOverrideTag,
        ttl: u32,
        stale_while_revalidate: u32,
    ) -> Result<(), HostError> {
        let arguments = override_arguments(tag, ttl, stale_while_revalidate, &[]);
        Ok(super::cache_override_set(&mut self.session, h, arguments)?)
    }

    fn cache_override_v2_set(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        tag: CacheOverrideTag,
        ttl: u32,
        stale_while_revalidate: u32,
        sk: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let keys = memory::bytes(mem, sk, limits::SURROGATE_KEYS)?;
        let arguments = override_arguments(tag, ttl, stale_while_revalidate, keys);
        Ok(super::cache_override_set(&mut self.session, h, arguments)?)
    }

    fn cache_override_v3_set(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        tag: CacheOverrideTag,
        cache_override: GuestPtr<CacheOverride>,
    ) -> Result<(), HostError> {
        if tag.contains(CacheOverrideTag::PASS) {
            return Ok(super::cache_override_set(
                &mut self.session,
                h,
                override_arguments(tag, 0, 0, &[]),
            )?);
        }
        let record = Record::at(cache_override);
        let read = |set: CacheOverrideTag, offset| {
            if tag.contains(set) {
                record.u32(mem, offset)
            } else {
                Ok(0)
            }
        };
        let ttl = read(CacheOverrideTag::TTL, layout::TTL)?;
        let stale = read(
            CacheOverrideTag::STALE_WHILE_REVALIDATE,
            layout::STALE_WHILE_REVALIDATE,
        )?;
        let timeout = read(CacheOverrideTag::LOOKUP_TIMEOUT, layout::LOOKUP_TIMEOUT_MS)?;
        let keys = record.bytes(
            mem,
            layout::SURROGATE_KEYS,
            layout::SURROGATE_KEYS_LEN,
            limits::SURROGATE_KEYS,
        )?;
        let mut arguments = override_arguments(tag, ttl, stale, keys);
        arguments.lookup_timeout_ms = tag
            .contains(CacheOverrideTag::LOOKUP_TIMEOUT)
            .then_some(timeout);
        Ok(super::cache_override_set(&mut self.session, h, arguments)?)
    }

    fn on_behalf_of(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: RequestHandle,
        _: GuestPtr<str>,
    ) -> Result<(), HostError> {
        Ok(privileged::on_behalf_of(&self.session, h)?)
    }

    async fn send(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        b: BodyHandle,
        backend: GuestPtr<str>,
    ) -> Result<Received, HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(send::send(&mut self.session, h, b, &backend).await?)
    }

    async fn send_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        b: BodyHandle,
        backend: GuestPtr<str>,
        error_detail: GuestPtr<SendErrorDetail>,
    ) -> Result<Received, HostError> {
        let backend = backend_name(mem, backend)?;
        let result = send::send(&mut self.session, h, b, &backend).await;
        with_detail(mem, error_detail, result)
    }

    async fn send_v3(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        b: BodyHandle,
        backend: GuestPtr<str>,
        error_detail: GuestPtr<SendErrorDetail>,
    ) -> Result<Received, HostError> {
        let backend = backend_name(mem, backend)?;
        let result = send::send(&mut self.session, h, b, &backend).await;
        with_detail(mem, error_detail, result)
    }

    fn send_async(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        b: BodyHandle,
        backend: GuestPtr<str>,
    ) -> Result<PendingRequestHandle, HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(send::send_async(&mut self.session, h, b, &backend, false)?)
    }

    fn send_async_streaming(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        b: BodyHandle,
        backend: GuestPtr<str>,
    ) -> Result<PendingRequestHandle, HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(send::send_async(&mut self.session, h, b, &backend, true)?)
    }

    fn send_async_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        b: BodyHandle,
        backend: GuestPtr<str>,
        streaming: u32,
    ) -> Result<PendingRequestHandle, HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(send::send_async(
            &mut self.session,
            h,
            b,
            &backend,
            streaming == 1,
        )?)
    }

    fn pending_req_poll(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: PendingRequestHandle,
    ) -> Result<Polled, HostError> {
        Ok(polled(pending::poll(&mut self.session, h)?))
    }

    fn pending_req_poll_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: PendingRequestHandle,
        error_detail: GuestPtr<SendErrorDetail>,
    ) -> Result<Polled, HostError> {
        let result = pending::poll(&mut self.session, h);
        Ok(polled(with_detail(mem, error_detail, result)?))
    }

    async fn pending_req_wait(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: PendingRequestHandle,
    ) -> Result<Received, HostError> {
        Ok(pending::wait(&mut self.session, h).await?)
    }

    async fn pending_req_wait_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: PendingRequestHandle,
        error_detail: GuestPtr<SendErrorDetail>,
    ) -> Result<Received, HostError> {
        let result = pending::wait(&mut self.session, h).await;
        with_detail(mem, error_detail, result)
    }

    async fn pending_req_select(
        &mut self,
        mem: &mut GuestMemory<'_>,
        hs: GuestPtr<[PendingRequestHandle]>,
    ) -> Result<Polled, HostError> {
        let handles = memory::list(mem, hs, limits::SELECT)?;
        let (index, received) = pending::select(&mut self.session, &handles).await?;
        Ok(selected(index, &received))
    }

    async fn pending_req_select_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        hs: GuestPtr<[PendingRequestHandle]>,
        error_detail: GuestPtr<SendErrorDetail>,
    ) -> Result<Polled, HostError> {
        let handles = memory::list(mem, hs, limits::SELECT)?;
        let (index, received) = pending::select(&mut self.session, &handles).await?;
        if let Some(report) = received.as_ref().err().and_then(send_error_report) {
            report.write(mem, error_detail)?;
        }
        Ok(selected(index, &received))
    }

    fn pending_req_header_append(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: PendingRequestHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<[u8]>,
        target: PendingResponseKind,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let value = memory::bytes(mem, value, limits::HEADER_VALUE)?;
        self.session.charge_header(name, value)?;
        Ok(pending::header_append(
            &mut self.session,
            h,
            name,
            value,
            target,
        )?)
    }

    fn pending_req_header_insert(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: PendingRequestHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<[u8]>,
        target: PendingResponseKind,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let value = memory::bytes(mem, value, limits::HEADER_VALUE)?;
        self.session.charge_header(name, value)?;
        Ok(pending::header_insert(
            &mut self.session,
            h,
            name,
            value,
            target,
        )?)
    }

    fn pending_req_header_remove(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: PendingRequestHandle,
        name: GuestPtr<[u8]>,
        target: PendingResponseKind,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        Ok(pending::header_remove(&mut self.session, h, name, target)?)
    }

    fn register_dynamic_backend(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
        target: GuestPtr<str>,
        mask: BackendConfigOptions,
        config: GuestPtr<DynamicBackendConfig>,
    ) -> Result<(), HostError> {
        let name = backend_name(mem, name)?;
        let target = memory::text(mem, target, limits::DYNAMIC_NAME)?;
        let new = new_backend(mem, target, mask, config)?;
        Ok(super::dynamic_backend::register(
            &mut self.session,
            name,
            new,
        )?)
    }

    fn upgrade_websocket(
        &mut self,
        _: &mut GuestMemory<'_>,
        _: GuestPtr<str>,
    ) -> Result<(), HostError> {
        Ok(privileged::upgrade_websocket(&self.session)?)
    }

    fn redirect_to_websocket_proxy(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<(), HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(hand_off::websocket(&mut self.session, None, &backend)?)
    }

    fn redirect_to_websocket_proxy_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        backend: GuestPtr<str>,
    ) -> Result<(), HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(hand_off::websocket(&mut self.session, Some(h), &backend)?)
    }

    fn redirect_to_grip_proxy(
        &mut self,
        mem: &mut GuestMemory<'_>,
        backend: GuestPtr<str>,
    ) -> Result<(), HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(hand_off::fanout(&mut self.session, None, &backend)?)
    }

    fn redirect_to_grip_proxy_v2(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: RequestHandle,
        backend: GuestPtr<str>,
    ) -> Result<(), HostError> {
        let backend = backend_name(mem, backend)?;
        Ok(hand_off::fanout(&mut self.session, Some(h), &backend)?)
    }

    fn inspect(
        &mut self,
        mem: &mut GuestMemory<'_>,
        req: RequestHandle,
        body: BodyHandle,
        mask: u32,
        info: GuestPtr<InspectInfo>,
        buf: GuestPtr<u8>,
        buf_len: u32,
        num_bytes: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let options = inspect_options(mem, mask, info)?;
        let verdict = inspect::inspect(&mut self.session, req, body, &options)?;
        memory::write_whole(mem, buf, buf_len, num_bytes, verdict.as_bytes())
    }

    fn body_downstream_get(
        &mut self,
        _: &mut GuestMemory<'_>,
    ) -> Result<(RequestHandle, BodyHandle), HostError> {
        Ok(self.session.downstream.handles())
    }

    fn original_header_names_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let names = http_downstream::original_header_names(&self.session, self.current())?;
        OutBuf::new(buf, buf_len, nwritten).write_list(
            mem,
            names.into_iter(),
            cursor,
            ending_cursor,
        )
    }

    fn original_header_count(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        Ok(http_downstream::original_header_names(&self.session, self.current())?.len() as u32)
    }

    fn downstream_client_ip_addr(
        &mut self,
        mem: &mut GuestMemory<'_>,
        octets: GuestPtr<u8>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let address = http_downstream::client_ip(&self.session, self.current())?;
        memory::write_address(mem, octets, nwritten, address)
    }

    fn downstream_server_ip_addr(
        &mut self,
        mem: &mut GuestMemory<'_>,
        octets: GuestPtr<u8>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let address = http_downstream::server_ip(&self.session, self.current())?;
        memory::write_address(mem, octets, nwritten, address)
    }

    current_texts! {
        downstream_client_request_id => http_downstream::request_id;
        downstream_compliance_region => signals::compliance_region;
        downstream_client_h2_fingerprint => http_downstream::h2_fingerprint;
        downstream_client_oh_fingerprint => signals::oh_fingerprint;
        downstream_tls_protocol => tls::protocol;
        downstream_tls_cipher_openssl_name => tls::cipher;
        downstream_tls_client_hello => tls::client_hello;
        downstream_tls_ja4 => tls::ja4;
        downstream_tls_raw_client_certificate => tls::certificate;
    }

    fn downstream_client_ddos_detected(
        &mut self,
        _: &mut GuestMemory<'_>,
    ) -> Result<u32, HostError> {
        Ok(signals::ddos_detected(&self.session, self.current())?.into())
    }

    fn downstream_tls_client_cert_verify_result(
        &mut self,
        _: &mut GuestMemory<'_>,
    ) -> Result<ClientCertVerifyResult, HostError> {
        Ok(tls::verified(&self.session, self.current())?)
    }

    fn downstream_tls_ja3_md5(
        &mut self,
        mem: &mut GuestMemory<'_>,
        digest: GuestPtr<u8>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let ja3 = tls::ja3(&self.session, self.current())?;
        // The buffer has no length of its own: it is one of 16 bytes.
        OutBuf::new(digest, 16, nwritten).write(mem, &ja3)
    }

    fn fastly_key_is_valid(&mut self, _: &mut GuestMemory<'_>) -> Result<u32, HostError> {
        Ok(http_downstream::key_is_valid(&self.session, self.current())?.into())
    }
}

/// What the bits of the mask say is in the record; bits that mean nothing are
/// ignored (ABI facts, section 1).
fn inspect_options(
    mem: &GuestMemory<'_>,
    mask: u32,
    info: GuestPtr<InspectInfo>,
) -> Result<inspect::Options, HostError> {
    let mask = InspectInfoMask::from_bits_truncate(mask);
    let record = Record::at(info);
    let mut options = inspect::Options::default();
    if mask.contains(InspectInfoMask::CORP) {
        let limit = limits::INSPECT_NAME;
        options.corp = record.text(mem, inspect_layout::CORP, inspect_layout::CORP_LEN, limit)?;
    }
    if mask.contains(InspectInfoMask::WORKSPACE) {
        let (text, length) = (inspect_layout::WORKSPACE, inspect_layout::WORKSPACE_LEN);
        options.workspace = record.text(mem, text, length, limits::INSPECT_NAME)?;
    }
    if mask.contains(InspectInfoMask::OVERRIDE_CLIENT_IP) {
        let octets = inspect_layout::OVERRIDE_CLIENT_IP_PTR;
        let length = inspect_layout::OVERRIDE_CLIENT_IP_LEN;
        options.client_ip = record.address(mem, octets, length)?;
    }
    Ok(options)
}

fn override_arguments(
    tag: CacheOverrideTag,
    ttl: u32,
    stale_while_revalidate: u32,
    surrogate_keys: &[u8],
) -> CacheOverrideArguments<'_> {
    CacheOverrideArguments {
        pass: tag.contains(CacheOverrideTag::PASS),
        ttl: tag.contains(CacheOverrideTag::TTL).then_some(ttl),
        stale_while_revalidate: tag
            .contains(CacheOverrideTag::STALE_WHILE_REVALIDATE)
            .then_some(stale_while_revalidate),
        pci: tag.contains(CacheOverrideTag::PCI),
        surrogate_keys,
        lookup_timeout_ms: None,
    }
}
