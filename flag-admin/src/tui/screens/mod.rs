//! What the dashboard shows, one screen or dialog a file: its state, what it takes, how it looks.

pub(super) mod audit;
pub(super) mod awaited;
pub(super) mod confirm;
pub(super) mod detail;
pub(super) mod entry;
pub(super) mod experiments;
pub(super) mod explain;
pub(super) mod flags;
pub(super) mod kills;
pub(super) mod passphrase;
pub(super) mod pending;
pub(super) mod publish;
pub(super) mod share;
pub(super) mod simulate;
pub(super) mod steps;
