//! What the dashboard can be asked for, by whatever key, click or name.

use flag_core::wire::Kind;

use super::keymap::Place;
use super::model::Model;
use super::room::Room;

/// Declares the commands with the names by which a configuration, the palette and the documentation know them.
macro_rules! commands {
    ($($command:ident = $id:literal,)*) => {
        /// What a key can ask for.
        #[derive(Copy, Clone, Debug, PartialEq, Eq)]
        pub(super) enum Command { $($command,)* }

        impl Command {
            pub(super) const ALL: &[Self] = &[$(Self::$command,)*];

            /// Returns the name that never changes.
            pub(super) const fn id(self) -> &'static str {
                match self { $(Self::$command => $id,)* }
            }
        }
    };
}

commands! {
    Down = "down",
    Up = "up",
    PageDown = "page-down",
    PageUp = "page-up",
    First = "first",
    Last = "last",
    Open = "open",
    Back = "back",
    Previous = "previous",
    NextRoom = "next-screen",
    PreviousRoom = "previous-screen",
    Flags = "flags",
    Kills = "kill-switches",
    Experiments = "experiments",
    Audit = "audit",
    Simulate = "simulate",
    Pending = "pending",
    Filter = "filter",
    ClearFilter = "clear-filter",
    EndFilter = "end-filter",
    View = "view",
    Sort = "sort",
    NextTab = "next-tab",
    PreviousTab = "previous-tab",
    Rules = "rules",
    History = "history",
    Explain = "explain",
    AskExplain = "ask-explain",
    EndExplain = "end-explain",
    Share = "rollout",
    NextRule = "next-rule",
    PreviousRule = "previous-rule",
    Review = "review",
    NextSchedule = "next-schedule",
    Play = "play-schedule",
    NextField = "next-field",
    PreviousField = "previous-field",
    Confirm = "confirm",
    Keep = "keep-as-draft",
    Kill = "kill",
    Start = "start-rollout",
    Advance = "advance",
    StepBack = "step-back",
    Pause = "pause",
    Undo = "undo",
    Redo = "redo",
    UndoEntry = "undo-entry",
    Apply = "apply-draft",
    Drop = "drop-draft",
    Rebase = "rebase-draft",
    Approve = "approve",
    Reject = "reject",
    Publish = "publish",
    Sign = "sign",
    Unlock = "unlock",
    GiveKey = "give-passphrase",
    Copy = "copy",
    Palette = "palette",
    Choose = "choose",
    Details = "error-details",
    Freeze = "freeze",
    SaveSession = "save-session",
    Help = "help",
    Repaint = "repaint",
    Suspend = "suspend",
    Interrupt = "interrupt",
    Quit = "quit",
}

impl Command {
    /// Returns the screen that the command leads to.
    pub(super) const fn room(self) -> Option<Room> {
        match self {
            Self::Flags => Some(Room::Flags),
            Self::Kills => Some(Room::Kills),
            Self::Experiments => Some(Room::Experiments),
            Self::Audit => Some(Room::Audit),
            Self::Simulate => Some(Room::Simulate),
            Self::Pending => Some(Room::Pending),
            _ => None,
        }
    }

    /// Tells whether it ends, stops or repairs the program, and so works wherever it is pressed.
    pub(super) const fn is_of_program(self) -> bool {
        matches!(self, Self::Interrupt | Self::Suspend | Self::Repaint)
    }
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

/// What a command needs to be done.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// A selected flag.
    Flag,
    /// A selected flag, and a project that can be changed.
    ChangeFlag,
    /// A selected flag that has a rollout, and a project that can be changed.
    Rollout,
    /// A selected flag with a rollout that moves by itself, and a project that can be changed.
    Schedule,
    /// A project that can be changed.
    Change,
    /// A draft, and a project that can be changed.
    Draft,
    /// A selected request for approval, and a project that can be changed.
    Request,
    /// A selected entry of the log, and a project that can be changed.
    Entry,
    /// Something that failed.
    Failure,
}

impl Need {
    /// Tells whether it is there, or why not.
    pub(super) fn met(self, model: &Model) -> Result<(), String> {
        match self {
            Self::Nothing => return Ok(()),
            Self::Flag => {
                return model.selected_flag().map(drop).ok_or_else(|| "no flag is selected".to_owned());
            }
            Self::Failure => {
                return model.failure.as_ref().map(drop).ok_or_else(|| "nothing failed in this sitting".to_owned());
            }
            _ => {}
        }
        if let Some(why) = model.why_unchangeable() {
            return Err(why);
        }
        let found = match self {
            Self::ChangeFlag => model.selected_flag().map(drop).ok_or("no flag is selected"),
            Self::Rollout => match model.selected_flag() {
                Some(flag) if flag.definition.flag.kind == Kind::KillSwitch => {
                    Err("a kill switch has no rollout: it is on until it is killed (!)")
                }
                Some(_) => Ok(()),
                None => Err("no flag is selected"),
            },
            Self::Schedule => match model.selected_flag() {
                Some(flag) if model.facts.rollout_of(flag.key.as_str()).is_some() => Ok(()),
                Some(_) => Err("the flag has no rollout that moves by itself: E starts one"),
                None => Err("no flag is selected"),
            },
            Self::Draft => match &model.facts.draft {
                Some(_) => Ok(()),
                None => Err("there is no draft: Ctrl-D in a confirmation keeps a change as one"),
            },
            Self::Request => model.selected_request().map(drop).ok_or("no request is selected"),
            Self::Entry => model.selected_entry().map(drop).ok_or("no entry is selected"),
            Self::Nothing | Self::Flag | Self::Failure | Self::Change => Ok(()),
        };
        found.map_err(str::to_owned)
    }
}

/// A command with its keys in some places.
pub(super) struct Binding {
    pub(super) command: Command,
    pub(super) keys: &'static [super::keymap::Key],
    pub(super) places: &'static [Place],
    pub(super) group: Group,
    /// The word that the hint bar says of it; it says nothing of a command without.
    pub(super) hint: Option<&'static str>,
    /// What help says of it.
    pub(super) help: &'static str,
    /// What it needs to be done.
    pub(super) need: Need,
}
