//! The table of commands: keys, hint bar and help are read from it, and nothing else knows a key.

use crossterm::event::KeyCode;
use flag_core::wire::Kind;

use super::keymap::{Key, Place};
use super::model::Model;

/// What a key can ask for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Down,
    Up,
    PageDown,
    PageUp,
    First,
    Last,
    Open,
    Back,
    Filter,
    ClearFilter,
    EndFilter,
    Share,
    NextRule,
    PreviousRule,
    Review,
    NextField,
    PreviousField,
    Confirm,
    Kill,
    Publish,
    Sign,
    Log,
    Help,
    Repaint,
    Suspend,
    Interrupt,
    Quit,
}

/// Under which heading help lists a command.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Move,
    Change,
    Look,
    Program,
}

impl Group {
    pub(super) const ALL: [Self; 4] = [Self::Change, Self::Look, Self::Move, Self::Program];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Change => "Change",
            Self::Look => "Look",
            Self::Program => "Program",
        }
    }
}

/// A command with its keys in some places.
pub(super) struct Binding {
    pub(super) command: Command,
    pub(super) keys: &'static [Key],
    pub(super) places: &'static [Place],
    pub(super) group: Group,
    /// What the hint bar says of it; it says nothing of a command without.
    pub(super) hint: Option<Hint>,
    /// What help says of it.
    pub(super) help: &'static str,
    /// What it needs to be done.
    pub(super) need: Need,
}

/// What a command needs to be done.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// A selected flag.
    Flag,
    /// A selected flag that has a rollout.
    Rollout,
}

impl Need {
    /// Tells whether it is there, or why not.
    pub(super) fn met(self, model: &Model) -> Result<(), &'static str> {
        if self == Self::Nothing {
            return Ok(());
        }
        let flag = model.selected_flag().ok_or("no flag is selected")?;
        match flag.definition.flag.kind {
            Kind::KillSwitch if self == Self::Rollout => {
                Err("a kill switch has no rollout: it is on until it is killed (!)")
            }
            _ => Ok(()),
        }
    }
}

/// A key and a word in the hint bar.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) key: &'static str,
    pub(super) word: &'static str,
}

const SCREENS: &[Place] = &[Place::Flags, Place::Detail, Place::Log];
const FLAG: &[Place] = &[Place::Flags, Place::Detail];
const LISTS: &[Place] = &[Place::Flags, Place::Detail, Place::Log, Place::Help];
const INPUTS: &[Place] = &[Place::Filter, Place::Share, Place::Confirm, Place::Publish];

const fn hint(key: &'static str, word: &'static str) -> Hint {
    Hint { key, word }
}

const fn binding(
    command: Command,
    keys: &'static [Key],
    places: &'static [Place],
    group: Group,
    hint: Option<Hint>,
    help: &'static str,
) -> Binding {
    Binding { command, keys, places, group, hint, help, need: Need::Nothing }
}

const fn when(need: Need, mut binding: Binding) -> Binding {
    binding.need = need;
    binding
}

/// Every command, in the order in which hints and help list it.
pub(super) const BINDINGS: &[Binding] = &[
    when(
        Need::Flag,
        binding(
            Command::Open,
            &[Key::Code(KeyCode::Enter)],
            &[Place::Flags],
            Group::Look,
            Some(hint("Enter", "open")),
            "Show everything about the flag",
        ),
    ),
    when(
        Need::Rollout,
        binding(
            Command::Share,
            &[Key::Char('r')],
            FLAG,
            Group::Change,
            Some(hint("r", "rollout")),
            "Change the share that the flag exposes, after seeing who gains and who loses",
        ),
    ),
    when(
        Need::Flag,
        binding(
            Command::Kill,
            &[Key::Char('!')],
            FLAG,
            Group::Change,
            Some(hint("!", "kill")),
            "Turn the flag off, stronger than everything; or lift its kill",
        ),
    ),
    binding(
        Command::Publish,
        &[Key::Char('P')],
        SCREENS,
        Group::Change,
        Some(hint("P", "publish")),
        "Sign a snapshot and write it where clients fetch it",
    ),
    binding(
        Command::Review,
        &[Key::Code(KeyCode::Enter)],
        &[Place::Share],
        Group::Change,
        Some(hint("Enter", "go on")),
        "Go on to the confirmation",
    ),
    binding(
        Command::NextRule,
        &[Key::Code(KeyCode::Tab)],
        &[Place::Share],
        Group::Change,
        Some(hint("Tab", "rule")),
        "Change the share of the next rule",
    ),
    binding(
        Command::PreviousRule,
        &[Key::Code(KeyCode::BackTab)],
        &[Place::Share],
        Group::Change,
        None,
        "Change the share of the rule before",
    ),
    binding(
        Command::Confirm,
        &[Key::Code(KeyCode::Enter)],
        &[Place::Confirm],
        Group::Change,
        Some(hint("Enter", "do it")),
        "Do what is shown, as one entry of the log",
    ),
    binding(
        Command::NextField,
        &[Key::Code(KeyCode::Tab)],
        &[Place::Confirm],
        Group::Move,
        Some(hint("Tab", "next field")),
        "Go to the next field",
    ),
    binding(
        Command::PreviousField,
        &[Key::Code(KeyCode::BackTab)],
        &[Place::Confirm],
        Group::Move,
        None,
        "Go to the field before",
    ),
    binding(
        Command::Sign,
        &[Key::Code(KeyCode::Enter)],
        &[Place::Publish],
        Group::Change,
        Some(hint("Enter", "sign and publish")),
        "Sign the snapshot and write it to the folder",
    ),
    binding(
        Command::EndFilter,
        &[Key::Code(KeyCode::Enter)],
        &[Place::Filter],
        Group::Look,
        Some(hint("Enter", "keep")),
        "Keep the filter and go back to the list",
    ),
    binding(
        Command::Filter,
        &[Key::Char('/')],
        &[Place::Flags],
        Group::Look,
        Some(hint("/", "filter")),
        "Show only flags whose key, kind, stage, state or owner holds every word",
    ),
    binding(Command::ClearFilter, &[Key::Char('\\')], &[Place::Flags], Group::Look, None, "Show all flags"),
    binding(
        Command::Log,
        &[Key::Char('l')],
        FLAG,
        Group::Look,
        Some(hint("l", "log")),
        "Show what changed, newest first",
    ),
    binding(
        Command::Down,
        &[Key::Code(KeyCode::Down), Key::Char('j')],
        LISTS,
        Group::Move,
        Some(hint("↑↓", "move")),
        "One line down",
    ),
    binding(Command::Up, &[Key::Code(KeyCode::Up), Key::Char('k')], LISTS, Group::Move, None, "One line up"),
    binding(Command::Down, &[Key::Code(KeyCode::Down)], INPUTS, Group::Move, None, "One line down"),
    binding(Command::Up, &[Key::Code(KeyCode::Up)], INPUTS, Group::Move, None, "One line up"),
    binding(Command::PageDown, &[Key::Code(KeyCode::PageDown)], LISTS, Group::Move, None, "One page down"),
    binding(Command::PageUp, &[Key::Code(KeyCode::PageUp)], LISTS, Group::Move, None, "One page up"),
    binding(Command::PageDown, &[Key::Code(KeyCode::PageDown)], INPUTS, Group::Move, None, "One page down"),
    binding(Command::PageUp, &[Key::Code(KeyCode::PageUp)], INPUTS, Group::Move, None, "One page up"),
    binding(Command::First, &[Key::Char('g'), Key::Code(KeyCode::Home)], LISTS, Group::Move, None, "To the first line"),
    binding(Command::Last, &[Key::Char('G'), Key::Code(KeyCode::End)], LISTS, Group::Move, None, "To the last line"),
    binding(
        Command::Back,
        &[Key::Code(KeyCode::Esc)],
        &Place::ALL,
        Group::Move,
        Some(hint("Esc", "back")),
        "Dismiss the message, or step out one level",
    ),
    binding(
        Command::Help,
        &[Key::Char('?'), Key::Code(KeyCode::F(1))],
        SCREENS,
        Group::Program,
        Some(hint("?", "help")),
        "List the keys that work here",
    ),
    binding(
        Command::Help,
        &[Key::Code(KeyCode::F(1))],
        INPUTS,
        Group::Program,
        Some(hint("F1", "help")),
        "List the keys that work here",
    ),
    binding(Command::Help, &[Key::Char('?')], &[Place::Help], Group::Program, None, "Close this list"),
    binding(Command::Quit, &[Key::Char('q')], SCREENS, Group::Program, Some(hint("q", "quit")), "Leave the dashboard"),
    binding(Command::Repaint, &[Key::Ctrl('l')], &Place::ALL, Group::Program, None, "Draw the whole screen anew"),
    binding(Command::Suspend, &[Key::Ctrl('z')], &Place::ALL, Group::Program, None, "Go to the shell; fg comes back"),
    binding(Command::Interrupt, &[Key::Ctrl('c')], &Place::ALL, Group::Program, None, "Twice: leave the dashboard"),
];
