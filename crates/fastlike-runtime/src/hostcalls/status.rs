//! What guests are told: every mapping from an error to a number is here.

use fastlike_abi::layout::send_error_detail as detail;
use fastlike_abi::memory::Record;
use fastlike_abi::types::{FastlyStatus, HostError, SendErrorDetail, SendErrorDetailTag};
use wiggle::{GuestMemory, GuestPtr};

use crate::backend::SendError;
use crate::error::Error;
use crate::http::BodyError;

impl From<Error> for HostError {
    fn from(error: Error) -> Self {
        status(&error).into()
    }
}

fn status(error: &Error) -> FastlyStatus {
    match error {
        Error::BadHandle { .. } => FastlyStatus::Badf,
        Error::Invalid(_) => FastlyStatus::Inval,
        Error::Absent => FastlyStatus::None,
        Error::Unsupported(_) => FastlyStatus::Unsupported,
        Error::Again => FastlyStatus::Again,
        Error::Limit { .. } => FastlyStatus::Limitexceeded,
        Error::AlreadySent | Error::PeerGone | Error::Unspecified(_) => FastlyStatus::Error,
        Error::HttpUser(_) => FastlyStatus::Httpuser,
        Error::Body(body) => body_status(body),
        Error::Send(send) => send_status(send),
    }
}

fn body_status(error: &BodyError) -> FastlyStatus {
    match error {
        BodyError::Incomplete | BodyError::Abandoned => FastlyStatus::Httpincomplete,
        BodyError::Invalid(_) => FastlyStatus::Httpinvalid,
        BodyError::Timeout | BodyError::Transport(_) => FastlyStatus::Error,
    }
}

/// The status of a failed send. SDKs use it where there is no detail record.
fn send_status(error: &SendError) -> FastlyStatus {
    match error {
        SendError::UnknownBackend(_) => FastlyStatus::Inval,
        SendError::Incomplete => FastlyStatus::Httpincomplete,
        SendError::HeadTooLarge => FastlyStatus::Httpheadtoolarge,
        SendError::InvalidStatus => FastlyStatus::Httpinvalidstatus,
        SendError::Protocol(_) => FastlyStatus::Httpinvalid,
        SendError::InvalidUri(_) => FastlyStatus::Httpuser,
        SendError::DnsTimeout
        | SendError::Dns { .. }
        | SendError::Unavailable
        | SendError::Unroutable(_)
        | SendError::Refused(_)
        | SendError::Terminated
        | SendError::ConnectTimeout(_)
        | SendError::ConnectionLimit
        | SendError::TlsCertificate(_)
        | SendError::TlsConfiguration(_)
        | SendError::TlsAlert { .. }
        | SendError::TlsProtocol(_)
        | SendError::ResponseTimeout(_)
        | SendError::RequestBody(_)
        | SendError::Internal(_) => FastlyStatus::Error,
    }
}

fn send_tag(error: &SendError) -> SendErrorDetailTag {
    match error {
        SendError::DnsTimeout => SendErrorDetailTag::DnsTimeout,
        SendError::Dns { .. } => SendErrorDetailTag::DnsError,
        SendError::UnknownBackend(_) => SendErrorDetailTag::DestinationNotFound,
        SendError::Unavailable => SendErrorDetailTag::DestinationUnavailable,
        SendError::Unroutable(_) => SendErrorDetailTag::DestinationIpUnroutable,
        SendError::Refused(_) => SendErrorDetailTag::ConnectionRefused,
        SendError::Terminated => SendErrorDetailTag::ConnectionTerminated,
        SendError::ConnectTimeout(_) => SendErrorDetailTag::ConnectionTimeout,
        SendError::ConnectionLimit => SendErrorDetailTag::ConnectionLimitReached,
        SendError::TlsCertificate(_) => SendErrorDetailTag::TlsCertificateError,
        SendError::TlsConfiguration(_) => SendErrorDetailTag::TlsConfigurationError,
        SendError::TlsAlert { .. } => SendErrorDetailTag::TlsAlertReceived,
        SendError::TlsProtocol(_) => SendErrorDetailTag::TlsProtocolError,
        SendError::Incomplete => SendErrorDetailTag::HttpIncompleteResponse,
        SendError::HeadTooLarge => SendErrorDetailTag::HttpResponseHeaderSectionTooLarge,
        SendError::ResponseTimeout(_) => SendErrorDetailTag::HttpResponseTimeout,
        SendError::InvalidStatus => SendErrorDetailTag::HttpResponseStatusInvalid,
        SendError::Protocol(_) => SendErrorDetailTag::HttpProtocolError,
        SendError::InvalidUri(_) => SendErrorDetailTag::HttpRequestUriInvalid,
        SendError::RequestBody(_) | SendError::Internal(_) => SendErrorDetailTag::InternalError,
    }
}

const MASK_DNS_RCODE: u32 = 1 << 1;
const MASK_TLS_ALERT: u32 = 1 << 3;

/// Fills the guest's `send_error_detail` after a failed send.
///
/// Tag and mask are always written. Any other field only if the guest's mask
/// has its bit: the records of older and of JavaScript SDKs end earlier (ABI
/// facts, section 7). Other errors than of the send leave the record alone.
pub(super) fn report_send_error(
    memory: &mut GuestMemory<'_>,
    record: GuestPtr<SendErrorDetail>,
    error: &Error,
) -> Result<(), HostError> {
    let Error::Send(error) = error else {
        return Ok(());
    };
    let record = Record::at(record);
    let understood = record.u32(memory, detail::MASK)?;
    let mut filled = 0u32;
    if let SendError::Dns {
        rcode: Some(rcode), ..
    } = error
        && understood & MASK_DNS_RCODE != 0
    {
        record.write(memory, detail::DNS_ERROR_RCODE, &rcode.to_le_bytes())?;
        filled |= MASK_DNS_RCODE;
    }
    if let SendError::TlsAlert { id, .. } = error
        && understood & MASK_TLS_ALERT != 0
    {
        record.write(memory, detail::TLS_ALERT_ID, &[*id])?;
        filled |= MASK_TLS_ALERT;
    }
    record.write(memory, detail::TAG, &(send_tag(error) as u32).to_le_bytes())?;
    record.write(memory, detail::MASK, &filled.to_le_bytes())
}

/// The status of the synthetic response that a client gets when a request
/// forwarded by `send_downstream_pending` fails.
pub(super) fn forwarded_status(error: &SendError) -> http::StatusCode {
    match error {
        SendError::DnsTimeout | SendError::ConnectTimeout(_) | SendError::ResponseTimeout(_) => {
            http::StatusCode::GATEWAY_TIMEOUT
        }
        SendError::Dns { .. }
        | SendError::Unavailable
        | SendError::Unroutable(_)
        | SendError::Refused(_)
        | SendError::Terminated
        | SendError::ConnectionLimit
        | SendError::TlsCertificate(_)
        | SendError::TlsAlert { .. }
        | SendError::TlsProtocol(_)
        | SendError::Incomplete
        | SendError::HeadTooLarge
        | SendError::InvalidStatus
        | SendError::Protocol(_) => http::StatusCode::BAD_GATEWAY,
        SendError::UnknownBackend(_)
        | SendError::TlsConfiguration(_)
        | SendError::InvalidUri(_)
        | SendError::RequestBody(_)
        | SendError::Internal(_) => http::StatusCode::INTERNAL_SERVER_ERROR,
    }
}
