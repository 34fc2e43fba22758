//! The core-wasm door of `fastly_http_resp`.

use std::net::IpAddr;

use fastlike_abi::fastly_http_resp::FastlyHttpResp;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::{
    BodyHandle, FramingHeadersMode, HostError, HttpKeepaliveMode, HttpVersion,
    PendingRequestHandle, ResponseHandle,
};
use wiggle::{GuestMemory, GuestPtr};

use crate::error::Error;
use crate::hostcalls::headers;
use crate::hostcalls::http_req::{framing_mode, version_from, version_to};
use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyHttpResp for Sandbox {
    fn new(&mut self, _: &mut GuestMemory<'_>) -> Result<ResponseHandle, HostError> {
        Ok(super::new(&mut self.session)?)
    }

    fn close(&mut self, _: &mut GuestMemory<'_>, h: ResponseHandle) -> Result<(), HostError> {
        Ok(super::close(&mut self.session, h)?)
    }

    fn status_get(&mut self, _: &mut GuestMemory<'_>, h: ResponseHandle) -> Result<u16, HostError> {
        Ok(self.session.responses.get(h)?.status.as_u16())
    }

    fn status_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: ResponseHandle,
        status: u16,
    ) -> Result<(), HostError> {
        Ok(super::status_set(&mut self.session, h, status)?)
    }

    fn version_get(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: ResponseHandle,
    ) -> Result<HttpVersion, HostError> {
        Ok(version_to(self.session.responses.get(h)?.version))
    }

    fn version_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: ResponseHandle,
        version: HttpVersion,
    ) -> Result<(), HostError> {
        self.session.responses.get_mut(h)?.version = version_from(version);
        Ok(())
    }

    fn header_names_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let names = headers::names(&self.session.responses.get(h)?.headers);
        OutBuf::new(buf, buf_len, nwritten).write_list(mem, names, cursor, ending_cursor)
    }

    fn header_value_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let response = self.session.responses.get(h)?;
        let found = headers::first(
            &response.headers,
            memory::bytes(mem, name, limits::HEADER_NAME)?,
        )?;
        OutBuf::new(value, max, nwritten).write(mem, found)
    }

    fn header_values_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        name: GuestPtr<[u8]>,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let response = self.session.responses.get(h)?;
        let values = headers::all(
            &response.headers,
            memory::bytes(mem, name, limits::HEADER_NAME)?,
        )?;
        OutBuf::new(buf, buf_len, nwritten).write_list(mem, values, cursor, ending_cursor)
    }

    fn header_values_set(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        name: GuestPtr<[u8]>,
        values: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let values = memory::bytes(mem, values, limits::HEADER_LIST)?;
        self.session.charge_header(name, values)?;
        Ok(headers::set_all(
            &mut self.session.responses.get_mut(h)?.headers,
            name,
            values,
        )?)
    }

    fn header_insert(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let value = memory::bytes(mem, value, limits::HEADER_VALUE)?;
        self.session.charge_header(name, value)?;
        Ok(headers::insert(
            &mut self.session.responses.get_mut(h)?.headers,
            name,
            value,
        )?)
    }

    fn header_append(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let value = memory::bytes(mem, value, limits::HEADER_VALUE)?;
        self.session.charge_header(name, value)?;
        Ok(headers::append(
            &mut self.session.responses.get_mut(h)?.headers,
            name,
            value,
        )?)
    }

    fn header_remove(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        name: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        Ok(headers::remove(
            &mut self.session.responses.get_mut(h)?.headers,
            name,
        )?)
    }

    fn framing_headers_mode_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: ResponseHandle,
        mode: FramingHeadersMode,
    ) -> Result<(), HostError> {
        self.session.responses.get_mut(h)?.framing = framing_mode(mode);
        Ok(())
    }

    fn http_keepalive_mode_set(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: ResponseHandle,
        mode: HttpKeepaliveMode,
    ) -> Result<(), HostError> {
        self.session.responses.get_mut(h)?.close_connection = match mode {
            HttpKeepaliveMode::Automatic => false,
            HttpKeepaliveMode::NoKeepalive => true,
        };
        Ok(())
    }

    fn get_addr_dest_ip(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: ResponseHandle,
        octets: GuestPtr<u8>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let remote = self.session.responses.get(h)?.remote.ok_or(Error::Absent)?;
        memory::write_address(
            mem,
            octets,
            nwritten,
            Some(IpAddr::to_canonical(&remote.ip())),
        )
    }

    fn get_addr_dest_port(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: ResponseHandle,
    ) -> Result<u16, HostError> {
        Ok(self
            .session
            .responses
            .get(h)?
            .remote
            .ok_or(Error::Absent)?
            .port())
    }

    async fn send_downstream(
        &mut self,
        _: &mut GuestMemory<'_>,
        h: ResponseHandle,
        b: BodyHandle,
        streaming: u32,
    ) -> Result<(), HostError> {
        super::send_downstream(&mut self.session, h, b, streaming == 1)?;
        if streaming == 1 {
            // The head goes out now, not when the guest next waits.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn send_downstream_pending(
        &mut self,
        _: &mut GuestMemory<'_>,
        handle: PendingRequestHandle,
    ) -> Result<(), HostError> {
        Ok(super::send_downstream_pending(&mut self.session, handle)?)
    }
}
