use flag_core::{Context, Decision, Reason, Timestamp, Value, ValueType};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::request::Asked;
use crate::app::Rules;

/// Where clients hear that they should evaluate again.
pub const EVENTS: &str = "/ofrep/v1/events";

/// The variant of a capability that is killed and is no flag of the snapshot.
const OFF: &str = "off";
static KILLED: Value = Value::Bool(false);

/// What one flag came to, or why it came to nothing.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome<'r> {
    /// It has a value.
    Evaluated(Evaluation<'r>),
    /// It has none.
    Failed(EvaluationFailure<'r>),
}

/// A flag's value, as the protocol writes it: `{"key", "reason", "variant", "value", "metadata"}`. All of them, always: clients refuse an
/// answer that lacks one.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation<'r> {
    key: &'r str,
    reason: &'static str,
    variant: &'r str,
    value: Typed<'r>,
    metadata: Metadata<'r>,
}

/// Why a flag has no value: `{"key", "errorCode", "errorDetails"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationFailure<'r> {
    /// The flag asked for.
    pub key: &'r str,
    /// The protocol's code.
    pub error_code: &'static str,
    /// What is wrong.
    pub error_details: String,
}

/// What is said of a decision besides: single values, since clients take no others.
#[derive(Copy, Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'r> {
    flag_version: u64,
    detail: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'r str>,
}

/// A value in the type of its flag: a float is written with a fraction even where it is whole, since clients hold types against each other.
#[derive(Copy, Clone, Debug)]
struct Typed<'r>(&'r Value, ValueType);

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.1, self.0.as_float()) {
            (ValueType::Float, Some(float)) => serializer.serialize_f64(float),
            _ => self.0.serialize(serializer),
        }
    }
}

/// Evaluates one flag.
pub fn evaluate<'r>(rules: &'r Rules, key: &'r str, asked: &Asked, now: Timestamp) -> Outcome<'r> {
    let decision = rules.ruleset.evaluate(key, &asked.context(now));
    outcome(rules, key, &decision, rules.is_stale(now))
}

/// Evaluates every flag, and calls `each` in the order of the snapshot; those that cannot be evaluated come last.
pub fn evaluate_all<'r>(rules: &'r Rules, asked: &Asked, now: Timestamp, mut each: impl FnMut(Outcome<'r>)) {
    let is_stale = rules.is_stale(now);
    let context: Context<'_> = asked.context(now);
    rules.ruleset.evaluate_all(&context, |decision| {
        if let Some(flag) = decision.flag() {
            each(outcome(rules, flag.key().as_str(), &decision, is_stale));
        }
    });
    for (key, error) in rules.ruleset.quarantined() {
        let error_details = format!("flag {key:?} is quarantined: {error}");
        each(Outcome::Failed(EvaluationFailure { key, error_code: "PARSE_ERROR", error_details }));
    }
}

fn outcome<'r>(rules: &'r Rules, key: &'r str, decision: &Decision<'r>, is_stale: bool) -> Outcome<'r> {
    let reason = decision.reason();
    let metadata = |detail: Reason| Metadata {
        flag_version: decision.flag_version(),
        detail: detail.as_str(),
        rule: decision.rule(),
    };
    let (Some(flag), Some(value), Some(variant)) = (decision.flag(), decision.value(), decision.variant()) else {
        if reason == Reason::Killed {
            // Nobody declared it, and it is off all the same.
            let value = Typed(&KILLED, ValueType::Bool);
            let word = reason.open_feature();
            return Outcome::Evaluated(Evaluation {
                key,
                reason: word,
                variant: OFF,
                value,
                metadata: metadata(reason),
            });
        }
        return Outcome::Failed(failure(rules, key, reason));
    };
    // Such a flag asks for the code's default on expiry. A client that is told of none reports an error, so it gets the variant that is safe.
    if is_stale && flag.defaults_on_expiry() && !flag.is_killed() {
        let off = flag.variants().find(|(id, _)| *id == flag.off_variant());
        if let Some((variant, value)) = off {
            let value = Typed(value, flag.value_type());
            return Outcome::Evaluated(Evaluation { key, reason: "STALE", variant, value, metadata: metadata(reason) });
        }
    }
    let word = if is_stale { "STALE" } else { reason.open_feature() };
    let value = Typed(value, flag.value_type());
    Outcome::Evaluated(Evaluation { key, reason: word, variant, value, metadata: metadata(reason) })
}

fn failure<'r>(rules: &Rules, key: &'r str, reason: Reason) -> EvaluationFailure<'r> {
    let error_code = reason.error_code().unwrap_or("GENERAL");
    let quarantined = rules.ruleset.quarantined().find(|(known, _)| *known == key);
    let error_details = match quarantined {
        Some((_, error)) => format!("flag {key:?} is quarantined: {error}"),
        None => format!("flag {key:?} does not exist"),
    };
    EvaluationFailure { key, error_code, error_details }
}

/// Flags and what is said of them all, as the protocol writes a bulk answer.
impl Rules {
    /// Writes the answer for every flag.
    pub fn bulk(&self, asked: &Asked, now: Timestamp) -> Vec<u8> {
        let mut flags = Vec::new();
        evaluate_all(self, asked, now, |outcome| flags.push(outcome));
        // Texts, numbers and lists of them cannot fail to be written.
        serde_json::to_vec(&Bulk { flags, environment_version: self.version }).unwrap_or_default()
    }
}

struct Bulk<'r> {
    flags: Vec<Outcome<'r>>,
    environment_version: u64,
}

impl Serialize for Bulk<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("flags", &self.flags)?;
        map.serialize_entry("metadata", &serde_json::json!({ "snapshotVersion": self.environment_version }))?;
        // Relative to where the answer came from, which a server behind a proxy does not know.
        let stream = serde_json::json!([{ "type": "sse", "endpoint": { "requestUri": EVENTS } }]);
        map.serialize_entry("eventStreams", &stream)?;
        map.end()
    }
}
