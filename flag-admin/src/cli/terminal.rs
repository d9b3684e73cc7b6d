use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Write};

use serde::Serialize;

use super::arguments::{ColorChoice, Globals};
use super::problem::Stop;
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

    /// Prints a line of text.
    pub(super) fn line(&mut self, text: impl Display) -> Result<(), Stop> {
        written(writeln!(self.out, "{text}"))
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
        let code = match meaning {
            Meaning::Name => "1",
            Meaning::Gain => "34",
            Meaning::Loss => "1;35",
            Meaning::Notice => "33",
            Meaning::Muted => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Asks whether to go on. Without a terminal nobody can be asked, and only `--yes` goes on.
    pub(super) fn confirm(&mut self, question: &str) -> Result<(), Stop> {
        if self.yes {
            return Ok(());
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            let hint = Some("look at the plan with --dry-run, and run it with --yes");
            return Err(Stop::problem(
                "not_confirmed",
                "this needs a confirmation, and there is no terminal to ask on",
                hint,
            ));
        }
        self.flush()?;
        let mut asked = io::stderr();
        written(write!(asked, "{question} [y/N] ").and_then(|()| asked.flush()))?;
        let mut answer = String::new();
        written(io::stdin().lock().read_line(&mut answer))?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            return Ok(());
        }
        Err(Stop::problem("not_confirmed", "nothing was changed", None))
    }
}

/// Tells a reader that went away from a write that failed.
fn written<T>(result: io::Result<T>) -> Result<T, Stop> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Stop::BrokenPipe,
        _ => Stop::problem("output", format!("output cannot be written: {error}"), None),
    })
}

/// Returns rows as columns of equal width, two spaces apart. The last column is not padded.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let width = |text: &str| {
        let mut escaped = false;
        text.chars()
            .filter(|c| {
                let counts = !escaped && *c != '\u{1b}';
                escaped = (escaped || *c == '\u{1b}') && *c != 'm';
                counts
            })
            .count()
    };
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (place, cell) in row.iter().enumerate() {
            match widths.get_mut(place) {
                Some(widest) => *widest = (*widest).max(width(cell)),
                None => widths.push(width(cell)),
            }
        }
    }
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (cell, widest) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', widest.saturating_sub(width(cell)).saturating_add(2)));
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
    fn columns_are_as_wide_as_what_is_seen() {
        let rows =
            [vec!["FLAG".to_owned(), "SHARE".to_owned()], vec!["\u{1b}[1mmlx\u{1b}[0m".to_owned(), "5%".to_owned()]];
        assert_eq!(columns(&rows), ["FLAG  SHARE", "\u{1b}[1mmlx\u{1b}[0m   5%"]);
    }
}
