use std::collections::BTreeMap;

use flag_core::Timestamp;
use serde::Serialize;

use super::raise::Alert;
use super::sign::{WebhookSecret, signatures};
use super::sink::{Sink, SinkKind};
use crate::app::error::with_causes;
use crate::app::ports::{AlertSender, LogError, Outbox, OutboxOutcome, OutboxStanding, Outgoing};

/// How long to wait after each try that failed, in seconds, as Standard Webhooks proposes.
const PAUSES: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// For how long whoever sends an alert has it to themselves, in milliseconds: longer than a try takes.
const CLAIM_MILLIS: i64 = 60_000;

/// Returns when to try again what failed so many times; never, once it failed ten times.
pub fn due_after(tries: u32, now: Timestamp) -> Option<Timestamp> {
    let seconds = PAUSES.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    Some(now.saturating_add_millis(seconds.saturating_mul(1_000)))
}

/// What became of one try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// The sink.
    pub sink: String,
    /// The alert.
    pub alert: String,
    /// Whether it arrived.
    pub arrived: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Puts alerts into the outbox, once for each sink that takes them. Returns how many were new.
pub fn fill_outbox(
    alerts: &[Alert],
    sinks: &BTreeMap<String, Sink>,
    outbox: &mut dyn Outbox,
) -> Result<usize, LogError> {
    let mut new = 0_usize;
    for (name, sink) in sinks {
        for alert in wanted(alerts, sink) {
            new = new.saturating_add(usize::from(outbox.put(name, &alert.id, &sink.body(alert), alert.at)?));
        }
    }
    Ok(new)
}

/// An alert that would be sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Due {
    /// The sink.
    pub sink: String,
    /// The alert.
    pub alert: String,
}

/// Returns what would be sent if alerts were put into the outbox now, and changes nothing.
pub fn due_now(
    alerts: &[Alert],
    sinks: &BTreeMap<String, Sink>,
    outbox: &dyn Outbox,
    now: Timestamp,
) -> Result<Vec<Due>, LogError> {
    let standing = outbox.standing()?;
    let is_gone =
        |sink: &str| standing.iter().any(|((of, _), standing)| of == sink && *standing == OutboxStanding::Gone);
    let mut due: Vec<Due> = Vec::new();
    for ((sink, alert), standing) in &standing {
        if matches!(standing, OutboxStanding::Waits(at) if *at <= now) && !is_gone(sink) {
            due.push(Due { sink: sink.clone(), alert: alert.clone() });
        }
    }
    for (name, sink) in sinks.iter().filter(|(name, _)| !is_gone(name)) {
        for alert in wanted(alerts, sink).filter(|alert| alert.at <= now) {
            if !standing.contains_key(&(name.clone(), alert.id.clone())) {
                due.push(Due { sink: name.clone(), alert: alert.id.clone() });
            }
        }
    }
    due.sort();
    Ok(due)
}

/// Returns the alerts that a sink takes, from when on it is one.
fn wanted<'a>(alerts: &'a [Alert], sink: &'a Sink) -> impl Iterator<Item = &'a Alert> {
    alerts.iter().filter(|alert| sink.takes(alert) && sink.since.is_none_or(|since| alert.at >= since))
}

/// Sends what is due, one after the other, and returns what became of each. `secrets` gives those of a sink.
pub fn deliver_due(
    outbox: &mut dyn Outbox,
    sinks: &BTreeMap<String, Sink>,
    secrets: &dyn Fn(&str) -> Vec<WebhookSecret>,
    sender: &mut dyn AlertSender,
    now: &dyn Fn() -> Timestamp,
) -> Result<Vec<Delivered>, LogError> {
    let mut done = Vec::new();
    loop {
        let at = now();
        let Some(outgoing) = claim(outbox, None, at)? else { return Ok(done) };
        let tried = try_to_deliver(sinks.get(&outgoing.sink), &outgoing, &secrets(&outgoing.sink), sender, at);
        done.push(settle(outbox, outgoing, tried)?);
    }
}

/// Takes the alert that is due the longest, of one sink or of all, for as long as a try takes.
pub fn claim(outbox: &mut dyn Outbox, sink: Option<&str>, now: Timestamp) -> Result<Option<Outgoing>, LogError> {
    outbox.claim(sink, now, now.saturating_add_millis(CLAIM_MILLIS))
}

/// What became of a try, and why.
pub type Tried = (OutboxOutcome, Option<String>);

/// Tries once to send what was taken.
pub fn try_to_deliver(
    sink: Option<&Sink>,
    outgoing: &Outgoing,
    secrets: &[WebhookSecret],
    sender: &mut dyn AlertSender,
    now: Timestamp,
) -> Tried {
    match sink {
        None => (OutboxOutcome::GivenUp, Some("the sink was removed".to_owned())),
        Some(sink) => attempt(sink, outgoing, secrets, sender, now),
    }
}

/// Writes down what became of a try.
pub fn settle(outbox: &mut dyn Outbox, outgoing: Outgoing, tried: Tried) -> Result<Delivered, LogError> {
    let (outcome, why) = tried;
    outbox.settle(&outgoing, outcome, why.as_deref())?;
    let arrived = outcome == OutboxOutcome::Arrived;
    Ok(Delivered { sink: outgoing.sink, alert: outgoing.alert, arrived, why })
}

fn attempt(
    sink: &Sink,
    outgoing: &Outgoing,
    secrets: &[WebhookSecret],
    sender: &mut dyn AlertSender,
    now: Timestamp,
) -> (OutboxOutcome, Option<String>) {
    let Some(url) = sink.url.as_deref().filter(|_| sink.kind != SinkKind::Log) else {
        sender.log(&outgoing.alert, &outgoing.body);
        return (OutboxOutcome::Arrived, None);
    };
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if sink.kind == SinkKind::Webhook {
        let seconds = now.as_millis().div_euclid(1_000);
        headers.push(("webhook-id", outgoing.alert.clone()));
        headers.push(("webhook-timestamp", seconds.to_string()));
        headers.push(("webhook-signature", signatures(secrets, &outgoing.alert, seconds, &outgoing.body)));
    }
    let again = |why: String| match due_after(outgoing.tries.saturating_add(1), now) {
        Some(due) => (OutboxOutcome::Again(due), Some(why)),
        None => (OutboxOutcome::GivenUp, Some(why)),
    };
    match sender.send(url, &sink.allow_ports, &headers, &outgoing.body) {
        Ok(200..=299) => (OutboxOutcome::Arrived, None),
        Ok(410) => (OutboxOutcome::Gone, Some("the receiver answered 410, and is left alone from now on".to_owned())),
        Ok(status) => again(format!("the receiver answered {status}")),
        Err(error) => again(with_causes(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_over_three_days() {
        let begin = Timestamp::from_millis(1_768_487_521_000);
        let mut at = begin;
        let mut waits = Vec::new();
        for tries in 1.. {
            let Some(next) = due_after(tries, at) else { break };
            waits.push(next.millis_since(at) / 1_000);
            at = next;
        }
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(due_after(0, begin), None);
    }
}
