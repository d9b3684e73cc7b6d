//! OFREP 0.3.0: remote evaluation as every SDK of OpenFeature asks for it.
//!
//! A request is a context, an answer a decision of flag-core in the protocol's words. Contexts are neither kept nor logged.

mod answer;
mod request;

pub use answer::{EVENTS, Evaluation, EvaluationFailure, Outcome, evaluate, evaluate_all};
pub use request::{Asked, BadRequest};
