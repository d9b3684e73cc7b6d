//! Flags whose work is done, whose day is over, or that nobody has looked at for a quarter.

use flag_core::{FlagKey, Timestamp};
use serde::Serialize;

use super::calendar::{day_of, days_between, start_of};
use super::lint::is_long_lived;
use crate::definition::CivilDate;
use crate::log::{EnvironmentState, FlagState};

/// How long everyone has had a flag before it is to go, in days.
pub const FULL_DAYS: u64 = 30;
/// How long a flag may go without anybody looking at it, in days.
pub const REVIEW_DAYS: u64 = 90;

/// Why a flag is stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Staleness {
    /// Everyone has had it for long, and it was not rolled back in that time.
    Full {
        /// Since when.
        since: Timestamp,
        /// For how many whole days.
        days: u64,
    },
    /// The day on which it should have been gone is over.
    Expired {
        /// That day.
        day: CivilDate,
        /// How many days ago it ended.
        days: u64,
    },
    /// Nobody has changed or reviewed it for a quarter.
    ReviewDue {
        /// When somebody last did.
        since: Timestamp,
        /// How many whole days ago.
        days: u64,
    },
}

/// A stale flag, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaleFlag {
    /// Its key.
    pub flag: FlagKey,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why, the weightiest first.
    pub reasons: Vec<Staleness>,
    /// What the commit says that takes it out of the code; absent where it only has to be looked at.
    pub commit_message: Option<String>,
    /// What to do, in order.
    pub checklist: Vec<Step>,
}

/// One step of taking a flag out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Whether the log shows that it is done.
    pub done: bool,
    /// What.
    pub text: String,
}

/// Returns the flags of an environment that are stale by now, in order of their keys.
pub fn stale(environment: &EnvironmentState, now: Timestamp) -> Vec<StaleFlag> {
    environment.flags.iter().filter_map(|(key, flag)| judge(environment, key, flag, now)).collect()
}

fn judge(environment: &EnvironmentState, key: &FlagKey, flag: &FlagState, now: Timestamp) -> Option<StaleFlag> {
    let documentation = &flag.definition.documentation;
    let mut reasons = Vec::new();
    let full = flag.full_since.filter(|_| !is_long_lived(&flag.definition));
    let full = full.map(|since| (since, days_between(since, now))).filter(|(_, days)| *days >= FULL_DAYS);
    reasons.extend(full.map(|(since, days)| Staleness::Full { since, days }));
    let day = documentation.expires.as_ref().and_then(|expires| expires.date.as_ref());
    let over = day.filter(|day| day_of(now).is_some_and(|today| **day < today));
    reasons.extend(over.map(|day| {
        // A day ends where the next one starts.
        let days = start_of(day).map_or(0, |start| days_between(start, now).saturating_sub(1));
        Staleness::Expired { day: day.clone(), days }
    }));
    let reviewed = documentation.reviewed.as_ref().and_then(start_of);
    let seen = reviewed.map_or(flag.changed, |reviewed| reviewed.max(flag.changed));
    let days = days_between(seen, now);
    if days >= REVIEW_DAYS {
        reasons.push(Staleness::ReviewDue { since: seen, days });
    }
    if reasons.is_empty() {
        return None;
    }
    let commit_message = match (full, over) {
        (Some(_), _) => Some(format!("feat: Make {key} permanent, remove feature flag")),
        (None, Some(_)) => Some(format!("feat: Remove {key}, remove feature flag")),
        (None, None) => None,
    };
    let checklist = checklist(environment, key, &reasons, commit_message.as_deref());
    Some(StaleFlag { flag: key.clone(), owner: documentation.owner.clone(), reasons, commit_message, checklist })
}

fn checklist(
    environment: &EnvironmentState,
    key: &FlagKey,
    reasons: &[Staleness],
    commit_message: Option<&str>,
) -> Vec<Step> {
    let step = |done, text: String| Step { done, text };
    let Some(message) = commit_message else {
        return vec![
            step(false, format!("make sure that {key} is still needed as it is, with its owner")),
            step(false, format!("set reviewed in [flags.{key}.documentation], or take the flag out")),
        ];
    };
    let mut steps = Vec::new();
    if let Some(Staleness::Full { since, days }) = reasons.first() {
        let day = day_of(*since).map(|day| day.to_string()).unwrap_or_default();
        steps.push(step(true, format!("everyone has had it for {days} days, since {day}")));
        steps.push(step(true, "no rollback was needed in that time".to_owned()));
    } else {
        steps.push(step(false, "decide what stays: the code with the flag on, or with it off".to_owned()));
    }
    steps.push(step(false, "tell users: flag-admin docs --release-notes FROM..TO".to_owned()));
    let needed_by = environment
        .flags
        .iter()
        .filter(|(_, flag)| flag.definition.flag.prerequisites.iter().any(|prerequisite| prerequisite.flag == *key));
    for (other, _) in needed_by {
        steps.push(step(false, format!("take {key} out of the prerequisites of {other}")));
    }
    steps.push(step(false, format!("take it out of the code: flag-admin refs {key} --path .")));
    steps.push(step(false, format!("commit: {message}")));
    steps.push(step(
        false,
        format!(
            "once no supported version asks for {key}, take it out of the definitions: flag-admin apply -f FILE --prune"
        ),
    ));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Definition, Definitions};
    use crate::log::{Change, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, Head, Role, State};

    const DAY: i64 = 86_400_000;

    fn key() -> FlagKey {
        "command_history".parse().unwrap()
    }

    fn definition(lines: &str) -> Box<Definition> {
        let text = format!("[flags.command_history]\n{lines}");
        Box::new(Definitions::from_toml(&text, "f.toml").unwrap().flags.find("command_history").unwrap().clone())
    }

    fn at(day: i64) -> Timestamp {
        "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap().saturating_add_millis(day * DAY)
    }

    fn made(lines: &str) -> Change {
        Change::FlagCreated { key: key(), definition: definition(lines) }
    }

    fn changed(lines: &str) -> Change {
        Change::FlagChanged { key: key(), definition: definition(lines) }
    }

    fn set(share: &str) -> Change {
        Change::RolloutSet { flag: key(), rule: None, share: share.parse().unwrap() }
    }

    fn killed() -> Change {
        Change::KillActivated { id: "k1".into(), target: "command_history".into(), emergency: false }
    }

    fn lifted() -> Change {
        Change::KillLifted { id: "k1".into(), target: "command_history".into() }
    }

    /// Returns the flags that are stale on a day, after changes that were made on days.
    fn stale_after(changes: &[(i64, Change)], day: i64) -> Vec<StaleFlag> {
        let production = EnvironmentName::production();
        let made = Change::ProjectCreated { project: "caro".parse().unwrap(), environments: vec![production.clone()] };
        let mut state: Option<State> = None;
        for (seq, (day, change)) in (1_u64..).zip([(0, made)].iter().chain(changes)) {
            let (head, time) = (Head { seq, hash: Digest::GENESIS }, at(*day));
            let entry = Entry {
                schema: ENTRY_SCHEMA,
                seq,
                time,
                actor: "alice".parse().unwrap(),
                role: Role::ReleaseManager,
                environment: Some(production.clone()),
                change: change.clone(),
                reason: None,
                prev: Digest::GENESIS,
            };
            match &mut state {
                Some(state) => state.apply(&entry, head).unwrap(),
                None => state = Some(State::begin(&entry, head).unwrap()),
            }
        }
        stale(state.unwrap().environment(&production).unwrap(), at(day))
    }

    /// Returns why the flag is stale on a day.
    fn reasons(changes: &[(i64, Change)], day: i64) -> Vec<Staleness> {
        stale_after(changes, day).into_iter().flat_map(|flag| flag.reasons).collect()
    }

    fn full(since: i64, days: u64) -> Vec<Staleness> {
        vec![Staleness::Full { since: at(since), days }]
    }

    #[test]
    fn a_flag_is_done_after_thirty_days_for_everyone_without_a_rollback() {
        let raised = [(0, made("rollout = \"50%\"")), (10, set("100%"))];
        assert_eq!(reasons(&raised, 39), []);
        assert_eq!(reasons(&raised, 40), full(10, 30));
        let documented =
            [(0, made("rollout = \"100%\"")), (20, changed("rollout = \"100%\"\ndocumentation.owner = \"@a\""))];
        assert_eq!(reasons(&documented, 30), full(0, 30), "what is only documented anew goes on");
        let served = [(0, made("serve = \"on\""))];
        assert_eq!(reasons(&served, 30), full(0, 30));
        for (why, broken) in [
            ("rolled back", vec![(0, made("rollout = \"100%\"")), (20, set("99.999%")), (21, set("100%"))]),
            (
                "switched off",
                vec![
                    (0, made("rollout = \"100%\"")),
                    (20, changed("enabled = false\nrollout = \"100%\"")),
                    (21, changed("rollout = \"100%\"")),
                ],
            ),
            ("killed", vec![(0, made("rollout = \"100%\"")), (20, killed()), (21, lifted())]),
        ] {
            assert_eq!(reasons(&broken, 50), [], "{why}");
            assert_eq!(reasons(&broken, 51), full(21, 30), "{why}");
        }
    }

    #[test]
    fn what_not_everyone_gets_is_not_done() {
        let rule = "rules = [{ id = \"r\", when = { attribute = \"os\", operator = \"exists\" }, serve = \"off\" }]";
        for lines in [
            "rollout = \"99.999%\"",
            "serve = \"off\"",
            "rollout = \"100%\"\nholdout = \"1%\"",
            "rollout = \"100%\"\nenabled = false",
            "rollout = \"100%\"\nkind = \"ops\"",
            "kind = \"kill_switch\"",
            "rollout = \"100%\"\ndocumentation.tags = [\"platform\"]",
            "variants = { a = 1, b = 2 }\noff_variant = \"a\"\nrollout = \"100%\"\nweights = { a = \"50%\", b = \"50%\" }",
            &format!("rollout = \"100%\"\n{rule}"),
        ] {
            assert_eq!(reasons(&[(0, made(lines))], 60), [], "{lines}");
        }
    }

    #[test]
    fn days_that_are_over_and_reviews_that_are_due_are_told() {
        let expires = [(0, made("documentation.expires = { date = \"2026-01-11\" }"))];
        assert_eq!(reasons(&expires, 10), []);
        let day: CivilDate = "2026-01-11".parse().unwrap();
        assert_eq!(reasons(&expires, 11), [Staleness::Expired { day: day.clone(), days: 0 }]);
        assert_eq!(reasons(&expires, 14), [Staleness::Expired { day, days: 3 }]);
        let quiet = [(0, made("kind = \"kill_switch\""))];
        assert_eq!(reasons(&quiet, 89), []);
        assert_eq!(reasons(&quiet, 90), [Staleness::ReviewDue { since: at(0), days: 90 }]);
        let reviewed = [(0, made("kind = \"kill_switch\"\ndocumentation.reviewed = \"2026-03-01\""))];
        assert_eq!(reasons(&reviewed, 148), []);
        assert_eq!(reasons(&reviewed, 149), [Staleness::ReviewDue { since: at(59), days: 90 }]);
        assert_eq!(reasons(&[(0, made("serve = \"on\"")), (1, Change::FlagArchived { key: key() })], 300), []);
    }

    #[test]
    fn the_checklist_ends_in_the_commit_that_takes_the_flag_out() {
        let made = made("rollout = \"100%\"\ndocumentation.owner = \"@charlie\"");
        let text = "[flags.command_history]\n[flags.history_sync]\nprerequisites = { command_history = [\"on\"] }";
        let dependent = Definitions::from_toml(text, "f.toml").unwrap().flags.find("history_sync").unwrap().clone();
        let other = Change::FlagCreated { key: "history_sync".parse().unwrap(), definition: Box::new(dependent) };
        let stale = stale_after(&[(0, made), (0, other)], 45);
        assert_eq!((stale.len(), stale[0].owner.as_deref()), (1, Some("@charlie")));
        assert_eq!(
            stale[0].commit_message.as_deref(),
            Some("feat: Make command_history permanent, remove feature flag")
        );
        let steps: Vec<(bool, &str)> = stale[0].checklist.iter().map(|step| (step.done, &*step.text)).collect();
        assert_eq!(
            steps,
            [
                (true, "everyone has had it for 45 days, since 2026-01-01"),
                (true, "no rollback was needed in that time"),
                (false, "tell users: flag-admin docs --release-notes FROM..TO"),
                (false, "take command_history out of the prerequisites of history_sync"),
                (false, "take it out of the code: flag-admin refs command_history --path ."),
                (false, "commit: feat: Make command_history permanent, remove feature flag"),
                (
                    false,
                    "once no supported version asks for command_history, take it out of the definitions: flag-admin apply -f FILE --prune"
                ),
            ]
        );
    }
}
