//! What guests are told: every mapping from an error to a number is here.

use fastlike_abi::SendErrorReport;
use fastlike_abi::types::{FastlyStatus, HostError, KvError as KvStatus, SendErrorDetailTag};

use crate::backend::SendError;
use crate::error::Error;
use crate::http::BodyError;
use crate::kv::KvError;

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
        Error::Body(body) => body_status(body),
        Error::Kv(kv) => kv_plain_status(kv),
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

/// The status of a KV operation, where there is no `kv_error`.
fn kv_plain_status(error: &KvError) -> FastlyStatus {
    match error {
        KvError::Key(_)
        | KvError::StoreName
        | KvError::Precondition
        | KvError::TooLarge { .. }
        | KvError::Metadata { .. }
        | KvError::Cursor => FastlyStatus::Inval,
        KvError::NotFound => FastlyStatus::None,
        KvError::Busy | KvError::Stores { .. } => FastlyStatus::Limitexceeded,
        KvError::Value(body) => body_status(body),
        KvError::Full { .. } | KvError::DiskFull | KvError::Removed | KvError::Storage(_) => {
            FastlyStatus::Error
        }
    }
}

/// What became of a KV operation that failed.
pub(super) fn kv_status(error: &KvError) -> KvStatus {
    match error {
        KvError::Key(_)
        | KvError::StoreName
        | KvError::Metadata { .. }
        | KvError::Cursor
        | KvError::Value(_) => KvStatus::BadRequest,
        KvError::NotFound => KvStatus::NotFound,
        KvError::Precondition => KvStatus::PreconditionFailed,
        KvError::TooLarge { .. } => KvStatus::PayloadTooLarge,
        KvError::Busy => KvStatus::TooManyRequests,
        KvError::Stores { .. }
        | KvError::Full { .. }
        | KvError::DiskFull
        | KvError::Removed
        | KvError::Storage(_) => KvStatus::InternalError,
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
        | SendError::Http2 { .. }
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
        SendError::Http2 { .. } => SendErrorDetailTag::H2Error,
        SendError::InvalidStatus => SendErrorDetailTag::HttpResponseStatusInvalid,
        SendError::Protocol(_) => SendErrorDetailTag::HttpProtocolError,
        SendError::InvalidUri(_) => SendErrorDetailTag::HttpRequestUriInvalid,
        SendError::RequestBody(_) | SendError::Internal(_) => SendErrorDetailTag::InternalError,
    }
}

/// What `send_error_detail` tells of an error; nothing of one that is not the
/// send's own.
pub(super) fn send_error_report(error: &Error) -> Option<SendErrorReport> {
    let Error::Send(error) = error else {
        return None;
    };
    Some(SendErrorReport {
        tag: send_tag(error),
        dns_rcode: match error {
            SendError::Dns { rcode, .. } => *rcode,
            _ => None,
        },
        tls_alert: match error {
            SendError::TlsAlert { id, .. } => Some(*id),
            _ => None,
        },
        h2: match error {
            SendError::Http2 { frame, code, .. } => Some((*frame, *code)),
            _ => None,
        },
    })
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
        | SendError::Http2 { .. }
        | SendError::InvalidStatus
        | SendError::Protocol(_) => http::StatusCode::BAD_GATEWAY,
        SendError::UnknownBackend(_)
        | SendError::TlsConfiguration(_)
        | SendError::InvalidUri(_)
        | SendError::RequestBody(_)
        | SendError::Internal(_) => http::StatusCode::INTERNAL_SERVER_ERROR,
    }
}
