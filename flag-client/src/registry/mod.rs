//! Flags with their types: one declaration in code gives the constant, the type of its values, its default, and its documentation.

mod choice;
mod evaluation;
mod flag;
mod flag_type;
mod flags_macro;
mod name;

pub use self::choice::Choice;
pub(crate) use self::evaluation::open_feature_reason;
pub use self::evaluation::{Evaluation, ValueError};
pub use self::flag::Flag;
pub use self::flag_type::{FlagType, Object};
pub use self::name::FlagName;

#[cfg(doctest)]
mod misuse;
