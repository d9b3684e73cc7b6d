//! What a plan says, held against real ids: up, down and up again.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use flag_core::wire::{Entries, Flag, Serve, Snapshot};
use flag_core::{Context, Plan, PlanOptions, Portion, Ruleset, Share, Timestamp, plan};

fn ruleset(share: &str) -> Ruleset {
    let share: Share = share.parse().unwrap();
    let mut flag: Flag = serde_json::from_str(
        r#"{"variants": {"on": true, "off": false}, "off_variant": "off", "fallthrough": {"variant": "off"}}"#,
    )
    .unwrap();
    flag.fallthrough = Serve::rollout(share, "on", "off");
    Ruleset::compile(&Snapshot {
        schema: 1,
        project: "caro".into(),
        environment: "production".into(),
        epoch: 1,
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(1),
        audit_head: None,
        flags: Entries::from_iter([("command_history".into(), flag)]),
        segments: Entries::default(),
        groups: Entries::default(),
        kills: Vec::new(),
        lifted: Vec::new(),
    })
}

const IDS: u32 = 100_000;

fn exposed(ruleset: &Ruleset) -> Vec<bool> {
    let flag = ruleset.flag("command_history").unwrap();
    (0..IDS).map(|n| flag.evaluate(&Context::new(&format!("install-{n}"))).bool_or(false)).collect()
}

fn effect(old: &Ruleset, new: &Ruleset) -> Plan {
    plan(old, new, &PlanOptions::default())
}

#[test]
fn e12_e13_nobody_moves_who_should_not_and_the_plan_said_how_many_would() {
    let shares = ["5%", "25%", "10%", "25%"].map(ruleset);
    let people = shares.each_ref().map(exposed);
    for ((old, new), (before, after)) in shares.iter().zip(&shares[1..]).zip(people.iter().zip(&people[1..])) {
        let planned = &effect(old, new).flags[0];
        let gained = before.iter().zip(after).filter(|(before, after)| !**before && **after).count();
        let lost = before.iter().zip(after).filter(|(before, after)| **before && !**after).count();
        // One direction at a time: raising loses nobody, lowering gains nobody.
        assert_eq!(gained == 0, planned.gained.max == Portion::NOBODY);
        assert_eq!(lost == 0, planned.lost.max == Portion::NOBODY);
        // 100,000 real ids are a sample: within five standard deviations (at most 0.5 * sqrt(100,000) each) of the exact share.
        for (counted, exact) in [(gained, planned.gained), (lost, planned.lost)] {
            let expected = usize::try_from(exact.max.of(u64::from(IDS))).unwrap();
            assert!(counted.abs_diff(expected) < 800, "{counted} of {IDS}, the plan says {expected}");
        }
    }
    assert_eq!(people[1], people[3], "raising again readmits the same people");
}

#[test]
fn the_json_of_a_plan_is_integers_of_ten_billionths() {
    let json = serde_json::to_value(effect(&ruleset("5%"), &ruleset("25%"))).unwrap();
    let flag = &json["flags"][0];
    assert_eq!(flag["flag"], "command_history");
    assert_eq!(flag["change"], "changed");
    assert_eq!(flag["certainty"], "exact");
    assert_eq!(flag["gained"], serde_json::json!({"min": 2_000_000_000_u64, "max": 2_000_000_000_u64}));
}
