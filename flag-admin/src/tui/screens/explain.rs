//! What somebody gets of a flag, and why: a context is entered, each layer of the decision is shown.

use crossterm::event::KeyEvent;
use flag_core::{Attributes, FlagKey, LayerOutcome, Share, Value};

use super::share::trouble_rows;
use crate::app::Answer;
use crate::tui::effect::Effect;
use crate::tui::line_input::LineInput;
use crate::tui::msg::Trouble;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::Meaning;

/// The columns of a fact's name.
const LABEL: usize = 11;

/// The line that is entered, and what came of it.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct Explain {
    pub(in crate::tui) input: LineInput,
    pub(in crate::tui) editing: bool,
    pub(in crate::tui) answer: Option<Result<Explained, Trouble>>,
    flag: Option<FlagKey>,
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) struct Explained {
    /// The value and its variant.
    gets: String,
    /// Label and text.
    facts: Vec<(&'static str, String)>,
    /// What was asked in order, what it came to, and what it said.
    layers: Vec<(String, LayerOutcome, String)>,
}

impl Explained {
    pub(in crate::tui) fn of(answer: &Answer<'_>) -> Self {
        let value = answer.value.map_or_else(|| "the code's default".to_owned(), ToString::to_string);
        let variant = answer.variant.map(|variant| format!(" ({variant})")).unwrap_or_default();
        let percent = |thousandths: u32| Share::from_thousandths(thousandths).unwrap_or_default().to_string();
        let mut facts = vec![("Reason", answer.reason.to_string())];
        facts.extend(answer.rule.map(|rule| ("Rule", rule.to_owned())));
        facts.extend(answer.bucket.map(|bucket| ("Bucket", format!("{bucket} of 0..99999"))));
        facts.push(("Share", percent(answer.share)));
        facts.extend(answer.flips_at.map(|share| ("Exposed", format!("from a share of {} on", percent(share)))));
        facts.extend(answer.pivot.as_ref().map(|pivot| {
            let text = format!(
                "{} {}: the other way it is {}",
                pivot.test.attribute,
                pivot.test.operator.as_str(),
                pivot.variant
            );
            ("Turns on", text)
        }));
        let layers = answer.layers.iter().map(|layer| {
            let id = layer.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            (format!("{}{id}", layer.layer), layer.outcome, layer.detail.clone())
        });
        Self { gets: format!("{value}{variant}"), facts, layers: layers.collect() }
    }
}

impl Explain {
    /// Opens the line for a flag, or closes it.
    pub(in crate::tui) fn begin(&mut self, open: bool, flag: &FlagKey) {
        self.editing = open;
        if self.flag.as_ref() != Some(flag) {
            self.answer = None;
            self.flag = Some(flag.clone());
        }
    }

    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) -> bool {
        self.input.edit(key)
    }

    /// Reads the line, and has the flag decided for it.
    pub(in crate::tui) fn ask(&mut self, flag: FlagKey) -> Vec<Effect> {
        match read(&self.input.text()) {
            Ok((unit, attributes)) => vec![Effect::Explain { flag, unit, attributes }],
            Err(trouble) => {
                self.answer = Some(Err(trouble));
                Vec::new()
            }
        }
    }

    /// Takes an answer, unless another flag is asked about by now.
    pub(in crate::tui) fn answered(&mut self, flag: &FlagKey, outcome: Result<Explained, Trouble>) {
        if self.flag.as_ref() == Some(flag) {
            self.answer = Some(outcome);
        }
    }

    pub(in crate::tui) fn rows(&self, columns: usize) -> Vec<Row> {
        let mut rows = match &self.answer {
            None => Row::of(
                Meaning::Muted,
                "Say whom it is about, then Enter: unit=ID and attributes, such as  unit=7f3a os=macos version=1.4.2",
            )
            .wrap(columns, 0),
            Some(Err(trouble)) => trouble_rows(trouble, columns),
            Some(Ok(explained)) => explained_rows(explained, columns),
        };
        rows.insert(0, Row::new());
        rows
    }
}

fn explained_rows(explained: &Explained, columns: usize) -> Vec<Row> {
    let mut rows = Row::plain("gets ").and(Meaning::Name, &explained.gets).wrap(columns, 2);
    for (label, text) in &explained.facts {
        rows.extend(Row::of(Meaning::Muted, fit(label, LABEL)).and(Meaning::Text, text).wrap(columns, LABEL));
    }
    rows.push(Row::new());
    rows.push(Row::of(Meaning::Name, "What was asked, in order"));
    for (layer, outcome, detail) in &explained.layers {
        let (meaning, word) = match outcome {
            LayerOutcome::Decided => (Meaning::Success, "decided"),
            LayerOutcome::Passed => (Meaning::Muted, "passed"),
            _ => (Meaning::Notice, "skipped"),
        };
        let row = Row::plain(fit(layer, 26)).and(meaning, format!(" {} ", fit(word, 7))).and(Meaning::Text, detail);
        rows.extend(row.wrap(columns, 28));
    }
    rows
}

/// Reads `unit=ID name=value ...`. A value is a JSON scalar (`true`, `5`, `"two words"`) or text; `:=` takes any JSON without spaces.
fn read(line: &str) -> Result<(Option<String>, Attributes), Trouble> {
    let mut unit = None;
    let mut found: Vec<(String, Value)> = Vec::new();
    for part in split(line) {
        let wrong = |what: &str| {
            Trouble::saying(format!("{part:?} {what}")).with_hint("write unit=ID and NAME=VALUE, with spaces between")
        };
        let (name, text) = part.split_once('=').ok_or_else(|| wrong("has no value"))?;
        if name == "unit" {
            unit = Some(text.trim_matches('"').to_owned());
            continue;
        }
        let (name, is_json) = name.strip_suffix(':').map_or((name, false), |name| (name, true));
        if name.is_empty() {
            return Err(wrong("has no name"));
        }
        if found.iter().any(|(known, _)| known == name) {
            return Err(wrong("is given twice"));
        }
        let value = match serde_json::from_str::<Value>(text) {
            Ok(value) if is_json => value,
            Ok(scalar @ (Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_))) => scalar,
            Err(_) if is_json => return Err(wrong("is not JSON")),
            _ => Value::from(text),
        };
        found.push((name.to_owned(), value));
    }
    Ok((unit, found.into_iter().collect()))
}

/// Splits at spaces that stand outside of quotes.
fn split(line: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        quoted ^= c == '"';
        match parts.last_mut() {
            Some(part) if c != ' ' || quoted => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn a_line_names_a_unit_and_attributes() {
        let (unit, attributes) = read("unit=u-1 os=macos n=5 words=\"two words\" list:=[1,2]").unwrap();
        assert_eq!(unit.as_deref(), Some("u-1"));
        let expected: Attributes = [
            ("os".to_owned(), Value::from("macos")),
            ("n".to_owned(), Value::from(5)),
            ("words".to_owned(), Value::from("two words")),
            ("list".to_owned(), Value::from(vec![Value::from(1), Value::from(2)])),
        ]
        .into_iter()
        .collect();
        assert_eq!(attributes, expected);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (line, message) in [
            ("os", "\"os\" has no value"),
            ("=5", "\"=5\" has no name"),
            ("a=1 a=2", "\"a=2\" is given twice"),
            ("a:=[", "\"a:=[\" is not JSON"),
        ] {
            assert_eq!(read(line).unwrap_err().message, message, "{line}");
        }
    }
}
