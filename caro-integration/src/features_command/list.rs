use flag_client::{Blame, ClientDecision, KillInForce, Kind, Milestone, Share, SnapshotInfo};
use serde::Serialize;

use super::table::{indented, table, wrapped};
use super::{Answer, CommandError, Outcome, kill_switch, words};
use crate::{Features, flags};

#[derive(Serialize)]
struct List<'a> {
    features: Vec<Listed<'a>>,
    kill_switches: Vec<kill_switch::KillSwitch>,
    snapshot: Option<SnapshotInfo>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    title: &'static str,
    description: &'static str,
    rollout: Option<Share>,
    planned_rollout: Option<&'static str>,
    expires: Option<&'static str>,
    #[serde(flatten)]
    decision: &'a ClientDecision,
}

impl Listed<'_> {
    /// How far the feature reaches, and until when it is a matter of choice.
    fn plan(&self) -> Option<String> {
        // Nothing is rolled out where nothing is published: the plan of the time when this version was built has to do.
        let rollout = match (self.rollout, self.planned_rollout) {
            (Some(share), _) => Some(format!("rollout: {share}")),
            (None, planned) => planned.map(|planned| format!("planned rollout: {planned}")),
        };
        let expires = self.expires.map(|expires| format!("expires: {expires}"));
        let plan: Vec<String> = rollout.into_iter().chain(expires).collect();
        (!plan.is_empty()).then(|| plan.join("; "))
    }
}

/// Shows every feature, and whatever stands in the way of one.
pub(super) fn answer(features: &Features) -> Result<Answer, CommandError> {
    let decisions = decisions(features);
    let described: Vec<_> = decisions.iter().map(|decision| listed(features, decision)).collect();
    let problems = words::problems(features);
    let kills = features.client().kills();
    let text = text(features, &described, &kills, &problems);
    let json = List {
        features: described,
        kill_switches: kill_switch::kill_switches(features),
        snapshot: features.client().snapshot_info(),
        problems,
    };
    Answer::new(Outcome::Shown, text, &json)
}

/// Returns every feature in the order they are declared, those that are only published last. Kill switches are none.
pub(super) fn decisions(features: &Features) -> Vec<ClientDecision> {
    let mut decisions = features.client().list();
    decisions.retain(|decision| decision.kind != Kind::KillSwitch);
    decisions
}

/// Returns what a feature does, for people; nothing if nobody said so.
pub(super) fn description(features: &Features, key: &str) -> &'static str {
    let declared = flags::declarations(features.platform());
    declared.iter().find(|declaration| declaration.key == key).map_or("", |declaration| declaration.description)
}

fn listed<'a>(features: &Features, decision: &'a ClientDecision) -> Listed<'a> {
    let declared = flags::declarations(features.platform());
    let declaration = declared.iter().find(|declaration| *declaration.key == *decision.key);
    Listed {
        title: declaration.map_or("", |declaration| declaration.title),
        description: declaration.map_or("", |declaration| declaration.description),
        rollout: decision.share,
        planned_rollout: declaration
            .and_then(|declaration| declaration.rollout)
            .filter(|_| features.client().snapshot_info().is_none()),
        expires: declaration.and_then(|declaration| declaration.expires).map(Milestone::as_str),
        decision,
    }
}

fn text(features: &Features, listed: &[Listed<'_>], kills: &[KillInForce], problems: &[String]) -> String {
    if listed.is_empty() {
        return "No features are known.\n".to_owned();
    }
    let mut text = format!("Features of caro {}\n\n{}", features.app_version(), rows(features, listed));
    let notes = notes(features, listed, kills);
    if !notes.is_empty() {
        text.push('\n');
        text.extend(notes.iter().map(|note| wrapped(&format!("! {note}"), 2)));
    }
    text.push_str(&told(problems));
    text.push_str("\nTurn one on or off:  caro features enable FEATURE, caro features disable FEATURE\n");
    text.push_str("See what decides:    caro features why FEATURE\n");
    for (place, channel) in features.feedback_channels().iter().enumerate() {
        let label = if place == 0 { "Tell us about it:" } else { "" };
        text.extend([&format!("{label:<21}"), channel.as_str(), "\n"]);
    }
    text
}

/// Returns what went wrong, below a heading; nothing where nothing did.
pub(super) fn told(problems: &[String]) -> String {
    let heading = if problems.is_empty() { "" } else { "\nProblems, which stop nothing else:\n" };
    let problems = problems.iter().map(|problem| wrapped(&format!("! {problem}"), 2));
    std::iter::once(heading.to_owned()).chain(problems).collect()
}

/// The longest name that has a place in the table; a longer one has a line of its own, since it must be there in full to be typed.
const NAME_WIDTH: usize = 24;
const STATE_WIDTH: usize = 10;

/// The table, with what each feature does below its row.
fn rows(features: &Features, listed: &[Listed<'_>]) -> String {
    let mut cells = vec![["  Feature", "State", "Stage", "Decided by", "You may"].map(str::to_owned)];
    cells.extend(listed.iter().map(|Listed { decision, .. }| {
        let name = if is_long(&decision.key) { "" } else { &*decision.key };
        [
            format!("{} {name}", words::glyph(decision, features.glyphs())),
            words::state(decision).chars().take(STATE_WIDTH).collect(),
            words::stage(decision.stage).to_owned(),
            words::decided_by(decision),
            words::user_may(decision).to_owned(),
        ]
    }));
    let laid_out = table(&cells, 3);
    let mut lines = laid_out.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for (row, feature) in lines.zip(listed) {
        if is_long(&feature.decision.key) {
            text.extend(["  ", &*feature.decision.key, "\n"]);
        }
        text.extend([row, "\n"]);
        if !feature.description.is_empty() {
            text.push_str(&indented(feature.description, 4));
        }
        if let Some(plan) = feature.plan() {
            text.push_str(&indented(&plan, 4));
        }
    }
    text
}

fn is_long(name: &str) -> bool {
    name.chars().count() > NAME_WIDTH
}

fn notes(features: &Features, listed: &[Listed<'_>], kills: &[KillInForce]) -> Vec<String> {
    let mut notes: Vec<String> = kills
        .iter()
        .map(|kill| format!("{} is switched off by a kill switch ({})", kill.target, words::exact(&kill.origin)))
        .collect();
    notes.extend(flags::KILL_SWITCHES.iter().filter_map(|name| {
        let decision = kill_switch::off_without_kill(features, name)?;
        Some(format!("{name} is switched off: {}", words::because(features, &decision)))
    }));
    notes.extend(listed.iter().filter_map(|Listed { decision, .. }| refusal(decision)));
    notes.extend(listed.iter().filter_map(|Listed { decision, .. }| held_back(decision)));
    notes.extend(listed.iter().filter_map(|Listed { decision, .. }| words::without_effect(features, decision)));
    if let Some(snapshot) = features.client().snapshot_info().filter(|snapshot| snapshot.stale) {
        notes.push(format!("the published flags are of {}; what they said last still holds", snapshot.issued_at));
    }
    notes
}

/// Returns what is to be said about a feature that the crash quarantine keeps from changing.
pub(super) fn held_back(decision: &ClientDecision) -> Option<String> {
    let held = decision.held_back.as_ref()?;
    let times = if held.crashes == 1 { "once".to_owned() } else { format!("{} times", held.crashes) };
    let until = match held.blame {
        Blame::Suspect => "until it is known which change did it",
        _ => "until a later version changes it",
    };
    let instead = if held.good.is_some() { "as it was before" } else { "as it is by default" };
    let (key, since) = (&decision.key, held.since);
    Some(format!(
        "{key} stays {instead}: caro crashed {times} since version {since} changed it. It is held back {until}."
    ))
}

/// Returns what is to be said about a choice that is not obeyed.
pub(super) fn refusal(decision: &ClientDecision) -> Option<String> {
    let refused = decision.refused.as_ref()?;
    let (key, wanted, place) = (&decision.key, &refused.wanted, words::exact(&refused.origin));
    Some(format!("{key}: {wanted} in {place} is not obeyed, since {}", words::refused(&refused.why)))
}
