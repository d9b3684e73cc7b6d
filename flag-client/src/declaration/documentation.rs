//! What a declaration says to people. No decision depends on it, and none of it is published.

use std::fmt;

/// A point in a product's life: a version, a day, or both, as in `v1.2.0 (2026-02-01)`.
///
/// ```
/// use flag_client::Milestone;
/// const ADDED: Milestone = Milestone::new("v1.2.0 (2026-02-01)");
/// assert_eq!((ADDED.version(), ADDED.date()), (Some("v1.2.0"), Some("2026-02-01")));
/// assert_eq!((Milestone::new("2026-02-01").version(), Milestone::new("v1.2.0").date()), (None, None));
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Milestone(&'static str);

impl Milestone {
    /// Returns the milestone of a text.
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns the version: what stands before the day.
    pub fn version(self) -> Option<&'static str> {
        let before = match self.date() {
            Some(date) => self.0.split(date).next().unwrap_or_default().trim_end_matches('('),
            None => self.0,
        };
        Some(before.trim()).filter(|version| !version.is_empty())
    }

    /// Returns the day, `YYYY-MM-DD`: the first word of that form, in parentheses or not.
    pub fn date(self) -> Option<&'static str> {
        let words = self.0.split([' ', '(', ')', ',']);
        words.into_iter().find(|word| {
            let form = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
            word.len() == 10 && word.bytes().enumerate().all(form)
        })
    }
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// Something to watch while a flag rolls out.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, `sync success rate`.
    pub name: &'static str,
    /// What it should keep, `>95%`.
    pub target: Option<&'static str>,
}

impl Metric {
    /// Returns a metric that is watched without a target.
    pub const fn watched(name: &'static str) -> Self {
        Self { name, target: None }
    }

    /// Returns a metric with the value that it should keep.
    pub const fn with_target(name: &'static str, target: &'static str) -> Self {
        Self { name, target: Some(target) }
    }
}

impl fmt::Display for Metric {
    /// Prints `sync success rate (target: >95%)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target {
            Some(target) => write!(f, "{} (target: {target})", self.name),
            None => f.write_str(self.name),
        }
    }
}
