//! From what happened to what is known, and to what is asked of the world. Pure: no clock, no disk, no terminal.

use std::rc::Rc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::act::{run, travel};
use super::command::Command;
use super::effect::Effect;
use super::keymap::Place;
use super::layout::Class;
use super::model::{Dialog, Model};
use super::msg::{Msg, Turn};
use super::outcome;
use super::screens::passphrase::PassphraseForm;
use super::widgets::hits::{Hit, hit};
use super::widgets::notice::Notice;

/// Takes what happened.
pub(super) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
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
            model.now = now;
            if model.notice.as_ref().is_some_and(|notice| notice.is_over(now)) {
                model.notice = None;
            }
            return Vec::new();
        }
        Msg::Seen => {
            model.link.seen = model.now;
            if model.link.lost.take().is_some() {
                model.notice = Some(Notice::news("The project can be read again", model.now));
            }
            Vec::new()
        }
        Msg::Lost(trouble) => {
            model.failure = Some(trouble.clone());
            model.link.lost = Some(trouble);
            Vec::new()
        }
        Msg::Moved(facts, mover) => outcome::moved(model, Rc::new(*facts), mover),
        Msg::Proposed { action, outcome } => {
            outcome::proposed(model, action, outcome);
            Vec::new()
        }
        Msg::Committed { action, committed, sent } => {
            model.dialog = None;
            let text = outcome::done(&action, committed.request, sent.as_ref().map(|sent| sent.place.as_str()));
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::Drafted(text) => {
            model.dialog = None;
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::Refused { action, trouble } => outcome::refused(model, action, trouble),
        Msg::Published { out, published } => {
            model.out = Some(out);
            model.dialog = None;
            let text = format!("Snapshot {} is published to {}", published.version, published.place);
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::NotPublished(trouble) => {
            outcome::not_published(model, trouble);
            Vec::new()
        }
        Msg::Explained(outcome) => {
            model.explain.answer = Some(outcome);
            Vec::new()
        }
        Msg::Inspected(entry) => {
            model.audit.inspected = Some(entry);
            Vec::new()
        }
        Msg::Unlocked(outcome) => outcome::unlocked(model, outcome),
        Msg::Told(text) => {
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::Failed(trouble) if trouble.is_locked() => {
            // The kill is in the log; what is missing is the key that carries it to clients at once.
            model.dialog = Some(Dialog::Passphrase(PassphraseForm::new(Some(Box::new(Effect::SendKills)))));
            Vec::new()
        }
        Msg::Failed(trouble) => {
            model.failure = Some(trouble.clone());
            model.notice = Some(Notice::trouble(trouble, model.now));
            Vec::new()
        }
    };
    model.settle();
    effects
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let interrupted = std::mem::take(&mut model.interrupted);
    let copied = std::mem::take(&mut model.copied);
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
        Some(binding) if binding.command == Command::Interrupt => interrupt(model, interrupted),
        Some(binding) => match binding.need.met(model) {
            Ok(()) => run(model, binding.command, copied),
            Err(why) => {
                model.notice = Some(Notice::news(why, model.now));
                Vec::new()
            }
        },
    }
}

fn interrupt(model: &mut Model, interrupted: bool) -> Vec<Effect> {
    if interrupted {
        return vec![Effect::Quit];
    }
    model.interrupted = true;
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
        Some(Dialog::Confirm(confirm)) => confirm.paste(text),
        Some(Dialog::Publish(form)) => form.out.paste(text),
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
        None => {}
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
        Hit::Flag(flag) if model.selected.as_ref() == Some(&flag) => run(model, Command::Open, false),
        Hit::Flag(flag) => {
            model.selected = Some(flag);
            Vec::new()
        }
        Hit::Kill(target) if model.kills.selected.as_ref() == Some(&target) => run(model, Command::Open, false),
        Hit::Kill(target) => {
            model.kills.selected = Some(target);
            Vec::new()
        }
        Hit::Entry(seq) if model.audit.selected == Some(seq) => run(model, Command::Open, false),
        Hit::Entry(seq) => {
            model.audit.selected = Some(seq);
            Vec::new()
        }
    }
}
