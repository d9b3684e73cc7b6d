//! What holds for every snapshot, every context and every share.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod document;
mod generate;

use std::collections::BTreeSet;

use flag_core::wire::{Condition, Entries, Flag, Membership, Range, Rule, Serve, Snapshot};
use flag_core::{Bucket, Context, Decision, Lanes, LayerOutcome, Reason, Ruleset, SeedDigest, Share, UnitDigest};
use generate::{FLAGS, choices, facts, ruleset, share, snapshot, split, unit};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;

/// A decision as values, to compare those of two rulesets.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    variant: Option<String>,
    value: Option<flag_core::Value>,
    reason: Reason,
    rule: Option<String>,
    bucket: Option<Bucket>,
}

impl From<&Decision<'_>> for Told {
    fn from(decision: &Decision<'_>) -> Self {
        Self {
            variant: decision.variant().map(ToOwned::to_owned),
            value: decision.value().cloned(),
            reason: decision.reason(),
            rule: decision.rule().map(ToOwned::to_owned),
            bucket: decision.bucket(),
        }
    }
}

fn told(ruleset: &Ruleset, key: &str, context: &Context<'_>) -> Told {
    (&ruleset.evaluate(key, context)).into()
}

fn every_decision(ruleset: &Ruleset, context: &Context<'_>) -> Vec<(&'static str, Told)> {
    FLAGS.into_iter().chain(["absent"]).map(|key| (key, told(ruleset, key, context))).collect()
}

/// Writes what has no order of its own in another one, drawn from a seed.
struct Shuffle(u64);

impl Shuffle {
    /// The next draw, by the multiplier of Knuth's MMIX.
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn items<T>(&mut self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        let mut drawn: Vec<(u64, T)> = items.into_iter().map(|item| (self.draw(), item)).collect();
        drawn.sort_by_key(|(draw, _)| *draw);
        drawn.into_iter().map(|(_, item)| item).collect()
    }

    fn entries<T>(&mut self, entries: Entries<T>) -> Entries<T> {
        self.items(entries).into_iter().collect()
    }

    fn serve(&mut self, serve: Serve) -> Serve {
        let allocation = serve.allocation.map(|allocation| {
            self.entries(allocation).into_iter().map(|(id, ranges)| (id, self.items(ranges))).collect()
        });
        Serve { allocation, ..serve }
    }

    fn condition(&mut self, condition: Condition) -> Condition {
        let mut parts = |parts: Option<Vec<Condition>>| {
            parts.map(|parts| self.items(parts).into_iter().map(|part| self.condition(part)).collect())
        };
        let (all, any) = (parts(condition.all), parts(condition.any));
        Condition {
            all,
            any,
            not: condition.not.map(|inner| Box::new(self.condition(*inner))),
            values: condition.values.map(|values| self.items(values)),
            ..condition
        }
    }

    fn flag(&mut self, flag: Flag) -> Flag {
        let rules = flag.rules.into_iter().map(|rule| Rule {
            when: self.condition(rule.when),
            serve: self.serve(rule.serve),
            ..rule
        });
        Flag {
            rules: rules.collect(),
            variants: self.entries(flag.variants),
            prerequisites: self.items(flag.prerequisites),
            group: flag.group.map(|group| Membership { slots: self.items(group.slots), ..group }),
            fallthrough: self.serve(flag.fallthrough),
            ..flag
        }
    }

    fn snapshot(&mut self, snapshot: Snapshot) -> Snapshot {
        Snapshot {
            flags: self.entries(snapshot.flags).into_iter().map(|(key, flag)| (key, self.flag(flag))).collect(),
            segments: self.entries(snapshot.segments),
            groups: self.entries(snapshot.groups),
            ..snapshot
        }
    }
}

/// A flag of text variants with this fallthrough, and a group it may be in.
fn split_flag(serve: &Serve, holdout: Share, slots: Option<u32>) -> Ruleset {
    let flag = r#""f": {"variants": {"off": "o", "on": "n", "blue": "b"}, "off_variant": "off", "fallthrough": {}}"#;
    let mut snapshot = document::snapshot(flag, r#""groups": {"g": {"holdout": 5000}}"#);
    let flag = snapshot.flags.find_mut("f").unwrap();
    flag.fallthrough = serve.clone();
    flag.holdout = holdout;
    flag.group = slots.map(|to| Membership { name: "g".into(), slots: vec![Range { from: 0, to }] });
    let ruleset = Ruleset::compile(&snapshot);
    assert_eq!(ruleset.quarantined().count(), 0);
    ruleset
}

fn at(serve: &Serve, exposure: Share) -> Serve {
    Serve { exposure: Some(exposure), ..serve.clone() }
}

/// Whether a decision is what the exposed get, by the bucket alone.
fn exposed(told: &Told, exposure: Share) -> bool {
    told.reason == Reason::Split && told.bucket.is_none_or(|bucket| exposure.exposes(bucket))
}

/// Puts something else in one place of a JSON tree.
fn replace(tree: &mut Json, place: Index, by: Json) {
    fn count(tree: &Json) -> usize {
        1 + match tree {
            Json::Array(items) => items.iter().map(count).sum(),
            Json::Object(fields) => fields.values().map(count).sum(),
            _ => 0,
        }
    }
    fn find<'t>(tree: &'t mut Json, at: &mut usize) -> Option<&'t mut Json> {
        if *at == 0 {
            return Some(tree);
        }
        *at -= 1;
        match tree {
            Json::Array(items) => items.iter_mut().find_map(|item| find(item, at)),
            Json::Object(fields) => fields.values_mut().find_map(|field| find(field, at)),
            _ => None,
        }
    }
    let mut at = place.index(count(tree));
    if let Some(node) = find(tree, &mut at) {
        *node = by;
    }
}

fn junk() -> impl Strategy<Value = Json> {
    let texts = ["", "on", "checkout", "unit", "in", "variant", "\u{0}", "1.2.3", "99999999999999999999.0.0"];
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        prop::sample::select(vec![0, 1, -1, 99_999, 100_000, 100_001, i64::from(u32::MAX), i64::MAX, i64::MIN])
            .prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        prop::sample::select(texts.to_vec()).prop_map(Json::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
        Just(serde_json::json!([[0, 100_000]])),
        Just(serde_json::json!({"all": []})),
        Just(serde_json::json!({"segment": "staff"})),
    ]
}

/// The JSON of an object, its field `flags` last, as it is when a snapshot is printed; or first.
fn text(tree: &Json, flags_last: bool) -> String {
    let Json::Object(fields) = tree else { return tree.to_string() };
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(name, _)| (*name == "flags") == flags_last);
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}:{value}", Json::from(name.as_str()))).collect();
    format!("{{{}}}", fields.join(","))
}

/// Reads a document in one go and as a whole: both refuse it, or both come to the same. Then asks for everything there is to ask.
fn read_and_exercise(bytes: &[u8], context: &Context<'_>) {
    let quarantined = |ruleset: &Ruleset| -> BTreeSet<(String, String)> {
        ruleset.quarantined().map(|(key, error)| (key.to_owned(), error.to_string())).collect()
    };
    match (Ruleset::from_json(bytes), Snapshot::from_json(bytes)) {
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (Ok(ruleset), Ok(parsed)) => {
            let whole = Ruleset::from_parsed(&parsed);
            assert_eq!(every_decision(&ruleset, context), every_decision(&whole, context));
            assert_eq!(quarantined(&ruleset), quarantined(&whole));
            exercise(&ruleset, context);
        }
        (one, other) => panic!("in one go {:?}, as a whole {:?}", one.map(drop), other.map(drop)),
    }
}

/// Asks for everything there is to ask.
fn exercise(ruleset: &Ruleset, context: &Context<'_>) {
    for key in FLAGS {
        let explanation = ruleset.explain(key, context);
        assert_eq!(Told::from(&explanation.decision), told(ruleset, key, context));
        let decided = explanation.layers.iter().filter(|layer| layer.outcome == LayerOutcome::Decided);
        assert_eq!(decided.count(), 1, "{key}");
        let printed = serde_json::to_string(&explanation.layers).unwrap();
        assert!(printed.starts_with('['), "{printed}");
    }
    for (key, error) in ruleset.quarantined() {
        assert!(!error.to_string().is_empty(), "{key}");
    }
    let mut count = 0;
    ruleset.evaluate_all(context, |_| count += 1);
    assert_eq!(count, ruleset.flags().count());
}

/// The laws below are worth what their snapshots are: between them these see every reason, and most flags live.
#[test]
fn arbitrary_snapshots_reach_every_reason() {
    let mut runner = TestRunner::deterministic();
    let (mut reasons, mut live, mut broken) = (BTreeSet::new(), 0, 0);
    for _ in 0..400 {
        let (snapshot, choices, facts) = (snapshot(), choices(), facts()).new_tree(&mut runner).unwrap().current();
        let ruleset = ruleset(&snapshot, &choices);
        live += ruleset.flags().count();
        broken += ruleset.quarantined().count();
        reasons.extend(every_decision(&ruleset, &facts.context()).iter().map(|(_, told)| told.reason.as_str()));
    }
    assert_eq!(
        reasons.into_iter().collect::<Vec<_>>(),
        [
            "DEFAULT",
            "DISABLED",
            "EXCLUDED",
            "EXPIRED",
            "FLAG_NOT_FOUND",
            "FORCED",
            "HELD_OUT",
            "KILLED",
            "NOT_OPTED_IN",
            "OVERRIDE",
            "PARSE_ERROR",
            "PREREQUISITE_FAILED",
            "SPLIT",
            "STATIC",
            "TARGETING_KEY_MISSING",
            "TARGETING_MATCH",
        ]
    );
    assert!(live > broken, "{live} flags live, {broken} are quarantined");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn e12_raising_a_share_takes_nobody_off(
        serve in split(), one in share(), other in share(), holdout in share(), slots in prop::option::of(1..=100_000_u32),
    ) {
        let (low, high) = (one.min(other), one.max(other));
        let (before, after) = (split_flag(&at(&serve, low), holdout, slots), split_flag(&at(&serve, high), holdout, slots));
        for n in 0..40 {
            let unit = format!("user-{n}");
            let (before, after) = (told(&before, "f", &Context::new(&unit)), told(&after, "f", &Context::new(&unit)));
            if exposed(&before, low) {
                prop_assert!(exposed(&after, high), "{} fell out", unit);
                prop_assert_eq!(before.variant, after.variant, "{} moved", unit);
            }
        }
    }

    #[test]
    fn e13_lowering_a_share_removes_the_top_and_raising_it_brings_the_same_people_back(
        serve in split(), one in share(), other in share(),
    ) {
        let (low, high) = (one.min(other), one.max(other));
        let rulesets = [high, low, high].map(|exposure| split_flag(&at(&serve, exposure), Share::NOBODY, None));
        let seed = SeedDigest::of("f");
        for n in 0..40 {
            let unit = format!("user-{n}");
            let [before, lowered, again] = rulesets.each_ref().map(|ruleset| told(ruleset, "f", &Context::new(&unit)));
            let bucket = Lanes::of(&UnitDigest::of(&unit), &seed).exposure();
            if low.exposes(bucket) {
                prop_assert_eq!(&lowered.variant, &before.variant, "{} survives and keeps its variant", unit);
            } else {
                prop_assert_eq!(lowered.variant.as_deref(), serve.otherwise.as_deref(), "{} is not exposed", unit);
            }
            prop_assert_eq!(before, again);
        }
    }

    #[test]
    fn the_order_things_are_written_in_decides_nothing(
        snapshot in snapshot(), facts in facts(), seed: u64,
    ) {
        let (one, other) = (Ruleset::compile(&snapshot), Ruleset::compile(&Shuffle(seed).snapshot(snapshot)));
        prop_assert_eq!(every_decision(&one, &facts.context()), every_decision(&other, &facts.context()));
    }

    #[test]
    fn an_explanation_is_of_the_decision(snapshot in snapshot(), choices in choices(), facts in facts()) {
        let ruleset = ruleset(&snapshot, &choices);
        for key in FLAGS {
            let explanation = ruleset.explain(key, &facts.context());
            prop_assert_eq!(Told::from(&explanation.decision), told(&ruleset, key, &facts.context()));
            prop_assert_eq!(explanation.layers.last().map(|layer| layer.outcome), Some(LayerOutcome::Decided));
            if let Some(bucket) = explanation.decision.bucket() {
                prop_assert_eq!(explanation.bucket, Some(bucket));
            }
            if let Some(pivot) = &explanation.pivot {
                prop_assert_ne!(Some(&*pivot.variant), explanation.decision.variant());
            }
        }
    }

    #[test]
    fn the_share_that_is_printed_flips(serve in split(), unit in "user-[a-z]{1,8}") {
        let context = Context::new(&unit);
        let flips_at = split_flag(&serve, Share::NOBODY, None).explain("f", &context).flips_at;
        let flips_at = flips_at.unwrap();
        let lanes = Lanes::of(context.unit_digest().unwrap(), &SeedDigest::of("f"));
        let owner = serve.allocation.as_ref().unwrap().iter().find_map(|(id, ranges)| {
            ranges.iter().any(|range| (range.from..range.to).contains(&lanes.variant().index())).then(|| id.to_owned())
        });
        let variant = |exposure| told(&split_flag(&at(&serve, exposure), Share::NOBODY, None), "f", &context).variant;
        prop_assert_eq!(variant(flips_at), owner);
        let below = Share::from_thousandths(flips_at.thousandths() - 1).unwrap();
        prop_assert_eq!(variant(below), serve.otherwise.map(String::from));
    }

    #[test]
    fn what_is_printed_reads_back_and_decides_the_same(snapshot in snapshot(), facts in facts()) {
        let printed = serde_json::to_vec(&snapshot).unwrap();
        let parsed = Snapshot::from_json(&printed).unwrap();
        prop_assert_eq!(&parsed.malformed, &[]);
        prop_assert_eq!(&parsed.snapshot, &snapshot);
        let expected = every_decision(&Ruleset::compile(&snapshot), &facts.context());
        prop_assert_eq!(&every_decision(&Ruleset::from_parsed(&parsed), &facts.context()), &expected);
        prop_assert_eq!(&every_decision(&Ruleset::from_json(&printed).unwrap(), &facts.context()), &expected);
    }

    #[test]
    fn all_at_once_is_each_by_itself(snapshot in snapshot(), choices in choices(), facts in facts()) {
        let ruleset = ruleset(&snapshot, &choices);
        let mut all = Vec::new();
        ruleset.evaluate_all(&facts.context(), |decision| {
            all.push((decision.flag().unwrap().key().to_string(), Told::from(&decision)));
        });
        let each: Vec<_> = ruleset
            .flags()
            .map(|flag| (flag.key().to_string(), told(&ruleset, flag.key().as_str(), &facts.context())))
            .collect();
        prop_assert_eq!(all, each);
    }

    #[test]
    fn many_units_are_each_unit_by_itself(
        snapshot in snapshot(), choices in choices(), facts in facts(), units in prop::collection::vec(unit(), 0..150),
    ) {
        let ruleset = ruleset(&snapshot, &choices);
        // Ids that count as missing have no place among units.
        let contexts: Vec<_> = units.iter().map(|unit| generate::Facts { unit: Some(unit.clone()), ..facts.clone() }).collect();
        let contexts: Vec<_> =
            contexts.iter().map(generate::Facts::context).filter(|context| context.unit_digest().is_some()).collect();
        let digests: Vec<UnitDigest> = contexts.iter().filter_map(|context| context.unit_digest().copied()).collect();
        for flag in ruleset.flags() {
            let mut together = Vec::new();
            flag.evaluate_units(&digests, &facts.context(), |at, decision| together.push((at, Told::from(&decision))));
            let each: Vec<_> = contexts.iter().map(|context| Told::from(&flag.evaluate(context))).enumerate().collect();
            prop_assert_eq!(together, each);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_024) })]

    #[test]
    fn e27_no_document_makes_it_panic(
        snapshot in snapshot(),
        facts in facts(),
        places in prop::collection::vec((any::<Index>(), junk()), 0..6),
        flags_last: bool,
    ) {
        let mut tree = serde_json::to_value(&snapshot).unwrap();
        for (place, by) in places {
            replace(&mut tree, place, by);
        }
        read_and_exercise(text(&tree, flags_last).as_bytes(), &facts.context());
    }

    #[test]
    fn e27_no_bytes_make_it_panic(
        snapshot in snapshot(), facts in facts(), edits in prop::collection::vec((any::<Index>(), any::<u8>(), 0..3_u8), 1..4),
    ) {
        let mut bytes = serde_json::to_vec(&snapshot).unwrap();
        for (place, byte, kind) in edits {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(bytes.len().saturating_sub(at / 64).max(1)),
            }
        }
        read_and_exercise(&bytes, &facts.context());
    }
}
