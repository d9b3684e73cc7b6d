use serde::{Deserialize, Serialize};

use super::civil_date::CivilDate;
use super::experiment::Experiment;
use super::target::Target;

/// What is known about a flag besides what is published. It stays in the log, feeds lint, lists, gates and user pages, and decides
/// nothing: `expires` is a reminder, where a flag's `off_after` switches it off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Documentation {
    /// What users call it, `Telemetry Cloud Sync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the flag does, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who answers for it, `@alice`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<Milestone>,
    /// A note on the default, `false (opt-in)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// When it should be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Milestone>,
    /// How it stands, `Beta testing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// A note on the rollout, `25% of opted-in users (2026-02-10)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// What may go wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<String>,
    /// What is watched while it rolls out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// What a comparison of its variants is to decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
    /// How to take it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<String>,
    /// What users should know about their data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
    /// What users should know besides, `May block more commands`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When somebody last made sure that the flag is still needed as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<CivilDate>,
    /// Where the work is tracked, `#245`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// Words to find it by. `platform` marks a flag that may stay for long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Documentation {
    /// Tells whether nothing is documented.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A point in the product's life: a version, a day, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// The version, `v1.2.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<CivilDate>,
}

/// Something that is measured, and the value it should keep. A metric with a target is a gate of the flag's rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// The value it should keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}
