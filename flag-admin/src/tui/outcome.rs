//! What comes of what was asked of the world.

use std::rc::Rc;

use crossterm::event::{KeyCode, KeyEvent};

use super::action::Action;
use super::effect::Effect;
use super::facts::Facts;
use super::model::{Dialog, Model};
use super::msg::{Mover, Reach, Trouble};
use super::screens::confirm::{Confirm, Reading, Sent};
use super::screens::passphrase::PassphraseForm;
use super::screens::share::Verdict;
use super::widgets::notice::Notice;
use crate::app::{Proposal, Verdict as Access};
use crate::rollout::Event;

/// Shows what the project has come to.
pub(super) fn show(model: &mut Model, facts: Rc<Facts>) {
    model.facts = facts;
    model.relist();
}

pub(super) fn moved(model: &mut Model, facts: Rc<Facts>, mover: Mover) -> Vec<Effect> {
    model.link.seen = model.now;
    model.link.lost = None;
    if mover == Mover::Others && model.link.frozen.is_some() {
        model.link.behind = Some(facts);
        return Vec::new();
    }
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
    show(model, facts);
    // What is about to be decided was worked out for a project that is no more.
    let action = match &model.dialog {
        Some(Dialog::Share(form)) => form.action(),
        Some(Dialog::Steps(form)) => form.action(),
        Some(Dialog::Confirm(confirm)) if confirm.sent.is_none() => Some(confirm.action.clone()),
        _ => None,
    };
    action.map(Effect::Propose).into_iter().collect()
}

/// Takes what a change would do. Returns the keys that were typed for its confirmation while it was worked out.
pub(super) fn proposed(model: &mut Model, action: Action, outcome: Result<Box<Proposal>, Trouble>) -> Vec<KeyEvent> {
    match model.dialog.take() {
        Some(Dialog::Awaited(awaited)) if awaited.action == action => match outcome.and_then(permitted) {
            Ok(proposal) => {
                let is_asked = !action.is_done_at_once() || matches!(proposal.access(), Access::NeedsApproval { .. });
                let confirm = Confirm::new(action, proposal, None, &model.facts);
                model.dialog = Some(Dialog::Confirm(Box::new(confirm)));
                return if is_asked { awaited.into_keys() } else { vec![KeyCode::Enter.into()] };
            }
            Err(trouble) => fail(model, trouble),
        },
        Some(Dialog::Confirm(mut confirm)) if confirm.action == action => {
            match outcome {
                Ok(proposal) => confirm.proposed(proposal, &model.facts),
                Err(trouble) => confirm.trouble = Some(trouble),
            }
            model.dialog = Some(Dialog::Confirm(confirm));
        }
        Some(Dialog::Share(mut form)) if form.action().as_ref() == Some(&action) => {
            form.proposed(outcome);
            let goes_on = std::mem::take(&mut form.goes_on);
            model.dialog = Some(Dialog::Share(form));
            if goes_on {
                review(model);
            }
        }
        Some(Dialog::Steps(mut form)) if form.action().as_ref() == Some(&action) => {
            form.proposed(outcome);
            let goes_on = std::mem::take(&mut form.goes_on);
            model.dialog = Some(Dialog::Steps(form));
            if goes_on {
                review(model);
            }
        }
        other => model.dialog = other,
    }
    Vec::new()
}

/// Says what failed, until it is dismissed.
pub(super) fn fail(model: &mut Model, trouble: Trouble) {
    model.failure = Some(trouble.clone());
    model.notice = Some(Notice::trouble(trouble, model.now));
}

/// Closes the confirmation that was waiting for this.
pub(super) fn close_sent(model: &mut Model, sent: Sent, action: Option<&Action>) {
    let is_it = matches!(
        &model.dialog,
        Some(Dialog::Confirm(confirm))
            if confirm.sent == Some(sent) && action.is_none_or(|action| confirm.action == *action)
    );
    if is_it {
        model.dialog = None;
    }
}

/// Tells that the draft is as it was. What was to be put into it can be tried again.
pub(super) fn not_drafted(model: &mut Model, trouble: Trouble) {
    match &mut model.dialog {
        Some(Dialog::Confirm(confirm)) if confirm.sent == Some(Sent::Kept) => {
            model.failure = Some(trouble.clone());
            confirm.sent = None;
            confirm.trouble = Some(trouble);
        }
        _ => fail(model, trouble),
    }
}

/// Asks for the passphrase, over whatever is entered now.
pub(super) fn ask_passphrase(model: &mut Model, then: Option<Effect>) {
    let form = PassphraseForm::new(then.map(Box::new)).over(model.dialog.take());
    model.dialog = Some(Dialog::Passphrase(form));
}

/// Refuses at once what whoever is at work may not do, and says who may.
fn permitted(proposal: Box<Proposal>) -> Result<Box<Proposal>, Trouble> {
    match proposal.access() {
        Access::Refused { refusal } => Err(Trouble::of(&crate::app::AppError::from(refusal.clone()))),
        Access::Allowed | Access::NeedsApproval { .. } => Ok(proposal),
    }
}

/// Goes from a share or from steps that were entered to the confirmation.
pub(super) fn review(model: &mut Model) {
    if let Some(Dialog::Steps(_)) = model.dialog {
        return review_steps(model);
    }
    let Some(Dialog::Share(form)) = &mut model.dialog else { return };
    if matches!(form.verdict, Verdict::Pending(_)) {
        form.goes_on = true;
    }
    let Verdict::Planned(share, proposal) = &form.verdict else { return };
    if proposal.is_empty() {
        return;
    }
    let share = *share;
    match (form.action(), permitted(proposal.clone())) {
        (Some(action), Ok(proposal)) => {
            let origin = Some(Dialog::Share(form.clone()));
            let confirm = Confirm::new(action, proposal, origin, &model.facts);
            model.dialog = Some(Dialog::Confirm(Box::new(confirm)));
        }
        (_, Err(trouble)) => form.verdict = Verdict::Refused(share, trouble),
        (None, Ok(_)) => {}
    }
}

fn review_steps(model: &mut Model) {
    let Some(Dialog::Steps(form)) = &mut model.dialog else { return };
    let (Some(action), Some(proposal)) = (form.action(), form.planned()) else { return };
    match permitted(proposal) {
        Ok(proposal) => {
            let origin = Some(Dialog::Steps(form.clone()));
            let confirm = Confirm::new(action, proposal, origin, &model.facts);
            model.dialog = Some(Dialog::Confirm(Box::new(confirm)));
        }
        Err(trouble) => form.proposed(Err(trouble)),
    }
}

/// Shows why a change was refused, and works it out anew: the project may have moved on.
pub(super) fn refused(model: &mut Model, action: Action, trouble: Trouble) -> Vec<Effect> {
    model.failure = Some(trouble.clone());
    match &mut model.dialog {
        Some(Dialog::Confirm(confirm)) if confirm.action == action => {
            (confirm.sent, confirm.reading) = (None, Reading::Awaited);
            confirm.trouble = Some(trouble);
            vec![Effect::Propose(action)]
        }
        _ => {
            model.notice = Some(Notice::trouble(trouble, model.now));
            Vec::new()
        }
    }
}

pub(super) fn not_published(model: &mut Model, trouble: Trouble) {
    model.failure = Some(trouble.clone());
    match &mut model.dialog {
        Some(Dialog::Publish(form)) if form.sent && trouble.is_locked() => {
            let again = form.again();
            model.dialog = Some(Dialog::Passphrase(PassphraseForm::new(again.map(Box::new))));
        }
        Some(Dialog::Publish(form)) if form.sent => {
            form.sent = false;
            form.trouble = Some(trouble);
        }
        _ if trouble.is_locked() => {
            let mut form = PassphraseForm::new(None).over(model.dialog.take());
            form.trouble = Some(trouble);
            model.dialog = Some(Dialog::Passphrase(form));
        }
        _ => model.notice = Some(Notice::trouble(trouble, model.now)),
    }
}

pub(super) fn unlocked(model: &mut Model, outcome: Result<(), Trouble>) -> Vec<Effect> {
    let Some(Dialog::Passphrase(form)) = &mut model.dialog else {
        match outcome {
            Ok(()) => model.notice = Some(Notice::success("The keys are open for this sitting".to_owned(), model.now)),
            Err(trouble) => fail(model, trouble),
        }
        return Vec::new();
    };
    match outcome {
        Ok(()) => {
            let then = form.then.take();
            model.dialog = form.below.take().map(|below| *below);
            model.notice = Some(Notice::success("The keys are open for this sitting".to_owned(), model.now));
            then.map(|effect| *effect).into_iter().collect()
        }
        Err(trouble) => {
            form.refused(trouble);
            Vec::new()
        }
    }
}

/// Tells what was done, and closes its confirmation.
pub(super) fn committed(model: &mut Model, action: &Action, request: Option<u64>, reach: &Reach) {
    close_sent(model, Sent::Made, Some(action));
    match held(action, reach) {
        Some(trouble) => fail(model, trouble),
        None => model.notice = Some(Notice::success(done(action, request, reach), model.now)),
    }
}

/// Says what keeps a kill from clients that should have it by now: it is in the log, and that is not enough.
pub(super) fn held(action: &Action, reach: &Reach) -> Option<Trouble> {
    let (Action::Kill { flag, .. }, Reach::Held { why }) = (action, reach) else { return None };
    let trouble = Trouble::saying(format!("{flag} is killed in the log, but clients do not have it yet: {why}"));
    Some(trouble.with_hint("P publishes a snapshot that carries it"))
}

/// Says what was done. What only waits for an approval was not done.
pub(super) fn done(action: &Action, request: Option<u64>, reach: &Reach) -> String {
    if let Some(request) = request {
        return format!("Nothing is changed yet: request {request} waits for another member's approval (6)");
    }
    match (action, reach) {
        (Action::Share { flag, rule: None, share }, _) => {
            format!("{flag}: the share is {share} from the next snapshot on (P)")
        }
        (Action::Share { flag, rule: Some(rule), share }, _) => {
            format!("{flag}, rule {rule}: the share is {share} from the next snapshot on (P)")
        }
        (Action::Kill { flag, .. }, Reach::Served { place }) => {
            format!("{flag} is killed, and clients get it from {place}")
        }
        (Action::Kill { flag, .. }, _) => format!("{flag} is killed; clients get it with the next snapshot (P)"),
        (Action::Unkill { target }, _) => {
            format!("The kill of {target} is lifted; clients get it with the next snapshot (P)")
        }
        (Action::Start { flag, schedule }, _) => {
            format!(
                "{flag}: the {} rollout has started; clients get its first step with the next snapshot (P)",
                schedule.name()
            )
        }
        (Action::Move { flag, event }, _) => {
            let done = match event {
                Event::Advance => "goes on to the next step",
                Event::Back => "goes back one step",
                Event::Pause => "is paused; p lets it go on",
                Event::Resume => "goes on",
                _ => "is moved",
            };
            format!("{flag}: its rollout {done}")
        }
        (Action::Undo { line }, _) => {
            format!("Entry {} is undone: {}; clients get it with the next snapshot (P)", line.seq, line.sentence)
        }
        (Action::Apply, _) => "The draft is applied; clients get it with the next snapshot (P)".to_owned(),
        (Action::Approve { request }, _) => {
            format!("Request {request} is approved; clients get it with the next snapshot (P)")
        }
        (Action::Reject { request }, _) => format!("Request {request} is turned down"),
        (Action::Drop, _) => "The draft is dropped".to_owned(),
        (Action::Rebase, _) => "The draft stands on the log as it is now".to_owned(),
    }
}
