//! The `send_error_detail` record, which a failed send fills.

use wiggle::{GuestMemory, GuestPtr};

use crate::layout::send_error_detail as layout;
use crate::memory::Record;
use crate::types::{HostError, SendErrorDetail, SendErrorDetailTag};

const MASK_DNS_RCODE: u32 = 1 << 1;
const MASK_TLS_ALERT: u32 = 1 << 3;
const MASK_H2: u32 = 1 << 4;

/// Why a send failed, as the record tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SendErrorReport {
    /// The kind of failure.
    pub tag: SendErrorDetailTag,
    /// The code of a DNS server's answer.
    pub dns_rcode: Option<u16>,
    /// The number of a TLS alert.
    pub tls_alert: Option<u8>,
    /// The type of the HTTP/2 frame that ended the request, and its error code.
    pub h2: Option<(u8, u32)>,
}

impl SendErrorReport {
    /// Fills the guest's record.
    ///
    /// Tag and mask are always written; any other field only if the mask that
    /// the guest left there has its bit, since the records of older and of
    /// JavaScript SDKs end earlier (ABI facts, section 7).
    pub fn write(
        self,
        memory: &mut GuestMemory<'_>,
        record: GuestPtr<SendErrorDetail>,
    ) -> Result<(), HostError> {
        let record = Record::at(record);
        let understood = record.u32(memory, layout::MASK)?;
        let mut filled = 0u32;
        if let Some(rcode) = self.dns_rcode
            && understood & MASK_DNS_RCODE != 0
        {
            record.write(memory, layout::DNS_ERROR_RCODE, &rcode.to_le_bytes())?;
            filled |= MASK_DNS_RCODE;
        }
        if let Some(alert) = self.tls_alert
            && understood & MASK_TLS_ALERT != 0
        {
            record.write(memory, layout::TLS_ALERT_ID, &[alert])?;
            filled |= MASK_TLS_ALERT;
        }
        if let Some((frame, code)) = self.h2
            && understood & MASK_H2 != 0
        {
            record.write(memory, layout::H2_ERROR_FRAME, &[frame])?;
            record.write(memory, layout::H2_ERROR_CODE, &code.to_le_bytes())?;
            filled |= MASK_H2;
        }
        record.write(memory, layout::TAG, &(self.tag as u32).to_le_bytes())?;
        record.write(memory, layout::MASK, &filled.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALERT: SendErrorReport = SendErrorReport {
        tag: SendErrorDetailTag::TlsAlertReceived,
        dns_rcode: None,
        tls_alert: Some(48),
        h2: None,
    };
    const H2: SendErrorReport = SendErrorReport {
        tag: SendErrorDetailTag::H2Error,
        dns_rcode: None,
        tls_alert: None,
        h2: Some((3, 0x0102_0304)),
    };

    #[test]
    fn a_field_is_written_only_if_the_guest_has_it() {
        // Rust: all bits set, 20 bytes.
        let mut raw = [0xaau8; 24];
        raw[4..8].copy_from_slice(&0x1fu32.to_le_bytes());
        ALERT
            .write(&mut GuestMemory::Unshared(&mut raw), GuestPtr::new(0))
            .expect("in bounds");
        assert_eq!((raw[0], raw[4], raw[12]), (23, 8, 48));
        assert_eq!(raw[13], 0xaa);
    }

    #[test]
    fn the_short_record_of_javascript_is_not_overrun() {
        let mut raw = [0u8; 9];
        raw[8] = 0xaa;
        ALERT
            .write(&mut GuestMemory::Unshared(&mut raw), GuestPtr::new(0))
            .expect("in bounds");
        assert_eq!(raw, [23, 0, 0, 0, 0, 0, 0, 0, 0xaa]);
    }

    #[test]
    fn http_2_is_told_to_those_who_have_its_fields() {
        for (understood, filled) in [(0x1fu32, 16), (0x0e, 0)] {
            let mut raw = [0u8; 20];
            raw[4..8].copy_from_slice(&understood.to_le_bytes());
            H2.write(&mut GuestMemory::Unshared(&mut raw), GuestPtr::new(0))
                .expect("in bounds");
            assert_eq!((raw[0], raw[4]), (25, filled));
            let told = (raw[13], &raw[16..20]);
            let expected: (u8, &[u8]) = match filled {
                0 => (0, &[0; 4]),
                _ => (3, &[4, 3, 2, 1]),
            };
            assert_eq!(told, expected);
        }
    }
}
