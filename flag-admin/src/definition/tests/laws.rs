use flag_core::wire::{
    Condition, Flag, Group, Kind, Membership, Operator, OptIn, Prerequisite, Range, Rule, Serve, Stage,
};
use flag_core::{EVERYONE, Object, Place, Share, Timestamp, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

const SAMPLE: &str = include_str!("../../../sample/flags.toml");
const END_OF_9999: i64 = 253_402_300_799_999;

/// Any text at all, control characters included.
fn text() -> impl Strategy<Value = Box<str>> {
    vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn name() -> impl Strategy<Value = Box<str>> {
    vec(any::<char>(), 1..6).prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn share() -> impl Strategy<Value = Share> {
    (0..=EVERYONE).prop_map(|thousandths| Share::from_thousandths(thousandths).unwrap())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::Float),
        text().prop_map(Value::String),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        let field = prop_oneof![text(), Just("json".into())];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| Value::List(items.into())),
            vec((field, inner), 0..3).prop_map(|fields| Value::Object(Object::from_fields(fields))),
        ]
    })
}

/// Values of one type, as a flag's variants have.
fn variants() -> impl Strategy<Value = Entries<Value>> {
    let object = || {
        let field = (prop_oneof![text(), Just("json".into())], any_value());
        vec(field, 0..3).prop_map(|fields| Value::Object(Object::from_fields(fields)))
    };
    let ids = || prop_oneof![name(), select(vec!["on".into(), "off".into()])];
    let several = |value: BoxedStrategy<Value>| {
        vec((ids(), value), 1..5).prop_map(|entries| entries.into_iter().collect::<Entries<Value>>())
    };
    prop_oneof![
        Just(layout::boolean()),
        several(any::<bool>().prop_map(Value::Bool).boxed()),
        several(any::<i64>().prop_map(Value::Integer).boxed()),
        several(any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Value::Float).boxed()),
        several(text().prop_map(Value::String).boxed()),
        several(object().boxed()),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let exists = option::of(Just(Vec::new())).prop_map(|values| Condition {
        attribute: Some("a.b".into()),
        operator: Some(Operator::Exists),
        values,
        ..Condition::default()
    });
    let leaf = prop_oneof![
        (text(), vec(any_value(), 1..4)).prop_map(|(path, values)| Condition::test(path, Operator::In, values)),
        exists,
        Just(Condition::segment("named segment")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Condition::all),
            vec(inner.clone(), 0..4).prop_map(Condition::any),
            inner.prop_map(Condition::negated),
        ]
    })
}

/// What a serve is made of, before the variants are known that it may name.
#[derive(Clone, Debug)]
struct ServeSeed {
    split: bool,
    exposure: Share,
    /// Where the lane is cut, and whom each piece goes to.
    pieces: Vec<(u32, Index)>,
    side_by_side: bool,
    names: (Index, Index),
    usual_otherwise: bool,
}

fn serve_seed() -> impl Strategy<Value = ServeSeed> {
    let pieces = vec((1..EVERYONE, any::<Index>()), 0..5);
    (any::<bool>(), share(), pieces, any::<bool>(), any::<(Index, Index)>(), any::<bool>()).prop_map(
        |(split, exposure, pieces, side_by_side, names, usual_otherwise)| ServeSeed {
            split,
            exposure,
            pieces,
            side_by_side,
            names,
            usual_otherwise,
        },
    )
}

fn serve(seed: &ServeSeed, variants: &Entries<Value>, off: &str) -> Serve {
    let ids: Vec<&str> = variants.names().collect();
    let named = |index: &Index| Box::<str>::from(*index.get(&ids));
    if !seed.split {
        return Serve::variant(named(&seed.names.0));
    }
    let mut cuts: Vec<u32> = seed.pieces.iter().map(|(cut, _)| *cut).chain([EVERYONE]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let starts = [0].into_iter().chain(cuts.clone());
    let pieces: Vec<Range> = starts.zip(cuts).map(|(from, to)| Range { from, to }).collect();
    let allocation: Entries<Vec<Range>> = if seed.side_by_side {
        // The first variants in order, with what remains for the last; a variant may get nothing.
        let last = ids.len().min(pieces.len());
        let weight = |(index, range): (usize, &Range)| {
            if index + 1 == last { EVERYONE - range.from } else { range.width() }
        };
        let weights = pieces.iter().take(last).enumerate().map(weight);
        let idle = ids.iter().skip(last).map(|id| ((*id).into(), 0));
        layout::lay_out(ids.iter().map(|id| Box::from(*id)).zip(weights).chain(idle))
    } else {
        let mut allocation: Entries<Vec<Range>> = Entries::default();
        let whom = seed.pieces.iter().map(|(_, index)| index).chain(std::iter::repeat(&seed.names.0));
        for (range, index) in pieces.into_iter().zip(whom) {
            let id = named(index);
            match allocation.find_mut(&id) {
                Some(ranges) => ranges.push(range),
                None => allocation.insert(id, vec![range]),
            }
        }
        allocation
    };
    let otherwise = if seed.usual_otherwise { off.into() } else { named(&seed.names.1) };
    Serve { variant: None, exposure: Some(seed.exposure), allocation: Some(allocation), otherwise: Some(otherwise) }
}

fn served() -> impl Strategy<Value = (Entries<Value>, Box<str>, Vec<Rule>, Serve)> {
    (variants(), any::<Index>(), vec((condition(), serve_seed()), 0..3), serve_seed(), text()).prop_map(
        |(variants, off, rules, fallthrough, id)| {
            let ids: Vec<&str> = variants.names().collect();
            let off: Box<str> = (*off.get(&ids)).into();
            let rule = |(index, (when, seed)): (usize, (Condition, ServeSeed))| Rule {
                id: format!("{id}{index}").into(),
                when,
                serve: serve(&seed, &variants, &off),
            };
            let rules = rules.into_iter().enumerate().map(rule).collect();
            let fallthrough = serve(&fallthrough, &variants, &off);
            (variants, off, rules, fallthrough)
        },
    )
}

fn flag() -> impl Strategy<Value = Flag> {
    let kind = select(names::KINDS).prop_map(|(_, kind): (_, Kind)| kind);
    let stage = select(names::STAGES).prop_map(|(_, stage): (_, Stage)| stage);
    let opt_in = select(names::OPT_INS).prop_map(|(_, opt_in): (_, OptIn)| opt_in);
    let switches = any::<(bool, bool, bool, bool)>();
    let off_after = option::of((0..=END_OF_9999).prop_map(Timestamp::from_millis));
    (served(), kind, stage, opt_in, switches, option::of(name()), off_after, share()).prop_map(
        |((variants, off_variant, rules, fallthrough), kind, stage, opt_in, switches, seed, off_after, holdout)| Flag {
            version: 0,
            kind,
            stage,
            enabled: switches.0,
            bucketing: 1,
            seed,
            unit: None,
            variants,
            off_variant,
            rules,
            fallthrough,
            prerequisites: Vec::new(),
            off_after,
            overridable: switches.1,
            opt_in,
            critical: switches.2,
            group: None,
            holdout,
            default_on_expiry: switches.3,
            slow_above_micros: None,
            requires: Vec::new(),
        },
    )
}

fn documentation() -> impl Strategy<Value = Documentation> {
    let words = || option::of(text().prop_map(String::from));
    let date = option::of(select(vec!["2026-02-01", "2024-02-29", "0001-01-01"]).prop_map(|day| day.parse().unwrap()));
    let milestone = || option::of((words(), date.clone()).prop_map(|(version, date)| Milestone { version, date }));
    let target = option::of(select(vec![">95%", "<500ms", " >= 0.5 "]).prop_map(|text| text.parse().unwrap()));
    let metric = (text().prop_map(String::from), target).prop_map(|(name, target)| Metric { name, target });
    let texts = || vec(text().prop_map(String::from), 0..4);
    let plain = (words(), words(), words(), words(), words(), words(), words(), words());
    let more = (words(), words(), date.clone(), option::of(experiment()));
    (plain, milestone(), milestone(), texts(), vec(metric, 0..4), texts(), more).prop_map(
        |(plain, added, expires, risks, metrics, tags, (title, note, reviewed, experiment))| {
            let (description, owner, default, status, rollout, rollback, privacy, tracking) = plain;
            Documentation {
                title,
                description,
                owner,
                added,
                default,
                expires,
                status,
                rollout,
                risks,
                metrics,
                experiment,
                rollback,
                privacy,
                note,
                reviewed,
                tracking,
                tags,
            }
        },
    )
}

fn experiment() -> impl Strategy<Value = Experiment> {
    let optional = || option::of(name());
    let better = || option::of(select(vec![Better::Higher, Better::Lower]));
    let scales = vec![Scale::RelativeLift, Scale::AbsolutePp, Scale::RelativeReductionOfFailures];
    let practical = (select(scales), share()).prop_map(|(scale, threshold)| Practical { scale, threshold });
    let guardrail = (text().prop_map(String::from), better(), share());
    let guardrail = guardrail.prop_map(|(metric, better, margin)| Guardrail { metric, better, margin });
    let units = option::of(0..u64::MAX / 2);
    let names = (optional(), optional(), optional(), option::of(text().prop_map(String::from)));
    let rest = (option::of(share()), units, vec(guardrail, 0..3), any::<bool>());
    (names, text(), better(), practical, rest).prop_map(|(names, metric, better, practical, rest)| {
        let (control, treatment, simpler, hypothesis) = names;
        let (baseline, units, guardrails, sequential) = rest;
        let metric = metric.into();
        Experiment {
            hypothesis,
            control,
            treatment,
            metric,
            better,
            practical,
            baseline,
            units,
            simpler,
            guardrails,
            sequential,
        }
    })
}

fn lint() -> impl Strategy<Value = LintSettings> {
    let reason = text().prop_filter("a reason says something", |reason| !reason.trim().is_empty());
    let allowance = (text(), reason).prop_map(|(rule, reason)| Allowance { rule: rule.into(), reason: reason.into() });
    vec(allowance, 0..3).prop_map(|allow| LintSettings { allow })
}

/// Flags that hold together: prerequisites point backwards, and one flag is in the group.
fn definitions() -> impl Strategy<Value = Definitions> {
    let flags = vec(("[A-Za-z0-9._-]{1,8}", flag(), documentation(), lint(), vec(any::<Index>(), 0..3)), 0..4);
    let group = (option::of(name()), option::of(name()), share()).prop_map(|(seed, unit, holdout)| Group {
        seed,
        unit,
        holdout,
    });
    (flags, condition(), group, name(), any::<u64>()).prop_map(|(flags, inner, group, group_name, chosen)| {
        let mut definitions = Definitions::default();
        for (key, mut flag, documentation, lint, wanted) in flags {
            let known: Vec<&str> = definitions.flags.names().filter(|known| *known != key).collect();
            for index in wanted.iter().filter(|_| !known.is_empty()) {
                let other = *index.get(&known);
                let ids: Vec<_> = definitions.flags.find(other).unwrap().flag.variants.names().collect();
                let variants = vec![(*index.get(&ids)).into()];
                flag.prerequisites.push(Prerequisite { flag: other.parse().unwrap(), variants });
            }
            if definitions.flags.is_empty() {
                flag.unit.clone_from(&group.unit);
                flag.group = Some(Membership { name: group_name.clone(), slots: vec![Range { from: 5, to: 70_000 }] });
            }
            if definitions.flags.find(&key).is_none() {
                definitions.flags.insert(key, Definition { flag, documentation, lint });
            }
        }
        definitions.groups.insert(group_name, group);
        // A segment that refers to itself is refused, so the tree's leaves are tests here.
        definitions.segments.insert("named segment", without_segments(inner));
        definitions.fixed = plain_splits(&definitions)
            .into_iter()
            .enumerate()
            .filter(|(index, _)| chosen >> (index % 64) & 1 == 1)
            .map(|(_, place)| place)
            .collect();
        definitions
    })
}

fn without_segments(condition: Condition) -> Condition {
    if condition.segment.is_some() {
        return Condition::test("a", Operator::Equals, [Value::Bool(true)]);
    }
    let each = |parts: Vec<Condition>| parts.into_iter().map(without_segments).collect();
    Condition {
        all: condition.all.map(each),
        any: condition.any.map(each),
        not: condition.not.map(|inner| Box::new(without_segments(*inner))),
        ..condition
    }
}

/// Returns the splits that weights could lay out, in the order in which a reader notes them.
fn plain_splits(definitions: &Definitions) -> Vec<(Box<str>, Place)> {
    let mut places = Vec::new();
    for (key, Definition { flag, .. }) in definitions.flags.iter() {
        let rules = flag.rules.iter().map(|rule| Place::Rule(rule.id.clone()));
        let plain = rules.chain([Place::Fallthrough]).filter(|place| {
            layout::serve_at(flag, place).is_some_and(|serve| layout::weights_of(serve, &flag.variants).is_some())
        });
        places.extend(plain.map(|place| (Box::from(key), place)));
    }
    places
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_back_the_same(definitions in definitions()) {
        let text = definitions.to_toml();
        let read = match Definitions::from_toml(&text, "printed.toml") {
            Ok(read) => read,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        };
        prop_assert_eq!(&read, &definitions, "{}", text);
        prop_assert_eq!(read.to_toml(), text);
    }

    #[test]
    fn json_reads_back_the_same(flag in flag(), documentation in documentation(), lint in lint()) {
        let definition = Definition { flag, documentation, lint };
        let json = serde_json::to_string(&definition).unwrap();
        prop_assert_eq!(serde_json::from_str::<Definition>(&json).unwrap(), definition);
    }

    #[test]
    fn any_text_is_read_or_answered(text in "(\\PC|\n){0,80}") {
        if let Err(error) = Definitions::from_toml(&text, "f.toml") {
            prop_assert!(!error.problems().is_empty());
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_answered(at: Index, cut: Index, written in "[a-z0-9\"\\[\\]{}=.,% \n]{0,4}") {
        let starts: Vec<usize> = SAMPLE.char_indices().map(|(at, _)| at).collect();
        let at = *at.get(&starts);
        let end = SAMPLE.len().min(at + cut.index(12));
        let end = (end..=SAMPLE.len()).find(|end| SAMPLE.is_char_boundary(*end)).unwrap();
        let damaged = format!("{}{written}{}", &SAMPLE[..at], &SAMPLE[end..]);
        if let Err(error) = Definitions::from_toml(&damaged, "f.toml") {
            prop_assert!(error.problems().iter().all(|problem| problem.line() > 0 && problem.column() > 0));
            prop_assert!(error.to_string().starts_with("f.toml:"));
        }
    }
}
