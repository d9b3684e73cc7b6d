//! The order of one evaluation: kill, test code, disabled, off after, prerequisites, override, rules, fallthrough.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod document;

use document::{rollout, ruleset, split, switch};
use flag_core::{ChoiceError, Context, LayerOutcome, LocalChoice, Reason, Ruleset, Timestamp};

const NOON: i64 = 1_768_478_400_000;

/// A flag that every layer has something to say about.
fn layered() -> Ruleset {
    let body = r#""enabled": false, "off_after": "2026-01-15T12:00:00Z", "prerequisites": [{"flag": "base", "variants": ["on"]}],
        "rules": [{"id": "all", "when": {"all": []}, "serve": {"variant": "on"}}], "fallthrough": {"variant": "off"}"#;
    ruleset(&[switch("f", body), switch("base", r#""fallthrough": {"variant": "off"}"#)].join(","), "")
}

fn noon() -> Context<'static> {
    Context::new("install-8").at(Timestamp::from_millis(NOON))
}

/// The layer that decided, its reason, and the variant.
fn decided(ruleset: &Ruleset, context: &Context<'_>) -> (&'static str, Reason, bool) {
    let explanation = ruleset.explain("f", context);
    let decision = ruleset.evaluate("f", context);
    assert_eq!(
        (decision.reason(), decision.variant()),
        (explanation.decision.reason(), explanation.decision.variant())
    );
    let last = explanation.layers.last().unwrap();
    assert_eq!(last.outcome, LayerOutcome::Decided);
    (last.layer, decision.reason(), decision.bool().unwrap())
}

/// Takes the layers away one by one, from the strongest down.
#[test]
fn e29_layers_decide_in_their_order() {
    let mut ruleset = layered();
    ruleset.choose("f", LocalChoice::Forced("on")).unwrap();
    ruleset.kill("f");
    assert_eq!(decided(&ruleset, &noon()), ("kill", Reason::Killed, false));

    let mut ruleset = layered();
    ruleset.choose("f", LocalChoice::Forced("on")).unwrap();
    assert_eq!(decided(&ruleset, &noon()), ("test_code", Reason::Forced, true));

    let mut ruleset = layered();
    ruleset.choose("f", LocalChoice::Variant("on")).unwrap();
    assert_eq!(decided(&ruleset, &noon()), ("enabled", Reason::Disabled, false));

    let enabled = |change: &dyn Fn(&mut flag_core::wire::Snapshot)| {
        let flags = switch(
            "f",
            r#""off_after": "2026-01-15T12:00:00Z", "prerequisites": [{"flag": "base", "variants": ["on"]}],
               "rules": [{"id": "all", "when": {"all": []}, "serve": {"variant": "on"}}], "fallthrough": {"variant": "off"}"#,
        );
        let mut snapshot =
            document::snapshot(&[flags, switch("base", r#""fallthrough": {"variant": "off"}"#)].join(","), "");
        change(&mut snapshot);
        let mut ruleset = Ruleset::compile(&snapshot);
        ruleset.choose("f", LocalChoice::Variant("on")).unwrap();
        ruleset
    };
    let ruleset = enabled(&|_| ());
    assert_eq!(decided(&ruleset, &noon()), ("off_after", Reason::Expired, false));

    // Before noon the prerequisite is asked, and it stands above the user's choice.
    let before = Context::new("install-8").at(Timestamp::from_millis(NOON - 1));
    assert_eq!(decided(&ruleset, &before), ("prerequisite", Reason::PrerequisiteFailed, false));

    let mut met = enabled(&|snapshot| {
        snapshot.flags.find_mut("base").unwrap().fallthrough = flag_core::wire::Serve::variant("on");
    });
    assert_eq!(decided(&met, &before), ("override", Reason::Override, true));

    met.choose("f", LocalChoice::OptIn).unwrap();
    assert_eq!(decided(&met, &before), ("rule", Reason::TargetingMatch, true));
}

#[test]
fn reasons_of_the_fallthrough() {
    let static_flag = switch("f", r#""fallthrough": {"variant": "on"}"#);
    assert_eq!(decided(&ruleset(&static_flag, ""), &noon()), ("fallthrough", Reason::Static, true));
    let with_rules = r#""rules": [{"id": "none", "when": {"any": []}, "serve": {"variant": "off"}}], "fallthrough": {"variant": "on"}"#;
    assert_eq!(decided(&ruleset(&switch("f", with_rules), ""), &noon()), ("fallthrough", Reason::Default, true));
    assert_eq!(decided(&ruleset(&rollout("f", 100_000), ""), &noon()), ("fallthrough", Reason::Split, true));
}

#[test]
fn e39_off_after_is_the_first_instant_of_off() {
    let ruleset = ruleset(&switch("f", r#""off_after": 1768478400000, "fallthrough": {"variant": "on"}"#), "");
    for (millis, on) in
        [(i64::MIN, true), (0, true), (NOON - 1, true), (NOON, false), (NOON + 1, false), (i64::MAX, false)]
    {
        let context = Context::anonymous().at(Timestamp::from_millis(millis));
        assert_eq!(ruleset.evaluate("f", &context).bool(), Ok(on), "{millis}");
    }
}

#[test]
fn e40_without_a_time_off_after_has_not_come() {
    let ruleset = ruleset(&switch("f", r#""off_after": 0, "fallthrough": {"variant": "on"}"#), "");
    assert_eq!(ruleset.evaluate("f", &Context::anonymous()).bool(), Ok(true));
}

#[test]
fn a_kill_of_what_is_no_flag_turns_it_off_all_the_same() {
    let mut snapshot = document::snapshot(
        &rollout("f", 100_000),
        r#""kills": [{"id": "k1", "target": "capability"}, {"id": "k2", "target": "f"}]"#,
    );
    let ruleset = Ruleset::compile(&snapshot);
    for key in ["capability", "f"] {
        let decision = ruleset.evaluate(key, &noon());
        assert_eq!(decision.reason(), Reason::Killed, "{key}");
        assert!(!decision.bool_or(true), "{key}");
        assert!(ruleset.is_killed(key), "{key}");
    }
    snapshot.kills.clear();
    let ruleset = Ruleset::compile(&snapshot);
    assert!(!ruleset.is_killed("f") && !ruleset.is_killed("capability"));
    assert!(ruleset.evaluate("f", &noon()).bool_or(false));
}

#[test]
fn a_kill_of_a_quarantined_flag_is_kept() {
    let ruleset = document::compile(r#""broken": {}"#, r#""kills": [{"id": "k1", "target": "broken"}]"#);
    assert_eq!(ruleset.quarantined().count(), 1);
    assert_eq!(ruleset.evaluate("broken", &noon()).reason(), Reason::Killed);
    assert!(!ruleset.evaluate("broken", &noon()).bool_or(true));
}

#[test]
fn opting_in_makes_eligible_where_it_is_required() {
    let flag = switch("f", &format!(r#""opt_in": "required", "fallthrough": {}"#, split(25_000)));
    let mut ruleset = ruleset(&flag, "");
    let exposed = |ruleset: &Ruleset| {
        (0..4_000).filter(|n| ruleset.evaluate("f", &Context::new(&format!("user-{n}"))).bool_or(false)).count()
    };
    assert_eq!(exposed(&ruleset), 0);
    assert_eq!(ruleset.evaluate("f", &noon()).reason(), Reason::NotOptedIn);
    ruleset.choose("f", LocalChoice::OptIn).unwrap();
    assert_eq!(ruleset.evaluate("f", &noon()).reason(), Reason::Split);
    let count = exposed(&ruleset);
    assert!((850..1_150).contains(&count), "{count} of 4,000 are exposed, expected about 1,000");
}

#[test]
fn a_choice_of_what_is_not_there_is_refused() {
    let mut ruleset = ruleset(&rollout("f", 0), "");
    let refused = |result: Result<(), ChoiceError>| result.unwrap_err().to_string();
    assert_eq!(refused(ruleset.choose("g", LocalChoice::OptIn)), "flag \"g\" does not exist");
    assert_eq!(refused(ruleset.choose("f", LocalChoice::Variant("blue"))), "flag \"f\" has no variant \"blue\"");
    assert_eq!(refused(ruleset.choose("f", LocalChoice::Forced(""))), "flag \"f\" has no variant \"\"");
    assert_eq!(decided(&ruleset, &noon()).1, Reason::Split);
}

#[test]
fn choices_are_forgotten_and_what_test_code_forced_stays() {
    let off = r#""fallthrough": {"variant": "off"}"#;
    let opted_in = r#""opt_in": "required", "fallthrough": {"exposure": 100000}"#;
    let flags = [switch("chosen", off), switch("forced", off), switch("opted_in", opted_in)];
    let mut ruleset = ruleset(&flags.join(","), "");
    ruleset.choose("chosen", LocalChoice::Variant("on")).unwrap();
    ruleset.choose("forced", LocalChoice::Forced("on")).unwrap();
    ruleset.choose("opted_in", LocalChoice::OptIn).unwrap();
    let states =
        |ruleset: &Ruleset| ["chosen", "forced", "opted_in"].map(|key| ruleset.evaluate(key, &noon()).bool_or(false));
    assert_eq!(states(&ruleset), [true, true, true]);
    ruleset.forget_choices();
    assert_eq!(states(&ruleset), [false, true, false]);
}
