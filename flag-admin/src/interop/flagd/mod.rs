//! flagd's flag definitions: JSON with JsonLogic as targeting.

mod condition;
mod export;
mod import;
mod split;
#[cfg(test)]
mod tests;

pub use self::export::{Exported, export};
pub use self::import::{FileError, Imported, ImportedFlag, Reshuffled, import};

use serde::Serialize;

/// A flag that cannot be said in the other product's words, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The flag.
    pub flag: String,
    /// Why.
    pub reason: String,
}
