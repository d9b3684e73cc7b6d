//! The evaluation hot path beside the floor it stands on: one blake3 hash of 64 bytes.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops at the first surprise")]

use std::hint::black_box;
use std::path::Path;

use benches::{
    ENVIRONMENT, PEOPLE, PROJECT, SAMPLE, attributes, boolean_key, people, rollout_key, rule_key, signed, snapshot_json,
};
use criterion::{BatchSize, Criterion};
use flag_client::trust::{SizeLimit, TrustState};
use flag_core::{Context, Ruleset, UnitDigest};

/// Wraps around the people, so that no row measures one lucky id.
struct Turn(usize);

impl Turn {
    fn next(&mut self) -> usize {
        self.0 = (self.0 + 1) % PEOPLE;
        self.0
    }
}

fn check_answers(ruleset: &Ruleset, ids: &[String]) {
    let attributes = attributes();
    let on = |key: &str| {
        ids.iter()
            .filter(|id| ruleset.evaluate(key, &Context::new(id).with_attributes(&attributes)).bool_or(false))
            .count()
    };
    assert_eq!(on(&boolean_key(SAMPLE[0])), PEOPLE);
    assert!((200..=312).contains(&on(&rollout_key(SAMPLE[1]))));
    assert!((448..=576).contains(&on(&rule_key(SAMPLE[2]))));
}

fn evaluation(criterion: &mut Criterion) {
    let ruleset = Ruleset::from_json(&snapshot_json(100)).unwrap();
    let ids = people(PEOPLE);
    check_answers(&ruleset, &ids);
    let attributes = attributes();
    let contexts: Vec<Context<'_>> = ids.iter().map(|id| Context::new(id).with_attributes(&attributes)).collect();
    let (boolean, rollout, rule) = (boolean_key(SAMPLE[0]), rollout_key(SAMPLE[1]), rule_key(SAMPLE[2]));

    let mut group = criterion.benchmark_group("evaluation");
    let message = [7_u8; 64];
    group.bench_function("floor", |bench| bench.iter(|| blake3::hash(black_box(&message))));
    let mut turn = Turn(0);
    group.bench_function("w1", |bench| {
        bench.iter(|| ruleset.evaluate(black_box(&boolean), &contexts[turn.next()]).bool_or(false));
    });
    let handle = ruleset.flag(&boolean).unwrap();
    group.bench_function("w1_handle", |bench| {
        bench.iter(|| black_box(&handle).evaluate(&contexts[turn.next()]).bool_or(false));
    });
    group.bench_function("w2", |bench| {
        bench.iter(|| ruleset.evaluate(black_box(&rollout), &contexts[turn.next()]).bool_or(false));
    });
    group.bench_function("w2_fresh", |bench| {
        bench.iter(|| {
            let context = Context::new(&ids[turn.next()]).with_attributes(&attributes);
            ruleset.evaluate(black_box(&rollout), &context).bool_or(false)
        });
    });
    group.bench_function("w3", |bench| {
        bench.iter(|| ruleset.evaluate(black_box(&rule), &contexts[turn.next()]).bool_or(false));
    });
    group.bench_function("w4", |bench| {
        bench.iter(|| {
            let mut on = 0;
            ruleset.evaluate_all(&contexts[turn.next()], |decision| on += u32::from(decision.bool_or(false)));
            on
        });
    });
    group.finish();
}

fn loading(criterion: &mut Criterion) {
    let document = snapshot_json(10_000);
    let mut group = criterion.benchmark_group("evaluation");
    group.sample_size(20);
    group.bench_function("w5_parse", |bench| {
        bench.iter_batched(|| (), |()| Ruleset::from_json(black_box(&document)).unwrap(), BatchSize::PerIteration);
    });
    let (root, signed) = (signed::root(), signed::snapshot(10_000));
    let client = TrustState::open(&root, PROJECT, ENVIRONMENT).unwrap().with_size_limit(SizeLimit::HARD);
    group.bench_function("w5", |bench| {
        bench.iter_batched(
            || client.clone(),
            |mut client| {
                client.accept_snapshot(black_box(&signed), signed::now()).unwrap();
                Ruleset::from_json(client.snapshot_payload().unwrap()).unwrap()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn many_units(criterion: &mut Criterion) {
    const UNITS: usize = 1_000_000;
    let ruleset = Ruleset::from_json(&snapshot_json(100)).unwrap();
    let flag = ruleset.flag(&rollout_key(SAMPLE[1])).unwrap();
    let ids = people(UNITS);
    let digests: Vec<UnitDigest> = ids.iter().map(|id| UnitDigest::of(id)).collect();
    let mut group = criterion.benchmark_group("evaluation");
    group.sample_size(10);
    group.bench_function("million_digests", |bench| {
        bench.iter(|| {
            let mut on = 0_u32;
            flag.evaluate_units(&digests, &Context::anonymous(), |_, decision| {
                on += u32::from(decision.bool_or(false));
            });
            on
        });
    });
    group.bench_function("million_ids", |bench| {
        bench.iter(|| {
            let mut on = 0_u32;
            let digests: Vec<UnitDigest> = ids.iter().map(|id| UnitDigest::of(id)).collect();
            flag.evaluate_units(&digests, &Context::anonymous(), |_, decision| {
                on += u32::from(decision.bool_or(false));
            });
            on
        });
    });
    group.finish();
}

/// What a row is, and what it is held against.
const ROWS: &[(&str, &str, Option<f64>)] = &[
    ("floor", "blake3::hash of 64 bytes", None),
    ("w1", "W1 one boolean flag by key", None),
    ("w1_handle", "W1 the same by a handle resolved before", None),
    ("w2", "W2 one 25 % rollout", Some(1.3)),
    ("w2_fresh", "W2 the same, context made inside", Some(2.8)),
    ("w3", "W3 rule of three conditions + 50 %", Some(1.6)),
    ("w4", "W4 all 100 flags for one user", None),
    ("w5", "W5 10,000 flags, signed bytes to ready", None),
    ("w5_parse", "   of which JSON to ready", None),
    ("million_digests", "1,000,000 digests through one flag", None),
    ("million_ids", "1,000,000 ids through one flag", None),
];

fn output() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/criterion")
}

fn median(row: &str) -> Option<f64> {
    let estimates = std::fs::read(output().join("evaluation").join(row).join("new/estimates.json")).ok()?;
    serde_json::from_slice::<serde_json::Value>(&estimates).ok()?["median"]["point_estimate"].as_f64()
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn print_table() {
    let Some(floor) = median("floor") else { return };
    println!("\n{:<42} {:>14} {:>9} {:>9}", "row (medians of this run)", "time", "x floor", "aim");
    for (row, name, aim) in ROWS {
        let Some(nanos) = median(row) else { continue };
        let time = match nanos {
            nanos if nanos < 1e4 => format!("{nanos:.1} ns"),
            nanos if nanos < 1e6 => format!("{:.2} us", nanos / 1e3),
            nanos => format!("{:.2} ms", nanos / 1e6),
        };
        let aim = aim.map_or_else(String::new, |aim| format!("<= {aim}"));
        println!("{name:<42} {time:>14} {:>9.2} {aim:>9}", nanos / floor);
    }
}

fn main() {
    let mut criterion = Criterion::default().output_directory(&output()).configure_from_args();
    evaluation(&mut criterion);
    loading(&mut criterion);
    many_units(&mut criterion);
    criterion.final_summary();
    if !std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        print_table();
    }
}
