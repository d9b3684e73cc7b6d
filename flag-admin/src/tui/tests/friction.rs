//! What is dangerous passes its confirmation, and the more dangerous it is the more has to be typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;

use super::fixture::Session;
use crate::log::Change;
use crate::tui::action::{Action, ReasonNeed};
use crate::tui::effect::Effect;
use crate::tui::friction::{is_word, word};
use crate::tui::keymap::Place;
use crate::tui::model::{Dialog, Model};
use crate::tui::msg::Msg;
use crate::tui::update::react;

/// Says what is wrong with an effect that leaves `update`: a change needs the confirmation that showed it, filled in; a publication the
/// form that named it.
fn wrong_with(before: &Model, effect: &Effect, msg: &str) -> Option<String> {
    let is_enter = msg == "Enter";
    let confirms = |effect: &Action| {
        let confirmed = |dialog: &Dialog| matches!(dialog, Dialog::Confirm(confirm) if confirm.action == *effect);
        is_enter && before.dialog.as_ref().is_some_and(confirmed)
    };
    match effect {
        Effect::Commit { action, proposal, reason } => {
            let confirm = match &before.dialog {
                Some(Dialog::Confirm(confirm)) if is_enter => confirm,
                // Keys that were typed while this kill was worked out, a reason and Enter among them.
                Some(Dialog::Awaited(awaited)) if matches!(action, Action::Kill { .. }) => {
                    let has_enter = awaited.clone().into_keys().iter().any(|key| key.code == KeyCode::Enter);
                    let is_it = awaited.action == *action && has_enter && reason.is_some();
                    return (!is_it).then(|| format!("{action:?} from {:?} by {msg}", before.place()));
                }
                // What takes nothing and gives nothing is done by its one key.
                Some(Dialog::Awaited(awaited)) if awaited.action == *action && action.is_done_at_once() => return None,
                _ => return Some(format!("{action:?} from {:?} by {msg}", before.place())),
            };
            let word = word(action, proposal, &before.facts);
            let is_typed = word.as_ref().is_none_or(|word| is_word(&confirm.typed.text(), word));
            let is_reasoned = action.reason() == ReasonNeed::Optional || reason.is_some();
            let is_read = confirm.action == *action && *confirm.proposal.edits() == *proposal.edits();
            (!(is_typed && is_reasoned && is_read)).then(|| format!("{action:?}: {word:?}, {reason:?}"))
        }
        Effect::DropDraft => (!confirms(&Action::Drop)).then(|| format!("dropped from {:?} by {msg}", before.place())),
        Effect::RebaseDraft => {
            let loses = before.facts.draft.as_ref().is_some_and(|draft| !draft.lost.is_empty());
            (loses && !confirms(&Action::Rebase)).then(|| format!("rebased from {:?} by {msg}", before.place()))
        }
        Effect::Keep { .. } => {
            let is_confirmed = matches!(before.dialog, Some(Dialog::Confirm(_))) && msg == "C-d";
            (!is_confirmed).then(|| format!("kept from {:?} by {msg}", before.place()))
        }
        Effect::Publish { .. } => {
            let is_signed = matches!(before.dialog, Some(Dialog::Publish(_))) && is_enter;
            let is_unlocked = matches!(before.dialog, Some(Dialog::Passphrase(_)));
            (!is_signed && !is_unlocked).then(|| format!("published from {:?} by {msg}", before.place()))
        }
        _ => None,
    }
}

/// Everything that changes something, everything that confirms, and what is typed to get there.
fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "!",
        "r",
        "E",
        "p",
        "a",
        "b",
        "u",
        "A",
        "B",
        "D",
        "R",
        "P",
        "U",
        "x",
        "1",
        "2",
        "4",
        "6",
        "j",
        "k",
        "y",
        "25",
        "100",
        "0",
        "drill",
        "./public",
        "command_history",
        "command_execution",
        "production",
        "Enter",
        "Enter",
        "Enter",
        "Enter",
        "Enter",
        "Tab",
        "Esc",
        "C-d",
        "C-r",
        "Space",
        ":",
        "publish",
        "apply",
        "kill",
        "advance",
        "others",
        "look",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whenever the desk answers: at once, after some more keys, or after all of them.
    #[test]
    fn nothing_dangerous_leaves_update_without_its_confirmation(
        keys in prop::collection::vec((key(), 0_usize..4), 0..60),
        is_slow in any::<bool>(),
    ) {
        let mut session = Session::new(100, 30);
        let mut asked = std::collections::VecDeque::new();
        for (word, answers) in keys.into_iter().chain([("Esc", usize::MAX)]) {
            let events: Vec<(Msg, String)> = match (word, super::fixture::named(word)) {
                ("others", _) => {
                    session.others_go_on("command_history");
                    continue;
                }
                ("look", _) => vec![(session.desk.look(), "a look".to_owned())],
                (_, Some(event)) => vec![(Msg::Key(event), word.to_owned())],
                (_, None) => word
                    .chars()
                    .map(|c| (Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)), c.to_string()))
                    .collect(),
            };
            for (event, name) in events {
                let mut answers = if is_slow { answers } else { usize::MAX };
                let mut waiting = std::collections::VecDeque::from([(event, name)]);
                loop {
                    while let Some((msg, name)) = waiting.pop_front() {
                        let before = session.model.clone();
                        for effect in react(&mut session.model, msg) {
                            let wrong = wrong_with(&before, &effect, &name);
                            prop_assert!(wrong.is_none(), "{wrong:?}");
                            if !effect.is_of_terminal() {
                                asked.push_back(effect);
                            }
                        }
                    }
                    if answers == 0 {
                        break;
                    }
                    answers -= 1;
                    let Some(effect) = asked.pop_front() else { break };
                    waiting.extend(session.desk.perform(effect).into_iter().map(|msg| (msg, "an answer".to_owned())));
                }
            }
        }
    }
}

#[test]
fn a_step_that_is_entered_early_takes_its_share_typed() {
    let mut session = Session::new(100, 40);
    session.press("/ mlx Enter E Enter Enter");
    let share = |session: &Session| session.model.facts.rollout_of("mlx_backend").unwrap().share.to_string();
    assert_eq!(share(&session), "1%");
    let flag = "mlx_backend".parse().unwrap();
    let advance = Action::Move { flag, event: crate::rollout::Event::Advance };
    let nothing = session.desk.project.propose(&session.desk.environment, Vec::new()).unwrap();
    let expected = word(&advance, &nothing, &session.model.facts).unwrap();
    assert_eq!(expected, "5%");
    assert!(is_word("5%", &expected) && is_word("5", &expected) && !is_word("50", &expected));
    let flag = "mlx_backend".parse().unwrap();
    let pause = Action::Move { flag, event: crate::rollout::Event::Pause };
    assert_eq!(word(&pause, &nothing, &session.model.facts), None, "what is safe takes nothing typed");
}

#[test]
fn a_draft_that_gives_everybody_something_takes_the_environment_typed() {
    let mut session = Session::new(100, 40);
    session.press("j r 100 Enter C-d 6 A Enter Enter");
    assert_eq!(session.model.place(), Place::Confirm);
    assert!(session.screen().contains("Type production"), "{}", session.screen());
    session.press("production Enter");
    assert_eq!(session.model.facts.flag("command_history").unwrap().share.unwrap().to_string(), "100%");
    // Less for everybody is no danger, more again is.
    session.press("1 r 50 Enter Enter 4 u Enter Enter");
    assert!(session.screen().contains("Type production"), "{}", session.screen());
}

#[test]
fn undoing_what_takes_a_flag_out_is_typed() {
    let mut session = Session::new(100, 40);
    let definition = session.model.facts.flag("command_history").unwrap().definition.clone();
    session
        .others_change(vec![Change::FlagCreated { key: "fresh".parse().unwrap(), definition: Box::new(definition) }]);
    session.look();
    session.press("Esc u Enter Enter");
    let screen = session.screen();
    assert!(screen.contains("Type production"), "{screen}");
}

#[test]
fn steps_of_ones_own_are_judged_while_they_are_typed_and_started() {
    let mut session = Session::new(100, 40);
    session.press("/ mlx Enter E");
    assert_eq!(session.model.place(), Place::Steps);
    let screen = session.screen();
    for said in [
        "This is the standard schedule. Tab takes the accelerated one.",
        "1% 5%@24h",
        "+1%",
        "+25%",
        "What the first step does",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("C-u 2% Space 1%@1d");
    assert!(session.screen().contains("step 2 (1%) is not above step 1 (2%)"), "{}", session.screen());
    session.press("Enter");
    assert_eq!(session.model.place(), Place::Steps);
    session.press("C-u 2% Space 40%@3d! Space soak=6h");
    let screen = session.screen();
    for said in
        ["This is the custom schedule", "waits for an approval", "It ends at 40%: nobody else gets it by itself."]
    {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("Enter");
    assert!(session.screen().contains("on the custom schedule: 2% 40%@3d! soak=6h"), "{}", session.screen());
    session.press("Esc");
    assert_eq!(session.model.place(), Place::Steps, "back to what was entered");
    session.press("Enter Enter");
    let rollout = session.model.facts.rollout_of("mlx_backend").unwrap();
    assert_eq!((rollout.schedule.as_str(), rollout.steps.len(), rollout.soak.as_str()), ("custom", 2, "6h"));
    session.press("5");
    assert_eq!(crate::tui::simulation::Simulator::schedules(&session.model.facts).len(), 4);
}

#[test]
fn a_schedule_is_played_ahead() {
    let mut session = Session::new(100, 45);
    session.press("5 v Enter");
    let screen = session.screen();
    for said in [
        "The accelerated schedule, 100000 people, 40 runs, seed 1",
        "False alarms",
        "Caught",
        "flag-admin simulate --schedule accelerated",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
}

#[test]
fn a_word_that_is_to_be_typed_cannot_be_pasted() {
    let mut session = Session::new(100, 40);
    session.press("j r 100 Enter Enter");
    session.take(Msg::Paste("command_history".to_owned()));
    let screen = session.screen();
    assert!(screen.contains("error: the key is to be typed, not pasted"), "{screen}");
    session.press("Enter");
    assert_eq!(session.model.place(), Place::Confirm, "nothing is done");
    assert_eq!(session.model.facts.flag("command_history").unwrap().share.unwrap().to_string(), "5%");
    session.press("command_history Enter");
    assert_eq!(session.model.facts.flag("command_history").unwrap().share.unwrap().to_string(), "100%");
}
