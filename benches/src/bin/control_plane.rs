//! What the control plane takes, against what it may take: planning, appending, starting, proving, searching code.
//!
//! ```console
//! $ cargo run --release -p benches --features control-plane --bin control-plane -- [--entries N] [--store URL] [--code DIR] [--folder DIR]
//! ```
//!
//! A project of 1,000 flags lies in a folder of its own below `--folder` (the system's temporary folder; name one on the disk that is meant, since
//! every append waits for that disk). Its log has `--entries` entries, 1,000,000 unless told: 89 of 100 set a share, 8 replace a whole
//! definition, 2 change a stage, and one is a kill or its end. `--store` measures appending and starting on an empty PostgreSQL database, too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, reads the clock and prints"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flag_admin::adapters::{InitFolder, ProjectFolder, SourceFolder, StoreUrl, init};
use flag_admin::app::ports::LogTarget;
use flag_admin::app::{Operator, Project, Prune, audit, references};
use flag_admin::definition::Definitions;
use flag_admin::log::{Change, ENTRY_SCHEMA, Entry, EnvironmentName, Head, Role, Sealed};
use flag_core::wire::Stage;
use flag_core::{FlagKey, Share, Timestamp};

const FLAGS: usize = 1_000;
/// How many entries a start walks at most: a checkpoint is sealed when there are as many.
const TAIL: u64 = 9_990;
const APPENDS: usize = 301;
const RUNS: usize = 11;

struct Arguments {
    entries: u64,
    store: Option<StoreUrl>,
    code: PathBuf,
    folder: PathBuf,
}

fn arguments() -> Arguments {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Arguments { entries: 1_000_000, store: None, code: here.to_owned(), folder: std::env::temp_dir() };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next().expect("a value after each option");
        match name.as_str() {
            "--entries" => found.entries = value.parse().expect("a number of entries"),
            "--store" => found.store = Some(value.parse().expect("an address of PostgreSQL")),
            "--code" => found.code = value.into(),
            "--folder" => found.folder = value.into(),
            _ => panic!("{name} is no option: --entries, --store, --code, --folder"),
        }
    }
    assert!(found.entries > 3 * TAIL, "at least {} entries", 3 * TAIL);
    found
}

/// How long something took on the clock, and how long this thread had a processor for it. Where they are far apart the machine was busy with
/// something else, or the disk was waited for.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Took {
    clock: Duration,
    processor: Option<Duration>,
}

/// Returns how long this thread has had a processor, where the system says so.
fn processor() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Prints one line of the table.
fn row(what: &str, took: Took, aim: Option<Duration>) {
    let ms = |duration: Duration| format!("{:>10.2} ms", duration.as_secs_f64() * 1e3);
    let processor = took.processor.map_or_else(|| " ".repeat(13), ms);
    let verdict = match aim {
        None => String::new(),
        Some(aim) if took.clock <= aim => format!("  of {} allowed", ms(aim).trim_start()),
        Some(aim) => format!("  ABOVE the {} allowed", ms(aim).trim_start()),
    };
    println!("{what:<62}{}{processor}{verdict}", ms(took.clock));
}

fn median(mut times: Vec<Took>) -> Took {
    times.sort_unstable();
    times[times.len() / 2]
}

fn timed<T>(act: impl FnOnce() -> T) -> (Took, T) {
    let (start, before) = (Instant::now(), processor());
    let done = act();
    let clock = start.elapsed();
    let processor = processor().zip(before).map(|(after, before)| after.saturating_sub(before));
    (Took { clock, processor }, done)
}

fn operator() -> Operator {
    Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager }
}

fn key(number: usize) -> FlagKey {
    format!("checkout_feature_{number:04}").parse().unwrap()
}

/// Returns the definitions of 1,000 flags as people write them, each with a rule on some, exposing this share.
fn definitions(percent: u32) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..FLAGS {
        let key = key(number);
        write!(text, "[flags.{key}]\nstage = \"beta\"\nrollout = \"{percent}%\"\n").unwrap();
        if number % 5 == 0 {
            write!(
                text,
                "[[flags.{key}.rules]]\nid = \"team\"\nwhen = {{ all = [{{ attribute = \"os\", operator = \"equals\", values = [\"linux\"] }}, \
                 {{ attribute = \"team\", operator = \"in\", values = [\"checkout\", \"search\"] }}] }}\nserve = \"on\"\n"
            )
            .unwrap();
        }
        write!(
            text,
            "[flags.{key}.documentation]\ndescription = \"What feature {number} does for those who check out\"\nowner = \"@alice\"\n\
             risks = [\"Latency: one more request\"]\nmetrics = [{{ name = \"error_rate\", target = \"<5%\" }}]\n"
        )
        .unwrap();
    }
    text
}

/// Makes the changes of a busy project, one after the other.
struct Changes {
    flags: Definitions,
    killed: Option<Box<str>>,
}

impl Changes {
    fn at(&mut self, seq: u64) -> Change {
        let number = usize::try_from(seq * 7 % 1_000).unwrap();
        let flag = key(number);
        match seq % 100 {
            0 => match self.killed.take() {
                None => {
                    let id: Box<str> = format!("k-{seq:032x}").into();
                    self.killed = Some(id.clone());
                    Change::KillActivated { id, target: "checkout_feature_0001".into(), emergency: false }
                }
                Some(id) => Change::KillLifted { id, target: "checkout_feature_0001".into() },
            },
            1 | 51 => {
                let stage = if seq % 200 < 100 { Stage::Internal } else { Stage::Beta };
                Change::StageSet { flag, stage, waived: Vec::new(), status: None }
            }
            place if place % 12 == 5 => {
                let definition = Box::new(self.flags.flags.find(flag.as_str()).unwrap().clone());
                Change::FlagChanged { key: flag, definition }
            }
            _ => {
                let share = Share::from_percent(u32::try_from(seq % 100).unwrap()).unwrap();
                Change::RolloutSet { flag, rule: None, share }
            }
        }
    }
}

fn entry(head: Head, change: Change) -> Sealed {
    let seq = head.seq + 1;
    let entry = Entry {
        schema: ENTRY_SCHEMA,
        seq,
        time: Timestamp::from_millis(1_768_487_521_000 + i64::try_from(seq).unwrap() * 1_000),
        actor: "alice".parse().unwrap(),
        role: Role::ReleaseManager,
        environment: Some(EnvironmentName::production()),
        change,
        reason: None,
        prev: head.hash,
    };
    Sealed::new(entry).unwrap()
}

/// Appends entries in large steps, up to a place.
fn grow(log: &mut dyn LogTarget, changes: &mut Changes, until: u64) {
    let mut head = log.head().unwrap();
    while head.seq < until {
        let first = head;
        let mut batch = Vec::new();
        while head.seq < until && batch.len() < 50_000 {
            let sealed = entry(head, changes.at(head.seq + 1));
            head = sealed.head();
            batch.push(sealed);
        }
        log.append(first, &batch).unwrap();
    }
}

/// Makes a project with the flags, and returns its folder.
fn project(at: &Path, store: Option<StoreUrl>) -> ProjectFolder {
    let request = InitFolder {
        project: "shop".parse().unwrap(),
        environments: vec![EnvironmentName::production()],
        operator: operator(),
        store,
        passphrase: None,
        root: None,
    };
    init(at, &request).unwrap();
    let folder = ProjectFolder::find(at).unwrap();
    let mut project = folder.open(operator()).unwrap();
    let flags = Definitions::from_toml(&definitions(25), "flags.toml").unwrap();
    let proposal = project.propose_definitions(&EnvironmentName::production(), &flags, Prune::Keep).unwrap();
    project.commit(&proposal, None).unwrap();
    folder
}

fn planning(project: &Project) {
    let environment = EnvironmentName::production();
    let text = definitions(50);
    let times = (0..RUNS)
        .map(|_| {
            let (took, proposal) = timed(|| {
                let flags = Definitions::from_toml(&text, "flags.toml").unwrap();
                project.propose_definitions(&environment, &flags, Prune::Keep).unwrap()
            });
            assert_eq!(proposal.plan().flags.len(), FLAGS);
            took
        })
        .collect();
    row("plan -f, 1,000 flags that all change", median(times), Some(Duration::from_millis(100)));
    let times = (0..RUNS)
        .map(|turn| {
            let share = Share::from_percent(30 + u32::try_from(turn).unwrap()).unwrap();
            timed(|| project.propose_rollout(&environment, key(8).as_str(), None, share).unwrap()).0
        })
        .collect();
    row("plan of one rollout among 1,000 flags", median(times), Some(Duration::from_millis(100)));
}

/// Appends one entry after the other, each durable before the next.
fn appending(folder: &ProjectFolder, changes: &mut Changes, kind: &str) {
    let mut log = folder.log().unwrap();
    let times = (0..APPENDS)
        .map(|_| {
            let head = log.head().unwrap();
            let sealed = entry(head, changes.at(head.seq + 1));
            timed(|| log.append(head, std::slice::from_ref(&sealed)).unwrap()).0
        })
        .collect();
    row(&format!("append one entry, durably, {kind}"), median(times), Some(Duration::from_millis(5)));
}

fn starting(folder: &ProjectFolder, entries: u64, kind: &str) -> Project {
    let times = (0..5).map(|_| timed(|| folder.open(operator()).unwrap()).0).collect();
    let what = format!("start with {entries} entries, {kind}");
    row(&what, median(times), Some(Duration::from_secs(2)));
    folder.open(operator()).unwrap()
}

fn measured(folder: &ProjectFolder, entries: u64, kind: &str) {
    let environment = EnvironmentName::production();
    let mut changes = Changes { flags: Definitions::from_toml(&definitions(25), "flags.toml").unwrap(), killed: None };
    planning(&folder.open(operator()).unwrap());
    appending(folder, &mut changes, kind);
    grow(&mut *folder.log().unwrap(), &mut changes, entries - TAIL);
    // Seals a checkpoint; what comes after is what a start has to walk.
    let mut project = folder.open(operator()).unwrap();
    let share = Share::from_percent(42).unwrap();
    let proposal = project.propose_rollout(&environment, key(8).as_str(), None, share).unwrap();
    project.commit(&proposal, None).unwrap();
    drop(project);
    grow(&mut *folder.log().unwrap(), &mut changes, entries);
    let mut project = starting(folder, entries, kind);
    let (took, lines) = timed(|| project.history(Some(&environment), Some(20)).unwrap());
    assert_eq!(lines.len(), 20);
    row("  log --limit 20", took, None);
    row("  stale", timed(|| project.stale(&environment, project.now()).unwrap()).0, None);
    row("  undo, planned", timed(|| project.propose_undo(&environment, None).unwrap_err()).0, None);
    let times = (0..RUNS)
        .map(|turn| {
            let share = Share::from_percent(30 + u32::try_from(turn).unwrap()).unwrap();
            timed(|| {
                let proposal = project.propose_rollout(&environment, key(8).as_str(), None, share).unwrap();
                project.commit(&proposal, None).unwrap();
            })
            .0
        })
        .collect();
    row("  rollout set: planned, checked, appended", median(times), None);
    let log = folder.log().unwrap();
    let (took, report) = timed(|| audit(&*log, None).unwrap());
    row(&format!("audit verify of {} entries, {kind}", report.entries), took, Some(Duration::from_secs(5)));
}

fn searching(code: &Path) {
    let sources = SourceFolder::find(code).unwrap();
    let keys: Vec<String> = (0..FLAGS).map(|number| key(number).to_string()).collect();
    let (took, found) = timed(|| references(&sources, keys.iter().map(String::as_str)));
    row(&format!("refs through {} files of {}", found.files, code.display()), took, Some(Duration::from_secs(10)));
}

fn main() {
    let arguments = arguments();
    let folder = tempfile::tempdir_in(&arguments.folder).unwrap();
    println!("{:<62}{:>13}{:>13}", "", "clock", "processor");
    measured(&project(&folder.path().join("sqlite"), None), arguments.entries, "SQLite");
    if let Some(store) = arguments.store {
        measured(&project(&folder.path().join("postgres"), Some(store)), arguments.entries, "PostgreSQL");
    }
    searching(&arguments.code);
}
