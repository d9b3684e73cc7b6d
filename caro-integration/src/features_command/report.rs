use flag_client::report::PreparedReport;
use flag_client::{Consent, Day};
use serde::Serialize;

use super::table::wrapped;
use super::{Answer, CommandError, Outcome};
use crate::Features;

#[derive(Serialize)]
struct Waiting {
    consent: Consent,
    /// Each as the bytes that would be sent.
    reports: Vec<String>,
}

impl Waiting {
    /// Returns what waits: nothing where the user did not agree.
    fn of(features: &Features) -> Result<(Self, Vec<PreparedReport>), CommandError> {
        let consent = features.client().consent();
        let prepared = match consent {
            Consent::Given => features.client().pending_reports()?,
            Consent::Withheld => Vec::new(),
        };
        let reports = prepared.iter().map(|report| String::from_utf8_lossy(report.bytes()).into_owned()).collect();
        Ok((Self { consent, reports }, prepared))
    }
}

/// A build that uses no network offers no sending.
const SENDING: &str = if cfg!(feature = "remote") { "Send them:       caro features report --send\n" } else { "" };

const OFF: &str = "Anonymous reports are off: nothing is recorded, kept or sent.\n";

/// Says how many reports wait, and of which days.
pub(super) fn summary(features: &Features) -> Result<Answer, CommandError> {
    let (waiting, prepared) = Waiting::of(features)?;
    let days: Vec<Day> = prepared.iter().map(|report| report.report().day).collect();
    let text = match (waiting.consent, days.iter().min(), days.iter().max()) {
        (Consent::Withheld, ..) => OFF.to_owned(),
        (Consent::Given, Some(first), Some(last)) => {
            let (count, verb) = (counted(days.len()), if days.len() == 1 { "waits" } else { "wait" });
            let when = if first == last { format!("of {first}") } else { format!("of {first} to {last}") };
            wrapped(&format!("{count} {when} {verb} to be sent. None says who you are, or what you typed."), 2)
                + "\nSee every byte:  caro features report --show\n"
                + SENDING
                + "Remove them:     caro features report --clear\n"
        }
        (Consent::Given, ..) => "No reports wait to be sent. A day's come when it is over.\n".to_owned(),
    };
    Answer::new(Outcome::Shown, text, &waiting)
}

/// Shows the reports that wait, to the byte, a line each.
pub(super) fn show(features: &Features) -> Result<Answer, CommandError> {
    let (waiting, _) = Waiting::of(features)?;
    let text = match (waiting.consent, waiting.reports.as_slice()) {
        (Consent::Withheld, _) => OFF.to_owned(),
        (Consent::Given, []) => "No reports wait to be sent.\n".to_owned(),
        (Consent::Given, reports) => reports.join("\n") + "\n",
    };
    Answer::new(Outcome::Shown, text, &waiting)
}

#[derive(Serialize)]
struct Cleared {
    removed: usize,
}

/// Removes the reports that wait, and what was recorded for others, with or without consent.
pub(super) fn clear(features: &Features) -> Result<Answer, CommandError> {
    // What cannot be read can still be removed.
    let waiting = Waiting::of(features);
    let removed = waiting.as_ref().map_or(0, |(waiting, _)| waiting.reports.len());
    features.client().clear_reports()?;
    let text = match removed {
        0 if waiting.is_err() => "Everything recorded for reports is removed.\n".to_owned(),
        0 => "Everything recorded for reports is removed; no report waited.\n".to_owned(),
        1 => "Everything recorded for reports is removed, and one report that waited.\n".to_owned(),
        _ => format!("Everything recorded for reports is removed, and {removed} reports that waited.\n"),
    };
    Answer::new(Outcome::Changed, text, &Cleared { removed })
}

/// Sends the reports that wait, if the user agreed to that.
#[cfg(feature = "remote")]
pub(super) fn send(features: &Features) -> Result<Answer, CommandError> {
    #[derive(Serialize)]
    struct Sent {
        taken: usize,
        refused: usize,
        left: usize,
        failure: Option<String>,
    }
    let sent = features.client().send_reports()?;
    let failure = sent.failure.as_ref().map(|failure| super::error::with_causes(failure));
    let mut text = match sent.taken {
        0 if sent.refused == 0 && sent.left == 0 => "No reports waited to be sent.\n".to_owned(),
        taken => format!("{} sent.\n", counted(taken)),
    };
    if sent.refused > 0 {
        text.push_str(&counted(sent.refused));
        text.push_str(" refused by the server, and dropped.\n");
    }
    if sent.left > 0 {
        let why = failure.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        text.push_str(&wrapped(&format!("{} kept for another time{why}.", counted(sent.left)), 2));
    }
    let outcome = if sent.taken + sent.refused > 0 { Outcome::Changed } else { Outcome::Unchanged };
    Answer::new(outcome, text, &Sent { taken: sent.taken, refused: sent.refused, left: sent.left, failure })
}

/// Says that there is nothing to send with.
#[cfg(not(feature = "remote"))]
pub(super) fn send(_features: &Features) -> Result<Answer, CommandError> {
    Err(CommandError::NoRemote)
}

fn counted(reports: usize) -> String {
    if reports == 1 { "1 report".to_owned() } else { format!("{reports} reports") }
}
