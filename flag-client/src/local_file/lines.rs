//! Lines and columns of byte offsets.

use std::path::Path;

use crate::decision::Place;

/// The mark that some editors put at the beginning of a file. TOML does not count it.
pub(super) const BOM: char = '\u{feff}';

/// Finds the line and column of an offset.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// Returns line and column, both from 1; the column counts characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..offset.min(self.text.len())).unwrap_or_default();
        (line, before.chars().filter(|c| *c != BOM).count() + 1)
    }

    pub(super) fn place(&self, file: &Path, offset: usize) -> Place {
        let (line, column) = self.position(offset);
        Place { file: file.to_owned(), line, column }
    }
}
