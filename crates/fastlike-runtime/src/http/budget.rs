//! The account on which a guest's writes are held in host memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes the bodies of one sandbox may hold in host memory at a time.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    used: AtomicU64,
    limit: u64,
}

/// A write would hold more than the sandbox may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverBudget {
    pub(crate) limit: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self(Arc::new(Account {
            used: AtomicU64::new(0),
            limit,
        }))
    }
}

/// What one body holds of a [`Budget`]; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Budget,
    bytes: u64,
}

impl Charge {
    /// Nothing of `budget` yet.
    pub(crate) fn none_of(budget: &Budget) -> Self {
        Self {
            budget: budget.clone(),
            bytes: 0,
        }
    }

    /// True if this is held of `budget`.
    pub(super) fn is_of(&self, budget: &Budget) -> bool {
        Arc::ptr_eq(&self.budget.0, &budget.0)
    }

    /// Takes more; an error leaves things as they were.
    pub(crate) fn grow(&mut self, by: u64) -> Result<(), OverBudget> {
        let account = &self.budget.0;
        let before = account.used.fetch_add(by, Ordering::Relaxed);
        if before.saturating_add(by) > account.limit {
            account.used.fetch_sub(by, Ordering::Relaxed);
            return Err(OverBudget {
                limit: account.limit,
            });
        }
        self.bytes = self.bytes.saturating_add(by);
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
