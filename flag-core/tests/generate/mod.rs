//! Arbitrary snapshots and contexts: most flags hold together, some do not, and all refer to one another.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

use flag_core::wire::{
    Condition, Entries, Flag, Group, Kill, Membership, Operator, OptIn, Prerequisite, Range, Rule, SCHEMA, Serve,
    Snapshot,
};
use flag_core::{Attributes, Context, EVERYONE, LocalChoice, Object, Ruleset, Share, Timestamp, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const FLAGS: [&str; 6] = ["billing", "checkout", "history", "search", "telemetry", "theme"];
const VARIANTS: [&str; 3] = ["off", "on", "blue"];
const SEGMENTS: [&str; 3] = ["europe", "staff", "testers"];
const GROUPS: [&str; 2] = ["prices", "layout"];
/// The unit's own id is not among them: [`flag_core::FlagRef::evaluate_units`] does not know it.
const ATTRIBUTES: [&str; 6] = ["version", "ip", "plan", "user", "seats", "seen_at"];
const PATHS: [&str; 8] = ["version", "ip", "plan", "user", "user.plan", "seats", "seen_at", "absent"];
/// Texts that some operator reads as more than text.
const TEXTS: [&str; 10] = [
    "1.2.3",
    "v2",
    "2.0.0-beta.1",
    "10.0.0.0/8",
    "10.1.2.3",
    "2026-01-15T14:32:01Z",
    "^a+$",
    "team",
    "Team",
    "unknown",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&TEXTS[..]).prop_map(ToOwned::to_owned), 1 => ".{0,8}"]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => (-3..40_i64).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => (-3..40_i32).prop_map(|whole| Value::from(f64::from(whole))),
        5 => text().prop_map(Value::from),
    ]
}

pub(crate) fn value() -> BoxedStrategy<Value> {
    let any = prop_oneof![
        6 => scalar(),
        1 => vec(scalar(), 0..4).prop_map(Value::from),
        1 => vec((select(&["plan", "id", "x"][..]), scalar()), 0..3).prop_map(|fields| {
            Value::Object(Object::from_fields(fields.into_iter().map(|(name, value)| (name.into(), value))))
        }),
    ];
    any.boxed()
}

fn operator() -> impl Strategy<Value = Operator> {
    let known = select(Operator::KNOWN).prop_map(|(_, operator)| operator);
    prop_oneof![30 => known, 1 => Just(Operator::from("sounds_like"))]
}

/// A value that the operator takes, as a rule.
fn operand(operator: &Operator) -> BoxedStrategy<Value> {
    match operator.as_str() {
        "greater" | "greater_or_equal" | "less" | "less_or_equal" => (-3..40_i64).prop_map(Value::from).boxed(),
        "before" | "after" => any::<i64>().prop_map(Value::from).boxed(),
        "in_cidr" => select(&["10.0.0.0/8", "10.1.2.3", "::/0"][..]).prop_map(Value::from).boxed(),
        name if name.starts_with("semver") => {
            select(&["1.2.3", "v2", "2.0.0-beta.1", "0"][..]).prop_map(Value::from).boxed()
        }
        "matches" => select(&["^a+$", "team", "[0-9]", "(?i)TEAM"][..]).prop_map(Value::from).boxed(),
        "equals" | "in" => value().boxed(),
        _ => text().prop_map(Value::from).boxed(),
    }
}

fn test() -> impl Strategy<Value = Condition> {
    (select(&PATHS[..]), operator()).prop_flat_map(|(path, operator)| {
        let fitting = vec(operand(&operator), 1..4);
        prop_oneof![60 => fitting, 1 => vec(value(), 0..3)]
            .prop_map(move |values| Condition::test(path, operator.clone(), values))
    })
}

fn condition() -> BoxedStrategy<Condition> {
    let leaf = prop_oneof![6 => test(), 1 => select(&SEGMENTS[..]).prop_map(Condition::segment)];
    let tree = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Condition::all),
            vec(inner.clone(), 0..3).prop_map(Condition::any),
            inner.prop_map(Condition::negated),
        ]
    });
    tree.boxed()
}

pub(crate) fn share() -> impl Strategy<Value = Share> {
    let thousandths = prop_oneof![1 => Just(0), 1 => Just(EVERYONE), 1 => Just(50_000), 6 => 0..=EVERYONE];
    thousandths.prop_map(|thousandths| Share::from_thousandths(thousandths).unwrap())
}

fn variant() -> impl Strategy<Value = &'static str> {
    select(&VARIANTS[..])
}

/// Ranges that cover a lane, each with the variant that owns it.
pub(crate) fn allocation() -> impl Strategy<Value = Entries<Vec<Range>>> {
    vec((1..EVERYONE, variant()), 0..4).prop_flat_map(|mut cuts| {
        cuts.sort_unstable();
        cuts.dedup_by_key(|(at, _)| *at);
        variant().prop_map(move |last| {
            let mut owned: Entries<Vec<Range>> = Entries::default();
            let mut from = 0;
            for (to, variant) in cuts.iter().copied().chain([(EVERYONE, last)]) {
                let mut ranges = owned.find(variant).cloned().unwrap_or_default();
                ranges.push(Range { from, to });
                owned.insert(variant, ranges);
                from = to;
            }
            owned
        })
    })
}

pub(crate) fn split() -> impl Strategy<Value = Serve> {
    (share(), allocation(), variant()).prop_map(|(exposure, allocation, otherwise)| Serve {
        variant: None,
        exposure: Some(exposure),
        allocation: Some(allocation),
        otherwise: Some(otherwise.into()),
    })
}

fn serve() -> impl Strategy<Value = Serve> {
    prop_oneof![40 => split(), 20 => variant().prop_map(Serve::variant), 1 => Just(Serve::variant("absent"))]
}

fn variants() -> impl Strategy<Value = Entries<Value>> {
    let named = |values: [Value; 3]| VARIANTS.into_iter().map(Box::from).zip(values).collect::<Entries<_>>();
    prop_oneof![
        4 => Just(named([false.into(), true.into(), false.into()])),
        3 => Just(named(["a".into(), "".into(), "\u{e9}".into()])),
        2 => any::<[f64; 3]>().prop_map(move |values| named(values.map(|value| Value::from(if value.is_finite() { value } else { 0.5 })))),
        1 => [value(), value(), value()].prop_map(named),
    ]
}

fn slots() -> impl Strategy<Value = Vec<Range>> {
    (0..10_u32, 1..4_u32).prop_map(|(first, count)| vec![Range { from: first * 7_000, to: (first + count) * 7_000 }])
}

prop_compose! {
    /// What of a flag decides who gets a split: seed, unit, group, holdout, opting in.
    fn eligibility()(
        seed in option::weighted(0.3, select(&["one", "two", "\u{e9}"][..])),
        unit in option::weighted(0.2, select(&["user", "user.plan", "seats"][..])),
        group in option::weighted(0.3, (select(&GROUPS[..]), slots())),
        holdout in option::weighted(0.2, share()),
        required in prop::bool::weighted(0.1),
    ) -> Flag {
        let mut flag: Flag =
            serde_json::from_str(r#"{"variants": {}, "off_variant": "off", "fallthrough": {"variant": "off"}}"#).unwrap();
        flag.seed = seed.map(Into::into);
        flag.unit = unit.map(Into::into);
        flag.group = group.map(|(name, slots)| Membership { name: name.into(), slots });
        flag.holdout = holdout.unwrap_or_default();
        flag.opt_in = if required { OptIn::Required } else { OptIn::None };
        flag
    }
}

prop_compose! {
    fn flag()(
        eligibility in eligibility().boxed(),
        enabled in prop::bool::weighted(0.9),
        variants in variants().boxed(),
        off_variant in variant(),
        rules in vec((condition(), serve().boxed()), 0..4),
        fallthrough in serve().boxed(),
        prerequisites in vec((select(&FLAGS[..]), vec(variant(), 1..3)), 0..2),
        needs in prop::bool::weighted(0.3),
        off_after in option::weighted(0.2, -1_000..1_000_i64),
        version in any::<u64>(),
    ) -> Flag {
        let rules = (1..).zip(rules).map(|(place, (when, serve))| Rule { id: format!("rule-{place}").into(), when, serve });
        let prerequisites = prerequisites.into_iter().filter(|_| needs).map(|(flag, variants)| Prerequisite {
            flag: flag.parse().unwrap(),
            variants: variants.into_iter().map(Box::from).collect(),
        });
        Flag {
            enabled,
            variants,
            off_variant: off_variant.into(),
            rules: rules.collect(),
            fallthrough,
            prerequisites: prerequisites.collect(),
            off_after: off_after.map(Timestamp::from_millis),
            version,
            ..eligibility
        }
    }
}

prop_compose! {
    /// A snapshot of some of [`FLAGS`].
    pub(crate) fn snapshot()(
        // A value tree of all flags in one piece would be larger than a test thread's stack.
        flags in prop::array::uniform6(option::weighted(0.8, flag().boxed())),
        segments in prop::array::uniform3(option::weighted(0.9, condition())),
        groups in prop::array::uniform2(option::weighted(0.9, (share(), option::weighted(0.1, Just("seats"))))),
        kill in option::weighted(0.2, select(&FLAGS[..])),
        version in any::<u64>(),
    ) -> Snapshot {
        let mut small = groups.map(|group| group.map(|(holdout, unit)| Group {
            seed: None,
            unit: unit.map(Into::into),
            holdout: Share::from_thousandths(holdout.thousandths() / 8).unwrap(),
        }));
        // One group has a seed that is a flag's too.
        if let Some(group) = &mut small[1] {
            group.seed = Some("one".into());
        }
        Snapshot {
            schema: SCHEMA,
            project: "caro".into(),
            environment: "test".into(),
            epoch: 1,
            version,
            issued_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(1),
            audit_head: None,
            flags: entries(FLAGS, flags),
            segments: entries(SEGMENTS, segments),
            groups: entries(GROUPS, small),
            kills: kill.into_iter().map(|target| Kill { id: "k1".into(), target: target.into() }).collect(),
            lifted: vec!["k0".into()],
        }
    }
}

/// What the user of this machine, or test code, chose for some flags.
pub(crate) fn choices() -> impl Strategy<Value = Vec<(&'static str, LocalChoice<'static>)>> {
    let choice = prop_oneof![
        2 => Just(LocalChoice::OptIn),
        1 => variant().prop_map(LocalChoice::Variant),
        1 => variant().prop_map(LocalChoice::Forced),
    ];
    vec((select(&FLAGS[..]), choice), 0..4)
}

/// Compiles a snapshot and takes the choices. One for a flag that is quarantined is refused, and leaves everything as it was.
pub(crate) fn ruleset(snapshot: &Snapshot, choices: &[(&str, LocalChoice<'_>)]) -> Ruleset {
    let mut ruleset = Ruleset::compile(snapshot);
    for (key, choice) in choices {
        assert_eq!(ruleset.choose(key, *choice).is_ok(), ruleset.flag(key).is_some());
    }
    ruleset
}

fn entries<T, const N: usize>(names: [&str; N], values: [Option<T>; N]) -> Entries<T> {
    names.into_iter().zip(values).filter_map(|(name, value)| Some((name.into(), value?))).collect()
}

/// The owned parts of a context.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) unit: Option<String>,
    pub(crate) attributes: Attributes,
    pub(crate) now: Option<Timestamp>,
}

impl Facts {
    pub(crate) fn context(&self) -> Context<'_> {
        let context =
            self.unit.as_deref().map_or_else(Context::anonymous, Context::new).with_attributes(&self.attributes);
        self.now.map_or(context, |now| context.at(now))
    }
}

pub(crate) fn unit() -> impl Strategy<Value = String> {
    prop_oneof![4 => (0..100_000_u32).prop_map(|n| format!("user-{n}")), 1 => text()]
}

prop_compose! {
    pub(crate) fn facts()(
        unit in option::weighted(0.9, unit()),
        attributes in vec((select(&ATTRIBUTES[..]), value()), 0..6),
        now in option::weighted(0.8, -1_000..1_000_i64),
    ) -> Facts {
        Facts { unit, attributes: attributes.into_iter().collect(), now: now.map(Timestamp::from_millis) }
    }
}
