//! Snapshots: signed and put where clients fetch them, verified, and served.

pub(super) mod accept;
pub(super) mod preview;
pub(super) mod publish;
pub(super) mod serving;
pub(super) mod verify;
