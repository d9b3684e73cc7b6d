//! Rows of which thousands may be out of sight: those are laid out once, and a frame takes the ones that it shows.

use std::rc::Rc;

use crate::tui::facts::Facts;
use crate::tui::prose::Row;

/// Rows under one another.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct Sheet {
    pub(in crate::tui) before: Vec<Row>,
    pub(in crate::tui) long: Long,
    pub(in crate::tui) after: Vec<Row>,
}

/// Rows that were laid out before, from one of them on.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct Long {
    rows: Rc<[Row]>,
    from: usize,
}

/// What of a head of the log was laid out, for so many columns.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Laid {
    facts: Rc<Facts>,
    columns: usize,
    rows: Rc<[Row]>,
}

impl Sheet {
    pub(in crate::tui) fn len(&self) -> usize {
        self.before.len().saturating_add(self.long.len()).saturating_add(self.after.len())
    }

    /// Returns the rows from `scroll` on, as many as `height`.
    pub(in crate::tui) fn seen(&self, scroll: usize, height: usize) -> Vec<Row> {
        let (before, long) = (self.before.len(), self.long.len());
        let start = |length: usize, above: usize| scroll.saturating_sub(above).min(length);
        let before_rows = self.before.iter().skip(start(before, 0));
        let long_rows = self.long.rows.iter().skip(self.long.from.saturating_add(start(long, before)));
        let after_rows = self.after.iter().skip(start(self.after.len(), before.saturating_add(long)));
        before_rows.chain(long_rows).chain(after_rows).take(height).cloned().collect()
    }

    /// Returns all of its rows.
    pub(in crate::tui) fn all(&self) -> Vec<Row> {
        self.seen(0, self.len())
    }
}

impl From<Vec<Row>> for Sheet {
    fn from(rows: Vec<Row>) -> Self {
        Self { before: rows, ..Self::default() }
    }
}

impl Long {
    pub(in crate::tui) const fn new(rows: Rc<[Row]>, from: usize) -> Self {
        Self { rows, from }
    }

    fn len(&self) -> usize {
        self.rows.len().saturating_sub(self.from)
    }
}

impl Laid {
    pub(in crate::tui) fn new(facts: Rc<Facts>, columns: usize, rows: Vec<Row>) -> Self {
        Self { facts, columns, rows: rows.into() }
    }

    /// Returns the rows as those of facts that differ in nothing that they are of.
    pub(in crate::tui) fn shared_with(&self, facts: &Rc<Facts>) -> Self {
        Self { facts: Rc::clone(facts), ..self.clone() }
    }

    /// Returns the rows, if they are of these facts and for so many columns.
    pub(in crate::tui) fn rows(&self, facts: &Rc<Facts>, columns: usize) -> Option<Rc<[Row]>> {
        (Rc::ptr_eq(&self.facts, facts) && self.columns == columns).then(|| Rc::clone(&self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_window_shows_what_the_whole_would() {
        let rows = |from: usize, to: usize| (from..to).map(|number| Row::plain(number.to_string())).collect::<Vec<_>>();
        let sheet = Sheet { before: rows(0, 3), long: Long::new(rows(1, 9).into(), 2), after: rows(9, 11) };
        let whole = rows(0, 11);
        assert_eq!((sheet.len(), sheet.all()), (11, whole.clone()));
        for scroll in 0..14 {
            for height in 0..14 {
                let expected: Vec<Row> = whole.iter().skip(scroll).take(height).cloned().collect();
                assert_eq!(sheet.seen(scroll, height), expected, "{height} rows from {scroll} on");
            }
        }
    }
}
