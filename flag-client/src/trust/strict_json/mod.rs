//! A strict check of JSON text before a parser reads it: what parsers disagree about is refused.
//!
//! Two readers of one signed document must not see two documents. A duplicate key is where they differ most: some take the first
//! value, some the last. The check is one pass over the bytes. It takes the grammar of RFC 8259 and nothing else, so that a part of a
//! document may be read later than the rest, and by another reader.

mod keys;
mod scanner;

use std::borrow::Cow;
use std::ops::Range;
use std::str::Utf8Error;

use self::scanner::Scanner;

/// How deep objects and arrays may nest; the outermost object is depth 1.
pub const MAX_DEPTH: usize = 32;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why a text is not strict JSON. Offsets count bytes from 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StrictJsonError {
    /// The text opens with a byte order mark.
    #[error("byte 0: found a byte order mark, expected an object")]
    ByteOrderMark,
    /// The text is not UTF-8.
    #[error("byte {}: not UTF-8", .0.valid_up_to())]
    NotUtf8(#[source] Utf8Error),
    /// The text does not open with an object.
    #[error("byte {offset}: found {found:?}, expected an object")]
    NotAnObject {
        /// Where the first byte that is not white space stands.
        offset: usize,
        /// The character there.
        found: char,
    },
    /// The text ends inside a string, an array or an object, or holds nothing at all.
    #[error("byte {offset}: the text ends too early")]
    Truncated {
        /// The length of the text.
        offset: usize,
    },
    /// Something stands where the grammar of JSON wants something else.
    #[error("byte {offset}: found {found:?}, expected {expected}")]
    Unexpected {
        /// Where it stands.
        offset: usize,
        /// The character there.
        found: char,
        /// What could stand there.
        expected: &'static str,
    },
    /// A bracket closes what it did not open.
    #[error("byte {offset}: found {found:?}, which closes nothing")]
    Unbalanced {
        /// Where the bracket stands.
        offset: usize,
        /// The bracket.
        found: char,
    },
    /// Objects and arrays nest deeper than [`MAX_DEPTH`].
    #[error("byte {offset}: nested deeper than {MAX_DEPTH}")]
    TooDeep {
        /// Where the bracket stands that goes too deep.
        offset: usize,
    },
    /// One object holds a key twice, as written or after its escapes are resolved.
    #[error("byte {offset}: duplicate key {key:?}")]
    DuplicateKey {
        /// Where the second of the two stands.
        offset: usize,
        /// The key, cut to its first 64 characters.
        key: String,
    },
    /// Something other than white space follows the object.
    #[error("byte {offset}: found {found:?} after the end of the object")]
    TrailingBytes {
        /// Where it stands.
        offset: usize,
        /// The character there.
        found: char,
    },
}

/// Checks that `bytes` are one JSON object without a byte order mark, invalid UTF-8, duplicate keys, nesting deeper than
/// [`MAX_DEPTH`] or trailing bytes, and returns them as text. White space may surround the object.
///
/// Runs in time linear in the length of `bytes`, but for the order of an object's keys: those that do not ascend are looked up.
///
/// ```
/// use flag_client::trust::strict_json;
///
/// assert!(strict_json::check(br#"{"flag": true}"#).is_ok());
/// let error = strict_json::check(br#"{"flag": true, "fl\u0061g": false}"#).unwrap_err();
/// assert_eq!(error.to_string(), r#"byte 15: duplicate key "flag""#);
/// ```
pub fn check(bytes: &[u8]) -> Result<&str, StrictJsonError> {
    locate(bytes, []).map(|(text, [])| text)
}

/// Where the objects along a path stand, as far as there are any.
pub(super) type Spans<const N: usize> = [Option<Range<usize>>; N];

/// Checks `bytes` like [`check`], and returns with the text where objects stand in it: the one that the first name of the path is the
/// member of the outermost for, the one that the second name is the member of that one for, and so on, as far as there are such objects.
pub(super) fn locate<'a, const N: usize>(
    bytes: &'a [u8],
    path: [&str; N],
) -> Result<(&'a str, Spans<N>), StrictJsonError> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(StrictJsonError::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(StrictJsonError::NotUtf8)?;
    Scanner::new(text, path).scan().map(|spans| (text, spans))
}

/// Returns a text with `{}` in place of an object of it, for a reader that has no need of that object.
pub(super) fn without<'a>(text: &'a str, object: Option<&Range<usize>>) -> Cow<'a, str> {
    let around = object.and_then(|object| Some((text.get(..object.start)?, text.get(object.end..)?)));
    around.map_or(Cow::Borrowed(text), |(before, after)| Cow::Owned([before, "{}", after].concat()))
}

#[cfg(test)]
mod tests;
