//! Who is in which bucket: the ends of a lane, ranges, and independence of flags, lanes and ids.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod document;

use document::{rollout, ruleset, switch};
use flag_core::{Context, Lanes, Ruleset, SeedDigest, UnitDigest};

/// The id of number n.
type Id = fn(u32) -> String;

/// Ids as three kinds of hosts give them.
const KINDS: [(&str, Id); 3] = [
    ("sequential", |n| format!("user-{n}")),
    ("uuid", |n| {
        let hex = blake3::hash(&n.to_le_bytes()).to_hex();
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }),
    ("e-mail", |n| format!("kim.lee{n}@example.com")),
];

/// Keys of which many differ in one character, or continue one another.
const KEYS: [&str; 10] = [
    "flag_a",
    "flag_b",
    "checkout_v2",
    "checkout_v3",
    "a",
    "aa",
    "model",
    "model1",
    "mlx_backend",
    "telemetry_cloud_sync",
];

fn digests(count: u32, id: Id) -> Vec<UnitDigest> {
    (0..count).map(|n| UnitDigest::of(&id(n))).collect()
}

fn lanes(unit: &str, seed: &str) -> Lanes {
    Lanes::of(&UnitDigest::of(unit), &SeedDigest::of(seed))
}

fn variants(ruleset: &Ruleset, key: &str, count: u32) -> Vec<String> {
    let decide = |n| ruleset.evaluate(key, &Context::new(&format!("user-{n}"))).variant().unwrap().to_owned();
    (0..count).map(decide).collect()
}

/// A flag of three text variants whose allocation is given.
fn split_flag(key: &str, variants: &str, allocation: &str) -> String {
    format!(
        r#""{key}": {{"variants": {{{variants}}}, "off_variant": "a", "seed": "fixed",
            "fallthrough": {{"exposure": 100000, "allocation": {{{allocation}}}, "otherwise": "a"}}}}"#
    )
}

const ABC: &str = r#""a": "A", "b": "B", "c": "C""#;

fn count<T>(items: impl IntoIterator<Item = T>) -> f64 {
    items.into_iter().fold(0.0, |count, _| count + 1.0)
}

/// Pearson's statistic of counts that should all be the same.
fn chi_square(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / count(counts);
    counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
}

#[test]
fn e02_everyone_is_everyone_and_e03_nobody_is_nobody() {
    let ruleset = ruleset(&[rollout("all", 100_000), rollout("none", 0)].join(","), "");
    for n in 0..2_000 {
        let unit = format!("user-{n}");
        let context = Context::new(&unit);
        assert_eq!(ruleset.evaluate("all", &context).bool(), Ok(true), "{unit}");
        assert_eq!(ruleset.evaluate("none", &context).bool(), Ok(false), "{unit}");
    }
}

#[test]
fn e03_a_variant_without_ranges_is_never_served() {
    let ruleset = ruleset(&split_flag("f", ABC, r#""a": [[0, 50000]], "b": [], "c": [[50000, 100000]]"#), "");
    assert!(variants(&ruleset, "f", 2_000).iter().all(|variant| variant != "b"));
}

#[test]
fn e04_a_share_exposes_as_many_buckets_as_it_says() {
    // 0.07 %, 0.55 % and 1.1 % are the shares where a comparison of floats lets one bucket too many in.
    for share in [70, 550, 1_100, 8_030, 99_999] {
        let share = flag_core::Share::from_thousandths(share).unwrap();
        let exposed = (0..100_000).filter_map(flag_core::Bucket::from_index).filter(|bucket| share.exposes(*bucket));
        assert_eq!(exposed.count(), share.thousandths() as usize);
    }
}

#[test]
fn e06_the_order_of_variants_and_ranges_means_nothing() {
    let one = ruleset(&split_flag("f", ABC, r#""a": [[0, 20000]], "b": [[20000, 70000]], "c": [[70000, 100000]]"#), "");
    let other = ruleset(
        &split_flag(
            "f",
            r#""c": "C", "b": "B", "a": "A""#,
            r#""c": [[70000, 100000]], "b": [[20000, 70000]], "a": [[0, 20000]]"#,
        ),
        "",
    );
    assert_eq!(variants(&one, "f", 2_000), variants(&other, "f", 2_000));
}

#[test]
fn e06_renaming_a_variant_moves_nobody_between_ranges() {
    let one = ruleset(&split_flag("f", ABC, r#""a": [[0, 50000]], "b": [[50000, 100000]]"#), "");
    let renamed =
        ruleset(&split_flag("f", r#""a": "A", "zebra": "B""#, r#""a": [[0, 50000]], "zebra": [[50000, 100000]]"#), "");
    for (before, after) in variants(&one, "f", 2_000).iter().zip(variants(&renamed, "f", 2_000)) {
        assert_eq!(before == "a", after == "a");
    }
}

#[test]
fn e07_two_flags_expose_independent_people() {
    const UNITS: u32 = 40_000;
    const SHARE: u32 = 10_000;
    for (kind, id) in KINDS {
        let units = digests(UNITS, id);
        let exposed: Vec<Vec<bool>> = KEYS
            .iter()
            .map(|key| {
                let seed = SeedDigest::of(key);
                units.iter().map(|unit| Lanes::of(unit, &seed).exposure().index() < SHARE).collect()
            })
            .collect();
        let both = |a: &[bool], b: &[bool]| count(a.iter().zip(b).filter(|(a, b)| **a && **b));
        for (i, a) in exposed.iter().enumerate() {
            for (j, b) in exposed.iter().enumerate().skip(i + 1) {
                // P(B|A) / P(B). With 400 people expected in both it has a standard deviation of 0.045; this is 4.5 of them,
                // where formulas that share their hash give lifts between 0 and 6.
                let lift = both(a, b) * f64::from(UNITS) / (both(a, a) * both(b, b));
                assert!((lift - 1.0).abs() < 0.2, "{kind}: {} and {}: lift {lift}", KEYS[i], KEYS[j]);
            }
        }
    }
}

#[test]
fn e08_the_first_to_be_exposed_are_split_like_everyone() {
    // A group that has the flag's own seed, by accident, still reads another lane.
    let seed = SeedDigest::of("checkout_v2");
    for (kind, id) in KINDS {
        let units = digests(40_000, id);
        for share in [1_000_u32, 5_000, 25_000] {
            let lanes = units.iter().map(|unit| Lanes::of(unit, &seed));
            let exposed: Vec<Lanes> = lanes.filter(|lanes| lanes.exposure().index() < share).collect();
            let all = count(&exposed);
            // 4.5 standard deviations of the mean of so many fair draws.
            let bound = 4.5 * 0.5 / all.sqrt();
            let first = count(exposed.iter().filter(|lanes| lanes.variant().index() < 50_000)) / all;
            assert!((first - 0.5).abs() < bound, "{kind}: at {share} the first variant has {first} of the exposed");
            let slot = count(exposed.iter().filter(|lanes| lanes.slot().index() < 50_000)) / all;
            assert!((slot - 0.5).abs() < bound, "{kind}: at {share} the first slot has {slot} of the exposed");
        }
    }
}

#[test]
fn e09_where_unit_ends_and_seed_begins_counts() {
    for (one, other) in [(("1user", "model"), ("user", "model1")), (("", "ab"), ("ab", "")), (("a", "b"), ("b", "a"))] {
        assert_ne!(lanes(one.0, one.1).buckets(), lanes(other.0, other.1).buckets());
    }
}

#[test]
fn e10_a_renamed_flag_with_its_seed_keeps_everyone() {
    let old = ruleset(&rollout("old_name", 30_000), "");
    let body = format!(r#""seed": "old_name", "fallthrough": {}"#, document::split(30_000));
    let renamed = ruleset(&[switch("new_name", &body), rollout("stranger", 30_000)].join(","), "");
    assert_eq!(variants(&old, "old_name", 2_000), variants(&renamed, "new_name", 2_000));
    assert_ne!(variants(&old, "old_name", 2_000), variants(&renamed, "stranger", 2_000));
}

#[test]
fn e14_moving_a_boundary_moves_only_who_is_between() {
    let one = ruleset(&split_flag("f", ABC, r#""a": [[0, 40000]], "b": [[40000, 100000]]"#), "");
    let other = ruleset(&split_flag("f", ABC, r#""a": [[0, 45000]], "b": [[45000, 100000]]"#), "");
    let mut moved = 0;
    for (n, (before, after)) in variants(&one, "f", 4_000).iter().zip(variants(&other, "f", 4_000)).enumerate() {
        let bucket = lanes(&format!("user-{n}"), "fixed").variant().index();
        assert_eq!(*before != after, (40_000..45_000).contains(&bucket), "user-{n} in bucket {bucket}");
        moved += u32::from(*before != after);
    }
    assert!((150..250).contains(&moved), "{moved} of 4,000 moved, expected about 200");
}

#[test]
fn e15_a_new_variant_takes_only_from_its_interval() {
    let one = ruleset(&split_flag("f", ABC, r#""a": [[0, 50000]], "b": [[50000, 100000]]"#), "");
    let other = ruleset(
        &split_flag("f", ABC, r#""a": [[0, 40000]], "b": [[50000, 90000]], "c": [[40000, 50000], [90000, 100000]]"#),
        "",
    );
    for (before, after) in variants(&one, "f", 4_000).into_iter().zip(variants(&other, "f", 4_000)) {
        assert!(after == "c" || after == before, "{before} became {after}");
    }
}

/// With 99 degrees of freedom a fair draw is outside 46..181 once in 500,000 runs; with 99,999 it is outside five standard deviations
/// of 447 less often.
#[test]
fn e17_buckets_of_a_million_sequential_ids_are_even() {
    let units = digests(1_000_000, |n| n.to_string());
    for key in ["checkout_v2", "a"] {
        let seed = SeedDigest::of(key);
        let mut fine = [(); 4].map(|()| vec![0_u32; 100_000]);
        for unit in &units {
            for (counts, bucket) in fine.iter_mut().zip(Lanes::of(unit, &seed).buckets()) {
                counts[bucket.index() as usize] += 1;
            }
        }
        for (lane, fine) in fine.iter().enumerate() {
            let coarse: Vec<u32> = fine.chunks(1_000).map(|counts| counts.iter().sum()).collect();
            let statistic = chi_square(&coarse);
            assert!((46.0..181.0).contains(&statistic), "{key}, lane {lane}: chi-square {statistic} of 100 bins");
            let statistic = chi_square(fine);
            assert!(
                (97_763.0..102_235.0).contains(&statistic),
                "{key}, lane {lane}: chi-square {statistic} of all buckets"
            );
        }
    }
}
