//! flag-core and flag-client beside the evaluators of other products: the same flags, the same people, one process.
//!
//! [`work`] says what is measured, [`product::Product`] how each product is asked for it, [`products`] holds one file a product, and
//! [`answers`] checks before anything is timed that all of them decide what they were asked to. No product reaches for a network: each is
//! given its flags as bytes.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a benchmark stops at the first surprise")]

pub mod answers;
pub mod product;
pub mod products;
pub mod results;
pub mod work;
