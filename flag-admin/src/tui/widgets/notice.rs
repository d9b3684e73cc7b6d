use flag_core::Timestamp;

use crate::tui::msg::Trouble;
use crate::tui::prose::Row;
use crate::tui::theme::Meaning;

/// How long what went well is told, in milliseconds. What went wrong stays until it is dismissed.
const SHOWN_MILLIS: i64 = 6_000;

/// A message above the hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) struct Notice {
    kind: NoticeKind,
    text: String,
    hint: Option<String>,
    since: Timestamp,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum NoticeKind {
    Success,
    News,
    Trouble,
}

impl Notice {
    pub(in crate::tui) const fn success(text: String, since: Timestamp) -> Self {
        Self { kind: NoticeKind::Success, text, hint: None, since }
    }

    pub(in crate::tui) fn news(text: impl Into<String>, since: Timestamp) -> Self {
        Self { kind: NoticeKind::News, text: text.into(), hint: None, since }
    }

    pub(in crate::tui) fn trouble(trouble: Trouble, since: Timestamp) -> Self {
        Self { kind: NoticeKind::Trouble, text: trouble.message, hint: trouble.hint, since }
    }

    /// Returns it without what it says.
    pub(in crate::tui) fn without_words(self) -> Self {
        Self { text: "(message)".to_owned(), hint: None, ..self }
    }

    /// Tells whether it was told for long enough.
    pub(in crate::tui) fn is_over(&self, now: Timestamp) -> bool {
        self.kind != NoticeKind::Trouble && now.millis_since(self.since).abs() >= SHOWN_MILLIS
    }

    pub(in crate::tui) fn is_trouble(&self) -> bool {
        self.kind == NoticeKind::Trouble
    }

    pub(in crate::tui) fn rows(&self, columns: usize) -> Vec<Row> {
        let mut rows = match self.kind {
            NoticeKind::Success => Row::of(Meaning::Success, &self.text).wrap(columns, 0),
            NoticeKind::News => Row::of(Meaning::Notice, &self.text).wrap(columns, 0),
            NoticeKind::Trouble => {
                Row::of(Meaning::Danger, "error:").and(Meaning::Text, format!(" {}", self.text)).wrap(columns, 7)
            }
        };
        if let Some(hint) = &self.hint {
            rows.extend(Row::of(Meaning::Key, "hint: ").and(Meaning::Text, hint).wrap(columns, 6));
        }
        rows
    }
}
