//! What the fuzz targets reach: the parsers that no public item leads to directly. Not part of the interface.
#![allow(missing_docs, reason = "for the fuzz targets of this repository alone")]

pub use crate::local_file::fuzzing::{edited, settings};
pub use crate::quarantine::fuzzing::observe;

/// Reads an event stream that arrives in two parts, and returns its events and what is wrong with it.
#[cfg(feature = "remote")]
pub fn events(first: &[u8], second: &[u8]) -> (Vec<String>, Option<String>) {
    let mut events = crate::service::events::Events::default();
    let mut read = Vec::new();
    for part in [first, second] {
        match events.read(part) {
            Ok(items) => read.extend(items.iter().map(|item| format!("{item:?}"))),
            Err(error) => return (read, Some(error.to_string())),
        }
    }
    (read, None)
}
