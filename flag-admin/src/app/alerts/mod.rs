//! Alerts: what people are told of at once, and how it gets to them.
//!
//! What there is to tell follows from the log ([`Project::alerts`]), so that nothing is forgotten between a change and its alert. Each alert
//! is put into the outbox once for each sink, by its own name, and stays there until it arrived or was given up: a restart loses nothing.

mod deliver;
mod raise;
mod sign;
mod sink;

pub use deliver::{Delivered, Due, Tried, claim, deliver_due, due_after, due_now, fill_outbox, settle, try_to_deliver};
pub use raise::{Alert, AlertKind};
pub use sign::{SecretError, WebhookSecret, signatures};
pub use sink::{Sink, SinkKind};
