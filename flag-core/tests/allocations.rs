//! A decision allocates nothing.

mod document;

use allocation_counter::measure;
use document::{rollout, ruleset, split, switch};
use flag_core::{Attributes, Context, Decision, Ruleset, UnitDigest, Value};

/// Flags of the usual kinds: constant, rolled out, with rules, by another unit, in a group, behind another flag.
fn flags() -> Ruleset {
    let targeted = format!(
        r#""rules": [
            {{"id": "by_version", "serve": {}, "when": {{"all": [
                {{"attribute": "version", "operator": "semver_greater_or_equal", "values": ["1.2"]}},
                {{"attribute": "version", "operator": "semver_caret", "values": ["1.2", "2.0.0-beta.1"]}},
                {{"not": {{"attribute": "plan", "operator": "equals", "values": ["free"]}}}},
                {{"attribute": "country", "operator": "in",
                  "values": ["at", "be", "ch", "de", "dk", "es", "fr", "it", "nl", "pl"]}}]}}}},
            {{"id": "never", "when": {{"segment": "odd"}}, "serve": {{"variant": "on"}}}}],
           "fallthrough": {}"#,
        split(60_000),
        split(10_000)
    );
    let odd = r#"{"any": [
        {"attribute": "plan", "operator": "contains_ignore_case", "values": ["TEAMS"]},
        {"attribute": "address", "operator": "in_cidr", "values": ["10.0.0.0/8"]},
        {"attribute": "seen_at", "operator": "before", "values": ["2020-01-01T00:00:00Z"]},
        {"attribute": "seats", "operator": "greater", "values": [1000, 99.5]}]}"#;
    let flags = [
        switch("constant", r#""fallthrough": {"variant": "on"}"#),
        rollout("rolled_out", 25_000),
        switch("targeted", &targeted),
        switch("by_seats", &format!(r#""unit": "seats", "fallthrough": {}"#, split(50_000))),
        switch(
            "grouped",
            &format!(r#""group": {{"name": "g", "slots": [[0, 50000]]}}, "fallthrough": {}"#, split(50_000)),
        ),
        switch(
            "behind",
            &format!(
                r#""prerequisites": [{{"flag": "rolled_out", "variants": ["on", "off"]}}], "fallthrough": {}"#,
                split(50_000)
            ),
        ),
    ];
    ruleset(&flags.join(","), &format!(r#""groups": {{"g": {{"holdout": 5000}}}}, "segments": {{"odd": {odd}}}"#))
}

fn attributes() -> Attributes {
    Attributes::new()
        .with("version", "1.24.3-rc.1+mac")
        .with("plan", "team")
        .with("country", "de")
        .with("address", "192.168.0.1")
        .with("seen_at", "2026-01-15T14:32:01+01:00")
        .with("seats", 12)
}

#[track_caller]
fn assert_no_allocation(what: &str, run: impl FnOnce()) {
    assert_eq!(measure(run).count_total, 0, "{what} allocates");
}

#[test]
fn the_counter_counts() {
    let allocated = measure(|| drop(std::hint::black_box(Value::from("text"))));
    assert_eq!(allocated.count_total, 1);
}

#[test]
fn a_decision_for_a_fresh_context_allocates_nothing() {
    let (ruleset, attributes) = (flags(), attributes());
    let mut on = 0;
    for key in ["constant", "rolled_out", "targeted", "by_seats", "grouped", "behind", "absent"] {
        for unit in [
            "install-7",
            "install-8",
            "an id of more than sixty-four bytes, which blake3 takes as two blocks of its input",
        ] {
            assert_no_allocation(key, || {
                let context = Context::new(unit).with_attributes(&attributes);
                on += usize::from(ruleset.evaluate(key, &context).bool_or(false));
            });
        }
        assert_no_allocation(key, || {
            on += usize::from(ruleset.evaluate(key, &Context::anonymous()).bool_or(false));
        });
    }
    assert!(on > 0);
    let targeted = ruleset.evaluate("targeted", &Context::new("install-8").with_attributes(&attributes)).rule();
    assert_eq!(targeted, Some("by_version"));
}

#[test]
fn reading_a_decision_allocates_nothing() {
    let ruleset = flags();
    let decision = ruleset.evaluate("rolled_out", &Context::new("install-8"));
    assert_no_allocation("an accessor", || {
        let read = |decision: &Decision<'_>| {
            (
                decision.bool().is_ok(),
                decision.variant().is_some(),
                decision.rule().is_some(),
                decision.reason().as_str(),
            )
        };
        assert_eq!(read(&decision), (true, true, false, "SPLIT"));
    });
}

#[test]
fn all_flags_at_once_allocate_nothing() {
    let many: Vec<String> = (0..200).map(|n| rollout(&format!("flag_{n}"), 50_000)).collect();
    let attributes = attributes();
    for ruleset in [flags(), ruleset(&many.join(","), "")] {
        let mut count = 0;
        assert_no_allocation("evaluate_all", || {
            let context = Context::new("install-8").with_attributes(&attributes);
            ruleset.evaluate_all(&context, |decision| count += usize::from(decision.value().is_some()));
        });
        assert_eq!(count, ruleset.flags().count());
    }
}

#[test]
fn many_units_at_once_allocate_nothing() {
    let (ruleset, attributes) = (flags(), attributes());
    let units: Vec<UnitDigest> = (0..300).map(|n| UnitDigest::of(&format!("user-{n}"))).collect();
    for flag in ruleset.flags() {
        let mut count = 0;
        assert_no_allocation("evaluate_units", || {
            let context = Context::anonymous().with_attributes(&attributes);
            flag.evaluate_units(&units, &context, |_, decision| count += usize::from(decision.value().is_some()));
        });
        assert_eq!(count, units.len());
    }
}
