//! The page on the dashboard tells the table of commands.

use std::fmt::Write as _;

use crate::tui::bindings::BINDINGS;
use crate::tui::command::{Binding, Group};
use crate::tui::keymap::Place;

const PAGE: &str = include_str!("../../../DASHBOARD.md");
const BEGIN: &str = "<!-- keys: begin -->\n";
const END: &str = "<!-- keys: end -->\n";

#[test]
fn the_page_has_every_key_as_the_table_of_commands_has_it() {
    let (_, after) = PAGE.split_once(BEGIN).unwrap();
    let (table, _) = after.split_once(END).unwrap();
    let expected = keys();
    assert!(table == expected, "between the marks of DASHBOARD.md belongs:\n{expected}");
}

fn keys() -> String {
    let mut text = String::new();
    for group in Group::ALL {
        write!(text, "\n### {}\n\n| keys | command | where | does |\n|---|---|---|---|\n", group.title()).unwrap();
        for binding in BINDINGS.iter().filter(|binding| binding.group == group) {
            let keys = binding.keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" ");
            let (command, does) = (binding.command.id(), binding.help.replace('|', "\\|"));
            writeln!(text, "| {keys} | `{command}` | {} | {does} |", places(binding)).unwrap();
        }
    }
    text.push('\n');
    text
}

/// Returns where a command works.
fn places(binding: &Binding) -> String {
    let (inputs, lists): (Vec<Place>, Vec<Place>) = Place::ALL.into_iter().partition(|place| place.is_input());
    let without = |places: &[Place], left: &[Place]| -> Vec<Place> {
        places.iter().copied().filter(|place| !left.contains(place)).collect()
    };
    let named = [
        (Place::ALL.to_vec(), "everywhere"),
        (without(&lists, &[Place::Help, Place::Failure]), "every screen"),
        (lists, "every screen, help, errors"),
        (without(&inputs, &[Place::Awaited]), "where text is entered"),
    ];
    let is_same = |places: &[Place]| {
        places.len() == binding.places.len() && places.iter().all(|place| binding.places.contains(place))
    };
    match named.iter().find(|(places, _)| is_same(places)) {
        Some((_, name)) => (*name).to_owned(),
        None => binding.places.iter().map(|place| place.title()).collect::<Vec<_>>().join(", "),
    }
}
