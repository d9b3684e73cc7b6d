//! Tells which of the things found in all files mean which flag.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::scan::{FileUses, What};
use crate::definition::nearest;

/// How code uses a flag.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UseKind {
    /// It is declared: by a constant with its key, an entry of `flags!`, or a `Declaration`. That alone does not use it.
    Declaration,
    /// By its constant, typed ones that `flags!` made included.
    Constant,
    /// By its key, in a question such as `is_enabled("...")`.
    Question,
    /// By a text that equals its key.
    Text,
}

impl UseKind {
    /// Returns the word shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declaration => "declaration",
            Self::Constant => "constant",
            Self::Question => "question",
            Self::Text => "text",
        }
    }
}

/// One place in the code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reference {
    /// The file, as it was given.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// How the flag is used there.
    pub kind: UseKind,
}

/// The places where code uses one flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlagReferences {
    /// The flag.
    pub flag: Box<str>,
    /// Whether anything but a declaration is among the places.
    pub used: bool,
    /// The places, by file, line and column.
    pub references: Vec<Reference>,
}

/// A question for a flag that there is not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UnknownReference {
    /// The key asked for.
    pub flag: Box<str>,
    /// Where.
    #[serde(flatten)]
    pub reference: Reference,
    /// The flag most likely meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closest: Option<Box<str>>,
}

/// A file that could not be read as Rust.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SkippedFile {
    /// The file, as it was given.
    pub file: String,
    /// Why.
    pub why: String,
}

/// Where code uses flags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct References {
    /// How many files were read.
    pub files: usize,
    /// The flags, in order of their keys.
    pub flags: Vec<FlagReferences>,
    /// Questions and declarations of flags that there are not.
    pub unknown: Vec<UnknownReference>,
    /// Files that were skipped.
    pub skipped: Vec<SkippedFile>,
}

/// Collects files, in any order, and tells in the end what they mean.
#[derive(Clone, Debug, Default)]
pub struct ReferenceIndex {
    files: BTreeMap<String, FileUses>,
    skipped: BTreeSet<SkippedFile>,
}

impl ReferenceIndex {
    /// Takes what was found in a file.
    pub fn add(&mut self, file: String, uses: FileUses) {
        self.files.insert(file, uses);
    }

    /// Takes a file that cannot be read.
    pub fn skip(&mut self, file: String, why: String) {
        self.skipped.insert(SkippedFile { file, why });
    }

    /// Tells which of the things found mean which of these flags.
    pub fn resolve<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> References {
        let mut flags: BTreeMap<&str, BTreeSet<Reference>> =
            keys.into_iter().map(|key| (key, BTreeSet::new())).collect();
        let known: Vec<&str> = flags.keys().copied().collect();
        // A private constant of another file is meant only where no public one has its name, by a module below that file.
        let public = constants_of(self.files.values(), Reach::Public);
        let private = constants_of(self.files.values(), Reach::Any);
        let mut unknown = BTreeSet::new();
        for (file, uses) in &self.files {
            let local = constants_of([uses], Reach::Any);
            let aliases: HashMap<&str, &str> = uses.aliases.iter().map(|(here, real)| (&**here, &**real)).collect();
            for occurrence in &uses.found {
                let at =
                    |kind| Reference { file: file.clone(), line: occurrence.line, column: occurrence.column, kind };
                let mut use_of = |key: &str, kind, is_asked: bool| match flags.get_mut(key) {
                    Some(places) => {
                        places.insert(at(kind));
                    }
                    None if is_asked => {
                        let closest = nearest(key, known.iter().copied()).map(Box::from);
                        unknown.insert(UnknownReference { flag: key.into(), reference: at(kind), closest });
                    }
                    None => {}
                };
                match &occurrence.what {
                    What::ConstantMade { value, declared, .. } => use_of(value, UseKind::Declaration, *declared),
                    What::Text { value, asked, declared } => {
                        let kind = match (asked, declared) {
                            (_, true) => UseKind::Declaration,
                            (true, false) => UseKind::Question,
                            (false, false) => UseKind::Text,
                        };
                        // Any text may stand in code; only what is asked for or declared has to be a flag.
                        use_of(value, kind, *asked || *declared);
                    }
                    What::Constant { name, asked } => {
                        let name = aliases.get(&**name).copied().unwrap_or(name);
                        let values = local.get(name).or_else(|| public.get(name)).or_else(|| private.get(name));
                        // Of several constants of one name, which one is meant here is not known: all of them are.
                        let is_certain = values.is_some_and(|values| values.len() == 1);
                        for value in values.into_iter().flatten() {
                            use_of(value, UseKind::Constant, *asked && is_certain);
                        }
                    }
                }
            }
        }
        let flags = flags.into_iter().map(|(flag, references)| FlagReferences {
            flag: flag.into(),
            used: references.iter().any(|reference| reference.kind != UseKind::Declaration),
            references: references.into_iter().collect(),
        });
        References {
            files: self.files.len(),
            flags: flags.collect(),
            unknown: unknown.into_iter().collect(),
            skipped: self.skipped.iter().cloned().collect(),
        }
    }
}

/// Which constants count.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// Those that are not private to their module.
    Public,
    /// All.
    Any,
}

/// Returns the values of the constants of files, by name.
fn constants_of<'u>(
    files: impl IntoIterator<Item = &'u FileUses>,
    reach: Reach,
) -> HashMap<&'u str, BTreeSet<&'u str>> {
    let mut constants: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for occurrence in files.into_iter().flat_map(|uses| &uses.found) {
        match &occurrence.what {
            What::ConstantMade { name, value, public, .. } if *public || reach == Reach::Any => {
                constants.entry(name).or_default().insert(value);
            }
            _ => {}
        }
    }
    constants
}
