//! The PEM texts of a backend: `client_certificate` and `ca_certificate`.

use std::fmt;

use super::backends::probe;
use super::problem::Log;
use super::raw::{Item, Section};
use super::resolve::Files;

/// A certificate with its private key, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and what else is in its chain.
    pub certificate: Vec<u8>,
    /// The private key.
    pub key: Vec<u8>,
}

impl fmt::Debug for ClientCertificate {
    /// Tells nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// `client_certificate`: `certificate` or `certificate_file`, and `key` or
/// `key_file`.
pub(super) fn client(
    section: &mut Section<'_>,
    files: &Files,
    log: &mut Log,
) -> Option<ClientCertificate> {
    let mut section = section.section("client_certificate", log)?;
    let certificate = pem(&mut section, "certificate", "certificate_file", files, log);
    let key = pem(&mut section, "key", "key_file", files, log);
    let identity = certificate
        .zip(key)
        .map(|(certificate, key)| ClientCertificate { certificate, key });
    if let Some(identity) = &identity {
        let sound = probe()
            .and_then(|origin| origin.client_certificate(&identity.certificate, &identity.key));
        if let Err(error) = sound {
            log.error(section.problem(error.to_string()));
        }
    }
    section.finish(log);
    identity
}

/// `ca_certificate`: a PEM text, `{ file = … }`, `{ value = … }`, or a list of
/// these.
pub(super) fn authorities(section: &mut Section<'_>, files: &Files, log: &mut Log) -> Vec<Vec<u8>> {
    let Some(item) = section.take("ca_certificate") else {
        return Vec::new();
    };
    let items = if item.value().is_array() {
        item.elements()
    } else {
        vec![item]
    };
    let mut found = Vec::new();
    for item in items {
        let Some(pem) = authority(item.clone(), files, log) else {
            continue;
        };
        if let Err(error) = probe().and_then(|origin| origin.ca_certificates(&pem)) {
            log.error(item.problem(error.to_string()));
        }
        found.push(pem);
    }
    found
}

fn authority(item: Item<'_>, files: &Files, log: &mut Log) -> Option<Vec<u8>> {
    if let Some(text) = item.value().as_str() {
        return Some(text.as_bytes().to_vec());
    }
    if !item.value().is_table() {
        return item.expected("a PEM text, or a table with `file` or `value`", log);
    }
    let mut section = item.section(log)?;
    let pem = pem(&mut section, "value", "file", files, log);
    section.finish(log);
    pem
}

/// A text that stands under `inline`, or in the file that `file` names.
fn pem(
    section: &mut Section<'_>,
    inline: &'static str,
    file: &'static str,
    files: &Files,
    log: &mut Log,
) -> Option<Vec<u8>> {
    match (section.take(inline), section.take(file)) {
        (Some(item), None) => item.string(log).map(String::into_bytes),
        (None, Some(item)) => files.read(&item, log).map(|(_, bytes)| bytes),
        (Some(_), Some(item)) => {
            log.error(
                item.problem_at_key(format!("`{inline}` is there, too"))
                    .help("keep one of the two"),
            );
            None
        }
        (None, None) => {
            log.error(section.problem(format!("`{inline}` or `{file}` is missing")));
            None
        }
    }
}
