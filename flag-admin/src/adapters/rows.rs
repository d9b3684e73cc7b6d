//! How entries stand in a table, whichever engine keeps it.

use crate::app::ports::LogError;
use crate::log::{ChainError, Digest, Flaw};

/// Returns the hash of an entry as it stands in its row.
pub(super) fn digest(seq: u64, hash: &[u8]) -> Result<Digest, LogError> {
    let flaw = Flaw::HashLength { found: hash.len() };
    Ok(hash.try_into().map(Digest::from_bytes).map_err(|_| ChainError { seq, flaw })?)
}

/// Engines count to 2⁶³ - 1, which is more entries than will be.
pub(super) fn column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(super) fn place(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}
