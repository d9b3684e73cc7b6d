//! Comparison of text without regard to case, by Unicode's own mappings: each character to upper case and then to lower case, so that
//! `ß` meets `ss` and all three sigmas meet. No locale: `I` and dotless `ı` are the same letter.

use alloc::boxed::Box;
use alloc::string::String;

fn folded(text: &str) -> impl Iterator<Item = char> + Clone {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

fn folded_backwards(text: &str) -> impl Iterator<Item = char> {
    text.chars().rev().flat_map(|c| c.to_uppercase().rev()).flat_map(|c| c.to_lowercase().rev())
}

/// Returns a text in the form that the comparisons below expect of their second argument.
pub(super) fn fold(text: &str) -> Box<str> {
    folded(text).collect::<String>().into()
}

pub(super) fn starts_with(text: &str, prefix: &str) -> bool {
    begins(folded(text), prefix)
}

pub(super) fn ends_with(text: &str, suffix: &str) -> bool {
    let mut text = folded_backwards(text);
    suffix.chars().rev().all(|expected| text.next() == Some(expected))
}

pub(super) fn contains(text: &str, part: &str) -> bool {
    // One letter may fold to several, and the part may begin at any of them: `sa` is in `ßa`.
    let mut rest = folded(text);
    loop {
        if begins(rest.clone(), part) {
            return true;
        }
        if rest.next().is_none() {
            return false;
        }
    }
}

fn begins(mut text: impl Iterator<Item = char>, prefix: &str) -> bool {
    prefix.chars().all(|expected| text.next() == Some(expected))
}
