//! One database file and its reloading.

use std::fs::{self, Metadata};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

use arc_swap::{ArcSwap, ArcSwapOption};
use maxminddb::{MaxMindDbError, Reader};

use crate::error::GeoDatabaseError;
use crate::facts::Facts;
use crate::schema::{Network, Place, Traits};

/// A database in memory, and the file it came from.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    loaded: ArcSwap<Loaded>,
    /// The file as it was when last read, well or not; `None` when it was not
    /// there. A broken file is so reported once, not at every check.
    seen: ArcSwapOption<Stamp>,
    reloading: AtomicBool,
}

#[derive(Debug)]
struct Loaded {
    reader: Reader<Vec<u8>>,
    /// A row of this database could not be decoded, and the log says so.
    complained: AtomicBool,
}

/// What a database says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseInfo {
    /// The file.
    pub path: PathBuf,
    /// The maker's name for it, such as `GeoLite2-City`.
    pub kind: String,
    /// When it was built, in seconds since 1970.
    pub built: u64,
}

impl Database {
    pub(crate) fn open(path: PathBuf) -> Result<Arc<Self>, GeoDatabaseError> {
        // Taken before the file is read: a change in between is then noticed
        // at the first check.
        let stamp = Stamp::of(&path).ok();
        let loaded = Loaded::read(&path)?;
        Ok(Arc::new(Self {
            path,
            loaded: ArcSwap::from_pointee(loaded),
            seen: ArcSwapOption::from_pointee(stamp),
            reloading: AtomicBool::new(false),
        }))
    }

    pub(crate) fn info(&self) -> DatabaseInfo {
        let loaded = self.loaded.load();
        let metadata = loaded.reader.metadata();
        DatabaseInfo {
            path: self.path.clone(),
            kind: metadata.database_type.clone(),
            built: metadata.build_epoch,
        }
    }

    /// Adds what this database says about `ip` to `facts`.
    pub(crate) fn add_facts(&self, ip: IpAddr, facts: &mut Facts) {
        let loaded = self.loaded.load();
        if ip.is_ipv6() && loaded.reader.metadata().ip_version == 4 {
            return;
        }
        if let Err(error) = loaded.add_facts(ip, facts)
            && !loaded.complained.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                database = %self.path.display(), %ip, %error,
                "a row of this geolocation database cannot be read; what it says is left out \
                 (further such rows are not reported)"
            );
        }
    }

    /// Loads the file again if it is not the one that was last read. The work
    /// is done on a thread of its own: reading some 100 MB would hold up every
    /// request that shares the caller's thread.
    pub(crate) fn refresh(self: &Arc<Self>) {
        let stamp = Stamp::of(&self.path).ok();
        let is_seen = || stamp.as_ref() == self.seen.load().as_deref();
        if is_seen() || self.reloading.swap(true, Ordering::AcqRel) {
            return;
        }
        // Who was reloading until now may have seen it.
        if is_seen() {
            self.reloading.store(false, Ordering::Release);
            return;
        }
        let database = Arc::clone(self);
        let started = thread::Builder::new()
            .name("fastlike-geo-reload".into())
            .spawn(move || {
                database.reload(stamp);
                database.reloading.store(false, Ordering::Release);
            });
        if let Err(error) = started {
            self.reloading.store(false, Ordering::Release);
            tracing::warn!(
                database = %self.path.display(), %error,
                "no thread to reload this geolocation database; the old one stays in use"
            );
        }
    }

    fn reload(&self, stamp: Option<Stamp>) {
        let read = Loaded::read(&self.path);
        // A file that changes while it is read is half of two files. The next
        // check sees a new stamp and tries again.
        if Stamp::of(&self.path).ok() != stamp {
            return;
        }
        match read {
            Ok(loaded) => {
                self.loaded.store(Arc::new(loaded));
                tracing::info!(
                    database = %self.path.display(), kind = %self.info().kind,
                    "geolocation database reloaded"
                );
            }
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the geolocation database changed and cannot be used; the old one stays in use"
                );
            }
        }
        self.seen.store(stamp.map(Arc::new));
    }
}

impl Loaded {
    fn read(path: &Path) -> Result<Self, GeoDatabaseError> {
        let bytes = fs::read(path).map_err(|error| GeoDatabaseError::unreadable(path, &error))?;
        // A reader consumes the bytes, and an error needs the first of them.
        let head: Vec<u8> = bytes.iter().take(4).copied().collect();
        let reader = Reader::from_source(bytes)
            .map_err(|error| GeoDatabaseError::invalid(path, &head, &error))?;
        Ok(Self {
            reader,
            complained: AtomicBool::new(false),
        })
    }

    fn add_facts(&self, ip: IpAddr, facts: &mut Facts) -> Result<(), MaxMindDbError> {
        let row = self.reader.lookup(ip)?;
        // Each part is decoded by itself, so that a row whose place is odd
        // still tells its network.
        let place = row.decode::<Place<'_>>();
        if let Ok(Some(place)) = &place {
            facts.add_place(place);
        }
        let network = row.decode::<Network<'_>>();
        if let Ok(Some(network)) = &network {
            facts.add_network(network);
        }
        let traits = row.decode::<Traits<'_>>();
        if let Ok(Some(Traits { traits })) = &traits {
            facts.add_network(traits);
        }
        place.and(network.map(drop)).and(traits.map(drop))
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: inode(&metadata),
        })
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
