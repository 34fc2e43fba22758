//! The core-wasm door of `fastly_acl`.

use fastlike_abi::fastly_acl::FastlyAcl;
use fastlike_abi::memory;
use fastlike_abi::types::{AclError, AclHandle, BodyHandle, HostError};
use wiggle::{GuestMemory, GuestPtr};

use crate::limits;
use crate::sandbox::Sandbox;

impl FastlyAcl for Sandbox {
    fn open(
        &mut self,
        mem: &mut GuestMemory<'_>,
        name: GuestPtr<str>,
    ) -> Result<AclHandle, HostError> {
        let name = memory::text(mem, name, limits::TEXT)?;
        let acl = super::open(&self.session, &name)?;
        Ok(self.session.opened.acls.insert(acl)?)
    }

    fn lookup(
        &mut self,
        mem: &mut GuestMemory<'_>,
        acl: AclHandle,
        ip_octets: GuestPtr<[u8]>,
        body_handle_out: GuestPtr<BodyHandle>,
    ) -> Result<AclError, HostError> {
        let address = memory::address(mem, ip_octets)?;
        match super::lookup(&mut self.session, acl, address)? {
            Some(body) => {
                memory::write(mem, body_handle_out, body)?;
                Ok(AclError::Ok)
            }
            None => Ok(AclError::NoContent),
        }
    }
}
