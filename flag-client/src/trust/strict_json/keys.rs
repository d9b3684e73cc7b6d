//! The keys of open objects, and whether one stands twice.

use std::borrow::Cow;
use std::collections::HashSet;

/// Up to this many keys an object is searched one by one; a larger one gets a hash set.
const SEARCHED_KEYS: usize = 16;

/// The keys of all open objects, innermost last, so that a nested object costs no allocation of its own.
#[derive(Default)]
pub(super) struct Keys<'a>(Vec<Cow<'a, str>>);

/// Where the keys of one open object begin, and how they are told apart.
pub(super) struct ObjectKeys<'a> {
    first: usize,
    order: Order<'a>,
}

enum Order<'a> {
    /// Each key so far comes after the one before it, which proves all of them distinct: what publishers write.
    Ascending,
    /// Few keys in any order.
    Any,
    /// Many keys in any order, all of them in the set.
    Indexed(HashSet<Cow<'a, str>>),
}

impl<'a> Keys<'a> {
    pub(super) fn open(&self) -> ObjectKeys<'a> {
        ObjectKeys { first: self.0.len(), order: Order::Ascending }
    }

    pub(super) fn close(&mut self, object: &ObjectKeys<'a>) {
        self.0.truncate(object.first);
    }

    /// Adds a key to the innermost open object; `false` if it has it already.
    pub(super) fn insert(&mut self, object: &mut ObjectKeys<'a>, key: Cow<'a, str>) -> bool {
        let own = self.0.get(object.first..).unwrap_or_default();
        if let Order::Indexed(index) = &mut object.order {
            return index.insert(key);
        }
        if matches!(object.order, Order::Ascending) {
            if own.last().is_none_or(|last| *last < key) {
                self.0.push(key);
                return true;
            }
            object.order = Order::Any;
        }
        if own.len() >= SEARCHED_KEYS {
            let mut index: HashSet<_> = own.iter().cloned().collect();
            let is_new = index.insert(key);
            object.order = Order::Indexed(index);
            return is_new;
        }
        let is_new = !own.contains(&key);
        self.0.push(key);
        is_new
    }
}
