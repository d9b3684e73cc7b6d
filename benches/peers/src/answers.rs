//! Whether a product decides what it was asked to decide.

use std::ops::RangeInclusive;

use crate::product::{Product, Visit};
use crate::work::{
    Flag, Kind, PEOPLE, Person, ROLLOUT_PERCENT, RULE_PERCENT, flags, matched, matched_by_number, unmatched,
};

/// What 25 % of 1,024 may come to for the one flag that is timed, four standard deviations to either side.
const OF_ROLLOUT: RangeInclusive<usize> = 201..=311;
/// The same for 50 %.
const OF_RULE: RangeInclusive<usize> = 448..=576;

/// What a product's flags came to.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// People of [`PEOPLE`] for whom the rollout is on that is timed.
    pub rollout: usize,
    /// People of [`PEOPLE`] for whom the rule's flag is on that is timed.
    pub rule: usize,
}

/// Asks a product for every flag of a hundred, for everyone.
///
/// # Panics
///
/// If a boolean flag is off for anybody, a rollout is on for a part that chance does not explain, a rule lets in anybody whom one of its
/// conditions keeps out, or asking for all flags at once says something else than asking for each.
pub fn check<P: Product>() -> Answers {
    let product = P::open(&P::document(100));
    let flags = flags(100);
    let on = |flag: &Flag, people: &[Person]| {
        people.iter().filter(|person| product.is_on(&flag.key, &P::context(person))).count()
    };
    let (matched, by_number, unmatched) = (matched(), matched_by_number(), unmatched());
    let of = |kind: Kind| flags.iter().filter(move |flag| flag.kind == kind);

    for flag in of(Kind::Boolean) {
        assert_eq!(on(flag, &matched), PEOPLE, "{}: {} is on for everyone", P::NAME, flag.key);
    }
    let rollouts: Vec<usize> = of(Kind::Rollout).map(|flag| on(flag, &matched)).collect();
    expect_share::<P>("25 % rollouts", &rollouts, ROLLOUT_PERCENT);
    for flag in of(Kind::Rollout).take(3) {
        let of_ids = matched.iter().filter(|person| product.is_on(&flag.key, &P::context_of_id(&person.id))).count();
        assert_eq!(of_ids, on(flag, &matched), "{}: {} asks for the id alone", P::NAME, flag.key);
    }
    let rules: Vec<usize> = of(Kind::Rule).map(|flag| on(flag, &matched)).collect();
    expect_share::<P>("50 % of those whom a rule matches", &rules, RULE_PERCENT);
    for (flag, matched) in of(Kind::Rule).zip(&rules) {
        assert_eq!(on(flag, &unmatched), 0, "{}: {} lets in whom its rule keeps out", P::NAME, flag.key);
        assert_eq!(on(flag, &by_number), *matched, "{}: {} compares versions as text", P::NAME, flag.key);
    }
    let keys: Vec<String> = flags.iter().map(|flag| flag.key.clone()).collect();
    for person in matched.iter().chain(&unmatched).step_by(97) {
        let context = P::context(person);
        let one_by_one = keys.iter().filter(|key| product.is_on(key, &context)).count();
        assert_eq!(product.count_on(&keys, &context), one_by_one, "{}: all flags at once", P::NAME);
    }

    let [_, rollout, rule] = crate::work::sample().map(|flag| on(&flag, &matched));
    assert!(OF_ROLLOUT.contains(&rollout), "{}: 25 % of {PEOPLE} came to {rollout}", P::NAME);
    assert!(OF_RULE.contains(&rule), "{}: 50 % of {PEOPLE} came to {rule}", P::NAME);
    Answers { rollout, rule }
}

/// Wants all flags of one kind together within four standard deviations of their percentage, as if every decision were a draw of its own.
fn expect_share<P: Product>(what: &str, on: &[usize], percent: u32) {
    let draws = f64::from(u32::try_from(on.len() * PEOPLE).unwrap());
    let share = f64::from(percent) / 100.0;
    let found = f64::from(u32::try_from(on.iter().sum::<usize>()).unwrap()) / draws;
    let deviation = (share * (1.0 - share) / draws).sqrt();
    assert!((found - share).abs() <= 4.0 * deviation, "{}: {what} came to {:.2} %", P::NAME, found * 100.0);
}

/// Checks each product.
pub struct Check;

impl Visit for Check {
    fn visit<P: Product>(&mut self) {
        check::<P>();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_product_decides_what_it_was_asked_to() {
        crate::products::each(&mut super::Check);
    }
}
