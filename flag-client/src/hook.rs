//! Telling the host of evaluations.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use flag_core::Reason;

use crate::published::SnapshotInfo;
use crate::registry::{Evaluation, ValueError};

/// Something that wants to know of evaluations, such as the host's telemetry. [`ClientBuilder::hook`](crate::ClientBuilder::hook) takes it.
///
/// It is called on the thread that reads the flag, for each [`is_enabled`](crate::FlagClient::is_enabled),
/// [`variant`](crate::FlagClient::variant), [`get`](crate::FlagClient::get) and [`evaluate`](crate::FlagClient::evaluate), and for
/// their likes on [`ContextFlags`](crate::ContextFlags); lists and explanations look without being told of. A hook changes nothing, and a
/// panic in one is caught where the program unwinds.
pub trait EvaluationHook: Send + Sync + 'static {
    /// Takes note of an evaluation.
    fn evaluated(&self, event: &EvaluationEvent<'_>);
}

/// One evaluation, without a word on whom it was for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EvaluationEvent<'e> {
    /// The flag's key.
    pub flag: &'e str,
    /// The id of the variant decided on, unless there is no flag.
    pub variant: Option<&'e str>,
    /// Why.
    pub reason: Reason,
    /// OpenFeature's code of the error that put the default in the code in the variant's place.
    pub error: Option<&'static str>,
    /// Whether the decision comes from a snapshot that has expired.
    pub stale: bool,
    /// The sequence number of the published flag's last change; 0 for a flag that is not published.
    pub flag_version: u64,
    /// The snapshot in force, if there is one.
    pub snapshot: Option<SnapshotInfo>,
}

impl EvaluationEvent<'_> {
    /// Returns OpenFeature's word for how the value came about, such as `TARGETING_MATCH`.
    pub const fn open_feature_reason(&self) -> &'static str {
        crate::registry::open_feature_reason(self.reason, self.stale, self.error)
    }
}

/// The hooks of a client.
#[derive(Clone, Default)]
pub(crate) struct Hooks(Vec<Arc<dyn EvaluationHook>>);

impl Hooks {
    pub(crate) fn add(&mut self, hook: impl EvaluationHook) {
        self.0.push(Arc::new(hook));
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cold]
    pub(crate) fn tell<T>(&self, flag: &str, evaluation: &Evaluation<T>, snapshot: Option<SnapshotInfo>) {
        let event = EvaluationEvent {
            flag,
            variant: evaluation.variant.as_deref(),
            reason: evaluation.reason,
            error: evaluation.error.as_ref().map(ValueError::code),
            stale: evaluation.stale,
            flag_version: evaluation.flag_version,
            snapshot,
        };
        for hook in &self.0 {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| hook.evaluated(&event))) {
                // Dropping what a hook panicked with runs its code once more, outside of what is caught.
                std::mem::forget(payload);
            }
        }
    }
}
