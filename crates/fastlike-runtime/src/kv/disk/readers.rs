//! Who reads which value.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The values that are being read, by their numbers. What is read is freed
/// after its last reader, so that none of them has to keep the whole database
/// as it was.
#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<HashMap<u64, usize>>);

/// A value stays while this does.
#[derive(Debug)]
pub(super) struct Reader {
    readers: Arc<Readers>,
    value: u64,
}

impl Readers {
    /// Another reader of a value. It is one in time if an entry still has the
    /// value after this: whoever frees it looks later than that.
    pub(super) fn add(self: &Arc<Self>, value: u64) -> Reader {
        let mut readers = self.0.lock();
        let count = readers.entry(value).or_default();
        *count = count.saturating_add(1);
        Reader {
            readers: Arc::clone(self),
            value,
        }
    }

    /// Whether somebody reads a value.
    pub(super) fn has(&self, value: u64) -> bool {
        self.0.lock().contains_key(&value)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut readers = self.readers.0.lock();
        if let Some(count) = readers.get_mut(&self.value) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                readers.remove(&self.value);
            }
        }
    }
}
