//! The kinds of [`SendError`], for those who count them.

use super::SendError;

impl SendError {
    /// The platform's name of this kind of error: the tag of the guest's
    /// `send_error_detail` (ABI facts, section 15).
    ///
    /// There are few, and none holds a name or an address.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::DnsTimeout => "dns_timeout",
            Self::Dns { .. } => "dns_error",
            Self::UnknownBackend(_) => "destination_not_found",
            Self::Unavailable => "destination_unavailable",
            Self::Unroutable(_) => "destination_ip_unroutable",
            Self::Refused(_) => "connection_refused",
            Self::Terminated => "connection_terminated",
            Self::ConnectTimeout(_) => "connection_timeout",
            Self::ConnectionLimit => "connection_limit_reached",
            Self::TlsCertificate(_) => "tls_certificate_error",
            Self::TlsConfiguration(_) => "tls_configuration_error",
            Self::TlsAlert { .. } => "tls_alert_received",
            Self::TlsProtocol(_) => "tls_protocol_error",
            Self::Incomplete => "http_incomplete_response",
            Self::HeadTooLarge => "http_response_header_section_too_large",
            Self::ResponseTimeout(_) => "http_response_timeout",
            Self::Http2 { .. } => "h2_error",
            Self::InvalidStatus => "http_response_status_invalid",
            Self::Protocol(_) => "http_protocol_error",
            Self::InvalidUri(_) => "http_request_uri_invalid",
            Self::RequestBody(_) | Self::Internal(_) => "internal_error",
        }
    }
}
