//! The other side: what clients make of what was published, starting from the root they ship.

use std::fs;
use std::path::{Path, PathBuf};

use flag_client::trust::TrustState;
use flag_core::wire::OptIn;
use flag_core::{Context, LocalChoice, Ruleset, Timestamp};

use super::DemoError;
use super::population::Installation;

/// A client that trusts the project's first root and nothing else.
pub(super) struct Client {
    trust: TrustState,
    folder: PathBuf,
    plain: Ruleset,
    opted_in: Ruleset,
}

/// How many installations get which variants of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) flag: String,
    /// How many do not get the off variant.
    pub(super) exposed: u64,
    /// By variant, in the flag's order.
    pub(super) variants: Vec<(String, u64)>,
}

impl Client {
    /// Makes a client of a project that fetches from a folder.
    pub(super) fn new(root: &[u8], project: &str, environment: &str, folder: &Path) -> Result<Self, DemoError> {
        let trust = TrustState::open(root, project, environment)?;
        let (plain, opted_in) = (Ruleset::default(), Ruleset::default());
        Ok(Self { trust, folder: folder.to_owned(), plain, opted_in })
    }

    /// Fetches what is published, verifies it, and lays kills upon it. Returns the version of the snapshot in force.
    pub(super) fn fetch(&mut self, now: Timestamp) -> Result<u64, DemoError> {
        let read = |name: &str| {
            let path = self.folder.join("v1").join(name);
            fs::read(&path).map_err(|source| DemoError::File { place: path.display().to_string(), source })
        };
        let kills = match read("kills.json") {
            Ok(kills) => Some(kills),
            Err(DemoError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let snapshot = read("snapshot.json")?;
        self.trust.accept_snapshot(&snapshot, now)?;
        if let Some(kills) = kills {
            self.trust.accept_kills(&kills, now)?;
        }
        self.plain = Ruleset::from_json(self.trust.snapshot_payload().unwrap_or_default())?;
        for kill in self.trust.active_kills() {
            self.plain.kill(&kill.target);
        }
        self.opted_in = self.plain.clone();
        let asked: Vec<String> = self
            .plain
            .flags()
            .filter(|flag| flag.opt_in() == OptIn::Required)
            .map(|flag| flag.key().to_string())
            .collect();
        for flag in asked {
            self.opted_in.choose(&flag, LocalChoice::OptIn)?;
        }
        Ok(self.trust.snapshot_version().unwrap_or_default())
    }

    /// Returns the numbers of the installations that do not get the off variant of a flag.
    pub(super) fn exposed(&self, flag: &str, population: &[Installation]) -> Vec<usize> {
        let off = self.plain.flag(flag).map(|flag| flag.off_variant().to_owned());
        let is_exposed = |installation: &Installation| {
            let (ruleset, context) = self.view_of(installation);
            ruleset.evaluate(flag, &context).variant().is_some_and(|variant| Some(variant) != off.as_deref())
        };
        let all = population.iter().enumerate();
        all.filter(|(_, installation)| is_exposed(installation)).map(|(number, _)| number).collect()
    }

    /// Returns the variant of a flag that each installation gets, empty where the flag is none.
    pub(super) fn variants(&self, flag: &str, population: &[Installation]) -> Vec<&str> {
        let variant = |installation: &Installation| {
            let (ruleset, context) = self.view_of(installation);
            ruleset.evaluate(flag, &context).variant().unwrap_or_default()
        };
        population.iter().map(variant).collect()
    }

    /// Evaluates every flag for every installation.
    pub(super) fn outcomes(&self, population: &[Installation]) -> Vec<Outcome> {
        let mut outcomes: Vec<(String, Outcome)> = self
            .plain
            .flags()
            .map(|flag| {
                let variants = flag.variants().map(|(id, _)| (id.to_owned(), 0)).collect();
                (flag.off_variant().to_owned(), Outcome { flag: flag.key().to_string(), exposed: 0, variants })
            })
            .collect();
        for installation in population {
            let (ruleset, context) = self.view_of(installation);
            // Both rulesets have the same flags in the same order.
            let mut each = outcomes.iter_mut();
            ruleset.evaluate_all(&context, |decision| {
                let (Some((off, outcome)), Some(got)) = (each.next(), decision.variant()) else { return };
                outcome.exposed = outcome.exposed.saturating_add(u64::from(got != off.as_str()));
                if let Some((_, count)) = outcome.variants.iter_mut().find(|(variant, _)| variant == got) {
                    *count = count.saturating_add(1);
                }
            });
        }
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn view_of<'i>(&self, installation: &'i Installation) -> (&Ruleset, Context<'i>) {
        let ruleset = if installation.opted_in { &self.opted_in } else { &self.plain };
        (ruleset, Context::new(&installation.id).with_attributes(&installation.attributes))
    }
}
