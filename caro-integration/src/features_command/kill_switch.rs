use flag_client::{ClientError, Kind, Layer, Origin};
use serde::Serialize;

use super::list::told;
use super::suggestion::closest;
use super::table::{table, wrapped};
use super::{Answer, CommandError, Outcome, words};
use crate::host::Glyphs;
use crate::kill_switches::DISABLED;
use crate::{Features, flags};

/// A capability and whether something switches it off.
#[derive(Serialize)]
pub(super) struct KillSwitch {
    name: String,
    disabled: bool,
    origins: Vec<Origin>,
}

impl KillSwitch {
    fn of(features: &Features, name: &str) -> Self {
        let kills = features.client().kills();
        let origins = kills.into_iter().filter(|kill| *kill.target == *name).map(|kill| kill.origin).collect();
        Self { name: name.to_owned(), disabled: features.is_killed(name), origins }
    }

    fn places(&self) -> String {
        self.origins.iter().map(words::exact).collect::<Vec<_>>().join(", ")
    }
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
        let mut places = kill_switch.origins.iter().map(words::exact);
        cells.push([name, state.to_owned(), places.next().unwrap_or_default()]);
        cells.extend(places.map(|place| [String::new(), String::new(), place]));
    }
    let problems = words::problems(features);
    let mut text = table(&cells, 2) + &told(&problems);
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
fn known(features: &Features, name: &str) -> Result<String, CommandError> {
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
