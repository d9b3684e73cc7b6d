use std::collections::BTreeMap;
use std::fmt;

use super::promql;
use super::sql_evidence;
use crate::app::ports::{MetricSource, SourceQuestion};
use crate::rollout::{Source, SourceKind, SourceValue};

/// The systems that rollouts may ask: the Prometheus servers and PostgreSQL databases that a project's settings list.
#[derive(Clone, Default)]
pub struct Sources {
    /// Their addresses, by name.
    listed: BTreeMap<String, String>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold a password.
        f.debug_set().entries(self.listed.keys()).finish()
    }
}

impl Sources {
    /// Returns sources at addresses, by name. They are connected to when they are asked.
    pub const fn new(listed: BTreeMap<String, String>) -> Self {
        Self { listed }
    }

    /// Returns where what a plan names is: a name of the list, or an address that stands in it.
    fn address(&self, from: &str) -> Option<&str> {
        let by_name = self.listed.get(from);
        by_name.or_else(|| self.listed.values().find(|address| *address == from)).map(String::as_str)
    }
}

impl MetricSource for Sources {
    fn read(&self, source: &Source, question: &SourceQuestion<'_>) -> SourceValue {
        let fill = |text: &str| filled(text, question);
        let Some(address) = self.address(source.kind.from()) else {
            return SourceValue::Unusable { why: "the project's settings do not list it".to_owned() };
        };
        match &source.kind {
            SourceKind::Promql { query, total, .. } => promql::read(address, &fill(query), total.as_deref().map(fill)),
            SourceKind::Sql { query, .. } => {
                sql_evidence::read(address, &fill(sql_evidence::preset(query).unwrap_or(query)))
            }
        }
    }

    fn is_listed(&self, source: &Source) -> bool {
        let is_web = |address: &str| address.starts_with("http");
        let is_asked_for = match source.kind {
            SourceKind::Promql { .. } => is_web,
            SourceKind::Sql { .. } => |address: &str| !address.starts_with("http"),
        };
        self.address(source.kind.from()).is_some_and(is_asked_for)
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
