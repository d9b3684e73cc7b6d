//! From a key to a command, by where the keys act and by what a configuration says.

use std::collections::BTreeMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::bindings::BINDINGS;
use super::command::{Binding, Command};

/// A key as the table of commands names it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A character, typed alone.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// Any other key.
    Code(KeyCode),
}

/// Where the keys act.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The list of flags.
    Flags,
    /// The line of the list's filter.
    Filter,
    /// Everything about one flag.
    Detail,
    /// A context is entered, to be explained.
    Explain,
    /// What is killed, and what can be.
    Kills,
    /// Variants that are compared.
    Experiments,
    /// The log.
    Audit,
    /// The line of the log's filter.
    AuditFilter,
    /// One entry of the log.
    Entry,
    /// What changes would come to.
    Simulate,
    /// What is not published.
    Pending,
    /// A new share is entered.
    Share,
    /// The steps of a rollout are entered.
    Steps,
    /// A change is worked out.
    Awaited,
    /// A change is confirmed.
    Confirm,
    /// A snapshot is about to be published.
    Publish,
    /// A passphrase is entered.
    Passphrase,
    /// A command is looked for.
    Palette,
    /// The list of keys.
    Help,
    /// All of an error.
    Failure,
}

impl Place {
    pub(super) const ALL: [Self; 20] = [
        Self::Flags,
        Self::Filter,
        Self::Detail,
        Self::Explain,
        Self::Kills,
        Self::Experiments,
        Self::Audit,
        Self::AuditFilter,
        Self::Entry,
        Self::Simulate,
        Self::Pending,
        Self::Share,
        Self::Steps,
        Self::Awaited,
        Self::Confirm,
        Self::Publish,
        Self::Passphrase,
        Self::Palette,
        Self::Help,
        Self::Failure,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Flags => "Flags",
            Self::Filter | Self::AuditFilter => "Filter",
            Self::Detail => "Flag",
            Self::Explain => "Explain",
            Self::Kills => "Kill switches",
            Self::Experiments => "Experiments",
            Self::Audit => "Audit",
            Self::Entry => "Entry of the log",
            Self::Simulate => "Simulate",
            Self::Pending => "Pending",
            Self::Share => "New share",
            Self::Steps => "Steps of a rollout",
            Self::Awaited => "Working it out",
            Self::Confirm => "Confirmation",
            Self::Publish => "Publish",
            Self::Passphrase => "Passphrase",
            Self::Palette => "Palette",
            Self::Help => "Help",
            Self::Failure => "Error",
        }
    }

    /// Tells whether letters are entered here, so that none can be a command.
    pub(super) const fn is_input(self) -> bool {
        matches!(
            self,
            Self::Filter
                | Self::AuditFilter
                | Self::Explain
                | Self::Share
                | Self::Steps
                | Self::Awaited
                | Self::Confirm
                | Self::Publish
                | Self::Passphrase
                | Self::Palette
        )
    }
}

/// Why a configuration's keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeymapError {
    /// There is no such command.
    #[error("keys: there is no command {found:?}")]
    NoCommand {
        /// The name given.
        found: String,
        /// The name it most likely means.
        closest: Option<&'static str>,
    },
    /// A text is no key.
    #[error("keys: {found:?} of {command} is no key, expected such as \"k\", \"ctrl-k\", \"F5\" or \"Enter\"")]
    NoKey {
        /// The text given.
        found: String,
        /// The command it is for.
        command: &'static str,
    },
    /// One key would do two things.
    #[error("keys: {key} is both {} and {} in {place}", commands[0], commands[1])]
    Clash {
        /// The key.
        key: String,
        /// The commands, by name.
        commands: [&'static str; 2],
        /// Where.
        place: &'static str,
    },
}

/// The keys of each command.
#[derive(Clone, Debug)]
pub(super) struct Keymap {
    /// Beside [`BINDINGS`].
    keys: Vec<Vec<Key>>,
}

impl Keymap {
    /// Returns the keys as the table has them.
    pub(super) fn standard() -> Self {
        Self { keys: BINDINGS.iter().map(|binding| binding.keys.to_vec()).collect() }
    }

    /// Returns the keys with those of some commands replaced. Where text is entered, keys stay.
    pub(super) fn with(replaced: &BTreeMap<String, Vec<String>>) -> Result<Self, KeymapError> {
        let mut map = Self::standard();
        for (name, texts) in replaced {
            let Some(command) = Command::ALL.iter().find(|command| command.id() == name) else {
                let closest = crate::definition::nearest(name, Command::ALL.iter().map(|command| command.id()));
                let closest = Command::ALL.iter().map(|command| command.id()).find(|id| Some(*id) == closest);
                return Err(KeymapError::NoCommand { found: name.clone(), closest });
            };
            let mut keys = Vec::new();
            for text in texts {
                let key = Key::parse(text);
                keys.push(key.ok_or_else(|| KeymapError::NoKey { found: text.clone(), command: command.id() })?);
            }
            let own = BINDINGS.iter().zip(&mut map.keys).filter(|(binding, _)| {
                binding.command == *command && !binding.places.iter().any(|place| place.is_input())
            });
            for (_, old) in own {
                old.clone_from(&keys);
            }
        }
        map.check()?;
        Ok(map)
    }

    fn check(&self) -> Result<(), KeymapError> {
        for place in Place::ALL {
            let mut seen: Vec<(Key, Command)> = Vec::new();
            for (binding, keys) in self.bindings(place) {
                for key in keys {
                    if let Some((_, other)) = seen.iter().find(|(known, _)| known == key) {
                        let commands = [other.id(), binding.command.id()];
                        return Err(KeymapError::Clash { key: key.to_string(), commands, place: place.title() });
                    }
                    seen.push((*key, binding.command));
                }
            }
        }
        Ok(())
    }

    /// Returns what can be done in a place, in the order of the table.
    pub(super) fn bindings(&self, place: Place) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        BINDINGS
            .iter()
            .zip(&self.keys)
            .filter(move |(binding, _)| binding.places.contains(&place))
            .map(|(binding, keys)| (binding, keys.as_slice()))
    }

    /// Returns what a key does in a place.
    pub(super) fn binding(&self, place: Place, event: KeyEvent) -> Option<&'static Binding> {
        let key = Key::of(event);
        self.bindings(place).find(|(_, keys)| keys.contains(&key)).map(|(binding, _)| binding)
    }
}

impl Key {
    pub(super) fn of(event: KeyEvent) -> Self {
        match event.code {
            KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => Self::Ctrl(c.to_ascii_lowercase()),
            KeyCode::Char(c) => Self::Char(c),
            code => Self::Code(code),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut letters = text.chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            return Some(Self::Char(letter));
        }
        let lower = text.to_ascii_lowercase();
        if let Some(rest) = lower.strip_prefix("ctrl-").or_else(|| lower.strip_prefix("c-")) {
            let mut letters = rest.chars();
            return letters.next().filter(|_| letters.next().is_none()).map(Self::Ctrl);
        }
        if let Some(number) = lower.strip_prefix('f').and_then(|number| number.parse::<u8>().ok()) {
            return (1..=24).contains(&number).then_some(Self::Code(KeyCode::F(number)));
        }
        Some(Self::Code(match lower.as_str() {
            "space" => return Some(Self::Char(' ')),
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "tab" => KeyCode::Tab,
            "shift-tab" => KeyCode::BackTab,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "pgup" => KeyCode::PageUp,
            "pgdn" => KeyCode::PageDown,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "delete" => KeyCode::Delete,
            "insert" => KeyCode::Insert,
            "backspace" => KeyCode::Backspace,
            _ => return None,
        }))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("Space"),
            Self::Char(c) => write!(f, "{c}"),
            Self::Ctrl(c) => write!(f, "Ctrl-{}", c.to_ascii_uppercase()),
            Self::Code(KeyCode::Up) => f.write_str("↑"),
            Self::Code(KeyCode::Down) => f.write_str("↓"),
            Self::Code(KeyCode::PageUp) => f.write_str("PgUp"),
            Self::Code(KeyCode::PageDown) => f.write_str("PgDn"),
            Self::Code(KeyCode::BackTab) => f.write_str("Shift-Tab"),
            Self::Code(code) => write!(f, "{code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn map(command: &str, keys: &[&str]) -> Result<Keymap, KeymapError> {
        Keymap::with(&BTreeMap::from([(command.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())]))
    }

    #[test]
    fn a_replaced_key_works_and_the_old_one_does_not() {
        let map = map("kill", &["ctrl-k", "F9"]).unwrap();
        let press = |code, modifiers| map.binding(Place::Flags, KeyEvent::new(code, modifiers));
        assert!(press(KeyCode::Char('!'), KeyModifiers::NONE).is_none());
        for (code, modifiers) in [(KeyCode::Char('k'), KeyModifiers::CONTROL), (KeyCode::F(9), KeyModifiers::NONE)] {
            assert_eq!(press(code, modifiers).unwrap().command, Command::Kill);
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (command, keys, message) in [
            ("kil", &["x"][..], "keys: there is no command \"kil\""),
            (
                "kill",
                &["hyper-x"],
                "keys: \"hyper-x\" of kill is no key, expected such as \"k\", \"ctrl-k\", \"F5\" or \"Enter\"",
            ),
            ("kill", &["r"], "keys: r is both rollout and kill in Flags"),
        ] {
            assert_eq!(map(command, keys).unwrap_err().to_string(), message);
        }
    }
}
