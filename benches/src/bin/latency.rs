//! How long a program waits for its flags while the server that publishes them says nothing, against what it may wait.
//!
//! ```console
//! $ cargo run --release -p benches --features remote --bin latency
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, reads the clock and prints"
)]

use std::hint::black_box;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use benches::{ENVIRONMENT, PROJECT, rollout_key, signed};
use flag_client::trust::{TrustFile, TrustState};
use flag_client::{Declaration, FlagClient, IdentitySource, Remote};
use tempfile::TempDir;

/// The most that a start may take, with a cache or without.
const READY: Duration = Duration::from_millis(50);
/// The most that 99 % and 99.9 % of decisions may take.
const P99: Duration = Duration::from_micros(5);
const P999: Duration = Duration::from_micros(50);
/// How long the server is waited for.
const DEADLINE: Duration = Duration::from_secs(3);
/// How many starts are timed.
const STARTS: usize = 200;

/// Times are sorted into buckets of ten nanoseconds up to 100 µs; what is longer shares the last one.
struct Histogram {
    buckets: Vec<u64>,
    longest: Duration,
}

impl Histogram {
    fn new() -> Self {
        Self { buckets: vec![0; 10_001], longest: Duration::ZERO }
    }

    fn add(&mut self, taken: Duration) {
        let bucket = usize::try_from(taken.as_nanos() / 10).unwrap_or(usize::MAX).min(self.buckets.len() - 1);
        self.buckets[bucket] += 1;
        self.longest = self.longest.max(taken);
    }

    /// Returns the time that so many of a thousand do not exceed.
    fn at(&self, per_mille: u64) -> Duration {
        let wanted = (self.buckets.iter().sum::<u64>() * per_mille).div_ceil(1_000);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        Duration::from_nanos(10 * (u64::try_from(bucket.unwrap()).unwrap() + 1))
    }
}

fn verdict(found: Duration, limit: Duration) -> &'static str {
    if found <= limit { "ok" } else { "TOO SLOW" }
}

fn main() {
    // It accepts, by its backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let home = TempDir::new().unwrap();
    let remote = |state_file: &str| Remote {
        project: PROJECT.to_owned(),
        environment: ENVIRONMENT.to_owned(),
        pinned_root: signed::root(),
        state_file: home.path().join(state_file),
        bundled_snapshot: None,
        url: Some(url.clone()),
    };
    let cached = remote("published.json");
    let mut state = TrustState::open(&cached.pinned_root, PROJECT, ENVIRONMENT).unwrap();
    state.accept_snapshot(&signed::snapshot(100), signed::now()).unwrap();
    TrustFile::new(&cached.state_file).save(&mut state).unwrap();
    let open = |remote: &Remote| {
        FlagClient::builder()
            .declare([Declaration::boolean("command_history")])
            .identity(IdentitySource::Given("install-3".to_owned()))
            .remote(remote.clone())
            .sync_deadline(DEADLINE)
            .clock(signed::now)
            .open()
    };

    println!("{:<34} {:>10}  {:>8}", "", "found", "limit");
    for (name, remote) in [("ready from the cache", &cached), ("ready without one", &remote("none"))] {
        let time = |_| {
            let begun = Instant::now();
            black_box(open(remote));
            begun.elapsed()
        };
        let mut times: Vec<Duration> = (0..STARTS).map(time).collect();
        times.sort_unstable();
        for (which, found) in [("median", times[STARTS / 2]), ("slowest", times[STARTS - 1])] {
            let name = format!("{name}, {which}");
            println!("{name:<34} {found:>10.1?}  {READY:>8.0?}  {}", verdict(found, READY));
        }
    }

    let client = open(&cached);
    let flag = rollout_key(3);
    let is_over = AtomicBool::new(false);
    let swap = |client: &FlagClient| {
        while !is_over.load(Ordering::Relaxed) {
            client.reload();
            thread::sleep(Duration::from_millis(1));
        }
    };
    for swapped in [false, true] {
        is_over.store(false, Ordering::Relaxed);
        let histogram = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut histogram = Histogram::new();
                while !is_over.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    black_box(client.is_enabled(black_box(&flag)));
                    histogram.add(begun.elapsed());
                }
                histogram
            });
            if swapped {
                scope.spawn(|| swap(&client));
            }
            assert!(client.sync().is_err(), "the server says nothing");
            is_over.store(true, Ordering::Relaxed);
            reader.join().unwrap()
        });
        let decisions: u64 = histogram.buckets.iter().sum();
        let swaps = if swapped { ", swapped each millisecond" } else { "" };
        println!("\n{decisions} decisions while a fetch hangs{swaps}, the clock's two readings included");
        println!("{:<34} {:>10.1?}", "p50", histogram.at(500));
        for (name, per_mille, limit) in [("p99", 990, P99), ("p99.9", 999, P999)] {
            let found = histogram.at(per_mille);
            println!("{name:<34} {found:>10.1?}  {limit:>8.0?}  {}", verdict(found, limit));
        }
        println!("{:<34} {:>10.1?}", "longest", histogram.longest);
    }
}
