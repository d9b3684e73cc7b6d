#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod commands;
mod crowded;
mod doings;
mod fixture;
mod friction;
mod hostile;
mod laws;
mod looks;
mod page;
mod reports;
mod screens;
mod takeover;
mod updates;
mod waiting;
