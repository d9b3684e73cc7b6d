//! Flags in good order: lint, staleness, uses in code, release notes, export.

pub(super) mod export;
pub(super) mod lint;
pub(super) mod references;
pub(super) mod release_notes;
pub(super) mod stale;
