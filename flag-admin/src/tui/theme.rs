//! How things look, by what they mean. No screen names a colour.

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::app::RolloutPhase;

/// What a piece of the screen means.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Said as it is.
    Text,
    /// The name of a thing, a heading.
    Name,
    /// Less important.
    Muted,
    /// A key to press.
    Key,
    /// The frame around things.
    Frame,
    /// Where the keys act.
    Selected,
    /// Units gain something.
    Gain,
    /// Units lose something.
    Loss,
    /// Something to look at.
    Notice,
    /// Something failed, or will.
    Danger,
    /// Something was done.
    Success,
    /// The part of a bar that is exposed.
    BarFull,
    /// The part of a bar that is not.
    BarEmpty,
    /// The state of a flag.
    State(RolloutPhase),
}

/// Which colours are used.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Palette {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// For eyes that tell few colours apart: blue for what is well, yellow for what is to be watched, magenta in reverse for what is not.
    Cvd,
    /// No colours at all: a style of both colour and reverse loses its reverse on terminals told not to colour.
    Mono,
}

/// Which characters are used.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Characters {
    /// Those of common terminal fonts.
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// The look of the dashboard.
#[derive(Clone, Debug)]
pub(super) struct Theme {
    pub(super) palette: Palette,
    pub(super) characters: Characters,
}

impl Theme {
    /// Returns the look of text alone.
    pub(super) const fn plain() -> Self {
        Self { palette: Palette::Mono, characters: Characters::Unicode }
    }

    pub(super) fn style(&self, meaning: Meaning) -> Style {
        match self.palette {
            Palette::Dark => dark(meaning),
            Palette::Light => light(meaning),
            Palette::Cvd => cvd(meaning),
            Palette::Mono => mono(meaning),
        }
    }

    /// Returns the mark of a state. Its word always stands beside it.
    pub(super) fn glyph(&self, phase: RolloutPhase) -> &'static str {
        let (unicode, ascii) = match phase {
            RolloutPhase::Killed => ("!", "!"),
            RolloutPhase::Rolling => ("▶", ">"),
            RolloutPhase::Experiment => ("○", "o"),
            RolloutPhase::Full => ("●", "*"),
            RolloutPhase::Targeted => ("◆", "%"),
            RolloutPhase::Off => ("·", "."),
        };
        self.pick(unicode, ascii)
    }

    pub(super) fn pick<T>(&self, unicode: T, ascii: T) -> T {
        match self.characters {
            Characters::Unicode => unicode,
            Characters::Ascii => ascii,
        }
    }

    pub(super) fn border(&self) -> border::Set<'static> {
        self.pick(border::PLAIN, ASCII_BORDER)
    }

    /// Returns our own words in the characters of the theme. Names and reasons that people gave keep theirs.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.characters == Characters::Unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '→' => plain.push_str("->"),
                '…' => plain.push('~'),
                '·' | '░' | '─' => plain.push('-'),
                '↑' => plain.push('^'),
                '↓' => plain.push('v'),
                '█' => plain.push('#'),
                '✓' => plain.push('+'),
                '›' | '▶' => plain.push('>'),
                '●' => plain.push('*'),
                '○' => plain.push('o'),
                '├' => plain.push('['),
                '┤' => plain.push(']'),
                '│' => plain.push('|'),
                '┊' => plain.push(':'),
                other => plain.push(other),
            }
        }
        Cow::Owned(plain)
    }
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

fn dark(meaning: Meaning) -> Style {
    let style = Style::new();
    let bold = Modifier::BOLD;
    // Blue against magenta rather than green against red, which many cannot tell apart.
    match meaning {
        Meaning::Text => style,
        Meaning::Name => style.add_modifier(bold),
        Meaning::Muted | Meaning::Frame | Meaning::BarEmpty | Meaning::State(RolloutPhase::Off) => {
            style.fg(Color::DarkGray)
        }
        Meaning::Key => style.fg(Color::Cyan).add_modifier(bold),
        Meaning::Selected => style.add_modifier(Modifier::REVERSED),
        Meaning::Gain | Meaning::Success | Meaning::State(RolloutPhase::Full) => style.fg(Color::LightBlue),
        Meaning::Loss => style.fg(Color::LightMagenta).add_modifier(bold),
        Meaning::Notice | Meaning::State(RolloutPhase::Experiment) => style.fg(Color::Yellow),
        Meaning::Danger | Meaning::State(RolloutPhase::Killed) => style.fg(Color::LightRed).add_modifier(bold),
        Meaning::BarFull | Meaning::State(RolloutPhase::Rolling | RolloutPhase::Targeted) => style.fg(Color::Cyan),
    }
}

fn light(meaning: Meaning) -> Style {
    let style = Style::new();
    let bold = Modifier::BOLD;
    match meaning {
        Meaning::Muted | Meaning::Frame | Meaning::BarEmpty | Meaning::State(RolloutPhase::Off) => {
            style.fg(Color::DarkGray)
        }
        Meaning::Key | Meaning::Gain | Meaning::Success | Meaning::State(RolloutPhase::Full) => {
            style.fg(Color::Blue).add_modifier(bold)
        }
        Meaning::Loss | Meaning::Notice | Meaning::State(RolloutPhase::Experiment) => {
            style.fg(Color::Magenta).add_modifier(bold)
        }
        Meaning::Danger | Meaning::State(RolloutPhase::Killed) => style.fg(Color::Red).add_modifier(bold),
        Meaning::BarFull | Meaning::State(RolloutPhase::Rolling | RolloutPhase::Targeted) => style.fg(Color::Blue),
        Meaning::Text | Meaning::Name | Meaning::Selected => dark(meaning),
    }
}

fn cvd(meaning: Meaning) -> Style {
    let style = Style::new();
    let bold = Modifier::BOLD;
    match meaning {
        Meaning::Gain | Meaning::Success | Meaning::State(RolloutPhase::Full) => style.fg(Color::LightBlue),
        Meaning::Notice | Meaning::State(RolloutPhase::Experiment | RolloutPhase::Rolling) => {
            style.fg(Color::Yellow).add_modifier(bold)
        }
        Meaning::Loss | Meaning::Danger | Meaning::State(RolloutPhase::Killed) => {
            style.fg(Color::LightMagenta).add_modifier(bold.union(Modifier::REVERSED))
        }
        Meaning::Key | Meaning::BarFull | Meaning::State(RolloutPhase::Targeted) => {
            style.fg(Color::LightBlue).add_modifier(bold)
        }
        _ => dark(meaning),
    }
}

fn mono(meaning: Meaning) -> Style {
    let style = Style::new();
    match meaning {
        Meaning::Text
        | Meaning::Gain
        | Meaning::Success
        | Meaning::BarFull
        | Meaning::BarEmpty
        | Meaning::Frame
        | Meaning::State(_) => style,
        Meaning::Muted => style.add_modifier(Modifier::DIM),
        Meaning::Name | Meaning::Key | Meaning::Notice | Meaning::Loss => style.add_modifier(Modifier::BOLD),
        Meaning::Selected => style.add_modifier(Modifier::REVERSED),
        Meaning::Danger => style.add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [RolloutPhase; 6] = [
        RolloutPhase::Killed,
        RolloutPhase::Rolling,
        RolloutPhase::Experiment,
        RolloutPhase::Full,
        RolloutPhase::Targeted,
        RolloutPhase::Off,
    ];

    fn meanings() -> Vec<Meaning> {
        let plain = [
            Meaning::Text,
            Meaning::Name,
            Meaning::Muted,
            Meaning::Key,
            Meaning::Frame,
            Meaning::Selected,
            Meaning::Gain,
            Meaning::Loss,
            Meaning::Notice,
            Meaning::Danger,
            Meaning::Success,
            Meaning::BarFull,
            Meaning::BarEmpty,
        ];
        plain.into_iter().chain(PHASES.map(Meaning::State)).collect()
    }

    fn style(palette: Palette, meaning: Meaning) -> Style {
        Theme { palette, characters: Characters::Unicode }.style(meaning)
    }

    #[test]
    fn no_theme_tells_by_red_and_green_alone() {
        let reds = [Color::Red, Color::LightRed];
        let greens = [Color::Green, Color::LightGreen];
        for palette in [Palette::Dark, Palette::Light, Palette::Cvd, Palette::Mono] {
            let uses = |colours: &[Color]| {
                meanings().into_iter().any(|m| style(palette, m).fg.is_some_and(|c| colours.contains(&c)))
            };
            assert!(!(uses(&reds) && uses(&greens)), "{palette:?}");
        }
        assert!(
            meanings()
                .into_iter()
                .all(|m| !style(Palette::Cvd, m).fg.is_some_and(|c| reds.contains(&c) || greens.contains(&c)))
        );
    }

    #[test]
    fn what_is_bad_looks_like_nothing_that_is_well_in_any_theme() {
        for palette in [Palette::Dark, Palette::Light, Palette::Cvd, Palette::Mono] {
            for bad in [Meaning::Danger, Meaning::Loss] {
                for well in [Meaning::Text, Meaning::Success, Meaning::Gain] {
                    assert_ne!(style(palette, bad), style(palette, well), "{palette:?}: {bad:?}, {well:?}");
                }
            }
            let selected = style(palette, Meaning::Selected);
            assert!(selected.add_modifier.contains(Modifier::REVERSED), "{palette:?}");
        }
        assert!(
            meanings()
                .into_iter()
                .all(|m| style(Palette::Mono, m).fg.is_none() && style(Palette::Mono, m).bg.is_none())
        );
    }

    #[test]
    fn a_state_has_a_mark_of_its_own_that_ascii_has_too() {
        for characters in [Characters::Unicode, Characters::Ascii] {
            let theme = Theme { palette: Palette::Dark, characters };
            let mut marks: Vec<&str> = PHASES.iter().map(|phase| theme.glyph(*phase)).collect();
            marks.sort_unstable();
            marks.dedup();
            assert_eq!(marks.len(), PHASES.len(), "{characters:?}");
            assert!(characters == Characters::Unicode || marks.iter().all(|mark| mark.is_ascii()));
        }
    }
}
