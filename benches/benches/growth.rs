//! What a decision costs and what a ruleset keeps as flags grow from 100 to 100,000.
#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Instant;

use benches::{PEOPLE, attributes, people, rollout_key, snapshot_json};
use flag_core::{Context, Ruleset};

const BATCHES: usize = 301;

/// Returns the median time of one evaluation, in nanoseconds, of a rollout that is another one each time, far from the one before.
fn evaluation_nanos(ruleset: &Ruleset, flags: usize, contexts: &[Context<'_>]) -> f64 {
    let rollouts: Vec<usize> = (0..flags).filter(|number| (5..8).contains(&(number % 10))).collect();
    // A step that has no divisor in common with their number comes to all of them. Their keys stand in this order, one after the other:
    // what a program asks for is at hand, and what is waited for is the ruleset.
    let shuffled: Vec<String> =
        (0..rollouts.len()).map(|turn| rollout_key(rollouts[turn * 7_919 % rollouts.len()])).collect();
    let (text, length) = (shuffled.concat(), shuffled[0].len());
    let keys: Vec<&str> = (0..shuffled.len()).map(|at| &text[at * length..][..length]).collect();
    let mut next = keys.iter().cycle();
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            let mut on = 0_u32;
            for (context, key) in contexts.iter().zip(next.by_ref()) {
                on += u32::from(ruleset.evaluate(key, context).bool_or(false));
            }
            black_box(on);
            start.elapsed().as_secs_f64() * 1e9 / contexts.len() as f64
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[BATCHES / 2]
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let sizes: &[usize] =
        if arguments.iter().any(|argument| argument == "--test") { &[100] } else { &[100, 1_000, 10_000, 100_000] };
    let (ids, attributes) = (people(PEOPLE), attributes());
    let contexts: Vec<Context<'_>> = ids.iter().map(|id| Context::new(id).with_attributes(&attributes)).collect();
    println!("{:>10} {:>14} {:>10} {:>16} {:>14}", "flags", "W2", "x of 100", "kept bytes/flag", "blocks/flag");
    let mut first = None;
    for flags in sizes {
        let document = snapshot_json(*flags);
        let mut ruleset = None;
        let kept = allocation_counter::measure(|| ruleset = Some(Ruleset::from_json(&document).unwrap()));
        let nanos = evaluation_nanos(&ruleset.unwrap(), *flags, &contexts);
        let ratio = nanos / *first.get_or_insert(nanos);
        let per_flag = |total: i64| total as f64 / *flags as f64;
        println!(
            "{flags:>10} {:>14} {ratio:>10.2} {:>16.0} {:>14.1}",
            format!("{nanos:.1} ns"),
            per_flag(kept.bytes_current),
            per_flag(kept.count_current)
        );
    }
    println!("W2 is a 25 % rollout by key, another key each time; aim: at most 3 x that of 100 flags.");
    println!("Kept is what a ruleset has asked of the allocator and not given back; aim: at most 400 bytes a flag.");
}
