//! Edits that touch one line. The file's text is changed at the place that its syntax tree points to; only forms that have no line of
//! their own, such as inline tables, go through the tree. Either way the result is read back, and must differ in the edit alone.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, DocumentMut, Item, Key, Table, TableLike};

use super::lines::{BOM, Lines};
use super::read::syntax;
use super::{LocalFileError, ROOT, Section};
use crate::decision::LocalValue;

/// One change to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// A key gets a value.
    Set {
        /// The table.
        section: Section,
        /// The key.
        key: Box<str>,
        /// The value.
        value: LocalValue,
    },
    /// A key goes.
    Remove {
        /// The table.
        section: Section,
        /// The key.
        key: Box<str>,
    },
    /// Every key of a table goes. For overrides and kill switches only.
    Clear {
        /// The table.
        section: Section,
    },
}

/// Returns a file's text after the edits.
pub(super) fn apply(path: &Path, text: &str, edits: &[Edit]) -> Result<String, LocalFileError> {
    let body = text.strip_prefix(BOM);
    let mark = body.and(Some(BOM));
    let mut text = body.unwrap_or(text).to_owned();
    for edit in edits {
        match edit {
            Edit::Set { section, key, value } => text = set(path, &text, *section, key, value)?,
            Edit::Remove { section, key } => text = remove_all(path, &text, *section, &[&**key])?,
            Edit::Clear { section } => {
                let keys = keys(path, &text, *section)?;
                text = remove_all(path, &text, *section, &keys)?;
            }
        }
    }
    Ok(mark.into_iter().collect::<String>() + &text)
}

fn parse<'t>(path: &Path, text: &'t str) -> Result<Document<&'t str>, LocalFileError> {
    // `toml_edit` panics at some texts that are not TOML, such as a value that is missing and then extended by a dotted key.
    syntax(path, text)?;
    Document::parse(text).map_err(|error| {
        let (line, column) = Lines::new(text).position(error.span().map_or(0, |span| span.start));
        LocalFileError::Syntax { path: path.to_owned(), line, column, message: error.message().into() }
    })
}

/// The table of a section; nothing if the file has none.
fn find<'d>(path: &Path, root: &'d Table, section: Section) -> Result<Option<&'d dyn TableLike>, LocalFileError> {
    let Some(item) = root.get(ROOT) else { return Ok(None) };
    let table = item.as_table_like().ok_or(LocalFileError::Section { path: path.to_owned(), section: ROOT })?;
    let Some(child) = section.child() else { return Ok(Some(table)) };
    let Some(item) = table.get(child) else { return Ok(None) };
    let table = item.as_table_like();
    table.map(Some).ok_or(LocalFileError::Section { path: path.to_owned(), section: section.name() })
}

fn keys(path: &Path, text: &str, section: Section) -> Result<Vec<String>, LocalFileError> {
    let document = parse(path, text)?;
    let table = find(path, document.as_table(), section)?;
    Ok(table.map(|table| table.iter().map(|(key, _)| key.to_owned()).collect()).unwrap_or_default())
}

fn set(path: &Path, text: &str, section: Section, key: &str, value: &LocalValue) -> Result<String, LocalFileError> {
    let document = parse(path, text)?;
    let table = find(path, document.as_table(), section)?;
    let written = literal(value).to_string();
    let edited = match table.and_then(|table| table.get(key)) {
        Some(item) if holds(item, value) => return Ok(text.to_owned()),
        Some(Item::Value(old)) => old.span().map(|span| spliced(text, &span, &written)),
        // A table in a flag's place is somebody else's, and so is a section of ours.
        Some(_) => return Err(LocalFileError::Unfaithful { path: path.to_owned() }),
        None if section == Section::Base && Section::is_child(key) => {
            return Err(LocalFileError::Unfaithful { path: path.to_owned() });
        }
        None => inserted(text, &document, section, key, &written),
    };
    let expected = |tree: &mut toml::Table| {
        let value = match value {
            LocalValue::Switch(on) => toml::Value::Boolean(*on),
            LocalValue::Variant(variant) => toml::Value::String(variant.to_string()),
        };
        if let Some(table) = plain_table(tree, section) {
            table.insert(key.to_owned(), value);
        }
    };
    let through_tree = || {
        through_tree(path, text, |document| {
            if let Some(table) = tree_table(document, section) {
                table.insert(key, Item::Value(literal(value)));
            }
        })
    };
    checked(path, text, edited, through_tree, expected)
}

/// Removes keys, and their section with them if that leaves it as nothing but the header that a first key brought.
fn remove_all(path: &Path, text: &str, section: Section, keys: &[impl AsRef<str>]) -> Result<String, LocalFileError> {
    let mut edited = text.to_owned();
    for key in keys {
        edited = remove(path, &edited, section, key.as_ref())?;
    }
    let has_emptied = edited != text;
    match bare_header(path, &edited, section)?.filter(|_| has_emptied) {
        Some(header) => checked(path, &edited, Some(spliced(&edited, &header, "")), || Ok(edited.clone()), |_| ()),
        None => Ok(edited),
    }
}

fn remove(path: &Path, text: &str, section: Section, key: &str) -> Result<String, LocalFileError> {
    let document = parse(path, text)?;
    let Some(table) = find(path, document.as_table(), section)? else { return Ok(text.to_owned()) };
    let Some((name, item)) = table.get_key_value(key) else { return Ok(text.to_owned()) };
    let edited = line_of(text, name, item).map(|line| spliced(text, &line, ""));
    let expected = |tree: &mut toml::Table| {
        if let Some(table) = plain_table(tree, section) {
            table.remove(key);
        }
    };
    let through_tree = || {
        through_tree(path, text, |document| {
            if let Some(table) = tree_table(document, section) {
                table.remove(key);
            }
        })
    };
    checked(path, text, edited, through_tree, expected)
}

/// Takes the edited text if it differs from the old one in the edit alone, else the text that the syntax tree prints, if that does.
fn checked(
    path: &Path,
    text: &str,
    edited: Option<String>,
    through_tree: impl FnOnce() -> Result<String, LocalFileError>,
    expected: impl FnOnce(&mut toml::Table),
) -> Result<String, LocalFileError> {
    let unfaithful = || LocalFileError::Unfaithful { path: path.to_owned() };
    let mut wanted: toml::Table = text.parse().map_err(|_| unfaithful())?;
    expected(&mut wanted);
    // Printed, because a float that is not a number is not equal to itself.
    let wanted = format!("{:?}", without_empty_sections(wanted));
    let is_wanted = |edited: &String| {
        let found = edited.parse::<toml::Table>().map(without_empty_sections);
        found.is_ok_and(|found| format!("{found:?}") == wanted)
    };
    match edited.filter(is_wanted) {
        Some(edited) => Ok(edited),
        None => Some(through_tree()?).filter(is_wanted).ok_or_else(unfaithful),
    }
}

/// The text with a key added to its section: after the section's last key, or in a new section at the end.
fn inserted(text: &str, document: &Document<&str>, section: Section, key: &str, value: &str) -> Option<String> {
    let line = format!("{} = {value}", Key::new(key).display_repr());
    let root = document.as_table().get(ROOT);
    let item = section.child().map_or(root, |child| root.and_then(|root| root.get(child)));
    match item {
        Some(Item::Table(table)) if !table.is_implicit() && !table.is_dotted() => {
            let last = table
                .iter()
                .filter_map(|(_, item)| if let Item::Value(value) = item { value.span() } else { None })
                .max_by_key(|span| span.end);
            let anchor = last.clone().or_else(|| table.span())?;
            let indent = last.map_or("", |span| indent_of(text, span.start));
            let at = line_end(text, anchor.end);
            let ending = line_ending(text, at);
            let (before, after) = (text.get(..at)?, text.get(at..)?);
            let open = if before.ends_with('\n') { "" } else { ending };
            Some(format!("{before}{open}{indent}{line}{ending}{after}"))
        }
        Some(Item::Table(table)) if table.is_dotted() => None,
        None | Some(Item::Table(_)) => {
            let ending = line_ending(text, text.len());
            let open = if text.is_empty() || text.ends_with('\n') { "" } else { ending };
            let gap = if text.trim().is_empty() { "" } else { ending };
            Some(format!("{text}{open}{gap}[{}]{ending}{line}{ending}", section.name()))
        }
        Some(_) => None,
    }
}

/// The header of a section without keys, with the blank line above it, if it is as [`inserted`] writes it: without a comment on it, above
/// it, or in what would be its body. Whoever wrote one of those wants to find the section again.
fn bare_header(path: &Path, text: &str, section: Section) -> Result<Option<Range<usize>>, LocalFileError> {
    let document = parse(path, text)?;
    if section.child().is_none() || find(path, document.as_table(), section)?.is_none_or(|table| !table.is_empty()) {
        return Ok(None);
    }
    let header = format!("[{}]", section.name());
    let mut start = 0;
    let mut above = None;
    let mut lines = text.split_inclusive('\n');
    for line in lines.by_ref() {
        if line.trim_end() == header {
            break;
        }
        start += line.len();
        above = Some(line);
    }
    let end = line_end(text, start);
    let body = lines.map(str::trim).find(|line| !line.is_empty());
    if start == text.len() || above.is_some_and(is_comment) || body.is_some_and(|line| !line.starts_with('[')) {
        return Ok(None);
    }
    let gap = above.filter(|line| line.trim().is_empty()).map_or(0, str::len);
    Ok(Some(start - gap..end))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The line that a key and its value have for themselves, line break included.
fn line_of(text: &str, key: &Key, item: &Item) -> Option<Range<usize>> {
    let Item::Value(value) = item else { return None };
    let (key, value) = (key.span()?, value.span()?);
    let start = text.get(..key.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = line_end(text, value.end);
    let (before, after) = (text.get(start..key.start)?, text.get(value.end..end)?.trim());
    (before.trim().is_empty() && (after.is_empty() || after.starts_with('#'))).then_some(start..end)
}

/// The offset after the line break that follows.
fn line_end(text: &str, from: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| from + at + 1)
}

fn indent_of(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rfind('\n').and_then(|at| before.get(at + 1..)).unwrap_or(before);
    line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default()
}

/// The line break that a new line at an offset gets: that of the line before, else that of the first line.
fn line_ending(text: &str, at: usize) -> &'static str {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rfind('\n').or_else(|| text.find('\n')).and_then(|at| text.get(..=at));
    if line.is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" }
}

fn spliced(text: &str, span: &Range<usize>, with: &str) -> String {
    let (before, after) = (text.get(..span.start).unwrap_or_default(), text.get(span.end..).unwrap_or_default());
    format!("{before}{with}{after}")
}

fn literal(value: &LocalValue) -> toml_edit::Value {
    match value {
        LocalValue::Switch(on) => (*on).into(),
        LocalValue::Variant(variant) => (&**variant).into(),
    }
}

fn holds(item: &Item, value: &LocalValue) -> bool {
    match value {
        LocalValue::Switch(on) => item.as_bool() == Some(*on),
        LocalValue::Variant(variant) => item.as_str() == Some(variant),
    }
}

/// Edits by the syntax tree. The tree prints other line breaks than it read, so only the lines it changed are taken from it.
fn through_tree(path: &Path, text: &str, edit: impl FnOnce(&mut DocumentMut)) -> Result<String, LocalFileError> {
    let mut document = parse(path, text)?.into_mut();
    edit(&mut document);
    Ok(only_changed_lines(text, &document.to_string()))
}

fn only_changed_lines(old: &str, new: &str) -> String {
    let bare = |line: &str| line.trim_end_matches(['\r', '\n']).to_owned();
    let (old_lines, new_lines): (Vec<_>, Vec<_>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let same = |(one, other): &(&&str, &&str)| bare(one) == bare(other);
    let head = old_lines.iter().zip(&new_lines).take_while(same).count();
    let rest = old_lines.len().min(new_lines.len()) - head;
    let tail = old_lines.iter().rev().zip(new_lines.iter().rev()).take(rest).take_while(same).count();
    let ending = line_ending(old, old.len());
    let (kept, changed) = (old_lines.iter(), new_lines.iter());
    let mut text: String = kept.clone().take(head).copied().collect();
    for line in changed.skip(head).take(new_lines.len() - head - tail) {
        text.push_str(&bare(line));
        if line.ends_with('\n') {
            text.push_str(ending);
        }
    }
    text.extend(kept.skip(old_lines.len() - tail).copied());
    text
}

/// The section in the syntax tree, made if missing.
fn tree_table(document: &mut DocumentMut, section: Section) -> Option<&mut dyn TableLike> {
    let implicit = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    let root = document.as_table_mut().entry(ROOT).or_insert_with(implicit).as_table_like_mut()?;
    match section.child() {
        None => Some(root),
        Some(child) => {
            root.entry(child).or_insert_with(|| toml_edit::value(toml_edit::InlineTable::new())).as_table_like_mut()
        }
    }
}

/// Takes away sections of ours that have no key: where keys are dotted, a section goes with its last one.
fn without_empty_sections(mut tree: toml::Table) -> toml::Table {
    let is_empty =
        |value: Option<&toml::Value>| value.and_then(toml::Value::as_table).is_some_and(toml::Table::is_empty);
    if let Some(root) = tree.get_mut(ROOT).and_then(toml::Value::as_table_mut) {
        for child in [Section::Overrides, Section::KillSwitches].into_iter().filter_map(Section::child) {
            if is_empty(root.get(child)) {
                root.remove(child);
            }
        }
    }
    if is_empty(tree.get(ROOT)) {
        tree.remove(ROOT);
    }
    tree
}

/// The section in the plain tree, made if missing.
fn plain_table(tree: &mut toml::Table, section: Section) -> Option<&mut toml::Table> {
    let empty = || toml::Value::Table(toml::Table::new());
    let root = tree.entry(ROOT).or_insert_with(empty).as_table_mut()?;
    match section.child() {
        None => Some(root),
        Some(child) => root.entry(child).or_insert_with(empty).as_table_mut(),
    }
}
