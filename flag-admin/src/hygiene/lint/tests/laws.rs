//! What is proved of conditions is held against the evaluator, over contexts drawn at random.

use flag_core::wire::{Condition, Operator};
use flag_core::{Attributes, Context, Ruleset, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::logic::{Contradiction, Tree};
use super::Definitions;

/// Values around those that the tests name, of every type.
fn single() -> impl Strategy<Value = Value> {
    let texts =
        vec!["a", "ab", "b", "", "1.2.3", "v1.2", "1.3.0-rc.1", "2.0.0-0", "1.2.4-0", "1970-01-01T00:00:00.002Z"];
    prop_oneof![
        select(texts).prop_map(|text| Value::String(text.into())),
        (-2_i64..5).prop_map(Value::Integer),
        (-4_i32..10).prop_map(|half| Value::Float(f64::from(half) / 2.0)),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => single(), 1 => vec(single(), 0..3).prop_map(|items| Value::List(items.into()))]
}

fn test_condition() -> impl Strategy<Value = Condition> {
    use Operator::{
        After, Before, Contains, EndsWith, Equals, Exists, Greater, GreaterOrEqual, In, Less, LessOrEqual, Matches,
        SemverCaret, SemverEquals, SemverGreater, SemverGreaterOrEqual, SemverLess, SemverLessOrEqual, SemverTilde,
        StartsWith, StartsWithIgnoreCase,
    };
    let text = || select(vec!["a", "ab", "b"]).prop_map(|text| Value::String(text.into()));
    let number = || {
        prop_oneof![
            (0_i64..4).prop_map(Value::Integer),
            (0_i32..6).prop_map(|half| Value::Float(f64::from(half) / 2.0))
        ]
    };
    let version = || select(vec!["1.2", "1.2.3", "1.3.0-rc.1", "2"]).prop_map(|text| Value::String(text.into()));
    let time = || (0_i64..4).prop_map(Value::Integer);
    let plain = || prop_oneof![text(), number(), version(), any::<bool>().prop_map(Value::Bool)];
    let of = |operators: Vec<Operator>, values: BoxedStrategy<Vec<Value>>| {
        (select(vec!["x", "y"]), select(operators), values)
            .prop_map(|(attribute, operator, values)| Condition::test(attribute, operator, values))
    };
    prop_oneof![
        of(vec![Equals, In], vec(plain(), 1..3).boxed()),
        of(vec![StartsWith, EndsWith, Contains, StartsWithIgnoreCase, Matches], vec(text(), 1..3).boxed()),
        of(vec![Greater, GreaterOrEqual, Less, LessOrEqual], vec(number(), 1..3).boxed()),
        of(
            vec![
                SemverEquals,
                SemverGreater,
                SemverGreaterOrEqual,
                SemverLess,
                SemverLessOrEqual,
                SemverCaret,
                SemverTilde
            ],
            vec(version(), 1..3).boxed()
        ),
        of(vec![Before, After], vec(time(), 1..3).boxed()),
        of(vec![Exists], Just(Vec::new()).boxed()),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    test_condition().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Condition::all),
            vec(inner.clone(), 0..3).prop_map(Condition::any),
            inner.prop_map(Condition::negated),
        ]
    })
}

/// Tells whether the evaluator lets a rule of this condition serve.
fn holds(condition: &Condition, attributes: &Attributes) -> bool {
    let toml = Definitions::from_toml("[flags.a_b]\nserve = \"off\"", "f.toml").unwrap();
    let mut flag = toml.flags.find("a_b").unwrap().flag.clone();
    flag.rules.push(flag_core::wire::Rule {
        id: "r".into(),
        when: condition.clone(),
        serve: flag_core::wire::Serve::variant("on"),
    });
    let mut snapshot: flag_core::wire::Snapshot = serde_json::from_value(serde_json::json!({
        "schema": 1, "project": "", "environment": "", "epoch": 0, "version": 0,
        "issued_at": "1970-01-01T00:00:00Z", "expires_at": "1970-01-01T00:00:00Z", "flags": {}
    }))
    .unwrap();
    snapshot.flags.insert("a_b", flag);
    let ruleset = Ruleset::compile(&snapshot);
    assert_eq!(ruleset.quarantined().count(), 0);
    ruleset.flag("a_b").unwrap().evaluate(&Context::anonymous().with_attributes(attributes)).variant() == Some("on")
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    (proptest::option::of(value()), proptest::option::of(value()))
        .prop_map(|(x, y)| [("x", x), ("y", y)].into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_proof_is_wrong(one in condition(), other in condition(), contexts in vec(attributes(), 12)) {
        let segments = flag_core::wire::Entries::default();
        let (tree, later) = (Tree::new(&one, &segments), Tree::new(&other, &segments));
        let contradiction = tree.contradiction();
        let (always, implied) = (tree.always_holds(), tree.is_implied_by(&later));
        for context in contexts {
            let set: Attributes = context.iter().cloned().collect();
            let is_true = holds(&one, &set);
            match &contradiction {
                Some(Contradiction::Always) => prop_assert!(!is_true, "{one:?} {context:?}"),
                Some(Contradiction::Unless { .. }) => {
                    let has_list = context.iter().any(|(_, value)| matches!(value, Value::List(_)));
                    prop_assert!(!is_true || has_list, "{one:?} {context:?}");
                }
                None => {}
            }
            prop_assert!(!always || is_true, "{one:?} {context:?}");
            prop_assert!(!implied || !holds(&other, &set) || is_true, "{one:?} {other:?} {context:?}");
        }
    }
}
