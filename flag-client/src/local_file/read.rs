//! Reading: junk in one key costs that key, a file that does not parse costs the file.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::lines::Lines;
use super::store::read_text;
use super::{LocalFileError, ROOT, Section};
use crate::decision::{LocalValue, Place};
use crate::problem::Problem;

/// What one file says, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    pub(crate) base: Vec<Setting>,
    pub(crate) overrides: Vec<Setting>,
    pub(crate) kills: Vec<KillSetting>,
    pub(crate) problems: Vec<Problem>,
}

/// One flag's value in a file.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) key: Box<str>,
    pub(crate) value: LocalValue,
    pub(crate) place: Place,
}

/// One kill switch in a file.
#[derive(Clone, Debug)]
pub(crate) struct KillSetting {
    pub(crate) key: Box<str>,
    pub(crate) killed: bool,
    pub(crate) place: Place,
}

/// Reads a file. One that does not exist says nothing.
pub(crate) fn read(path: &Path) -> Result<Contents, LocalFileError> {
    match read_text(path)? {
        Some(text) => parse(path, &text),
        None => Ok(Contents::default()),
    }
}

/// Returns the kill switches that can be made out in a file that is not sound TOML, and nothing else of it.
pub(super) fn salvage_kills(path: &Path) -> Contents {
    let Ok(Some(text)) = read_text(path) else { return Contents::default() };
    let (document, _) = DeTable::parse_recoverable(&text);
    let kills = read_document(path, &text, &document).kills.into_iter().filter(|kill| kill.killed).collect();
    Contents { kills, ..Contents::default() }
}

/// Returns the values of a text with their places, or where it is not TOML.
pub(super) fn syntax<'t>(path: &Path, text: &'t str) -> Result<Spanned<DeTable<'t>>, LocalFileError> {
    DeTable::parse(text).map_err(|error| {
        let (line, column) = Lines::new(text).position(error.span().map_or(0, |span| span.start));
        LocalFileError::Syntax { path: path.to_owned(), line, column, message: error.message().into() }
    })
}

/// Reads a file's text.
pub(super) fn parse(path: &Path, text: &str) -> Result<Contents, LocalFileError> {
    Ok(read_document(path, text, &syntax(path, text)?))
}

fn read_document(path: &Path, text: &str, document: &Spanned<DeTable<'_>>) -> Contents {
    let mut reader = Reader { path, lines: Lines::new(text), contents: Contents::default() };
    if let Some((key, value)) = document.get_ref().iter().find(|(key, _)| key.get_ref() == ROOT) {
        match value.get_ref() {
            DeValue::Table(table) => reader.root(table),
            other => reader.not_a_table(key.span().start, Section::Base, other),
        }
    }
    reader.contents
}

struct Reader<'t> {
    path: &'t Path,
    lines: Lines<'t>,
    contents: Contents,
}

impl Reader<'_> {
    fn root(&mut self, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            let section = [Section::Overrides, Section::KillSwitches]
                .into_iter()
                .find(|section| section.child() == Some(key.get_ref()));
            match (section, value.get_ref()) {
                (Some(Section::KillSwitches), DeValue::Table(kills)) => self.kills(kills),
                (Some(_), DeValue::Table(overrides)) => {
                    for (key, value) in in_order(overrides) {
                        let setting =
                            self.setting(Section::Overrides, key.get_ref(), value.span().start, value.get_ref());
                        self.contents.overrides.extend(setting);
                    }
                }
                (Some(section), other) => self.not_a_table(key.span().start, section, other),
                (None, other) => {
                    let setting = self.setting(Section::Base, key.get_ref(), value.span().start, other);
                    self.contents.base.extend(setting);
                }
            }
        }
    }

    fn setting(&mut self, section: Section, key: &str, offset: usize, value: &DeValue<'_>) -> Option<Setting> {
        let place = self.lines.place(self.path, offset);
        let value = match value {
            DeValue::Boolean(on) => LocalValue::Switch(*on),
            DeValue::String(variant) if !variant.trim().is_empty() => LocalValue::Variant((&**variant).into()),
            other => {
                self.junk(section, key, place, other, "true, false or the name of a variant");
                return None;
            }
        };
        Some(Setting { key: key.into(), value, place })
    }

    fn kills(&mut self, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            let place = self.lines.place(self.path, value.span().start);
            let killed = match value.get_ref() {
                DeValue::Boolean(killed) => *killed,
                other => {
                    self.junk(Section::KillSwitches, key.get_ref(), place.clone(), other, "true or false");
                    // Whoever wrote `"true"` or `1` meant it. Of two mistakes, off is the safe one.
                    !matches!(other, DeValue::String(text) if matches!(&**text, "" | "false" | "off" | "no" | "0"))
                        && !matches!(other, DeValue::Integer(number) if number.as_str() == "0")
                }
            };
            self.contents.kills.push(KillSetting { key: key.get_ref().as_ref().into(), killed, place });
        }
    }

    fn junk(&mut self, section: Section, key: &str, place: Place, found: &DeValue<'_>, expected: &'static str) {
        let key = format!("{}.{key}", section.name()).into();
        self.contents.problems.push(Problem::Setting { place, key, found: described(found), expected });
    }

    fn not_a_table(&mut self, offset: usize, section: Section, found: &DeValue<'_>) {
        let place = self.lines.place(self.path, offset);
        let found = described(found);
        self.contents.problems.push(Problem::Section { place, section: section.name(), found });
    }
}

/// A table's entries in the order of the file: a table keeps them in the order of their keys, and people read files from the top.
fn in_order<'t, 'd>(table: &'t DeTable<'d>) -> Vec<Entry<'t, 'd>> {
    let mut entries: Vec<Entry<'t, 'd>> = table.iter().collect();
    entries.sort_unstable_by_key(|(_, value)| value.span().start);
    entries
}

type Entry<'t, 'd> = (&'t Spanned<DeString<'d>>, &'t Spanned<DeValue<'d>>);

fn described(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(text) if text.trim().is_empty() => "an empty text",
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
