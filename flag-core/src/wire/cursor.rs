//! Reads JSON as publishers spell it, in one pass and without copies. Every other spelling it refuses, and serde reads that.

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, Error};

/// A place in JSON text. Where a reading function returns nothing, what stands there is wrong or merely unusual: nobody may tell which by
/// this reader alone.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// Whether something of an object or array has been passed already.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Nothing,
    Something,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Passes one punctuation mark, with white space before it.
    #[inline]
    pub(crate) fn take(&mut self, mark: u8) -> Option<()> {
        if self.visible()? != mark {
            return None;
        }
        self.at = self.at.wrapping_add(1);
        Some(())
    }

    /// Passes the name of an object's next member and its colon, or the object's end.
    #[inline]
    #[expect(
        clippy::option_option,
        reason = "the outer one is giving up, as everywhere here; the inner one is the end"
    )]
    pub(crate) fn member(&mut self, passed: &mut Passed) -> Option<Option<&'a str>> {
        if !self.goes_on(b'}', passed)? {
            return Some(None);
        }
        let name = self.string()?;
        self.take(b':')?;
        Some(Some(name))
    }

    /// Comes to an array's next element, or passes the array's end.
    #[inline]
    pub(crate) fn element(&mut self, passed: &mut Passed) -> Option<bool> {
        self.goes_on(b']', passed)
    }

    #[inline]
    fn goes_on(&mut self, end: u8, passed: &mut Passed) -> Option<bool> {
        let mark = self.visible()?;
        if mark == end {
            self.at = self.at.wrapping_add(1);
            return Some(false);
        }
        if *passed == Passed::Something {
            return self.take(b',').map(|()| true);
        }
        *passed = Passed::Something;
        Some(true)
    }

    /// Passes text without escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        let end = start.wrapping_add(plain_length(self.text.as_bytes().get(start..)?));
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end.wrapping_add(1);
        self.text.get(start..end)
    }

    /// Passes a whole number of at most 18 digits.
    #[inline]
    pub(crate) fn whole(&mut self) -> Option<u64> {
        const MOST_DIGITS: usize = 18;
        let first = self.visible()?;
        let (start, mut number) = (self.at, 0_u64);
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
            self.at = self.at.wrapping_add(1);
        }
        let digits = self.at.wrapping_sub(start);
        let is_usual = (1..=MOST_DIGITS).contains(&digits) && (first != b'0' || digits == 1);
        (is_usual && !matches!(self.byte(), Some(b'.' | b'e' | b'E'))).then_some(number)
    }

    /// Passes `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        self.visible()?;
        let rest = self.text.get(self.at..)?;
        let (word, value) = if rest.starts_with("true") { ("true", true) } else { ("false", false) };
        if !rest.starts_with(word) {
            return None;
        }
        self.at = self.at.wrapping_add(word.len());
        Some(value)
    }

    /// Passes the name of one of an enum's variants.
    #[inline]
    pub(crate) fn one_of<T: Deserialize<'a>>(&mut self) -> Option<T> {
        T::deserialize(BorrowedStrDeserializer::<Error>::new(self.string()?)).ok()
    }

    /// Passes any value, which serde reads.
    pub(crate) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at = self.at.wrapping_add(values.byte_offset());
        Some(value)
    }

    /// Tells whether nothing but white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.visible().is_none()
    }

    /// Returns the first byte of what a value begins with.
    #[inline]
    pub(crate) fn visible(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at = self.at.wrapping_add(1),
                byte => return Some(byte),
            }
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// How many bytes come before the first quote, backslash or control character, eight at a time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const TWOS: u64 = u64::from_ne_bytes([0x02; 8]);
    const BELOW: u64 = u64::from_ne_bytes([0x21; 8]);
    const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
    let mut rest = bytes;
    let mut length = 0_usize;
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        // This turns the quote, 0x22, into 0x20, and leaves exactly it and control characters below 0x21.
        let turned = word ^ TWOS;
        let backslash = word ^ BACKSLASHES;
        // Sets the high bit of the lowest byte that is special, and of none below it; higher ones may be set wrongly.
        let special = (turned.wrapping_sub(BELOW) & !turned | backslash.wrapping_sub(ONES) & !backslash) & HIGH;
        if special != 0 {
            let bytes = special.trailing_zeros() >> 3;
            return length.wrapping_add(usize::try_from(bytes).unwrap_or(0));
        }
        (rest, length) = (after, length.wrapping_add(8));
    }
    let tail = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count();
    length.wrapping_add(tail)
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    proptest! {
        #[test]
        fn text_is_what_serde_reads_or_left_to_it(text in "[a-c\"\\\\\u{1f}\u{20}\u{e9}\u{1f600}]{0,24}", after in "[\",x]{0,9}") {
            let json = format!("\"{text}\"{after}");
            let expected = serde_json::Deserializer::from_str(&json).into_iter::<String>().next().and_then(Result::ok);
            let mut cursor = Cursor::new(&json);
            match cursor.string() {
                Some(read) => {
                    prop_assert_eq!(Some(read), expected.as_deref());
                    prop_assert_eq!(cursor.at, read.len() + 2);
                }
                None => prop_assert!(expected.is_none_or(|_| text.contains('\\'))),
            }
        }

        #[test]
        fn a_number_is_what_serde_reads_or_left_to_it(number in "[0-9]{0,20}([.eE][0-9]?)?", after in "[,}\\]]") {
            let json = format!("{number}{after}");
            if let Some(read) = Cursor::new(&json).whole() {
                prop_assert_eq!(serde_json::from_str::<u64>(&number).ok(), Some(read));
            }
        }
    }

    #[test]
    fn commas_stand_between_members_and_nowhere_else() {
        let names = |json: &str| {
            let mut cursor = Cursor::new(json);
            cursor.take(b'{')?;
            let (mut passed, mut names) = (Passed::Nothing, vec![]);
            while let Some(name) = cursor.member(&mut passed)? {
                names.push(String::from(name));
                cursor.whole()?;
            }
            cursor.is_at_end().then_some(names)
        };
        assert_eq!(names("{}"), Some(vec![]));
        assert_eq!(names(" { \"a\" : 1 ,\n\t\"b\":2 }\r"), Some(vec!["a".into(), "b".into()]));
        for wrong in
            ["", "{", "{,}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}", "{\"a\"1}", "{}x"]
        {
            assert_eq!(names(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_serde_reads_is_passed_whole() {
        for (json, rest) in [("[1, {\"a\": []}] , x", " , x"), ("7,8", ",8"), ("\"\\n\"}", "}"), ("null]", "]")] {
            let mut cursor = Cursor::new(json);
            assert!(cursor.value::<Value>().is_some(), "{json}");
            assert_eq!(&json[cursor.at..], rest);
        }
        for wrong in ["7x", "tru", "", "]"] {
            assert_eq!(Cursor::new(wrong).value::<Value>(), None, "{wrong}");
        }
    }
}
