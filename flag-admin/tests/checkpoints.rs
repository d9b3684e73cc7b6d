//! Checkpoints save walking the log, and are never believed over it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::cell::Cell;
use std::rc::Rc;

use flag_admin::adapters::{KeyFiles, ProjectFolder, RootFiles, SqliteLog, SystemClock, SystemRandomness};
use flag_admin::app::ports::{LogError, LogStore, LogTarget as _};
use flag_admin::app::{Moment, Operator, Ports, Project, Settings, audit};
use flag_admin::log::{
    Change, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, Head, Role, Sealed, State, Stored, StoredCheckpoint,
};
use flag_core::{Share, Timestamp};
use support::Sandbox;

/// A log that counts the rows read of it.
struct Counted {
    log: SqliteLog,
    rows: Rc<Cell<u64>>,
}

impl LogStore for Counted {
    fn head(&self) -> Result<Head, LogError> {
        self.log.head()
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError> {
        self.log.read(after, &mut |row| {
            self.rows.set(self.rows.get() + 1);
            each(row)
        })
    }

    fn append(&mut self, expected: Head, entries: &[Sealed]) -> Result<(), LogError> {
        self.log.append(expected, entries)
    }

    fn checkpoint_before(&self, seq: u64) -> Result<Option<StoredCheckpoint>, LogError> {
        self.log.checkpoint_before(seq)
    }

    fn keep_checkpoint(&mut self, checkpoint: Option<&StoredCheckpoint>) -> Result<(), LogError> {
        self.log.keep_checkpoint(checkpoint)
    }
}

fn operator() -> Operator {
    Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager }
}

fn log_of(sandbox: &Sandbox) -> SqliteLog {
    SqliteLog::open(&sandbox.path("flags/log.sqlite")).unwrap()
}

/// Opens the project and returns how many rows that took.
fn opened(sandbox: &Sandbox) -> (Project, u64) {
    let (project, rows) = counted(sandbox);
    (project, rows.get())
}

/// Opens the project, and goes on counting the rows read.
fn counted(sandbox: &Sandbox) -> (Project, Rc<Cell<u64>>) {
    let rows = Rc::new(Cell::new(0));
    let ports = Ports {
        log: Box::new(Counted { log: log_of(sandbox), rows: Rc::clone(&rows) }),
        keys: Box::new(KeyFiles::new(sandbox.path("flags/keys"))),
        roots: Box::new(RootFiles::new(sandbox.path("flags/root"))),
        clock: Box::new(SystemClock),
        random: Box::new(SystemRandomness),
    };
    (Project::open(ports, Settings::default(), operator()).unwrap(), rows)
}

/// Returns an entry that sets a share of one of the sample's flags.
fn set_share(seq: u64, head: Head) -> Sealed {
    let entry = Entry {
        schema: ENTRY_SCHEMA,
        seq,
        time: Timestamp::from_millis(1_768_487_521_000 + i64::try_from(seq).unwrap()),
        actor: "alice".parse().unwrap(),
        role: Role::ReleaseManager,
        environment: Some(EnvironmentName::production()),
        change: Change::RolloutSet {
            flag: "ollama_backend".parse().unwrap(),
            rule: None,
            share: Share::from_percent(u32::try_from(seq % 100).unwrap()).unwrap(),
        },
        reason: None,
        prev: head.hash,
    };
    Sealed::new(entry).unwrap()
}

/// Replaces the project's log by one with so many entries: the sample, and rollouts of one of its flags.
fn grow(sandbox: &Sandbox, entries: u64) {
    let mut kept = Vec::new();
    log_of(sandbox)
        .read(0, &mut |row| {
            kept.push(row);
            Ok(())
        })
        .unwrap();
    for name in ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"] {
        let _ = std::fs::remove_file(sandbox.path("flags").join(name));
    }
    let mut head = Head::GENESIS;
    let mut next = || {
        let seq = head.seq + 1;
        if seq > entries {
            return Ok(None);
        }
        let kept = kept.get(usize::try_from(head.seq).unwrap());
        let sealed = kept.map_or_else(
            || set_share(seq, head),
            |row| Sealed::new(serde_json::from_slice(&row.bytes).unwrap()).unwrap(),
        );
        head = sealed.head();
        Ok(Some(sealed))
    };
    SqliteLog::create(&sandbox.path("flags/log.sqlite")).unwrap().fill(&mut next).unwrap();
}

/// Commits one change through the project, which seals a checkpoint if one is due.
fn changed(project: &mut Project, percent: u32) {
    let share = Share::from_percent(percent).unwrap();
    let proposal = project.propose_rollout(&EnvironmentName::production(), "ollama_backend", None, share).unwrap();
    project.commit(&proposal, None).unwrap();
}

/// Returns the state as the whole log has it, without any checkpoint.
fn folded(sandbox: &Sandbox) -> State {
    let log = log_of(sandbox);
    let mut chain = flag_admin::log::Chain::new();
    let mut state: Option<State> = None;
    log.read(0, &mut |row| {
        let entry = chain.follow(&row)?;
        match &mut state {
            Some(state) => state.apply(&entry, chain.head()).unwrap(),
            None => state = Some(State::begin(&entry, chain.head()).unwrap()),
        }
        Ok(())
    })
    .unwrap();
    state.unwrap()
}

#[test]
fn a_start_walks_what_came_after_the_checkpoint_and_no_more() {
    let sandbox = Sandbox::with_sample();
    grow(&sandbox, 20_000);
    let (mut project, rows) = opened(&sandbox);
    assert_eq!(rows, 20_000, "nothing is sealed yet");
    changed(&mut project, 42);
    for percent in 1..=5 {
        changed(&mut project, percent);
    }
    assert_eq!(project.state().head().seq, 20_007, "six changes and one seal");
    let (again, rows) = opened(&sandbox);
    assert_eq!(rows, 7, "the entry that the checkpoint is of, its seal, and what came after");
    assert_eq!(again.state(), project.state());
    assert_eq!(*again.state(), folded(&sandbox));
    // Between seals, opening and changing seals nothing more.
    drop(again);
    changed(&mut opened(&sandbox).0, 50);
    assert_eq!(log_of(&sandbox).checkpoint().unwrap().unwrap().seq, 20_001);
    let report = audit(&log_of(&sandbox), None).unwrap();
    let checkpoint = report.checkpoint.unwrap();
    assert_eq!((report.entries, checkpoint.seq, checkpoint.sound), (20_008, 20_001, true));
    // A lost one is made anew from its seal, as after a restore.
    log_of(&sandbox).keep_checkpoint(None).unwrap();
    assert_eq!(opened(&sandbox).1, 20_008);
    assert_eq!(opened(&sandbox).1, 8);
}

#[test]
fn the_last_changes_are_found_without_walking_the_whole_log() {
    let sandbox = Sandbox::with_sample();
    grow(&sandbox, 10_050);
    changed(&mut opened(&sandbox).0, 42);
    let mut grown = opened(&sandbox).0;
    for percent in 1..=30 {
        changed(&mut grown, percent);
    }
    drop(grown);
    let (mut project, rows) = counted(&sandbox);
    let production = EnvironmentName::production();
    let read = |asked: &dyn Fn(&Project), project: &Project| {
        let before = rows.get();
        asked(project);
        rows.get() - before
    };
    let last = |project: &Project| {
        let lines = project.history(Some(&production), Some(20)).unwrap();
        assert_eq!((lines[0].seq, lines[19].seq), (10_063, 10_082));
        assert_eq!(lines[19].sentence, "increased rollout percentage: 29% → 30% (ollama_backend)");
    };
    assert_eq!(read(&last, &project), 32);
    assert_eq!(
        read(&|project| assert_eq!(project.propose_undo(&production, None).unwrap().undone.seq, 10_082), &project),
        32
    );
    assert_eq!(
        read(&|project| assert_eq!(project.past(Moment::Entry(10_070)).unwrap().entry.seq, 10_070), &project),
        32
    );
    assert_eq!(read(&|project| drop(project.stale(&production, project.now()).unwrap()), &project), 0);
    // What lies before the checkpoint takes the whole walk, and is found all the same.
    assert_eq!(
        read(&|project| assert_eq!(project.past(Moment::Entry(9_000)).unwrap().entry.seq, 9_000), &project),
        10_114
    );
    let all = |project: &Project| assert_eq!(project.history(None, Some(100)).unwrap()[0].seq, 9_983);
    assert_eq!(read(&all, &project), 10_114);
    // Right after the next seal, the checkpoint before it still tells.
    drop(project);
    let mut log = log_of(&sandbox);
    let head = log.head().unwrap();
    let mut batch: Vec<Sealed> = Vec::new();
    for _ in 0..10_000 {
        let head = batch.last().map_or(head, Sealed::head);
        batch.push(set_share(head.seq + 1, head));
    }
    log.append(head, &batch).unwrap();
    changed(&mut opened(&sandbox).0, 42);
    project = opened(&sandbox).0;
    let lines = project.history(Some(&production), Some(50)).unwrap();
    assert_eq!((lines.len(), lines[49].seq), (50, 20_084), "the last is the seal itself");
}

#[test]
fn a_wrong_checkpoint_is_never_believed_over_the_log() {
    let sandbox = Sandbox::with_sample();
    grow(&sandbox, 10_100);
    changed(&mut opened(&sandbox).0, 42);
    let truth = folded(&sandbox);
    let sound = log_of(&sandbox).checkpoint().unwrap().unwrap();
    let rehashed = |bytes: Vec<u8>| StoredCheckpoint { seq: sound.seq, digest: Digest::of(&bytes), bytes };
    let text = String::from_utf8(sound.bytes.clone()).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        rehashed(text.replace(from, to).into_bytes())
    };
    let mut flipped = sound.clone();
    flipped.bytes[500] ^= 1;
    let mut elsewhere = sound.clone();
    elsewhere.seq -= 1;
    let own_hash = truth.head().hash.to_string();
    for (what, wrong) in [
        ("a flipped bit", flipped),
        ("another place", elsewhere),
        ("another state, with its hash", replaced("42000", "99000")),
        ("another project", replaced("\"project\":\"caro\"", "\"project\":\"evil\"")),
        ("another version", replaced("\"made_by\":\"", "\"made_by\":\"9.")),
        ("another form", replaced("\"form\":2", "\"form\":9")),
        ("cut off", rehashed(sound.bytes[..sound.bytes.len() / 2].to_vec())),
        ("nothing", rehashed(Vec::new())),
        ("a head that is not the log's", {
            let hash = text.split("\"head\":{\"seq\":10101,\"hash\":\"").nth(1).unwrap()[..64].to_owned();
            replaced(&hash, &own_hash)
        }),
    ] {
        log_of(&sandbox).keep_checkpoint(Some(&wrong)).unwrap();
        let report = audit(&log_of(&sandbox), None).unwrap();
        assert!(!report.checkpoint.unwrap().sound, "{what}");
        let (project, rows) = opened(&sandbox);
        assert_eq!(*project.state(), truth, "{what}");
        assert!(rows >= 10_102, "{what}: the whole log was walked, {rows} rows");
        assert_eq!(log_of(&sandbox).checkpoint().unwrap(), Some(sound.clone()), "{what}: the sealed one is back");
    }
    // `audit verify` says so, and takes it away.
    log_of(&sandbox).keep_checkpoint(Some(&replaced("42000", "99000"))).unwrap();
    let verified = sandbox.project(&["audit", "verify"]);
    assert!(
        verified
            .text()
            .ends_with("warning: the checkpoint of entry 10101 was not what the log comes to there; it was removed\n"),
        "{}",
        verified.out
    );
    assert_eq!(log_of(&sandbox).checkpoint().unwrap(), None);

    // An entry that was altered after the checkpoint shows at once, one before it when the log is proved.
    let raw = rusqlite::Connection::open(sandbox.path("flags/log.sqlite")).unwrap();
    drop(opened(&sandbox));
    let alter = |seq: u64| {
        let forged =
            "UPDATE entries SET bytes = CAST(replace(CAST(bytes AS TEXT), 'alice', 'mallo') AS BLOB) WHERE seq = ?1";
        assert_eq!(raw.execute(forged, [seq.cast_signed()]).unwrap(), 1);
    };
    alter(10_102);
    let run = sandbox.project(&["flag", "list"]);
    assert!(run.err.starts_with("error: log entry 10102 is corrupt: its bytes hash to "), "{}", run.err);
    alter(5_000);
    let run = sandbox.project(&["audit", "verify"]);
    assert!(run.err.starts_with("error: log entry 5000 is corrupt: its bytes hash to "), "{}", run.err);
}

/// The full size, every night: a start with a million changes takes two seconds at most, and proving them five.
#[test]
#[expect(clippy::disallowed_methods, reason = "seconds are asserted, with slack, and only where somebody asks for it")]
fn a_million_changes_start_in_two_seconds() {
    if std::env::var("FLAG_NIGHTLY").is_ok_and(|value| value == "1") {
        let sandbox = Sandbox::with_sample();
        grow(&sandbox, 1_000_000);
        changed(&mut opened(&sandbox).0, 42);
        let start = std::time::Instant::now();
        drop(ProjectFolder::find(&sandbox.path("flags")).unwrap().open(operator()).unwrap());
        let took = start.elapsed();
        assert!(took.as_secs_f64() <= 2.0, "{took:?}");
        let start = std::time::Instant::now();
        sandbox.project(&["flag", "list", "--json"]).json();
        let command = start.elapsed();
        assert!(command.as_secs_f64() <= 2.0, "{command:?}");
        let start = std::time::Instant::now();
        assert_eq!(audit(&log_of(&sandbox), None).unwrap().entries, 1_000_002);
        println!("open {took:?}, flag list {command:?}, audit {:?}", start.elapsed());
        let mut project = opened(&sandbox).0;
        let mut spent: Vec<std::time::Duration> = (0..201)
            .map(|turn| {
                let start = std::time::Instant::now();
                changed(&mut project, 1 + turn % 40 + turn % 2);
                start.elapsed()
            })
            .collect();
        spent.sort_unstable();
        println!("propose and commit: median {:?}, 99 % {:?}", spent[100], spent[198]);
    }
}
