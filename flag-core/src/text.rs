//! Equality of short texts without a call: keys, attribute names and values are mostly shorter than 32 bytes, where the call of the general
//! comparison costs more than the comparison.

use alloc::boxed::Box;

/// A text that is compared again and again, with its first eight bytes at hand: most others differ in them, and the text of no more than
/// these is the same when they and the length are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    head: u64,
    text: Box<str>,
}

impl Name {
    pub(crate) fn new(text: Box<str>) -> Self {
        Self { head: head(&text), text }
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether two names are the same.
    #[inline]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.head == other.head
            && self.text.len() == other.text.len()
            && (self.text.len() <= HEAD || same(&self.text, &other.text))
    }

    /// Tells whether one of the names is this text.
    #[inline]
    pub(crate) fn any_is(names: &[Self], text: &str) -> bool {
        let head = head(text);
        for name in names {
            if name.head == head && name.text.len() == text.len() && (text.len() <= HEAD || same(&name.text, text)) {
                return true;
            }
        }
        false
    }
}

/// How many bytes a head holds.
const HEAD: usize = 8;

/// Returns the first eight bytes as a number, zeros after those that there are. Shorter texts are read in halves that may overlap.
#[inline]
fn head(text: &str) -> u64 {
    let bytes = text.as_bytes();
    if let Some(first) = bytes.first_chunk() {
        return u64::from_le_bytes(*first);
    }
    #[expect(clippy::cast_possible_truncation, reason = "fewer than eight bytes")]
    let length = bytes.len() as u32;
    let halves = |low: u64, high: u64, half: u32| low | high.wrapping_shl(length.wrapping_sub(half).wrapping_mul(8));
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return halves(u32::from_le_bytes(*low).into(), u32::from_le_bytes(*high).into(), 4);
    }
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return halves(u16::from_le_bytes(*low).into(), u16::from_le_bytes(*high).into(), 2);
    }
    bytes.first().map_or(0, |byte| u64::from(*byte))
}

/// Tells whether two texts are the same.
#[inline]
pub(crate) fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    match left.len() {
        0 => true,
        1 => left.first() == right.first(),
        2..=3 => ends_match::<2>(left, right),
        4..=7 => ends_match::<4>(left, right),
        8..=15 => ends_match::<8>(left, right),
        16..=32 => ends_match::<16>(left, right),
        _ => left == right,
    }
}

/// Compares the first and the last `N` bytes, which together are all bytes of a text of `N` to `2 * N`.
#[inline]
fn ends_match<const N: usize>(left: &[u8], right: &[u8]) -> bool {
    left.first_chunk::<N>() == right.first_chunk() && left.last_chunk::<N>() == right.last_chunk()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Name, head, same};

    proptest! {
        #[test]
        fn is_equality_at_every_length_and_place(text in "[ab\u{e9}]{0,40}", at: usize) {
            prop_assert!(same(&text, &text.clone()));
            let place = at % (text.chars().count() + 1);
            let changed: alloc::string::String =
                text.chars().enumerate().map(|(n, c)| if n == place { if c == 'a' { 'b' } else { 'a' } } else { c }).collect();
            prop_assert_eq!(same(&text, &changed), text == changed);
            let longer = text.clone() + "a";
            prop_assert!(!same(&text, &longer));
            let name = |text: &str| Name::new(text.into());
            let mut padded = text.clone().into_bytes();
            padded.extend([0; 8]);
            padded.truncate(8);
            prop_assert_eq!(&head(&text).to_le_bytes()[..], &padded[..]);
            prop_assert!(Name::any_is(&[name(&longer), name(&text)], &text));
            prop_assert_eq!(Name::any_is(&[name(&longer), name(&changed)], &text), text == changed);
            prop_assert!(name(&text).is(&name(&text)));
            prop_assert_eq!(name(&text).is(&name(&changed)), text == changed);
            prop_assert!(!name(&text).is(&name(&longer)) && !name(&longer).is(&name(&text)));
        }
    }
}
