//! A line of text under edit.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::prose::{graphemes, width};

/// The longest line, in characters. What is entered here goes into one line of the log.
const MAX: usize = 1_000;

/// A line of text with a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LineInput {
    before: String,
    after: String,
}

impl LineInput {
    /// Returns a line with the cursor at its end.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { before: text.into(), after: String::new() }
    }

    pub(super) fn text(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes a key that edits. Returns whether it was one.
    pub(super) fn edit(&mut self, key: KeyEvent) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if ctrl => self.before.clear(),
            KeyCode::Char('a') if ctrl => self.home(),
            KeyCode::Char('e') if ctrl => self.end(),
            KeyCode::Char('w') if ctrl => {
                let kept = self.before.trim_end().rfind(' ').map_or(0, |space| space.saturating_add(1));
                self.before.truncate(kept);
            }
            KeyCode::Char(c) if !ctrl => self.insert(c),
            KeyCode::Backspace => {
                self.pop_before();
            }
            KeyCode::Delete => {
                self.pop_after();
            }
            KeyCode::Left => {
                let moved = self.pop_before();
                self.after.insert_str(0, &moved);
            }
            KeyCode::Right => {
                let moved = self.pop_after();
                self.before.push_str(&moved);
            }
            KeyCode::Home => self.home(),
            KeyCode::End => self.end(),
            _ => return false,
        }
        true
    }

    /// Inserts pasted text; line breaks become spaces.
    pub(super) fn paste(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            self.insert(if c.is_control() { ' ' } else { c });
        }
    }

    /// Returns the part to show in a number of columns, and the cursor's column in it.
    pub(super) fn window(&self, columns: usize) -> (String, usize) {
        let mut shown = graphemes(&self.before);
        let room = columns.saturating_sub(1);
        let mut cursor: usize = shown.iter().map(|grapheme| width(grapheme)).sum();
        while cursor > room && !shown.is_empty() {
            cursor = cursor.saturating_sub(width(&shown.remove(0)));
        }
        let mut used = cursor;
        for grapheme in graphemes(&self.after) {
            used = used.saturating_add(width(&grapheme));
            if used > columns {
                break;
            }
            shown.push(grapheme);
        }
        (shown.concat(), cursor)
    }

    fn insert(&mut self, c: char) {
        if self.before.chars().count().saturating_add(self.after.chars().count()) < MAX && !c.is_control() {
            self.before.push(c);
        }
    }

    fn home(&mut self) {
        self.after = self.text();
        self.before.clear();
    }

    fn end(&mut self) {
        self.before = self.text();
        self.after.clear();
    }

    fn pop_before(&mut self) -> String {
        let last = graphemes(&self.before).pop().unwrap_or_default();
        let kept = self.before.len().saturating_sub(last.len());
        self.before.split_off(kept)
    }

    fn pop_after(&mut self) -> String {
        let first = graphemes(&self.after).into_iter().next().unwrap_or_default();
        let rest = self.after.split_off(first.len());
        std::mem::replace(&mut self.after, rest)
    }
}
