//! Reading: junk in one key costs that key, a file that does not parse costs the file.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::lines::Lines;
use super::store::read_text;
use super::{LocalFileError, ROOT, Section};
use crate::decision::{LocalValue, Place};
use crate::problem::Problem;

/// What one file says, in its order.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) base: Vec<Setting>,
    pub(crate) overrides: Vec<Setting>,
    pub(crate) kills: Vec<KillSetting>,
    pub(crate) problems: Vec<Problem>,
}

/// One flag's value in a file.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: Box<str>,
    pub(crate) value: LocalValue,
    pub(crate) place: Place,
}

/// One kill switch in a file.
#[derive(Debug)]
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

/// Returns the values of a text with their places, or where it is not TOML.
pub(super) fn syntax<'t>(path: &Path, text: &'t str) -> Result<Spanned<DeTable<'t>>, LocalFileError> {
    DeTable::parse(text).map_err(|error| {
        let (line, column) = Lines::new(text).position(error.span().map_or(0, |span| span.start));
        LocalFileError::Syntax { path: path.to_owned(), line, column, message: error.message().into() }
    })
}

/// Reads a file's text.
pub(super) fn parse(path: &Path, text: &str) -> Result<Contents, LocalFileError> {
    let document = syntax(path, text)?;
    let mut reader = Reader { path, lines: Lines::new(text), contents: Contents::default() };
    if let Some((key, value)) = document.get_ref().iter().find(|(key, _)| key.get_ref() == ROOT) {
        match value.get_ref() {
            DeValue::Table(table) => reader.root(table),
            other => reader.not_a_table(key.span().start, Section::Base, other),
        }
    }
    Ok(reader.contents)
}

struct Reader<'t> {
    path: &'t Path,
    lines: Lines<'t>,
    contents: Contents,
}

impl Reader<'_> {
    fn root(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            let section = [Section::Overrides, Section::KillSwitches]
                .into_iter()
                .find(|section| section.child() == Some(key.get_ref()));
            match (section, value.get_ref()) {
                (Some(Section::KillSwitches), DeValue::Table(kills)) => self.kills(kills),
                (Some(_), DeValue::Table(overrides)) => {
                    for (key, value) in overrides {
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
        // Tables are read in the order of their keys; people read files in the order of their lines.
        let at = |place: &Place| (place.line, place.column);
        self.contents.base.sort_by_key(|setting| at(&setting.place));
        self.contents.overrides.sort_by_key(|setting| at(&setting.place));
        self.contents.kills.sort_by_key(|setting| at(&setting.place));
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
        for (key, value) in table {
            let place = self.lines.place(self.path, value.span().start);
            match value.get_ref() {
                DeValue::Boolean(killed) => {
                    self.contents.kills.push(KillSetting {
                        key: key.get_ref().as_ref().into(),
                        killed: *killed,
                        place,
                    });
                }
                other => self.junk(Section::KillSwitches, key.get_ref(), place, other, "true or false"),
            }
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
