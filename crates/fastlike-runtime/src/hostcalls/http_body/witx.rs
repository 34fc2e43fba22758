//! The core-wasm door of `fastly_http_body`.

use fastlike_abi::fastly_http_body::FastlyHttpBody;
use fastlike_abi::memory::{self, OutBuf};
use fastlike_abi::types::{BodyHandle, BodyWriteEnd, HostError};
use wiggle::{GuestMemory, GuestPtr};

use super::End;
use crate::hostcalls::headers;
use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyHttpBody for Sandbox {
    fn new(&mut self, _: &mut GuestMemory<'_>) -> Result<BodyHandle, HostError> {
        Ok(super::new(&mut self.session)?)
    }

    async fn append(
        &mut self,
        _: &mut GuestMemory<'_>,
        dest: BodyHandle,
        src: BodyHandle,
    ) -> Result<(), HostError> {
        Ok(super::append(&mut self.session, dest, src).await?)
    }

    async fn read(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: BodyHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
    ) -> Result<u32, HostError> {
        // The buffer is checked first: what was read could not be put back.
        mem.as_slice_mut(buf.as_array(buf_len))?;
        let chunk = super::read(&mut self.session, h, buf_len as usize).await?;
        let length = chunk.len() as u32;
        if length > 0 {
            mem.copy_from_slice(&chunk, buf.as_array(length))?;
        }
        Ok(length)
    }

    async fn write(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: BodyHandle,
        buf: GuestPtr<[u8]>,
        end: BodyWriteEnd,
    ) -> Result<u32, HostError> {
        let end = match end {
            BodyWriteEnd::Back => End::Back,
            BodyWriteEnd::Front => End::Front,
        };
        let data = memory::bytes(mem, buf, usize::MAX)?;
        Ok(super::write(&mut self.session, h, data, end).await? as u32)
    }

    fn close(&mut self, _: &mut GuestMemory<'_>, h: BodyHandle) -> Result<(), HostError> {
        Ok(super::close(&mut self.session, h)?)
    }

    fn abandon(&mut self, _: &mut GuestMemory<'_>, h: BodyHandle) -> Result<(), HostError> {
        Ok(super::abandon(&mut self.session, h)?)
    }

    fn known_length(&mut self, _: &mut GuestMemory<'_>, h: BodyHandle) -> Result<u64, HostError> {
        Ok(super::known_length(&mut self.session, h)?)
    }

    fn trailer_append(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: BodyHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<[u8]>,
    ) -> Result<(), HostError> {
        let name = memory::bytes(mem, name, limits::HEADER_NAME)?;
        let value = memory::bytes(mem, value, limits::HEADER_VALUE)?;
        self.session.charge_header(name, value)?;
        Ok(headers::append(
            super::trailers_mut(&mut self.session, h)?,
            name,
            value,
        )?)
    }

    fn trailer_names_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: BodyHandle,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let trailers = super::trailers(&mut self.session, h)?;
        OutBuf::new(buf, buf_len, nwritten).write_list(
            mem,
            headers::names(trailers),
            cursor,
            ending_cursor,
        )
    }

    fn trailer_value_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: BodyHandle,
        name: GuestPtr<[u8]>,
        value: GuestPtr<u8>,
        max: u32,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let trailers = super::trailers(&mut self.session, h)?;
        let found = headers::first(trailers, memory::bytes(mem, name, limits::HEADER_NAME)?)?;
        OutBuf::new(value, max, nwritten).write(mem, found)
    }

    fn trailer_values_get(
        &mut self,
        mem: &mut GuestMemory<'_>,
        h: BodyHandle,
        name: GuestPtr<[u8]>,
        buf: GuestPtr<u8>,
        buf_len: u32,
        cursor: u32,
        ending_cursor: GuestPtr<i64>,
        nwritten: GuestPtr<u32>,
    ) -> Result<(), HostError> {
        let trailers = super::trailers(&mut self.session, h)?;
        let values = headers::all(trailers, memory::bytes(mem, name, limits::HEADER_NAME)?)?;
        OutBuf::new(buf, buf_len, nwritten).write_list(mem, values, cursor, ending_cursor)
    }
}
