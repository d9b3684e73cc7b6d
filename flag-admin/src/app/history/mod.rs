//! The log read back: lines, past states, proofs, notes.

pub(super) mod around;
pub(super) mod audit;
pub(super) mod lines;
pub(super) mod note;
pub(super) mod walk;
