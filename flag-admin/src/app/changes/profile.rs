//! What a plan's portions are in people, by what is known of a population. No user data is needed: sizes and distributions are enough.

use std::collections::{BTreeMap, BTreeSet};

use flag_core::wire::{Condition, Entries, Flag, Operator, Rule, SCHEMA, Serve, Snapshot};
use flag_core::{Attributes, CellPlan, Context, FlagKey, FlagPlan, PlanPopulation, Ruleset, Share, Value};
use serde::{Deserialize, Serialize};

use super::proposal::Proposal;
use crate::app::error::Failure;
use crate::app::project::{Project, UnknownEnvironment};
use crate::log::EnvironmentState;

/// The most things that one flag's rules may ask about: each multiplies the precision by 100,000.
const QUESTIONS_MAX: usize = 5;
/// The most ways in which a population's attributes may be combined for one flag.
const KINDS_MAX: usize = 100_000;
/// The whole, in units of a portion.
const WHOLE: u128 = 10_000_000_000;
/// The whole, in thousandths of a percent.
const EVERYONE: u128 = 100_000;
/// Three expected people leave a chance of about 5 % that there is none, by the Poisson limit e⁻³.
const EXPECTED_FOR_SOMEBODY: u64 = 3;

/// The name of the opt-in that a plan of those who opted in takes for given. No flag has an empty key.
const THE_PLANS_OWN: &str = "";

/// How many people there are, and of which kind. What is asked of different attributes is taken to be independent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    population: u64,
    attributes: BTreeMap<String, Vec<(Value, Share)>>,
    segments: BTreeMap<String, Share>,
    opt_ins: BTreeMap<String, Share>,
}

/// The TOML form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileText {
    population: u64,
    #[serde(default)]
    attributes: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    segments: BTreeMap<String, String>,
    #[serde(default)]
    opt_in: BTreeMap<String, String>,
}

/// Why a text is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is no TOML, or has a member that means nothing here.
    #[error("{file}: {source}")]
    Form {
        /// The name of the file.
        file: String,
        /// What was found, and what was expected.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A share is none.
    #[error("{file}: {place}: {source}")]
    Share {
        /// The name of the file.
        file: String,
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: flag_core::ShareError,
    },
    /// The shares of an attribute's values come to more than everyone.
    #[error("{file}: attributes.{attribute}: shares come to {found}%, expected at most 100%")]
    Total {
        /// The name of the file.
        file: String,
        /// The attribute.
        attribute: String,
        /// What they come to, in whole percent, rounded up.
        found: u32,
    },
}

impl Failure for ProfileError {
    fn code(&self) -> &'static str {
        "bad_profile"
    }
}

/// What a plan comes to for one flag, in people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct People {
    /// The flag.
    pub flag: FlagKey,
    /// How many gain it.
    pub gained: u64,
    /// How many lose it.
    pub lost: u64,
    /// How many move.
    pub moved: u64,
    /// Of how many.
    pub population: u64,
    /// Whether a share that gains, loses or moves is so small that it may be nobody: fewer than three people are expected.
    pub may_be_nobody: bool,
}

/// Why it is not known how many people a plan means for a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownPeople {
    /// The flag.
    pub flag: FlagKey,
    /// What the profile does not say: attributes, segments or opt-ins. Empty where more decides than is computed.
    pub missing: Vec<String>,
}

impl Profile {
    /// Reads the TOML form. `file` is the name that errors give.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, ProfileError> {
        let form = |source| ProfileError::Form { file: file.to_owned(), source: Box::new(source) };
        let text: ProfileText = toml::from_str(text).map_err(form)?;
        let share = |place: String, text: &str| {
            text.parse::<Share>().map_err(|source| ProfileError::Share { file: file.to_owned(), place, source })
        };
        let shares = |table: &str, shares: BTreeMap<String, String>| {
            shares
                .into_iter()
                .map(|(name, text)| Ok((name.clone(), share(format!("{table}.{name}"), &text)?)))
                .collect::<Result<BTreeMap<_, _>, ProfileError>>()
        };
        let mut attributes = BTreeMap::new();
        for (attribute, values) in text.attributes {
            let shares = shares(&format!("attributes.{attribute}"), values)?;
            let total = shares.values().fold(0_u32, |sum, share| sum.saturating_add(share.thousandths()));
            if u128::from(total) > EVERYONE {
                let (file, found) = (file.to_owned(), total.div_ceil(1_000));
                return Err(ProfileError::Total { file, attribute, found });
            }
            let values = shares.into_iter().map(|(value, share)| (scalar(&value), share)).collect();
            attributes.insert(attribute, values);
        }
        let (segments, opt_ins) = (shares("segments", text.segments)?, shares("opt_in", text.opt_in)?);
        Ok(Self { population: text.population, attributes, segments, opt_ins })
    }

    /// Returns how many people there are.
    pub const fn population(&self) -> u64 {
        self.population
    }

    fn people(&self, plan: &FlagPlan, questions: &Questions) -> Result<People, UnknownPeople> {
        let unknown = |missing: Vec<String>| UnknownPeople { flag: plan.flag.clone(), missing };
        let kinds = questions.kinds(self, plan).map_err(unknown)?;
        let mut sums = [0_u128; 3];
        for (weight, kind) in &kinds.of {
            let cell = plan.cells.iter().find(|cell| kind.is_in(cell));
            // Every kind falls into a cell, but for those who did not opt in where the plan is of the others.
            let Some(cell) = cell else { continue };
            for (sum, portion) in sums.iter_mut().zip([cell.gained, cell.lost, cell.moved]) {
                *sum = sum.saturating_add(weight.saturating_mul(u128::from(portion.units())));
            }
        }
        let people = sums.map(|sum| {
            // Weights come to the scale, so that this is a portion of everyone again, in units of 10⁻¹⁰.
            let portion = sum.saturating_add(kinds.scale / 2) / kinds.scale.max(1);
            let people = portion.saturating_mul(u128::from(self.population)).saturating_add(WHOLE / 2) / WHOLE;
            u64::try_from(people).unwrap_or(u64::MAX)
        });
        let [gained, lost, moved] = people;
        let may_be_nobody = sums.iter().zip(people).any(|(sum, people)| *sum > 0 && people < EXPECTED_FOR_SOMEBODY);
        Ok(People { flag: plan.flag.clone(), gained, lost, moved, population: self.population, may_be_nobody })
    }
}

/// Reads a value as `--attr NAME=VALUE` does: a scalar of JSON is that, everything else is text.
fn scalar(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(scalar @ (Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_))) => scalar,
        _ => Value::from(text),
    }
}

/// What decides about a flag: the rules that its cells assume something about.
struct Questions {
    /// The rules, each as a flag that is on where its condition holds.
    ruleset: Ruleset,
    /// The key of that flag, by flag and rule.
    keys: BTreeMap<(Box<str>, Box<str>), String>,
    attributes: BTreeSet<String>,
    segments: BTreeSet<String>,
    opt_ins: BTreeSet<String>,
}

/// The kinds of people that the questions tell apart, with how many thousandths of a percent, to a power, each is.
struct Kinds {
    of: Vec<(u128, Kind)>,
    scale: u128,
}

/// One answer to one question: the attribute or the opt-in that it sets, and of how many thousandths of a percent it is the answer.
type Part = (Option<(String, Value)>, Option<(String, bool)>, u128);

#[derive(Clone, Default)]
struct Kind {
    rules: BTreeMap<(Box<str>, Box<str>), bool>,
    opt_ins: BTreeMap<String, bool>,
}

impl Kind {
    fn is_in(&self, cell: &CellPlan) -> bool {
        let holds = |flag: &FlagKey, rule: &str| self.rules.get(&(flag.as_str().into(), rule.into())).copied();
        cell.when.iter().all(|assumed| holds(&assumed.flag, &assumed.rule) == Some(assumed.holds))
            && cell.opt_ins.iter().all(|assumed| self.opt_ins.get(assumed.flag.as_str()) == Some(&assumed.opted_in))
            // A plan of those who opted in has cells for them alone.
            && self.opt_ins.get(THE_PLANS_OWN).is_none_or(|opted_in| *opted_in)
    }
}

impl Questions {
    fn of(plan: &FlagPlan, before: &EnvironmentState, after: &EnvironmentState, profile: &Profile) -> Result<Self, ()> {
        let mut flags = Entries::default();
        let (mut keys, mut attributes, mut opt_ins) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let mut segments = BTreeSet::new();
        for cell in &plan.cells {
            opt_ins.extend(cell.opt_ins.iter().map(|assumed| assumed.flag.as_str().to_owned()));
            for assumed in &cell.when {
                let name = (Box::<str>::from(assumed.flag.as_str()), assumed.rule.clone());
                if keys.contains_key(&name) {
                    continue;
                }
                let rule_in = |state: &EnvironmentState| {
                    let rules = &state.flags.get(&assumed.flag)?.definition.flag.rules;
                    rules.iter().find(|rule| rule.id == assumed.rule).map(|rule| rule.when.clone())
                };
                let when = match (rule_in(before), rule_in(after)) {
                    // Two conditions by one name: which of them an assumption means is not said.
                    (Some(before), Some(after)) if before != after => return Err(()),
                    (Some(when), _) | (None, Some(when)) => when,
                    (None, None) => return Err(()),
                };
                ask(&when, after, profile, &mut attributes, &mut segments);
                let key = format!("rule_{}", keys.len());
                flags.insert(key.clone(), rule_as_flag(when));
                keys.insert(name, key);
            }
        }
        let known = after.segments.iter().map(|(name, condition)| {
            let sized = Condition::test(segment_attribute(name), Operator::In, [Value::from(true)]);
            (name.clone(), if profile.segments.contains_key(&**name) { sized } else { condition.clone() })
        });
        let snapshot = Snapshot { flags, segments: known.collect(), ..empty() };
        Ok(Self { ruleset: Ruleset::compile(&snapshot), keys, attributes, segments, opt_ins })
    }

    /// Returns every kind of people, or what the profile does not say.
    fn kinds(&self, profile: &Profile, plan: &FlagPlan) -> Result<Kinds, Vec<String>> {
        let mut missing = Vec::new();
        let mut asked: Vec<Vec<Part>> = Vec::new();
        for attribute in &self.attributes {
            let Some(values) = profile.attributes.get(attribute) else {
                missing.push(format!("attribute {attribute}"));
                continue;
            };
            let mut rest = EVERYONE;
            let mut axis = Vec::new();
            for (value, share) in values {
                let share = u128::from(share.thousandths());
                rest = rest.saturating_sub(share);
                axis.push((Some((attribute.clone(), value.clone())), None, share));
            }
            axis.push((None, None, rest));
            asked.push(axis);
        }
        for segment in &self.segments {
            let share = profile.segments.get(segment).map_or(0, |share| u128::from(share.thousandths()));
            let name = segment_attribute(segment);
            let is = |inside: bool| Some((name.clone(), Value::from(inside)));
            asked.push(vec![(is(true), None, share), (is(false), None, EVERYONE.saturating_sub(share))]);
        }
        let mut opt_ins: Vec<(String, &str)> = self.opt_ins.iter().map(|flag| (flag.clone(), flag.as_str())).collect();
        if plan.population == PlanPopulation::OptedIn {
            opt_ins.push((THE_PLANS_OWN.to_owned(), plan.flag.as_str()));
        }
        for (name, flag) in opt_ins {
            let Some(share) = profile.opt_ins.get(flag) else {
                missing.push(format!("opt_in {flag}"));
                continue;
            };
            let share = u128::from(share.thousandths());
            let rest = EVERYONE.saturating_sub(share);
            asked.push(vec![(None, Some((name.clone(), true)), share), (None, Some((name, false)), rest)]);
        }
        let kinds = asked.iter().fold(1_usize, |kinds, axis| kinds.saturating_mul(axis.len()));
        if !missing.is_empty() || asked.len() > QUESTIONS_MAX || kinds > KINDS_MAX || plan.cells.is_empty() {
            return Err(missing);
        }
        let mut people: Vec<(u128, Attributes, Kind)> = vec![(1, Attributes::default(), Kind::default())];
        for axis in &asked {
            let mut finer = Vec::with_capacity(people.len().saturating_mul(axis.len()));
            for (weight, attributes, kind) in &people {
                for (attribute, opt_in, share) in axis.iter().filter(|(_, _, share)| *share > 0) {
                    let (mut attributes, mut kind) = (attributes.clone(), kind.clone());
                    if let Some((name, value)) = attribute {
                        attributes.set(name.as_str(), value.clone());
                    }
                    if let Some((flag, opted_in)) = opt_in {
                        kind.opt_ins.insert(flag.clone(), *opted_in);
                    }
                    finer.push((weight.saturating_mul(*share), attributes, kind));
                }
            }
            people = finer;
        }
        let scale = asked.iter().fold(1_u128, |scale, _| scale.saturating_mul(EVERYONE));
        let of = people.into_iter().map(|(weight, attributes, mut kind)| {
            let context = Context::anonymous().with_attributes(&attributes);
            for (name, key) in &self.keys {
                kind.rules.insert(name.clone(), self.ruleset.evaluate(key, &context).bool_or(false));
            }
            (weight, kind)
        });
        Ok(Kinds { of: of.collect(), scale })
    }
}

/// Notes what a condition asks about: attributes, and segments whose size the profile gives.
fn ask(
    condition: &Condition,
    state: &EnvironmentState,
    profile: &Profile,
    attributes: &mut BTreeSet<String>,
    segments: &mut BTreeSet<String>,
) {
    let parts = [&condition.all, &condition.any].into_iter().flatten().flatten().chain(condition.not.as_deref());
    for part in parts {
        ask(part, state, profile, attributes, segments);
    }
    if let Some(attribute) = &condition.attribute {
        attributes.insert(attribute.to_string());
    }
    if let Some(segment) = &condition.segment {
        match state.segments.get(segment) {
            _ if profile.segments.contains_key(&**segment) => {
                segments.insert(segment.to_string());
            }
            Some(condition) => ask(condition, state, profile, attributes, segments),
            None => {}
        }
    }
}

/// No attribute has a space in its name, so this one is the profile's own.
fn segment_attribute(segment: &str) -> String {
    format!("in segment {segment}")
}

fn rule_as_flag(when: Condition) -> Flag {
    let rule = Rule { id: "rule".into(), when, serve: Serve::variant("on") };
    let variants = [("on".into(), Value::from(true)), ("off".into(), Value::from(false))];
    Flag {
        version: 0,
        kind: flag_core::wire::Kind::Release,
        stage: flag_core::wire::Stage::Development,
        enabled: true,
        bucketing: 1,
        seed: None,
        unit: None,
        variants: variants.into_iter().collect(),
        off_variant: "off".into(),
        rules: vec![rule],
        fallthrough: Serve::variant("off"),
        prerequisites: Vec::new(),
        off_after: None,
        overridable: false,
        opt_in: flag_core::wire::OptIn::None,
        critical: false,
        group: None,
        holdout: Share::NOBODY,
        default_on_expiry: false,
        slow_above_micros: None,
        requires: Vec::new(),
    }
}

fn empty() -> Snapshot {
    Snapshot {
        schema: SCHEMA,
        project: "profile".into(),
        environment: "profile".into(),
        epoch: 0,
        version: 0,
        issued_at: flag_core::Timestamp::default(),
        expires_at: flag_core::Timestamp::default(),
        audit_head: None,
        flags: Entries::default(),
        segments: Entries::default(),
        groups: Entries::default(),
        kills: Vec::new(),
        lifted: Vec::new(),
    }
}

impl Project {
    /// Returns how many people a proposal means, flag by flag, as far as a profile says.
    pub fn people(
        &self,
        proposal: &Proposal,
        profile: &Profile,
    ) -> Result<Vec<Result<People, UnknownPeople>>, UnknownEnvironment> {
        let before = self.environment(proposal.environment())?;
        let after = self.imagine(proposal.environment(), proposal.changes(), &mut Vec::new()).ok();
        let after = after.as_ref().and_then(|state| state.environment(proposal.environment())).unwrap_or(before);
        let people = proposal.plan().flags.iter().map(|plan| {
            let questions = Questions::of(plan, before, after, profile);
            let unknown = |()| UnknownPeople { flag: plan.flag.clone(), missing: Vec::new() };
            profile.people(plan, &questions.map_err(unknown)?)
        });
        Ok(people.collect())
    }
}
