//! Readers side by side: how many reads they make together, and how long the slowest of a thousand takes.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark reads the clock, and counts far less than 2^53"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long single reads took, counted by steps of [`Latencies::STEP_NANOS`].
pub struct Latencies {
    counts: Vec<u64>,
    /// Reads that took longer than all steps together.
    beyond: u64,
}

impl Latencies {
    /// How fine reads are told apart.
    pub const STEP_NANOS: u64 = 5;
    const STEPS: usize = 20_000;

    fn new() -> Self {
        Self { counts: vec![0; Self::STEPS], beyond: 0 }
    }

    fn add(&mut self, taken: Duration) {
        let step = u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX) / Self::STEP_NANOS;
        match usize::try_from(step).ok().and_then(|step| self.counts.get_mut(step)) {
            Some(count) => *count += 1,
            None => self.beyond += 1,
        }
    }

    fn merge(mut self, other: &Self) -> Self {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, other)| *count += other);
        self.beyond += other.beyond;
        self
    }

    /// Returns the time, in nanoseconds, that so many of ten thousand reads stay within; the largest step where it is beyond all of them.
    pub fn quantile(&self, of_ten_thousand: u64) -> u64 {
        let total = self.counts.iter().sum::<u64>() + self.beyond;
        let (mut seen, wanted) = (0, (total * of_ten_thousand).div_ceil(10_000));
        let step = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        (step.unwrap_or(Self::STEPS) as u64 + 1) * Self::STEP_NANOS
    }
}

/// What readers did in some time.
pub struct Run {
    /// Reads of all readers together, per second.
    pub reads_per_second: f64,
    /// How often everything was swapped.
    pub swaps: u64,
    /// The part of one processor's time that swapping took, which on a machine of two the readers do not have.
    pub swapping: f64,
}

/// Lets this many readers read for some time. Beside them `swap` is called after each pause, if there is one.
pub fn throughput(
    readers: usize,
    time: Duration,
    pause: Option<Duration>,
    read: impl Fn() + Sync,
    swap: impl Fn() + Sync,
) -> Run {
    let ((reads, taken), swaps, swapping) = beside(pause, &swap, || {
        let start = Instant::now();
        let reads = each_reader(readers, || {
            let mut reads = 0_u64;
            while start.elapsed() < time {
                (0..256).for_each(|_| read());
                reads += 256;
            }
            reads
        });
        (reads.into_iter().sum::<u64>(), start.elapsed())
    });
    let seconds = taken.as_secs_f64();
    Run { reads_per_second: reads as f64 / seconds, swaps, swapping: swapping.as_secs_f64() / seconds }
}

/// Times every single read of two readers from one look at the clock to the next, beside swaps after each pause. What the clock itself
/// takes is in it: measure an empty `read` beside it.
pub fn latencies(time: Duration, pause: Option<Duration>, read: impl Fn() + Sync, swap: impl Fn() + Sync) -> Latencies {
    let (readers, _, _) = beside(pause, &swap, || {
        each_reader(2, || {
            let mut latencies = Latencies::new();
            let start = Instant::now();
            let mut before = start;
            while before - start < time {
                read();
                let after = Instant::now();
                latencies.add(after - before);
                before = after;
            }
            latencies
        })
    });
    readers.into_iter().fold(Latencies::new(), |all, reader| all.merge(&reader))
}

fn each_reader<T: Send>(readers: usize, run: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let readers: Vec<_> = (0..readers).map(|_| scope.spawn(|| black_box(run()))).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    })
}

/// Runs `work` while another thread swaps, and returns with its result how often that was and how long it took.
fn beside<T>(pause: Option<Duration>, swap: &(impl Fn() + Sync), work: impl FnOnce() -> T) -> (T, u64, Duration) {
    let (is_over, swaps, nanos) = (Box::new(AtomicBool::new(false)), AtomicU64::new(0), AtomicU64::new(0));
    let result = thread::scope(|scope| {
        if let Some(pause) = pause {
            let (is_over, swaps, nanos) = (&is_over, &swaps, &nanos);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    swap();
                    nanos.fetch_add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
                    swaps.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(pause);
                }
            });
        }
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        result
    });
    (result, swaps.into_inner(), Duration::from_nanos(nanos.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_end_of_the_step_it_falls_into() {
        let mut latencies = Latencies::new();
        (0..9_990).for_each(|_| latencies.add(Duration::from_nanos(12)));
        (0..9).for_each(|_| latencies.add(Duration::from_nanos(300)));
        latencies.add(Duration::from_secs(1));
        assert_eq!([5_000, 9_990, 9_991, 9_999].map(|of| latencies.quantile(of)), [15, 15, 305, 305]);
        assert_eq!(latencies.quantile(10_000), 100_005);
    }
}
