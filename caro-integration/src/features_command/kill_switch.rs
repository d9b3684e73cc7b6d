use flag_client::{ClientDecision, ClientError, Kind, Layer, Origin, Reason};
use serde::Serialize;

use super::list::{self, told};
use super::suggestion::closest;
use super::table::{indented, table, wrapped};
use super::{Answer, CommandError, Outcome, words};
use crate::host::Glyphs;
use crate::kill_switches::DISABLED;
use crate::{Features, flags};

/// A capability and whether something switches it off.
#[derive(Serialize)]
pub(super) struct KillSwitch {
    name: String,
    /// What it stops, for people; empty where this version of caro does not know it.
    description: &'static str,
    disabled: bool,
    /// Which kills disable it.
    origins: Vec<Origin>,
    /// What else does, where no kill does.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(skip)]
    off: Option<Origin>,
}

impl KillSwitch {
    fn of(features: &Features, name: &str) -> Self {
        let kills = features.client().kills();
        let origins = kills.into_iter().filter(|kill| *kill.target == *name).map(|kill| kill.origin).collect();
        let is_switch = flags::KILL_SWITCHES.contains(&name);
        let description = if is_switch { list::description(features, name) } else { "" };
        let off = off_without_kill(features, name);
        let because = off.as_ref().map(|decision| words::because(features, decision));
        let disabled = features.is_killed(name) || off.is_some();
        Self {
            name: name.to_owned(),
            description,
            disabled,
            origins,
            because,
            off: off.map(|decision| decision.origin),
        }
    }

    /// Returns where it was disabled, each place by itself.
    fn holders(&self) -> impl Iterator<Item = String> {
        self.origins.iter().chain(&self.off).map(words::exact)
    }

    fn places(&self) -> String {
        self.origins.iter().map(words::exact).collect::<Vec<_>>().join(", ")
    }

    /// What it stops, to follow on a verb.
    fn stopped(&self) -> String {
        let mut stopped = self.description.to_owned();
        if let Some(first) = stopped.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        stopped
    }

    /// Returns what it stops, in a sentence of its own line; nothing where nobody said so.
    fn stops(&self, features: &Features) -> String {
        let decisions = list::decisions(features);
        let needs_it = |decision: &&ClientDecision| decision.failed_prerequisite.as_deref() == Some(&*self.name);
        let with_it: Vec<&str> = decisions.iter().filter(needs_it).map(|decision| &*decision.key).collect();
        let mut text = String::new();
        if !self.description.is_empty() {
            text.extend(["This kill switch stops ", &*self.stopped(), ". "]);
        }
        if self.disabled && !with_it.is_empty() {
            text.extend(["Off with it: ", &*with_it.join(", "), "."]);
        }
        if text.is_empty() { text } else { wrapped(&text, 2) }
    }
}

/// Returns what a kill switch's flag came to, where it is off and no kill is the reason.
pub(super) fn off_without_kill(features: &Features, name: &str) -> Option<ClientDecision> {
    let decision = features.client().decision(name);
    let is_off = decision.kind == Kind::KillSwitch && !decision.enabled && decision.reason != Reason::Killed;
    is_off.then_some(decision)
}

#[derive(Serialize)]
struct Turned {
    changed: bool,
    #[serde(flatten)]
    kill_switch: KillSwitch,
}

#[derive(Serialize)]
struct List {
    kill_switches: Vec<KillSwitch>,
    /// What went wrong: a kill switch may stand in a file that cannot be read.
    problems: Vec<String>,
}

/// Returns caro's kill switches, those that are only published, and whatever else is killed.
pub(super) fn kill_switches(features: &Features) -> Vec<KillSwitch> {
    names(features).iter().map(|name| KillSwitch::of(features, name)).collect()
}

fn names(features: &Features) -> Vec<String> {
    let mut names: Vec<String> = flags::KILL_SWITCHES.map(str::to_owned).into();
    let published = features.client().list().into_iter().filter(|decision| decision.kind == Kind::KillSwitch);
    let killed = features.client().kills().into_iter().map(|kill| kill.target);
    for name in published.map(|decision| decision.key).chain(killed) {
        if !names.contains(&String::from(name.clone())) {
            names.push(name.into());
        }
    }
    names
}

/// Shows the kill switches.
pub(super) fn list(features: &Features) -> Result<Answer, CommandError> {
    let kill_switches = kill_switches(features);
    let mut cells = vec![["  Kill switch", "State", "Disabled by"].map(str::to_owned)];
    for kill_switch in &kill_switches {
        let state = if kill_switch.disabled { "disabled" } else { "working" };
        let name = format!("{} {}", sign(features, kill_switch), kill_switch.name);
        let mut places = kill_switch.holders();
        cells.push([name, state.to_owned(), places.next().unwrap_or_default()]);
        cells.extend(places.map(|place| [String::new(), String::new(), place]));
    }
    let problems = words::problems(features);
    let mut text = rows(&cells, &kill_switches) + &told(&problems);
    let is_any_disabled = kill_switches.iter().any(|kill_switch| kill_switch.disabled);
    text.push_str(match (is_any_disabled, problems.is_empty()) {
        (true, _) => "\nTurn yours off with:  caro features kill-switch --disable NAME\n",
        (false, true) => "\nNothing is switched off. In an emergency:\ncaro features kill-switch --enable NAME\n",
        (false, false) => {
            "\nNothing that can be read is switched off. In an emergency:\ncaro features kill-switch --enable NAME\n"
        }
    });
    Answer::new(Outcome::Shown, text, &List { kill_switches, problems })
}

const fn sign(features: &Features, kill_switch: &KillSwitch) -> &'static str {
    match (features.glyphs(), kill_switch.disabled) {
        (Glyphs::Unicode, true) => "✗",
        (Glyphs::Unicode, false) => "●",
        (Glyphs::Ascii, true) => "x",
        (Glyphs::Ascii, false) => "*",
    }
}

/// The table, with what each one stops below its row.
fn rows(cells: &[[String; 3]], kill_switches: &[KillSwitch]) -> String {
    let laid_out = table(cells, 2);
    let mut lines = laid_out.lines();
    let mut text = format!("{}\n", lines.next().unwrap_or_default());
    for kill_switch in kill_switches {
        let own = lines.by_ref().take(kill_switch.holders().count().max(1));
        text.extend(own.flat_map(|line| [line, "\n"]));
        if !kill_switch.description.is_empty() {
            text.push_str(&indented(&format!("stops {}", kill_switch.stopped()), 4));
        }
    }
    text
}

/// Tells about one kill switch.
pub(super) fn show(features: &Features, name: &str) -> Result<Answer, CommandError> {
    let name = known(features, name)?;
    Answer::new(Outcome::Shown, about(features, &name), &KillSwitch::of(features, &name))
}

/// Returns whether a kill switch is on, what it stops, and how to turn it on or off.
pub(super) fn about(features: &Features, name: &str) -> String {
    let kill_switch = KillSwitch::of(features, name);
    let is_feature = list::decisions(features).iter().any(|decision| *decision.key == *name);
    let state = match (&kill_switch.because, kill_switch.disabled, is_feature) {
        (Some(because), ..) => format!("{name} is switched off on this machine: {because}."),
        (None, true, _) => {
            format!("{name} is switched off on this machine: by {}.", words::holders(&kill_switch.origins))
        }
        (None, false, true) => format!("{name} is a feature, and no kill switch stands against it on this machine."),
        (None, false, false) => format!("{name} is working on this machine: nothing switches it off."),
    };
    let mut text = wrapped(&state, 2) + &kill_switch.stops(features) + "\n";
    let is_users = |origin: &Origin| origin.layer == Layer::UserKill;
    if !kill_switch.disabled {
        text.extend(["Stop it at once:  caro features kill-switch --enable ", name, "\n"]);
        text.extend(["Undo that:        caro features kill-switch --disable ", name, "\n"]);
        return text;
    }
    if kill_switch.origins.iter().any(is_users) {
        text.extend(["Undo yours:  caro features kill-switch --disable ", name, "\n"]);
    }
    let is_team = |origin: &Origin| origin.layer == Layer::Snapshot;
    if !kill_switch.origins.iter().all(is_users) || kill_switch.off.as_ref().is_some_and(is_team) {
        text.push_str("What is not yours ends where it was set.\n");
    }
    text
}

/// Turns a kill switch on: what it names stops working.
pub(super) fn turn_on(features: &Features, name: &str) -> Result<Answer, CommandError> {
    let name = known(features, name)?;
    let change = match features.client().kill(&name) {
        Err(ClientError::File(source)) => return Err(CommandError::KillNotKept { name, source }),
        change => change?,
    };
    let kill_switch = KillSwitch::of(features, &name);
    let since = if change.written { "from now on" } else { "already" };
    let mut text = wrapped(&format!("{name} is disabled on this machine {since} ({}).", kill_switch.places()), 2);
    text.push_str(&kill_switch.stops(features));
    if kill_switch.origins.iter().all(|origin| origin.layer == Layer::UserKill) {
        text.push_str(&wrapped(&format!("Back to normal with: caro features kill-switch --disable {name}"), 2));
    }
    turned(change.written, kill_switch, text)
}

/// Turns the user's own kill switch off. Where that was none, and something else holds one, the error says what.
pub(super) fn turn_off(features: &Features, name: &str) -> Result<Answer, CommandError> {
    let name = known(features, name)?;
    let change = features.client().unkill(&name)?;
    let kill_switch = KillSwitch::of(features, &name);
    let origins: Vec<Origin> = change.still_killed_by.into_iter().map(|kill| kill.origin).collect();
    let text = match (origins.is_empty(), change.written) {
        (true, false) if kill_switch.disabled => {
            return Err(CommandError::StaysOff { name, because: kill_switch.because.unwrap_or_default() });
        }
        (true, true) if kill_switch.disabled => format!(
            "{name} stays off, though no longer by your kill switch: {}.",
            kill_switch.because.as_deref().unwrap_or_default()
        ),
        (false, _) => format!("{name} stays disabled, though no longer by you, but by {}.", words::holders(&origins)),
        (true, true) => format!("{name} is working again on this machine."),
        (true, false) => format!("{name} was not disabled: nothing to do."),
    };
    turned(change.written, kill_switch, wrapped(&text, 2))
}

fn turned(changed: bool, kill_switch: KillSwitch, text: String) -> Result<Answer, CommandError> {
    let outcome = if changed { Outcome::Changed } else { Outcome::Unchanged };
    Answer::new(outcome, text, &Turned { changed, kill_switch })
}

/// Returns what a name stands for: a kill switch, with or without `_disabled` behind it, or any feature. In an emergency a misspelt name
/// must not look as if it had done something.
pub(super) fn known(features: &Features, name: &str) -> Result<String, CommandError> {
    let name = name.trim();
    let mut known = names(features);
    known.extend(features.client().list().into_iter().map(|decision| decision.key.into()));
    let stands = |name: &str| known.iter().any(|known| known == name);
    let short = name.strip_suffix(DISABLED).filter(|short| stands(short));
    match (stands(name), short) {
        (true, _) => Ok(name.to_owned()),
        (false, Some(short)) => Ok(short.to_owned()),
        (false, None) => {
            let bare = name.strip_suffix(DISABLED).unwrap_or(name);
            let suggestion = closest(bare, known.iter().map(String::as_str)).map(str::to_owned);
            Err(CommandError::UnknownKillSwitch { name: name.to_owned(), suggestion })
        }
    }
}
