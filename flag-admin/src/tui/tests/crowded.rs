//! What must be in sight when there is much to say and little room: which number it is, how old it is, whom a change is for.

use std::fmt::Write as _;
use std::rc::Rc;

use super::fixture::Session;
use crate::app::Prune;
use crate::definition::Definitions;
use crate::log::PublishedSnapshot;
use crate::tui::effect::Effect;
use crate::tui::keymap::Place;
use crate::tui::layout::{Class, classify};
use crate::tui::model::Dialog;
use crate::tui::msg::{Msg, Trouble};
use crate::tui::recorder::without_entries;
use crate::tui::room::Room;
use crate::tui::screens::confirm::Confirm;

fn flags(count: usize, share: &str) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "[flags.flag_{number:05}]\nrollout = \"{share}\"").unwrap();
        text
    })
}

/// Drafts another share for each of many flags.
fn drafted(count: usize) -> Session {
    let mut session = Session::of(&flags(count, "5%"), 80, 24);
    let definitions = Definitions::from_toml(&flags(count, "10%"), "flags.toml").unwrap();
    let environment = session.desk.environment.clone();
    let proposal = session.desk.project.propose_definitions(&environment, &definitions, Prune::Keep).unwrap();
    for msg in session.desk.perform(Effect::Keep { proposal: Box::new(proposal) }) {
        session.take(msg);
    }
    assert_eq!(session.model.facts.draft.as_ref().unwrap().sentences.len(), count);
    session
}

#[test]
fn a_draft_of_many_changes_is_laid_out_once_and_shown_to_its_end() {
    let mut session = drafted(1_000);
    for (key, room) in [("6", Room::Pending), ("5", Room::Simulate)] {
        session.press(key);
        let laid = |session: &Session| session.model.laid_of(room, session.model.screen_columns()).unwrap();
        let before = laid(&session);
        session.press("PgDn PgDn j k PgDn");
        session.wait(1_000);
        assert!(Rc::ptr_eq(&before, &laid(&session)), "{room:?} is laid out anew");
        session.take(Msg::Resize(100, 30));
        assert!(!Rc::ptr_eq(&before, &laid(&session)), "{room:?} keeps the rows of another width");
        session.take(Msg::Resize(80, 24));
    }
    session.press("6 A");
    assert_eq!(session.model.place(), Place::Confirm);
    let laid = |session: &Session| match &session.model.dialog {
        Some(Dialog::Confirm(confirm)) => confirm.laid.as_ref().unwrap().rows(&session.model.facts, 72).unwrap(),
        other => panic!("{other:?}"),
    };
    let before = laid(&session);
    session.press("PgDn ready Backspace");
    assert!(Rc::ptr_eq(&before, &laid(&session)), "the confirmation is laid out anew");
    assert!(session.screen().contains("flag_00009"), "{}", session.screen());
    for _ in 0..1_000 {
        session.press("PgDn");
    }
    let screen = session.screen();
    assert!(screen.contains("flag_00999") && screen.contains("0 more below"), "{screen}");
}

#[test]
fn what_is_drafted_meanwhile_is_laid_out_anew() {
    let mut session = drafted(20);
    session.press("6");
    assert!(session.screen().contains("Draft of 20 changes"));
    session.press("u");
    assert!(session.screen().contains("No draft."), "{}", session.screen());
    session.press("C-r");
    assert!(session.screen().contains("Draft of 20 changes"));
}

#[test]
fn an_expired_snapshot_is_said_on_every_screen_of_any_width() {
    for columns in [60, 80, 160] {
        let mut session = Session::new(columns, 30);
        let mut facts = (*session.model.facts).clone();
        facts.published = Some(PublishedSnapshot {
            version: 7,
            epoch: 1,
            digest: crate::log::Digest::GENESIS,
            published_at: session.model.now.saturating_add_millis(-20 * 86_400_000),
            expires_at: session.model.now.saturating_add_millis(-2 * 86_400_000),
        });
        session.model.facts = Rc::new(facts);
        for keys in ["1", "2", "3", "4", "5", "6", "1 Enter"] {
            session.press(keys);
            let screen = session.screen();
            assert!(screen.contains("EXPIRED  snapshot 7, 2 d ago"), "{keys}, {columns} columns: {screen}");
        }
    }
}

#[test]
fn fault_how_old_the_data_are_is_said_before_why_however_long_that_is() {
    let mut session = Session::new(60, 16);
    session.wait(65_000);
    session.take(Msg::Lost(Trouble::saying("the log of a folder with a very long name cannot be read ".repeat(3))));
    assert!(session.screen().contains("CANNOT BE READ  what you see is of 1m05s ago"), "{}", session.screen());
}

#[test]
fn a_hash_stands_beside_its_label_in_the_narrowest_screen() {
    let mut session = Session::new(60, 24);
    session.press("4 Enter");
    let hash = session.model.selected_entry().unwrap().hash.to_string();
    let screen = session.screen();
    let beginning = hash.get(..40).unwrap();
    assert!(screen.contains(&format!("Hash       {beginning}")), "{screen}");
}

#[test]
fn a_number_is_never_cut_to_another_number() {
    let mut text = "[flags.many]\nrollout = \"5%\"\n[flags.whole]\nrollout = \"100%\"\n".to_owned();
    for (flag, number) in ["many", "whole"].into_iter().flat_map(|flag| (0..200).map(move |number| (flag, number))) {
        write!(
            text,
            "[[flags.{flag}.rules]]\nid = \"rule_{number}\"\nserve = \"on\"\n\
             when = {{ attribute = \"country\", operator = \"in\", values = [\"c{number}\"] }}\n"
        )
        .unwrap();
    }
    let screen = Session::of(&text, 80, 24).screen();
    assert!(screen.contains("5%+200r") && screen.contains("100%+200r"), "{screen}");
}

#[test]
fn whom_a_change_is_for_comes_before_whom_it_leaves_alone() {
    let mut text = "[flags.many]\nrollout = \"5%\"\n".to_owned();
    for number in 0..40 {
        write!(
            text,
            "[[flags.many.rules]]\nid = \"rule_{number}\"\nserve = \"on\"\n\
             when = {{ attribute = \"country\", operator = \"in\", values = [\"c{number}\"] }}\n"
        )
        .unwrap();
    }
    let mut session = Session::of(&text, 100, 30);
    session.press("r 25");
    let screen = session.screen();
    let first = screen.lines().skip_while(|line| !line.contains("where  ")).nth(1).unwrap();
    assert!(first.contains("20%"), "{screen}");
}

#[test]
fn a_long_name_in_a_title_is_cut_where_one_sees_it() {
    let key = "k".repeat(64);
    let mut session = Session::of(&format!("[flags.{key}]\n"), 60, 20);
    session.press("r");
    let screen = session.screen();
    let title = screen.lines().find(|line| line.contains("Rollout of")).unwrap();
    assert!(title.contains("… ┐"), "{screen}");
}

#[test]
fn the_size_alone_decides_what_fits() {
    for (size, expected) in [
        ((59, 16), Class::TooSmall),
        ((60, 15), Class::TooSmall),
        ((60, 16), Class::Small),
        ((99, 60), Class::Small),
        ((100, 16), Class::Normal),
        ((149, 60), Class::Normal),
        ((150, 27), Class::Normal),
        ((150, 28), Class::Wide),
    ] {
        assert_eq!(classify(size.0, size.1), expected, "{size:?}");
    }
}

#[test]
fn what_is_kept_for_a_bug_report_takes_the_rows_that_were_laid_out() {
    let mut session = drafted(20);
    for keys in ["6", "5", "6 A"] {
        session.press(keys);
        let facts = Rc::new((*session.model.facts).clone());
        let copy = without_entries(&session.model, Rc::clone(&facts));
        let columns = copy.screen_columns();
        let (kept, shown) = (copy.laid_of(copy.room, columns), session.model.laid_of(copy.room, columns));
        assert!(Rc::ptr_eq(&kept.unwrap(), &shown.unwrap()), "{keys}");
        if let (Some(Dialog::Confirm(kept)), Some(Dialog::Confirm(shown))) = (&copy.dialog, &session.model.dialog) {
            assert!(Rc::ptr_eq(&kept.proposal, &shown.proposal));
            let of = |confirm: &Confirm, facts| confirm.laid.as_ref().unwrap().rows(facts, 72).unwrap();
            assert!(Rc::ptr_eq(&of(kept, &facts), &of(shown, &session.model.facts)));
        }
    }
    assert_eq!(session.model.place(), Place::Confirm);
}
