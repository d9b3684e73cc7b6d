//! The table of commands: keys, hint bar, help and palette are read from it, and nothing else knows a key.

use crossterm::event::KeyCode;

use super::command::Group::{Change, Look, Move, Program};
use super::command::{Binding, Command, Group, Need};
use super::keymap::{Key, Place};

const ROOMS: &[Place] =
    &[Place::Flags, Place::Kills, Place::Experiments, Place::Audit, Place::Simulate, Place::Pending];
const SCREENS: &[Place] = &[
    Place::Flags,
    Place::Kills,
    Place::Experiments,
    Place::Audit,
    Place::Simulate,
    Place::Pending,
    Place::Detail,
    Place::Entry,
];
const FLAG: &[Place] = &[Place::Flags, Place::Kills, Place::Detail];
const LISTS: &[Place] = &[
    Place::Flags,
    Place::Kills,
    Place::Experiments,
    Place::Audit,
    Place::Simulate,
    Place::Pending,
    Place::Detail,
    Place::Entry,
    Place::Help,
    Place::Failure,
];
const INPUTS: &[Place] = &[
    Place::Filter,
    Place::AuditFilter,
    Place::Share,
    Place::Steps,
    Place::Confirm,
    Place::Publish,
    Place::Passphrase,
    Place::Palette,
    Place::Explain,
];
const ENTER: &[Key] = &[Key::Code(KeyCode::Enter)];
const TAB: &[Key] = &[Key::Code(KeyCode::Tab)];
const BACK_TAB: &[Key] = &[Key::Code(KeyCode::BackTab)];

const fn key(
    command: Command,
    keys: &'static [Key],
    places: &'static [Place],
    group: Group,
    hint: Option<&'static str>,
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
        key(Command::Open, ENTER, &[Place::Flags, Place::Kills], Look, Some("open"), "Show everything about the flag"),
    ),
    key(Command::Open, ENTER, &[Place::Audit], Look, Some("open"), "Show the entry and what it changed"),
    when(
        Need::Rollout,
        key(
            Command::Share,
            &[Key::Char('r')],
            FLAG,
            Change,
            Some("rollout"),
            "Change the share that the flag exposes, after seeing who gains and who loses",
        ),
    ),
    when(
        Need::ChangeFlag,
        key(
            Command::Kill,
            &[Key::Char('!')],
            FLAG,
            Change,
            Some("kill"),
            "Turn the flag off, stronger than everything; or lift its kill",
        ),
    ),
    when(
        Need::Schedule,
        key(
            Command::Pause,
            &[Key::Char('p')],
            FLAG,
            Change,
            Some("pause"),
            "Stop the flag's rollout where it is, or let it go on",
        ),
    ),
    when(
        Need::Rollout,
        key(
            Command::Start,
            &[Key::Char('E')],
            FLAG,
            Change,
            None,
            "Start a rollout that moves by itself, step by step, while its gates prove it healthy",
        ),
    ),
    when(
        Need::Schedule,
        key(Command::Advance, &[Key::Char('a')], FLAG, Change, None, "Go on to the rollout's next step"),
    ),
    when(
        Need::Schedule,
        key(Command::StepBack, &[Key::Char('b')], FLAG, Change, None, "Go back one step of the rollout"),
    ),
    when(
        Need::Draft,
        key(
            Command::Apply,
            &[Key::Char('A')],
            &[Place::Pending],
            Change,
            Some("apply draft"),
            "Make every change of the draft, as one",
        ),
    ),
    when(
        Need::Draft,
        key(
            Command::Rebase,
            &[Key::Char('B')],
            &[Place::Pending],
            Change,
            None,
            "Put the draft onto the log as it stands, without what others changed meanwhile",
        ),
    ),
    when(
        Need::Draft,
        key(Command::Drop, &[Key::Char('D')], &[Place::Pending], Change, None, "Drop the draft; u brings it back"),
    ),
    when(
        Need::Request,
        key(
            Command::Approve,
            &[Key::Char('a')],
            &[Place::Pending],
            Change,
            Some("approve"),
            "Approve the selected request: its changes are made",
        ),
    ),
    when(
        Need::Request,
        key(
            Command::Reject,
            &[Key::Char('R')],
            &[Place::Pending],
            Change,
            Some("reject"),
            "Turn the selected request down, or take back one's own",
        ),
    ),
    when(
        Need::Entry,
        key(
            Command::UndoEntry,
            &[Key::Char('u')],
            &[Place::Audit, Place::Entry],
            Change,
            Some("undo it"),
            "Take the entry back by an inverse change, after seeing what that does",
        ),
    ),
    when(
        Need::Change,
        key(
            Command::Publish,
            &[Key::Char('P')],
            SCREENS,
            Change,
            Some("publish"),
            "Sign a snapshot and write it where clients fetch it",
        ),
    ),
    when(
        Need::Change,
        key(
            Command::Undo,
            &[Key::Char('u')],
            &[Place::Flags, Place::Kills, Place::Experiments, Place::Simulate, Place::Pending, Place::Detail],
            Change,
            Some("undo"),
            "Take back the last edit of the draft, else the last change, after seeing what that does",
        ),
    ),
    when(
        Need::Change,
        key(
            Command::Redo,
            &[Key::Ctrl('r')],
            SCREENS,
            Change,
            None,
            "Make the edit of the draft again that u took back",
        ),
    ),
    key(
        Command::Unlock,
        &[Key::Char('U')],
        SCREENS,
        Change,
        None,
        "Give the passphrase of the keys, once for the sitting",
    ),
    key(Command::Review, ENTER, &[Place::Share, Place::Steps], Change, Some("go on"), "Go on to the confirmation"),
    key(
        Command::NextSchedule,
        TAB,
        &[Place::Steps],
        Change,
        Some("schedule"),
        "Take the steps of the next schedule that has a name",
    ),
    key(
        Command::Play,
        ENTER,
        &[Place::Simulate],
        Look,
        Some("play"),
        "Play the schedule on people that do not exist: what its gates would catch, and miss",
    ),
    key(
        Command::NextSchedule,
        &[Key::Char('v')],
        &[Place::Simulate],
        Look,
        Some("schedule"),
        "Take the next schedule to be played",
    ),
    key(Command::NextRule, TAB, &[Place::Share], Change, Some("rule"), "Change the share of the next rule"),
    key(Command::PreviousRule, BACK_TAB, &[Place::Share], Change, None, "Change the share of the rule before"),
    key(Command::Confirm, ENTER, &[Place::Confirm], Change, Some("do it"), "Do what is shown, as one entry of the log"),
    key(
        Command::Keep,
        &[Key::Ctrl('d')],
        &[Place::Confirm],
        Change,
        Some("keep as draft"),
        "Put it into the draft: nothing changes until that is applied (6)",
    ),
    key(Command::NextField, TAB, &[Place::Confirm], Move, Some("next field"), "Go to the next field"),
    key(Command::PreviousField, BACK_TAB, &[Place::Confirm], Move, None, "Go to the field before"),
    key(
        Command::Sign,
        ENTER,
        &[Place::Publish],
        Change,
        Some("sign and publish"),
        "Sign the snapshot and write it to the folder",
    ),
    key(Command::GiveKey, ENTER, &[Place::Passphrase], Change, Some("unlock"), "Open the keys with what was typed"),
    key(
        Command::EndFilter,
        ENTER,
        &[Place::Filter, Place::AuditFilter],
        Look,
        Some("keep"),
        "Keep the filter and go back to the list",
    ),
    key(
        Command::Filter,
        &[Key::Char('/')],
        &[Place::Flags],
        Look,
        Some("find"),
        "Show only flags that hold every word; also owner:@a kind:release stage:beta state:rolling >20% -word",
    ),
    key(
        Command::Filter,
        &[Key::Char('/')],
        &[Place::Audit],
        Look,
        Some("find"),
        "Show only entries that hold every word",
    ),
    key(Command::ClearFilter, &[Key::Char('\\')], &[Place::Flags, Place::Audit], Look, None, "Show all"),
    key(
        Command::View,
        &[Key::Char('v')],
        &[Place::Flags],
        Look,
        Some("view"),
        "All flags, what needs attention, rolling, mine, stale",
    ),
    key(Command::Sort, &[Key::Char('s')], &[Place::Flags], Look, Some("sort"), "By key, by urgency, by last change"),
    key(Command::NextTab, TAB, &[Place::Detail], Look, Some("next tab"), "Overview, rules, history, explain"),
    key(Command::PreviousTab, BACK_TAB, &[Place::Detail], Look, None, "The tab before"),
    key(Command::Rules, &[Key::Char('R')], &[Place::Detail], Look, None, "The rules of the flag"),
    when(
        Need::Flag,
        key(Command::History, &[Key::Char('h')], FLAG, Look, None, "What was done to the flag, newest first"),
    ),
    when(
        Need::Flag,
        key(
            Command::Explain,
            &[Key::Char('x')],
            FLAG,
            Look,
            Some("explain"),
            "What somebody gets, and why: unit=ID NAME=VALUE ...",
        ),
    ),
    key(Command::AskExplain, ENTER, &[Place::Explain], Look, Some("explain"), "Decide the flag for what was entered"),
    key(Command::EndExplain, TAB, &[Place::Explain], Look, Some("next tab"), "Leave the line and go to the next tab"),
    key(Command::Choose, ENTER, &[Place::Palette], Program, Some("run"), "Do what is selected"),
    when(
        Need::Flag,
        key(
            Command::Copy,
            &[Key::Char('y')],
            SCREENS,
            Look,
            Some("copy"),
            "Copy the key; y again copies the command for what is on the screen",
        ),
    ),
    key(Command::NextRoom, TAB, ROOMS, Move, None, "The next screen"),
    key(Command::PreviousRoom, BACK_TAB, ROOMS, Move, None, "The screen before"),
    key(Command::Flags, &[Key::Char('1')], SCREENS, Move, None, "Every flag"),
    key(Command::Kills, &[Key::Char('2')], SCREENS, Move, None, "Kill switches"),
    key(Command::Experiments, &[Key::Char('3')], SCREENS, Move, None, "Experiments"),
    key(
        Command::Audit,
        &[Key::Char('4'), Key::Char('l')],
        SCREENS,
        Move,
        Some("log"),
        "Everything that was done, newest first",
    ),
    key(Command::Simulate, &[Key::Char('5')], SCREENS, Move, None, "What changes would come to"),
    key(Command::Pending, &[Key::Char('6')], SCREENS, Move, None, "What is not published: draft, requests, changes"),
    key(Command::Down, &[Key::Code(KeyCode::Down), Key::Char('j')], LISTS, Move, Some("move"), "One line down"),
    key(Command::Up, &[Key::Code(KeyCode::Up), Key::Char('k')], LISTS, Move, None, "One line up"),
    key(Command::Down, &[Key::Code(KeyCode::Down)], INPUTS, Move, None, "One line down"),
    key(Command::Up, &[Key::Code(KeyCode::Up)], INPUTS, Move, None, "One line up"),
    key(Command::PageDown, &[Key::Code(KeyCode::PageDown)], LISTS, Move, None, "One page down"),
    key(Command::PageUp, &[Key::Code(KeyCode::PageUp)], LISTS, Move, None, "One page up"),
    key(Command::PageDown, &[Key::Code(KeyCode::PageDown)], INPUTS, Move, None, "One page down"),
    key(Command::PageUp, &[Key::Code(KeyCode::PageUp)], INPUTS, Move, None, "One page up"),
    key(Command::First, &[Key::Char('g'), Key::Code(KeyCode::Home)], LISTS, Move, None, "To the first line"),
    key(Command::Last, &[Key::Char('G'), Key::Code(KeyCode::End)], LISTS, Move, None, "To the last line"),
    key(
        Command::Back,
        &[Key::Code(KeyCode::Esc)],
        &Place::ALL,
        Move,
        Some("back"),
        "Dismiss the error, or step out one level",
    ),
    key(Command::Previous, &[Key::Char('-')], SCREENS, Move, None, "To where you were before"),
    key(
        Command::Palette,
        &[Key::Char(':'), Key::Ctrl('p')],
        SCREENS,
        Program,
        Some("command"),
        "Find a flag, a screen or a command by its name",
    ),
    when(Need::Failure, key(Command::Details, &[Key::Char('e')], SCREENS, Look, None, "Show all of the last error")),
    key(
        Command::Freeze,
        &[Key::Char(' ')],
        SCREENS,
        Look,
        None,
        "Freeze the screen; what others change appears when it goes on",
    ),
    key(
        Command::Help,
        &[Key::Char('?'), Key::Code(KeyCode::F(1))],
        SCREENS,
        Program,
        Some("help"),
        "List the keys that work here",
    ),
    key(Command::Help, &[Key::Code(KeyCode::F(1))], INPUTS, Program, Some("help"), "List the keys that work here"),
    key(Command::Help, &[Key::Char('?')], &[Place::Help], Program, None, "Close this list"),
    key(
        Command::SaveSession,
        &[Key::Ctrl('e')],
        SCREENS,
        Program,
        None,
        "Write the last screens to a file, without names, reasons and what was typed: for a bug report",
    ),
    key(Command::Quit, &[Key::Char('q')], SCREENS, Program, Some("quit"), "Leave the dashboard"),
    key(Command::Repaint, &[Key::Ctrl('l')], &Place::ALL, Program, None, "Draw the whole screen anew"),
    key(Command::Suspend, &[Key::Ctrl('z')], &Place::ALL, Program, None, "Go to the shell; fg comes back"),
    key(Command::Interrupt, &[Key::Ctrl('c')], &Place::ALL, Program, None, "Twice: leave the dashboard"),
];
