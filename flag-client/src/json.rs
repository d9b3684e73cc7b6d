//! Reading JSON from bytes.

use serde::de::{DeserializeOwned, Error as _};

/// Reads bytes as text. Reading some types from bytes and others from text would put serde_json's reader into every program twice.
pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let text = std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?;
    serde_json::from_str(text)
}
