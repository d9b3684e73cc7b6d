//! What the dashboard shows, one screen or dialog a file: its state, what it takes, how it looks.

pub(super) mod confirm;
pub(super) mod detail;
pub(super) mod flags;
pub(super) mod log;
pub(super) mod publish;
pub(super) mod share;
