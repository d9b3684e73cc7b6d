//! The client's reads beside the bare evaluator, and its start from what a machine keeps between runs.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::time::Duration;

use benches::readers::{Latencies, Run, latencies, throughput};
use benches::{
    ENVIRONMENT, PROJECT, SAMPLE, attributes, boolean_key, people, rollout_key, rule_key, signed, snapshot_json,
};
use criterion::Criterion;
use flag_client::trust::{TrustFile, TrustState};
use flag_client::{
    ClientBuilder, Consent, Declaration, FlagClient, IdentitySource, Outcome, Outcomes, Recorded, Remote,
};
use flag_core::{Context, Ruleset, Unit};
use tempfile::TempDir;

const CONFIG: &str = "\
# What the user set, beside what is published.
[feature_flags]
command_history = true

[feature_flags.overrides]
prompt_style = true

[feature_flags.kill_switches]
telemetry_disabled = true
";

flag_client::flags! {
    /// The typed flags of these rows.
    const TYPED: &[Declaration];

    /// The sample that is on or off for everyone
    const BOOLEAN: bool = "checkout_boolean_0000010" { default: false }
}

/// A machine that has been in use: a configuration, an install id, and a cached snapshot of 100 flags.
struct Machine {
    home: TempDir,
    remote: Remote,
}

impl Machine {
    fn new(id: &str) -> Self {
        let home = TempDir::new().unwrap();
        let at = |name: &str| home.path().join(name);
        std::fs::write(at("config.toml"), CONFIG).unwrap();
        std::fs::write(at("install-id"), id).unwrap();
        let remote = Remote {
            project: PROJECT.to_owned(),
            environment: ENVIRONMENT.to_owned(),
            pinned_root: signed::root(),
            state_file: at("published.json"),
            bundled_snapshot: None,
            url: None,
        };
        let mut state = TrustState::open(&remote.pinned_root, PROJECT, ENVIRONMENT).unwrap();
        state.accept_snapshot(&signed::snapshot(100), signed::now()).unwrap();
        TrustFile::new(&remote.state_file).save(&mut state).unwrap();
        Self { home, remote }
    }

    fn builder(&self) -> ClientBuilder {
        let at = |name: &str| self.home.path().join(name);
        FlagClient::builder()
            .declare([Declaration::boolean("command_history"), Declaration::boolean("prompt_style")])
            .declare(TYPED)
            .user_file(at("config.toml"))
            .identity(IdentitySource::File(at("install-id")))
            .context_attributes(attributes())
            .remote(self.remote.clone())
            .clock(signed::now)
    }

    /// A client that is as it should be: ready from the cache, with nothing gone wrong.
    fn open(&self) -> FlagClient {
        let client = self.builder().open();
        assert!(client.problems().is_empty(), "{:?}", client.problems());
        assert_eq!(client.snapshot_info().map(|info| info.version), Some(1));
        assert!(client.is_enabled("command_history") && client.is_killed("telemetry"));
        client
    }
}

fn reads(criterion: &mut Criterion) {
    let id = people(1).remove(0);
    let machine = Machine::new(&id);
    let client = machine.open();
    let ruleset = Ruleset::from_json(&snapshot_json(100)).unwrap();
    let (unit, attributes) = (Unit::new(id).unwrap(), attributes());
    let context = Context::of(&unit).with_attributes(&attributes).at(signed::now());
    let rows =
        [("boolean", boolean_key(SAMPLE[0])), ("rollout", rollout_key(SAMPLE[1])), ("rule", rule_key(SAMPLE[2]))];
    assert_eq!(rows[0].1, BOOLEAN.key());
    for (kind, key) in &rows {
        let bare = ruleset.evaluate(key, &context).bool_or(false);
        assert_eq!(client.is_enabled(key), bare, "{kind}");
        let mut group = criterion.benchmark_group(format!("client/{kind}"));
        group.bench_function("bare", |bench| {
            bench.iter(|| ruleset.evaluate(black_box(key), &context).bool_or(false));
        });
        group.bench_function("client", |bench| bench.iter(|| client.is_enabled(black_box(key))));
        group.finish();
    }
    let mut group = criterion.benchmark_group("client/typed");
    group.bench_function("bare", |bench| {
        bench.iter(|| ruleset.evaluate(black_box(BOOLEAN.key()), &context).bool_or(false));
    });
    group.bench_function("is_enabled", |bench| bench.iter(|| client.is_enabled(black_box(BOOLEAN))));
    group.bench_function("get", |bench| bench.iter(|| client.get(black_box(BOOLEAN))));
    group.finish();
}

/// Two readers beside each other and beside swaps, and each of their reads: not criterion's kind of measurement, so a table of its own.
#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn two_readers() {
    const TIME: Duration = Duration::from_millis(500);
    const ROUNDS: usize = 7;
    let machine = Machine::new(&people(1).remove(0));
    let client = machine.open();
    let rollout = rollout_key(SAMPLE[1]);
    let read = || {
        black_box(client.is_enabled(black_box(&rollout)));
    };
    let swap = || client.reload();
    println!(
        "\n{:<28} {:>12} {:>12} {:>8} {:>8} {:>10} {:>12}",
        "reads of a 25 % rollout", "one reader", "two readers", "ratio", "of left", "swaps", "swapping"
    );
    let has_spare_processor = std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 2);
    for (name, pause) in [("nothing swapped", None), ("swapped, 1 ms pauses", Some(Duration::from_millis(1)))] {
        // One beside the other, so that a slower minute of the machine is slower for both.
        let mut runs: Vec<_> =
            (0..ROUNDS).map(|_| [1, 2].map(|readers| throughput(readers, TIME, pause, read, swap))).collect();
        let ratio = |[one, two]: &[Run; 2]| two.reads_per_second / one.reads_per_second;
        runs.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
        let [one, two] = &runs[ROUNDS / 2];
        let per_second = |run: &Run| format!("{:.1} M/s", run.reads_per_second / 1e6);
        println!(
            "{name:<28} {:>12} {:>12} {:>8.2} {:>8.2} {:>10} {:>10.1} %",
            per_second(one),
            per_second(two),
            ratio(&runs[ROUNDS / 2]),
            ratio(&runs[ROUNDS / 2]) * 2.0 / (2.0 - if has_spare_processor { 0.0 } else { two.swapping }),
            two.swaps,
            two.swapping * 100.0
        );
    }
    println!(
        "The median of {ROUNDS} rounds; aim: at least 1.9. Swapping is the part of one processor that reloading took. Where there are only two \
         processors the readers do not have it, and \"of left\" is the ratio for the time that they had."
    );

    println!("\n{:<28} {:>10} {:>10} {:>10}", "single reads, two readers", "p50", "p99", "p99.9");
    let pause = Some(Duration::from_millis(1));
    let clock = latencies(TIME, pause, || {}, swap);
    let reads = latencies(TIME * 4, pause, read, swap);
    let timer = clock.quantile(5_000);
    let row = |name: &str, less: u64, of: &Latencies| {
        let [p50, p99, p999] = [5_000, 9_900, 9_990].map(|quantile| of.quantile(quantile).saturating_sub(less));
        println!("{name:<28} {:>10} {:>10} {:>10}", format!("{p50} ns"), format!("{p99} ns"), format!("{p999} ns"));
    };
    row("the clock alone", 0, &clock);
    row("read, swapped, 1 ms pauses", timer, &reads);
    println!(
        "From one look at the clock to the next, less the median of the clock alone, {timer} ns; to {} ns.",
        Latencies::STEP_NANOS
    );
    println!("Whatever takes the processor from a reader is in it, the swapping thread above all.");
}

fn start(criterion: &mut Criterion) {
    let machine = Machine::new(&people(1).remove(0));
    drop(machine.open());
    let mut group = criterion.benchmark_group("client/open");
    group.bench_function("open", |bench| {
        bench.iter_with_large_drop(|| machine.builder().open());
    });
    group.bench_function("reload", |bench| {
        let client = machine.open();
        bench.iter(|| client.reload());
    });
    group.finish();
}

/// Times what a host waits for when a use of a feature has ended: until it is on the disk, safe from the end of the process.
fn outcomes(criterion: &mut Criterion) {
    let machine = Machine::new(&people(1).remove(0));
    let client = machine.builder().outcomes(Outcomes::new()).reports(Consent::Given).open();
    let took = Some(Duration::from_micros(1_234));
    let rollout = rollout_key(SAMPLE[1]);
    assert_eq!(client.record(&rollout, Outcome::Success, took), Recorded::Kept);
    let mut group = criterion.benchmark_group("client/outcomes");
    group.bench_function("record", |bench| bench.iter(|| client.record(&rollout, Outcome::Success, took)));
    group.bench_function("use", |bench| bench.iter(|| client.begin(&rollout).finish(Outcome::Success)));
    group.finish();
    assert!(client.problems().is_empty(), "{:?}", client.problems());
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    reads(&mut criterion);
    start(&mut criterion);
    outcomes(&mut criterion);
    criterion.final_summary();
    // With a filter, only if it names these rows.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    if arguments.all(|argument| argument == "two_readers") {
        two_readers();
    }
}
