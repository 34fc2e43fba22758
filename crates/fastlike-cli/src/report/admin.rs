//! What is printed of the admin listener.

use std::net::SocketAddr;

use serde_json::json;

use super::Report;
use crate::args::LogFormat;

impl Report {
    /// The admin listener accepts. `token` is one that was made for it, which
    /// nobody knows otherwise.
    pub(crate) fn admin(&self, address: SocketAddr, token: Option<&str>) {
        let url = format!("http://{address}");
        if self.format == LogFormat::Json {
            return self.json("INFO", "admin", json!({ "url": url, "token": token }));
        }
        match token {
            Some(token) => self.info(format_args!("Admin at {url}, token {token}")),
            None => self.info(format_args!("Admin at {url}")),
        }
    }
}
