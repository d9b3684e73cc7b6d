//! Ordered sets and maps, made entry by entry. `collect` sorts everything first, which adds about five kilobytes to every program for each
//! type of entry, and gains nothing where entries are few or in order already.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn set<T: Ord>(entries: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(entries);
    set
}

/// Of entries with one key the last stands.
pub(crate) fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
}
