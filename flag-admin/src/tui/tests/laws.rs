//! What holds whatever is pressed and however large the screen is.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;

use super::fixture::Session;
use crate::tui::keymap::Place;
use crate::tui::msg::{Msg, Turn};
use crate::tui::prose::{Row, fit, width};
use crate::tui::theme::{Characters, Meaning};

fn key() -> impl Strategy<Value = Msg> {
    let codes = prop_oneof![
        6 => prop::sample::select(vec!['j', 'k', 'g', 'G', 'r', '!', 'P', 'l', '?', '/', '\\', '2', '5', '%', 'x', '1', '3', '4', '6', ':', 'y', 'u', 'v', 's', ' ', '-', 'e', 'h', 'R', 'A', 'D', 'B', 'a', 'U']).prop_map(KeyCode::Char),
        4 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down,
            KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Left, KeyCode::Right,
            KeyCode::Backspace, KeyCode::Delete, KeyCode::F(1),
        ]),
        1 => prop::sample::select(vec!['日', '\u{301}', '🏳', '\u{200d}', 'ß']).prop_map(KeyCode::Char),
    ];
    let keys = (codes, prop::bool::weighted(0.05)).prop_map(|(code, ctrl)| {
        let modifiers = if ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
        Msg::Key(KeyEvent::new(code, modifiers))
    });
    prop_oneof![
        30 => keys,
        1 => (1_u16..=300, 1_u16..=100).prop_map(|(columns, rows)| Msg::Resize(columns, rows)),
        1 => "[a-z日\u{301} \n]{0,12}".prop_map(Msg::Paste),
        2 => (0_u16..300, 0_u16..100).prop_map(|(column, row)| Msg::Click(column, row)),
        1 => prop::sample::select(vec![Turn::Down, Turn::Up]).prop_map(Msg::Wheel),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_key_on_no_screen_breaks_the_dashboard_and_escape_leads_out(
        size in (1_u16..=300, 1_u16..=100),
        keys in prop::collection::vec(key(), 0..60),
    ) {
        let mut session = Session::new(size.0, size.1);
        for msg in keys {
            session.take(msg);
        }
        session.screen();
        session.drawn(Characters::Ascii);
        session.take(Msg::Resize(80, 24));
        for _ in 0..12 {
            session.press("Esc");
        }
        // Screens may lie upon each other as often as they were opened, but each escape takes one away.
        let screens = session.model.screens.len();
        for _ in 0..screens {
            session.press("Esc");
        }
        prop_assert_eq!(session.model.place(), Place::Flags);
        session.screen();
    }

    #[test]
    fn a_fitted_text_has_exactly_its_columns(text in "\\PC{0,40}", columns in 0_usize..60) {
        prop_assert_eq!(width(&fit(&text, columns)), columns);
    }

    #[test]
    fn wrapped_rows_fit_and_lose_no_word(text in "[a-z日é ]{0,80}", columns in 2_usize..40, hanging in 0_usize..6) {
        let rows = Row::plain(&text).wrap(columns, hanging);
        let theme = crate::tui::theme::Theme { palette: crate::tui::theme::Palette::Mono, characters: Characters::Unicode };
        for row in &rows {
            prop_assert!(row.width() <= columns || row.line(&theme).to_string().ends_with(' '));
        }
        let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
        let joined: String = rows.iter().map(|row| row.line(&theme).to_string()).collect();
        prop_assert_eq!(letters(&joined), letters(&text));
    }
}

#[test]
fn control_characters_are_never_drawn() {
    let row = Row::of(Meaning::Text, "a\u{1b}[31mb\n");
    assert_eq!(row.width(), 8);
    assert_eq!(fit("a\tb", 3), "a\u{fffd}b");
}
