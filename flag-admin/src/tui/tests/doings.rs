//! What can be done: kills in three keys, undo, drafts, approvals, copying, and what is refused.

use super::fixture::Session;
use crate::log::{Change, Role};
use crate::tui::effect::Effect;
use crate::tui::keymap::Place;
use crate::tui::msg::{Msg, Trouble};

fn newest(session: &Session) -> String {
    let line = session.model.facts.history.first().unwrap();
    format!("{} - {}", line.sentence, line.reason.as_deref().unwrap_or_default())
}

fn share_of(session: &Session, flag: &str) -> String {
    session.model.facts.flag(flag).unwrap().share.unwrap().to_string()
}

#[test]
fn three_keys_kill() {
    let mut session = Session::new(80, 24);
    session.press("j ! 1 Enter");
    assert_eq!(newest(&session), "enabled kill switch: command_history - errors or crashes");
    assert!(session.screen().contains("! KILLED  command_history  (escalates in 24h00m; 2 shows)"));
    session.press("2");
    let screen = session.screen();
    for said in
        ["Kill switches: 1 killed", "killed by @alice", "escalates in 24h00m", "off = false", "errors or crashes"]
    {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.wait(25 * 3_600_000);
    assert!(session.screen().contains("escalated: over 24 hours for 1h00m"));
}

#[test]
fn the_last_change_is_undone_after_seeing_what_that_does() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter Enter u");
    let screen = session.screen();
    assert!(screen.contains("Take back entry 14") && screen.contains("lose 0% to 20%"), "{screen}");
    session.press("Enter");
    assert_eq!(newest(&session), "decreased rollout percentage: 25% → 5% (command_history) - undo of entry 14");
    assert_eq!(share_of(&session, "command_history"), "5%");
}

#[test]
fn an_entry_of_the_log_says_what_it_changed_and_is_undone() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter Enter 4 Enter");
    let screen = session.screen();
    for said in ["entry 14", "rollout: 5% → 25%", "follows entry 13; no snapshot carries it yet", "no reason was given"]
    {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("u Enter");
    assert_eq!(share_of(&session, "command_history"), "5%");
    session.press("Esc Esc 4 / undo Enter");
    assert_eq!(session.model.audit.shown.len(), 1);
}

#[test]
fn a_draft_changes_nothing_until_it_is_applied() {
    let mut session = Session::new(100, 30);
    let head = session.model.facts.head;
    session.press("j r 25 Enter C-d");
    assert_eq!(session.model.place(), Place::Flags);
    assert!(session.model.notice.is_some());
    session.press("Esc j j r 75 Enter C-d 6");
    let screen = session.screen();
    for said in ["Draft of 2 changes", "rollout: 5% → 25%", "rollout: 50% → 75%", "A applies it"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("u");
    assert_eq!(session.model.facts.draft.as_ref().unwrap().sentences.len(), 1);
    session.press("C-r");
    assert_eq!(session.model.facts.draft.as_ref().unwrap().sentences.len(), 2);
    assert_eq!(session.model.facts.head, head);
    session.press("A Enter");
    assert_eq!(session.model.facts.head, head + 2);
    assert!(session.model.facts.draft.is_none());
    assert_eq!(
        (share_of(&session, "command_history"), share_of(&session, "enhanced_safety_v2")),
        ("25%".into(), "75%".into())
    );
}

#[test]
fn fault_a_draft_that_others_overtook_says_so_and_keeps_what_is_left_of_it() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter C-d j j r 75 Enter C-d");
    session.others_set("command_history", "20%");
    session.look();
    session.press("6");
    let screen = session.screen();
    assert!(screen.contains("DRAFT  others changed what it was made from"), "{screen}");
    assert!(screen.contains("B puts it onto the log as it stands"), "{screen}");
    session.press("B");
    let screen = session.screen();
    for said in ["Put the draft onto the log", "goes increased rollout percentage", "25% (command_history)", "→ 75%"]
    {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("Enter");
    assert_eq!(session.model.facts.draft.as_ref().unwrap().sentences.len(), 1);
}

#[test]
fn everybody_at_once_takes_the_typed_key() {
    let mut session = Session::new(100, 30);
    session.press("j r 100 Enter Enter");
    assert_eq!(session.model.place(), Place::Confirm);
    session.take(Msg::Paste("command_history".to_owned()));
    assert!(session.screen().contains("the key is to be typed, not pasted"));
    session.press("command_history Enter");
    assert_eq!(share_of(&session, "command_history"), "100%");
}

/// Returns a session of alice in a role, in a project with two release managers besides.
fn with_members(role: Role, approvals: u8) -> Session {
    let mut session = Session::new(100, 30);
    let member = |name: &str, role| Change::MemberSet { member: name.parse().unwrap(), role };
    session.others_change(vec![member("bob", Role::ReleaseManager), member("carol", Role::ReleaseManager)]);
    session.others_change(vec![member("alice", role)]);
    if approvals > 0 {
        session.others_change(vec![Change::ApprovalsRequired { approvals }]);
    }
    session.look();
    session
}

#[test]
fn what_waits_for_an_approval_is_not_called_done() {
    let mut session = with_members(Role::ReleaseManager, 1);
    session.press("Esc j r 25 Enter");
    assert!(session.screen().contains("asks for another member's approval"), "{}", session.screen());
    session.press("Enter");
    let screen = session.screen();
    assert!(screen.contains("Nothing is changed yet: request"), "{screen}");
    assert_eq!(share_of(&session, "command_history"), "5%");
    session.press("6");
    let screen = session.screen();
    assert!(screen.contains("approvals 0/1") && screen.contains("your own: R takes it back"), "{screen}");
    session.press("a");
    assert!(session.screen().contains("nobody approves their own"), "{}", session.screen());
    session.press("Esc R Enter");
    assert!(session.model.facts.requests.is_empty());
}

#[test]
fn a_key_that_may_not_act_says_who_may() {
    let mut session = with_members(Role::EngineeringLead, 0);
    session.press("Esc !");
    assert_eq!(session.model.place(), Place::Flags);
    let said = &session.model.failure.as_ref().unwrap().message;
    assert!(said.ends_with("a kill switch; a release manager or an emergency responder may"), "{said}");
    session.press("Esc e");
    assert!(session.screen().contains("code: not_allowed"), "{}", session.screen());
}

#[test]
fn keys_and_commands_are_copied() {
    let copied = |keys: &str| {
        let mut session = Session::new(100, 30);
        session.press(keys);
        session
            .asked
            .iter()
            .map(|effect| match effect {
                Effect::Copy(text) => text.clone(),
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(copied("j y y"), ["command_history", "flag-admin flag show command_history"]);
    assert_eq!(copied("j y j y"), ["command_history", "command_model_comparison"]);
    assert_eq!(copied("4 / kill Enter Esc 2 y y").last().unwrap(), "flag-admin kill list");
    assert_eq!(
        copied("j x unit=u1 Space os=macos Enter Esc y y").last().unwrap(),
        "flag-admin why command_history --unit u1 --attr os=macos"
    );
}

#[test]
fn a_frozen_screen_stands_says_for_how_long_and_changes_nothing() {
    let mut session = Session::new(100, 30);
    session.press("Space");
    session.others_set("command_history", "50%");
    session.wait(41_000);
    session.look();
    let screen = session.screen();
    assert!(screen.contains("PAUSED 00:41, changed since") && screen.contains("  5% +1r"), "{screen}");
    session.press("j r");
    assert_eq!(session.model.place(), Place::Flags);
    assert!(session.screen().contains("the screen is frozen for 41s: Space goes on"), "{}", session.screen());
    session.press("Space");
    assert_eq!(share_of(&session, "command_history"), "50%");
    assert!(session.screen().contains("● live"));
}

#[test]
fn fault_a_store_that_is_gone_leaves_the_data_and_disables_changes() {
    let mut session = Session::new(100, 30);
    session.wait(252_000);
    session.take(Msg::Lost(Trouble::saying("the log cannot be read: locked")));
    let screen = session.screen();
    for said in [
        "CANNOT BE READ  what you see is of 4m12s ago: the log cannot be read: locked",
        "○ stale 4m12s",
        "command_history",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("j !");
    assert_eq!(session.model.place(), Place::Flags);
    assert!(session.screen().contains("the project cannot be read for 4m12s, so nothing can be changed"));
    session.take(Msg::Seen);
    session.press("Esc !");
    assert_eq!(session.model.place(), Place::Confirm);
}

#[test]
fn a_flag_is_explained_for_somebody() {
    let mut session = Session::new(100, 30);
    session.press("/ mlx Enter x unit=u1 Space os=macos Space arch=aarch64 Enter");
    let screen = session.screen();
    for said in ["gets true (on)", "rule apple_silicon", "decided"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("Esc Esc");
    assert_eq!(session.model.place(), Place::Flags);
    session.press("x Tab Tab");
    assert_eq!(session.model.place(), Place::Detail);
}

#[test]
fn a_rollout_that_moves_by_itself_is_started_shown_paused_and_let_go_on() {
    let mut session = Session::new(100, 40);
    session.press("/ safety Enter p");
    assert!(session.screen().contains("E starts one"), "{}", session.screen());
    session.press("Esc / mlx Enter E");
    let screen = session.screen();
    assert!(screen.contains("This is the standard schedule") && screen.contains("gain 0% to"), "{screen}");
    session.press("Tab");
    assert!(session.screen().contains("This is the accelerated schedule"), "{}", session.screen());
    session.press("Tab Enter Enter");
    let rollout = session.model.facts.rollout_of("mlx_backend").unwrap();
    assert_eq!(rollout.schedule, "cautious");
    session.press("Enter");
    let screen = session.screen();
    for said in ["Steps", "[1%]", "cautious, started by @alice", "p pauses, a goes on"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("p");
    assert!(session.screen().contains("paused"), "{}", session.screen());
    session.press("p Enter");
    assert!(session.screen().contains("the reason is empty"), "{}", session.screen());
    session.press("fixed Enter");
    let standing = session.model.facts.rollout_of("mlx_backend").unwrap().standing;
    assert_eq!(standing, crate::tui::trials::Running::On);
}

#[test]
fn pausing_is_one_key_and_letting_go_on_asks_why() {
    let mut session = Session::new(100, 40);
    session.press("/ mlx Enter E Enter Enter p");
    assert_eq!(session.model.place(), Place::Flags);
    assert!(session.screen().contains("mlx_backend: its rollout is paused; p lets it go on"), "{}", session.screen());
    assert!(newest(&session).contains("mlx_backend"), "{}", newest(&session));
    session.press("p");
    assert_eq!(session.model.place(), Place::Confirm);
}

#[test]
fn what_waits_for_an_approval_asks_even_where_it_is_done_at_once() {
    let mut session = Session::new(100, 40);
    session.press("/ mlx Enter E Enter Enter");
    let member = |name: &str| Change::MemberSet { member: name.parse().unwrap(), role: Role::ReleaseManager };
    session.others_change(vec![member("bob"), member("alice")]);
    session.others_change(vec![Change::ApprovalsRequired { approvals: 1 }]);
    session.look();
    let head = session.model.facts.head;
    session.press("Esc p");
    let screen = session.screen();
    if session.model.place() == Place::Confirm {
        assert!(screen.contains("asks for another member's approval"), "{screen}");
        assert_eq!(session.model.facts.head, head);
    } else {
        assert!(screen.contains("is paused"), "{screen}");
    }
}

#[test]
fn a_draft_is_dropped_after_seeing_what_goes() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter C-d 6 D");
    let screen = session.screen();
    for said in ["Throw away the draft of 1 change.", "goes increased rollout percentage: 5% → 25%", "u brings it back"]
    {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    session.press("x Esc");
    assert!(session.model.facts.draft.is_some(), "a look is no loss");
    session.press("D Enter");
    assert!(session.model.facts.draft.is_none() && session.model.dialog.is_none());
    session.press("u");
    assert_eq!(session.model.facts.draft.as_ref().unwrap().sentences.len(), 1);
}

#[test]
fn a_draft_that_loses_nothing_is_put_onto_the_log_at_once() {
    let mut session = Session::new(100, 30);
    session.press("j r 25 Enter C-d");
    session.others_set("enhanced_safety_v2", "20%");
    session.look();
    session.press("6 B");
    assert_eq!(session.model.place(), Place::Pending);
    assert!(session.screen().contains("1 kept, 0 dropped"), "{}", session.screen());
}

#[test]
fn fault_a_kill_that_its_server_could_not_publish_is_not_called_published() {
    let afar = |why: Option<&'static str>| {
        let mut session = Session::new(100, 30);
        session.model.server = Some("https://flags.example".into());
        session.desk.afar = Some(crate::tui::Afar {
            place: "https://flags.example".to_owned(),
            publish: Box::new(|| Ok(1)),
            held_kill: Box::new(move || why.map(str::to_owned)),
        });
        session
    };
    let mut session = afar(None);
    session.press("j !");
    let screen = session.screen();
    assert!(screen.contains("https://flags.example signs it with its emergency key"), "{screen}");
    session.press("1 Enter");
    assert!(session.screen().contains("is killed, and clients get it from https://flags.example"));
    let mut session = afar(Some("the emergency key is missing"));
    session.press("j ! 1 Enter");
    let screen = session.screen();
    for said in [
        "error: command_history is killed in the log, but clients do not have it yet: the emergency",
        "hint: P publishes a snapshot that carries it",
        "! KILLED  command_history",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
}

#[test]
fn the_clock_of_a_kill_stays_on_its_line_beside_the_list() {
    for (hours, said) in [(0, "Escalates  ░░░░░ in 24h00m"), (25, "Escalated  █████ 1h00m ago")] {
        let mut session = Session::new(100, 30);
        session.press("j ! 1 Enter");
        session.wait(hours * 3_600_000);
        assert!(session.screen().contains(said), "{}", session.screen());
    }
}
