//! The table of commands holds together.

use crossterm::event::KeyCode;

use crate::tui::bindings::BINDINGS;
use crate::tui::keymap::{Key, Keymap, Place};
use crate::tui::widgets::help::Help;

#[test]
fn every_command_of_a_place_is_in_its_help() {
    for place in Place::ALL {
        let theme = crate::tui::theme::Theme {
            palette: crate::tui::theme::Palette::Mono,
            characters: crate::tui::theme::Characters::Unicode,
        };
        let rows =
            Help { place, scroll: 0 }.popup(&Keymap::standard(), ratatui::layout::Rect::new(0, 0, 80, 24)).body.all();
        let text = rows.iter().map(|row| row.line(&theme).to_string()).collect::<Vec<_>>().join("\n");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for binding in BINDINGS.iter().filter(|binding| binding.places.contains(&place)) {
            assert!(text.contains(binding.help), "{place:?}: {:?}", binding.command);
            for key in binding.keys {
                assert!(text.contains(&key.to_string()), "{place:?}: {key}");
            }
        }
    }
}

#[test]
fn a_key_does_one_thing_in_a_place() {
    for place in Place::ALL {
        let mut seen: Vec<Key> = Vec::new();
        for binding in BINDINGS.iter().filter(|binding| binding.places.contains(&place)) {
            for key in binding.keys {
                assert!(!seen.contains(key), "{place:?}: {key} does two things");
                seen.push(*key);
            }
        }
    }
}

#[test]
fn where_text_is_entered_no_letter_is_a_command() {
    for place in Place::ALL.into_iter().filter(|place| place.is_input()) {
        for binding in BINDINGS.iter().filter(|binding| binding.places.contains(&place)) {
            assert!(!binding.keys.iter().any(|key| matches!(key, Key::Char(_))), "{place:?}: {:?}", binding.command);
        }
    }
}

#[test]
fn every_place_leads_back() {
    for place in Place::ALL {
        let escape = Key::Code(KeyCode::Esc);
        assert!(BINDINGS.iter().any(|binding| binding.places.contains(&place) && binding.keys.contains(&escape)));
    }
}

#[test]
fn the_palette_reaches_each_command_from_anywhere() {
    use crate::tui::command::Command;
    let moves = [
        Command::Down,
        Command::Up,
        Command::First,
        Command::Last,
        Command::PageDown,
        Command::PageUp,
        Command::Back,
        Command::Palette,
    ];
    for keys in ["j", "2", "3", "4", "5", "6", "j Enter", "4 Enter"] {
        let mut session = super::fixture::Session::new(100, 30);
        session.press(keys);
        let palette = crate::tui::widgets::palette::Palette::new(&session.model);
        for binding in BINDINGS.iter().filter(|binding| binding.places.iter().any(|place| !place.is_input())) {
            let is_move = moves.contains(&binding.command);
            assert!(is_move || palette.holds(binding.command), "{keys}: {:?}", binding.command);
        }
    }
}

#[test]
fn a_command_of_elsewhere_is_done_where_it_is_at_home() {
    for (keys, place) in [
        ("j : undo Space entry Enter", Place::Confirm),
        ("j : play Enter", Place::Simulate),
        ("j : drop Space draft Enter", Place::Pending),
        ("j : rules Enter", Place::Detail),
        ("j 6 : rollout Enter", Place::Share),
    ] {
        let mut session = super::fixture::Session::new(100, 30);
        session.press(keys);
        assert_eq!(session.model.place(), place, "{keys}: {}", session.screen());
    }
}
