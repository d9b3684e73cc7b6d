//! What a decision costs, and what a ruleset keeps, as flags, a flag's rules, and a condition's values grow.
#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use benches::growing::{KEY, customer, with_list, with_rules};
use benches::plot::{Chart, Line, svg};
use benches::{PEOPLE, attributes, people, rollout_key, snapshot_json};
use flag_core::{Attributes, Context, Ruleset};

const BATCHES: usize = 301;

/// Returns the median, over many batches, of the time of one evaluation in nanoseconds. A batch tells how many it made.
fn median_nanos(mut batch: impl FnMut() -> usize) -> f64 {
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            let evaluations = batch();
            start.elapsed().as_secs_f64() * 1e9 / evaluations as f64
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}

/// Times a rollout that is another one each time, far from the one before.
fn by_key(ruleset: &Ruleset, flags: usize, contexts: &[Context<'_>]) -> f64 {
    let rollouts: Vec<usize> = (0..flags).filter(|number| (5..8).contains(&(number % 10))).collect();
    // A step that has no divisor in common with their number comes to all of them. Their keys stand in this order, one after the other:
    // what a program asks for is at hand, and what is waited for is the ruleset.
    let shuffled: Vec<String> =
        (0..rollouts.len()).map(|turn| rollout_key(rollouts[turn * 7_919 % rollouts.len()])).collect();
    let (text, length) = (shuffled.concat(), shuffled[0].len());
    let keys: Vec<&str> = (0..shuffled.len()).map(|at| &text[at * length..][..length]).collect();
    let mut next = keys.iter().cycle();
    median_nanos(|| {
        let on = contexts.iter().zip(next.by_ref()).filter(|(context, key)| is_on(ruleset, key, context)).count();
        black_box(on);
        contexts.len()
    })
}

fn is_on(ruleset: &Ruleset, key: &str, context: &Context<'_>) -> bool {
    ruleset.evaluate(black_box(key), context).bool_or(false)
}

/// Times the one flag for customers who all have it on, or all off.
fn for_customers(ruleset: &Ruleset, customers: &[Attributes], on: bool) -> f64 {
    let contexts: Vec<Context<'_>> =
        customers.iter().map(|known| Context::anonymous().with_attributes(known)).collect();
    assert!(contexts.iter().all(|context| is_on(ruleset, KEY, context) == on));
    median_nanos(|| {
        black_box(contexts.iter().filter(|context| is_on(ruleset, KEY, context)).count());
        contexts.len()
    })
}

/// Loads a document, and returns with it the bytes and blocks that it keeps.
fn kept(document: &[u8]) -> (Ruleset, i64, i64) {
    let mut ruleset = None;
    let kept = allocation_counter::measure(|| ruleset = Some(Ruleset::from_json(document).unwrap()));
    (ruleset.unwrap(), kept.bytes_current, kept.count_current)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn flags(sizes: &[usize]) -> Chart<'static> {
    let (ids, attributes) = (people(PEOPLE), attributes());
    let contexts: Vec<Context<'_>> = ids.iter().map(|id| Context::new(id).with_attributes(&attributes)).collect();
    println!("{:>10} {:>14} {:>10} {:>16} {:>14}", "flags", "W2", "x of 100", "kept bytes/flag", "blocks/flag");
    let mut points = Vec::new();
    for flags in sizes {
        let (ruleset, bytes, blocks) = kept(&snapshot_json(*flags));
        let nanos = by_key(&ruleset, *flags, &contexts);
        points.push((*flags as f64, nanos));
        let per_flag = |total: i64| total as f64 / *flags as f64;
        println!(
            "{flags:>10} {:>14} {:>10.2} {:>16.0} {:>14.1}",
            format!("{nanos:.1} ns"),
            nanos / points[0].1,
            per_flag(bytes),
            per_flag(blocks)
        );
    }
    println!("W2 is a 25 % rollout by key, another key each time; aim: at most 3 x that of 100 flags.");
    println!("Kept is what a ruleset has asked of the allocator and not given back; aim: at most 400 bytes a flag.");
    let lines = vec![Line { name: "another flag each time", points }];
    Chart { title: "A 25 % rollout", growing: "flags in the ruleset", lines }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn rules(sizes: &[usize]) -> Chart<'static> {
    println!("\n{:>10} {:>14} {:>14} {:>16}", "rules", "first matches", "last matches", "of it, a rule");
    let (mut of_first, mut of_last) = (Vec::new(), Vec::new());
    for rules in sizes {
        let (ruleset, ..) = kept(&with_rules(*rules));
        let time = |rule: usize| for_customers(&ruleset, &vec![customer(&format!("customer_{rule:04}")); PEOPLE], true);
        let (first, last) = (time(0), time(rules - 1));
        of_first.push((*rules as f64, first));
        of_last.push((*rules as f64, last));
        println!(
            "{rules:>10} {:>14} {:>14} {:>16}",
            format!("{first:.1} ns"),
            format!("{last:.1} ns"),
            format!("{:.1} ns", last / *rules as f64)
        );
    }
    println!("Each rule asks whether one attribute is one value. Rules are tried in their order until one matches.");
    let lines =
        vec![Line { name: "the last matches", points: of_last }, Line { name: "the first matches", points: of_first }];
    Chart { title: "A flag with many rules", growing: "rules of the flag", lines }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn values(sizes: &[usize]) -> Chart<'static> {
    println!(
        "\n{:>10} {:>14} {:>14} {:>10} {:>17}",
        "values", "in the list", "not in it", "x of one", "kept bytes/value"
    );
    let most = sizes.last().copied().unwrap_or(1);
    // Twice as many names as the longest list has: half of them are in no list.
    let names = people(2 * most.max(PEOPLE));
    let (mut of_found, mut of_missing) = (Vec::new(), Vec::new());
    for values in sizes {
        let (listed, others) = names.split_at(*values);
        let (ruleset, bytes, _) = kept(&with_list(listed));
        let some = |names: &[String]| -> Vec<Attributes> {
            (0..PEOPLE).map(|turn| customer(&names[turn * 7_919 % names.len()])).collect()
        };
        let (found, missing) =
            (for_customers(&ruleset, &some(listed), true), for_customers(&ruleset, &some(others), false));
        of_found.push((*values as f64, found));
        of_missing.push((*values as f64, missing));
        println!(
            "{values:>10} {:>14} {:>14} {:>10.2} {:>17.0}",
            format!("{found:.1} ns"),
            format!("{missing:.1} ns"),
            found / of_found[0].1,
            bytes as f64 / *values as f64
        );
    }
    println!("The values are UUIDs; {PEOPLE} different ones are looked for in turn.");
    let lines = vec![Line { name: "in the list", points: of_found }, Line { name: "not in it", points: of_missing }];
    Chart { title: "A condition with many values", growing: "values of the condition", lines }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let upto = |sizes: &'static [usize]| if is_test { &sizes[..1] } else { sizes };
    let charts = [
        flags(upto(&[100, 1_000, 10_000, 100_000])),
        rules(upto(&[1, 2, 4, 8, 16, 32, 64])),
        values(upto(&[1, 10, 100, 1_000, 10_000])),
    ];
    if arguments.iter().any(|argument| argument == "--plot") {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("growth.svg");
        std::fs::write(file, svg(&charts, "What a decision costs as flags, rules and values grow")).unwrap();
    }
}
