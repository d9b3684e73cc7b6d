#![no_main]
//! Any two texts, each on its line, read as versions and requirements: no panic, a total order, and operators that agree with it.

use flag_core::{Version, VersionOperator, VersionRequirement};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: &str| {
    let (first, second) = lines.split_once('\n').unwrap_or((lines, ""));
    let Ok(left) = Version::parse(first) else {
        assert!(VersionRequirement::new(VersionOperator::Caret, first).is_err());
        return;
    };
    let printed = left.to_string();
    assert_eq!(Version::parse(&printed), Ok(left), "{printed}");
    let Ok(right) = Version::parse(second) else { return };
    let order = left.cmp(&right);
    assert_eq!(order, right.cmp(&left).reverse());
    assert_eq!(order.is_eq(), left == right);
    let fulfils = |operator| {
        let requirement = VersionRequirement::new(operator, second).expect("it is a version");
        let answer = requirement.matches(&left);
        assert_eq!(requirement.matches_text(first), Some(answer));
        assert!(!matches!(operator, VersionOperator::Caret | VersionOperator::Tilde) || requirement.matches(&right));
        answer
    };
    assert_eq!(fulfils(VersionOperator::Equal), order.is_eq());
    assert_eq!(fulfils(VersionOperator::Greater), order.is_gt());
    assert_eq!(fulfils(VersionOperator::GreaterOrEqual), order.is_ge());
    assert_eq!(fulfils(VersionOperator::Less), order.is_lt());
    assert_eq!(fulfils(VersionOperator::LessOrEqual), order.is_le());
    assert!(!fulfils(VersionOperator::Caret) || order.is_ge());
    assert!(!fulfils(VersionOperator::Tilde) || order.is_ge());
});
