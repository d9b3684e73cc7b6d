//! What a flag came to, in the words of OpenFeature.

use flag_core::{Object, Value};
use open_feature::provider::ResolutionDetails;
use open_feature::{
    EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult, FlagMetadata, StructValue,
};

use crate::published::SnapshotInfo;
use crate::registry::{Evaluation, ValueError};

/// Returns the value with how it came about, or the error for which OpenFeature serves the caller's default.
pub(super) fn resolution<V>(
    evaluation: Evaluation<Option<V>>,
    snapshot: Option<SnapshotInfo>,
) -> EvaluationResult<ResolutionDetails<V>> {
    let reason = reason(evaluation.open_feature_reason());
    let metadata = metadata(&evaluation, snapshot);
    match (evaluation.value, evaluation.error) {
        (Some(value), _) => Ok(ResolutionDetails {
            value,
            variant: evaluation.variant.map(Into::into),
            reason: Some(reason),
            flag_metadata: Some(metadata),
        }),
        (None, error) => Err(failure(error.as_ref())),
    }
}

fn failure(error: Option<&ValueError>) -> EvaluationError {
    let message = error.map_or_else(|| "there is no value".to_owned(), ToString::to_string);
    let code = match error.map(ValueError::code) {
        Some("FLAG_NOT_FOUND") => EvaluationErrorCode::FlagNotFound,
        Some("PARSE_ERROR") => EvaluationErrorCode::ParseError,
        Some("TYPE_MISMATCH") => EvaluationErrorCode::TypeMismatch,
        _ => EvaluationErrorCode::General(message.clone()),
    };
    EvaluationError { code, message: Some(message) }
}

fn reason(word: &'static str) -> EvaluationReason {
    match word {
        "STATIC" => EvaluationReason::Static,
        "DEFAULT" => EvaluationReason::Default,
        "TARGETING_MATCH" => EvaluationReason::TargetingMatch,
        "SPLIT" => EvaluationReason::Split,
        "DISABLED" => EvaluationReason::Disabled,
        "ERROR" => EvaluationReason::Error,
        // `STALE` is a reason of the specification that the crate has no variant for.
        other => EvaluationReason::Other(other.to_owned()),
    }
}

fn metadata<V>(evaluation: &Evaluation<V>, snapshot: Option<SnapshotInfo>) -> FlagMetadata {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut metadata = FlagMetadata::default()
        .with_value("reason", evaluation.reason.as_str())
        .with_value("flagVersion", number(evaluation.flag_version))
        .with_value("stale", evaluation.stale);
    if let Some(snapshot) = snapshot {
        metadata.add_value("snapshotVersion", number(snapshot.version));
    }
    metadata
}

/// Returns an object as OpenFeature's structure, which knows no null: a field that is null is left out.
pub(super) fn structure(object: &Object) -> StructValue {
    let mut structure = StructValue::default();
    for (name, value) in object.fields() {
        if let Some(value) = plain(value) {
            structure.add_field(name, value);
        }
    }
    structure
}

fn plain(value: &Value) -> Option<open_feature::Value> {
    Some(match value {
        Value::Bool(value) => open_feature::Value::Bool(*value),
        Value::Integer(value) => open_feature::Value::Int(*value),
        Value::Float(value) => open_feature::Value::Float(*value),
        Value::String(value) => open_feature::Value::String((**value).to_owned()),
        Value::List(items) => open_feature::Value::Array(items.iter().filter_map(plain).collect()),
        Value::Object(object) => open_feature::Value::Struct(structure(object)),
        _ => return None,
    })
}
