//! Keys in, state and effects out.

use super::fixture::{Content, Session};
use crate::tui::effect::Effect;
use crate::tui::keymap::Place;
use crate::tui::msg::Msg;

fn selected(session: &Session) -> &str {
    session.model.selected.as_ref().map_or("", |key| key.as_str())
}

#[test]
fn keys_move_the_cursor_and_steps_lead_back() {
    for (keys, place, flag) in [
        ("j", Place::Flags, "command_history"),
        ("Down Down Up", Place::Flags, "command_history"),
        ("G", Place::Flags, "telemetry_cloud_sync"),
        ("G j", Place::Flags, "telemetry_cloud_sync"),
        ("G g k", Place::Flags, "command_execution"),
        ("PgDn", Place::Flags, "telemetry_cloud_sync"),
        ("j Enter", Place::Detail, "command_history"),
        ("j Enter l", Place::Audit, "command_history"),
        ("j Enter l Esc Esc", Place::Flags, "command_history"),
        ("j Enter l -", Place::Detail, "command_history"),
        ("2", Place::Kills, "command_execution"),
        ("Tab Tab", Place::Experiments, "command_execution"),
        ("4 / kill", Place::AuditFilter, "command_execution"),
        ("4 Enter", Place::Entry, "command_execution"),
        ("6 BackTab", Place::Simulate, "command_execution"),
        ("j Enter Tab Tab Tab", Place::Explain, "command_history"),
        (": tele Down Enter", Place::Detail, "telemetry_cloud_sync"),
        ("/", Place::Filter, "command_execution"),
        ("/ tele", Place::Filter, "telemetry"),
        ("/ tele Down Enter", Place::Flags, "telemetry_cloud_sync"),
        ("/ tele Down Enter Esc", Place::Flags, "telemetry_cloud_sync"),
        ("?", Place::Help, "command_execution"),
        ("? ?", Place::Flags, "command_execution"),
        ("j r", Place::Share, "command_history"),
        ("j r F1", Place::Help, "command_history"),
        ("j r F1 Esc", Place::Share, "command_history"),
        ("j r 25 Enter", Place::Confirm, "command_history"),
        ("j r 25 Enter Esc", Place::Share, "command_history"),
        ("j r 500 Enter", Place::Share, "command_history"),
        ("j r 5 Enter", Place::Share, "command_history"),
        ("j !", Place::Confirm, "command_history"),
        ("P", Place::Publish, "command_execution"),
        ("P Esc", Place::Flags, "command_execution"),
    ] {
        let mut session = Session::new(100, 30);
        session.press(keys);
        assert_eq!((session.model.place(), selected(&session)), (place, flag), "{keys}");
        assert!(session.asked.is_empty(), "{keys}");
    }
}

#[test]
fn the_terminal_is_asked_for_what_is_its() {
    for (keys, asked) in [
        ("q", vec!["Quit"]),
        ("Enter q", vec!["Quit"]),
        ("C-c", vec![]),
        ("C-c C-c", vec!["Quit"]),
        ("C-c j C-c", vec![]),
        ("C-z", vec!["Suspend"]),
        ("C-l", vec!["Repaint"]),
        ("j r q", vec![]),
        ("/ q", vec![]),
    ] {
        let mut session = Session::new(80, 24);
        session.press(keys);
        let found: Vec<String> = session.asked.iter().map(|effect| format!("{effect:?}")).collect();
        assert_eq!(found, asked, "{keys}");
    }
}

#[test]
fn a_share_is_judged_while_it_is_typed() {
    for (typed, said) in [
        ("", "Type a percentage with up to three decimals, such as 25% or 0.5%."),
        ("25", "command_history  of everyone, depends on attributes"),
        ("25%", "gain 0% to 20%  lose 0%  move 0%"),
        ("1", "gain 0%  lose 0% to 4%  move 0%"),
        ("5", "That is the share in force: there is nothing to change."),
        ("101", "share \"101\" is above 100%"),
        ("0.0001", "share \"0.0001\" is finer than a thousandth of a percent, expected at most 3 decimals"),
        ("x", "share \"x\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
    ] {
        let mut session = Session::new(100, 30);
        session.press("j r").press(typed);
        let screen = session.screen();
        assert!(screen.contains(said), "{typed}: {screen}");
    }
}

#[test]
fn a_confirmed_share_is_one_entry_of_the_log_with_its_reason() {
    let mut session = Session::new(100, 30);
    let before = session.model.facts.head;
    session.press("j r 25 Enter looks Space good Enter");
    assert_eq!(session.model.place(), Place::Flags);
    assert_eq!(session.model.facts.head, before + 1);
    let line = session.model.facts.history.first().unwrap().to_string();
    assert_eq!(
        line,
        "2026-02-10 10:08:00 - @alice increased rollout percentage: 5% → 25% (command_history) - looks good"
    );
    assert!(session.screen().contains("command_history: the share is 25% from the next snapshot on (P)"));
}

#[test]
fn a_rule_has_a_share_of_its_own() {
    let mut session = Session::new(100, 30);
    session.press("j r Tab 50 Enter Enter");
    let line = session.model.facts.history.first().unwrap().sentence.clone();
    assert_eq!(line, "decreased rollout percentage: 100% → 50% (command_history, rule team)");
}

#[test]
fn killing_takes_a_reason_and_lifting_the_typed_key_too() {
    let mut session = Session::new(100, 30);
    session.press("j ! Enter");
    assert!(session.screen().contains("the reason is empty, expected why the change is made"));
    session.press("incident Enter");
    assert_eq!(session.model.facts.kills.len(), 1);
    session.press("! fixed Enter");
    assert_eq!(session.model.place(), Place::Confirm, "the key is still to be typed");
    session.press("command_histor Enter");
    assert!(session.screen().contains("found \"command_histor\", expected \"command_history\""));
    session.take(Msg::Paste("y".to_owned()));
    assert!(session.screen().contains("the key is to be typed, not pasted"));
    session.press("y Enter");
    assert_eq!((session.model.facts.kills.len(), session.model.place()), (0, Place::Flags));
}

#[test]
fn a_kill_switch_has_no_rollout_and_says_why() {
    let mut session = Session::new(100, 30);
    session.press("r");
    assert_eq!(session.model.place(), Place::Flags);
    assert!(session.screen().contains("a kill switch has no rollout: it is on until it is killed (!)"));
}

#[test]
fn changes_of_others_appear_and_leave_the_cursor_with_its_flag() {
    let mut session = Session::new(100, 30);
    session.press("j j j");
    session.others_set("command_history", "50%");
    session.look();
    assert_eq!(selected(&session), "enhanced_safety_v2");
    let screen = session.screen();
    assert!(screen.contains("@bob increased rollout percentage: 5% → 50% (command_history)"), "{screen}");
    session.others_archive("enhanced_safety_v2");
    session.look();
    assert_eq!(selected(&session), "llm_backends");
}

#[test]
fn what_is_about_to_be_confirmed_is_worked_out_anew_when_others_change_it() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter");
    session.others_set("command_history", "20%");
    session.look();
    let screen = session.screen();
    assert!(screen.contains("20% → 25%") && screen.contains("gain 0% to 5%"), "{screen}");
    session.press("Enter Enter");
    assert_eq!(session.model.place(), Place::Flags);
}

#[test]
fn a_change_from_an_older_head_is_refused_and_stays_in_sight() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter");
    session.others_set("command_history", "20%");
    session.press("Enter");
    assert_eq!(session.model.place(), Place::Confirm);
    let screen = session.screen();
    assert!(screen.contains("the log has moved on") && screen.contains("20% → 25%"), "{screen}");
    session.press("Enter");
    assert_eq!(
        session.model.facts.history.first().unwrap().sentence,
        "increased rollout percentage: 20% → 25% (command_history)"
    );
}

#[test]
fn a_snapshot_that_cannot_be_signed_says_why_and_keeps_the_folder() {
    let mut session = Session::new(100, 30);
    session.press("P Enter");
    assert!(session.screen().contains("the folder is empty, expected the folder that clients fetch from"));
    session.press("./public Enter");
    let screen = session.screen();
    assert!(screen.contains("error: there is no snapshot key at keys/snapshot.pem"), "{screen}");
    assert!(screen.contains("./public"), "{screen}");
}

#[test]
fn errors_stay_until_they_are_dismissed_and_news_passes() {
    let mut session = Session::new(100, 30);
    session.press("r");
    let later = session.model.now.saturating_add_millis(10_000);
    session.take(Msg::Tick(later));
    assert!(session.model.notice.is_none());
    let trouble = crate::tui::msg::Trouble::saying("the disk is full");
    session.take(Msg::Failed(trouble));
    session.take(Msg::Tick(later.saturating_add_millis(1_000_000)));
    assert!(session.screen().contains("error: the disk is full"));
    session.press("Esc");
    assert!(session.model.notice.is_none());
}

#[test]
fn where_nothing_can_be_seen_nothing_is_changed() {
    let mut session = Session::new(50, 10);
    session.press("j ! incident Enter");
    assert!(session.model.facts.kills.is_empty() && session.model.dialog.is_none());
    session.press("q");
    assert!(matches!(session.asked.as_slice(), [Effect::Quit]));
}

#[test]
fn an_empty_project_says_how_to_fill_it() {
    let mut session = Session::with(Content::Nothing, 80, 24);
    assert!(session.screen().contains("flag-admin apply -f flags.toml"));
    session.press("Enter r ! j G");
    assert_eq!(session.model.place(), Place::Flags);
}
