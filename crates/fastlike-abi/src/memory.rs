//! Reading arguments from guest memory and writing results to it.
//!
//! Everything a guest passes is a number it chose: lengths are bounded before
//! anything is allocated, zero-length buffers may have any pointer, and
//! option records may be shorter and less aligned than their newest form.

use std::net::IpAddr;

use wiggle::{GuestMemory, GuestPtr, GuestType, Pointee};

use crate::types::{FastlyStatus, HostError};

type Result<T> = std::result::Result<T, HostError>;

/// The bytes behind `ptr`, at most `limit` of them (longer: `inval`).
pub fn bytes<'a>(
    memory: &'a GuestMemory<'_>,
    ptr: GuestPtr<[u8]>,
    limit: usize,
) -> Result<&'a [u8]> {
    if ptr.len() == 0 {
        return Ok(&[]);
    }
    if ptr.len() as usize > limit {
        return Err(FastlyStatus::Inval.into());
    }
    // `None` is a shared memory, which no engine of ours enables.
    memory
        .as_slice(ptr)?
        .ok_or_else(|| FastlyStatus::Inval.into())
}

/// The text behind `ptr`, at most `limit` bytes of it (longer or not UTF-8: `inval`).
pub fn text(memory: &GuestMemory<'_>, ptr: GuestPtr<str>, limit: usize) -> Result<String> {
    let raw = bytes(memory, ptr.as_bytes(), limit)?;
    match std::str::from_utf8(raw) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(FastlyStatus::Inval.into()),
    }
}

/// A list of at most `limit` values (longer: `inval`).
pub fn list<T: GuestType>(
    memory: &GuestMemory<'_>,
    ptr: GuestPtr<[T]>,
    limit: u32,
) -> Result<Vec<T>> {
    if ptr.len() > limit {
        return Err(FastlyStatus::Inval.into());
    }
    let mut values = Vec::with_capacity(ptr.len() as usize);
    for item in ptr.iter() {
        values.push(memory.read(item?)?);
    }
    Ok(values)
}

/// Writes an explicit result.
pub fn write<T: GuestType + Pointee<Pointer = u32>>(
    memory: &mut GuestMemory<'_>,
    ptr: GuestPtr<T>,
    value: T,
) -> Result<()> {
    Ok(memory.write(ptr, value)?)
}

/// A buffer of the guest for a result of variable length, with the place for
/// its length (ABI facts, section 4).
#[derive(Debug, Clone, Copy)]
pub struct OutBuf {
    buf: GuestPtr<u8>,
    capacity: u32,
    nwritten: GuestPtr<u32>,
}

impl OutBuf {
    /// The three arguments as they come.
    pub fn new(buf: GuestPtr<u8>, capacity: u32, nwritten: GuestPtr<u32>) -> Self {
        Self {
            buf,
            capacity,
            nwritten,
        }
    }

    /// Writes all of `bytes` and their number; if they do not fit, writes
    /// nothing but the length that is needed, and answers `buflen`.
    pub fn write(self, memory: &mut GuestMemory<'_>, bytes: &[u8]) -> Result<()> {
        let needed = u32::try_from(bytes.len()).unwrap_or(0);
        memory.write(self.nwritten, needed)?;
        if bytes.len() > self.capacity as usize {
            return Err(FastlyStatus::Buflen.into());
        }
        if bytes.is_empty() {
            return Ok(());
        }
        Ok(memory.copy_from_slice(bytes, self.buf.as_array(needed))?)
    }

    /// Writes as many whole items as fit, from the `cursor`th on, each
    /// followed by one NUL (ABI facts, section 5).
    ///
    /// `ending` gets the index of the first item that was not written, or -1
    /// after the last; it may be NULL. If not even one item fits the answer
    /// is `buflen` with its length and an ending cursor of -1.
    pub fn write_list<'i>(
        self,
        memory: &mut GuestMemory<'_>,
        items: impl Iterator<Item = &'i [u8]>,
        cursor: u32,
        ending: GuestPtr<i64>,
    ) -> Result<()> {
        let mut used = 0u32;
        let mut next = i64::from(cursor);
        let mut end = -1i64;
        let mut too_small = None;
        for item in items.skip(cursor as usize) {
            let length = u32::try_from(item.len())
                .ok()
                .and_then(|l| l.checked_add(1));
            let after = length
                .and_then(|l| used.checked_add(l))
                .filter(|after| *after <= self.capacity);
            let Some(after) = after else {
                if used == 0 {
                    too_small = Some(length.unwrap_or(0));
                } else {
                    end = next;
                }
                break;
            };
            let place = self.buf.add(used)?;
            if !item.is_empty() {
                memory.copy_from_slice(item, place.as_array(item.len() as u32))?;
            }
            memory.write(place.add(item.len() as u32)?, 0)?;
            used = after;
            next = next.saturating_add(1);
        }
        if ending.offset() != 0 {
            memory.write(ending, end)?;
        }
        memory.write(self.nwritten, too_small.unwrap_or(used))?;
        match too_small {
            Some(_) => Err(FastlyStatus::Buflen.into()),
            None => Ok(()),
        }
    }
}

/// Writes all of `bytes` and their number; if they do not fit, writes nothing
/// and answers `buflen`. For the few calls that do not tell the length that is
/// needed (ABI facts, section 4).
pub fn write_whole(
    memory: &mut GuestMemory<'_>,
    buf: GuestPtr<u8>,
    capacity: u32,
    nwritten: GuestPtr<u32>,
    bytes: &[u8],
) -> Result<()> {
    match u32::try_from(bytes.len()) {
        Ok(length) if length <= capacity => {
            OutBuf::new(buf, capacity, nwritten).write(memory, bytes)
        }
        _ => Err(FastlyStatus::Buflen.into()),
    }
}

/// Writes an address as 4 or 16 bytes into the guest's 16-byte buffer, and
/// its length; an unknown address has length 0.
pub fn write_address(
    memory: &mut GuestMemory<'_>,
    octets: GuestPtr<u8>,
    nwritten: GuestPtr<u32>,
    address: Option<IpAddr>,
) -> Result<()> {
    let length = match address {
        None => 0,
        Some(IpAddr::V4(v4)) => {
            memory.copy_from_slice(&v4.octets(), octets.as_array(4))?;
            4
        }
        Some(IpAddr::V6(v6)) => {
            memory.copy_from_slice(&v6.octets(), octets.as_array(16))?;
            16
        }
    };
    Ok(memory.write(nwritten, length)?)
}

/// The address in a byte list of length 4 or 16 (any other length: `inval`).
pub fn address(memory: &GuestMemory<'_>, octets: GuestPtr<[u8]>) -> Result<IpAddr> {
    let octets = bytes(memory, octets, 16)?;
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Ok(IpAddr::from(v4));
    }
    match <[u8; 16]>::try_from(octets) {
        Ok(v6) => Ok(IpAddr::from(v6)),
        Err(_) => Err(FastlyStatus::Inval.into()),
    }
}

/// An option record of the guest, read field by field.
///
/// Guests of older SDKs pass shorter records, some misaligned, and garbage
/// when no option is set. So a field is read only when its bit is set, byte
/// by byte, and the rest of the record is never touched. Offsets are those of
/// [`crate::layout`].
#[derive(Debug, Clone, Copy)]
pub struct Record {
    base: u32,
}

impl Record {
    /// The record at `ptr`.
    pub fn at<T: Pointee<Pointer = u32>>(ptr: GuestPtr<T>) -> Self {
        Self { base: ptr.offset() }
    }

    fn field(self, offset: u32, length: u32) -> Result<GuestPtr<[u8]>> {
        let start = self
            .base
            .checked_add(offset)
            .ok_or(HostError::from(FastlyStatus::Inval))?;
        Ok(GuestPtr::new((start, length)))
    }

    fn array<const N: usize>(self, memory: &GuestMemory<'_>, offset: u32) -> Result<[u8; N]> {
        let raw = bytes(memory, self.field(offset, N as u32)?, N)?;
        raw.try_into().map_err(|_| FastlyStatus::Inval.into())
    }

    /// The 16-bit number at `offset`.
    pub fn u16(self, memory: &GuestMemory<'_>, offset: u32) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array(memory, offset)?))
    }

    /// The 32-bit number at `offset`.
    pub fn u32(self, memory: &GuestMemory<'_>, offset: u32) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(memory, offset)?))
    }

    /// The 64-bit number at `offset`.
    pub fn u64(self, memory: &GuestMemory<'_>, offset: u32) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(memory, offset)?))
    }

    /// The bytes whose pointer is at `ptr_offset` and whose length is at `len_offset`.
    pub fn bytes<'a>(
        self,
        memory: &'a GuestMemory<'_>,
        ptr_offset: u32,
        len_offset: u32,
        limit: usize,
    ) -> Result<&'a [u8]> {
        let ptr = self.u32(memory, ptr_offset)?;
        let len = self.u32(memory, len_offset)?;
        bytes(memory, GuestPtr::new((ptr, len)), limit)
    }

    /// The text whose pointer is at `ptr_offset` and whose length is at `len_offset`.
    pub fn text(
        self,
        memory: &GuestMemory<'_>,
        ptr_offset: u32,
        len_offset: u32,
        limit: usize,
    ) -> Result<String> {
        let raw = self.bytes(memory, ptr_offset, len_offset, limit)?;
        match std::str::from_utf8(raw) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(FastlyStatus::Inval.into()),
        }
    }

    /// The address whose pointer is at `ptr_offset` and whose length (0: none,
    /// 4 or 16) is at `len_offset`.
    pub fn address(
        self,
        memory: &GuestMemory<'_>,
        ptr_offset: u32,
        len_offset: u32,
    ) -> Result<Option<IpAddr>> {
        let ptr = self.u32(memory, ptr_offset)?;
        match self.u32(memory, len_offset)? {
            0 => Ok(None),
            len => address(memory, GuestPtr::new((ptr, len))).map(Some),
        }
    }

    /// Writes `value` at `offset`, whatever the alignment.
    pub fn write(self, memory: &mut GuestMemory<'_>, offset: u32, value: &[u8]) -> Result<()> {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        Ok(memory.copy_from_slice(value, self.field(offset, length)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(result: Result<()>) -> FastlyStatus {
        match result {
            Ok(()) => FastlyStatus::Ok,
            Err(error) => error.downcast().expect("a status, not a trap"),
        }
    }

    fn out(capacity: u32) -> OutBuf {
        OutBuf::new(GuestPtr::new(64), capacity, GuestPtr::new(0))
    }

    /// Guest memory begins at a page; alignment is looked at in the host.
    #[repr(align(8))]
    struct Page([u8; 128]);

    fn u32_at(memory: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(memory[at..at + 4].try_into().expect("four bytes"))
    }

    #[test]
    fn a_value_that_fits_is_written_with_its_length() {
        let mut page = Page([0u8; 128]);
        let raw = &mut page.0;
        assert_eq!(
            status(out(5).write(&mut GuestMemory::Unshared(&mut raw[..]), b"hello")),
            FastlyStatus::Ok
        );
        assert_eq!((&raw[64..69], u32_at(raw, 0)), (&b"hello"[..], 5));
    }

    #[test]
    fn a_value_that_does_not_fit_leaves_only_the_needed_length() {
        let mut page = Page([0u8; 128]);
        let raw = &mut page.0;
        assert_eq!(
            status(out(4).write(&mut GuestMemory::Unshared(&mut raw[..]), b"hello")),
            FastlyStatus::Buflen
        );
        assert_eq!((&raw[64..69], u32_at(raw, 0)), (&[0u8; 5][..], 5));
    }

    #[test]
    fn some_values_do_not_tell_the_length_that_they_need() {
        let mut page = Page([0u8; 128]);
        let raw = &mut page.0;
        let write = |raw: &mut [u8], capacity| {
            let memory = &mut GuestMemory::Unshared(raw);
            let (buf, nwritten) = (GuestPtr::new(64), GuestPtr::new(0));
            status(write_whole(memory, buf, capacity, nwritten, b"hello"))
        };
        assert_eq!(write(raw, 4), FastlyStatus::Buflen);
        assert_eq!((&raw[64..69], u32_at(raw, 0)), (&[0u8; 5][..], 0));
        assert_eq!(write(raw, 5), FastlyStatus::Ok);
        assert_eq!((&raw[64..69], u32_at(raw, 0)), (&b"hello"[..], 5));
    }

    #[test]
    fn pointers_out_of_bounds_and_misaligned_are_statuses() {
        let mut page = Page([0u8; 128]);
        let raw = &mut page.0;
        let memory = &mut GuestMemory::Unshared(&mut raw[..]);
        let far = OutBuf::new(GuestPtr::new(126), 5, GuestPtr::new(0));
        assert_eq!(status(far.write(memory, b"hello")), FastlyStatus::Inval);
        let odd = OutBuf::new(GuestPtr::new(64), 5, GuestPtr::new(1));
        assert_eq!(status(odd.write(memory, b"hello")), FastlyStatus::Badalign);
        let dangling = OutBuf::new(GuestPtr::new(u32::MAX), 0, GuestPtr::new(0));
        assert_eq!(status(dangling.write(memory, b"")), FastlyStatus::Ok);
    }

    #[test]
    fn a_list_is_paged_by_cursor_at_every_buffer_size() {
        let items: [&[u8]; 4] = [b"one", b"", b"three", b"four"];
        for capacity in 6..40 {
            let (mut seen, mut cursor) = (Vec::new(), 0);
            loop {
                let mut page = Page([0xffu8; 128]);
                let raw = &mut page.0;
                let written = out(capacity).write_list(
                    &mut GuestMemory::Unshared(&mut raw[..]),
                    items.iter().copied(),
                    cursor,
                    GuestPtr::new(8),
                );
                assert_eq!(status(written), FastlyStatus::Ok);
                let length = u32_at(raw, 0) as usize;
                assert!(length <= capacity as usize);
                seen.extend_from_slice(&raw[64..64 + length]);
                let ending = i64::from_le_bytes(raw[8..16].try_into().expect("eight bytes"));
                if ending < 0 {
                    break;
                }
                cursor = u32::try_from(ending).expect("a cursor");
            }
            assert_eq!(seen, b"one\0\0three\0four\0");
        }
    }

    #[test]
    fn an_item_that_does_not_fit_at_all_tells_what_it_needs() {
        let mut page = Page([0u8; 128]);
        let raw = &mut page.0;
        let written = out(3).write_list(
            &mut GuestMemory::Unshared(&mut raw[..]),
            [&b"one"[..]].into_iter(),
            0,
            GuestPtr::new(8),
        );
        assert_eq!(status(written), FastlyStatus::Buflen);
        assert_eq!(u32_at(raw, 0), 4);
        assert_eq!(raw[8..16], (-1i64).to_le_bytes());
    }

    #[test]
    fn a_cursor_past_the_end_and_a_null_ending_cursor_are_fine() {
        let mut page = Page([0u8; 128]);
        let raw = &mut page.0;
        let written = out(8).write_list(
            &mut GuestMemory::Unshared(&mut raw[..]),
            [&b"one"[..]].into_iter(),
            9,
            GuestPtr::new(0),
        );
        assert_eq!((status(written), u32_at(raw, 0)), (FastlyStatus::Ok, 0));
    }

    #[test]
    fn records_are_read_without_alignment_and_only_where_asked() {
        let mut raw = [0u8; 16];
        raw[9..13].copy_from_slice(&7u32.to_le_bytes());
        let memory = GuestMemory::Unshared(&mut raw);
        let record = Record { base: 5 };
        assert_eq!(record.u32(&memory, 4).expect("in bounds"), 7);
        assert!(record.u64(&memory, 4).is_err(), "reaches past the end");
        assert!(Record { base: u32::MAX }.u32(&memory, 4).is_err());
    }
}
