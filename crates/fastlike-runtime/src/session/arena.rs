//! Typed tables of what a guest holds by number.

use std::marker::PhantomData;

use fastlike_abi::handle::Handle;

use crate::error::{Error, Result};

/// A table of `T`, numbered from 0 by handles of type `K`.
///
/// Numbers are never used twice, so a handle that was closed or consumed is
/// always an error and never somebody else's object.
#[derive(Debug)]
pub(crate) struct HandleArena<K, T> {
    slots: Vec<Option<T>>,
    limit: usize,
    kind: &'static str,
    key: PhantomData<fn() -> K>,
}

impl<K: Handle, T> HandleArena<K, T> {
    /// An empty table for at most `limit` handles over the whole run.
    pub(crate) fn new(kind: &'static str, limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            limit,
            kind,
            key: PhantomData,
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> Result<K> {
        if self.slots.len() >= self.limit {
            return Err(Error::Limit {
                what: self.kind,
                max: self.limit as u64,
            });
        }
        let handle = K::from(self.slots.len() as u32);
        self.slots.push(Some(value));
        Ok(handle)
    }

    /// How many handles were given out, and how many can be.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (self.slots.len(), self.limit)
    }

    pub(crate) fn get(&self, handle: K) -> Result<&T> {
        match self.slots.get(handle.number() as usize) {
            Some(Some(value)) => Ok(value),
            _ => Err(self.bad(handle)),
        }
    }

    pub(crate) fn get_mut(&mut self, handle: K) -> Result<&mut T> {
        let kind = self.kind;
        match self.slots.get_mut(handle.number() as usize) {
            Some(Some(value)) => Ok(value),
            _ => Err(Error::BadHandle {
                kind,
                handle: handle.number(),
            }),
        }
    }

    pub(crate) fn take(&mut self, handle: K) -> Result<T> {
        let slot = self.slots.get_mut(handle.number() as usize);
        slot.and_then(Option::take).ok_or_else(|| self.bad(handle))
    }

    /// Fills the slot of a handle whose object was taken.
    pub(crate) fn put_back(&mut self, handle: K, value: T) {
        if let Some(slot) = self.slots.get_mut(handle.number() as usize) {
            *slot = Some(value);
        }
    }

    fn bad(&self, handle: K) -> Error {
        Error::BadHandle {
            kind: self.kind,
            handle: handle.number(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastlike_abi::types::RequestHandle;

    #[test]
    fn handles_count_from_zero_and_are_never_reused() {
        let mut arena = HandleArena::<RequestHandle, _>::new("request", 3);
        let a = arena.insert("a").expect("room");
        assert_eq!(a.number(), 0);
        assert_eq!(arena.take(a).expect("there"), "a");
        assert_eq!(arena.insert("b").expect("room").number(), 1);
        assert!(matches!(
            arena.get(a),
            Err(Error::BadHandle { handle: 0, .. })
        ));
        assert!(arena.get(RequestHandle::invalid()).is_err());
    }

    #[test]
    fn the_limit_is_on_all_handles_of_a_run() {
        let mut arena = HandleArena::<RequestHandle, _>::new("request", 2);
        let a = arena.insert("a").expect("room");
        arena.insert("b").expect("at the limit");
        arena.take(a).expect("there");
        assert!(matches!(
            arena.insert("c"),
            Err(Error::Limit { max: 2, .. })
        ));
    }
}
