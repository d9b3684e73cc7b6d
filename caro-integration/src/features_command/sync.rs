use super::{Answer, CommandError};
use crate::Features;

/// Fetches what is newly published, and says what it changes on this machine.
#[cfg(feature = "remote")]
pub(super) fn answer(features: &Features) -> Result<Answer, CommandError> {
    use super::Outcome;

    let before = standing::Standing::of(features);
    let report = features.client().sync().map_err(|source| CommandError::Sync(Box::new(source)))?;
    let changes = standing::Standing::of(features).changes_since(features, &before);
    let outcome = if standing::is_news(&report) { Outcome::Changed } else { Outcome::Unchanged };
    let text = standing::text(&report, &changes);
    Answer::new(outcome, text, &standing::Synced { report: &report, changes: &changes })
}

/// Says that there is nothing to fetch with.
#[cfg(not(feature = "remote"))]
pub(super) fn answer(_features: &Features) -> Result<Answer, CommandError> {
    Err(CommandError::NoRemote)
}

#[cfg(feature = "remote")]
mod standing {
    use std::collections::BTreeSet;

    use flag_client::{ClientDecision, Fetched, SyncReport};
    use serde::Serialize;

    use super::super::table::wrapped;
    use super::super::{list, words};
    use crate::Features;

    #[derive(Serialize)]
    pub(super) struct Synced<'a> {
        #[serde(flatten)]
        pub(super) report: &'a SyncReport,
        pub(super) changes: &'a [String],
    }

    /// What stands on this machine, as far as a user notices.
    pub(super) struct Standing {
        decisions: Vec<ClientDecision>,
        killed: BTreeSet<Box<str>>,
    }

    impl Standing {
        pub(super) fn of(features: &Features) -> Self {
            let killed = features.client().kills().into_iter().map(|kill| kill.target).collect();
            Self { decisions: list::decisions(features), killed }
        }

        /// Returns what is different now, a sentence each.
        pub(super) fn changes_since(&self, features: &Features, before: &Self) -> Vec<String> {
            let mut changes: Vec<String> =
                self.killed.difference(&before.killed).map(|target| format!("{target} is now switched off.")).collect();
            let lifted = before.killed.difference(&self.killed);
            changes.extend(lifted.map(|target| format!("{target} is no longer switched off.")));
            for decision in &self.decisions {
                let was = before.decisions.iter().find(|was| was.key == decision.key).map(words::state);
                let is = words::state(decision);
                if was.as_ref() != Some(&is) {
                    let because = words::because(features, decision);
                    changes.push(format!("{} is now {is} for this machine: {because}.", decision.key));
                }
            }
            changes
        }
    }

    pub(super) fn is_news(report: &SyncReport) -> bool {
        [report.root, report.kills, report.snapshot].contains(&Fetched::Updated)
    }

    pub(super) fn text(report: &SyncReport, changes: &[String]) -> String {
        let held = match (report.snapshot_info, is_news(report)) {
            (Some(held), true) => {
                format!("Fetched version {} of the published flags, of {}.", held.version, held.issued_at)
            }
            (Some(held), false) => {
                format!(
                    "Nothing new: version {} of the published flags, of {}, is in force.",
                    held.version, held.issued_at
                )
            }
            (None, _) => "No flags are published.".to_owned(),
        };
        let mut text = wrapped(&held, 2);
        if changes.is_empty() && is_news(report) {
            text.push_str("Nothing changes on this machine.\n");
        }
        text.extend(changes.iter().map(|change| wrapped(change, 2)));
        text.extend(report.warnings.iter().map(|warning| wrapped(&format!("! {warning}"), 2)));
        text
    }
}
