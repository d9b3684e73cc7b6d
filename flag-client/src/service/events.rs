//! Reads an event stream as [the standard](https://html.spec.whatwg.org/multipage/server-sent-events.html) has it, bounded in all it keeps.

use std::time::Duration;

/// The longest line, in bytes. Ours have a few dozen.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// The longest data of one event, in bytes.
const MAX_DATA_BYTES: usize = 64 * 1024;

/// The longest id that is sent back, in bytes.
const MAX_ID_BYTES: usize = 256;

/// Something a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// An event with a name, `message` if it has none, and its data.
    Event { name: String, data: String },
    /// How long to wait before the stream is asked for again.
    Retry(Duration),
}

/// What is wrong with a stream.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// A line does not end.
    #[error("a line of the event stream is longer than {MAX_LINE_BYTES} bytes")]
    LongLine,
    /// The lines of an event do not end.
    #[error("an event has more than {MAX_DATA_BYTES} bytes of data")]
    LargeEvent,
    /// The stream is no text.
    #[error("a line of the event stream is not UTF-8")]
    Encoding,
    /// The data of an event is not what all of ours have.
    #[error("the data of an event is no JSON object")]
    Data,
}

/// A stream that is being read.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    /// A carriage return ended the last line, so that a line feed right after it ends none.
    after_return: bool,
    started: bool,
    name: String,
    data: String,
    has_data: bool,
    last_id: String,
}

impl Events {
    /// Reads the next bytes and returns what they complete.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<Vec<Item>, StreamError> {
        let mut items = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    items.extend(self.end_of_line(&line)?);
                }
                _ if self.line.len() >= MAX_LINE_BYTES => return Err(StreamError::LongLine),
                _ => self.line.push(byte),
            }
        }
        Ok(items)
    }

    /// Returns the id that the last event gave, unless it gave none.
    pub(crate) fn last_id(&self) -> Option<&str> {
        (!self.last_id.is_empty()).then_some(&*self.last_id)
    }

    /// Returns what reads the next stream: it remembers the last id and nothing else.
    pub(crate) fn restarted(self) -> Self {
        Self { last_id: self.last_id, ..Self::default() }
    }

    fn end_of_line(&mut self, line: &[u8]) -> Result<Option<Item>, StreamError> {
        let mut line = std::str::from_utf8(line).map_err(|_| StreamError::Encoding)?;
        if !std::mem::replace(&mut self.started, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.end_of_event());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
                if self.data.len() > MAX_DATA_BYTES {
                    return Err(StreamError::LargeEvent);
                }
            }
            // It comes back in a header, which takes visible ASCII.
            "id" if value.len() <= MAX_ID_BYTES && value.bytes().all(|byte| (0x21..0x7f).contains(&byte)) => {
                value.clone_into(&mut self.last_id);
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Ok(Some(Item::Retry(Duration::from_millis(value.parse().unwrap_or(u64::MAX)))));
            }
            // A comment has an empty name; others are of a later time than ours.
            _ => {}
        }
        Ok(None)
    }

    fn end_of_event(&mut self) -> Option<Item> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        let has_data = std::mem::replace(&mut self.has_data, false);
        let name = if name.is_empty() { "message".to_owned() } else { name };
        has_data.then_some(Item::Event { name, data })
    }
}

/// Tells whether an event says that something newer is published. Events that are not known are none of ours.
pub(crate) fn is_notice(name: &str, data: &str) -> Result<bool, StreamError> {
    if !matches!(name, "message" | "changed" | "root" | "kills" | "snapshot") {
        return Ok(false);
    }
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(data);
    object.map(|_| true).map_err(|_| StreamError::Data)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(name: &str, data: &str) -> Item {
        Item::Event { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn a_stream_is_read_as_the_standard_has_it() {
        let table: [(&str, &[Item]); 12] = [
            ("data: {}\n\n", &[event("message", "{}")]),
            ("event: snapshot\ndata: {\"version\":9}\n\n", &[event("snapshot", "{\"version\":9}")]),
            ("data:a\ndata: b\ndata\n\n", &[event("message", "a\nb\n")]),
            (": heartbeat\n\n: heartbeat\n\n", &[]),
            ("event: lonely\n\ndata: x\n\n", &[event("message", "x")]),
            (
                "\u{feff}data: x\r\n\r\ndata: y\r\rdata: z\n\n",
                &[event("message", "x"), event("message", "y"), event("message", "z")],
            ),
            ("retry: 2500\n", &[Item::Retry(Duration::from_millis(2_500))]),
            ("retry: 99999999999999999999999\n", &[Item::Retry(Duration::from_millis(u64::MAX))]),
            ("retry: soon\nretry: -1\nretry\n", &[]),
            ("colour: blue\ndata:  x\n\n", &[event("message", " x")]),
            ("data: unfinished\n", &[]),
            ("\n\n\n", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(Events::default().read(text.as_bytes()).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_last_id_is_kept_if_a_header_can_carry_it() {
        let mut events = Events::default();
        assert_eq!(events.last_id(), None);
        events.read(b"id: 7\ndata: x\n\nid: a\tb\n\n").unwrap();
        assert_eq!(events.last_id(), Some("7"));
        events.read(format!("id: {}\n\n", "9".repeat(257)).as_bytes()).unwrap();
        assert_eq!(events.last_id(), Some("7"));
        events.read(b"id\n\n").unwrap();
        assert_eq!(events.last_id(), None);
    }

    #[test]
    fn what_does_not_end_or_is_no_text_is_an_error() {
        let endless = vec![b'x'; MAX_LINE_BYTES + 1];
        assert_eq!(Events::default().read(&endless), Err(StreamError::LongLine));
        let many = format!("data: {}\n", "x".repeat(8_000)).repeat(9);
        assert_eq!(Events::default().read(many.as_bytes()), Err(StreamError::LargeEvent));
        assert_eq!(Events::default().read(b"data: \xff\n"), Err(StreamError::Encoding));
        assert_eq!(StreamError::LongLine.to_string(), "a line of the event stream is longer than 8192 bytes");
    }

    #[test]
    fn only_our_events_are_notices_and_their_data_is_an_object() {
        let table = [
            ("snapshot", "{}", Ok(true)),
            ("kills", "{\"a\":[1]}", Ok(true)),
            ("message", "{}", Ok(true)),
            ("weather", "rain", Ok(false)),
            ("snapshot", "", Err(StreamError::Data)),
            ("root", "[]", Err(StreamError::Data)),
            ("changed", "{", Err(StreamError::Data)),
        ];
        for (name, data, expected) in table {
            assert_eq!(is_notice(name, data), expected, "{name} {data}");
        }
    }

    proptest! {
        #[test]
        fn how_a_stream_is_cut_does_not_matter(text in "((data|event|id|retry|x)?:? ?[a-z0-9]{0,4}[\r\n]{1,2}){0,12}", cut in any::<prop::sample::Index>()) {
            let at = cut.index(text.len() + 1);
            let (one, other) = text.as_bytes().split_at(at);
            let mut events = Events::default();
            let mut items = events.read(one).unwrap();
            items.extend(events.read(other).unwrap());
            prop_assert_eq!(items, Events::default().read(text.as_bytes()).unwrap());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut events = Events::default();
            let _ = events.read(&bytes);
            prop_assert!(events.line.len() <= MAX_LINE_BYTES);
        }
    }
}
