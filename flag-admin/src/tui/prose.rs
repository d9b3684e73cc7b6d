//! Text as the dashboard lays it out: pieces that carry a meaning, measured by the columns they take on a terminal.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::theme::{Meaning, Theme};

/// One line of pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pieces: Vec<(Meaning, String)>,
}

impl Row {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn of(meaning: Meaning, text: impl AsRef<str>) -> Self {
        Self::new().and(meaning, text)
    }

    pub(super) fn plain(text: impl AsRef<str>) -> Self {
        Self::of(Meaning::Text, text)
    }

    /// Appends a piece.
    #[must_use]
    pub(super) fn and(mut self, meaning: Meaning, text: impl AsRef<str>) -> Self {
        self.pieces.push((meaning, clean(text.as_ref()).into_owned()));
        self
    }

    /// Appends the pieces of another row.
    #[must_use]
    pub(super) fn join(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Returns the columns it takes.
    pub(super) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| width(text)).sum()
    }

    pub(super) fn line(&self, theme: &Theme) -> Line<'static> {
        self.pieces
            .iter()
            .map(|(meaning, text)| Span::styled(theme.text(text).into_owned(), theme.style(*meaning)))
            .collect()
    }

    /// Returns the row cut off with an ellipsis where it is longer than so many columns.
    #[must_use]
    pub(super) fn cut(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let (mut row, mut left) = (Self::new(), columns);
        for (meaning, text) in self.pieces {
            let wide = width(&text);
            if wide < left {
                left = left.saturating_sub(wide);
                row.pieces.push((meaning, text));
            } else {
                row.pieces.push((meaning, fit(&text, left.saturating_sub(usize::from(wide == left)).max(1))));
                break;
            }
        }
        row
    }

    /// Breaks the row between words into rows of at most `columns`; all but the first begin with `hanging` spaces where there is room. A
    /// word that is longer than a row is broken within, from where it stands.
    pub(super) fn wrap(&self, columns: usize, hanging: usize) -> Vec<Self> {
        let columns = columns.max(1);
        // More than half of the columns are for text, where any character fits.
        let hanging = if hanging.saturating_mul(2) < columns { hanging } else { 0 };
        if self.width() <= columns {
            return vec![self.clone()];
        }
        let mut rows = Vec::new();
        let mut row = Self::new();
        let (mut used, mut start) = (0_usize, 0_usize);
        let next = |row: &mut Self, rows: &mut Vec<Self>| {
            rows.push(std::mem::take(row));
            if hanging > 0 {
                row.pieces.push((Meaning::Text, " ".repeat(hanging)));
            }
            hanging
        };
        for (meaning, text) in &self.pieces {
            for word in text.split_inclusive(' ') {
                let wide = width(word.trim_end());
                let fits_a_row = wide <= columns.saturating_sub(hanging);
                if fits_a_row && used > start && used.saturating_add(wide) > columns {
                    used = next(&mut row, &mut rows);
                    start = used;
                }
                for grapheme in graphemes(word) {
                    let more = width(&grapheme);
                    if used > start && used.saturating_add(more) > columns {
                        if grapheme == " " {
                            continue;
                        }
                        used = next(&mut row, &mut rows);
                        start = used;
                    }
                    row.push(*meaning, &grapheme);
                    used = used.saturating_add(more);
                }
            }
        }
        rows.push(row);
        rows
    }

    fn push(&mut self, meaning: Meaning, text: &str) {
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == meaning => piece.push_str(text),
            _ => self.pieces.push((meaning, text.to_owned())),
        }
    }
}

/// Returns the columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Returns a text of exactly `columns`: padded, or cut off with an ellipsis.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let text = clean(text);
    let mut fitted = String::new();
    let mut used = 0_usize;
    if width(&text) <= columns {
        fitted.push_str(&text);
        used = width(&text);
    } else if columns > 0 {
        for grapheme in graphemes(&text) {
            let more = width(&grapheme);
            if used.saturating_add(more) > columns.saturating_sub(1) {
                break;
            }
            fitted.push_str(&grapheme);
            used = used.saturating_add(more);
        }
        fitted.push('…');
        used = used.saturating_add(1);
    }
    fitted.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    fitted
}

/// Returns what a reader takes for the characters of a text.
pub(super) fn graphemes(text: &str) -> Vec<String> {
    Span::raw(text).styled_graphemes(Style::default()).map(|grapheme| grapheme.symbol.to_owned()).collect()
}

/// Replaces control characters, which a terminal does not draw or takes columns for that nothing fills, and those that turn the direction
/// of whatever follows them.
fn clean(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.contains(is_bad) {
        Cow::Owned(text.chars().map(|c| if is_bad(c) { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Says how many of something there are.
pub(super) fn count(number: usize, thing: &str) -> String {
    match number {
        0 => format!("no {thing}s"),
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}
