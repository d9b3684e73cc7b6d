//! Projects that nobody would wish for: very long keys, very many rules and flags, text of every width.

use std::fmt::Write as _;

use super::fixture::Session;
use crate::log::Change;
use crate::tui::keymap::Place;
use crate::tui::theme::Characters;

fn everywhere(session: &mut Session) {
    for (columns, rows) in [(80, 24), (160, 45), (60, 16), (40, 10), (1, 1)] {
        session.take(crate::tui::msg::Msg::Resize(columns, rows));
        for keys in [
            "Enter", "Tab", "PgDn", "Tab", "G", "Esc Esc", "r 7", "Esc", "! 1", "Esc", "4 Enter", "Esc", "2", "6", "1",
            ": a", "Esc",
        ] {
            session.press(keys);
            let screen = session.screen();
            assert_eq!(screen.lines().count(), usize::from(rows));
            session.drawn(Characters::Ascii);
        }
        session.take(crate::tui::msg::Msg::Resize(80, 24));
        while session.model.place() != Place::Flags {
            session.press("Esc");
        }
    }
}

#[test]
fn a_flag_with_200_rules_and_a_key_of_128_characters() {
    let key = "k".repeat(64);
    let mut text = format!("[flags.{key}]\nrollout = \"5%\"\n");
    for number in 0..200 {
        write!(
            text,
            "[[flags.{key}.rules]]\nid = \"rule_{number}\"\nserve = \"on\"\n\
             when = {{ attribute = \"country\", operator = \"in\", values = [\"c{number}\"] }}\n"
        )
        .unwrap();
    }
    let long = "Long.Imported-".repeat(9) + "xx";
    assert_eq!(long.len(), 128);
    let mut session = Session::of(&text, 80, 24);
    let definition = session.model.facts.flags.first().unwrap().definition.clone();
    let imported = Change::FlagCreated { key: long.parse().unwrap(), definition: Box::new(definition) };
    session.others_change(vec![imported]);
    session.look();
    session.press("Esc");
    session.press("/ kkkk Enter Enter Tab G");
    assert!(session.screen().contains("everyone else"), "{}", session.screen());
    session.press("Esc Esc Esc");
    everywhere(&mut session);
}

#[test]
fn wide_and_combining_characters_stay_in_their_columns() {
    let text = "[flags.wide]\n[flags.wide.documentation]\ndescription = \"日本語の説明 e\u{301}e\u{301} 👩‍👩‍👧‍👧 \u{200f}עברית \u{202e}\"\nowner = \"@名前\"\n";
    let mut session = Session::of(text, 100, 30);
    for line in session.screen().lines().filter(|line| line.starts_with('│')) {
        assert!(line.ends_with('│'), "{line}");
    }
    everywhere(&mut session);
}

#[test]
fn ten_thousand_flags_are_listed_found_and_left() {
    let mut text = String::new();
    for number in 0..10_000 {
        writeln!(text, "[flags.flag_{number:05}]").unwrap();
    }
    let mut session = Session::of(&text, 80, 24);
    session.press("G");
    assert!(session.screen().contains("flag_09999"));
    session.press("/ 07777");
    assert!(session.screen().contains("Flags 1 of 10000"));
    session.press("Esc : flag_04242 Enter");
    assert!(session.screen().contains("Flags › flag_04242"), "{}", session.screen());
}
