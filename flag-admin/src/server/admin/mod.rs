//! `/admin/v1`: what the commands do, over HTTP.
//!
//! Each handler finds out who calls ([`Call`]), then does one thing at the desk in the caller's name. What the caller's role may do is judged
//! where a command's is; what the token allows besides is checked against the very changes that would be made.

mod body;
mod call;
mod carry_out;
mod definitions;
mod documents;
mod drafts;
mod environments;
mod experiments;
mod flags;
mod groups;
mod hygiene;
mod kills;
mod log;
mod people;
mod publish;
mod rollouts;
mod routes;
mod segments;
mod share;
mod signals;
mod status;

pub(super) use self::call::{Gate, admit_to_evaluate};
pub(super) use self::routes::routes;
