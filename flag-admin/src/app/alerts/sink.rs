use flag_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::raise::Alert;

/// The longest body, in bytes: Standard Webhooks asks receivers to take 20 KB.
const BODY_MAX: usize = 20_000;

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
        let told = |text: &str| match self.kind {
            SinkKind::Slack => json!({ "text": text }),
            SinkKind::Webhook | SinkKind::Log => {
                json!({ "type": alert.kind, "timestamp": alert.at, "data": { "text": text, "alert": alert.data } })
            }
        };
        let body = told(&alert.text).to_string();
        if body.len() <= BODY_MAX {
            return body;
        }
        // Only a text of somebody's can be so long, and what it is of stands in the log.
        let short: String = alert.text.chars().take(500).collect();
        json!({ "text": short, "type": alert.kind, "timestamp": alert.at, "data": { "text": short } }).to_string()
    }
}
