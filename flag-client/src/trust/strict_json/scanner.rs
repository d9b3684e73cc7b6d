//! One pass over JSON text: the grammar of RFC 8259, how deep it nests, and the keys of each object.

use std::borrow::Cow;

use super::keys::{Key, KeyTwice, Keys, ObjectKeys};
use super::{MAX_DEPTH, Spans, StrictJsonError};

/// What a value may begin with, in words.
const VALUE: &str = "a value";

pub(super) struct Scanner<'a, 'p, const N: usize> {
    text: &'a str,
    at: usize,
    open: Vec<Container<'a>>,
    keys: Keys<'a>,
    /// A member of the outermost object, a member of the object it has, and so on.
    path: [&'p str; N],
    /// Where the objects along the path begin that stand open, the outermost first.
    on_path: Vec<usize>,
    /// Where those objects are that have been passed, in the order of the path.
    spans: Spans<N>,
}

enum Container<'a> {
    Array,
    Object(ObjectKeys<'a>),
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

impl<'a, 'p, const N: usize> Scanner<'a, 'p, N> {
    pub(super) fn new(text: &'a str, path: [&'p str; N]) -> Self {
        let spans = [const { None }; N];
        Self { text, at: 0, open: Vec::new(), keys: Keys::default(), path, on_path: Vec::new(), spans }
    }

    /// Passes the whole text, and returns for each member of the path where the object stands that it has, if it has one.
    pub(super) fn scan(mut self) -> Result<Spans<N>, StrictJsonError> {
        match self.visible() {
            Some(b'{') => {}
            Some(_) => return Err(StrictJsonError::NotAnObject { offset: self.at, found: self.found() }),
            None => return Err(self.truncated()),
        }
        let mut next = self.open_container(b'{')?;
        loop {
            let Some(byte) = self.visible() else { return Err(self.truncated()) };
            next = match (next, byte) {
                (Next::Value | Next::ValueOrEnd, b'{' | b'[') => self.open_container(byte)?,
                (Next::Value | Next::ValueOrEnd, b'"') => {
                    if self.plain_string().is_none() {
                        self.string()?;
                    }
                    Next::CommaOrEnd
                }
                (Next::CommaOrEnd, b',') => {
                    self.at += 1;
                    if matches!(self.open.last(), Some(Container::Array)) { Next::Value } else { Next::Key }
                }
                (Next::Key | Next::KeyOrEnd, b'"') => self.key()?,
                (Next::ValueOrEnd | Next::KeyOrEnd | Next::CommaOrEnd, b'}' | b']') => {
                    self.close_container(byte)?;
                    if self.open.is_empty() {
                        break;
                    }
                    Next::CommaOrEnd
                }
                (Next::Value | Next::ValueOrEnd, _) => {
                    self.scalar(byte)?;
                    Next::CommaOrEnd
                }
                (Next::Key | Next::KeyOrEnd, _) => return Err(self.unexpected("a key")),
                (Next::CommaOrEnd, _) => return Err(self.unexpected("a comma or the end")),
            };
        }
        match self.visible() {
            Some(_) => Err(StrictJsonError::TrailingBytes { offset: self.at, found: self.found() }),
            None => Ok(self.spans),
        }
    }

    fn open_container(&mut self, bracket: u8) -> Result<Next, StrictJsonError> {
        if self.open.len() == MAX_DEPTH {
            return Err(StrictJsonError::TooDeep { offset: self.at });
        }
        self.at += 1;
        if bracket == b'{' {
            self.open.push(Container::Object(self.keys.open()));
            return Ok(Next::KeyOrEnd);
        }
        self.open.push(Container::Array);
        Ok(Next::ValueOrEnd)
    }

    fn close_container(&mut self, bracket: u8) -> Result<(), StrictJsonError> {
        match (self.open.pop(), bracket) {
            (Some(Container::Object(object)), b'}') => self.keys.close(&object),
            (Some(Container::Array), b']') => {}
            _ => return Err(StrictJsonError::Unbalanced { offset: self.at, found: self.found() }),
        }
        self.at += 1;
        if self.open.len() == self.on_path.len() {
            if let Some(start) = self.on_path.pop() {
                if let Some(span) = self.spans.get_mut(self.on_path.len()) {
                    *span = Some(start..self.at);
                }
            }
        }
        Ok(())
    }

    /// Passes a key and its colon.
    #[inline]
    fn key(&mut self) -> Result<Next, StrictJsonError> {
        let start = self.at;
        let key = match self.plain_string() {
            Some(key) => Key::plain(key),
            None => Key::new(self.string()?),
        };
        let follows_path = self.open.len() == self.on_path.len() + 1;
        let is_on_path = follows_path && self.path.get(self.on_path.len()).is_some_and(|member| **member == *key.text);
        if let Some(Container::Object(object)) = self.open.last_mut() {
            if let Err(KeyTwice(key)) = self.keys.insert(object, key) {
                return Err(StrictJsonError::DuplicateKey { offset: start, key: key.chars().take(64).collect() });
            }
        }
        match self.visible() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(self.unexpected("a colon")),
            None => return Err(self.truncated()),
        }
        if is_on_path && self.visible() == Some(b'{') {
            self.on_path.push(self.at);
        }
        Ok(Next::Value)
    }

    /// Passes the string that opens here if nothing in it is escaped, and returns it.
    #[inline]
    fn plain_string(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let end = start + plain_length(self.text.as_bytes().get(start..)?);
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// Passes the string that opens here, and returns what it says.
    fn string(&mut self) -> Result<Cow<'a, str>, StrictJsonError> {
        let start = self.at + 1;
        self.at = start;
        let mut unescaped: Option<String> = None;
        loop {
            let plain = self.at;
            self.at += plain_length(self.rest());
            let text = self.text.get(plain..self.at).unwrap_or_default();
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(text),
                        Some(said) => Cow::Owned(said + text),
                    });
                }
                Some(b'\\') => {
                    let said = unescaped.get_or_insert_with(String::new);
                    said.push_str(text);
                    let escaped = self.escape()?;
                    said.push(escaped);
                }
                Some(_) => return Err(self.unexpected("a string without control characters")),
                None => return Err(self.truncated()),
            }
        }
    }

    /// Passes an escape, and returns the character it means.
    fn escape(&mut self) -> Result<char, StrictJsonError> {
        self.at += 1;
        let Some(byte) = self.byte() else { return Err(self.truncated()) };
        let meant = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.unexpected("an escape of JSON")),
        };
        self.at += 1;
        Ok(meant)
    }

    /// Passes the rest of an escape by code unit, with the second one where the first is half a character.
    fn unicode_escape(&mut self) -> Result<char, StrictJsonError> {
        const WHOLE: &str = "a whole character in UTF-16";
        let start = self.at;
        let first = self.code_unit()?;
        let units = if (0xD800..0xDC00).contains(&first) && self.rest().starts_with(b"\\u") {
            self.at += 1;
            [first, self.code_unit()?]
        } else {
            [first, 0]
        };
        let whole = char::decode_utf16(units).next().and_then(Result::ok);
        let lone = || StrictJsonError::Unexpected { offset: start - 1, found: '\\', expected: WHOLE };
        whole.ok_or_else(lone)
    }

    /// Passes `u` and four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u16, StrictJsonError> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(byte) = self.byte() else { return Err(self.truncated()) };
            let digit = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
            let Some(digit) = digit else { return Err(self.unexpected("a hexadecimal digit")) };
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    /// Passes a number, `true`, `false` or `null`.
    fn scalar(&mut self, first: u8) -> Result<(), StrictJsonError> {
        let word: &[u8] = match first {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            b'-' | b'0'..=b'9' => return self.number(first),
            _ => return Err(self.unexpected(VALUE)),
        };
        for expected in word {
            match self.byte() {
                Some(byte) if byte == *expected => self.at += 1,
                Some(_) => return Err(self.unexpected(VALUE)),
                None => return Err(self.truncated()),
            }
        }
        Ok(())
    }

    fn number(&mut self, first: u8) -> Result<(), StrictJsonError> {
        if first == b'-' {
            self.at += 1;
        }
        let leading_zero = self.byte() == Some(b'0');
        let digits = self.digits()?;
        if leading_zero && digits > 1 {
            self.at -= digits - 1;
            return Err(self.unexpected("a number without leading zeros"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Passes one digit or more, and returns how many.
    fn digits(&mut self) -> Result<usize, StrictJsonError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        let digits = self.at - start;
        match self.byte() {
            _ if digits > 0 => Ok(digits),
            Some(_) => Err(self.unexpected("a digit")),
            None => Err(self.truncated()),
        }
    }

    /// Passes white space, and returns the byte that stands after it.
    #[inline]
    fn visible(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn found(&self) -> char {
        self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or_default()
    }

    fn unexpected(&self, expected: &'static str) -> StrictJsonError {
        StrictJsonError::Unexpected { offset: self.at, found: self.found(), expected }
    }

    fn truncated(&self) -> StrictJsonError {
        StrictJsonError::Truncated { offset: self.text.len() }
    }
}

/// How many bytes come before the first quote, backslash or control character. Eight at a time: a payload in base64 is one long string.
#[inline]
fn plain_length(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let (mut rest, mut length) = (text, 0);
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        // This turns the quote, 0x22, into 0x20, and leaves exactly it and control characters below 0x21.
        let turned = word ^ (ONES * 0x02);
        let backslash = word ^ (ONES * u64::from(b'\\'));
        // Sets the high bit of the lowest byte that is special, and of none below it; higher ones may be set wrongly.
        let special = (turned.wrapping_sub(ONES * 0x21) & !turned | backslash.wrapping_sub(ONES) & !backslash) & HIGH;
        if special != 0 {
            return length + special.trailing_zeros() as usize / 8;
        }
        (rest, length) = (after, length + 8);
    }
    length + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)).count()
}
