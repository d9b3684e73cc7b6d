//! Who is bucketed: missing ids, other units than the installation, and exclusion groups.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod document;

use document::{compile, rollout, ruleset, split, switch};
use flag_core::{Attributes, Bucket, Context, Lanes, Reason, Ruleset, SeedDigest, UnitDigest, Value};

fn decided(ruleset: &Ruleset, key: &str, context: &Context<'_>) -> (bool, Reason) {
    let decision = ruleset.evaluate(key, context);
    (decision.bool().unwrap(), decision.reason())
}

#[test]
fn e18_without_an_id_a_split_is_skipped() {
    let flags = [
        rollout("half", 50_000),
        rollout("almost_all", 99_999),
        switch(
            "in_a_rule",
            &format!(
                r#""rules": [
                    {{"id": "split", "when": {{"all": []}}, "serve": {}}},
                    {{"id": "next", "when": {{"all": []}}, "serve": {{"variant": "on"}}}}],
                   "fallthrough": {{"variant": "off"}}"#,
                split(50_000)
            ),
        ),
        switch(
            "rule_then_variant",
            &format!(
                r#""rules": [{{"id": "split", "when": {{"all": []}}, "serve": {}}}], "fallthrough": {{"variant": "on"}}"#,
                split(50_000)
            ),
        ),
    ];
    let ruleset = ruleset(&flags.join(","), "");
    let nobody = Context::anonymous();
    assert_eq!(decided(&ruleset, "half", &nobody), (false, Reason::TargetingKeyMissing));
    assert_eq!(decided(&ruleset, "almost_all", &nobody), (false, Reason::TargetingKeyMissing));
    assert_eq!(decided(&ruleset, "in_a_rule", &nobody), (true, Reason::TargetingMatch));
    assert_eq!(ruleset.evaluate("in_a_rule", &nobody).rule(), Some("next"));
    assert_eq!(decided(&ruleset, "rule_then_variant", &nobody), (true, Reason::TargetingKeyMissing));
    assert_eq!(ruleset.evaluate("half", &nobody).bucket(), None);
}

#[test]
fn e18_everyone_needs_no_id_unless_someone_is_left_out() {
    let two =
        r#"{"exposure": 100000, "allocation": {"on": [[0, 50000]], "off": [[50000, 100000]]}, "otherwise": "off"}"#;
    let flags = [
        rollout("everyone", 100_000),
        switch("two_variants", &format!(r#""fallthrough": {two}"#)),
        switch("with_holdout", &format!(r#""holdout": 1, "fallthrough": {}"#, split(100_000))),
        switch(
            "in_a_group",
            &format!(r#""group": {{"name": "g", "slots": [[0, 100000]]}}, "fallthrough": {}"#, split(100_000)),
        ),
    ];
    let ruleset = ruleset(&flags.join(","), r#""groups": {"g": {}}"#);
    let nobody = Context::anonymous();
    assert_eq!(decided(&ruleset, "everyone", &nobody), (true, Reason::Split));
    for key in ["two_variants", "with_holdout", "in_a_group"] {
        assert_eq!(decided(&ruleset, key, &nobody), (false, Reason::TargetingKeyMissing), "{key}");
    }
}

#[test]
fn e19_ids_that_mean_nobody_are_nobody() {
    let unit_or_attribute = [
        rollout("half", 50_000),
        switch("by_account", &format!(r#""unit": "account", "fallthrough": {}"#, split(50_000))),
    ];
    let ruleset = ruleset(&unit_or_attribute.join(","), "");
    for id in ["", "  ", "\n", "\u{3000}", "unknown", "null", "undefined", "none", "nil", "0"] {
        assert_eq!(decided(&ruleset, "half", &Context::new(id)), (false, Reason::TargetingKeyMissing), "{id:?}");
        let attributes = Attributes::new().with("account", id);
        let context = Context::new("install-8").with_attributes(&attributes);
        assert_eq!(decided(&ruleset, "by_account", &context), (false, Reason::TargetingKeyMissing), "{id:?}");
    }
    for id in ["Unknown", "NONE", "00", "nobody", " 0", "\u{200b}"] {
        assert_eq!(ruleset.evaluate("half", &Context::new(id)).reason(), Reason::Split, "{id:?}");
    }
}

#[test]
fn e20_one_account_is_one_unit_however_its_number_is_typed() {
    let ruleset = ruleset(&switch("f", &format!(r#""unit": "account", "fallthrough": {}"#, split(50_000))), "");
    let bucket = |account: Value| {
        let attributes = Attributes::new().with("account", account);
        ruleset.evaluate("f", &Context::anonymous().with_attributes(&attributes)).bucket()
    };
    let expected = Some(Lanes::of(&UnitDigest::of("7"), &SeedDigest::of("f")).exposure());
    assert_eq!(bucket(7.into()), expected);
    assert_eq!(bucket(7.0.into()), expected);
    assert_eq!(bucket("7".into()), expected);
    assert_ne!(bucket("7.0".into()), expected);
    for missing in
        [Value::Float(7.5), Value::Float(f64::NAN), Value::Float(-0.0), Value::Float(1e16), Value::Bool(true)]
    {
        assert_eq!(bucket(missing.clone()), None, "{missing:?}");
    }
}

#[test]
fn e21_ids_are_their_bytes() {
    let ruleset = ruleset(&rollout("f", 50_000), "");
    let bucket = |unit: &str| ruleset.evaluate("f", &Context::new(unit)).bucket().unwrap();
    for (one, other) in [
        ("\u{e9}", "e\u{301}"),
        ("\u{c5}", "\u{212b}"),
        ("\u{130}", "i\u{307}"),
        ("\u{df}", "ss"),
        ("\u{3a3}", "\u{3c3}"),
        ("\u{feff}kim", "kim"),
        ("kim\n", "kim"),
        ("👩\u{200d}👧", "👩👧"),
    ] {
        assert_ne!(bucket(one), bucket(other), "{one:?} and {other:?}");
    }
}

#[test]
fn e22_ids_are_not_trimmed_or_folded() {
    let ruleset = ruleset(&rollout("f", 50_000), "");
    let bucket = |unit: &str| ruleset.evaluate("f", &Context::new(unit)).bucket().unwrap();
    for other in ["Kim@example.com", "kim@example.com ", " kim@example.com", "kim@EXAMPLE.com"] {
        assert_ne!(bucket("kim@example.com"), bucket(other), "{other:?}");
    }
}

#[test]
fn e23_a_flag_by_account_follows_the_account_and_not_the_machine() {
    let body = format!(r#""unit": "user.account", "fallthrough": {}"#, split(50_000));
    let ruleset = ruleset(&[switch("by_account", &body), rollout("by_install", 50_000)].join(","), "");
    let account = |id: &str| {
        let user = flag_core::Object::from_fields([("account".into(), Value::from(id))]);
        Attributes::new().with("user", Value::Object(user))
    };
    let kim = account("kim");
    let buckets = |key: &str| {
        ["laptop", "server", "container"].map(|machine| {
            ruleset.evaluate(key, &Context::new(machine).with_attributes(&kim)).bucket().map(Bucket::index)
        })
    };
    let [laptop, server, container] = buckets("by_account");
    assert!(laptop.is_some() && laptop == server && server == container);
    let [laptop, server, container] = buckets("by_install");
    assert!(laptop != server && server != container && laptop != container);
    // Without an account there is no falling back to the machine.
    assert_eq!(decided(&ruleset, "by_account", &Context::new("laptop")), (false, Reason::TargetingKeyMissing));
}

fn member(key: &str, slots: &str, unit: &str) -> String {
    switch(
        key,
        &format!(r#"{unit} "group": {{"name": "prices", "slots": {slots}}}, "fallthrough": {}"#, split(100_000)),
    )
}

#[test]
fn flags_of_a_group_never_meet() {
    let flags = [
        member("first", "[[0, 30000], [60000, 80000]]", ""),
        member("second", "[[30000, 60000], [90000, 100000]]", ""),
    ];
    let off = ruleset(
        &member("first", "[[0, 30000], [60000, 80000]]", "\"enabled\": false,"),
        r#""groups": {"prices": {"holdout": 5000}}"#,
    );
    let ruleset = ruleset(&flags.join(","), r#""groups": {"prices": {"holdout": 5000}}"#);
    let seed = SeedDigest::of("prices");
    for n in 0..4_000 {
        let unit = format!("user-{n}");
        let slot = Lanes::of(&UnitDigest::of(&unit), &seed).slot().index();
        let expected = |owned: bool| match (slot >= 95_000, owned) {
            (true, _) => (false, Reason::HeldOut),
            (false, true) => (true, Reason::Split),
            (false, false) => (false, Reason::Excluded),
        };
        let context = Context::new(&unit);
        let first = expected((0..30_000).contains(&slot) || (60_000..80_000).contains(&slot));
        assert_eq!(decided(&ruleset, "first", &context), first, "{unit} in slot {slot}");
        let second = expected((30_000..60_000).contains(&slot) || slot >= 90_000);
        assert_eq!(decided(&ruleset, "second", &context), second, "{unit} in slot {slot}");
        let explanation = ruleset.explain("first", &context);
        assert_eq!(explanation.flips_at.is_some(), first.1 == Reason::Split, "{unit} in slot {slot}");
        let disabled = off.explain("first", &context);
        assert_eq!(
            disabled.flips_at, explanation.flips_at,
            "no share reaches {unit} in slot {slot} through another reason"
        );
    }
}

#[test]
fn a_groups_seed_keeps_its_slots_through_a_rename() {
    let before = ruleset(&member("f", "[[0, 50000]]", ""), r#""groups": {"prices": {}}"#);
    let renamed = member("f", "[[0, 50000]]", "").replace("prices", "tariffs");
    let after = ruleset(&renamed, r#""groups": {"tariffs": {"seed": "prices"}}"#);
    let fresh = ruleset(&renamed, r#""groups": {"tariffs": {}}"#);
    let exposed = |ruleset: &Ruleset| -> Vec<bool> {
        (0..500).map(|n| decided(ruleset, "f", &Context::new(&format!("user-{n}"))).0).collect()
    };
    assert_eq!(exposed(&before), exposed(&after));
    assert_ne!(exposed(&before), exposed(&fresh));
}

#[test]
fn e24_a_group_has_one_unit() {
    let flags = [
        member("same", "[[0, 10000]]", r#""unit": "account","#),
        member("default", "[[10000, 20000]]", ""),
        member("other", "[[20000, 30000]]", r#""unit": "org","#),
    ];
    let ruleset = compile(&flags.join(","), r#""groups": {"prices": {"unit": "account"}}"#);
    let quarantined: Vec<(&str, String)> = ruleset.quarantined().map(|(key, error)| (key, error.to_string())).collect();
    assert_eq!(
        quarantined,
        [
            ("default", "exclusion group \"prices\" is bucketed by account, the flag by unit".to_owned()),
            ("other", "exclusion group \"prices\" is bucketed by account, the flag by org".to_owned()),
        ]
    );
    assert!(ruleset.flag("same").is_some());
}

#[test]
fn a_holdout_is_the_top_of_the_lane() {
    let body = format!(r#""holdout": 5000, "fallthrough": {}"#, split(100_000));
    let ruleset = ruleset(&switch("f", &body), "");
    for n in 0..4_000 {
        let unit = format!("user-{n}");
        let bucket = Lanes::of(&UnitDigest::of(&unit), &SeedDigest::of("f")).exposure().index();
        let expected = if bucket >= 95_000 { (false, Reason::HeldOut) } else { (true, Reason::Split) };
        assert_eq!(decided(&ruleset, "f", &Context::new(&unit)), expected, "{unit} in bucket {bucket}");
    }
}
