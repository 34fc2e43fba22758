//! How clients connect: TLS with a certificate of the user's or one that is
//! made here, and the proxies before them.

use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastlike_runtime::{ServeOptions, TlsError, TlsListener};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType, date_time_ymd};

use crate::args::ClientArgs;
use crate::failure::Failure;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// As long as browsers accept a certificate that a user has trusted.
const VALID: Duration = Duration::from_secs(825 * 24 * 60 * 60);
/// How long before its end a made certificate is made anew.
const EARLY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How clients connect, found to be in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientPlan {
    options: ServeOptions,
    secure: bool,
    made: Option<PathBuf>,
}

impl ClientPlan {
    /// Loads certificates. One that has to be made is kept beside the folder
    /// of compiled programs, so that it stays the same.
    pub(crate) fn new(args: ClientArgs, folder: Option<&Path>) -> Result<Self, Failure> {
        let mut made = None;
        let tls = match (args.tls_cert, args.tls_key) {
            (Some(certificate), Some(key)) => Some(load(&certificate, &key)?),
            _ if args.tls => {
                let folder = folder.and_then(beside).ok_or_else(|| {
                    Failure::new("there is no folder to keep the certificate of --tls in")
                        .help("name one with `--compile-cache DIR`, or a certificate with `--tls-cert` and `--tls-key`")
                })?;
                let (tls, path) = development(&folder)?;
                made = Some(path);
                Some(tls)
            }
            _ => None,
        };
        let tls = match (tls, args.tls_client_ca) {
            (Some(tls), Some(authorities)) => Some(
                tls.with_client_ca_file(authorities)
                    .map_err(|error| failure(&error))?,
            ),
            (tls, _) => tls,
        };
        let mut options = ServeOptions::new()
            .trusted_peers(args.trusted)
            .proxy_protocol(args.proxy_protocol);
        if let Some(name) = args.client_ip_header {
            options = options.client_ip_header(name);
        }
        let secure = tls.is_some();
        if let Some(tls) = tls {
            options = options.tls(tls);
        }
        Ok(Self {
            options,
            secure,
            made,
        })
    }

    /// For the listener.
    pub(crate) fn options(self) -> ServeOptions {
        self.options
    }

    /// Clients use https.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Where the certificate is that was made, if one was.
    pub(crate) fn made_certificate(&self) -> Option<&Path> {
        self.made.as_deref()
    }
}

/// `fastlike-tls` beside `fastlike`. Not in it: the compiler deletes what it
/// does not know there.
fn beside(compiled: &Path) -> Option<PathBuf> {
    let mut name = compiled.file_name()?.to_owned();
    name.push("-tls");
    Some(compiled.with_file_name(name))
}

fn load(certificate: &Path, key: &Path) -> Result<TlsListener, Failure> {
    TlsListener::from_files(certificate, key).map_err(|error| failure(&error))
}

fn failure(error: &TlsError) -> Failure {
    let message = match error {
        TlsError::Read { source, .. } => format!("{error}: {source}"),
        other => other.to_string(),
    };
    Failure::new(message).help(error.mend())
}

/// The certificate of this machine, and where it is: the one in `folder`, or
/// a new one if that is none or too old.
fn development(folder: &Path) -> Result<(TlsListener, PathBuf), Failure> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if is_fresh(&certificate)
        && let Ok(tls) = TlsListener::from_files(&certificate, &key)
    {
        return Ok((tls, certificate));
    }
    make(folder).map_err(|error| {
        let message = format!("cannot keep a certificate in {}: {error}", folder.display());
        Failure::new(message)
            .help("name another folder with `--compile-cache DIR`, or a certificate with `--tls-cert` and `--tls-key`")
    })?;
    Ok((load(&certificate, &key)?, certificate))
}

fn is_fresh(certificate: &Path) -> bool {
    let modified = fs::metadata(certificate).and_then(|metadata| metadata.modified());
    let age = modified.ok().and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age < VALID.saturating_sub(EARLY))
}

/// Makes a certificate for this machine's own names.
fn make(folder: &Path) -> io::Result<()> {
    let mut params = CertificateParams::new(["localhost".to_owned(), "*.localhost".to_owned()])
        .map_err(io::Error::other)?;
    for address in [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    params.distinguished_name = DistinguishedName::new();
    let name = "fastlike development certificate";
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = date_time_ymd(1970, 1, 1) + now.unwrap_or_default();
    params.not_before = now - DAY;
    params.not_after = now - DAY + VALID;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    // As a whole or not at all: another process may do the same.
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent)?;
    let half = folder.with_extension(format!("new-{}", std::process::id()));
    drop(fs::remove_dir_all(&half));
    fs::create_dir(&half)?;
    fs::write(half.join("certificate.pem"), certificate.pem())?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(half.join("key.pem"))?;
    file.write_all(key.serialize_pem().as_bytes())?;
    drop(fs::remove_dir_all(folder));
    fs::rename(&half, folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_was_made_stays_the_same_until_it_is_broken() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = beside(&folder.path().join("fastlike")).expect("a name");
        assert!(folder.ends_with("fastlike-tls"));
        let text = || {
            let (_, path) = development(&folder).unwrap_or_else(|error| panic!("{error:?}"));
            fs::read_to_string(path).expect("readable")
        };
        let first = text();
        assert!(first.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(text(), first);
        fs::remove_file(folder.join("key.pem")).expect("there");
        let second = text();
        assert_ne!(second, first);
        let key = fs::metadata(folder.join("key.pem")).expect("there");
        let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
        assert_eq!(mode & 0o777, 0o600, "nobody else may read the key");
    }
}
