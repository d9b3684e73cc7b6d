//! What is in force between two reloads: immutable but for the installation's id, which is drawn when the first split needs it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use flag_core::wire::{Kind, OptIn, Stage};
use flag_core::{Attributes, Context, Decision, Explanation, FlagRef, Reason, Ruleset, Share, Timestamp, Value};

use crate::current::Number;
use crate::decision::{
    ChosenOverride, ClientDecision, Layer, LocalValue, Origin, Permission, Refusal, RefusedOverride,
};
use crate::explanation::{ClientExplanation, layers_tried};
use crate::identity::{IdentityError, IdentitySource};
use crate::kills::{KillInForce, target_of};
use crate::merge::standing;
use crate::permission::permission;
use crate::problem::Problem;
use crate::published::SnapshotInfo;
use crate::quarantine::HeldBack;
use crate::reads::ForOthers;
use crate::splits::Splits;

/// All layers, merged.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) number: Number,
    /// The flags of the snapshot, if there is one.
    pub(crate) published: Option<Ruleset>,
    /// The flags that the snapshot lacks or has broken.
    pub(crate) local: Ruleset,
    /// What this machine has to say about flags. Flags of the snapshot that nobody here mentions have none.
    pub(crate) facts: HashMap<Box<str>, Facts>,
    pub(crate) kills: Vec<KillInForce>,
    pub(crate) info: Option<SnapshotInfo>,
    /// The keys in the order of lists, each once.
    pub(crate) order: Vec<Box<str>>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) attributes: Attributes,
    pub(crate) now: Timestamp,
    pub(crate) unit: Unit,
    /// The flags as they are for others than this installation, made when they are first asked for.
    pub(crate) for_others: ForOthers,
}

/// What local layers mean for one flag.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) declared: bool,
    pub(crate) publication: Publication,
    /// What serves when nobody chooses.
    pub(crate) foundation: Origin,
    pub(crate) chosen: Option<ChosenOverride>,
    /// Overrides that would be obeyed if a stronger one were not, strongest first.
    pub(crate) overruled: Vec<(Origin, LocalValue)>,
    /// Overrides that are not obeyed, strongest first.
    pub(crate) refused: Vec<RefusedOverride>,
    /// Base values, strongest first.
    pub(crate) base: Vec<BaseTried>,
    /// Why the flag does not serve what the snapshot in force says of it.
    pub(crate) held_back: Option<HeldBack>,
}

/// What the snapshot has of a flag.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Publication {
    /// The flag.
    Sound,
    /// The flag, which falls to the local default because the snapshot has expired.
    Expired,
    /// The flag, in whose place the local default serves because the program crashed since it came.
    HeldBack,
    /// The flag, of another type than the application declares.
    OtherType,
    /// The flag, but broken.
    Broken,
    /// Nothing.
    Absent,
    /// Nothing, and what the application declares has prerequisites that cannot be checked. It is off.
    Unfounded,
}

/// A base value of a local file.
#[derive(Clone, Debug)]
pub(crate) struct BaseTried {
    pub(crate) origin: Origin,
    pub(crate) value: LocalValue,
    pub(crate) refusal: Option<Refusal>,
}

impl Facts {
    /// Tells whether a base value stands above a snapshot that has the flag and has not expired.
    pub(crate) fn is_base_first(&self) -> bool {
        self.publication == Publication::Sound && self.foundation.layer != Layer::Snapshot
    }

    pub(crate) fn new(foundation: Origin, declared: bool) -> Self {
        Self {
            declared,
            publication: match foundation.layer {
                Layer::Snapshot => Publication::Sound,
                _ => Publication::Absent,
            },
            foundation,
            chosen: None,
            overruled: Vec::new(),
            refused: Vec::new(),
            base: Vec::new(),
            held_back: None,
        }
    }
}

/// The installation's id, made no sooner than a decision needs it.
#[derive(Debug)]
pub(crate) struct Unit {
    source: IdentitySource,
    splits: Splits,
    /// The id with its digest, so that no read hashes it again.
    drawn: OnceLock<Option<flag_core::Unit>>,
    problem: OnceLock<Problem>,
}

impl Unit {
    /// Takes the id that exists. Where there is none it is made for the first flag of `splits` that is decided.
    pub(crate) fn new(source: &IdentitySource, splits: Splits) -> Self {
        let unit = Self { source: source.clone(), splits, drawn: OnceLock::new(), problem: OnceLock::new() };
        match source.existing() {
            Ok(None) if source.can_create() => {}
            existing => {
                unit.drawn.get_or_init(|| unit.digested(existing));
            }
        }
        unit
    }

    fn digested(&self, id: Result<Option<Box<str>>, IdentityError>) -> Option<flag_core::Unit> {
        match id {
            Ok(id) => id.and_then(flag_core::Unit::new),
            Err(source) => {
                self.problem.get_or_init(|| Problem::Identity(Arc::new(source)));
                None
            }
        }
    }

    #[inline]
    fn for_flag(&self, flag: &str) -> Option<&flag_core::Unit> {
        match self.drawn.get() {
            Some(unit) => unit.as_ref(),
            None => self.draw(flag),
        }
    }

    #[cold]
    fn draw(&self, flag: &str) -> Option<&flag_core::Unit> {
        if !self.splits.needs_unit(flag) {
            return None;
        }
        self.drawn.get_or_init(|| self.digested(self.source.existing_or_new())).as_ref()
    }

    pub(crate) fn problem(&self) -> Option<&Problem> {
        self.problem.get()
    }
}

impl InForce {
    /// Returns the context of this installation for one flag.
    #[inline]
    pub(crate) fn context(&self, flag: &str) -> Context<'_> {
        let context = self.unit.for_flag(flag).map_or_else(Context::anonymous, Context::of);
        context.with_attributes(&self.attributes).at(self.now)
    }

    /// Returns the flag where it is decided: in the snapshot, else among the local flags.
    #[inline]
    pub(crate) fn flag(&self, key: &str) -> Option<FlagRef<'_>> {
        self.published.as_ref().and_then(|published| published.flag(key)).or_else(|| self.local.flag(key))
    }

    pub(crate) fn decision(&self, key: &str) -> ClientDecision {
        self.decided(key, &self.explained(key))
    }

    pub(crate) fn explain(&self, key: &str) -> ClientExplanation {
        let explanation = self.explained(key);
        let decision = self.decided(key, &explanation);
        let kills = self.kills.iter().filter(|kill| *kill.target == *key);
        let layers = layers_tried(&decision, self.facts.get(key), kills, self.info.as_ref());
        ClientExplanation {
            bucket: explanation.bucket,
            share: decision.share,
            flips_at: explanation.flips_at,
            pivot: explanation.pivot,
            evaluation: explanation.layers,
            layers,
            decision,
        }
    }

    fn explained(&self, key: &str) -> Explanation<'_> {
        let context = self.context(key);
        match (self.flag(key), &self.published) {
            (Some(flag), _) => flag.explain(&context),
            (None, Some(published)) => published.explain(key, &context),
            (None, None) => self.local.explain(key, &context),
        }
    }

    /// Returns why a flag was decided so, in the client's words: a code default and a broken flag are not simply static.
    pub(crate) fn reason(&self, key: &str, decision: &Decision<'_>) -> Reason {
        let Some(facts) = self.facts.get(key) else { return decision.reason() };
        match (decision.reason(), facts.publication) {
            (Reason::Disabled, Publication::Unfounded) | (Reason::Static, Publication::Broken) => Reason::ParseError,
            (Reason::Static, _) if facts.foundation.layer == Layer::CodeDefault => Reason::Default,
            (reason, _) => reason,
        }
    }

    fn decided(&self, key: &str, explanation: &Explanation<'_>) -> ClientDecision {
        let decision = &explanation.decision;
        let facts = self.facts.get(key);
        let foundation = match (facts, decision.flag()) {
            (Some(facts), _) => facts.foundation.clone(),
            (None, Some(_)) => Origin::of(Layer::Snapshot),
            (None, None) => Origin::of(Layer::CodeDefault),
        };
        let reason = self.reason(key, decision);
        let chosen = facts.and_then(|facts| facts.chosen.clone());
        let kill = self.kills.iter().find(|kill| *kill.target == *key).map(|kill| &kill.origin);
        let origin = match (reason, &chosen, kill) {
            (Reason::Killed, _, Some(kill)) => kill.clone(),
            (Reason::Forced | Reason::Override, Some(chosen), _) => chosen.origin.clone(),
            _ => foundation,
        };
        let flag = decision.flag();
        let may = |on| match (flag, facts) {
            (Some(flag), Some(facts)) => permission(flag, standing(facts, self.published.is_some()), on),
            (Some(flag), None) => permission(flag, crate::permission::Standing::Governed, on),
            (None, _) => Permission::Refused(Refusal::NotDeclared),
        };
        ClientDecision {
            key: key.into(),
            enabled: is_on(decision),
            variant: decision.variant().map(str::to_owned),
            value: decision.value().cloned(),
            reason,
            // A prerequisite that fails is the last step of its evaluation.
            failed_prerequisite: (reason == Reason::PrerequisiteFailed)
                .then(|| explanation.layers.last().and_then(|step| step.id.clone()))
                .flatten(),
            stale: origin.layer == Layer::Snapshot && self.info.is_some_and(|info| info.stale),
            origin,
            chosen,
            refused: facts.and_then(|facts| facts.refused.first().cloned()),
            held_back: facts.and_then(|facts| facts.held_back.clone()),
            declared: facts.is_some_and(|facts| facts.declared),
            kind: flag.map_or(Kind::Release, flag_core::Flag::kind),
            stage: flag.map_or(Stage::Development, flag_core::Flag::stage),
            opt_in: flag.map_or(OptIn::None, flag_core::Flag::opt_in),
            critical: flag.is_some_and(flag_core::Flag::is_critical),
            may_enable: may(true),
            may_disable: may(false),
            bucket: explanation.bucket,
            share: split_share(reason, explanation.share),
        }
    }

    pub(crate) fn list(&self) -> Vec<ClientDecision> {
        self.order.iter().map(|key| self.decision(key)).collect()
    }

    /// Returns what a name kills.
    pub(crate) fn target<'n>(&self, name: &'n str) -> &'n str {
        target_of(name, |name| self.flag(name).is_some() || self.facts.contains_key(name))
    }

    pub(crate) fn is_killed(&self, name: &str) -> bool {
        let target = self.target(name);
        self.kills.iter().any(|kill| *kill.target == *target)
    }

    /// Tells whether a capability is off: killed, or a flag of its name is off for this installation.
    pub(crate) fn is_capability_off(&self, name: &str) -> bool {
        let target = self.target(name);
        self.is_killed(target) || self.flag(target).is_some_and(|flag| !is_on(&flag.evaluate(&self.context(target))))
    }

    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().chain(self.unit.problem())
    }
}

/// Tells whether a decision turns its flag on: its boolean, else any variant but the off variant.
#[inline]
pub(crate) fn is_on(decision: &Decision<'_>) -> bool {
    match (decision.value(), decision.flag()) {
        (Some(Value::Bool(on)), _) => *on,
        (Some(_), Some(flag)) => decision.variant() != Some(flag.off_variant()),
        _ => false,
    }
}

/// The share, where a split decided or would have.
fn split_share(reason: Reason, share: Share) -> Option<Share> {
    let by_split = matches!(
        reason,
        Reason::Split | Reason::Excluded | Reason::HeldOut | Reason::NotOptedIn | Reason::TargetingKeyMissing
    );
    by_split.then_some(share)
}
