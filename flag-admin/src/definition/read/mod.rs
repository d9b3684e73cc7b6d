//! The TOML form, read so that every mistake is told with its place.

mod compiled;
mod condition;
mod documentation;
mod experiment;
mod fields;
mod flag;
mod lint;
mod serve;
mod source;
mod value;

use std::collections::HashSet;

use flag_core::FlagKey;
use flag_core::wire::Entries;
use toml::de::DeTable;

use self::compiled::Written;
use self::condition::condition;
use self::fields::{Fields, Node};
use self::source::Report;
use super::error::Fault;
use super::{DefinitionError, Definitions, Places};

/// Reads an authoring file's text.
pub(super) fn definitions(text: &str, file: &str) -> Result<(Definitions, Places), DefinitionError> {
    let mut report = Report::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What the parser makes of a broken text would only give errors that follow from the first.
        let mut told = HashSet::new();
        for error in errors {
            // One place gives the same error once for each bracket that is open there.
            let at = error.span().unwrap_or_default().start;
            if told.insert((at, error.message().to_owned())) {
                syntax(&error, &mut report);
            }
        }
        return report.conclude(Definitions::default());
    }
    let mut fields = Fields::of_file(table.get_ref(), &mut report);
    let flags = named(&mut fields, "flags", "a table of flags", &mut report);
    let segments = named(&mut fields, "segments", "a table of segments", &mut report);
    let groups = named(&mut fields, "groups", "a table of exclusion groups", &mut report);
    fields.finish(&mut report, |_| None);
    let (mut defined, mut fixed) = (Vec::with_capacity(flags.len()), Vec::new());
    for (key, node) in &flags {
        if let Err(error) = key.parse::<FlagKey>() {
            report.add(&node.place, node.at, Fault::Key(error));
        } else if let Some(flag) = flag::flag(node, &mut report) {
            defined.push((Box::from(*key), flag.definition));
            fixed.extend(flag.fixed.into_iter().map(|place| (Box::from(*key), place)));
        }
    }
    let read = Definitions {
        flags: defined.into_iter().collect(),
        segments: each(&segments, condition, &mut report),
        groups: each(&groups, flag::group, &mut report),
        fixed,
    };
    let written = Written { flags: names(&flags), segments: names(&segments), groups: names(&groups) };
    compiled::check(&read, &written, &mut report);
    report.conclude(read)
}

fn named<'d>(
    fields: &mut Fields<'d>,
    key: &'static str,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Vec<(&'d str, Node<'d>)> {
    fields.take(key).and_then(|node| node.entries(report, expected)).unwrap_or_default()
}

fn each<T>(
    nodes: &[(&str, Node<'_>)],
    read: impl Fn(&Node<'_>, &mut Report<'_>) -> Option<T>,
    report: &mut Report<'_>,
) -> Entries<T> {
    nodes.iter().filter_map(|(name, node)| Some((Box::from(*name), read(node, report)?))).collect()
}

fn names<'d>(nodes: &[(&'d str, Node<'d>)]) -> HashSet<&'d str> {
    nodes.iter().map(|(name, _)| *name).collect()
}

fn syntax(error: &toml::de::Error, report: &mut Report<'_>) {
    let span = error.span().unwrap_or_default();
    let at = span.start;
    // The parser has one word for a key and for a table, and tells which by the span alone.
    let fault = match error.message() {
        "duplicate key" => Fault::Twice { key: report.excerpt(span).into() },
        message => Fault::Syntax { message: message.into() },
    };
    report.add("", at, fault);
}
