//! A store or a server that takes its time: keys go on working, nothing is lost, and what is under way is said.

use proptest::prelude::*;

use super::fixture::Session;
use crate::tui::effect::{DraftTurn, Effect, PublishTo};
use crate::tui::keymap::Place;
use crate::tui::msg::{Mover, Msg, Trouble};
use crate::tui::work::Work;

fn newest(session: &Session) -> String {
    let line = session.model.facts.history.first().unwrap();
    format!("{} - {}", line.sentence, line.reason.as_deref().unwrap_or_default())
}

#[test]
fn fault_keys_go_on_working_while_the_store_hangs() {
    let mut session = Session::new(100, 30);
    session.hang();
    session.press("j Enter x unit=u1 Enter");
    session.wait(3_000);
    let screen = session.screen();
    assert!(screen.contains("… deciding command_history for 3s; keys go on working"), "{screen}");
    session.press("Esc Esc 4 ?");
    assert_eq!(session.model.place(), Place::Help);
    session.press("? 1 q");
    assert!(matches!(session.asked.as_slice(), [Effect::Quit]), "{:?}", session.asked);
    session.recover();
    session.press("x");
    assert!(session.screen().contains("gets "), "{}", session.screen());
}

#[test]
fn fault_a_look_that_hangs_shows_and_what_is_shown_grows_stale() {
    let mut session = Session::new(100, 30);
    session.take(Msg::Looking);
    session.wait(5_000);
    let screen = session.screen();
    assert!(screen.contains("… waiting for the project's log for 5s; keys go on working"), "{screen}");
    session.wait(7_000);
    assert!(session.screen().contains("○ stale 12s"), "{}", session.screen());
    session.take(Msg::Seen);
    session.take(Msg::Looked);
    let screen = session.screen();
    assert!(screen.contains("● live") && !screen.contains("waiting for"), "{screen}");
}

#[test]
fn fault_a_kill_typed_while_the_store_hangs_is_made_once_it_answers() {
    let mut session = Session::new(100, 30);
    session.hang();
    session.press("j !");
    session.wait(1_000);
    let screen = session.screen();
    assert!(screen.contains("Turn off command_history") && screen.contains("Keys count already"), "{screen}");
    session.press("4 Enter x x");
    assert_eq!(session.model.place(), Place::Awaited);
    session.recover();
    assert_eq!(newest(&session), "enabled kill switch: command_history - security");
}

#[test]
fn fault_nothing_but_a_kill_is_confirmed_before_it_was_seen() {
    let mut session = Session::new(100, 30);
    let head = session.model.facts.head;
    session.hang();
    session.press("j u a Enter Enter");
    session.recover();
    assert_eq!((session.model.place(), session.model.facts.head), (Place::Confirm, head));
    session.press("Enter");
    assert!(newest(&session).ends_with("undo of entry 13: a"), "{}", newest(&session));
}

#[test]
fn fault_a_share_typed_ahead_is_worked_out_once_and_goes_on_when_it_is() {
    let mut session = Session::new(100, 30);
    session.hang();
    session.press("j r 2 5 . 5 Enter");
    assert_eq!(session.model.place(), Place::Share);
    session.recover();
    assert_eq!(session.model.place(), Place::Confirm);
    // The first that was asked, and the last: those between are of no use.
    assert_eq!(session.done.iter().filter(|effect| matches!(effect, Effect::Propose(_))).count(), 2);
    session.press("Enter");
    assert!(newest(&session).contains("5% → 25.5%"), "{}", newest(&session));
}

#[test]
fn fault_what_was_sent_goes_on_when_its_dialog_is_left_and_is_not_sent_twice() {
    let mut session = Session::new(100, 30);
    let head = session.model.facts.head;
    session.press("j r 25 Enter");
    session.hang();
    session.press("Enter Enter more Enter");
    session.wait(2_000);
    let screen = session.screen();
    assert!(screen.contains("… writing the change into the log for 2s"), "{screen}");
    session.press("Esc");
    assert!(session.screen().contains("It goes on; what comes of it is told here"), "{}", session.screen());
    session.press("/ tele");
    session.recover();
    assert_eq!(session.model.place(), Place::Filter);
    assert_eq!(session.model.facts.head, head + 1);
    assert!(session.screen().contains("command_history: the share is 25%"), "{}", session.screen());
}

#[test]
fn fault_leaving_while_a_change_is_under_way_is_said_and_always_works() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter");
    session.hang();
    session.press("Enter Esc");
    session.wait(4_000);
    session.press("q");
    let said = "q once more leaves at once: writing the change into the log for 4s and may still be done";
    assert!(session.screen().contains(said), "{}", session.screen());
    assert!(session.asked.is_empty());
    session.press("j q");
    assert!(session.asked.is_empty(), "another key between the two is a change of mind");
    session.press("q");
    assert!(matches!(session.asked.as_slice(), [Effect::Quit]));
}

#[test]
fn fault_a_change_that_fails_after_its_dialog_was_left_is_told() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter");
    session.hang();
    session.press("Enter Esc 4");
    session.others_set("command_history", "20%");
    session.recover();
    let screen = session.screen();
    assert!(screen.contains("error:") && session.model.failure.is_some(), "{screen}");
    assert_eq!(session.model.facts.flag("command_history").unwrap().share.unwrap().to_string(), "20%");
}

#[test]
fn a_plan_that_others_changed_has_to_be_read_again() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter");
    session.others_set("command_history", "20%");
    session.look();
    let head = session.model.facts.head;
    let screen = session.screen();
    assert!(screen.contains("others changed the project: what this does is not what it was"), "{screen}");
    session.press("Enter");
    assert_eq!((session.model.place(), session.model.facts.head), (Place::Confirm, head));
    session.press("Enter");
    assert_eq!(newest(&session), "increased rollout percentage: 20% → 25% (command_history) - ");
}

#[test]
fn a_passphrase_that_is_asked_for_leaves_what_is_entered_alone() {
    let mut session = Session::new(100, 30);
    session.press("j r 2");
    let trouble = Trouble { code: Some("key_locked"), ..Trouble::saying("the key is encrypted") };
    session.take(Msg::Failed(trouble));
    assert_eq!(session.model.place(), Place::Passphrase);
    session.press("swordfish Enter");
    assert_eq!(session.model.place(), Place::Share);
    session.press("5 Enter");
    assert_eq!(session.model.place(), Place::Confirm);
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        (1_u64..1_000).prop_map(|seq| Effect::Inspect { seq }),
        Just(Effect::DropDraft),
        Just(Effect::RebaseDraft),
        Just(Effect::TurnDraft(DraftTurn::Back)),
        "[a-z]{1,4}".prop_map(|out| Effect::Publish { to: PublishTo::Folder(out.into()) }),
        Just(Effect::Repaint),
        Just(Effect::Suspend),
    ]
}

proptest! {
    /// Whatever is asked and whenever the desk is done: each effect comes out once, in its order, and the desk has one at a time.
    #[test]
    fn effects_keep_their_order_and_none_is_lost(
        steps in prop::collection::vec(prop_oneof![effect().prop_map(Some), Just(None)], 0..60),
    ) {
        let now = flag_core::Timestamp::from_millis(0);
        let (mut work, mut asked, mut given, mut at_desk) = (Work::default(), Vec::new(), Vec::new(), 0_usize);
        let mut steps: Vec<Option<Effect>> = steps;
        let count = steps.len();
        steps.extend(std::iter::repeat_n(None, count.saturating_add(1)));
        for step in steps {
            if step.is_none() {
                work.finish();
                at_desk = 0;
            }
            let effects: Vec<Effect> = step.into_iter().collect();
            asked.extend(effects.iter().filter(|effect| !effect.is_of_terminal()).map(|effect| format!("{effect:?}")));
            for effect in work.take(effects, now) {
                if !effect.is_of_terminal() {
                    at_desk += 1;
                    given.push(format!("{effect:?}"));
                }
            }
            prop_assert!(at_desk <= 1);
        }
        prop_assert_eq!(given, asked);
    }
}

#[test]
fn news_of_others_leaves_a_sent_change_alone() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter");
    session.hang();
    session.press("Enter");
    let facts = Box::new((*session.model.facts).clone());
    session.take(Msg::Moved(facts, Mover::Others));
    session.recover();
    assert_eq!(newest(&session), "increased rollout percentage: 5% → 25% (command_history) - ");
}

#[test]
fn fault_nothing_is_put_into_a_draft_before_it_was_seen() {
    let mut session = Session::new(100, 30);
    session.hang();
    session.press("j u C-d");
    session.recover();
    assert_eq!(session.model.place(), Place::Confirm, "{}", session.screen());
    assert!(session.model.facts.draft.is_none());
    session.press("C-d");
    assert!(session.model.facts.draft.is_some());
}
