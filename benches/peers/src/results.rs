//! The tables: what was found, each as a multiple of ours, and which aims it meets.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::product::{Product, Visit};
use crate::products::{Evaluator, Installation, each};

/// What is timed, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// One boolean flag by key.
    W1,
    /// One 25 % rollout.
    W2,
    /// The same for somebody of whom the id alone is known, described inside.
    W2Fresh,
    /// A rule of three conditions and a 50 % rollout.
    W3,
    /// All 100 flags for one person.
    W4,
    /// 10,000 flags from bytes until they are ready.
    W5,
}

impl Row {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::W1, Self::W2, Self::W2Fresh, Self::W3, Self::W4, Self::W5];

    /// Returns what criterion's groups and the table call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W2Fresh => "W2-fresh",
            Self::W3 => "W3",
            Self::W4 => "W4",
            Self::W5 => "W5",
        }
    }
}

/// What a product asked of the allocator.
#[derive(Clone, Copy, Debug)]
pub struct Allocations {
    /// Allocations of one evaluation: W1, W2, W3, and W4 of all flags.
    pub evaluations: [f64; 4],
    /// Bytes that 10,000 flags keep, per flag.
    pub kept: Option<f64>,
    /// Bytes of the document they were loaded from, per flag.
    pub document: f64,
}

/// Readers beside swaps.
#[derive(Clone, Copy, Debug)]
pub struct Readers {
    /// Millions of reads a second of one reader.
    pub one: f64,
    /// Of two together.
    pub two: f64,
    /// Two as a multiple of one, for the time that swapping left to them.
    pub ratio: f64,
    /// The part of one processor's time that swapping took.
    pub swapping: f64,
    /// Nanoseconds that half of the reads stay within, less what the clock takes.
    pub p50: u64,
    /// Nanoseconds that 999 of 1,000 stay within.
    pub p999: u64,
}

/// Returns where this workspace leaves what it measured.
pub fn output() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/criterion")
}

fn allocations_file() -> PathBuf {
    output().join("allocations.json")
}

/// Returns the version of a package in this workspace's lock file.
pub fn version_of(package: &str) -> Option<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, after) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(after.split_once('"')?.0)
}

/// Returns a product's name with its version.
pub fn title<P: Product>() -> String {
    match P::PACKAGE {
        Some(package) => format!("{} {}", P::NAME, version_of(package).unwrap()),
        None => format!("**{}**", P::NAME),
    }
}

/// Keeps what a counting run found for the run that prints the table.
pub fn save_allocations(found: &[(&'static str, Allocations)]) {
    let found: serde_json::Map<String, Value> = found
        .iter()
        .map(|(name, found)| {
            let found = json!({"evaluations": found.evaluations, "kept": found.kept, "document": found.document});
            ((*name).to_owned(), found)
        })
        .collect();
    std::fs::create_dir_all(output()).unwrap();
    std::fs::write(allocations_file(), serde_json::to_vec_pretty(&found).unwrap()).unwrap();
}

fn allocations(name: &str) -> Option<Allocations> {
    let found: Value = serde_json::from_slice(&std::fs::read(allocations_file()).ok()?).ok()?;
    let found = found.get(name)?;
    let number = |value: &Value| value.as_f64();
    let evaluations: Vec<f64> = found["evaluations"].as_array()?.iter().filter_map(number).collect();
    let evaluations = evaluations.try_into().ok()?;
    Some(Allocations { evaluations, kept: number(&found["kept"]), document: number(&found["document"])? })
}

/// Returns the median of what criterion timed last, in nanoseconds.
pub fn median(group: &str, name: &str) -> Option<f64> {
    let estimates = std::fs::read(output().join(group).join(name).join("new/estimates.json")).ok()?;
    serde_json::from_slice::<Value>(&estimates).ok()?["median"]["point_estimate"].as_f64()
}

/// Returns a time in the unit in which it is read most easily.
pub fn time(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 100.0 => format!("{nanos:.1} ns"),
        nanos if nanos < 1e4 => format!("{nanos:.0} ns"),
        nanos if nanos < 1e6 => format!("{:.1} µs", nanos / 1e3),
        nanos => format!("{:.1} ms", nanos / 1e6),
    }
}

fn multiple(of: f64) -> String {
    if of < 10.0 { format!("{of:.1}") } else { format!("{of:.0}") }
}

fn times_of(title: &str, name: &str, allocations: Option<Allocations>) -> String {
    let mut line = format!("| {title} |");
    for row in Row::ALL {
        let cell = match (median(row.name(), name), median(row.name(), Evaluator::NAME)) {
            (Some(nanos), Some(ours)) if name != Evaluator::NAME => {
                format!("{} · {}", time(nanos), multiple(nanos / ours))
            }
            (Some(nanos), _) => time(nanos),
            (None, _) => "–".to_owned(),
        };
        write!(line, " {cell} |").unwrap();
    }
    match allocations {
        Some(found) => {
            let [w1, w2, w3, _] = found.evaluations.map(|count| format!("{count:.0}"));
            let bytes = match found.kept {
                Some(kept) => format!("{kept:.0} | {:.0}", found.document),
                None => "– | –".to_owned(),
            };
            writeln!(line, " {w1} / {w2} / {w3} | {bytes} |").unwrap();
        }
        None => line.push_str(" – | – | – |\n"),
    }
    line
}

/// Returns the table of times, each with what multiple of ours it is.
pub fn times() -> String {
    struct Rows(String);
    impl Visit for Rows {
        fn visit<P: Product>(&mut self) {
            self.0.push_str(&times_of(&title::<P>(), P::NAME, allocations(P::NAME)));
            if P::NAME == Evaluator::NAME {
                self.0.push_str(&times_of(
                    &format!("**{}**", Installation::NAME),
                    Installation::NAME,
                    allocations(Installation::NAME),
                ));
            }
        }
    }
    let mut rows = Rows(
        "| | W1 | W2 | W2-fresh | W3 | W4 | W5 | allocations W1 / W2 / W3 | kept bytes a flag | read bytes a flag |\n\
         |---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned(),
    );
    each(&mut rows);
    rows.0
}

fn nanos_of(nanos: u64) -> f64 {
    f64::from(u32::try_from(nanos).unwrap_or(u32::MAX))
}

/// Returns the table of readers.
pub fn readers(found: &[(String, Readers)]) -> String {
    let mut table =
        "| | one reader | two readers | ratio | swapping took | p50 | p99.9 |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (name, found) in found {
        writeln!(
            table,
            "| {name} | {:.1} M/s | {:.1} M/s | {:.2} | {:.1} % | {} ns | {} |",
            found.one,
            found.two,
            found.ratio,
            found.swapping * 100.0,
            found.p50,
            time(nanos_of(found.p999))
        )
        .unwrap();
    }
    table
}

/// Returns what is not equal, product by product.
pub fn unequal() -> String {
    struct Lines(String);
    impl Visit for Lines {
        fn visit<P: Product>(&mut self) {
            writeln!(self.0, "* {}: {}.", P::NAME, P::UNEQUAL).unwrap();
        }
    }
    let mut lines = Lines(String::new());
    each(&mut lines);
    lines.0
}

/// A limit and what was found.
struct Aim {
    what: &'static str,
    limit: f64,
    found: Option<f64>,
    /// Whether more is better.
    at_least: bool,
}

/// Returns which aims this run meets.
pub fn aims(readers: Readers) -> String {
    struct Fastest(Row, Option<f64>);
    impl Visit for Fastest {
        fn visit<P: Product>(&mut self) {
            let Some(nanos) = P::PACKAGE.and_then(|_| median(self.0.name(), P::NAME)) else { return };
            self.1 = Some(self.1.map_or(nanos, |fastest| fastest.min(nanos)));
        }
    }
    let fastest = |row| {
        let mut fastest = Fastest(row, None);
        each(&mut fastest);
        fastest.1
    };
    let ours = |row: Row| median(row.name(), Evaluator::NAME);
    let floor = median("floor", "blake3");
    let ratio = |found: Option<f64>, to: Option<f64>| Some(found? / to?);
    let counted = allocations(Evaluator::NAME);
    let at_most = |what, limit, found| Aim { what, limit, found, at_least: false };
    let aims = [
        at_most("W1, of the fastest peer", 0.5, ratio(ours(Row::W1), fastest(Row::W1))),
        at_most(
            "W1 through the whole client, of the fastest peer",
            0.5,
            ratio(median("W1", Installation::NAME), fastest(Row::W1)),
        ),
        at_most("W1 by a handle, ns", 5.0, median("floor", "handle")),
        at_most("W2, of one hash", 1.3, ratio(ours(Row::W2), floor)),
        at_most("W2, of the fastest peer", 0.5, ratio(ours(Row::W2), fastest(Row::W2))),
        at_most("W2-fresh, of one hash", 2.8, ratio(ours(Row::W2Fresh), floor)),
        at_most(
            "W2-fresh, of the fastest peer's W2 (nothing described inside)",
            1.0,
            ratio(ours(Row::W2Fresh), fastest(Row::W2)),
        ),
        at_most("W3, of one hash", 1.6, ratio(ours(Row::W3), floor)),
        at_most("W3, of the fastest peer", 0.5, ratio(ours(Row::W3), fastest(Row::W3))),
        at_most("W4, of the fastest peer", 1.0 / 6.0, ratio(ours(Row::W4), fastest(Row::W4))),
        at_most(
            "W5 with its signature, of the fastest peer, which verifies nothing",
            1.3,
            ratio(ours(Row::W5), fastest(Row::W5)),
        ),
        at_most("kept bytes a flag", 400.0, counted.and_then(|counted| counted.kept)),
        at_most(
            "allocations of W1, W2, W3 and W4 together",
            0.0,
            counted.map(|counted| counted.evaluations.iter().sum()),
        ),
        Aim {
            what: "two readers of the client under swaps, of one",
            limit: 1.9,
            found: Some(readers.ratio),
            at_least: true,
        },
        at_most("two readers of the client under swaps, p99.9, ns", 500.0, Some(nanos_of(readers.p999))),
    ];
    let mut table = "| aim | limit | found | |\n|---|---|---|---|\n".to_owned();
    for Aim { what, limit, found, at_least } in aims {
        let (sign, met) = if at_least {
            ("≥", found.map(|found| found >= limit))
        } else {
            ("≤", found.map(|found| found <= limit))
        };
        let number = |number: f64| match number {
            number if number >= 100.0 => format!("{number:.0}"),
            number => format!("{number:.2}"),
        };
        let met = met.map_or("not measured", |met| if met { "met" } else { "**not met**" });
        writeln!(
            table,
            "| {what} | {sign} {} | {} | {met} |",
            number(limit),
            found.map_or_else(|| "–".to_owned(), number)
        )
        .unwrap();
    }
    table
}
