//! Where Rust code uses flags, read as the compiler reads it: a flag's name in a comment is no use of the flag.
//!
//! [`scan`] reads one file; [`ReferenceIndex`] knows the constants of all files and tells which of them mean which flag.

mod index;
mod scan;
#[cfg(test)]
mod tests;

pub use self::index::{FlagReferences, Reference, ReferenceIndex, References, SkippedFile, UnknownReference, UseKind};
pub use self::scan::{FileUses, ScanError, scan};
