//! A strict check of JSON text before a parser reads it: what parsers disagree about is refused.
//!
//! Two readers of one signed document must not see two documents. A duplicate key is where they differ most: some take the first
//! value, some the last. The check is one pass over the bytes for what `serde_json` lets through; the grammar itself stays
//! `serde_json`'s job, which reads the same bytes next.

use std::{borrow::Cow, collections::HashSet, str::Utf8Error};

/// How deep objects and arrays may nest; the outermost object is depth 1.
pub const MAX_DEPTH: usize = 32;

/// Up to this many keys an object is searched one by one; a larger one gets a hash set.
const SEARCHED_KEYS: usize = 16;

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
    /// A key's escapes cannot be resolved.
    #[error("byte {offset}: a key that is not a JSON string")]
    MalformedKey {
        /// Where the key stands.
        offset: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
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
/// [`MAX_DEPTH`] or trailing bytes, and returns them as text.
///
/// Runs in time linear in the length of `bytes`, however they were made. White space may surround the object. The rest of the
/// grammar is left to the parser that reads the text next.
///
/// ```
/// use flag_client::trust::strict_json;
///
/// assert!(strict_json::check(br#"{"flag": true}"#).is_ok());
/// let error = strict_json::check(br#"{"flag": true, "fl\u0061g": false}"#).unwrap_err();
/// assert_eq!(error.to_string(), r#"byte 15: duplicate key "flag""#);
/// ```
pub fn check(bytes: &[u8]) -> Result<&str, StrictJsonError> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(StrictJsonError::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(StrictJsonError::NotUtf8)?;
    Scanner { text, at: 0, open: Vec::new(), keys: Vec::new() }.scan()?;
    Ok(text)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Container<'a>>,
    /// The keys of all open objects, innermost last, so that a nested object costs no allocation of its own.
    keys: Vec<Cow<'a, str>>,
}

enum Container<'a> {
    Array,
    Object(Object<'a>),
}

struct Object<'a> {
    first_key: usize,
    /// One bit a key seen, by a weak hash: a clear bit proves a key new without a search.
    seen: u64,
    /// All keys of the object, once there are more than [`SEARCHED_KEYS`].
    index: Option<HashSet<Cow<'a, str>>>,
    expects_key: bool,
}

impl Scanner<'_> {
    fn scan(mut self) -> Result<(), StrictJsonError> {
        match self.next_visible() {
            Some(b'{') => self.open_container(b'{')?,
            Some(_) => return Err(StrictJsonError::NotAnObject { offset: self.at, found: self.found() }),
            None => return Err(self.truncated()),
        }
        while !self.open.is_empty() {
            let Some(byte) = self.byte() else { return Err(self.truncated()) };
            match byte {
                b'{' | b'[' => self.open_container(byte)?,
                b'}' | b']' => self.close_container(byte)?,
                b'"' => self.string()?,
                b',' => {
                    if let Some(Container::Object(object)) = self.open.last_mut() {
                        object.expects_key = true;
                    }
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        match self.next_visible() {
            Some(_) => Err(StrictJsonError::TrailingBytes { offset: self.at, found: self.found() }),
            None => Ok(()),
        }
    }

    fn open_container(&mut self, bracket: u8) -> Result<(), StrictJsonError> {
        if self.open.len() == MAX_DEPTH {
            return Err(StrictJsonError::TooDeep { offset: self.at });
        }
        self.open.push(if bracket == b'{' {
            Container::Object(Object { first_key: self.keys.len(), seen: 0, index: None, expects_key: true })
        } else {
            Container::Array
        });
        self.at += 1;
        Ok(())
    }

    fn close_container(&mut self, bracket: u8) -> Result<(), StrictJsonError> {
        match (self.open.pop(), bracket) {
            (Some(Container::Object(object)), b'}') => self.keys.truncate(object.first_key),
            (Some(Container::Array), b']') => {}
            _ => return Err(StrictJsonError::Unbalanced { offset: self.at, found: self.found() }),
        }
        self.at += 1;
        Ok(())
    }

    /// Passes the string that opens here; where a key is expected it is one.
    fn string(&mut self) -> Result<(), StrictJsonError> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                return Err(self.truncated());
            };
            self.at += length + 1;
            if rest.get(length) == Some(&b'"') {
                break;
            }
            escaped = true;
            // Whatever is escaped, its first byte cannot end the string.
            self.at += 1;
        }
        match self.open.last_mut() {
            Some(Container::Object(object)) if object.expects_key => {
                object.expects_key = false;
                let key = key_text(self.text, start, self.at, escaped)?;
                if !object.insert(key.clone(), &mut self.keys) {
                    return Err(StrictJsonError::DuplicateKey { offset: start, key: key.chars().take(64).collect() });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn next_visible(&mut self) -> Option<u8> {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn found(&self) -> char {
        self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or_default()
    }

    fn truncated(&self) -> StrictJsonError {
        StrictJsonError::Truncated { offset: self.text.len() }
    }
}

/// The key that stands, with its quotes, at `start..end`.
fn key_text(text: &str, start: usize, end: usize, escaped: bool) -> Result<Cow<'_, str>, StrictJsonError> {
    let quoted = text.get(start..end).unwrap_or_default();
    if !escaped {
        return Ok(Cow::Borrowed(quoted.trim_matches('"')));
    }
    // The parser that reads the document resolves this key the same way.
    match serde_json::from_str(quoted) {
        Ok(key) => Ok(Cow::Owned(key)),
        Err(source) => Err(StrictJsonError::MalformedKey { offset: start, source }),
    }
}

impl<'a> Object<'a> {
    /// Adds a key; `false` if the object already has it.
    fn insert(&mut self, key: Cow<'a, str>, keys: &mut Vec<Cow<'a, str>>) -> bool {
        if let Some(index) = &mut self.index {
            return index.insert(key);
        }
        let own = keys.get(self.first_key..).unwrap_or_default();
        let bit = weak_hash(key.as_bytes());
        if self.seen & bit != 0 && own.contains(&key) {
            return false;
        }
        self.seen |= bit;
        if own.len() == SEARCHED_KEYS {
            let mut index: HashSet<_> = own.iter().cloned().collect();
            index.insert(key);
            self.index = Some(index);
        } else {
            keys.push(key);
        }
        true
    }
}

/// One of 64 bits, from the length and the ends of a key.
fn weak_hash(key: &[u8]) -> u64 {
    let first = key.first().copied().unwrap_or_default();
    let last = key.last().copied().unwrap_or_default();
    let mixed = key.len().wrapping_mul(31) ^ usize::from(first).wrapping_mul(7) ^ usize::from(last).wrapping_mul(13);
    1 << (mixed % 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        check(bytes).unwrap_err().to_string()
    }

    #[test]
    fn refusals_name_place_and_finding() {
        let table: &[(&[u8], &str)] = &[
            (b"", "byte 0: the text ends too early"),
            (b"  ", "byte 2: the text ends too early"),
            (b"\xEF\xBB\xBF{}", "byte 0: found a byte order mark, expected an object"),
            (b"{\"a\": \"\xFF\"}", "byte 7: not UTF-8"),
            (b" [1]", "byte 1: found '[', expected an object"),
            (b"null", "byte 0: found 'n', expected an object"),
            (b"{\"a\": [1}", "byte 8: found '}', which closes nothing"),
            (b"{\"a\": 1]", "byte 7: found ']', which closes nothing"),
            (b"{\"a\": 1", "byte 7: the text ends too early"),
            (b"{\"a", "byte 3: the text ends too early"),
            (b"{\"a\\", "byte 4: the text ends too early"),
            (b"{\"a\\\"", "byte 5: the text ends too early"),
            (b"{} {}", "byte 3: found '{' after the end of the object"),
            (b"{}\0", "byte 2: found '\\0' after the end of the object"),
            ("{}é".as_bytes(), "byte 2: found 'é' after the end of the object"),
            (br#"{"a":1,"a":1}"#, r#"byte 7: duplicate key "a""#),
            (br#"{"a":1,"b":{"c":[{"d":1, "d":2}]}}"#, r#"byte 25: duplicate key "d""#),
            (br#"{"":1,"":2}"#, r#"byte 6: duplicate key """#),
            (br#"{"a":1,"\u0061":2}"#, r#"byte 7: duplicate key "a""#),
            (br#"{"\ud83d\ude00":1,"\uD83D\uDE00":2}"#, "byte 18: duplicate key \"😀\""),
            (br#"{"a\/b":1,"a/b":2}"#, r#"byte 10: duplicate key "a/b""#),
            (br#"{"\"":1,"\u0022":2}"#, r#"byte 8: duplicate key "\"""#),
            (br#"{"\ud800":1}"#, "byte 1: a key that is not a JSON string"),
        ];
        for (bytes, message) in table {
            assert_eq!(refusal(bytes), *message, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn accepted_as_it_stands() {
        for text in [
            "{}",
            " {} \r\n\t",
            r#"{"a":{"a":{"a":1}},"b":{"a":2}}"#,
            r#"{"a":["a","a",{"a":1},{"a":2}]}"#,
            r#"{"a":"}\"]{","b\\":"\\","c":","}"#,
            r#"{"\"":1,"\\\"":2}"#,
        ] {
            assert_eq!(check(text.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn depth_32_passes_and_33_does_not() {
        let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(check(nested(32).as_bytes()).is_ok());
        assert_eq!(refusal(nested(33).as_bytes()), "byte 36: nested deeper than 32");
    }

    #[test]
    fn duplicate_is_found_at_every_size_of_object() {
        for size in 1..=80_usize {
            let mut members: Vec<String> = (0..size).map(|i| format!("\"key_{i}\":{i}")).collect();
            assert!(check(format!("{{{}}}", members.join(",")).as_bytes()).is_ok(), "{size} keys");
            for repeated in 0..size {
                members.push(format!("\"key_{repeated}\":0"));
                let error = check(format!("{{{}}}", members.join(",")).as_bytes()).unwrap_err();
                assert!(matches!(error, StrictJsonError::DuplicateKey { key, .. } if key == format!("key_{repeated}")));
                members.pop();
            }
        }
    }

    #[test]
    fn long_key_is_cut_in_the_message() {
        let key = "k".repeat(1000);
        let error = check(format!("{{\"{key}\":1,\"{key}\":2}}").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("byte 1006: duplicate key \"{}\"", "k".repeat(64)));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from)
        ];
        leaf.prop_recursive(6, 60, 20, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
                prop::collection::btree_map(".{0,3}", inner, 0..20).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_serde_json_writes_passes(value in json()) {
            let mut object = Map::new();
            object.insert("value".to_owned(), value);
            let text = Value::Object(object).to_string();
            prop_assert_eq!(check(text.as_bytes()).unwrap(), &text);
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let opens = bytes.trim_ascii_start().first() == Some(&b'{');
            prop_assert!(opens || check(&bytes).is_err(), "accepted what does not open with an object");
        }

        #[test]
        fn json_like_bytes_are_never_accepted_with_a_duplicate(text in r#"\{("[ab]":[01\{\}],?|\\|"|\}){0,12}\}"#) {
            if check(text.as_bytes()).is_ok() {
                if let Ok(members) = serde_json::from_str::<Members>(&text) {
                    let distinct: HashSet<&String> = members.0.iter().collect();
                    prop_assert_eq!(distinct.len(), members.0.len());
                }
            }
        }
    }

    /// The keys of the outermost object, duplicates included.
    struct Members(Vec<String>);

    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Keys;
            impl<'de> serde::de::Visitor<'de> for Keys {
                type Value = Members;

                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Members(keys))
                }
            }
            deserializer.deserialize_map(Keys)
        }
    }
}
