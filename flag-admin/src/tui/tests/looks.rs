//! Lists narrowed and sorted, the palette, the mouse, keys of one's own, and sittings that are kept.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::fixture::Session;
use crate::tui::bindings::BINDINGS;
use crate::tui::command::Command;
use crate::tui::keymap::{Keymap, Place};
use crate::tui::msg::Msg;
use crate::tui::recorder::{Recorded, Recorder};
use crate::tui::room::Room;
use crate::tui::theme::Theme;

fn listed(session: &Session) -> Vec<&str> {
    session.model.visible().map(|flag| flag.key.as_str()).collect()
}

#[test]
fn the_filter_understands_fields_shares_and_not() {
    for (filter, expected) in [
        ("tele", &["telemetry", "telemetry_cloud_sync"][..]),
        ("tele -cloud", &["telemetry"]),
        ("owner:@charlie", &["command_history"]),
        ("kind:kill_switch", &["command_execution", "llm_backends", "telemetry"]),
        ("kind:release >20%", &["enhanced_safety_v2", "telemetry_cloud_sync"]),
        ("state:targeted", &["mlx_backend"]),
        ("=5%", &["command_history"]),
        ("kind:release <20%", &["command_history"]),
        ("nothing:here", &[]),
    ] {
        let mut session = Session::new(100, 30);
        session.press("/");
        session.take(Msg::Paste(filter.to_owned()));
        assert_eq!(listed(&session), expected, "{filter}");
    }
}

#[test]
fn views_and_orders_say_what_they_are() {
    let mut session = Session::new(100, 30);
    session.press("v v");
    assert_eq!(
        listed(&session),
        ["command_history", "command_model_comparison", "enhanced_safety_v2", "telemetry_cloud_sync"]
    );
    assert!(session.screen().contains("Flags 4 of 9, view rolling"));
    session.press("v");
    assert!(session.model.visible().all(|flag| flag.owner() == Some("@alice")));
    session.press("v v s s");
    assert_eq!(listed(&session).first(), Some(&"command_history"), "the last changed comes first");
    assert!(session.screen().contains("by last change"));
}

#[test]
fn every_command_is_reached_from_the_palette_somewhere() {
    let is_listed = |command: Command, place: Place| {
        BINDINGS.iter().any(|binding| binding.command == command && binding.places.contains(&place))
    };
    for command in Command::ALL {
        let somewhere = BINDINGS.iter().any(|binding| binding.command == *command);
        assert!(somewhere, "{} has no key", command.id());
        let on_screens = Place::ALL.into_iter().filter(|place| is_listed(*command, *place));
        for place in on_screens.filter(|place| is_listed(Command::Palette, *place)) {
            assert!(!place.is_input(), "{}", command.id());
        }
    }
    let mut session = Session::new(100, 30);
    session.press(": freeze Enter");
    assert!(session.model.link.frozen.is_some());
}

#[test]
fn the_palette_shows_keys_and_finds_flags() {
    let mut session = Session::new(100, 30);
    session.press(":");
    session.press("kill");
    let screen = session.screen();
    assert!(screen.contains("Turn the flag off") && screen.contains('!'), "{screen}");
    session.press("C-u tcs");
    assert!(session.screen().contains("telemetry_cloud_sync"), "{}", session.screen());
    session.press("Esc");
    assert_eq!(session.model.place(), Place::Flags);
}

#[test]
fn clicks_press_what_they_hit() {
    let mut session = Session::new(80, 24);
    session.take(Msg::Click(5, 6));
    assert_eq!(session.model.selected.as_ref().unwrap().as_str(), "command_model_comparison");
    session.take(Msg::Click(5, 6));
    assert_eq!(session.model.place(), Place::Detail);
    session.take(Msg::Click(13, 1));
    assert_eq!(session.model.room, Room::Kills);
    session.take(Msg::Click(2, 1));
    assert_eq!(session.model.room, Room::Flags);
    let screen = session.screen();
    let hints = screen.lines().last().unwrap();
    let column = hints.chars().position(|c| c == '?').unwrap();
    session.take(Msg::Click(u16::try_from(column).unwrap(), 23));
    assert_eq!(session.model.place(), Place::Help);
    session.take(Msg::Click(400, 400));
}

#[test]
fn keys_of_ones_own_are_shown_where_keys_are_shown() {
    let mut session = Session::new(100, 30);
    let keys = BTreeMap::from([("kill".to_owned(), vec!["ctrl-k".to_owned()])]);
    session.model.keymap = Rc::new(Keymap::with(&keys).unwrap());
    let screen = session.screen();
    assert!(screen.contains("Ctrl-K kill"), "{screen}");
    session.press("j C-k");
    assert_eq!(session.model.place(), Place::Confirm);
}

#[test]
fn a_kept_sitting_names_nobody_and_repeats_nothing_that_was_typed() {
    let mut session = Session::new(120, 40);
    let (mut recorder, theme) = (Recorder::default(), Theme::plain());
    for keys in ["j", "!", "secretreason", "Enter", "4", "Enter", "Esc", "1", "r", "2", "Esc", "Enter", "x", "mallory"]
    {
        session.press(keys);
        recorder.keep(&session.model, &theme);
    }
    let text = recorder.to_json().unwrap();
    for word in ["alice", "bob", "charlie", "secretreason", "mallory", "the first flags", "Search and repeat"] {
        assert!(!text.contains(word), "{word}");
    }
    let kept = Recorded::of_json(&text).unwrap();
    assert_eq!(kept.frames.len(), 14);
    assert!(kept.frames.iter().any(|frame| frame.rows.iter().any(|row| row.contains("command_history"))));
    assert!(Recorded::of_json("{\"schema\":2,\"program\":\"\",\"frames\":[]}").is_err());
}

#[test]
fn the_wheel_moves_what_the_keys_move() {
    use crate::tui::msg::Turn;
    let mut session = Session::new(80, 24);
    session.press("g");
    session.take(Msg::Wheel(Turn::Down));
    assert_ne!(session.model.selected.as_ref().unwrap().as_str(), "command_execution");
    session.take(Msg::Wheel(Turn::Up));
    assert_eq!(session.model.selected.as_ref().unwrap().as_str(), "command_execution");
    session.press("?");
    let top = session.screen();
    session.take(Msg::Wheel(Turn::Down));
    assert_ne!(session.screen(), top);
    session.take(Msg::Wheel(Turn::Up));
    assert_eq!(session.screen(), top);
}
