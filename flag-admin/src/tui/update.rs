//! From what happened to what is known, and to what is asked of the world. Pure: no clock, no disk, no terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::command::Command;
use super::effect::Effect;
use super::facts::Facts;
use super::keymap::{Place, binding};
use super::layout::Class;
use super::model::{Dialog, Model, Screen};
use super::msg::{Mover, Msg, Trouble};
use super::screens::confirm::Confirm;
use super::screens::publish::PublishForm;
use super::screens::share::{ShareForm, Verdict};
use super::widgets::help::Help;
use super::widgets::notice::Notice;
use crate::app::{KillRoute, Proposal};

/// Takes what happened.
pub(super) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        Msg::Key(event) => key(model, event),
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
            Vec::new()
        }
        Msg::Moved(facts, mover) => moved(model, *facts, mover),
        Msg::Proposed { action, outcome } => {
            proposed(model, action, outcome);
            Vec::new()
        }
        Msg::Committed { action, sent } => {
            model.dialog = None;
            let done = done(&action, sent.as_ref().map(|sent| sent.place.as_str()));
            model.notice = Some(Notice::success(done, model.now));
            Vec::new()
        }
        Msg::Refused { action, trouble } => refused(model, action, trouble),
        Msg::Published { out, published } => {
            model.out = Some(out);
            model.dialog = None;
            let text = format!("Snapshot {} is published to {}", published.version, published.place);
            model.notice = Some(Notice::success(text, model.now));
            Vec::new()
        }
        Msg::NotPublished(trouble) => {
            match &mut model.dialog {
                Some(Dialog::Publish(form)) => {
                    form.sent = false;
                    form.trouble = Some(trouble);
                }
                _ => model.notice = Some(Notice::trouble(trouble, model.now)),
            }
            Vec::new()
        }
        Msg::Failed(trouble) => {
            model.notice = Some(Notice::trouble(trouble, model.now));
            Vec::new()
        }
    };
    model.settle();
    effects
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let interrupted = std::mem::take(&mut model.interrupted);
    if model.class() == Class::TooSmall && event.code == KeyCode::Char('q') && event.modifiers.is_empty() {
        return vec![Effect::Quit];
    }
    let place = model.place();
    let Some(binding) = binding(place, event) else {
        if model.class() == Class::TooSmall {
            return Vec::new();
        }
        return type_key(model, event);
    };
    // What cannot be seen is not changed.
    let program = matches!(binding.command, Command::Interrupt | Command::Suspend | Command::Repaint);
    if model.class() == Class::TooSmall && !program {
        return Vec::new();
    }
    if let Err(why) = binding.need.met(model) {
        model.notice = Some(Notice::news(why, model.now));
        return Vec::new();
    }
    if binding.command == Command::Interrupt {
        if interrupted {
            return vec![Effect::Quit];
        }
        model.interrupted = true;
        model.notice = Some(Notice::news("Ctrl-C once more leaves the dashboard", model.now));
        return Vec::new();
    }
    run(model, place, binding.command)
}

/// Takes a key that is no command here: it edits what is entered.
fn type_key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    if event.modifiers.contains(KeyModifiers::ALT) {
        return Vec::new();
    }
    match (&mut model.dialog, model.filtering, &model.help) {
        (_, _, Some(_)) | (None, false, None) => Vec::new(),
        (Some(Dialog::Share(form)), ..) => form.edit(event),
        (Some(Dialog::Confirm(confirm)), ..) => {
            confirm.edit(event);
            Vec::new()
        }
        (Some(Dialog::Publish(form)), ..) => {
            if form.out.edit(event) {
                form.trouble = None;
            }
            Vec::new()
        }
        (None, true, _) => {
            model.filter.edit(event);
            Vec::new()
        }
    }
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    match (&mut model.dialog, model.filtering, &model.help) {
        (_, _, Some(_)) | (None, false, None) => Vec::new(),
        (Some(Dialog::Share(form)), ..) => {
            form.input.paste(text);
            form.judge()
        }
        (Some(Dialog::Confirm(confirm)), ..) => {
            confirm.paste(text);
            Vec::new()
        }
        (Some(Dialog::Publish(form)), ..) => {
            form.out.paste(text);
            Vec::new()
        }
        (None, true, _) => {
            model.filter.paste(text);
            Vec::new()
        }
    }
}

fn run(model: &mut Model, place: Place, command: Command) -> Vec<Effect> {
    match command {
        Command::Down | Command::Up | Command::PageDown | Command::PageUp | Command::First | Command::Last => {
            travel(model, place, command);
        }
        Command::Back => back(model),
        Command::Open => model.screens.push(Screen::Detail { scroll: 0 }),
        Command::Log => model.screens.push(Screen::Log { scroll: 0 }),
        Command::Filter => model.filtering = true,
        Command::EndFilter => model.filtering = false,
        Command::ClearFilter => model.filter.clear(),
        Command::Help => {
            model.help = match model.help {
                Some(_) => None,
                None => Some(Help { place, scroll: 0 }),
            };
        }
        Command::Share => {
            let form = model.selected_flag().map(ShareForm::new);
            model.dialog = form.map(Dialog::Share);
        }
        Command::NextRule | Command::PreviousRule => return turn(model, command),
        Command::Review => review(model),
        Command::NextField | Command::PreviousField => {
            if let Some(Dialog::Confirm(confirm)) = &mut model.dialog {
                confirm.turn();
            }
        }
        Command::Confirm => {
            if let Some(Dialog::Confirm(confirm)) = &mut model.dialog {
                return confirm.confirm();
            }
        }
        Command::Kill => return kill(model),
        Command::Publish => model.dialog = Some(Dialog::Publish(PublishForm::new(model.out.as_ref()))),
        Command::Sign => {
            if let Some(Dialog::Publish(form)) = &mut model.dialog {
                return form.sign();
            }
        }
        Command::Repaint => return vec![Effect::Repaint],
        Command::Suspend => return vec![Effect::Suspend],
        Command::Quit => return vec![Effect::Quit],
        Command::Interrupt => {}
    }
    Vec::new()
}

/// Moves the cursor of the list, or scrolls. What goes too far is brought back afterwards.
fn travel(model: &mut Model, place: Place, command: Command) {
    let by = |from: usize, page: usize| match command {
        Command::Down => from.saturating_add(1),
        Command::Up => from.saturating_sub(1),
        Command::PageDown => from.saturating_add(page),
        Command::PageUp => from.saturating_sub(page),
        Command::Last => usize::MAX,
        _ => 0,
    };
    let page = model.screen_page().saturating_sub(1).max(1);
    match place {
        Place::Flags | Place::Filter => {
            let list = model.page();
            let keys: Vec<_> = model.visible().iter().map(|flag| flag.key.clone()).collect();
            let at = model.selected.as_ref().and_then(|selected| keys.iter().position(|key| key == selected));
            let next = by(at.unwrap_or(0), list).min(keys.len().saturating_sub(1));
            model.selected = keys.into_iter().nth(next);
        }
        Place::Detail | Place::Log => {
            if let Some(Screen::Detail { scroll } | Screen::Log { scroll }) = model.screens.last_mut() {
                *scroll = by(*scroll, page);
            }
        }
        Place::Help => {
            if let Some(help) = &mut model.help {
                help.scroll = by(help.scroll, page);
            }
        }
        Place::Share | Place::Confirm | Place::Publish => match &mut model.dialog {
            Some(Dialog::Share(form)) => form.scroll = by(form.scroll, page / 2),
            Some(Dialog::Confirm(confirm)) => confirm.scroll = by(confirm.scroll, page / 2),
            Some(Dialog::Publish(form)) => form.scroll = by(form.scroll, page / 2),
            None => {}
        },
    }
}

/// Steps out one level: out of the message, help, the dialog, the filter or the screen.
fn back(model: &mut Model) {
    model.awaited = None;
    if model.help.is_some() {
        model.help = None;
    } else if let Some(dialog) = model.dialog.take() {
        // From the confirmation the way leads back to what was entered.
        if let Dialog::Confirm(confirm) = dialog {
            model.dialog = confirm.origin.map(Dialog::Share);
        }
    } else if model.notice.is_some() {
        model.notice = None;
    } else if model.filtering {
        model.filtering = false;
        model.filter.clear();
    } else if model.screens.pop().is_none() {
        model.filter.clear();
    }
}

fn turn(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(Dialog::Share(form)) = &mut model.dialog else { return Vec::new() };
    match model.facts.flag(&form.flag) {
        Some(flag) => form.turn(command, flag),
        None => Vec::new(),
    }
}

/// Goes from a share that was entered to its confirmation.
fn review(model: &mut Model) {
    let Some(Dialog::Share(form)) = &model.dialog else { return };
    if let (Some(action), Verdict::Planned(_, proposal)) = (form.action(), &form.verdict)
        && !proposal.is_empty()
    {
        let confirm = Confirm::new(action, proposal.clone(), Some(form.clone()));
        model.dialog = Some(Dialog::Confirm(Box::new(confirm)));
    }
}

fn kill(model: &mut Model) -> Vec<Effect> {
    let Some(flag) = model.selected_flag() else { return Vec::new() };
    let flag = flag.key.clone();
    let action = if model.facts.kill_of(flag.as_str()).is_some() {
        Action::Unkill { flag }
    } else {
        let route = if model.out.is_some() { KillRoute::Emergency } else { KillRoute::Snapshot };
        Action::Kill { flag, route }
    };
    model.awaited = Some(action.clone());
    vec![Effect::Propose(action)]
}

fn moved(model: &mut Model, facts: Facts, mover: Mover) -> Vec<Effect> {
    if mover == Mover::Others {
        let news: Vec<_> = facts.history.iter().take_while(|line| line.seq > model.facts.head).collect();
        if let Some(last) = news.first() {
            let more = match news.len().saturating_sub(1) {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            let text = format!("{} {}{more}", last.actor, last.sentence);
            // An error that nobody has read yet is worth more than news.
            if !model.notice.as_ref().is_some_and(Notice::is_trouble) {
                model.notice = Some(Notice::news(text, model.now));
            }
        }
    }
    model.facts = facts;
    // What is about to be decided was worked out for a project that is no more.
    let action = match (&model.dialog, mover) {
        (_, Mover::Us) | (None | Some(Dialog::Publish(_)), _) => None,
        (Some(Dialog::Share(form)), _) => form.action(),
        (Some(Dialog::Confirm(confirm)), _) => Some(confirm.action.clone()),
    };
    action.map(Effect::Propose).into_iter().collect()
}

fn proposed(model: &mut Model, action: Action, outcome: Result<Box<Proposal>, Trouble>) {
    match &mut model.dialog {
        Some(Dialog::Confirm(confirm)) if confirm.action == action => match outcome {
            Ok(proposal) => confirm.proposal = proposal,
            Err(trouble) => confirm.trouble = Some(trouble),
        },
        Some(Dialog::Share(form)) if form.action().as_ref() == Some(&action) => form.proposed(outcome),
        None if model.awaited.as_ref() == Some(&action) => {
            model.awaited = None;
            match outcome {
                Ok(proposal) => {
                    model.dialog = Some(Dialog::Confirm(Box::new(Confirm::new(action, proposal, None))));
                }
                Err(trouble) => model.notice = Some(Notice::trouble(trouble, model.now)),
            }
        }
        _ => {}
    }
}

/// Shows why a change was refused, and works it out anew: the project may have moved on.
fn refused(model: &mut Model, action: Action, trouble: Trouble) -> Vec<Effect> {
    match &mut model.dialog {
        Some(Dialog::Confirm(confirm)) if confirm.action == action => {
            confirm.sent = false;
            confirm.trouble = Some(trouble);
            vec![Effect::Propose(action)]
        }
        _ => {
            model.notice = Some(Notice::trouble(trouble, model.now));
            Vec::new()
        }
    }
}

fn done(action: &Action, place: Option<&str>) -> String {
    let flag = action.flag();
    match (action, place) {
        (Action::Share { rule: None, share, .. }, _) => {
            format!("{flag}: the share is {share} from the next snapshot on (P)")
        }
        (Action::Share { rule: Some(rule), share, .. }, _) => {
            format!("{flag}, rule {rule}: the share is {share} from the next snapshot on (P)")
        }
        (Action::Kill { .. }, Some(place)) => format!("{flag} is killed, and clients get it from {place}"),
        (Action::Kill { .. }, None) => format!("{flag} is killed; clients get it with the next snapshot (P)"),
        (Action::Unkill { .. }, _) => {
            format!("The kill of {flag} is lifted; clients get it with the next snapshot (P)")
        }
    }
}
