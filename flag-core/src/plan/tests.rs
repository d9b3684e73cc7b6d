use alloc::string::ToString;
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::*;
use crate::bucket::{Lanes, SeedDigest};
use crate::condition::{Condition, TestObserver, Truth};
use crate::context::Path;
use crate::evaluate::{Facts, Unwatched, decide};
use crate::share::Bucket;
use crate::wire::Snapshot;

fn ruleset(flags: &str) -> Ruleset {
    let snapshot = format!(
        "{{\"schema\":1,\"project\":\"p\",\"environment\":\"e\",\"epoch\":1,\"version\":1,\
         \"issued_at\":0,\"expires_at\":1,\"groups\":{{\"g\":{{}},\"h\":{{\"holdout\":5000}}}},\"flags\":{{{flags}}}}}"
    );
    let ruleset = Ruleset::from_parsed(&Snapshot::from_json(snapshot.as_bytes()).unwrap());
    assert_eq!(ruleset.quarantined().map(|(key, error)| format!("{key}: {error}")).collect::<Vec<_>>(), [""; 0]);
    ruleset
}

fn rollout(share: u32) -> alloc::string::String {
    format!(
        "\"f\":{{\"variants\":{{\"on\":true,\"off\":false}},\"off_variant\":\"off\",\"fallthrough\":\
         {{\"exposure\":{share},\"allocation\":{{\"on\":[[0,100000]]}},\"otherwise\":\"off\"}}}}"
    )
}

fn effect(old: &str, new: &str) -> FlagPlan {
    let plan = plan(&ruleset(old), &ruleset(new), &PlanOptions::default());
    assert_eq!(plan.flags.len(), 1, "{plan:?}");
    plan.flags.into_iter().next().unwrap()
}

#[test]
fn raising_a_share_gains_the_difference_and_moves_nobody() {
    let effect = effect(&rollout(5_000), &rollout(25_000));
    assert_eq!(effect.certainty, Certainty::Exact);
    assert_eq!(
        (effect.gained.to_string(), effect.lost.max, effect.moved.max),
        ("20%".into(), Portion::NOBODY, Portion::NOBODY)
    );
    assert_eq!(effect.gained.min.units(), 2_000_000_000);
}

#[test]
fn lowering_a_share_loses_the_difference() {
    let effect = effect(&rollout(25_000), &rollout(10_000));
    assert_eq!((effect.gained.max, effect.lost.to_string()), (Portion::NOBODY, "15%".into()));
}

#[test]
fn nothing_is_planned_where_nothing_changes() {
    assert_eq!(plan(&ruleset(&rollout(5_000)), &ruleset(&rollout(5_000)), &PlanOptions::default()), Plan::default());
}

#[test]
fn a_flag_that_comes_or_goes_is_named() {
    let added = effect("", &rollout(5_000));
    assert_eq!((added.change, added.gained.to_string()), (FlagChange::Added, "5%".into()));
    let removed = effect(&rollout(5_000), "");
    assert_eq!((removed.change, removed.lost.to_string()), (FlagChange::Removed, "5%".into()));
}

#[test]
fn exposure_and_variants_multiply() {
    let flag = |share, boundary| {
        format!(
            "\"f\":{{\"variants\":{{\"off\":0,\"a\":1,\"b\":2}},\"off_variant\":\"off\",\"fallthrough\":{{\"exposure\":{share},\
             \"allocation\":{{\"a\":[[0,{boundary}]],\"b\":[[{boundary},100000]]}},\"otherwise\":\"off\"}}}}"
        )
    };
    let effect = effect(&flag(33_333, 50_000), &flag(40_000, 62_345));
    // 6.667 % come in; of the 33.333 % who stay, those in 12.345 % of the split move from b to a.
    assert_eq!(effect.gained.min.units(), 666_700_000);
    assert_eq!(effect.moved.min.units(), 33_333 * 12_345);
    assert_eq!(effect.lost.max, Portion::NOBODY);
}

#[test]
fn a_new_value_of_a_variant_moves_those_who_get_it() {
    let flag = |model| {
        format!(
            "\"f\":{{\"variants\":{{\"off\":\"none\",\"on\":\"{model}\"}},\"off_variant\":\"off\",\"fallthrough\":{{\"exposure\":20000,\
             \"allocation\":{{\"on\":[[0,100000]]}},\"otherwise\":\"off\"}}}}"
        )
    };
    let effect = effect(&flag("small"), &flag("large"));
    assert_eq!((effect.moved.to_string(), effect.gained.max), ("20%".into(), Portion::NOBODY));
}

#[test]
fn where_attributes_decide_each_cell_is_exact() {
    let flag = |share| {
        format!(
            "\"f\":{{\"variants\":{{\"on\":true,\"off\":false}},\"off_variant\":\"off\",\
             \"rules\":[{{\"id\":\"staff\",\"when\":{{\"attribute\":\"team\",\"operator\":\"equals\",\"values\":[\"core\"]}},\
             \"serve\":{{\"variant\":\"on\"}}}}],\
             \"fallthrough\":{{\"exposure\":{share},\"allocation\":{{\"on\":[[0,100000]]}},\"otherwise\":\"off\"}}}}"
        )
    };
    let effect = effect(&flag(5_000), &flag(25_000));
    assert_eq!(effect.certainty, Certainty::ByAttributes);
    assert_eq!(effect.gained.to_string(), "0% to 20%");
    let staff = effect.cells.iter().find(|cell| cell.when[0].holds).unwrap();
    assert_eq!((&*staff.when[0].rule, staff.gained), ("staff", Portion::NOBODY));
    let others = effect.cells.iter().find(|cell| !cell.when[0].holds).unwrap();
    assert_eq!(others.gained.to_string(), "20%");
}

#[test]
fn a_prerequisite_is_planned_jointly() {
    let flags = |share| {
        format!(
            "{},\"g\":{{\"variants\":{{\"on\":true,\"off\":false}},\"off_variant\":\"off\",\
             \"prerequisites\":[{{\"flag\":\"f\",\"variants\":[\"on\"]}}],\
             \"fallthrough\":{{\"exposure\":50000,\"allocation\":{{\"on\":[[0,100000]]}},\"otherwise\":\"off\"}}}}",
            rollout(share)
        )
    };
    let plan = plan(&ruleset(&flags(5_000)), &ruleset(&flags(25_000)), &PlanOptions::default());
    let gained: Vec<_> = plan.flags.iter().map(|flag| (flag.flag.as_str(), flag.gained.to_string())).collect();
    assert_eq!(gained, [("f", "20%".into()), ("g", "10%".into())]);
}

/// A rollout of this share, and eight flags of which each needs the one before it.
fn chain(share: u32) -> alloc::string::String {
    let mut flags = vec![rollout(share)];
    for n in 0..8 {
        flags.push(format!(
            "\"g{n}\":{{\"variants\":{{\"on\":true,\"off\":false}},\"off_variant\":\"off\",\"prerequisites\":[{{\"flag\":\"{}\",\
             \"variants\":[\"on\"]}}],\"fallthrough\":{{\"exposure\":50000,\"allocation\":{{\"on\":[[0,100000]]}},\"otherwise\":\"off\"}}}}",
            if n == 0 { "f".into() } else { format!("g{}", n - 1) }
        ));
    }
    flags.join(",")
}

#[test]
fn too_many_prerequisites_of_a_flag_that_stays_do_not_make_it_change() {
    let other = rollout(5_000).replace("\"f\":", "\"other\":");
    let changed = rollout(9_000).replace("\"f\":", "\"other\":");
    // Behind another, so that every flag has another place than before.
    let (before, after) = (format!("{},{other}", chain(5_000)), format!("{changed},{}", chain(5_000)));
    let plan = plan(&ruleset(&before), &ruleset(&after), &PlanOptions::default());
    assert_eq!(plan.flags.iter().map(|flag| flag.flag.as_str()).collect::<Vec<_>>(), ["other"]);
}

/// A snapshot in which everything that can decide a flag decides `f`, and `by_account` is bucketed by an attribute.
const DECIDED: &str = r#"{"schema":1,"project":"p","environment":"e","epoch":1,"version":1,"issued_at":0,"expires_at":1,
    "segments":{"s":{"attribute":"team","operator":"in","values":["x"]}},
    "groups":{"g":{"seed":"of the group","holdout":1000}},
    "flags":{
        "p":{"variants":{"on":true,"off":false},"off_variant":"off","fallthrough":{"variant":"on"}},
        "f":{"variants":{"on":1,"off":0,"more":2},"off_variant":"off","seed":"of the flag","enabled":true,"holdout":2000,"opt_in":"allowed",
            "off_after":"2026-01-01T00:00:00Z","prerequisites":[{"flag":"p","variants":["on"]}],
            "group":{"name":"g","slots":[[0,50000]]},
            "rules":[{"id":"r","when":{"all":[{"segment":"s"},{"attribute":"os","operator":"in","values":["a"]}]},"serve":{"variant":"more"}}],
            "fallthrough":{"exposure":40000,"allocation":{"on":[[0,100000]]},"otherwise":"off"}},
        "by_account":{"variants":{"on":true,"off":false},"off_variant":"off","unit":"account",
            "fallthrough":{"exposure":40000,"allocation":{"on":[[0,100000]]},"otherwise":"off"}}},
    "kills":[{"id":"k","target":"other"}]}"#;

#[test]
fn whatever_decides_a_flag_is_planned_when_it_alone_changes() {
    let before = Ruleset::from_json(DECIDED.as_bytes()).unwrap();
    assert_eq!(before.quarantined().count(), 0);
    let options = PlanOptions { now: Some("2025-06-01T00:00:00Z".parse().unwrap()), population: None };
    assert_eq!(plan(&before, &before.clone(), &options), Plan::default());
    let table = [
        (r#""on":1"#, r#""on":7"#),
        (r#""off_variant":"off","seed""#, r#""off_variant":"more","seed""#),
        (r#""of the flag""#, r#""another""#),
        (r#""enabled":true"#, r#""enabled":false"#),
        (r#""holdout":2000"#, r#""holdout":70000"#),
        (r#""opt_in":"allowed""#, r#""opt_in":"required""#),
        ("2026-01-01", "2025-01-01"),
        (r#""variants":["on"]"#, r#""variants":["off"]"#),
        (
            r#""prerequisites":[{"flag":"p","variants":["on"]}]"#,
            r#""prerequisites":[{"flag":"p","variants":["on"]},{"flag":"by_account","variants":["on"]}]"#,
        ),
        (
            r#""p":{"variants":{"on":true,"off":false},"off_variant":"off","fallthrough":{"variant":"on"}}"#,
            r#""p":{"variants":{"on":true,"off":false},"off_variant":"off","fallthrough":{"variant":"off"}}"#,
        ),
        (r#""of the group""#, r#""another""#),
        (r#""holdout":1000"#, r#""holdout":70000"#),
        ("[[0,50000]]", "[[0,40000]]"),
        (r#""group":{"name":"g","slots":[[0,50000]]},"#, ""),
        (r#""values":["x"]"#, r#""values":["y"]"#),
        (r#""values":["a"]"#, r#""values":["b"]"#),
        (r#""serve":{"variant":"more"}"#, r#""serve":{"variant":"on"}"#),
        (
            r#""fallthrough":{"exposure":40000,"allocation":{"on":[[0,100000]]},"otherwise":"off"}},
        "by"#,
            r#""fallthrough":{"exposure":40001,"allocation":{"on":[[0,100000]]},"otherwise":"off"}},
        "by"#,
        ),
        (r#""unit":"account""#, r#""unit":"org""#),
        (r#""target":"other""#, r#""target":"f""#),
    ];
    for (was, is) in table {
        assert_eq!(DECIDED.matches(was).count(), 1, "{was}");
        let after = Ruleset::from_json(DECIDED.replace(was, is).as_bytes()).unwrap();
        assert_eq!(after.quarantined().count(), 0, "{is}");
        let plan = plan(&before, &after, &options);
        let flag = if was.contains("account") { "by_account" } else { "f" };
        assert!(plan.flags.iter().any(|planned| planned.flag.as_str() == flag), "{was} -> {is}: {plan:?}");
    }
    let start = DECIDED.find(r#""rules":["#).unwrap();
    let end = DECIDED.find(r#""fallthrough":{"exposure""#).unwrap();
    let without_rules = [&DECIDED[..start], &DECIDED[end..]].concat();
    let planned = plan(&before, &Ruleset::from_json(without_rules.as_bytes()).unwrap(), &options);
    assert_eq!(planned.flags.iter().map(|flag| flag.flag.as_str()).collect::<Vec<_>>(), ["f"]);
}

#[test]
fn too_many_prerequisites_give_bounds_that_say_so() {
    let plan = plan(&ruleset(&chain(5_000)), &ruleset(&chain(25_000)), &PlanOptions::default());
    let last = plan.flags.iter().find(|flag| flag.flag.as_str() == "g7").unwrap();
    assert_eq!(last.certainty, Certainty::Bounds);
    assert_eq!((last.gained.to_string(), last.lost.to_string()), ("0% to 50%".into(), "0% to 50%".into()));
    assert_eq!(last.cells, []);
    let exact = plan.flags.iter().find(|flag| flag.flag.as_str() == "g3").unwrap();
    assert_eq!((exact.certainty, exact.gained.to_string()), (Certainty::Exact, "1.25%".into()));
}

#[test]
fn a_plan_that_would_take_too_long_gives_bounds() {
    let flag = |key: &str, from: usize, needs: &str| {
        let variants: Vec<_> = (0..16).map(|n| format!("\"v{n}\":{n}")).collect();
        let rules: Vec<_> = (0..12)
            .map(|n| {
                format!(
                    "{{\"id\":\"r{n}\",\"when\":{{\"attribute\":\"{key}{n}\",\"operator\":\"exists\"}},\"serve\":{{\"exposure\":{},\
                     \"allocation\":{{\"v1\":[[0,{}]],\"v2\":[[{}, 100000]]}},\"otherwise\":\"v0\"}}}}",
                    from + 1_000 * n,
                    2_000 + from + n,
                    2_000 + from + n
                )
            })
            .collect();
        format!(
            "\"{key}\":{{\"variants\":{{{}}},\"off_variant\":\"v0\",{needs}\"rules\":[{}],\"fallthrough\":{{\"variant\":\"v1\"}}}}",
            variants.join(","),
            rules.join(",")
        )
    };
    let needs = "\"prerequisites\":[{\"flag\":\"f\",\"variants\":[\"v1\"]}],";
    let flags = |from| format!("{},{}", flag("f", from, ""), flag("g", from, needs));
    let planned = plan(&ruleset(&flags(10_000)), &ruleset(&flags(10_500)), &PlanOptions::default());
    let certainties: Vec<_> = planned.flags.iter().map(|flag| (flag.flag.as_str(), flag.certainty)).collect();
    assert_eq!(certainties, [("f", Certainty::ByAttributes), ("g", Certainty::Bounds)]);
}

#[test]
fn e16_a_tiny_share_of_few_units_is_warned_about() {
    let warnings = |share, population| {
        let options = PlanOptions { population, ..PlanOptions::default() };
        let planned = plan(&ruleset(&rollout(0)), &ruleset(&rollout(share)), &options);
        planned.flags[0].warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(warnings(1, Some(50)), ["0.001% of fewer than 300000 units may be nobody"]);
    assert_eq!(warnings(1, None), ["0.001% of fewer than 300000 units may be nobody"]);
    assert_eq!(warnings(1_000, None), [""; 0]);
    assert_eq!(warnings(25_000, Some(5)), ["25% of fewer than 12 units may be nobody"]);
}

#[test]
fn a_new_seed_is_warned_about_and_planned_over_both() {
    let seeded = rollout(50_000).replace("\"variants\"", "\"seed\":\"other\",\"variants\"");
    let effect = effect(&rollout(50_000), &seeded);
    assert_eq!((effect.gained.to_string(), effect.lost.to_string()), ("25%".into(), "25%".into()));
    assert_eq!(effect.warnings, [PlanWarning::Reshuffled]);
}

#[test]
fn a_kill_loses_everyone_who_was_exposed() {
    let mut killed = ruleset(&rollout(25_000));
    killed.kill("f");
    let planned = plan(&ruleset(&rollout(25_000)), &killed, &PlanOptions::default());
    assert_eq!(planned.flags[0].lost.to_string(), "25%");
}

/// A flag whose opt-in and fallthrough's other variant vary, with a rule that serves one variant.
fn opt_in(kind: &str, share: u32, otherwise: &str, rule: &str) -> alloc::string::String {
    format!(
        "\"f\":{{\"variants\":{{\"on\":true,\"off\":false}},\"off_variant\":\"off\",\"opt_in\":\"{kind}\",\
         \"rules\":[{{\"id\":\"staff\",\"when\":{{\"attribute\":\"team\",\"operator\":\"equals\",\"values\":[\"core\"]}},\
         \"serve\":{{\"variant\":\"{rule}\"}}}}],\"fallthrough\":\
         {{\"exposure\":{share},\"allocation\":{{\"on\":[[0,100000]]}},\"otherwise\":\"{otherwise}\"}}}}"
    )
}

#[test]
fn a_required_opt_in_is_planned_for_those_who_did_and_those_who_did_not() {
    use PlanPopulation::{Everyone, OptedIn};
    type Row<'t> = ([(&'t str, u32, &'t str, &'t str); 2], PlanPopulation, [&'t str; 2], &'t str);
    let table: [Row<'_>; 6] = [
        (
            [("required", 5_000, "off", "off"), ("required", 25_000, "off", "off")],
            OptedIn,
            ["0% to 20%", "0%"],
            "raised",
        ),
        ([("none", 0, "off", "off"), ("required", 25_000, "off", "off")], OptedIn, ["0% to 25%", "0%"], "from nobody"),
        ([("required", 25_000, "off", "off"), ("none", 25_000, "off", "off")], Everyone, ["0% to 25%", "0%"], "opened"),
        ([("none", 25_000, "off", "off"), ("required", 25_000, "off", "off")], Everyone, ["0%", "0% to 25%"], "closed"),
        (
            [("required", 25_000, "off", "off"), ("required", 25_000, "on", "off")],
            Everyone,
            ["0% to 100%", "0%"],
            "otherwise",
        ),
        (
            [("required", 25_000, "off", "off"), ("required", 25_000, "off", "on")],
            Everyone,
            ["0% to 100%", "0%"],
            "rule",
        ),
    ];
    for ([old, new], population, [gained, lost], what) in table {
        let [old, new] = [old, new].map(|(kind, share, otherwise, rule)| opt_in(kind, share, otherwise, rule));
        let effect = effect(&old, &new);
        let found = (effect.population, effect.gained.to_string(), effect.lost.to_string());
        assert_eq!(found, (population, gained.into(), lost.into()), "{what}");
    }
    let opened = effect(&opt_in("required", 25_000, "off", "off"), &opt_in("none", 25_000, "off", "off"));
    let others: Vec<_> = opened.cells.iter().filter(|cell| cell.opted_in(&opened.flag) == Some(false)).collect();
    assert_eq!(others.iter().map(|cell| cell.gained.to_string()).collect::<Vec<_>>(), ["25%"]);
}

#[test]
fn a_prerequisite_that_requires_an_opt_in_divides_the_plan() {
    let flags = |share| {
        format!(
            "{},\"g\":{{\"variants\":{{\"on\":true,\"off\":false}},\"off_variant\":\"off\",\
             \"prerequisites\":[{{\"flag\":\"f\",\"variants\":[\"on\"]}}],\"fallthrough\":{{\"exposure\":{share},\
             \"allocation\":{{\"on\":[[0,100000]]}},\"otherwise\":\"off\"}}}}",
            rollout(50_000).replace("\"variants\"", "\"opt_in\":\"required\",\"variants\"")
        )
    };
    let effect = effect(&flags(0), &flags(50_000));
    assert_eq!((effect.population, effect.gained.to_string()), (PlanPopulation::Everyone, "0% to 25%".into()));
    let said: Vec<_> = effect
        .cells
        .iter()
        .map(|cell| (cell.opt_ins[0].flag.as_str(), cell.opt_ins[0].opted_in, cell.gained.to_string()))
        .collect();
    assert_eq!(said, [("f", true, "25%".into()), ("f", false, "0%".into())]);
}

#[test]
fn bounds_are_not_drawn_where_a_group_ties_a_flag_to_its_prerequisites() {
    let member = |key: &str, slots: &str, rest: &str| {
        format!(
            "\"{key}\":{{\"variants\":{{\"on\":true,\"off\":false}},\"off_variant\":\"off\",\"group\":{{\"name\":\"g\",\
             \"slots\":[[{slots}]]}},{rest}\"fallthrough\":{{\"exposure\":50000,\"allocation\":{{\"on\":[[0,100000]]}},\
             \"otherwise\":\"off\"}}}}"
        )
    };
    let flags = |slots: &str| {
        let mut flags = vec![member("p", "0,30000", "")];
        flags.extend((0..6).map(|n| rollout(50_000).replace("\"f\":", &format!("\"q{n}\":"))));
        let needed =
            (0..6).map(|n| format!("{{\"flag\":\"q{n}\",\"variants\":[\"on\"]}},")).collect::<Vec<_>>().concat();
        let needed = format!("\"prerequisites\":[{needed}{{\"flag\":\"p\",\"variants\":[\"off\"]}}],");
        flags.push(member("last", slots, &needed));
        flags.join(",")
    };
    let effect = effect(&flags("30000,60000"), &flags("30000,90000"));
    assert_eq!((effect.certainty, effect.gained.to_string()), (Certainty::Bounds, "0% to 100%".into()));
}

/// One point of the lanes of the flag and of its group.
struct Point {
    own: Lanes,
    group: Lanes,
    own_seed: SeedDigest,
}

impl Facts for Point {
    fn judge<O: TestObserver>(&self, _: &Condition, _: &[Condition], _: &mut O) -> Truth {
        Truth::False
    }
    fn lanes(&self, _: Option<&Path>, seed: &SeedDigest) -> Option<Lanes> {
        Some(if *seed == self.own_seed { self.own } else { self.group })
    }
    fn now(&self) -> Option<Timestamp> {
        None
    }
}

/// A flag over lanes 0 and 1 and a group's lane 2.
#[derive(Clone, Debug)]
struct Shape {
    share: u32,
    boundaries: [u32; 2],
    holdout: u32,
    slots: Option<(u32, u32)>,
}

impl Shape {
    fn json(&self) -> alloc::string::String {
        let Self { share, boundaries: [first, second], holdout, slots } = self;
        let group = slots.map_or_else(Default::default, |(from, to)| {
            format!("\"group\":{{\"name\":\"h\",\"slots\":[[{from},{to}]]}},")
        });
        format!(
            "\"f\":{{\"variants\":{{\"off\":0,\"a\":1,\"b\":2}},\"off_variant\":\"off\",\"holdout\":{holdout},{group}\
             \"fallthrough\":{{\"exposure\":{share},\"allocation\":{{\"a\":[[0,{first}],[{second},100000]],\"b\":[[{first},{second}]]}},\
             \"otherwise\":\"off\"}}}}"
        )
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    let slots = prop::option::of((0..50_000_u32, 50_001..=100_000_u32));
    (0..=100_000_u32, 1..50_000_u32, 50_001..100_000_u32, prop_oneof![Just(0), 0..100_000_u32], slots)
        .prop_map(|(share, first, second, holdout, slots)| Shape { share, boundaries: [first, second], holdout, slots })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// The oracle: every single bucket of lane 0, times the pieces between the breakpoints of the other lanes.
    #[test]
    fn the_plan_is_what_counting_every_bucket_gives(before in shape(), after in shape()) {
        let (old, new) = (ruleset(&before.json()), ruleset(&after.json()));
        let planned = plan(&old, &new, &PlanOptions::default());
        let cuts = |interior: Vec<u32>| {
            let mut cuts: Vec<u32> = interior.into_iter().chain([0, 100_000]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            cuts
        };
        let variants = cuts([before.boundaries, after.boundaries].concat());
        let slots = [before.slots, after.slots].into_iter().flatten().flat_map(|(from, to)| [from, to]);
        let slots = cuts(slots.chain([95_000]).collect());
        let bucket = |index| Bucket::from_index(index).unwrap();
        let side = |ruleset: &Ruleset, point: &Point| {
            let flag = ruleset.flag("f").unwrap();
            let variant = decide(ruleset, flag.flag(), point, &mut Unwatched).variant;
            (variant, variant == flag.flag().off_variant)
        };
        let (mut gained, mut lost, mut moved) = (0_u128, 0_u128, 0_u128);
        for exposure in 0..EVERYONE {
            for piece in variants.windows(2) {
                for slot in slots.windows(2) {
                    let own = Lanes::in_buckets([bucket(exposure), bucket(piece[0]), bucket(0), bucket(0)]);
                    let group = Lanes::in_buckets([bucket(0), bucket(0), bucket(slot[0]), bucket(0)]);
                    let point = Point { own, group, own_seed: SeedDigest::of("f") };
                    let volume = u128::from(piece[1] - piece[0]) * u128::from(slot[1] - slot[0]);
                    match (side(&old, &point), side(&new, &point)) {
                        ((_, true), (_, false)) => gained += volume,
                        ((_, false), (_, true)) => lost += volume,
                        ((was, _), (is, _)) if was != is => moved += volume,
                        _ => {}
                    }
                }
            }
        }
        let counted = [gained, lost, moved].map(|volume| volume * 10_u128.pow(15));
        let exact = planned.flags.first().map_or([0; 3], |flag| {
            [flag.gained, flag.lost, flag.moved].map(|extent| { assert_eq!(extent.min, extent.max); extent.min.thirtieths() })
        });
        prop_assert_eq!(exact, counted);
    }
}
