//! From an edit to an entry of the log: drafts, files of definitions, exact plans, undo.

pub(super) mod apply;
pub(super) mod compile;
pub(super) mod conflict;
pub(super) mod difference;
pub(super) mod drafts;
pub(super) mod limits;
pub(super) mod profile;
pub(super) mod proposal;
mod reach;
pub(super) mod submitted;
pub(super) mod undo;
