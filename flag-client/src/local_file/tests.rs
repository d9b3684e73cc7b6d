use std::path::Path;

use proptest::prelude::*;

use super::edit::apply;
use super::read::parse;
use super::{Edit, Section};
use crate::decision::LocalValue;

fn set(section: Section, key: &str, value: impl Into<LocalValue>) -> Edit {
    Edit::Set { section, key: key.into(), value: value.into() }
}

fn on(key: &str) -> Edit {
    set(Section::Overrides, key, true)
}

fn remove(key: &str) -> Edit {
    Edit::Remove { section: Section::Overrides, key: key.into() }
}

fn edited(text: &str, edit: &Edit) -> Result<String, String> {
    apply(Path::new("config.toml"), text, std::slice::from_ref(edit)).map_err(|error| error.to_string())
}

const SEED: &str = "\
# caro's settings
[llm]
model = \"small\"  # fast

[feature_flags]
# Format: feature_name = true/false
telemetry_cloud_sync = false
mlx_backend = true  # Enabled by default for Apple Silicon users

# Override specific features
[feature_flags.overrides]
# Can be set by user or by remote config (future)

# the end
[ui]
colour = true
";

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn an_edit_changes_one_line_and_nothing_else() {
    let added = SEED.replace("[feature_flags.overrides]\n", "[feature_flags.overrides]\nx = true\n");
    let section = "[feature_flags.overrides]\n";
    let with_returns = added.replace('\n', "\r\n");
    let table: Vec<(&str, &str, Edit, String)> = vec![
        ("the seed's file", SEED, on("x"), added.clone()),
        ("a value", SEED, set(Section::Base, "mlx_backend", false), SEED.replace("backend = true", "backend = false")),
        (
            "after the last key",
            "[feature_flags.overrides]\na = true # c\n\n# d\n",
            on("x"),
            "[feature_flags.overrides]\na = true # c\nx = true\n\n# d\n".into(),
        ),
        (
            "indented",
            "[feature_flags.overrides]\n\ta = true\n",
            on("x"),
            "[feature_flags.overrides]\n\ta = true\n\tx = true\n".into(),
        ),
        (
            "carriage returns",
            &with_returns,
            on("y"),
            added.replace("x = true\n", "x = true\ny = true\n").replace('\n', "\r\n"),
        ),
        (
            "byte order mark",
            "\u{feff}[feature_flags.overrides]\n",
            on("x"),
            "\u{feff}[feature_flags.overrides]\nx = true\n".into(),
        ),
        (
            "no section",
            "[llm]\na = 1\n# end\n",
            on("x"),
            "[llm]\na = 1\n# end\n\n[feature_flags.overrides]\nx = true\n".into(),
        ),
        (
            "no section, carriage returns",
            "[llm]\r\na = 1\r\n",
            on("x"),
            "[llm]\r\na = 1\r\n\r\n[feature_flags.overrides]\r\nx = true\r\n".into(),
        ),
        (
            "no last line break",
            "[feature_flags.overrides]\na = true",
            on("x"),
            "[feature_flags.overrides]\na = true\nx = true\n".into(),
        ),
        ("header alone", "[feature_flags.overrides]", on("x"), "[feature_flags.overrides]\nx = true\n".into()),
        ("an empty file", "", on("x"), "[feature_flags.overrides]\nx = true\n".into()),
        ("text", section, set(Section::Overrides, "x", "on \"sale\""), format!("{section}x = 'on \"sale\"'\n")),
        ("a dotted key", section, on("team.flag"), format!("{section}\"team.flag\" = true\n")),
        (
            "junk before",
            "[feature_flags.overrides]\nx = 7 # c\n",
            on("x"),
            "[feature_flags.overrides]\nx = true # c\n".into(),
        ),
        (
            "an inline section",
            "feature_flags = { overrides = { a = true } } # c\r\nb = 1\r\n",
            on("x"),
            "feature_flags = { overrides = { a = true , x = true } } # c\r\nb = 1\r\n".into(),
        ),
        (
            "an inline root",
            "feature_flags = { a = true }\n",
            on("x"),
            "feature_flags = { a = true , overrides = { x = true } }\n".into(),
        ),
        (
            "dotted keys",
            "feature_flags.overrides.a = true\n",
            on("x"),
            "feature_flags.overrides.a = true\nfeature_flags.overrides.x = true\n".into(),
        ),
        (
            "a multi-line neighbour",
            "[feature_flags.overrides]\na = \"\"\"\nx = false\n\"\"\"\n",
            on("x"),
            "[feature_flags.overrides]\na = \"\"\"\nx = false\n\"\"\"\nx = true\n".into(),
        ),
        (
            "a value that is no number",
            "[llm]\na = nan\n",
            on("x"),
            "[llm]\na = nan\n\n[feature_flags.overrides]\nx = true\n".into(),
        ),
        (
            "removed",
            "[feature_flags.overrides]\n# why\nx = true # c\ny = 1\n",
            remove("x"),
            "[feature_flags.overrides]\n# why\ny = 1\n".into(),
        ),
        ("removed at the end", "[feature_flags.overrides]\nx = true", remove("x"), String::new()),
        (
            "removed inline",
            "feature_flags = { overrides = { a = true, x = true } }\n",
            remove("x"),
            "feature_flags = { overrides = { a = true} }\n".into(),
        ),
        ("removed dotted", "feature_flags.overrides.x = true\nb = 1\n", remove("x"), "b = 1\n".into()),
        (
            "cleared",
            "[feature_flags.overrides]\n# a\nx = true\n# b\ny = \"z\"\n[ui]\n",
            Edit::Clear { section: Section::Overrides },
            "[feature_flags.overrides]\n# a\n# b\n[ui]\n".into(),
        ),
    ];
    for (name, text, edit, expected) in table {
        assert_eq!(edited(text, &edit), Ok(expected), "{name}");
    }
}

#[test]
fn an_edit_that_says_nothing_new_changes_nothing() {
    let text = "[feature_flags.overrides]\nx   =   true\ny = \"z\"\n";
    for edit in [
        on("x"),
        set(Section::Overrides, "y", "z"),
        remove("w"),
        Edit::Remove { section: Section::KillSwitches, key: "x".into() },
        Edit::Clear { section: Section::KillSwitches },
    ] {
        assert_eq!(edited(text, &edit).as_deref(), Ok(text), "{edit:?}");
    }
}

#[test]
fn what_cannot_be_edited_is_refused() {
    let table = [
        ("a = \n", on("x"), "config.toml:1:5: string values must be quoted, expected literal string"),
        ("[feature_flags]\nx = true\nx = true\n", on("x"), "config.toml:3:1: duplicate key"),
        ("feature_flags = 3\n", on("x"), "config.toml: feature_flags is not a table"),
        ("[feature_flags]\noverrides = 3\n", on("x"), "config.toml: feature_flags.overrides is not a table"),
        ("[[feature_flags]]\n", on("x"), "config.toml: feature_flags is not a table"),
        (
            "[feature_flags.overrides.x]\ny = 1\n",
            on("x"),
            "config.toml is written in a form that cannot be edited safely",
        ),
        ("", set(Section::Base, "overrides", true), "config.toml is written in a form that cannot be edited safely"),
    ];
    for (text, edit, message) in table {
        assert_eq!(edited(text, &edit), Err(message.to_owned()), "{text:?}");
    }
}

#[test]
fn junk_in_one_key_costs_that_key() {
    let text = "\
[feature_flags]
a = true
b = 3
c = \"\"
d = [true]
e = 2026-01-01
\"team.flag\" = \"on\"
f.g = true
[feature_flags.overrides]
h = { on = true }
i = false
[feature_flags.kill_switches]
telemetry = \"yes\"
llm_backends_disabled = true
";
    let contents = parse(Path::new("c.toml"), text).unwrap();
    let settings = |settings: &[super::Setting]| {
        let shown = |setting: &super::Setting| format!("{} = {} at {}", setting.key, setting.value, setting.place);
        settings.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(settings(&contents.base), ["a = true at c.toml:2:5", "team.flag = \"on\" at c.toml:7:15"]);
    assert_eq!(settings(&contents.overrides), ["i = false at c.toml:11:5"]);
    let kills: Vec<_> = contents.kills.iter().map(|kill| (&*kill.key, kill.killed, kill.place.line)).collect();
    assert_eq!(kills, [("telemetry", true, 13), ("llm_backends_disabled", true, 14)]);
    let mut problems: Vec<_> = contents.problems.iter().map(ToString::to_string).collect();
    problems.sort();
    assert_eq!(
        problems,
        [
            "c.toml:10:5: feature_flags.overrides.h is a table, expected true, false or the name of a variant",
            "c.toml:13:13: feature_flags.kill_switches.telemetry is a text, expected true or false",
            "c.toml:3:5: feature_flags.b is a number, expected true, false or the name of a variant",
            "c.toml:4:5: feature_flags.c is an empty text, expected true, false or the name of a variant",
            "c.toml:5:5: feature_flags.d is a list, expected true, false or the name of a variant",
            "c.toml:6:5: feature_flags.e is a date, expected true, false or the name of a variant",
            "c.toml:8:1: feature_flags.f is a table, expected true, false or the name of a variant",
        ]
    );
}

#[test]
fn a_section_goes_with_its_last_key_only_if_an_edit_may_have_made_it() {
    const MADE: &str = "a = 1\n\n[feature_flags.overrides]\nx = true\n";
    let table = [
        (MADE, "a = 1\n"),
        ("[feature_flags.overrides]\nx = true\n", ""),
        ("a = 1\r\n\r\n[feature_flags.overrides]\r\nx = true\r\n", "a = 1\r\n"),
        (
            "[feature_flags.overrides]\nx = true\n\n[feature_flags.kill_switches]\ny = true\n",
            "\n[feature_flags.kill_switches]\ny = true\n",
        ),
        ("a = 1\n[feature_flags.overrides]\nx = true # why\n\n\n[ui]\nb = 2\n", "a = 1\n\n\n[ui]\nb = 2\n"),
        ("[feature_flags.overrides] # mine\nx = true\n", "[feature_flags.overrides] # mine\n"),
        ("# mine\n[feature_flags.overrides]\nx = true\n", "# mine\n[feature_flags.overrides]\n"),
        ("[feature_flags.overrides]\n# mine\nx = true\n", "[feature_flags.overrides]\n# mine\n"),
        ("[feature_flags.overrides]\nx = true\n\n# end\n", "[feature_flags.overrides]\n\n# end\n"),
        ("[ feature_flags . overrides ]\nx = true\n", "[ feature_flags . overrides ]\n"),
        ("[feature_flags]\n\n[feature_flags.overrides]\nx = true\n", "[feature_flags]\n"),
        (
            "[feature_flags.overrides]\nx = true\n[t]\ns = \"\"\"\n[feature_flags.overrides]\n\"\"\"\n",
            "[t]\ns = \"\"\"\n[feature_flags.overrides]\n\"\"\"\n",
        ),
        (
            "[t]\ns = \"\"\"\n[feature_flags.overrides]\n\"\"\"\n[feature_flags.overrides]\nx = true\n",
            "[t]\ns = \"\"\"\n[feature_flags.overrides]\n\"\"\"\n[feature_flags.overrides]\n",
        ),
        ("[feature_flags.overrides]\n", "[feature_flags.overrides]\n"),
        ("", ""),
    ];
    for (before, expected) in table {
        for edit in [remove("x"), Edit::Clear { section: Section::Overrides }] {
            let after = apply(Path::new("c.toml"), before, std::slice::from_ref(&edit)).unwrap();
            assert_eq!(after, expected, "{before}");
            assert_eq!(apply(Path::new("c.toml"), &after, &[edit]).unwrap(), after, "twice is once");
        }
    }
    let made = apply(Path::new("c.toml"), "a = 1\n", &[on("x")]).unwrap();
    assert_eq!(made, MADE);
}

#[test]
fn a_section_of_another_form_costs_that_section() {
    let table = [
        ("feature_flags = 1\n", "c.toml:1:1: feature_flags is a number, expected a table"),
        ("[feature_flags]\noverrides = true\n", "c.toml:2:1: feature_flags.overrides is a boolean, expected a table"),
        (
            "[feature_flags]\nkill_switches = []\n",
            "c.toml:2:1: feature_flags.kill_switches is a list, expected a table",
        ),
    ];
    for (text, message) in table {
        let contents = parse(Path::new("c.toml"), text).unwrap();
        let problems: Vec<_> = contents.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, [message]);
    }
}

#[test]
fn a_file_that_does_not_parse_is_named_with_line_and_column() {
    let message = |text: &str| parse(Path::new("c.toml"), text).map(|_| ()).unwrap_err().to_string();
    assert_eq!(message("a = 1\na = 2\n"), "c.toml:2:1: duplicate key");
    assert_eq!(message("\u{feff}[feature_flags\n"), "c.toml:1:15: unclosed table, expected `]`");
    assert_eq!(message("=='\n.="), "c.toml:1:2: extra `=`, expected nothing");
    let edited = apply(Path::new("c.toml"), "=='\n.=", &[on("x")]).unwrap_err().to_string();
    assert_eq!(edited, message("=='\n.="), "the editor on its own would panic");
    assert_eq!(message("é = 1\n"), "c.toml:1:1: invalid unquoted key, expected letters, numbers, `-`, `_`");
}

proptest! {
    #[test]
    fn any_text_is_read_and_edited_without_a_panic(text in "(?s)[a-z\\[\\]{}=.\"'#\n\r ,0-9\u{feff}é]{0,80}", key in "\\PC{0,8}") {
        let _ = parse(Path::new("c.toml"), &text);
        for edit in [on(&key), remove(&key), Edit::Clear { section: Section::Overrides }] {
            if let Ok(after) = apply(Path::new("c.toml"), &text, std::slice::from_ref(&edit)) {
                let again = apply(Path::new("c.toml"), &after, std::slice::from_ref(&edit)).unwrap();
                prop_assert_eq!(&again, &after, "editing twice is editing once");
            }
        }
    }

    #[test]
    fn the_order_of_edits_to_different_keys_does_not_matter(mut keys in proptest::collection::vec("[a-z]{2,6}", 1..6), eol in prop_oneof![Just("\n"), Just("\r\n")]) {
        keys.sort();
        keys.dedup();
        let text = SEED.replace('\n', eol);
        let all = |keys: &[String]| {
            let edits: Vec<_> = keys.iter().map(|key| on(key)).collect();
            let text = apply(Path::new("c.toml"), &text, &edits).unwrap();
            let mut found: Vec<_> = parse(Path::new("c.toml"), &text).unwrap().overrides.into_iter().map(|setting| setting.key).collect();
            found.sort();
            (text.lines().count(), found)
        };
        let forwards = all(&keys);
        prop_assert_eq!(forwards.0, SEED.lines().count() + keys.len());
        keys.reverse();
        prop_assert_eq!(all(&keys), forwards);
    }
}
