//! The text being read, and the problems found in it.

use std::collections::HashMap;

use super::super::Places;
use super::super::error::{DefinitionError, Fault, Problem};
use super::fields::Node;

/// Collects the problems of one file. Reading goes on after one, so that a file's mistakes are told all at once.
pub(super) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    /// Where each dotted place stands, for what is found wrong only once everything is read.
    marks: HashMap<String, usize>,
    problems: Vec<Noted>,
}

/// A problem whose byte is not yet a line and a column.
struct Noted {
    at: usize,
    place: Box<str>,
    fault: Fault,
}

impl<'t> Report<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, marks: HashMap::new(), problems: Vec::new() }
    }

    /// Returns how many problems there are so far: what is read between two equal counts is sound.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    /// Remembers that `place` stands at a byte of the text.
    pub(super) fn mark(&mut self, place: &str, at: usize) {
        self.marks.insert(place.into(), at);
    }

    /// Notes a problem at a byte of the text.
    pub(super) fn add(&mut self, place: &str, at: usize, fault: Fault) {
        self.problems.push(Noted { at, place: place.into(), fault });
    }

    /// Notes a problem of a value, which then counts as absent.
    pub(super) fn refuse<T>(&mut self, node: &Node<'_>, fault: Fault) -> Option<T> {
        self.add(&node.place, node.at, fault);
        None
    }

    /// Notes a problem at a dotted place that was read before, or at the nearest one around it.
    pub(super) fn add_at(&mut self, place: &str, fault: Fault) {
        let mut around = place;
        loop {
            if let Some(at) = self.marks.get(around).copied() {
                return self.add(around, at, fault);
            }
            match around.rfind(['.', '[']) {
                Some(end) => around = around.get(..end).unwrap_or_default(),
                None => return self.add("", 0, fault),
            }
        }
    }

    /// Returns the text of a span.
    pub(super) fn excerpt(&self, span: std::ops::Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    /// Returns what was read and where it stands, unless there were problems.
    pub(super) fn conclude<T>(mut self, read: T) -> Result<(T, Places), DefinitionError> {
        if self.problems.is_empty() {
            return Ok((read, Places::new(self.marks, self.text)));
        }
        self.problems.sort_by_key(|noted| noted.at);
        let (mut line, mut line_start) = (1, 0);
        let mut located = Vec::with_capacity(self.problems.len());
        for Noted { at, place, fault } in self.problems {
            let passed = self.text.get(line_start..at).unwrap_or_default();
            line += passed.matches('\n').count();
            line_start += passed.rfind('\n').map_or(0, |newline| newline + 1);
            let column = self.text.get(line_start..at).unwrap_or_default().chars().count() + 1;
            located.push(Problem { file: self.file.into(), line, column, place, fault });
        }
        Err(DefinitionError::new(located))
    }
}
