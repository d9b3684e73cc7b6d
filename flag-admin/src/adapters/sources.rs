use super::promql;
use super::sql_evidence;
use crate::app::ports::{MetricSource, SourceQuestion};
use crate::rollout::{Source, SourceKind, SourceValue};

/// The systems that rollouts may ask: Prometheus and PostgreSQL.
#[derive(Copy, Clone, Debug, Default)]
pub struct Sources;

impl Sources {
    /// Returns sources that are connected to when they are asked.
    pub const fn new() -> Self {
        Self
    }
}

impl MetricSource for Sources {
    fn read(&self, source: &Source, question: &SourceQuestion<'_>) -> SourceValue {
        let fill = |text: &str| filled(text, question);
        match &source.kind {
            SourceKind::Promql { url, query, total } => promql::read(url, &fill(query), total.as_deref().map(fill)),
            SourceKind::Sql { url, query } => {
                sql_evidence::read(url, &fill(sql_evidence::preset(query).unwrap_or(query)))
            }
        }
    }
}

/// Fills in what a query is about. A flag's key has no character that would end a text in either language.
fn filled(text: &str, question: &SourceQuestion<'_>) -> String {
    let SourceQuestion { flag, share, since_seconds } = question;
    let percent = share.to_string();
    text.replace("{flag}", flag.as_str())
        .replace("{share}", percent.trim_end_matches('%'))
        .replace("{since}", &since_seconds.to_string())
}

/// Makes of two numbers what they count. Fractions come of rates that a server extrapolates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of the range just checked")]
pub(super) fn counts(bad: f64, of: f64) -> SourceValue {
    let is_count = |number: f64| number.is_finite() && (0.0..9e15).contains(&number);
    if !is_count(bad) || !is_count(of) {
        return SourceValue::Unusable { why: format!("{bad} of {of} are no counts") };
    }
    let (bad, of) = (bad.round() as u64, of.round() as u64);
    if of == 0 { SourceValue::Nothing } else { SourceValue::Counts { bad, of } }
}

/// Makes of one number the ratio that it is.
pub(super) fn ratio(value: f64) -> SourceValue {
    if value.is_finite() {
        SourceValue::Ratio { value }
    } else {
        SourceValue::Unusable { why: format!("the ratio is {value}") }
    }
}
