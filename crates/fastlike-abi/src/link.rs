//! Links the ABI's functions, module by module.
//!
//! wiggle's own linking turns a bad result pointer, an unknown enum value or
//! flag bit into a trap, and looks the guest's memory up in every call. This
//! layer answers a status, and looks it up once.

use wasmtime::{Caller, Extern, Linker, Memory};
use wiggle::{GuestError, GuestMemory};

use crate::error::status_of;
use crate::types::FastlyStatus;

include!(concat!(env!("OUT_DIR"), "/link.rs"));

/// What linking needs to know of a store's data.
pub trait GuestState {
    /// Where the guest's memory is remembered after it was first looked up.
    fn memory_slot(&mut self) -> &mut Option<Memory>;
}

/// The guest's memory and the store's data, borrowed together.
///
/// A guest that exports no memory gets an empty one, in which every pointer
/// is out of bounds.
pub fn guest<'a, T: GuestState + 'static>(
    caller: &'a mut Caller<'_, T>,
) -> (GuestMemory<'a>, &'a mut T) {
    let known = *caller.data_mut().memory_slot();
    let memory = known.or_else(|| match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => {
            *caller.data_mut().memory_slot() = Some(memory);
            Some(memory)
        }
        _ => None,
    });
    match memory {
        Some(memory) => {
            let (bytes, state) = memory.data_and_store_mut(caller);
            (GuestMemory::Unshared(bytes), state)
        }
        None => (GuestMemory::Unshared(&mut []), caller.data_mut()),
    }
}

fn settle(result: wasmtime::Result<i32>, unknown_bits: FastlyStatus) -> wasmtime::Result<i32> {
    result.or_else(|error| match error.downcast::<GuestError>() {
        Ok(error) => Ok(status_of(&error, unknown_bits) as i32),
        Err(trap) => Err(trap),
    })
}
