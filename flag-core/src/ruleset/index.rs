use core::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::Slot;
use crate::text;

/// Finds slots by key. The hash state is fixed: keys come from documents that were verified, not from an attacker's choosing.
#[derive(Clone, Debug, Default)]
pub(super) struct Index(HashTable<u32>);

const HASH_STATE: FixedState = FixedState::with_seed(0);

/// Two slots have one key.
pub(super) struct KeyTwice;

impl Index {
    pub(super) fn new(slots: &[Slot]) -> Result<Self, KeyTwice> {
        let hash = |key: &str| HASH_STATE.hash_one(key);
        let key_at =
            |place: &u32| usize::try_from(*place).ok().and_then(|place| slots.get(place)).map_or("", Slot::key);
        let mut table = HashTable::with_capacity(slots.len());
        for (place, slot) in (0_u32..).zip(slots) {
            let same = |known: &u32| text::same(key_at(known), slot.key());
            match table.entry(hash(slot.key()), same, |place| hash(key_at(place))) {
                Entry::Occupied(_) => return Err(KeyTwice),
                Entry::Vacant(vacant) => vacant.insert(place),
            };
        }
        Ok(Self(table))
    }

    #[inline]
    pub(super) fn find<'s>(&self, slots: &'s [Slot], key: &str) -> Option<(u32, &'s Slot)> {
        let at = |place: u32| usize::try_from(place).ok().and_then(|place| slots.get(place));
        let same = |place: &u32| at(*place).is_some_and(|slot| text::same(slot.key(), key));
        let place = *self.0.find(HASH_STATE.hash_one(key), same)?;
        at(place).map(|slot| (place, slot))
    }
}
