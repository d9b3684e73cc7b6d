use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Write};

use serde::Serialize;

use super::arguments::{ColorChoice, Globals};
use super::problem::Stop;
use super::prose::{lines, seen};
use crate::adapters::is_without_color;

/// How a command prints.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Words and tables.
    Text,
    /// One JSON object or array.
    Json,
}

/// What a text means, and so how it looks where colours are used. It says the same without them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A name to look at first.
    Name,
    /// Units gain something.
    Gain,
    /// Units lose something, or something is off.
    Loss,
    /// Something in between.
    Notice,
    /// Less important.
    Muted,
}

/// What turns each [`Meaning`] on, and all of them off.
const COLORS: [&str; 6] = ["\u{1b}[1m", "\u{1b}[34m", "\u{1b}[1;35m", "\u{1b}[33m", "\u{1b}[2m", "\u{1b}[0m"];

/// How to go on without a terminal where `--dry-run` shows what would be done.
pub(super) const LOOK_FIRST: &str = "look at the plan with --dry-run, and run it with --yes";
/// How to go on without a terminal where nothing has to be worked out first.
pub(super) const SAY_YES: &str = "run it with --yes if that is what you want";
/// How many spaces stand between columns.
const COLUMN_GAP: usize = 2;

/// Where a command prints, and what it asks.
pub(super) struct Terminal<'w> {
    out: &'w mut dyn Write,
    form: Form,
    colors: bool,
    yes: bool,
}

impl<'w> Terminal<'w> {
    pub(super) fn new(globals: &Globals, out: &'w mut dyn Write) -> Self {
        let colors = match globals.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stdout().is_terminal() && !is_without_color(),
        };
        let form = if globals.json { Form::Json } else { Form::Text };
        Self { out, form, colors, yes: globals.yes }
    }

    pub(super) const fn form(&self) -> Form {
        self.form
    }

    /// Prints a line of text. Control characters in it come from names and values that anybody may have written: they are spelt out, and do
    /// nothing to the terminal.
    pub(super) fn line(&mut self, text: impl Display) -> Result<(), Stop> {
        let text = text.to_string();
        written(writeln!(self.out, "{}", harmless(&text)))
    }

    /// How many columns the terminal has, if there is one.
    fn width() -> Option<usize> {
        let size = io::stdout().is_terminal().then(crossterm::terminal::size).and_then(Result::ok);
        size.map(|(width, _)| usize::from(width)).filter(|width| *width > 0)
    }

    /// Prints rows as columns. On a terminal no line is wider than it: what does not fit is cut off.
    pub(super) fn table(&mut self, rows: &[Vec<String>]) -> Result<(), Stop> {
        columns(rows).iter().try_for_each(|line| match Self::width() {
            Some(width) => self.line(fitted(line, width)),
            None => self.line(line),
        })
    }

    /// Prints a line of prose. On a terminal it is broken at spaces rather than in words, with so many spaces before each further line;
    /// elsewhere it stays the one line that programs read.
    pub(super) fn prose(&mut self, text: &str, indent: usize) -> Result<(), Stop> {
        match Self::width() {
            Some(width) => lines(text, width, indent).iter().try_for_each(|line| self.line(line)),
            None => self.line(text),
        }
    }

    /// Prints rows as columns, the last of which is prose: on a terminal it goes on below itself.
    pub(super) fn hanging(&mut self, rows: &[Vec<String>]) -> Result<(), Stop> {
        let indent = text_start(rows);
        columns(rows).iter().try_for_each(|line| self.prose(line, indent))
    }

    /// Prints a text as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Stop> {
        written(self.out.write_all(text.as_bytes()))
    }

    /// Prints a value as JSON on one line.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        let json = serde_json::to_string(value).map_err(|error| {
            Stop::problem("no_json", format!("the answer cannot be written as JSON: {error}"), None)
        })?;
        self.line(json)
    }

    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        written(self.out.flush())
    }

    /// Returns a text in the colour of its meaning.
    pub(super) fn paint(&self, meaning: Meaning, text: impl Display) -> String {
        if !self.colors {
            return text.to_string();
        }
        // Blue and magenta rather than green and red, which many cannot tell apart.
        let [name, gain, loss, notice, muted, end] = COLORS;
        let begin = match meaning {
            Meaning::Name => name,
            Meaning::Gain => gain,
            Meaning::Loss => loss,
            Meaning::Notice => notice,
            Meaning::Muted => muted,
        };
        format!("{begin}{text}{end}")
    }

    /// Tells whether [`Terminal::confirm`] asks at all.
    pub(super) const fn has_to_ask(&self) -> bool {
        !self.yes
    }

    /// Tells whether there is somebody to ask for what a command was not told.
    pub(super) fn can_ask(&self) -> bool {
        !self.yes && self.form == Form::Text && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks for a text. Nothing typed means the usual answer, if there is one.
    pub(super) fn ask(&mut self, question: &str, usual: Option<&str>) -> Result<Option<String>, Stop> {
        self.flush()?;
        let shown = usual.map(|usual| format!(" [{usual}]")).unwrap_or_default();
        let answer = answer(&format!("{question}{shown} "))?;
        let answer = answer.trim();
        Ok(if answer.is_empty() { usual.map(str::to_owned) } else { Some(answer.to_owned()) })
    }

    /// Asks for a name to be typed before going on. Without a terminal nobody can be asked, and only `--yes` goes on.
    pub(super) fn confirm_name(&mut self, question: &str, name: &str) -> Result<(), Stop> {
        if self.yes {
            return Ok(());
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return self.confirm(question, LOOK_FIRST);
        }
        self.flush()?;
        let typed = answer(&format!("{question} Type {name} to go on: "))?;
        if typed.trim() == name {
            return Ok(());
        }
        Err(Stop::problem("not_confirmed", format!("{:?} is not {name:?}, so nothing was changed", typed.trim()), None))
    }

    /// Asks whether to go on. Without a terminal nobody can be asked, and only `--yes` goes on: the hint says how.
    pub(super) fn confirm(&mut self, question: &str, hint: &str) -> Result<(), Stop> {
        if self.yes {
            return Ok(());
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            let message = "this needs a confirmation, and there is no terminal to ask on";
            return Err(Stop::problem("not_confirmed", message, Some(hint)));
        }
        self.flush()?;
        let answer = answer(&format!("{question} [y/N] "))?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(Stop::problem("not_confirmed", "nothing was changed", None))
    }
}

/// Where the last of some columns begins.
fn text_start(rows: &[Vec<String>]) -> usize {
    let cells = rows.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
    let widest = |place: usize| rows.iter().filter_map(|row| row.get(place)).map(|cell| seen(cell)).max().unwrap_or(0);
    (0..cells).map(|place| widest(place).saturating_add(COLUMN_GAP)).sum()
}

/// Asks on the terminal, and returns the line that is typed.
fn answer(question: &str) -> Result<String, Stop> {
    let mut asked = io::stderr();
    written(write!(asked, "{}", harmless(question)).and_then(|()| asked.flush()))?;
    let mut answer = String::new();
    written(io::stdin().lock().read_line(&mut answer))?;
    Ok(answer)
}

/// Spells out control characters other than line breaks, and marks that turn the direction of text around, but for colours as [`Terminal::paint`] gives them.
fn harmless(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let acts = |c: char| (c.is_control() && c != '\n') || turns(c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut spelt = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(acts) {
        let (before, from) = rest.split_at(at);
        spelt.push_str(before);
        let color = COLORS.into_iter().find(|color| from.starts_with(color));
        let length = color.map_or_else(|| from.chars().next().map_or(0, char::len_utf8), str::len);
        let (acting, after) = from.split_at(length);
        match color {
            Some(color) => spelt.push_str(color),
            None => spelt.extend(acting.escape_default()),
        }
        rest = after;
    }
    spelt.push_str(rest);
    Cow::Owned(spelt)
}

/// Tells a reader that went away from a write that failed.
fn written<T>(result: io::Result<T>) -> Result<T, Stop> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::BrokenPipe,
        _ => Stop::problem("output", format!("output cannot be written: {error}"), None),
    })
}

/// Returns a line cut off at so many letters, colours not counted, with an ellipsis for the rest.
fn fitted(line: &str, width: usize) -> Cow<'_, str> {
    let mut seen = 0_usize;
    let mut escaped = false;
    let mut cut = None;
    for (at, letter) in line.char_indices() {
        if escaped || letter == '\u{1b}' {
            escaped = letter != 'm';
            continue;
        }
        seen = seen.saturating_add(1);
        if seen == width {
            cut = Some(at);
        }
    }
    let Some(kept) = cut.filter(|_| seen > width).and_then(|at| line.get(..at)) else { return Cow::Borrowed(line) };
    let [.., end] = COLORS;
    let end = if kept.contains('\u{1b}') { end } else { "" };
    Cow::Owned(format!("{kept}…{end}"))
}

/// Returns rows as columns of equal width, two spaces apart. The last column is not padded. Line breaks in a cell are spelt out: none looks
/// like a row of its own.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let spelt = |row: &Vec<String>| row.iter().map(|cell| cell.replace('\n', "\\n")).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(spelt).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        for (place, cell) in row.iter().enumerate() {
            match widths.get_mut(place) {
                Some(widest) => *widest = (*widest).max(seen(cell)),
                None => widths.push(seen(cell)),
            }
        }
    }
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (cell, widest) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', widest.saturating_sub(seen(cell)).saturating_add(COLUMN_GAP)));
            }
            line.truncate(line.trim_end().len());
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_act_on_the_terminal() {
        for (text, printed) in [
            ("plain ünicode", "plain ünicode"),
            ("\u{1b}[1mflag\u{1b}[0m", "\u{1b}[1mflag\u{1b}[0m"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("two\nlines\t", "two\nlines\\t"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}b", "a\\u{202e}b"),
        ] {
            assert_eq!(harmless(text), printed);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_off() {
        for (line, width, cut) in [
            ("telemetry", 9, "telemetry"),
            ("telemetry", 8, "telemet…"),
            ("\u{1b}[1mtelemetry\u{1b}[0m", 9, "\u{1b}[1mtelemetry\u{1b}[0m"),
            ("\u{1b}[1mtelemetry\u{1b}[0m", 4, "\u{1b}[1mtel…\u{1b}[0m"),
            ("für immer", 4, "für…"),
            ("telemetry", 0, "telemetry"),
        ] {
            assert_eq!(fitted(line, width), cut, "{line:?} {width}");
        }
    }

    #[test]
    fn columns_are_as_wide_as_what_is_seen() {
        let rows =
            [vec!["FLAG".to_owned(), "SHARE".to_owned()], vec!["\u{1b}[1mmlx\u{1b}[0m".to_owned(), "5%".to_owned()]];
        assert_eq!(columns(&rows), ["FLAG  SHARE", "\u{1b}[1mmlx\u{1b}[0m   5%"]);
        assert_eq!(columns(&[vec!["a\nb".to_owned(), "c".to_owned()]]), ["a\\nb  c"]);
    }
}
