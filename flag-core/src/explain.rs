//! Explanations: the evaluator's own run, recorded.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::condition::{Test, TestObserver, Truth};
use crate::context::{Context, Found};
use crate::decision::{Decision, Reason};
use crate::evaluate::{ContextFacts, Facts as _, FlagRef, Observer, SplitResult, Step, decide, kept_out};
use crate::flag::{Choice, Flag, Serve, VariantIndex};
use crate::ruleset::{Ruleset, Slot};
use crate::share::{Bucket, Share};
use crate::wire::Operator;

/// A decision with everything that led to it.
#[derive(Clone, Debug)]
pub struct Explanation<'r> {
    /// The decision, the same that [`Ruleset::evaluate`] gives.
    pub decision: Decision<'r>,
    /// Every layer and rule in the order they were tried, up to the one that decided.
    pub layers: Vec<Layer>,
    /// The unit's bucket on lane 0 of the flag, whether or not the decision looked at it. None without a unit that counts.
    pub bucket: Option<Bucket>,
    /// The share of units that what served exposes: a split's exposure; for one variant everyone, or nobody if it is the off variant.
    pub share: Share,
    /// The smallest share at which this unit is exposed: `bucket + 1`. None without a bucket, and for a unit that no share exposes: one
    /// held out or excluded.
    pub flips_at: Option<Share>,
    /// The first test whose other outcome would have changed the variant.
    pub pivot: Option<Pivot>,
}

/// One layer of an evaluation and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// `kill`, `test_code`, `enabled`, `off_after`, `prerequisite`, `override`, `rule` or `fallthrough`.
    pub layer: &'static str,
    /// The rule's id, or the prerequisite's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Box<str>>,
    /// Whether this layer decided, let the evaluation pass, or was skipped.
    pub outcome: LayerOutcome,
    /// The same in words.
    pub detail: String,
    /// The tests of a rule, in the order they were judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestRecord>,
}

/// What a layer came to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayerOutcome {
    /// It gave the variant.
    Decided,
    /// It had nothing against going on.
    Passed,
    /// It could not be applied: a condition that is unknown, a split without a unit.
    Skipped,
}

/// One test as it was judged. The attribute's value is left out: it may be personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestRecord {
    /// The attribute path.
    pub attribute: Box<str>,
    /// The operator.
    pub operator: Operator,
    /// Whether the context has the attribute.
    pub present: bool,
    /// What the test came to.
    pub truth: Truth,
}

/// The first test whose other outcome would have changed the variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pivot {
    /// The test as it was judged.
    pub test: TestRecord,
    /// The variant had it come out the other way.
    pub variant: Box<str>,
}

/// The most tests that are tried the other way round in search of the pivot.
const PIVOT_MAX_TESTS: usize = 512;

impl<'r> FlagRef<'r> {
    /// Decides the flag for a context and tells how. It is the code of [`FlagRef::evaluate`] with a recorder, so the two cannot differ.
    pub fn explain(&self, context: &Context<'_>) -> Explanation<'r> {
        let (ruleset, flag) = (self.ruleset(), self.flag());
        let facts = ContextFacts { context, hasher: ruleset.hasher };
        let mut recorder = Recorder::new(ruleset, flag);
        let outcome = decide(ruleset, flag, &facts, &mut recorder);
        recorder.finish(outcome.reason, outcome.variant);
        let pivot = recorder.judged.iter().take(PIVOT_MAX_TESTS).enumerate().find_map(|(turn, test)| {
            let other = decide(ruleset, flag, &facts, &mut Contrary { turn, seen: 0 }).variant;
            let variant = flag.variant(other).filter(|_| other != outcome.variant)?.id.clone();
            Some(Pivot { test: test.clone(), variant })
        });
        let bucket = facts.lanes(flag.unit.as_deref(), &flag.seed()).map(|lanes| lanes.exposure());
        Explanation {
            decision: Decision::new(flag, outcome),
            layers: recorder.layers,
            bucket,
            share: share_of(flag, outcome.reason, outcome.variant, outcome.rule),
            flips_at: bucket.filter(|bucket| kept_out(flag, *bucket, &facts).is_none()).map(Bucket::flips_at),
            pivot,
        }
    }
}

impl Ruleset {
    /// Decides one flag for a context and tells how.
    pub fn explain(&self, key: &str, context: &Context<'_>) -> Explanation<'_> {
        if let Some(flag) = self.flag(key) {
            return flag.explain(context);
        }
        let quarantined = self.find(key).and_then(|slot| match slot {
            Slot::Quarantined(quarantined) => Some(&quarantined.1),
            Slot::Live(_) => None,
        });
        let decision = self.absent(key, quarantined.is_some());
        let (layer, detail) = match (decision.reason(), quarantined) {
            (Reason::Killed, _) => ("kill", String::from("a kill stands against it")),
            (_, Some(error)) => ("quarantine", alloc::format!("the flag cannot be compiled: {error}")),
            _ => ("lookup", String::from("no flag of this key")),
        };
        Explanation {
            decision,
            layers: alloc::vec![Layer { layer, id: None, outcome: LayerOutcome::Decided, detail, tests: Vec::new() }],
            bucket: None,
            share: Share::NOBODY,
            flips_at: None,
            pivot: None,
        }
    }
}

/// The share that what served exposes.
fn share_of(flag: &Flag, reason: Reason, variant: VariantIndex, rule: Option<u16>) -> Share {
    let of_variant = if variant == flag.off_variant { Share::NOBODY } else { Share::EVERYONE };
    match reason {
        Reason::Killed | Reason::Disabled | Reason::Expired | Reason::PrerequisiteFailed => Share::NOBODY,
        Reason::Forced | Reason::Override => of_variant,
        _ => {
            let ruled = rule.and_then(|rule| flag.rules.get(usize::from(rule))).map(|rule| &rule.serve);
            match ruled.unwrap_or(&flag.fallthrough) {
                Serve::Split(split) => split.exposure,
                Serve::Variant(_) => of_variant,
            }
        }
    }
}

/// Writes down what the evaluator does with the flag itself, and every test, those of prerequisites included.
struct Recorder<'r> {
    ruleset: &'r Ruleset,
    flag: &'r Flag,
    depth: usize,
    layers: Vec<Layer>,
    /// Tests since the last rule of the flag itself.
    tests: Vec<TestRecord>,
    /// Every test in the order it was judged.
    judged: Vec<TestRecord>,
}

impl<'r> Recorder<'r> {
    const fn new(ruleset: &'r Ruleset, flag: &'r Flag) -> Self {
        Self { ruleset, flag, depth: 0, layers: Vec::new(), tests: Vec::new(), judged: Vec::new() }
    }

    fn push(&mut self, layer: &'static str, id: Option<&str>, outcome: LayerOutcome, detail: String) {
        let tests = core::mem::take(&mut self.tests);
        self.layers.push(Layer { layer, id: id.map(Into::into), outcome, detail, tests });
    }

    fn name(&self, variant: VariantIndex) -> &'r str {
        self.flag.variant(variant).map_or("", |variant| &variant.id)
    }

    /// Adds the serve that has no step of its own: one variant, by a rule or by the fallthrough.
    fn finish(&mut self, reason: Reason, variant: VariantIndex) {
        let ends_open = self.layers.last().is_none_or(|layer| layer.outcome != LayerOutcome::Decided);
        if ends_open {
            let detail = match reason {
                Reason::TargetingKeyMissing => {
                    alloc::format!("serves {}, since a split has no unit id to go by", self.name(variant))
                }
                Reason::NotOptedIn => alloc::format!("serves {}, since the user has not opted in", self.name(variant)),
                _ => alloc::format!("serves {} to everyone", self.name(variant)),
            };
            self.push("fallthrough", None, LayerOutcome::Decided, detail);
        }
    }
}

impl TestObserver for Recorder<'_> {
    fn tested(&mut self, test: &Test, found: Option<Found<'_>>, truth: Truth) -> Truth {
        let record = TestRecord {
            attribute: test.path.as_str().into(),
            operator: test.operator.clone(),
            present: found.is_some(),
            truth,
        };
        if self.depth == 0 {
            self.tests.push(record.clone());
        }
        self.judged.push(record);
        truth
    }
}

impl Observer for Recorder<'_> {
    fn enter(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn saw(&mut self, step: Step) {
        use LayerOutcome::{Decided, Passed, Skipped};
        if self.depth > 0 {
            return;
        }
        let either = |decided| if decided { Decided } else { Passed };
        match step {
            Step::Kill { killed } => {
                let detail = if killed { "a kill stands against it" } else { "no kill stands against it" };
                self.push("kill", None, either(killed), detail.into());
            }
            Step::Forced { variant: Some(variant) } => {
                let detail = alloc::format!("test code serves {}", self.name(variant));
                self.push("test_code", None, Decided, detail);
            }
            Step::Enabled { enabled } => {
                self.push(
                    "enabled",
                    None,
                    either(!enabled),
                    if enabled { "the flag is enabled" } else { "the flag is disabled" }.into(),
                );
            }
            Step::Forced { variant: None } | Step::OffAfter { off_after: None, .. } => {}
            Step::OffAfter { off_after: Some(off_after), expired } => {
                self.push("off_after", None, either(expired), alloc::format!("off from {off_after} on"));
            }
            Step::Prerequisite { place, variant, accepted } => {
                let needed =
                    self.flag.prerequisites.get(place).and_then(|prerequisite| self.ruleset.slot(prerequisite.flag));
                let Some(Slot::Live(needed)) = needed else { return };
                let served = needed.variant(variant).map_or("", |variant| &variant.id);
                let verdict = if accepted { "which is accepted" } else { "which is not accepted" };
                self.push(
                    "prerequisite",
                    Some(needed.key.as_str()),
                    either(!accepted),
                    alloc::format!("serves {served}, {verdict}"),
                );
            }
            Step::Override { choice } => {
                let (outcome, detail) = match choice {
                    Choice::Chosen(variant) => (Decided, alloc::format!("chosen locally: {}", self.name(variant))),
                    Choice::OptedIn => (Passed, "opted in locally".into()),
                    Choice::None | Choice::Forced(_) => (Passed, "nothing chosen locally".into()),
                };
                self.push("override", None, outcome, detail);
            }
            Step::Rule { place, truth } => {
                let Some(rule) = self.flag.rules.get(place) else { return };
                match (truth, &rule.serve) {
                    (Truth::True, Serve::Variant(variant)) => {
                        let detail = alloc::format!("matches, serves {}", self.name(*variant));
                        self.push("rule", Some(&rule.id), Decided, detail);
                    }
                    // The split's own step follows and takes the tests with it.
                    (Truth::True, Serve::Split(_)) => {}
                    (Truth::False, _) => self.push("rule", Some(&rule.id), Passed, "does not match".into()),
                    (Truth::Unknown, _) => self.push("rule", Some(&rule.id), Skipped, "cannot be told".into()),
                }
            }
            Step::Serve { rule, bucket, share, result } => {
                let id = rule.and_then(|place| self.flag.rules.get(place)).map(|rule| &*rule.id);
                let layer = if rule.is_some() { "rule" } else { "fallthrough" };
                let place =
                    bucket.map_or_else(String::new, |bucket| alloc::format!("bucket {bucket}, share {share}: "));
                let verdict = match result {
                    SplitResult::Exposed(variant) => alloc::format!("exposed, serves {}", self.name(variant)),
                    SplitResult::NotExposed => "not exposed".into(),
                    SplitResult::Excluded => "in another slot of the exclusion group".into(),
                    SplitResult::HeldOut => "held out".into(),
                    SplitResult::NoUnit => "no unit id to go by".into(),
                    SplitResult::NotOptedIn => "only for users who opted in".into(),
                };
                let decided = rule.is_none() || !matches!(result, SplitResult::NoUnit | SplitResult::NotOptedIn);
                self.push(layer, id, if decided { Decided } else { Skipped }, alloc::format!("{place}{verdict}"));
            }
        }
    }
}

/// Answers one test, counted in the order they are judged, the other way round.
struct Contrary {
    turn: usize,
    seen: usize,
}

impl TestObserver for Contrary {
    fn tested(&mut self, _: &Test, _: Option<Found<'_>>, truth: Truth) -> Truth {
        let turn = self.seen == self.turn;
        self.seen = self.seen.saturating_add(1);
        match truth {
            Truth::True if turn => Truth::False,
            Truth::False | Truth::Unknown if turn => Truth::True,
            truth => truth,
        }
    }
}

impl Observer for Contrary {}
