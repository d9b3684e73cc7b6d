//! Every product on the same work in one process: times, readers beside swaps, and which aims are met.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::cell::Cell;
use std::hint::black_box;
use std::thread::available_parallelism;
use std::time::Duration;

use benches::readers::{Run, latencies, throughput};
use benches::snapshot_json;
use criterion::{BatchSize, Criterion};
use flag_core::{Context, Ruleset};
use peers::answers;
use peers::product::{Held, Product, Visit, VisitHeld};
use peers::products::{Evaluator, Installation, each, each_held};
use peers::results::{Readers, Row, aims, median, output, readers, time, times, title, unequal};
use peers::work::{PEOPLE, Person, flags, matched, sample};

/// Wraps around the people, so that no row measures one lucky id.
struct Turn(usize);

impl Turn {
    fn next(&mut self) -> usize {
        self.0 = (self.0 + 1) % PEOPLE;
        self.0
    }
}

struct Answers;

impl Visit for Answers {
    fn visit<P: Product>(&mut self) {
        let found = answers::check::<P>();
        println!("{:<26} 25 %: {:>3} of {PEOPLE}, 50 %: {:>3}, rules exact", P::NAME, found.rollout, found.rule);
    }
}

/// One row, product after product, so that what stands in a row was measured within half a minute.
struct Timed<'c> {
    row: Row,
    criterion: &'c mut Criterion,
    people: &'c [Person],
}

impl Timed<'_> {
    fn evaluations<P: Product>(&mut self) {
        let product = P::open(&P::document(100));
        let contexts: Vec<P::Context<'_>> = self.people.iter().map(P::context).collect();
        let [boolean, rollout, rule] = sample().map(|flag| flag.key);
        let keys: Vec<String> = flags(100).into_iter().map(|flag| flag.key).collect();
        let mut turn = Turn(0);
        let mut group = self.criterion.benchmark_group(self.row.name());
        group.bench_function(P::NAME, |bench| match self.row {
            Row::W1 => bench.iter(|| product.is_on(black_box(&boolean), &contexts[turn.next()])),
            Row::W2 => bench.iter(|| product.is_on(black_box(&rollout), &contexts[turn.next()])),
            Row::W2Fresh => bench.iter(|| {
                let context = P::context_of_id(&self.people[turn.next()].id);
                product.is_on(black_box(&rollout), &context)
            }),
            Row::W3 => bench.iter(|| product.is_on(black_box(&rule), &contexts[turn.next()])),
            Row::W4 => bench.iter(|| product.count_on(black_box(&keys), &contexts[turn.next()])),
            Row::W5 => (),
        });
        group.finish();
    }

    fn loading<P: Product>(&mut self) {
        let document = P::document(10_000);
        let mut group = self.criterion.benchmark_group(self.row.name());
        group.sample_size(20);
        group.bench_function(P::NAME, |bench| {
            bench.iter_batched(|| (), |()| P::load(black_box(&document)), BatchSize::PerIteration);
        });
        group.finish();
    }
}

/// Times the client's reads for the installation it runs on, beside the rows of all others.
fn own_reads(row: Row, criterion: &mut Criterion, person: &Person) {
    let Some(at) = [Row::W1, Row::W2, Row::W3].into_iter().position(|own| own == row) else { return };
    let installation = Installation::open(&Evaluator::document(100), person);
    let evaluator = Evaluator::open(&Evaluator::document(100));
    let flag = &sample()[at];
    assert_eq!(installation.is_on(&flag.key), evaluator.is_on(&flag.key, &Evaluator::context(person)));
    let mut group = criterion.benchmark_group(row.name());
    group.bench_function(Installation::NAME, |bench| bench.iter(|| installation.is_on(black_box(&flag.key))));
    group.finish();
}

impl Visit for Timed<'_> {
    fn visit<P: Product>(&mut self) {
        match self.row {
            Row::W5 if P::IS_LOADED => self.loading::<P>(),
            Row::W5 => (),
            _ => self.evaluations::<P>(),
        }
    }
}

/// One hash of 64 bytes, below which no decision about somebody can be, and our boolean flag by a handle.
fn floor(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("floor");
    let message = [7_u8; 64];
    group.bench_function("blake3", |bench| bench.iter(|| blake3::hash(black_box(&message))));
    let ruleset = Ruleset::from_json(&snapshot_json(100)).unwrap();
    let people = matched();
    let contexts: Vec<Context<'_>> = people.iter().map(Evaluator::context).collect();
    let [boolean, ..] = sample();
    let handle = ruleset.flag(&boolean.key).unwrap();
    let mut turn = Turn(0);
    group.bench_function("handle", |bench| {
        bench.iter(|| black_box(&handle).evaluate(&contexts[turn.next()]).bool_or(false));
    });
    group.finish();
}

thread_local! {
    static TURN: Cell<usize> = const { Cell::new(0) };
}

/// Readers of a rollout while the configuration is replaced after pauses of a millisecond.
struct Swapped<'p> {
    people: &'p [Person],
    found: Vec<(String, Readers)>,
}

impl Swapped<'_> {
    const TIME: Duration = Duration::from_millis(400);
    const ROUNDS: usize = 5;
    const PAUSE: Option<Duration> = Some(Duration::from_millis(1));

    fn measure(read: impl Fn() + Sync, swap: impl Fn() + Sync) -> Readers {
        // One beside the other, so that a slower minute of the machine is slower for both.
        let mut runs: Vec<[Run; 2]> = (0..Self::ROUNDS)
            .map(|_| [1, 2].map(|readers| throughput(readers, Self::TIME, Self::PAUSE, &read, &swap)))
            .collect();
        let ratio = |[one, two]: &[Run; 2]| two.reads_per_second / one.reads_per_second;
        runs.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let middle = &runs[Self::ROUNDS / 2];
        let [one, two] = middle;
        // Where there are but two processors, the readers do not have what swapping takes.
        let has_spare = available_parallelism().is_ok_and(|processors| processors.get() > 2);
        let left = if has_spare { 2.0 } else { 2.0 - two.swapping };
        let clock = latencies(Self::TIME, Self::PAUSE, || {}, &swap).quantile(5_000);
        let single = latencies(Self::TIME * 3, Self::PAUSE, &read, &swap);
        Readers {
            one: one.reads_per_second / 1e6,
            two: two.reads_per_second / 1e6,
            ratio: ratio(middle) * 2.0 / left,
            swapping: two.swapping,
            p50: single.quantile(5_000).saturating_sub(clock),
            p999: single.quantile(9_990).saturating_sub(clock),
        }
    }
}

impl VisitHeld for Swapped<'_> {
    fn visit<P: Held>(&mut self) {
        let document = P::document(100);
        let (product, next) = (P::open(&document), P::prepare(&document));
        let contexts: Vec<P::Context<'_>> = self.people.iter().map(P::context).collect();
        let [_, rollout, _] = sample().map(|flag| flag.key);
        let read = || {
            let turn = TURN.get();
            TURN.set((turn + 1) % PEOPLE);
            black_box(product.is_on(black_box(&rollout), &contexts[turn]));
        };
        self.found.push((title::<P>(), Self::measure(read, || product.replace(&next))));
    }
}

fn main() {
    println!("Answers, checked before anything is timed:");
    each(&mut Answers);
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut criterion = Criterion::default()
        .output_directory(&output())
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    let people = matched();
    floor(&mut criterion);
    for row in Row::ALL {
        own_reads(row, &mut criterion, &people[0]);
        each(&mut Timed { row, criterion: &mut criterion, people: &people });
    }
    criterion.final_summary();
    if !arguments.is_empty() {
        return;
    }
    let installation = Installation::open(&Evaluator::document(100), &people[0]);
    let [_, rollout, _] = sample().map(|flag| flag.key);
    let read = || {
        black_box(installation.is_on(black_box(&rollout)));
    };
    let own = Swapped::measure(read, || installation.reload());
    let mut swapped = Swapped { people: &people, found: vec![(format!("**{}**", Installation::NAME), own)] };
    each_held(&mut swapped);
    let floor = median("floor", "blake3").unwrap();
    println!(
        "\nTimes are medians; the number after each is how many times as long as {} it takes. One blake3 hash of 64 bytes took {}.\n\n{}",
        Evaluator::NAME,
        time(floor),
        times()
    );
    println!("{}\n{}\n{}", readers(&swapped.found), aims(own), unequal());
}
