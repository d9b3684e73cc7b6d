//! Equality of short texts without a call: keys, attribute names and values are mostly shorter than 32 bytes, where the call of the general
//! comparison costs more than the comparison.

/// Tells whether two texts are the same.
#[inline]
pub(crate) fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    match left.len() {
        0 => true,
        1..=3 => left.iter().eq(right),
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

    use super::same;

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
        }
    }
}
