//! Prerequisites: what they gate, diamonds, circles, and how far they may go.

mod document;

use document::{compile, rollout, ruleset, split, switch};
use flag_core::{Context, LocalChoice, Reason, Ruleset};

/// A flag that is on where these flags are.
fn needing(key: &str, flags: &[&str]) -> String {
    let needed: Vec<String> = flags.iter().map(|flag| format!(r#"{{"flag": "{flag}", "variants": ["on"]}}"#)).collect();
    switch(key, &format!(r#""prerequisites": [{}], "fallthrough": {{"variant": "on"}}"#, needed.join(",")))
}

fn constant(key: &str, variant: &str) -> String {
    switch(key, &format!(r#""fallthrough": {{"variant": "{variant}"}}"#))
}

fn reason(ruleset: &Ruleset, key: &str) -> Reason {
    ruleset.evaluate(key, &Context::new("install-8")).reason()
}

fn quarantined(ruleset: &Ruleset) -> Vec<String> {
    let mut lines: Vec<String> = ruleset.quarantined().map(|(key, error)| format!("{key}: {error}")).collect();
    lines.sort_unstable();
    lines
}

/// Every order of these flags.
fn orders(flags: &[String]) -> Vec<String> {
    match flags {
        [] => vec![String::new()],
        [flag] => vec![flag.clone()],
        _ => (0..flags.len())
            .flat_map(|first| {
                let mut rest = flags.to_vec();
                let flag = rest.remove(first);
                orders(&rest).into_iter().map(move |tail| format!("{flag},{tail}"))
            })
            .collect(),
    }
}

#[test]
fn e29_a_prerequisite_gates_every_way_to_be_served() {
    let needs = r#""prerequisites": [{"flag": "base", "variants": ["on"]}]"#;
    let all = r#"{"all": []}"#;
    let flags = [
        constant("base", "off"),
        switch("by_variant", &format!(r#"{needs}, "fallthrough": {{"variant": "on"}}"#)),
        switch("by_split", &format!(r#"{needs}, "fallthrough": {}"#, split(100_000))),
        switch(
            "by_rule",
            &format!(
                r#"{needs}, "rules": [{{"id": "r", "when": {all}, "serve": {{"variant": "on"}}}}], "fallthrough": {{"variant": "on"}}"#
            ),
        ),
        switch(
            "by_split_in_rule",
            &format!(
                r#"{needs}, "rules": [{{"id": "r", "when": {all}, "serve": {}}}], "fallthrough": {{"variant": "on"}}"#,
                split(100_000)
            ),
        ),
        switch("by_override", &format!(r#"{needs}, "fallthrough": {{"variant": "off"}}"#)),
    ];
    let mut ruleset = ruleset(&flags.join(","), "");
    ruleset.choose("by_override", LocalChoice::Variant("on")).unwrap();
    for key in ["by_variant", "by_split", "by_rule", "by_split_in_rule", "by_override"] {
        let decision = ruleset.evaluate(key, &Context::new("install-8"));
        assert_eq!((decision.bool(), decision.reason()), (Ok(false), Reason::PrerequisiteFailed), "{key}");
    }
}

#[test]
fn a_prerequisite_is_what_it_serves_to_this_unit() {
    let flags = [rollout("base", 40_000), needing("f", &["base"])];
    let ruleset = ruleset(&flags.join(","), "");
    for n in 0..1_000 {
        let unit = format!("user-{n}");
        let context = Context::new(&unit);
        assert_eq!(ruleset.evaluate("f", &context).bool(), ruleset.evaluate("base", &context).bool(), "{unit}");
    }
}

#[test]
fn a_killed_or_disabled_prerequisite_serves_its_off_variant() {
    let flags = [
        constant("base", "on"),
        needing("f", &["base"]),
        switch("disabled", r#""enabled": false, "fallthrough": {"variant": "on"}"#),
        needing("g", &["disabled"]),
    ];
    let mut ruleset = ruleset(&flags.join(","), "");
    assert_eq!(reason(&ruleset, "f"), Reason::Static);
    assert_eq!(reason(&ruleset, "g"), Reason::PrerequisiteFailed);
    ruleset.kill("base");
    assert_eq!(reason(&ruleset, "f"), Reason::PrerequisiteFailed);
}

#[test]
fn a_prerequisite_may_accept_the_off_variant_or_several() {
    let flags = [
        constant("base", "off"),
        switch(
            "without",
            r#""prerequisites": [{"flag": "base", "variants": ["off"]}], "fallthrough": {"variant": "on"}"#,
        ),
        switch(
            "either",
            r#""prerequisites": [{"flag": "base", "variants": ["on", "off"]}], "fallthrough": {"variant": "on"}"#,
        ),
        switch("never", r#""prerequisites": [{"flag": "base", "variants": []}], "fallthrough": {"variant": "on"}"#),
    ];
    let ruleset = ruleset(&flags.join(","), "");
    assert_eq!(reason(&ruleset, "without"), Reason::Static);
    assert_eq!(reason(&ruleset, "either"), Reason::Static);
    assert_eq!(reason(&ruleset, "never"), Reason::PrerequisiteFailed);
}

#[test]
fn e28_a_diamond_is_no_circle_in_any_order() {
    let flags = [
        needing("top", &["left", "right"]),
        needing("left", &["bottom"]),
        needing("right", &["bottom"]),
        constant("bottom", "on"),
    ];
    for document in orders(&flags) {
        let ruleset = ruleset(&document, "");
        assert_eq!(reason(&ruleset, "top"), Reason::Static, "{document}");
    }
}

#[test]
fn e28_a_circle_is_told_the_same_in_any_order() {
    let flags = [
        needing("a", &["b"]),
        needing("b", &["c"]),
        needing("c", &["a"]),
        needing("behind", &["free", "b"]),
        constant("free", "on"),
    ];
    for document in orders(&flags) {
        let ruleset = compile(&document, "");
        assert_eq!(
            quarantined(&ruleset),
            [
                "a: prerequisites form a cycle: a -> b -> c -> a",
                "b: prerequisites form a cycle: b -> c -> a -> b",
                "behind: prerequisite \"b\" is quarantined",
                "c: prerequisites form a cycle: c -> a -> b -> c",
            ],
            "{document}"
        );
        assert_eq!(reason(&ruleset, "free"), Reason::Static, "{document}");
    }
}

#[test]
fn e28_a_flag_that_needs_itself_is_a_circle() {
    let ruleset = compile(&[needing("self", &["self"]), constant("free", "on")].join(","), "");
    assert_eq!(quarantined(&ruleset), ["self: prerequisites form a cycle: self -> self"]);
}

#[test]
fn e28_two_circles_through_one_flag_quarantine_all_and_only_them() {
    let flags = [needing("a", &["b", "c"]), needing("b", &["a"]), needing("c", &["a"]), constant("free", "on")];
    for document in orders(&flags) {
        let ruleset = compile(&document, "");
        assert_eq!(
            quarantined(&ruleset),
            [
                "a: prerequisites form a cycle: a -> b -> a",
                "b: prerequisites form a cycle: b -> a -> b",
                "c: prerequisite \"a\" is quarantined",
            ],
            "{document}"
        );
    }
}

#[test]
fn e26_what_stands_on_a_broken_flag_is_quarantined_and_nothing_else() {
    let flags = [
        r#""broken": {}"#.to_owned(),
        needing("on_broken", &["broken"]),
        needing("on_that", &["on_broken"]),
        needing("sound", &["free"]),
        constant("free", "on"),
    ];
    let ruleset = compile(&flags.join(","), "");
    let lines = quarantined(&ruleset);
    assert_eq!(
        lines[1..],
        ["on_broken: prerequisite \"broken\" is quarantined", "on_that: prerequisite \"on_broken\" is quarantined"]
    );
    assert_eq!(reason(&ruleset, "sound"), Reason::Static);
}

fn chain(length: usize) -> Vec<String> {
    let links = (0..length).map(|n| needing(&format!("f{n}"), &[&format!("f{}", n + 1)]));
    links.chain([constant(&format!("f{length}"), "on")]).collect()
}

#[test]
fn e27_depth_is_limited() {
    let ruleset = compile(&chain(16).join(","), "");
    assert_eq!(quarantined(&ruleset), [""; 0]);
    assert_eq!(reason(&ruleset, "f0"), Reason::Static);

    let ruleset = compile(&chain(18).join(","), "");
    assert_eq!(
        quarantined(&ruleset),
        ["f0: prerequisite \"f1\" is quarantined", "f1: prerequisites are nested 17 deep, expected at most 16"]
    );
    assert_eq!(reason(&ruleset, "f2"), Reason::Static);
}

#[test]
fn e27_the_cost_of_one_evaluation_is_limited() {
    // Each flag needs the next one twice, so the work doubles with every level: 1, 3, 7, ... 2047.
    let doubled = (0..10).map(|n| {
        let next = format!("f{}", n + 1);
        needing(&format!("f{n}"), &[&next, &next])
    });
    let flags: Vec<String> = doubled.chain([constant("f10", "on")]).collect();
    let ruleset = compile(&flags.join(","), "");
    assert_eq!(quarantined(&ruleset), ["f0: prerequisites take 2047 evaluations, expected at most 1024"]);
    assert_eq!(reason(&ruleset, "f1"), Reason::Static);
}

/// A path for each flag of a circle of thousands would take gigabytes.
#[test]
fn e27_a_circle_longer_than_prerequisites_may_be_nested_is_refused_as_that() {
    let circle = |length: usize| -> Vec<String> {
        (0..length).map(|n| needing(&format!("f{n}"), &[&format!("f{}", (n + 1) % length)])).collect()
    };
    let short = compile(&circle(16).join(","), "");
    assert!(quarantined(&short).iter().all(|line| line.contains("prerequisites form a cycle")));
    let long = compile(&circle(5_000).join(","), "");
    let lines = quarantined(&long);
    assert_eq!(lines.len(), 5_000);
    assert!(lines.iter().all(|line| line.ends_with("prerequisites are nested 5000 deep, expected at most 16")));
}
