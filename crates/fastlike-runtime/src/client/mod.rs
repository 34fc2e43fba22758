//! Clients: what is known of them and their connections, and how their
//! requests are read before a guest sees them.

mod conn;
mod h2_fingerprint;
mod hello;
mod intake;
mod known;
mod reader;
mod signals;
mod tls;
mod trust;

pub use conn::ConnInfo;
pub use signals::{BotSignals, ClientSignals, VpnProxySignals};
pub use tls::{ClientVerified, TlsFacts};

pub(crate) use h2_fingerprint::{PREFACE, Reading as H2Reading, read as read_h2_fingerprint};
pub(crate) use hello::message as client_hello;
pub(crate) use intake::{Refusal, check, normalize, original_headers, takes_trailers};
pub(crate) use known::Known;
pub(crate) use reader::Reader;
pub(crate) use signals::CATEGORIES as BOT_CATEGORIES;
pub(crate) use tls::{cipher_name, protocol_name};
pub(crate) use trust::Trusted;
