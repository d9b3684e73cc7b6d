//! Keeping flags short-lived, documented and honest: lint, what is stale, where code uses a flag, and what is written from definitions.
//!
//! Nothing here touches a disk, a clock or a terminal.

mod calendar;
pub mod codegen;
mod docs;
mod line_diff;
pub mod lint;
pub mod refs;
mod stale;

pub use self::docs::{Audience, release_notes, user_section};
pub use self::line_diff::line_diff;
pub use self::stale::{FULL_DAYS, REVIEW_DAYS, StaleFlag, Staleness, Step, stale};
