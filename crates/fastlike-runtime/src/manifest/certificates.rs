//! The PEM texts of a backend: `client_certificate` and `ca_certificate`.

use std::fmt;

use super::backends::probe;
use super::problem::{Log, Problem};
use super::raw::{Item, Section};
use super::resolve::Files;
use crate::backend::OriginError;

/// What each PEM text has.
const BEGIN: &[u8] = b"-----BEGIN";

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
    section.finish(log);
    let (certificate, key) = certificate.zip(key)?;
    let sound = probe().and_then(|origin| origin.client_certificate(&certificate.text, &key.text));
    if let Err(error) = sound {
        let (pem, file) = match error {
            OriginError::ClientKey(_) => (&key, "key_file"),
            _ => (&certificate, "certificate_file"),
        };
        // What stands there may be a secret: it is not repeated.
        log.error(pem.problem(&error, &format!("{file} = \"…\"")));
    }
    Some(ClientCertificate {
        certificate: certificate.text,
        key: key.text,
    })
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
        let Some(pem) = authority(item, files, log) else {
            continue;
        };
        if let Err(error) = probe().and_then(|origin| origin.ca_certificates(&pem.text)) {
            let path = String::from_utf8_lossy(&pem.text);
            log.error(pem.problem(&error, &format!("{{ file = {path:?} }}")));
        }
        found.push(pem.text);
    }
    found
}

fn authority<'a>(item: Item<'a>, files: &Files, log: &mut Log) -> Option<Pem<'a>> {
    if let Some(text) = item.value().as_str() {
        let text = text.as_bytes().to_vec();
        return Some(Pem { text, item });
    }
    if !item.value().is_table() {
        return item.expected("a PEM text, or a table with `file` or `value`", log);
    }
    let mut section = item.section(log)?;
    let pem = pem(&mut section, "value", "file", files, log);
    section.finish(log);
    pem
}

/// A PEM text.
struct Pem<'a> {
    text: Vec<u8>,
    /// The text itself, or the file that holds it.
    item: Item<'a>,
}

impl Pem<'_> {
    /// Says what is wrong with it; and how it is written if it is a file's
    /// path, as it seems to be.
    fn problem(&self, error: &OriginError, file: &str) -> Problem {
        let problem = self.item.problem(error.to_string());
        let begins = self.text.windows(BEGIN.len()).any(|text| text == BEGIN);
        let in_file = self.item.name().ends_with("file");
        if in_file || begins || self.text.contains(&b'\n') {
            return problem;
        }
        problem.help(format!("for a file write `{file}`"))
    }
}

/// A text that stands under `inline`, or in the file that `file` names.
fn pem<'a>(
    section: &mut Section<'a>,
    inline: &'static str,
    file: &'static str,
    files: &Files,
    log: &mut Log,
) -> Option<Pem<'a>> {
    match (section.take(inline), section.take(file)) {
        (Some(item), None) => {
            let text = item.string(log)?.into_bytes();
            Some(Pem { text, item })
        }
        (None, Some(item)) => {
            let (_, text) = files.read(&item, log)?;
            Some(Pem { text, item })
        }
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
