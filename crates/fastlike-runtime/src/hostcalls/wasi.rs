//! `wasi_snapshot_preview1`: output, clocks, random numbers and environment,
//! by wasmtime's own implementation, without files or sockets.
//!
//! Linked by hand for the same reason as the rest of the ABI: a bad pointer
//! is an `errno`, never a trap.

use fastlike_abi::link::guest;
use wasmtime::{Caller, Linker};
use wasmtime_wasi::p1::wasi_snapshot_preview1::{self as wasi, WasiSnapshotPreview1 as _};
use wiggle::GuestError;

use crate::sandbox::Sandbox;

/// The module's name in imports.
const MODULE: &str = "wasi_snapshot_preview1";

const ERRNO_FAULT: i32 = 21;
const ERRNO_ILSEQ: i32 = 25;
const ERRNO_INVAL: i32 = 28;

/// Bytes of host memory that one call may take for what the guest passes.
const CALL_FUEL: usize = 16 * 1024 * 1024;

fn settle(result: wasmtime::Result<i32>) -> wasmtime::Result<i32> {
    result.or_else(|error| match error.downcast::<GuestError>() {
        Ok(error) => Ok(errno(&error)),
        Err(trap) => Err(trap),
    })
}

fn errno(error: &GuestError) -> i32 {
    match error {
        GuestError::InFunc { err, .. } => errno(err),
        GuestError::PtrOutOfBounds(_) | GuestError::PtrOverflow => ERRNO_FAULT,
        GuestError::InvalidUtf8(_) => ERRNO_ILSEQ,
        GuestError::PtrNotAligned { .. }
        | GuestError::InvalidFlagValue(_)
        | GuestError::InvalidEnumValue(_)
        | GuestError::SliceLengthsDiffer
        | GuestError::TryFromIntError(_) => ERRNO_INVAL,
    }
}

macro_rules! link_function {
    (plain $linker:ident $name:ident($($arg:ident: $ty:ty),*)) => {
        $linker.func_wrap(MODULE, stringify!($name), |mut caller: Caller<'_, Sandbox>, $($arg: $ty),*| -> wasmtime::Result<i32> {
            let (mut memory, state) = guest(&mut caller);
            state.wasi.set_hostcall_fuel(CALL_FUEL);
            settle(wasi::$name(&mut state.wasi, &mut memory, $($arg),*))
        })?;
    };
    (waits $linker:ident $name:ident($($arg:ident: $ty:ty),*)) => {
        $linker.func_wrap_async(MODULE, stringify!($name), |mut caller: Caller<'_, Sandbox>, ($($arg,)*): ($($ty,)*)| {
            Box::new(async move {
                let (mut memory, state) = guest(&mut caller);
                state.wasi.set_hostcall_fuel(CALL_FUEL);
                settle(wasi::$name(&mut state.wasi, &mut memory, $($arg),*).await)
            })
        })?;
    };
}

/// Bytes that one call of wasmtime's `random_get` is asked for.
const RANDOM_PIECE: u32 = 1024 * 1024;

/// wasmtime's own makes all bytes before it looks at the buffer, and traps on
/// more than 64 MiB. So it is asked for pieces, the last one first: a buffer
/// that is out of bounds is so at its end.
fn link_random_get(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    linker.func_wrap(
        MODULE,
        "random_get",
        |mut caller: Caller<'_, Sandbox>, buf: i32, buf_len: i32| -> wasmtime::Result<i32> {
            let (mut memory, state) = guest(&mut caller);
            let mut left = buf_len as u32;
            while left > 0 {
                let piece = left.min(RANDOM_PIECE);
                left -= piece;
                let Some(at) = (buf as u32).checked_add(left) else {
                    return Ok(ERRNO_FAULT);
                };
                let result =
                    wasi::random_get(&mut state.wasi, &mut memory, at as i32, piece as i32);
                let errno = settle(result)?;
                if errno != 0 {
                    return Ok(errno);
                }
            }
            Ok(0)
        },
    )?;
    Ok(())
}

macro_rules! functions {
    ($($kind:ident $name:ident($($arg:ident: $ty:ty),*);)*) => {
        /// The names of all functions.
        pub(crate) const WASI: &[&str] = &["proc_exit", "random_get", $(stringify!($name)),*];

        /// Links every function.
        pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
            $(link_function!($kind linker $name($($arg: $ty),*));)*
            // wasmtime's own traps on codes from 126.
            linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
                Err(wasmtime_wasi::I32Exit(code).into())
            })?;
            link_random_get(linker)
        }
    };
}

functions! {
    plain args_get(a: i32, b: i32);
    plain args_sizes_get(a: i32, b: i32);
    plain clock_res_get(a: i32, b: i32);
    plain clock_time_get(a: i32, b: i64, c: i32);
    plain environ_get(a: i32, b: i32);
    plain environ_sizes_get(a: i32, b: i32);
    waits fd_advise(a: i32, b: i64, c: i64, d: i32);
    plain fd_allocate(a: i32, b: i64, c: i64);
    waits fd_close(a: i32);
    waits fd_datasync(a: i32);
    waits fd_fdstat_get(a: i32, b: i32);
    plain fd_fdstat_set_flags(a: i32, b: i32);
    plain fd_fdstat_set_rights(a: i32, b: i64, c: i64);
    waits fd_filestat_get(a: i32, b: i32);
    waits fd_filestat_set_size(a: i32, b: i64);
    waits fd_filestat_set_times(a: i32, b: i64, c: i64, d: i32);
    waits fd_pread(a: i32, b: i32, c: i32, d: i64, e: i32);
    plain fd_prestat_dir_name(a: i32, b: i32, c: i32);
    plain fd_prestat_get(a: i32, b: i32);
    waits fd_pwrite(a: i32, b: i32, c: i32, d: i64, e: i32);
    waits fd_read(a: i32, b: i32, c: i32, d: i32);
    waits fd_readdir(a: i32, b: i32, c: i32, d: i64, e: i32);
    waits fd_renumber(a: i32, b: i32);
    waits fd_seek(a: i32, b: i64, c: i32, d: i32);
    waits fd_sync(a: i32);
    plain fd_tell(a: i32, b: i32);
    waits fd_write(a: i32, b: i32, c: i32, d: i32);
    waits path_create_directory(a: i32, b: i32, c: i32);
    waits path_filestat_get(a: i32, b: i32, c: i32, d: i32, e: i32);
    waits path_filestat_set_times(a: i32, b: i32, c: i32, d: i32, e: i64, f: i64, g: i32);
    waits path_link(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32);
    waits path_open(a: i32, b: i32, c: i32, d: i32, e: i32, f: i64, g: i64, h: i32, i: i32);
    waits path_readlink(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    waits path_remove_directory(a: i32, b: i32, c: i32);
    waits path_rename(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    waits path_symlink(a: i32, b: i32, c: i32, d: i32, e: i32);
    waits path_unlink_file(a: i32, b: i32, c: i32);
    waits poll_oneoff(a: i32, b: i32, c: i32, d: i32);
    plain proc_raise(a: i32);
    plain sched_yield();
    plain sock_accept(a: i32, b: i32, c: i32);
    plain sock_recv(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    plain sock_send(a: i32, b: i32, c: i32, d: i32, e: i32);
    plain sock_shutdown(a: i32, b: i32);
}
