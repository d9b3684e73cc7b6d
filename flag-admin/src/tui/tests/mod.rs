#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod commands;
mod fixture;
mod laws;
mod screens;
mod takeover;
mod updates;
