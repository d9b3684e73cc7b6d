use flag_client::{Consent, Feedback, Problem, Recorded};
use serde::Serialize;

use super::choose::known;
use super::table::wrapped;
use super::{Answer, CommandError, Outcome};
use crate::Features;

#[derive(Serialize)]
struct Given<'a> {
    feature: &'a str,
    feedback: Feedback,
    recorded: Recorded,
    channels: &'a [String],
}

/// Keeps what the user says about a feature for an anonymous report, and says where they can say more.
pub(super) fn answer(
    features: &Features,
    feature: &str,
    feedback: Feedback,
    note: Note,
) -> Result<Answer, CommandError> {
    let feature = known(features, feature)?;
    let recorded = features.client().feedback(&feature, feedback);
    let verdict = match feedback {
        Feedback::Good => "works for you",
        Feedback::Bad => "does not work for you",
    };
    let text = match recorded {
        Recorded::Kept => {
            format!("Noted: {feature} {verdict}. It goes into an anonymous report when today is over.")
        }
        Recorded::Off if is_stopped(features) => "Nothing is noted, since telemetry is switched off.".to_owned(),
        Recorded::Off => "Nothing is noted, since you did not agree to anonymous reports.".to_owned(),
        _ => return Err(CommandError::FeedbackLost { feature, why: lost(features) }),
    };
    let mut text = wrapped(&text, 2);
    let channels = features.feedback_channels();
    if note == Note::Shown || recorded == Recorded::Off {
        text.push_str(if channels.is_empty() {
            "This caro names no place to write to.\n"
        } else {
            "\nReports hold no words. To tell us more, write to:\n"
        });
        text.extend(channels.iter().flat_map(|channel| ["  ", channel, "\n"]));
    }
    let outcome = if recorded == Recorded::Kept { Outcome::Changed } else { Outcome::Unchanged };
    Answer::new(outcome, text, &Given { feature: &feature, feedback, recorded, channels })
}

/// Whether the places to write to are shown.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Note {
    Shown,
    OnlyIfNeeded,
}

/// Tells whether feedback would be noted, were telemetry not off.
fn is_stopped(features: &Features) -> bool {
    features.client().consent() == Consent::Given && features.kill_switches().telemetry_disabled
}

fn lost(features: &Features) -> Option<Box<Problem>> {
    features.problems().into_iter().find(|problem| matches!(problem, Problem::Outcomes(_))).map(Box::new)
}
