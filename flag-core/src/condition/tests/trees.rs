//! Conditions of conditions: three-valued logic, and segments.

use super::*;

/// Conditions that are false, true and unknown in any context.
fn constant(truth: Truth) -> wire::Condition {
    match truth {
        False => wire::Condition::any([]),
        True => wire::Condition::all([]),
        // The attribute is there, and no number.
        Unknown => wire_test("greater", "[1]"),
    }
}

fn of(condition: &wire::Condition) -> Truth {
    judged(condition, &[], &attributes(r#""text""#))
}

const ALL: [Truth; 3] = [False, True, Unknown];

#[test]
fn e25_all_and_any_are_three_valued() {
    for truth in ALL {
        assert_eq!(of(&constant(truth)), truth);
        assert_eq!(of(&wire::Condition::negated(constant(truth))), !truth);
        for other in ALL {
            let parts = || [constant(truth), constant(other)];
            let all = match (truth, other) {
                (False, _) | (_, False) => False,
                (True, True) => True,
                _ => Unknown,
            };
            let any = match (truth, other) {
                (True, _) | (_, True) => True,
                (False, False) => False,
                _ => Unknown,
            };
            assert_eq!(of(&wire::Condition::all(parts())), all, "all of {truth:?}, {other:?}");
            assert_eq!(of(&wire::Condition::any(parts())), any, "any of {truth:?}, {other:?}");
        }
    }
}

#[test]
fn e25_not_unknown_is_unknown_however_deep() {
    let condition = wire::Condition::all([wire::Condition::negated(wire::Condition::any([
        wire_test("sounds_like", r#"["x"]"#),
        constant(False),
    ]))]);
    assert_eq!(of(&condition), Unknown);
}

#[test]
fn e30_not_of_a_missing_attribute_is_true() {
    let condition = wire::Condition::negated(wire_test("in", r#"["a", "b"]"#));
    assert_eq!(judged(&condition, &[], &attributes(MISSING)), True);
    assert_eq!(judged(&condition, &[], &attributes("null")), True);
    assert_eq!(judged(&condition, &[], &attributes(r#""a""#)), False);
}

#[test]
fn segments_nest_and_are_shared() {
    let segments = [
        ("team", wire_test("equals", r#"["team"]"#)),
        ("paid", wire::Condition::any([wire::Condition::segment("team"), wire_test("equals", r#"["pro"]"#)])),
        ("free", wire::Condition::negated(wire::Condition::segment("paid"))),
    ];
    for (plan, paid) in [(r#""team""#, True), (r#""pro""#, True), (r#""free""#, False)] {
        assert_eq!(judged(&wire::Condition::segment("paid"), &segments, &attributes(plan)), paid, "{plan}");
        assert_eq!(judged(&wire::Condition::segment("free"), &segments, &attributes(plan)), !paid, "{plan}");
        let both = wire::Condition::all([wire::Condition::segment("paid"), wire::Condition::segment("team")]);
        let team = Truth::from(plan == r#""team""#);
        assert_eq!(judged(&both, &segments, &attributes(plan)), team, "{plan}");
    }
}

#[test]
fn a_segment_is_compiled_once_and_only_when_it_is_needed() {
    let segments = [
        ("used", wire::Condition::segment("shared")),
        ("shared", constant(True)),
        ("unused", wire::Condition::segment("shared")),
        ("broken_but_unused", wire::Condition::default()),
    ];
    let twice = wire::Condition::all([wire::Condition::segment("used"), wire::Condition::segment("shared")]);
    let (_, compiled) = compiled(&twice, &segments).unwrap();
    assert_eq!(compiled.len(), 2);
}

#[test]
fn a_segment_that_is_not_there_is_refused() {
    let segment = wire::Condition::segment("staff");
    assert_eq!(refusal(&segment, &[]), "segment \"staff\" does not exist");
    assert_eq!(
        refusal(&segment, &[("staff", wire::Condition::segment("nobody"))]),
        "segment \"staff\" is broken: segment \"nobody\" does not exist"
    );
}

#[test]
fn a_broken_segment_is_named_and_not_the_way_to_it() {
    let segments = [
        ("a", wire::Condition::segment("b")),
        ("b", wire::Condition::negated(wire::Condition::segment("c"))),
        ("c", wire_test("greater", r#"["5"]"#)),
    ];
    let message = "segment \"c\" is broken: value 0 of the test \"it\" greater is of type string, expected a number";
    for name in ["a", "b", "c"] {
        assert_eq!(refusal(&wire::Condition::segment(name), &segments), message, "{name}");
    }
}

#[test]
fn e28_segments_in_a_circle_are_refused_and_a_diamond_is_not() {
    let circle = [
        ("a", wire::Condition::segment("b")),
        ("b", wire::Condition::any([wire::Condition::segment("c"), wire::Condition::segment("a")])),
        ("c", constant(True)),
        ("behind", wire::Condition::segment("a")),
        ("itself", wire::Condition::negated(wire::Condition::segment("itself"))),
    ];
    let refused = |name: &str| refusal(&wire::Condition::segment(name), &circle);
    assert_eq!(refused("a"), "segment \"a\" refers to itself");
    assert_eq!(refused("b"), "segment \"b\" refers to itself");
    assert_eq!(refused("behind"), "segment \"a\" refers to itself");
    assert_eq!(refused("itself"), "segment \"itself\" refers to itself");
    assert!(compiled(&wire::Condition::segment("c"), &circle).is_ok());

    let diamond = [
        ("top", wire::Condition::all([wire::Condition::segment("left"), wire::Condition::segment("right")])),
        ("left", wire::Condition::segment("bottom")),
        ("right", wire::Condition::segment("bottom")),
        ("bottom", constant(True)),
    ];
    assert_eq!(judged(&wire::Condition::segment("top"), &diamond, &Attributes::new()), True);
}

#[test]
fn the_observer_sees_what_is_judged_and_may_answer_otherwise() {
    struct Contrary(Vec<(String, bool, Truth)>);
    impl TestObserver for Contrary {
        fn tested(&mut self, test: &Test, found: Option<Found<'_>>, truth: Truth) -> Truth {
            self.0.push((test.operator.as_str().to_owned(), found.is_some(), truth));
            !truth
        }
    }
    let condition = wire::Condition::any([
        wire_test("exists", "[]"),
        wire::Condition::test("other", Operator::Exists, []),
        wire_test("equals", "[1]"),
    ]);
    let (condition, segments) = compiled(&condition, &[]).unwrap();
    let attributes = attributes(r#""text""#);
    let mut contrary = Contrary(Vec::new());
    let truth = condition.judge(&segments, &Context::anonymous().with_attributes(&attributes), &mut contrary);
    // The second answer is decisive, so the third test is never judged.
    assert_eq!(truth, True);
    assert_eq!(contrary.0, [("exists".to_owned(), true, True), ("exists".to_owned(), false, False)]);
}

#[test]
fn two_conditions_are_the_same_when_their_tests_are_segments_followed() {
    let team = || wire_test("equals", r#"["team"]"#);
    let through = [("paid", wire::Condition::segment("team")), ("team", team())];
    let (left, left_segments) =
        compiled(&wire::Condition::negated(wire::Condition::segment("paid")), &through).unwrap();
    let (right, right_segments) = compiled(&wire::Condition::negated(team()), &[]).unwrap();
    assert!(left.same(&left_segments, &right, &right_segments));
    assert!(right.same(&right_segments, &left, &left_segments));
    for other in [team(), wire::Condition::negated(wire_test("in", r#"["team"]"#)), wire::Condition::all([team()])] {
        let (other, other_segments) = compiled(&other, &[]).unwrap();
        assert!(!left.same(&left_segments, &other, &other_segments));
    }
}
