//! Evaluations as events of `tracing`, in the words of OpenTelemetry.

use tracing::Level;

use crate::hook::{EvaluationEvent, EvaluationHook};

/// A hook that tells `tracing` of each evaluation: an event at the level `DEBUG` with the target `feature_flag.evaluation` and the
/// attributes that OpenTelemetry's semantic conventions give such an event:
///
/// `feature_flag.key`, `feature_flag.result.variant`, `feature_flag.result.reason`, `feature_flag.provider.name`, `feature_flag.version`
/// (of the snapshot, as `EPOCH.VERSION`), and `error.type`.
///
/// Neither `feature_flag.context.id` nor any other identifier is among them, and no value: the variant says which it was.
///
/// ```
/// use flag_client::{FlagClient, TracingHook};
/// let flags = FlagClient::builder().hook(TracingHook).open();
/// # assert!(!flags.is_enabled("command_history"));
/// ```
#[derive(Copy, Clone, Debug, Default)]
pub struct TracingHook;

impl EvaluationHook for TracingHook {
    fn evaluated(&self, event: &EvaluationEvent<'_>) {
        const TARGET: &str = "feature_flag.evaluation";
        if !tracing::enabled!(target: TARGET, Level::DEBUG) {
            return;
        }
        let reason = event.open_feature_reason().to_ascii_lowercase();
        let error = event.error.map(str::to_ascii_lowercase);
        let version = event.snapshot.map(|snapshot| format!("{}.{}", snapshot.epoch, snapshot.version));
        tracing::event!(
            target: TARGET,
            Level::DEBUG,
            "feature_flag.key" = event.flag,
            "feature_flag.result.variant" = event.variant,
            "feature_flag.result.reason" = reason,
            "feature_flag.provider.name" = crate::PROVIDER_NAME,
            "feature_flag.version" = version,
            "error.type" = error,
        );
    }
}
