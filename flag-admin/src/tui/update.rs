//! From what happened to what is known, and to what is asked of the world. Pure: no clock, no disk, no terminal.

use std::rc::Rc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use flag_core::Timestamp;

use super::act::{run, travel};
use super::command::Command;
use super::effect::{Effect, PublishTo};
use super::keymap::Place;
use super::layout::Class;
use super::model::{Dialog, Last, Model, Screen};
use super::msg::{Msg, Turn};
use super::outcome;
use super::screens::confirm::Sent;
use super::widgets::hits::{Hit, hit};
use super::widgets::notice::Notice;

/// Takes what happened. Returns what is to be done now: of what the desk does, one thing at a time, in the order it was asked for.
pub(super) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    if matches!(msg, Msg::Finished) {
        model.work.finish();
    }
    let asked = react(model, msg);
    model.work.take(asked, model.now)
}

/// Takes what happened, and returns what that asks for.
pub(super) fn react(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        Msg::Key(event) => key(model, event),
        Msg::Click(column, row) => click(model, column, row),
        Msg::Wheel(turn) => wheel(model, turn),
        Msg::Paste(text) => paste(model, &text),
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Msg::Tick(now) => {
            tick(model, now);
            return Vec::new();
        }
        Msg::Finished => return Vec::new(),
        Msg::Looking => {
            model.work.look(model.now);
            return Vec::new();
        }
        Msg::Looked => {
            model.work.looked();
            return Vec::new();
        }
        Msg::Seen => {
            seen(model);
            Vec::new()
        }
        Msg::Lost(trouble) => {
            model.failure = Some(trouble.clone());
            model.link.lost = Some(trouble);
            Vec::new()
        }
        Msg::Moved(facts, mover) => outcome::moved(model, Rc::new(*facts), mover),
        Msg::Proposed { action, outcome } => {
            let typed = outcome::proposed(model, action, outcome);
            typed.into_iter().flat_map(|event| key_typed_ahead(model, event)).collect()
        }
        Msg::Committed { action, committed, reach } => {
            outcome::committed(model, &action, committed.request, &reach);
            Vec::new()
        }
        Msg::Drafted(text) => {
            outcome::close_sent(model, Sent::Kept, None);
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::NotDrafted(trouble) => {
            outcome::not_drafted(model, trouble);
            Vec::new()
        }
        Msg::Refused { action, trouble } => outcome::refused(model, action, trouble),
        Msg::Published { to, version, place } => {
            if let PublishTo::Folder(out) = to {
                model.out = Some(out);
            }
            if matches!(&model.dialog, Some(Dialog::Publish(form)) if form.sent) {
                model.dialog = None;
            }
            let text = format!("Snapshot {version} is published to {place}");
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::NotPublished(trouble) => {
            outcome::not_published(model, trouble);
            Vec::new()
        }
        Msg::Explained { flag, outcome } => {
            model.explain.answered(&flag, outcome);
            Vec::new()
        }
        Msg::Simulated(played) => {
            (model.simulator.playing, model.simulator.played) = (false, Some(*played));
            Vec::new()
        }
        Msg::Inspected(entry) => {
            let is_shown = matches!(model.screens.last(), Some(Screen::Entry { seq, .. }) if *seq == entry.seq);
            model.audit.inspected = is_shown.then_some(entry).or(model.audit.inspected.take());
            Vec::new()
        }
        Msg::Unlocked(outcome) => outcome::unlocked(model, outcome),
        Msg::Told(text) => {
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::Failed(trouble) if trouble.is_locked() => {
            // The kill is in the log; what is missing is the key that carries it to clients at once.
            outcome::ask_passphrase(model, Some(Effect::SendKills));
            Vec::new()
        }
        Msg::Failed(trouble) => {
            outcome::fail(model, trouble);
            Vec::new()
        }
    };
    model.settle();
    effects
}

fn tick(model: &mut Model, now: Timestamp) {
    model.now = now;
    if model.notice.as_ref().is_some_and(|notice| notice.is_over(now)) {
        model.notice = None;
    }
}

fn seen(model: &mut Model) {
    model.link.seen = model.now;
    if model.link.lost.take().is_some() {
        model.notice = Some(Notice::news("The project can be read again", model.now));
    }
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let last = std::mem::take(&mut model.last);
    let is_small = model.class() == Class::TooSmall;
    if is_small && event.code == KeyCode::Char('q') && event.modifiers.is_empty() {
        return vec![Effect::Quit];
    }
    let keymap = Rc::clone(&model.keymap);
    match keymap.binding(model.place(), event) {
        // What cannot be seen is not changed.
        Some(binding) if is_small && !binding.command.is_of_program() => Vec::new(),
        None if is_small => Vec::new(),
        None => type_key(model, event),
        Some(binding) if binding.command == Command::Interrupt => interrupt(model, last),
        Some(binding) => match binding.need.met(model) {
            Ok(()) => run(model, binding.command, last),
            Err(why) => {
                model.notice = Some(Notice::news(why, model.now));
                Vec::new()
            }
        },
    }
}

/// Takes a key that was typed before what it is for could be seen. Nothing is put into a draft unseen.
fn key_typed_ahead(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let binding = model.keymap.binding(model.place(), event);
    if binding.is_some_and(|binding| binding.command == Command::Keep) { Vec::new() } else { key(model, event) }
}

fn interrupt(model: &mut Model, last: Last) -> Vec<Effect> {
    if last == Last::Interrupt {
        return vec![Effect::Quit];
    }
    model.last = Last::Interrupt;
    model.notice = Some(Notice::news("Ctrl-C once more leaves the dashboard", model.now));
    Vec::new()
}

/// Takes a key that is no command here: it edits what is entered.
fn type_key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    if event.modifiers.contains(KeyModifiers::ALT) || model.help.is_some() || model.failure_shown.is_some() {
        return Vec::new();
    }
    if let Some(palette) = &mut model.palette {
        palette.edit(event);
        return Vec::new();
    }
    let is_explaining = model.place() == Place::Explain;
    match &mut model.dialog {
        Some(Dialog::Share(form)) => return form.edit(event),
        Some(Dialog::Steps(form)) => return form.edit(event),
        Some(Dialog::Awaited(awaited)) => awaited.keep(event),
        Some(Dialog::Confirm(confirm)) => confirm.edit(event),
        Some(Dialog::Publish(form)) => form.edit(event),
        Some(Dialog::Passphrase(form)) => form.edit(event),
        None if is_explaining => {
            model.explain.edit(event);
        }
        None if model.filtering || model.audit.filtering => edit_filter(model, event),
        None => {}
    }
    Vec::new()
}

fn edit_filter(model: &mut Model, event: KeyEvent) {
    let filter = if model.filtering { &mut model.filter } else { &mut model.audit.filter };
    if filter.edit(event) {
        model.relist();
    }
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.help.is_some() || model.failure_shown.is_some() || model.class() == Class::TooSmall {
        return Vec::new();
    }
    if let Some(palette) = &mut model.palette {
        palette.paste(text);
        return Vec::new();
    }
    let is_explaining = model.place() == Place::Explain;
    match &mut model.dialog {
        Some(Dialog::Share(form)) => {
            form.input.paste(text);
            return form.judge();
        }
        Some(Dialog::Steps(form)) => return form.paste(text),
        Some(Dialog::Confirm(confirm)) => confirm.paste(text),
        Some(Dialog::Publish(form)) => form.paste(text),
        Some(Dialog::Passphrase(form)) => form.input.paste(text),
        None if is_explaining => model.explain.input.paste(text),
        None if model.filtering => {
            model.filter.paste(text);
            model.relist();
        }
        None if model.audit.filtering => {
            model.audit.filter.paste(text);
            model.relist();
        }
        Some(Dialog::Awaited(_)) | None => {}
    }
    Vec::new()
}

/// How many lines one turn of the wheel goes.
const WHEEL_LINES: usize = 3;

fn wheel(model: &mut Model, turn: Turn) -> Vec<Effect> {
    if model.class() == Class::TooSmall {
        return Vec::new();
    }
    let command = match turn {
        Turn::Down => Command::Down,
        Turn::Up => Command::Up,
    };
    for _ in 0..WHEEL_LINES {
        travel(model, command);
        model.settle();
    }
    Vec::new()
}

fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    let Some(hit) = hit(model, column, row) else { return Vec::new() };
    match hit {
        Hit::Press(event) => key(model, event),
        Hit::Room(room) => {
            super::act::go(model, room);
            Vec::new()
        }
        // A click on what is selected opens it.
        Hit::Flag(flag) if model.selected.as_ref() == Some(&flag) => run(model, Command::Open, Last::Other),
        Hit::Flag(flag) => {
            model.selected = Some(flag);
            Vec::new()
        }
        Hit::Kill(target) if model.kills.selected.as_ref() == Some(&target) => run(model, Command::Open, Last::Other),
        Hit::Kill(target) => {
            model.kills.selected = Some(target);
            Vec::new()
        }
        Hit::Entry(seq) if model.audit.selected == Some(seq) => run(model, Command::Open, Last::Other),
        Hit::Entry(seq) => {
            model.audit.selected = Some(seq);
            Vec::new()
        }
    }
}
