//! What each command does to the model, and what it asks of the world.

use std::rc::Rc;

use super::action::Action;
use super::command::Command;
use super::effect::{DraftTurn, Effect};
use super::keymap::Place;
use super::layout::Class;
use super::model::{Dialog, Last, Model, Screen};
use super::room::Room;
use super::screens::awaited::Awaited;
use super::screens::detail::Tab;
use super::screens::passphrase::PassphraseForm;
use super::screens::publish::PublishForm;
use super::screens::share::ShareForm;
use super::screens::steps::StepsForm;
use super::trials::Running;
use super::widgets::help::Help;
use super::widgets::notice::Notice;
use super::widgets::palette::{Palette, Pick};
use super::{equivalent, outcome};
use crate::app::KillRoute;
use crate::rollout::Event;

/// Does what a command says. `last` is what the key before it was.
pub(super) fn run(model: &mut Model, command: Command, last: Last) -> Vec<Effect> {
    if let Some(room) = command.room() {
        go(model, room);
        return Vec::new();
    }
    match command {
        Command::Down | Command::Up | Command::PageDown | Command::PageUp | Command::First | Command::Last => {
            travel(model, command);
        }
        Command::Back => back(model),
        Command::Previous => previous(model),
        Command::NextRoom => go(model, model.room.turned(1)),
        Command::PreviousRoom => go(model, model.room.turned(Room::ALL.len().saturating_sub(1))),
        Command::Open => return open(model),
        Command::Filter | Command::EndFilter | Command::ClearFilter | Command::View | Command::Sort => {
            list(model, command);
        }
        Command::NextTab | Command::EndExplain => turn_tab(model, Tab::next),
        Command::PreviousTab => turn_tab(model, Tab::previous),
        Command::Rules => open_flag(model, Tab::Rules),
        Command::History => open_flag(model, Tab::History),
        Command::Explain => open_flag(model, Tab::Explain),
        Command::AskExplain => return ask_explain(model),
        Command::Help => {
            model.help = match model.help {
                Some(_) => None,
                None => Some(Help { place: model.place_below_help(), scroll: 0 }),
            };
        }
        Command::Share => model.dialog = model.selected_flag().map(ShareForm::new).map(Dialog::Share),
        Command::NextRule | Command::PreviousRule => return turn_rule(model, command),
        Command::Review => outcome::review(model),
        Command::NextField | Command::PreviousField => {
            if let Some(Dialog::Confirm(confirm)) = &mut model.dialog {
                return confirm.turn();
            }
        }
        Command::Confirm => {
            if let Some(Dialog::Confirm(confirm)) = &mut model.dialog {
                return confirm.confirm();
            }
        }
        Command::Keep => {
            if let Some(Dialog::Confirm(confirm)) = &mut model.dialog {
                return confirm.keep();
            }
        }
        Command::Kill => return kill(model),
        Command::Start => return start_rollout(model),
        Command::NextSchedule => return next_schedule(model),
        Command::Play => {
            let facts = Rc::clone(&model.facts);
            return model.simulator.play(&facts);
        }
        Command::Advance | Command::StepBack | Command::Pause => return move_rollout(model, command),
        Command::Undo => return undo(model),
        Command::Redo => return vec![Effect::TurnDraft(DraftTurn::Again)],
        Command::UndoEntry => {
            let line = model.selected_entry().cloned();
            return line.map_or_else(Vec::new, |line| propose(model, Action::Undo { line: Box::new(line) }));
        }
        Command::Apply => return propose(model, Action::Apply),
        Command::Drop => return propose(model, Action::Drop),
        Command::Rebase => return rebase(model),
        Command::Approve | Command::Reject => return judge(model, command),
        Command::Publish => model.dialog = Some(Dialog::Publish(PublishForm::new(model))),
        Command::Sign => {
            if let Some(Dialog::Publish(form)) = &mut model.dialog {
                return form.sign();
            }
        }
        Command::Unlock => model.dialog = Some(Dialog::Passphrase(PassphraseForm::new(None))),
        Command::GiveKey => {
            if let Some(Dialog::Passphrase(form)) = &mut model.dialog {
                return form.give();
            }
        }
        Command::Copy => return copy(model, last),
        Command::Palette => model.palette = Some(Palette::new(model)),
        Command::Choose => return choose(model),
        Command::Details => model.failure_shown = Some(0),
        Command::Freeze => freeze(model),
        Command::SaveSession => return vec![Effect::SaveSession],
        Command::Repaint => return vec![Effect::Repaint],
        Command::Suspend => return vec![Effect::Suspend],
        Command::Quit => return quit(model, last),
        Command::Interrupt
        | Command::Flags
        | Command::Kills
        | Command::Experiments
        | Command::Audit
        | Command::Simulate
        | Command::Pending => {}
    }
    Vec::new()
}

/// Goes to the screen of a number.
pub(super) fn go(model: &mut Model, room: Room) {
    if model.room == room && model.screens.is_empty() {
        return;
    }
    model.before = Some((model.room, std::mem::take(&mut model.screens)));
    model.room = room;
    model.scroll = 0;
    if room == Room::Audit {
        // Who goes there anew wants to see what was done last.
        (model.audit.selected, model.audit.top) = (None, 0);
    }
    if room == Room::Kills {
        (model.kills.selected, model.kills.top) = (None, 0);
    }
}

fn previous(model: &mut Model) {
    if let Some((room, screens)) = model.before.take() {
        let here = (std::mem::replace(&mut model.room, room), std::mem::replace(&mut model.screens, screens));
        model.before = Some(here);
    }
}

fn step_into(model: &mut Model, screen: Screen) {
    model.before = Some((model.room, model.screens.clone()));
    model.screens.push(screen);
}

/// Moves the cursor of the list, or scrolls. What goes too far is brought back afterwards.
pub(super) fn travel(model: &mut Model, command: Command) {
    let by = |from: usize, page: usize| match command {
        Command::Down => from.saturating_add(1),
        Command::Up => from.saturating_sub(1),
        Command::PageDown => from.saturating_add(page),
        Command::PageUp => from.saturating_sub(page),
        Command::Last => usize::MAX,
        _ => 0,
    };
    let page = model.screen_page().saturating_sub(1).max(1);
    let facts = Rc::clone(&model.facts);
    match model.place() {
        Place::Flags | Place::Filter => {
            let list = model.page();
            let at =
                model.selected.as_ref().and_then(|selected| model.visible().position(|flag| flag.key == *selected));
            let next = by(at.unwrap_or(0), list).min(model.shown.len().saturating_sub(1));
            let key = model.visible().nth(next).map(|flag| flag.key.clone());
            model.selected = key;
        }
        Place::Kills => model.kills.travel(&facts, |at| by(at, page)),
        Place::Audit | Place::AuditFilter => model.audit.travel(&facts, |at| by(at, page)),
        // A list that is longer than the screen moves with its cursor, everything below it by scrolling.
        Place::Pending if !facts.requests.is_empty() && matches!(command, Command::Down | Command::Up) => {
            model.pending.travel(&facts, |at| by(at, page));
        }
        Place::Experiments | Place::Simulate | Place::Pending => model.scroll = by(model.scroll, page),
        Place::Detail | Place::Explain | Place::Entry => {
            if let Some(Screen::Detail { scroll, .. } | Screen::Entry { scroll, .. }) = model.screens.last_mut() {
                *scroll = by(*scroll, page);
            }
        }
        Place::Help => {
            if let Some(help) = &mut model.help {
                help.scroll = by(help.scroll, page);
            }
        }
        Place::Failure => model.failure_shown = model.failure_shown.map(|scroll| by(scroll, page)),
        Place::Palette => {
            if let Some(palette) = &mut model.palette {
                palette.travel(|at| by(at, 10));
            }
        }
        Place::Share | Place::Steps | Place::Awaited | Place::Confirm | Place::Publish | Place::Passphrase => {
            match &mut model.dialog {
                Some(Dialog::Share(form)) => form.scroll = by(form.scroll, page / 2),
                Some(Dialog::Steps(form)) => form.scroll = by(form.scroll, page / 2),
                Some(Dialog::Confirm(confirm)) => confirm.scroll = by(confirm.scroll, page / 2),
                Some(Dialog::Publish(form)) => form.scroll = by(form.scroll, page / 2),
                Some(Dialog::Awaited(_) | Dialog::Passphrase(_)) | None => {}
            }
        }
    }
}

/// Steps out one level: out of what lies above, the dialog, the error, the filter, the screen.
fn back(model: &mut Model) {
    if model.help.is_some() {
        model.help = None;
    } else if model.failure_shown.is_some() {
        model.failure_shown = None;
    } else if model.palette.is_some() {
        model.palette = None;
    } else if let Some(dialog) = model.dialog.take() {
        step_out_of(model, dialog);
    } else if model.notice.take().is_some_and(|notice| notice.is_trouble()) {
        // An error is dismissed by itself; news goes with whatever is left.
    } else if model.explain.editing && model.place() == Place::Explain {
        model.explain.editing = false;
    } else if model.filtering || model.audit.filtering {
        model.filtering = false;
        model.audit.filtering = false;
        clear_filter(model);
    } else if model.screens.pop().is_some() {
    } else if model.room == Room::Audit && !model.audit.filter.is_empty() {
        clear_filter(model);
    } else if model.room != Room::Flags {
        model.room = Room::Flags;
        model.scroll = 0;
    } else {
        clear_filter(model);
    }
}

fn step_out_of(model: &mut Model, dialog: Dialog) {
    let is_under_way = match &dialog {
        Dialog::Confirm(confirm) => confirm.sent.is_some(),
        Dialog::Publish(form) => form.sent,
        Dialog::Share(_) | Dialog::Steps(_) | Dialog::Awaited(_) | Dialog::Passphrase(_) => false,
    };
    match dialog {
        // What was sent cannot be called back by looking away.
        _ if is_under_way => {
            model.notice = Some(Notice::news("It goes on; what comes of it is told here", model.now));
        }
        Dialog::Awaited(awaited) => model.work.forget(&awaited.action),
        // From the confirmation the way leads back to what was entered.
        Dialog::Confirm(confirm) => model.dialog = confirm.origin.map(|origin| *origin),
        Dialog::Passphrase(form) => model.dialog = form.below.map(|below| *below),
        Dialog::Share(_) | Dialog::Steps(_) | Dialog::Publish(_) => {}
    }
}

fn clear_filter(model: &mut Model) {
    match model.room {
        Room::Audit => model.audit.filter.clear(),
        _ => model.filter.clear(),
    }
    model.relist();
}

fn list(model: &mut Model, command: Command) {
    match (command, model.room) {
        (Command::Filter, Room::Audit) => model.audit.filtering = true,
        (Command::Filter, _) => model.filtering = true,
        (Command::ClearFilter, _) => clear_filter(model),
        (Command::View, _) => model.view = model.view.next(),
        (Command::Sort, _) => model.sort = model.sort.next(),
        _ => {
            model.filtering = false;
            model.audit.filtering = false;
        }
    }
    model.relist();
}

fn open(model: &mut Model) -> Vec<Effect> {
    if model.room == Room::Audit {
        let Some(seq) = model.audit.selected else { return Vec::new() };
        step_into(model, Screen::Entry { seq, scroll: 0 });
        model.audit.inspected = None;
        return vec![Effect::Inspect { seq }];
    }
    open_flag(model, Tab::Overview);
    Vec::new()
}

/// Shows a tab of the selected flag, wherever it was selected.
fn open_flag(model: &mut Model, tab: Tab) {
    let Some(key) = model.selected_flag().map(|flag| flag.key.clone()) else { return };
    model.selected = Some(key.clone());
    match model.screens.last_mut() {
        Some(Screen::Detail { tab: shown, scroll }) => (*shown, *scroll) = (tab, 0),
        _ => step_into(model, Screen::Detail { tab, scroll: 0 }),
    }
    model.explain.begin(tab == Tab::Explain, &key);
}

fn turn_tab(model: &mut Model, turned: fn(Tab) -> Tab) {
    if let Some(Screen::Detail { tab, .. }) = model.screens.last() {
        open_flag(model, turned(*tab));
    }
}

fn ask_explain(model: &mut Model) -> Vec<Effect> {
    let Some(flag) = model.selected.clone() else { return Vec::new() };
    model.explain.ask(flag)
}

fn turn_rule(model: &mut Model, command: Command) -> Vec<Effect> {
    let facts = Rc::clone(&model.facts);
    let Some(Dialog::Share(form)) = &mut model.dialog else { return Vec::new() };
    facts.flag(form.flag.as_str()).map_or_else(Vec::new, |flag| form.turn(command, flag))
}

/// Puts the draft onto the log as it stands; asks first where that loses something of it.
fn rebase(model: &mut Model) -> Vec<Effect> {
    let loses = model.facts.draft.as_ref().is_some_and(|draft| !draft.lost.is_empty());
    if loses { propose(model, Action::Rebase) } else { vec![Effect::RebaseDraft] }
}

/// Has a change worked out, whose confirmation opens then.
fn propose(model: &mut Model, action: Action) -> Vec<Effect> {
    model.dialog = Some(Dialog::Awaited(Box::new(Awaited::new(action.clone(), model.now))));
    vec![Effect::Propose(action)]
}

fn kill(model: &mut Model) -> Vec<Effect> {
    let Some(flag) = model.selected_flag().map(|flag| flag.key.clone()) else { return Vec::new() };
    let action = if model.facts.kill_of(flag.as_str()).is_some() {
        Action::Unkill { target: flag.as_str().into() }
    } else {
        let route = if model.out.is_some() { KillRoute::Emergency } else { KillRoute::Snapshot };
        Action::Kill { flag, route }
    };
    propose(model, action)
}

/// Opens the steps of a rollout that moves by itself.
fn start_rollout(model: &mut Model) -> Vec<Effect> {
    let Some(flag) = model.selected_flag().map(|flag| flag.key.clone()) else { return Vec::new() };
    let (form, effects) = StepsForm::open(flag);
    model.dialog = Some(Dialog::Steps(form));
    effects
}

fn next_schedule(model: &mut Model) -> Vec<Effect> {
    if let Some(Dialog::Steps(form)) = &mut model.dialog {
        return form.turn();
    }
    model.simulator.turn();
    Vec::new()
}

/// Moves a rollout that moves by itself.
fn move_rollout(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(flag) = model.selected_flag().map(|flag| flag.key.clone()) else { return Vec::new() };
    let is_stopped = model.facts.rollout_of(flag.as_str()).is_some_and(|rollout| rollout.standing == Running::Stopped);
    let event = match command {
        Command::Advance => Event::Advance,
        Command::StepBack => Event::Back,
        _ if is_stopped => Event::Resume,
        _ => Event::Pause,
    };
    propose(model, Action::Move { flag, event })
}

/// Takes back the last edit of the draft that was made in this sitting, else the last change of the log.
fn undo(model: &mut Model) -> Vec<Effect> {
    if model.facts.draft_edits > 0 {
        return vec![Effect::TurnDraft(DraftTurn::Back)];
    }
    let last = model.facts.history.iter().find(|line| line.environment.is_some() && line.change.subject().is_some());
    match last.cloned() {
        Some(line) => propose(model, Action::Undo { line: Box::new(line) }),
        None => {
            model.notice = Some(Notice::news("nothing was changed yet, so there is nothing to undo", model.now));
            Vec::new()
        }
    }
}

fn judge(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(request) = model.selected_request().map(|request| request.number) else { return Vec::new() };
    let action = match command {
        Command::Approve => Action::Approve { request },
        _ => Action::Reject { request },
    };
    propose(model, action)
}

/// Copies the flag's key; right after that, the command that does what is on the screen.
fn copy(model: &mut Model, last: Last) -> Vec<Effect> {
    let command = equivalent::command(model);
    if last == Last::Copy {
        model.notice = Some(Notice::success(format!("Copied: {command}"), model.now));
        return vec![Effect::Copy(command)];
    }
    model.last = Last::Copy;
    let Some(key) = model.selected_flag().map(|flag| flag.key.to_string()) else { return Vec::new() };
    model.notice = Some(Notice::success(format!("Copied: {key}. y again copies: {command}"), model.now));
    vec![Effect::Copy(key)]
}

/// Goes where a command is at home.
fn go_to_place(model: &mut Model, place: Place) {
    match place {
        Place::Kills => go(model, Room::Kills),
        Place::Experiments => go(model, Room::Experiments),
        Place::Audit | Place::Entry => {
            go(model, Room::Audit);
            model.settle();
        }
        Place::Simulate => go(model, Room::Simulate),
        Place::Pending => {
            go(model, Room::Pending);
            model.settle();
        }
        Place::Detail => open_flag(model, Tab::Overview),
        _ => go(model, Room::Flags),
    }
}

fn choose(model: &mut Model) -> Vec<Effect> {
    let pick = model.palette.as_ref().and_then(Palette::pick).cloned();
    model.palette = None;
    match pick {
        None => Vec::new(),
        Some(Pick::Flag(key)) => {
            model.room = Room::Flags;
            model.screens.clear();
            // A filter that hides what was asked for has done its work.
            if !model.visible().any(|flag| flag.key == key) {
                model.filter.clear();
                model.view = super::listing::View::All;
                model.relist();
            }
            model.selected = Some(key);
            open_flag(model, Tab::Overview);
            Vec::new()
        }
        Some(Pick::Command(command, need, place)) => {
            if place != model.place() {
                go_to_place(model, place);
            }
            match need.met(model) {
                Ok(()) => run(model, command, Last::Other),
                Err(why) => {
                    model.notice = Some(Notice::news(why, model.now));
                    Vec::new()
                }
            }
        }
    }
}

/// Leaves, unless a change is under way: then the key has to be pressed once more.
fn quit(model: &mut Model, last: Last) -> Vec<Effect> {
    let Some(unfinished) = model.work.unfinished(model.now).filter(|_| last != Last::Quit) else {
        return vec![Effect::Quit];
    };
    model.last = Last::Quit;
    model.notice = Some(Notice::news(format!("q once more leaves at once: {unfinished}"), model.now));
    Vec::new()
}

fn freeze(model: &mut Model) {
    match model.link.frozen.take() {
        None => model.link.frozen = Some(model.now),
        Some(_) => {
            if let Some(facts) = model.link.behind.take() {
                outcome::show(model, facts);
            }
        }
    }
    debug_assert!(model.class() != Class::TooSmall, "what cannot be seen is not frozen");
}
