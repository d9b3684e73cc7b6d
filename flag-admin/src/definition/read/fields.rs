//! Values with their place, and tables whose every key has to be asked for.

use flag_core::Timestamp;
use toml::de::{DeTable, DeValue};

use super::super::error::Fault;
use super::super::print::literal::key as quoted;
use super::source::Report;

/// A value and where it stands.
pub(super) struct Node<'d> {
    /// The dotted place.
    pub(super) place: String,
    /// The byte at which it starts; of a table, that of its header.
    pub(super) at: usize,
    pub(super) value: &'d DeValue<'d>,
}

/// The keys of a table in the order of the file. What nobody took by the end is unknown.
pub(super) struct Fields<'d> {
    pub(super) place: String,
    pub(super) at: usize,
    left: Vec<(usize, &'d str, Node<'d>)>,
    known: Vec<&'static str>,
}

impl<'d> Node<'d> {
    /// Returns what an error calls the value's type.
    pub(super) fn type_name(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    fn wrong<T>(&self, report: &mut Report<'_>, expected: &'static str) -> Option<T> {
        report.refuse(self, Fault::Type { found: self.type_name(), expected })
    }

    pub(super) fn text(&self, report: &mut Report<'_>, expected: &'static str) -> Option<&'d str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => self.wrong(report, expected),
        }
    }

    pub(super) fn boolean(&self, report: &mut Report<'_>) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.wrong(report, "true or false"),
        }
    }

    /// Returns the elements of a list.
    pub(super) fn items(&self, report: &mut Report<'_>, expected: &'static str) -> Option<Vec<Self>> {
        let DeValue::Array(items) = self.value else { return self.wrong(report, expected) };
        let node = |(index, item): (usize, &'d toml::Spanned<DeValue<'d>>)| Self {
            place: format!("{}[{index}]", self.place),
            at: item.span().start,
            value: item.get_ref(),
        };
        let items: Vec<Self> = items.iter().enumerate().map(node).collect();
        for item in &items {
            report.mark(&item.place, item.at);
        }
        Some(items)
    }

    /// Returns a list of texts.
    pub(super) fn texts<T: From<&'d str>>(&self, report: &mut Report<'_>) -> Vec<T> {
        let items = self.items(report, "a list of texts").unwrap_or_default();
        items.iter().filter_map(|item| item.text(report, "text").map(T::from)).collect()
    }

    /// Returns the entries of a table whose keys are the author's own names, in the order of the file.
    pub(super) fn entries(&self, report: &mut Report<'_>, expected: &'static str) -> Option<Vec<(&'d str, Self)>> {
        let DeValue::Table(table) = self.value else { return self.wrong(report, expected) };
        Some(in_order(&self.place, table, report).into_iter().map(|(_, name, node)| (name, node)).collect())
    }

    /// Returns the keys of a table whose keys are ours.
    pub(super) fn fields(&self, report: &mut Report<'_>, expected: &'static str) -> Option<Fields<'d>> {
        let DeValue::Table(table) = self.value else { return self.wrong(report, expected) };
        Some(Fields {
            place: self.place.clone(),
            at: self.at,
            left: in_order(&self.place, table, report),
            known: Vec::new(),
        })
    }

    /// Returns the value of a name out of a closed set.
    pub(super) fn one_of<T: Clone>(
        &self,
        report: &mut Report<'_>,
        what: &'static str,
        names: &[(&'static str, T)],
    ) -> Option<T> {
        let found = self.text(report, "text")?;
        if let Some((_, value)) = names.iter().find(|(name, _)| *name == found) {
            return Some(value.clone());
        }
        let known = names.iter().map(|(name, _)| (*name).into()).collect();
        report.refuse(self, Fault::UnknownName { what, found: found.into(), known })
    }

    /// Returns a time: RFC 3339 in quotes or without.
    pub(super) fn time(&self, report: &mut Report<'_>) -> Option<Timestamp> {
        let text = match self.value {
            DeValue::Datetime(time) => time.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => return self.wrong(report, "a time such as 2026-05-01T00:00:00Z"),
        };
        match text.parse() {
            Ok(time) => Some(time),
            Err(source) => report.refuse(self, Fault::Time { found: text.into(), source }),
        }
    }
}

impl<'d> Fields<'d> {
    /// Opens the file's outermost table.
    pub(super) fn of_file(table: &'d DeTable<'d>, report: &mut Report<'_>) -> Self {
        Self { place: String::new(), at: 0, left: in_order("", table, report), known: Vec::new() }
    }

    /// Takes the value of a key, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node<'d>> {
        self.known.push(key);
        let at = self.left.iter().position(|(_, found, _)| *found == key)?;
        Some(self.left.remove(at).2)
    }

    /// Lets a key stand unread, if nobody took it yet.
    pub(super) fn skip(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.take(key);
        }
    }

    /// Takes the value of a key that has to be there.
    pub(super) fn need(
        &mut self,
        report: &mut Report<'_>,
        key: &'static str,
        expected: &'static str,
    ) -> Option<Node<'d>> {
        let node = self.take(key);
        if node.is_none() {
            report.add(&self.place, self.at, Fault::Missing { key, expected });
        }
        node
    }

    /// Notes the keys that nobody took. `belongs` tells where a key belongs that stands in the wrong table.
    pub(super) fn finish(self, report: &mut Report<'_>, belongs: impl Fn(&str) -> Option<Box<str>>) {
        for (at, key, _) in self.left {
            let fault = Fault::UnknownKey { found: key.into(), known: self.known.clone(), belongs: belongs(key) };
            report.add(&self.place, at, fault);
        }
    }

    /// Tells whether every key was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }
}

/// Returns where keys stand, the keys and their values. The parser sorts keys by name; their spans put them back in order.
fn in_order<'d>(place: &str, table: &'d DeTable<'d>, report: &mut Report<'_>) -> Vec<(usize, &'d str, Node<'d>)> {
    let mut entries: Vec<(usize, &'d str, Node<'d>)> = Vec::with_capacity(table.len());
    for (key, value) in table {
        let name: &'d str = key.get_ref();
        let dot = if place.is_empty() { "" } else { "." };
        let node =
            Node { place: format!("{place}{dot}{}", quoted(name)), at: value.span().start, value: value.get_ref() };
        report.mark(&node.place, node.at);
        entries.push((key.span().start, name, node));
    }
    entries.sort_by_key(|(at, _, _)| *at);
    entries
}
