use flag_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::raise::Alert;

/// The longest body, in bytes: Standard Webhooks asks receivers to take 20 KB.
const BODY_MAX: usize = 20_000;

/// How many characters are left of a text that makes a body too long.
const TEXT_MAX: usize = 500;

/// How a sink is spoken to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SinkKind {
    /// As Standard Webhooks has it: signed.
    Webhook,
    /// `{"text": ...}`, as Slack and what speaks like it takes. The address is the secret.
    Slack,
    /// A line of the server's log.
    Log,
}

/// Where alerts go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// How it is spoken to.
    pub kind: SinkKind,
    /// Its address; none for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The kinds of alerts that it gets; all of them if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// From when on; from the beginning where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Ports besides 443 that its address may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_ports: Vec<u16>,
}

impl Sink {
    /// Tells whether a kind of alerts goes here. A test does anyway.
    pub fn takes(&self, alert: &Alert) -> bool {
        let kind = alert.kind.as_str();
        kind == "test" || self.events.is_empty() || self.events.iter().any(|event| event == kind)
    }

    /// Returns the body that tells an alert.
    pub fn body(&self, alert: &Alert) -> String {
        let told = |text: &str, data: &Value| match self.kind {
            SinkKind::Slack => json!({ "text": text }),
            SinkKind::Webhook | SinkKind::Log => {
                json!({ "type": alert.kind, "timestamp": alert.at, "data": { "text": text, "alert": data } })
            }
        };
        let body = told(&alert.text, &alert.data).to_string();
        if body.len() <= BODY_MAX {
            return body;
        }
        // Only a text of somebody's can be so long, and what it is of stands in the log.
        let short: String = alert.text.chars().take(TEXT_MAX).collect();
        told(&short, &Value::Null).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::AlertKind;

    fn body(kind: SinkKind, text: String, data: Value) -> String {
        let sink = Sink { kind, url: None, events: Vec::new(), since: None, allow_ports: Vec::new() };
        let at = Timestamp::from_millis(1_768_487_521_000);
        sink.body(&Alert { id: "kill-7".to_owned(), kind: AlertKind::KillActivated, at, text, data })
    }

    #[test]
    fn a_body_is_never_longer_than_receivers_take() {
        // What takes the most bytes a character as JSON writes it, in either member.
        for (text, data) in [
            ("\u{1}".repeat(30_000), json!({ "reason": "incident" })),
            ("\u{1f6d1}".repeat(30_000), json!({ "reason": "incident" })),
            ("short".to_owned(), json!({ "reason": "\u{1}".repeat(30_000) })),
        ] {
            for kind in [SinkKind::Webhook, SinkKind::Slack, SinkKind::Log] {
                let body = body(kind, text.clone(), data.clone());
                assert!(body.len() <= BODY_MAX, "{kind:?}: {}", body.len());
                let told: Value = serde_json::from_str(&body).unwrap();
                let told = if kind == SinkKind::Slack { &told["text"] } else { &told["data"]["text"] };
                assert!(told.as_str().is_some_and(|told| !told.is_empty() && text.starts_with(told)), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_body_that_is_cut_keeps_its_form() {
        let long = "x".repeat(BODY_MAX);
        assert_eq!(
            body(SinkKind::Webhook, long.clone(), json!({ "seq": 7 })),
            format!(
                r#"{{"type":"kill.activated","timestamp":"2026-01-15T14:32:01Z","data":{{"text":"{}","alert":null}}}}"#,
                "x".repeat(TEXT_MAX)
            )
        );
        assert_eq!(body(SinkKind::Slack, long, Value::Null), format!(r#"{{"text":"{}"}}"#, "x".repeat(TEXT_MAX)));
    }
}
