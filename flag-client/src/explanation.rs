//! Why a flag is as it is: every layer of this machine, then every step of the evaluator.

use std::fmt;

use flag_core::{Bucket, Pivot, Reason, Share};
use serde::Serialize;

use crate::decision::{ClientDecision, Effect, Layer, LocalValue, Origin, Refusal};
use crate::in_force::{Facts, Publication};
use crate::kills::KillInForce;
use crate::published::SnapshotInfo;

/// A decision with everything that led to it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ClientExplanation {
    /// The decision, the same that [`FlagClient::decision`](crate::FlagClient::decision) gives.
    pub decision: ClientDecision,
    /// The layers of this machine, strongest first. Kills, test code, variables, overrides and base values stand here if there are
    /// any; snapshot and code default always.
    pub layers: Vec<LayerTried>,
    /// What the evaluator did with the flag, step by step.
    pub evaluation: Vec<flag_core::Layer>,
    /// This installation's place on the flag's lane, if it has an id.
    pub bucket: Option<Bucket>,
    /// The share of installations exposed by what served.
    pub share: Option<Share>,
    /// The smallest share at which this installation is exposed.
    pub flips_at: Option<Share>,
    /// The first test whose other outcome would have changed the variant.
    pub pivot: Option<Pivot>,
}

/// What one layer says about a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LayerTried {
    /// Which layer.
    pub layer: Layer,
    /// Where it says so.
    pub origin: Origin,
    /// What it says; nothing where it is silent.
    pub value: Option<LocalValue>,
    /// What became of it.
    pub outcome: LayerVerdict,
    /// Why it is not obeyed, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The outcome in words.
    pub detail: String,
}

/// What became of a layer's say.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayerVerdict {
    /// It decided.
    Decided,
    /// A stronger layer had decided already, or the published flag stands against it.
    Overruled,
    /// It is not obeyed.
    Refused,
    /// It makes the user eligible for the published split, which decides.
    OptedIn,
    /// It is held back: the program crashed too often since the snapshot says so. What was good before takes its place.
    HeldBack,
    /// It has nothing to say.
    Silent,
}

impl fmt::Display for ClientExplanation {
    /// Prints the decision in one line, then what each layer says, then what the evaluator did, in lines without a break at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decision, layers, evaluation, .. } = self;
        let state = if decision.enabled { "on" } else { "off" };
        write!(f, "{}: {state}", decision.key)?;
        if let Some(variant) = decision.variant.as_deref().filter(|variant| *variant != state) {
            write!(f, ", variant {variant:?}")?;
        }
        write!(f, " ({}, by {})", decision.reason, decision.origin)?;
        for tried in layers {
            write!(f, "\n  {}: ", tried.layer)?;
            if let Some(value) = &tried.value {
                write!(f, "{value}; ")?;
            }
            f.write_str(&tried.detail)?;
            if tried.origin.place.is_some() || tried.origin.variable.is_some() {
                write!(f, " [{}]", tried.origin)?;
            }
        }
        for step in evaluation {
            write!(f, "\n  - {}", step.layer)?;
            if let Some(id) = &step.id {
                write!(f, " {id:?}")?;
            }
            write!(f, ": {}", step.detail)?;
        }
        if let Some(bucket) = self.bucket {
            write!(f, "\n  bucket {bucket}")?;
            if let Some(share) = self.share {
                write!(f, " of a share of {share}")?;
            }
            if let Some(flips_at) = self.flips_at {
                write!(f, "; exposed from {flips_at} on")?;
            }
        }
        Ok(())
    }
}

/// Lists what every layer says, strongest first.
pub(crate) fn layers_tried<'k>(
    decision: &ClientDecision,
    facts: Option<&Facts>,
    kills: impl Iterator<Item = &'k KillInForce>,
    snapshot: Option<&SnapshotInfo>,
) -> Vec<LayerTried> {
    let mut tried: Vec<LayerTried> =
        kills.map(|kill| LayerTried::of(&kill.origin, None, LayerVerdict::Decided, "killed".into())).collect();
    let mut overrides = Vec::new();
    if let Some(facts) = facts {
        overrides.extend(facts.chosen.iter().map(|chosen| {
            let (verdict, detail) = match chosen.effect {
                _ if decision.origin == chosen.origin => (LayerVerdict::Decided, "obeyed"),
                Effect::OptsIn if decision.origin.layer == Layer::Snapshot && reaches_splits(decision.reason) => {
                    (LayerVerdict::OptedIn, "opted in; the published split decides")
                }
                _ => (LayerVerdict::Overruled, "something stronger stands above it"),
            };
            LayerTried::of(&chosen.origin, Some(&chosen.wanted), verdict, detail.into())
        }));
        overrides.extend(facts.overruled.iter().map(|(origin, wanted)| {
            LayerTried::of(origin, Some(wanted), LayerVerdict::Overruled, "a stronger override stands above it".into())
        }));
        overrides.extend(
            facts.refused.iter().map(|refused| LayerTried::refused(&refused.origin, &refused.wanted, &refused.why)),
        );
    }
    let killed = tried.len();
    for one in overrides {
        // Layers are declared strongest first. Inside each the order stays.
        let at = tried.iter().skip(killed).take_while(|known| known.layer as u8 <= one.layer as u8).count();
        tried.insert(killed + at, one);
    }
    let mut below: Vec<LayerTried> = base_values(decision, facts).collect();
    let published = published(decision, facts, snapshot);
    if facts.is_some_and(Facts::is_base_first) {
        below.push(published);
    } else {
        below.insert(0, published);
    }
    tried.extend(below);
    let by_default = decision.origin.layer == Layer::CodeDefault && decision.variant.is_some();
    let (verdict, detail) = match (by_default, facts.is_some_and(|facts| facts.declared)) {
        (true, _) => (LayerVerdict::Decided, "serves the default of the code"),
        (false, true) => (LayerVerdict::Overruled, "something stronger decided"),
        (false, false) => (LayerVerdict::Silent, "the application does not declare the flag"),
    };
    tried.push(LayerTried::of(&Origin::of(Layer::CodeDefault), None, verdict, detail.into()));
    tried
}

/// Tells whether an evaluation that ended so came as far as splits, where alone an opt-in counts.
const fn reaches_splits(reason: Reason) -> bool {
    !matches!(reason, Reason::Killed | Reason::Disabled | Reason::Expired | Reason::PrerequisiteFailed)
}

fn base_values<'f>(
    decision: &'f ClientDecision,
    facts: Option<&'f Facts>,
) -> impl Iterator<Item = LayerTried> + use<'f> {
    facts.into_iter().flat_map(|facts| &facts.base).map(|base| {
        let (verdict, detail) = match &base.refusal {
            Some(why) => return LayerTried::refused(&base.origin, &base.value, why),
            None if decision.origin == base.origin => (LayerVerdict::Decided, "in force".to_owned()),
            None => (LayerVerdict::Overruled, "something stronger decided".to_owned()),
        };
        LayerTried::of(&base.origin, Some(&base.value), verdict, detail)
    })
}

fn published(decision: &ClientDecision, facts: Option<&Facts>, snapshot: Option<&SnapshotInfo>) -> LayerTried {
    let origin = Origin::of(Layer::Snapshot);
    let Some(snapshot) = snapshot else {
        return LayerTried::of(&origin, None, LayerVerdict::Silent, "there is no snapshot".to_owned());
    };
    let version = snapshot.version;
    let killed = decision.reason == Reason::Killed;
    let (verdict, detail) = match facts {
        Some(Facts { held_back: Some(why), .. }) => (LayerVerdict::HeldBack, why.to_string()),
        None if decision.reason == Reason::ParseError => {
            (LayerVerdict::Refused, format!("broken in version {version}"))
        }
        None if decision.variant.is_none() => (LayerVerdict::Silent, format!("nothing to serve in version {version}")),
        _ if !killed && decision.origin.layer == Layer::Snapshot => {
            let age = if snapshot.stale { ", which has expired and still counts" } else { "" };
            (LayerVerdict::Decided, format!("version {version}{age}"))
        }
        Some(Facts { publication: Publication::Broken, .. }) => {
            (LayerVerdict::Refused, format!("broken in version {version}"))
        }
        Some(Facts { publication: Publication::Expired, .. }) => (
            LayerVerdict::Overruled,
            format!("version {version} has expired, and the flag then takes the local default"),
        ),
        Some(Facts { publication: Publication::OtherType, .. }) => {
            (LayerVerdict::Refused, format!("of another type than the application declares in version {version}"))
        }
        Some(Facts { publication: Publication::Absent | Publication::Unfounded, .. }) => {
            (LayerVerdict::Silent, format!("not in version {version}"))
        }
        _ => (LayerVerdict::Overruled, format!("version {version}; something stronger decided")),
    };
    LayerTried::of(&origin, None, verdict, detail)
}

impl LayerTried {
    fn of(origin: &Origin, value: Option<&LocalValue>, outcome: LayerVerdict, detail: String) -> Self {
        Self { layer: origin.layer, origin: origin.clone(), value: value.cloned(), outcome, refusal: None, detail }
    }

    fn refused(origin: &Origin, value: &LocalValue, why: &Refusal) -> Self {
        let refusal = Some(why.clone());
        Self { refusal, ..Self::of(origin, Some(value), LayerVerdict::Refused, why.to_string()) }
    }
}
