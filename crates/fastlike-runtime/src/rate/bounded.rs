//! Values by name and entry: many threads at a time, and not more memory than
//! allowed, whatever guests make up.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use parking_lot::Mutex;

use crate::limits;

/// Parts with a lock each, so that threads seldom meet.
const SHARDS: usize = 64;

/// Of a full shard, this part goes at once: then looking for it is rare.
const LEAVES: usize = 16;

/// A value that can be told to go.
pub(super) trait Leaves {
    /// Of two, the one with the lower number goes first.
    fn rank(&self) -> u64;
}

/// A hash of name and entry: two numbers of 64 bits with random keys, which
/// nobody can make collide.
type Key = (u64, u64);

type Shard<V> = Mutex<HashMap<Key, V>>;

/// Values by name and entry.
#[derive(Debug)]
pub(super) struct Bounded<V> {
    shards: Box<[Shard<V>]>,
    keys: [RandomState; 2],
    most: usize,
}

impl<V> Default for Bounded<V> {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            keys: [RandomState::new(), RandomState::new()],
            most: limits::RATE_ENTRIES / SHARDS,
        }
    }
}

impl<V: Leaves> Bounded<V> {
    fn place(&self, name: &str, entry: &str) -> (Key, Option<&Shard<V>>) {
        let [one, other] = &self.keys;
        let key = (one.hash_one((name, entry)), other.hash_one((name, entry)));
        let shard = usize::try_from(key.0 % SHARDS as u64).unwrap_or(0);
        (key, self.shards.get(shard))
    }

    /// Changes a value, a new one if there is none.
    pub(super) fn change<R>(
        &self,
        name: &str,
        entry: &str,
        new: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        let (key, shard) = self.place(name, entry);
        let mut values = shard?.lock();
        if values.len() >= self.most && !values.contains_key(&key) {
            make_room(&mut values);
        }
        Some(change(values.entry(key).or_insert_with(new)))
    }

    /// Looks at a value, if there is one.
    pub(super) fn look<R>(&self, name: &str, entry: &str, look: impl FnOnce(&V) -> R) -> Option<R> {
        let (key, shard) = self.place(name, entry);
        shard?.lock().get(&key).map(look)
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

/// Lets those of the lowest ranks go.
fn make_room<V: Leaves>(values: &mut HashMap<Key, V>) {
    let mut leaving = (values.len() / LEAVES).max(1);
    let mut ranks: Vec<u64> = values.values().map(Leaves::rank).collect();
    let (_, last, _) = ranks.select_nth_unstable(leaving - 1);
    let last = *last;
    // Those below the last one's rank all go; of its own, as many as are left.
    values.retain(|_, value| {
        let stays = value.rank() >= last;
        leaving -= usize::from(!stays);
        stays
    });
    values.retain(|_, value| {
        let stays = leaving == 0 || value.rank() > last;
        leaving -= usize::from(!stays);
        stays
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Leaves for u64 {
        fn rank(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn the_stalest_go_when_there_are_too_many_and_no_others() {
        let values = Bounded::<u64>::default();
        let entries = 4 * limits::RATE_ENTRIES as u64;
        for number in 0..entries {
            values.change("n", &number.to_string(), || number, |_| ());
            // Read in between, it is no fresher by that.
            values.look("n", "0", |_| ());
        }
        let kept = values.len();
        assert!(kept <= limits::RATE_ENTRIES, "{kept}");
        assert!(kept > limits::RATE_ENTRIES * 8 / 10, "{kept}");
        let there = |number: u64| values.look("n", &number.to_string(), |_| ()).is_some();
        assert!(!there(0));
        // The shards are not equally full: the newest half is in any of them.
        let half = entries - limits::RATE_ENTRIES as u64 / 2;
        assert!((half..entries).all(there));
    }

    #[test]
    fn of_equal_ones_some_stay() {
        let mut values: HashMap<Key, u64> = (0..160).map(|n| ((n, n), 7)).collect();
        make_room(&mut values);
        assert_eq!(values.len(), 150);
        let mut values: HashMap<Key, u64> = (0..160).map(|n| ((n, n), n / 8)).collect();
        make_room(&mut values);
        assert_eq!(values.len(), 150);
        assert!(!values.values().any(|rank| *rank == 0));
        let mut one: HashMap<Key, u64> = HashMap::from([((1, 1), 1)]);
        make_room(&mut one);
        assert!(one.is_empty());
    }

    #[test]
    fn a_name_and_an_entry_are_not_one_text() {
        let values = Bounded::<u64>::default();
        values.change("a", "bc", || 1, |_| ());
        assert_eq!(values.look("ab", "c", |value| *value), None);
        assert_eq!(values.look("a", "bc", |value| *value), Some(1));
    }
}
