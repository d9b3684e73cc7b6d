//! One line to find anything by: flags, screens and commands, each with its key, so that the key is learnt.

use crossterm::event::KeyEvent;
use flag_core::FlagKey;

use super::popup::{Field, Popup};
use crate::tui::command::{Command, Need};
use crate::tui::fuzzy;
use crate::tui::keymap::Place;
use crate::tui::line_input::LineInput;
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::Meaning;

/// How many finds are shown.
const SHOWN: usize = 14;

/// A search under way.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Palette {
    input: LineInput,
    entries: Vec<Entry>,
    /// The places of the entries that are found, the best first.
    found: Vec<usize>,
    at: usize,
}

/// Something that can be found.
#[derive(Clone, Debug)]
struct Entry {
    pick: Pick,
    name: String,
    says: String,
    keys: String,
}

/// What is found.
#[derive(Clone, Debug)]
pub(in crate::tui) enum Pick {
    Flag(FlagKey),
    /// A command, in the place where it is.
    Command(Command, Need, Place),
}

impl Palette {
    /// Returns the palette with all that can be done in the place that it is opened over.
    pub(in crate::tui) fn new(model: &Model) -> Self {
        let place = model.place();
        let mut entries: Vec<Entry> = Vec::new();
        for (binding, keys) in commands(model, place) {
            let is_known =
                entries.iter().any(|entry| matches!(entry.pick, Pick::Command(known, ..) if known == binding.command));
            let is_itself = matches!(binding.command, Command::Palette | Command::Down | Command::Up | Command::Back);
            if is_known || is_itself {
                continue;
            }
            let place = if binding.places.contains(&place) { place } else { elsewhere(binding) };
            entries.push(Entry {
                pick: Pick::Command(binding.command, binding.need, place),
                name: binding.command.id().replace('-', " "),
                says: if place == model.place() {
                    binding.help.to_owned()
                } else {
                    format!("{}: {}", place.title(), binding.help)
                },
                keys: keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            });
        }
        entries.extend(model.facts.flags.iter().map(|flag| Entry {
            pick: Pick::Flag(flag.key.clone()),
            name: flag.key.to_string(),
            says: format!("flag, {}", flag.phase.as_str()),
            keys: String::new(),
        }));
        let found = (0..entries.len()).collect();
        Self { input: LineInput::default(), entries, found, at: 0 }
    }

    /// Tells whether a command is among what can be found.
    #[cfg(test)]
    pub(in crate::tui) fn holds(&self, command: Command) -> bool {
        self.entries.iter().any(|entry| matches!(entry.pick, Pick::Command(known, ..) if known == command))
    }

    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) {
        if self.input.edit(key) {
            self.find();
        }
    }

    pub(in crate::tui) fn paste(&mut self, text: &str) {
        self.input.paste(text);
        self.find();
    }

    fn find(&mut self) {
        let wanted = self.input.text();
        let score = |entry: &Entry| {
            // A match in what is said counts less than any in a name.
            let name = fuzzy::score(&wanted, &entry.name).map(|score| score.saturating_add(1_000));
            name.or_else(|| entry.says.to_lowercase().contains(&wanted.to_lowercase()).then_some(0))
        };
        let mut scored: Vec<(i32, usize)> =
            (0_usize..).zip(&self.entries).filter_map(|(place, entry)| Some((score(entry)?, place))).collect();
        scored.sort_by_key(|(score, place)| (std::cmp::Reverse(*score), *place));
        self.found = scored.into_iter().map(|(_, place)| place).collect();
        self.at = 0;
    }

    pub(in crate::tui) fn travel(&mut self, by: impl FnOnce(usize) -> usize) {
        self.at = by(self.at).min(self.found.len().saturating_sub(1));
    }

    pub(in crate::tui) fn pick(&self) -> Option<&Pick> {
        self.entries.get(*self.found.get(self.at)?).map(|entry| &entry.pick)
    }

    pub(in crate::tui) fn popup(&self, model: &Model) -> Popup {
        let columns = Popup::columns(model.area());
        let top = self.at.saturating_add(1).saturating_sub(SHOWN);
        let mut body = vec![Row::new()];
        for (place, entry) in self.found.iter().enumerate().skip(top).take(SHOWN) {
            let Some(entry) = self.entries.get(*entry) else { continue };
            let (keys, name) = (12_usize, 26_usize.min(columns / 2));
            let says = columns.saturating_sub(keys.saturating_add(name).saturating_add(2));
            let texts = [fit(&entry.name, name), fit(&entry.says, says), fit(&entry.keys, keys)];
            body.push(if place == self.at {
                Row::of(Meaning::Selected, texts.join(" "))
            } else {
                let [name, says, keys] = texts;
                Row::of(Meaning::Name, name).and(Meaning::Muted, format!(" {says} ")).and(Meaning::Key, keys)
            });
        }
        if self.found.is_empty() {
            body.push(Row::of(Meaning::Muted, "Nothing is called so. Esc goes back."));
        }
        let more = self.found.len().saturating_sub(top.saturating_add(SHOWN));
        let foot = if more > 0 { vec![Row::of(Meaning::Muted, format!("{more} more"))] } else { Vec::new() };
        Popup {
            title: "Go to, or do".to_owned(),
            fields: vec![Field { label: "Find".to_owned(), input: self.input.clone(), focused: true }],
            body: body.into(),
            foot,
            ..Popup::default()
        }
    }
}

/// Returns what works here, and then what leads elsewhere.
fn commands(
    model: &Model,
    place: Place,
) -> impl Iterator<Item = (&'static crate::tui::command::Binding, &[crate::tui::keymap::Key])> {
    let here = model.keymap.bindings(place);
    let rest = Place::ALL.into_iter().filter(move |other| *other != place && !other.is_input());
    here.chain(rest.flat_map(|other| model.keymap.bindings(other)).filter(|(binding, _)| {
        // What scrolls a list, or closes what is open, is of no use from afar.
        !matches!(binding.command, Command::First | Command::Last | Command::PageDown | Command::PageUp)
    }))
}

/// Returns the first place that a command works in.
fn elsewhere(binding: &crate::tui::command::Binding) -> Place {
    binding.places.iter().copied().find(|place| !place.is_input()).unwrap_or(Place::Flags)
}
