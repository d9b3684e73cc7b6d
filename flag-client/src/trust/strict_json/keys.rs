//! The keys of open objects, and whether one stands twice.

use std::borrow::Cow;
use std::collections::HashSet;

/// Up to this many keys an object is searched one by one; a larger one gets a hash set.
const SEARCHED_KEYS: usize = 16;

/// A key with its first eight bytes as a number, which orders nearly all keys without looking at their text.
#[derive(Clone)]
pub(super) struct Key<'a> {
    head: u64,
    pub(super) text: Cow<'a, str>,
}

/// The key that its object has already.
pub(super) struct KeyTwice<'a>(pub(super) Cow<'a, str>);

/// The keys of all open objects, innermost last, so that a nested object costs no allocation of its own.
#[derive(Default)]
pub(super) struct Keys<'a>(Vec<Key<'a>>);

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
    #[expect(clippy::box_collection, reason = "few objects have one, and every open object has the room for it")]
    Indexed(Box<HashSet<Cow<'a, str>>>),
}

impl<'a> Key<'a> {
    pub(super) fn new(text: Cow<'a, str>) -> Self {
        Self { head: head(&text), text }
    }

    #[inline]
    pub(super) fn plain(text: &'a str) -> Self {
        Self { head: head(text), text: Cow::Borrowed(text) }
    }

    #[inline]
    fn is(&self, other: &Self) -> bool {
        self.head == other.head && self.text == other.text
    }

    /// Whether this key comes before another in the order of their bytes, as those of text compare.
    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        // Zeros stand for the bytes that a short text does not have, and are less than or the same as any there are.
        if self.head == other.head { self.text < other.text } else { self.head < other.head }
    }
}

/// Returns the first eight bytes as a number, the first of them the highest, and zeros after those that there are.
#[inline]
fn head(text: &str) -> u64 {
    let bytes = text.as_bytes();
    match bytes.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => bytes.iter().rev().fold(0, |head, byte| head >> 8 | u64::from(*byte) << 56),
    }
}

impl<'a> Keys<'a> {
    #[inline]
    pub(super) fn open(&self) -> ObjectKeys<'a> {
        ObjectKeys { first: self.0.len(), order: Order::Ascending }
    }

    #[inline]
    pub(super) fn close(&mut self, object: &ObjectKeys<'a>) {
        self.0.truncate(object.first);
    }

    /// Adds a key to the innermost open object, unless it has it already.
    #[inline]
    pub(super) fn insert(&mut self, object: &mut ObjectKeys<'a>, key: Key<'a>) -> Result<(), KeyTwice<'a>> {
        let own = self.0.get(object.first..).unwrap_or_default();
        let ascends = matches!(object.order, Order::Ascending) && own.last().is_none_or(|last| last.is_before(&key));
        if !ascends && !is_new(own, object, &key) {
            return Err(KeyTwice(key.text));
        }
        if !matches!(object.order, Order::Indexed(_)) {
            self.0.push(key);
        }
        Ok(())
    }
}

/// Tells whether an object whose keys do not ascend has a key not yet. One with many keys gets a set, which then has it.
fn is_new<'a>(own: &[Key<'a>], object: &mut ObjectKeys<'a>, key: &Key<'a>) -> bool {
    if let Order::Indexed(index) = &mut object.order {
        return index.insert(key.text.clone());
    }
    if own.len() >= SEARCHED_KEYS {
        let mut index: Box<HashSet<_>> = Box::new(own.iter().map(|own| own.text.clone()).collect());
        let is_new = index.insert(key.text.clone());
        object.order = Order::Indexed(index);
        return is_new;
    }
    object.order = Order::Any;
    !own.iter().any(|own| own.is(key))
}
