//! From a key to a command, by where the keys act.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::command::{BINDINGS, Binding};

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
    /// The log.
    Log,
    /// A new share is entered.
    Share,
    /// A change is confirmed.
    Confirm,
    /// A snapshot is about to be published.
    Publish,
    /// The list of keys.
    Help,
}

impl Place {
    pub(super) const ALL: [Self; 8] =
        [Self::Flags, Self::Filter, Self::Detail, Self::Log, Self::Share, Self::Confirm, Self::Publish, Self::Help];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Flags => "Flags",
            Self::Filter => "Filter",
            Self::Detail => "Flag",
            Self::Log => "Log",
            Self::Share => "New share",
            Self::Confirm => "Confirmation",
            Self::Publish => "Publish",
            Self::Help => "Help",
        }
    }
}

impl Key {
    fn of(event: KeyEvent) -> Self {
        match event.code {
            KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => Self::Ctrl(c.to_ascii_lowercase()),
            KeyCode::Char(c) => Self::Char(c),
            code => Self::Code(code),
        }
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

/// Returns what a key does in a place.
pub(super) fn binding(place: Place, event: KeyEvent) -> Option<&'static Binding> {
    let key = Key::of(event);
    BINDINGS.iter().find(|binding| binding.places.contains(&place) && binding.keys.contains(&key))
}
