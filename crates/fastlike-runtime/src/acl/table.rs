//! Entries by the length of their prefix: a lookup asks a hash map for each
//! length that is used, the longest first. In the worst case these are 33 of
//! IPv4, whatever the number of entries.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::entry::{AclAction, AclEntry, AclPrefix, Family, split};

#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    v4: Lengths,
    v6: Lengths,
    count: usize,
}

/// By length, longest first; then by the prefix's bits.
type Lengths = BTreeMap<Reverse<u8>, HashMap<u128, AclAction>>;

impl Table {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn family(&self, family: Family) -> &Lengths {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn family_mut(&mut self, family: Family) -> &mut Lengths {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    pub(super) fn set(&mut self, entry: AclEntry) {
        let (family, bits, length) = entry.prefix.parts();
        let map = self.family_mut(family).entry(Reverse(length)).or_default();
        if map.insert(bits, entry.action).is_none() {
            self.count = self.count.saturating_add(1);
        }
    }

    pub(super) fn remove(&mut self, prefix: AclPrefix) {
        let (family, bits, length) = prefix.parts();
        let lengths = self.family_mut(family);
        let Some(map) = lengths.get_mut(&Reverse(length)) else {
            return;
        };
        if map.remove(&bits).is_none() {
            return;
        }
        if map.is_empty() {
            lengths.remove(&Reverse(length));
        }
        self.count = self.count.saturating_sub(1);
    }

    pub(super) fn get(&self, prefix: AclPrefix) -> Option<AclEntry> {
        let (family, bits, length) = prefix.parts();
        let action = *self.family(family).get(&Reverse(length))?.get(&bits)?;
        Some(AclEntry { prefix, action })
    }

    pub(super) fn lookup(&self, address: IpAddr) -> Option<AclEntry> {
        let (family, bits) = split(address.to_canonical());
        self.family(family)
            .iter()
            .find_map(|(Reverse(length), map)| {
                let bits = bits & mask(*length);
                let action = *map.get(&bits)?;
                let prefix = AclPrefix::of(family, bits, *length)?;
                Some(AclEntry { prefix, action })
            })
    }

    pub(super) fn entries(&self) -> Vec<AclEntry> {
        let mut entries = Vec::with_capacity(self.count);
        for family in [Family::V4, Family::V6] {
            for (Reverse(length), map) in self.family(family) {
                entries.extend(map.iter().filter_map(|(bits, action)| {
                    let prefix = AclPrefix::of(family, *bits, *length)?;
                    Some(AclEntry {
                        prefix,
                        action: *action,
                    })
                }));
            }
        }
        entries.sort_unstable_by_key(|entry| entry.prefix);
        entries
    }
}

/// The first `length` bits.
fn mask(length: u8) -> u128 {
    let rest = 128u32.saturating_sub(u32::from(length));
    u128::MAX.checked_shl(rest).unwrap_or(0)
}
