//! The seeds of a crate's fuzz targets, and damaged forms of them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A reader may take a tenth of a second for an input; a loaded machine takes its time.
const LIMIT: Duration = Duration::from_secs(2);

/// Returns every seed of a target, each followed by damaged forms of it: cut, with bits flipped, with a part twice.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut seeds: Vec<Vec<u8>> =
        fs::read_dir(&folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} has no seed", folder.display());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound.max(1)
    };
    let mut all = seeds.clone();
    for seed in seeds.iter().filter(|seed| !seed.is_empty()) {
        for _ in 0..1_000 {
            let mut damaged = seed.clone();
            for _ in 0..=below(3) {
                let (from, to) = (below(damaged.len()), below(damaged.len()));
                match below(4) {
                    0 => damaged.truncate(from.max(1)),
                    1 => damaged[from] ^= 1 << below(8),
                    2 => damaged[from] = b"{}[]\",:0-\\"[below(10)],
                    _ => damaged.extend_from_within(from.min(to)..from.max(to)),
                }
            }
            all.push(damaged);
        }
    }
    all
}

/// Gives every input to a reader, and returns how many it accepted.
#[expect(clippy::disallowed_methods, reason = "a reader that takes seconds is a fault")]
pub fn read(target: &str, mut reader: impl FnMut(&[u8]) -> bool) -> usize {
    let mut accepted = 0;
    for input in inputs(target) {
        let start = Instant::now();
        accepted += usize::from(reader(&input));
        assert!(start.elapsed() < LIMIT, "{target}: {:?} for {:?}", start.elapsed(), String::from_utf8_lossy(&input));
    }
    accepted
}
