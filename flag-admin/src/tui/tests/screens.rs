//! What the screens look like, in letters.

use super::fixture::{Content, Session};
use crate::tui::theme::Characters;

/// The sizes that stand for the three layouts.
const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (160, 45)];

fn shows(name: &str, keys: &str) {
    for (columns, rows) in SIZES {
        let mut session = Session::new(columns, rows);
        session.press(keys);
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), session.screen());
        });
    }
}

#[test]
fn list_of_flags() {
    shows("flags", "j");
}

#[test]
fn filtered_list() {
    shows("filter", "/ tele");
}

#[test]
fn one_flag() {
    shows("detail", "j Enter");
}

#[test]
fn log() {
    shows("log", "l");
}

#[test]
fn new_share() {
    shows("share", "j r 25");
}

#[test]
fn steps_of_a_rollout() {
    shows("steps", "/ mlx Enter E");
}

#[test]
fn a_rollout_with_its_steps() {
    shows("rollout", "/ mlx Enter E Enter Enter Enter");
}

#[test]
fn a_schedule_that_was_played() {
    shows("played", "5 Enter");
}

#[test]
fn confirmation_of_a_share() {
    shows("confirm_share", "j r 25 Enter ready");
}

#[test]
fn confirmation_of_a_kill_with_what_depends_on_it() {
    shows("confirm_kill", "/ telemetry Enter ! incident");
}

#[test]
fn confirmation_of_a_lift() {
    shows("confirm_lift", "j ! incident Enter ! fixed Enter");
}

#[test]
fn publishing() {
    shows("publish", "P ./public");
}

#[test]
fn keys() {
    shows("help", "?");
}

#[test]
fn kill_switches() {
    shows("kills", "j ! 1 Enter 2");
}

#[test]
fn experiments() {
    shows("experiments", "3");
}

#[test]
fn entry_of_the_log() {
    shows("entry", "j r 25 Enter Enter 4 Enter");
}

#[test]
fn what_changes_would_come_to() {
    shows("simulate", "j r 25 Enter C-d 5");
}

#[test]
fn what_is_pending() {
    shows("pending", "j r 25 Enter C-d 6");
}

#[test]
fn rules_of_a_flag() {
    shows("rules", "/ mlx Enter Enter Tab");
}

#[test]
fn one_flag_explained() {
    shows("explain", "/ mlx Enter x unit=u1 Space os=macos Enter");
}

#[test]
fn palette() {
    shows("palette", ": roll");
}

#[test]
fn passphrase() {
    shows("passphrase", "U secret");
}

#[test]
fn frozen_and_lost() {
    let mut session = Session::new(100, 30);
    session.press("Space");
    session.take(crate::tui::msg::Msg::Lost(crate::tui::msg::Trouble::saying("the log cannot be read")));
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("frozen_and_lost_100x30", session.screen());
    });
}

#[test]
fn ascii_screens_have_ascii_alone() {
    for keys in [
        "j",
        "j Enter",
        "l",
        "j r 25",
        "j r 25 Enter",
        "j ! x Enter",
        "P",
        "?",
        "j r 101",
        "j ! 1 Enter 2",
        "3",
        "4 Enter",
        "5",
        "6",
        "U",
        ":",
        "j x a=b Enter",
    ] {
        for (columns, rows) in [(80, 24), (160, 45), (40, 10)] {
            let mut session = Session::new(columns, rows);
            session.press(keys);
            let screen = session.drawn(Characters::Ascii);
            assert!(screen.is_ascii(), "{keys}: {screen}");
        }
    }
}

#[test]
fn too_small_a_screen_says_what_it_needs() {
    let screen = Session::new(52, 14).screen();
    assert!(screen.contains("needs 60x16, have 52x14"), "{screen}");
    assert!(Session::with(Content::Nothing, 60, 16).screen().contains("There are no flags yet."));
}

#[test]
fn without_colours_no_style_sets_any_and_the_selection_is_marked() {
    use ratatui::style::{Color, Modifier};
    let session = Session::new(80, 24);
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 24)).unwrap();
    let theme = crate::tui::theme::Theme { palette: crate::tui::theme::Palette::Mono, characters: Characters::Unicode };
    terminal.draw(|frame| crate::tui::view::view(&session.model, &theme, frame)).unwrap();
    let cells = &terminal.backend().buffer().content;
    assert!(cells.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let marked = cells.iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED)).count();
    assert!(marked >= 76, "{marked}");
}

#[test]
fn no_screen_is_so_narrow_that_one_of_the_numbers_is_out_of_sight() {
    for columns in 60..=100 {
        let mut session = Session::new(columns, 20);
        session.press("j ! 1 Enter 6");
        let screen = session.screen();
        let tabs = screen.lines().nth(1).unwrap();
        assert!(tabs.trim_end().ends_with(']') && tabs.contains("[6 Pending 12]"), "{columns}: {tabs}");
        assert!(tabs.contains("!1"), "{columns}: what is killed is always said: {tabs}");
    }
}

/// Returns the screen with each run of cells in its style: `{LightRed BOLD}! killed`.
fn styled(session: &Session, palette: crate::tui::theme::Palette) -> String {
    let (columns, rows) = session.model.size;
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(columns, rows)).unwrap();
    let theme = crate::tui::theme::Theme { palette, characters: Characters::Unicode };
    terminal.draw(|frame| crate::tui::view::view(&session.model, &theme, frame)).unwrap();
    let mut text = String::new();
    for line in terminal.backend().buffer().content.chunks(usize::from(columns)) {
        let mut last = (ratatui::style::Color::Reset, ratatui::style::Modifier::empty());
        for cell in line {
            let style = (cell.fg, cell.modifier);
            if last != style {
                let colour = (cell.fg != ratatui::style::Color::Reset).then(|| cell.fg.to_string());
                let modifiers = cell.modifier.iter_names().map(|(name, _)| name.to_owned());
                let names: Vec<String> = colour.into_iter().chain(modifiers).collect();
                text.extend(["{", &names.join(" "), "}"]);
            }
            last = style;
            text.push_str(cell.symbol());
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[test]
fn styles_of_each_theme() {
    use crate::tui::theme::Palette;
    for (name, palette) in
        [("dark", Palette::Dark), ("light", Palette::Light), ("cvd", Palette::Cvd), ("mono", Palette::Mono)]
    {
        let mut session = Session::new(80, 16);
        session.press("j ! 1 Enter j j");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("styles_{name}_80x16"), styled(&session, palette));
        });
    }
}
