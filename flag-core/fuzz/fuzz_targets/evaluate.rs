#![no_main]
//! Any flags for any context: no panic, and every way of asking gives the same decision.

use arbitrary::Arbitrary;
use flag_core::wire::{
    Condition, Entries, Flag, Group, Kill, Membership, Operator, Prerequisite, Range, Rule, Serve, Snapshot,
};
use flag_core::{
    Attributes, Context, Decision, LayerOutcome, LocalChoice, Object, Reason, Ruleset, Share, Timestamp, Value,
};
use libfuzzer_sys::fuzz_target;

const FLAGS: [&str; 4] = ["checkout", "search", "telemetry", "billing"];
const ATTRIBUTES: [&str; 6] = ["version", "ip", "user", "user.plan", "unit", "seen_at"];
/// Texts that some operator reads as more than text.
const TEXTS: [&str; 8] =
    ["1.2.3", "2.0.0-beta.1", "10.0.0.0/8", "10.1.2.3", "2026-01-15T14:32:01Z", "^a+$", "caro", "unknown"];
const SEGMENTS: [&str; 2] = ["staff", "europe"];

#[derive(Copy, Clone, Debug, Arbitrary)]
enum Id {
    Off,
    On,
    Blue,
    /// No flag has it.
    Absent,
}

impl Id {
    const fn text(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Blue => "blue",
            Self::Absent => "absent",
        }
    }
}

#[derive(Debug, Arbitrary)]
enum AnyValue<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Known(u8),
    Text(&'a str),
    List(Vec<AnyValue<'a>>),
    Object(Vec<(&'a str, AnyValue<'a>)>),
}

impl From<&AnyValue<'_>> for Value {
    fn from(value: &AnyValue<'_>) -> Self {
        match value {
            AnyValue::Null => Self::Null,
            AnyValue::Bool(value) => (*value).into(),
            AnyValue::Integer(value) => (*value).into(),
            AnyValue::Float(value) => (*value).into(),
            AnyValue::Known(which) => pick(&TEXTS, *which).into(),
            AnyValue::Text(text) => (*text).into(),
            AnyValue::List(values) => values.iter().map(Self::from).collect::<Vec<_>>().into(),
            AnyValue::Object(fields) => {
                let plan = [("plan".into(), Self::from("caro"))];
                let fields = fields.iter().map(|(name, value)| ((*name).into(), Self::from(value)));
                Self::Object(Object::from_fields(plan.into_iter().chain(fields)))
            }
        }
    }
}

#[derive(Debug, Arbitrary)]
enum AnyCondition<'a> {
    All(Vec<AnyCondition<'a>>),
    Any(Vec<AnyCondition<'a>>),
    Not(Box<AnyCondition<'a>>),
    Segment(u8),
    Test { attribute: u8, operator: u8, values: Vec<AnyValue<'a>> },
    NewerOperator(u8),
}

impl From<&AnyCondition<'_>> for Condition {
    fn from(condition: &AnyCondition<'_>) -> Self {
        match condition {
            AnyCondition::All(conditions) => Self::all(conditions.iter().map(Self::from)),
            AnyCondition::Any(conditions) => Self::any(conditions.iter().map(Self::from)),
            AnyCondition::Not(condition) => Self::negated(Self::from(&**condition)),
            AnyCondition::Segment(which) => Self::segment(pick(&SEGMENTS, *which)),
            AnyCondition::Test { attribute, operator, values } => {
                let (_, operator) = &Operator::KNOWN[usize::from(*operator) % Operator::KNOWN.len()];
                Self::test(pick(&ATTRIBUTES, *attribute), operator.clone(), values.iter().map(Value::from))
            }
            AnyCondition::NewerOperator(attribute) => {
                Self::test(pick(&ATTRIBUTES, *attribute), "sounds_like".into(), ["caro".into()])
            }
        }
    }
}

#[derive(Debug, Arbitrary)]
enum AnyServe {
    Variant(Id),
    Rollout { exposure: u32, on: Id, otherwise: Id },
    Split { exposure: u32, cut: u32, first: Id, second: Id, otherwise: Id },
    Ranges { exposure: u32, ranges: Vec<(Id, u32, u32)>, otherwise: Id },
    Nothing,
}

impl From<&AnyServe> for Serve {
    fn from(serve: &AnyServe) -> Self {
        let split = |exposure, ranges: &[(Id, u32, u32)], otherwise: Id| Self {
            variant: None,
            exposure: Some(share(exposure)),
            allocation: Some(
                ranges.iter().map(|(id, from, to)| (id.text().into(), vec![Range { from: *from, to: *to }])).collect(),
            ),
            otherwise: Some(otherwise.text().into()),
        };
        match *serve {
            AnyServe::Variant(id) => Self::variant(id.text()),
            AnyServe::Rollout { exposure, on, otherwise } => {
                Self::rollout(share(exposure), on.text(), otherwise.text())
            }
            AnyServe::Split { exposure, cut, first, second, otherwise } => {
                let cut = cut % 100_001;
                split(exposure, &[(first, 0, cut), (second, cut, 100_000)], otherwise)
            }
            AnyServe::Ranges { exposure, ref ranges, otherwise } => split(exposure, ranges, otherwise),
            AnyServe::Nothing => Self::default(),
        }
    }
}

#[derive(Debug, Arbitrary)]
struct AnyFlag<'a> {
    enabled: bool,
    values: [AnyValue<'a>; 3],
    of_one_type: bool,
    off: Id,
    unit: Option<u8>,
    rules: Vec<(AnyCondition<'a>, AnyServe)>,
    fallthrough: AnyServe,
    prerequisites: Vec<(u8, Id)>,
    off_after: Option<i64>,
    opt_in_required: bool,
    slots: Option<(u32, u32)>,
    holdout: u32,
    choice: Option<(u8, Id)>,
}

impl From<&AnyFlag<'_>> for Flag {
    fn from(flag: &AnyFlag<'_>) -> Self {
        let mut wire: Self = serde_json::from_str(r#"{"variants": {}, "off_variant": "off", "fallthrough": {}}"#)
            .expect("the least flag");
        wire.enabled = flag.enabled;
        wire.variants = [Id::Off, Id::On, Id::Blue]
            .into_iter()
            .zip(&flag.values)
            .map(|(id, value)| (id.text().into(), if flag.of_one_type { Value::from(id.text()) } else { value.into() }))
            .collect();
        wire.off_variant = flag.off.text().into();
        wire.unit = flag.unit.map(|which| pick(&ATTRIBUTES, which).into());
        wire.rules = (0..).zip(&flag.rules).map(|(place, (when, serve))| rule(place, when, serve)).collect();
        wire.fallthrough = (&flag.fallthrough).into();
        wire.prerequisites = flag.prerequisites.iter().map(|(on, variant)| prerequisite(*on, *variant)).collect();
        wire.off_after = flag.off_after.map(Timestamp::from_millis);
        if flag.opt_in_required {
            wire.opt_in = flag_core::wire::OptIn::Required;
        }
        wire.group = flag.slots.map(|(from, to)| Membership {
            name: "prices".into(),
            slots: vec![Range { from: from % 100_001, to: to % 100_001 }],
        });
        wire.holdout = share(flag.holdout);
        wire
    }
}

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    flags: [Option<AnyFlag<'a>>; 4],
    segments: [Option<AnyCondition<'a>>; 2],
    group_holdout: u32,
    kill: Option<u8>,
    unit: Option<&'a str>,
    attributes: Vec<(u8, AnyValue<'a>)>,
    now: Option<i64>,
}

fn pick<const N: usize>(texts: &[&'static str; N], which: u8) -> &'static str {
    texts[usize::from(which) % N]
}

fn share(thousandths: u32) -> Share {
    Share::from_thousandths(thousandths % 100_001).expect("at most 100 %")
}

fn rule(place: u32, when: &AnyCondition<'_>, serve: &AnyServe) -> Rule {
    Rule { id: format!("rule-{place}").into(), when: when.into(), serve: serve.into() }
}

fn prerequisite(on: u8, variant: Id) -> Prerequisite {
    Prerequisite { flag: pick(&FLAGS, on).parse().expect("a key"), variants: vec![variant.text().into()] }
}

fn ruleset(input: &Input<'_>) -> Ruleset {
    let mut snapshot = Snapshot {
        schema: flag_core::wire::SCHEMA,
        project: "caro".into(),
        environment: "production".into(),
        epoch: 1,
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(1),
        audit_head: None,
        flags: FLAGS
            .into_iter()
            .zip(&input.flags)
            .filter_map(|(key, flag)| Some((key.into(), flag.as_ref()?.into())))
            .collect(),
        segments: SEGMENTS
            .into_iter()
            .zip(&input.segments)
            .filter_map(|(name, condition)| Some((name.into(), condition.as_ref()?.into())))
            .collect(),
        groups: Entries::default(),
        kills: Vec::new(),
        lifted: Vec::new(),
    };
    snapshot.groups.insert("prices", Group { seed: None, unit: None, holdout: share(input.group_holdout) });
    snapshot.kills.extend(input.kill.map(|which| Kill { id: "k1".into(), target: pick(&FLAGS, which).into() }));
    let mut ruleset = Ruleset::compile(&snapshot);
    for (key, flag) in FLAGS.into_iter().zip(&input.flags) {
        let Some((how, variant)) = flag.as_ref().and_then(|flag| flag.choice) else { continue };
        let choice = match how % 3 {
            0 => LocalChoice::OptIn,
            1 => LocalChoice::Variant(variant.text()),
            _ => LocalChoice::Forced(variant.text()),
        };
        // A flag that is quarantined, or a variant it has not, is refused and leaves the flag as it was.
        let _ = ruleset.choose(key, choice);
    }
    ruleset
}

fn assert_same(key: &str, way: &str, one: &Decision<'_>, other: &Decision<'_>) {
    let facts = |decision: &Decision<'_>| {
        let bucket = decision.bucket().map(|bucket| bucket.index());
        format!(
            "{:?} {} {:?} {bucket:?} {:?}",
            decision.variant(),
            decision.reason(),
            decision.rule(),
            decision.value()
        )
    };
    assert_eq!(facts(one), facts(other), "{key}: evaluate and {way} differ");
}

fuzz_target!(|input: Input<'_>| {
    let ruleset = ruleset(&input);
    let attributes: Attributes =
        input.attributes.iter().map(|(name, value)| (pick(&ATTRIBUTES, *name), Value::from(value))).collect();
    let mut context = input.unit.map_or_else(Context::anonymous, Context::new).with_attributes(&attributes);
    if let Some(now) = input.now {
        context = context.at(Timestamp::from_millis(now));
    }

    for key in FLAGS.into_iter().chain(["no_such_flag"]) {
        let decision = ruleset.evaluate(key, &context);
        let explanation = ruleset.explain(key, &context);
        assert_same(key, "explain", &decision, &explanation.decision);
        assert_eq!(explanation.layers.last().map(|layer| layer.outcome), Some(LayerOutcome::Decided), "{key}");
        assert_eq!(
            explanation.layers.iter().filter(|layer| layer.outcome == LayerOutcome::Decided).count(),
            1,
            "{key}"
        );
        if let Some(bucket) = decision.bucket() {
            assert_eq!(explanation.bucket, Some(bucket), "{key}");
        }
        if let Some(pivot) = &explanation.pivot {
            assert_ne!(Some(&*pivot.variant), decision.variant(), "{key}: the pivot changes nothing");
        }
        assert_eq!(ruleset.is_killed(key), decision.reason() == Reason::Killed, "{key}");
    }

    let mut live = ruleset.flags();
    ruleset.evaluate_all(&context, |decision| {
        let flag = live.next().expect("no more decisions than flags");
        assert_same("a flag", "evaluate_all", &flag.evaluate(&context), &decision);
    });
    assert!(live.next().is_none(), "evaluate_all left a flag out");
});
