//! What every store of a log owes the rest of the program.

use std::sync::Barrier;
use std::thread;

use flag_admin::app::audit;
use flag_admin::app::ports::{
    Added, CellStore, LogError, LogTarget, Outbox, OutboxOutcome, OutboxStanding, OutboxTally, TokenUses,
};
use flag_admin::cells::{Cell, CellKey};
use flag_admin::log::{
    Change, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, Head, Role, Sealed, Stored, StoredCheckpoint,
};
use flag_core::Timestamp;

/// One kind of store, with one log in it.
pub trait Engine: Sync {
    /// Opens the log once more.
    fn open(&self) -> Box<dyn LogTarget>;

    /// Opens what remembers when tokens were used.
    fn uses(&self) -> Box<dyn TokenUses>;

    /// Opens what reports are added to.
    fn cells(&self) -> Box<dyn CellStore>;

    /// Opens the alerts on their way.
    fn outbox(&self) -> Box<dyn Outbox>;

    /// Puts rows and a head into the store past its adapter, as somebody does who tampers with it.
    fn put(&self, rows: &[Stored], head: Head);
}

pub fn entry(head: Head, change: Change) -> Sealed {
    let environment = (!change.is_of_project()).then(EnvironmentName::production);
    Sealed::new(Entry {
        schema: ENTRY_SCHEMA,
        seq: head.seq + 1,
        time: Timestamp::from_millis(1_768_487_521_000),
        actor: "alice".parse().unwrap(),
        role: Role::ReleaseManager,
        environment,
        change,
        reason: None,
        prev: head.hash,
    })
    .unwrap()
}

pub fn kill(number: usize) -> Change {
    Change::KillActivated { id: format!("k-{number}").into(), target: "telemetry".into(), emergency: false }
}

/// Returns a log of so many entries.
pub fn log_of(entries: usize) -> Vec<Sealed> {
    let project =
        Change::ProjectCreated { project: "caro".parse().unwrap(), environments: vec![EnvironmentName::production()] };
    let mut head = Head::GENESIS;
    std::iter::once(project)
        .chain((1..entries).map(kill))
        .map(|change| {
            let sealed = entry(head, change);
            head = sealed.head();
            sealed
        })
        .collect()
}

pub fn rows(entries: &[Sealed]) -> Vec<Stored> {
    entries.iter().map(|entry| entry.stored().clone()).collect()
}

fn read(log: &dyn LogTarget, after: u64) -> (Vec<Stored>, Head) {
    let mut rows = Vec::new();
    let head = log
        .read(after, &mut |row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
    (rows, head)
}

/// A log is filled once, all or nothing; rows come back as the very bytes, from any place on, with the head of the same moment.
pub fn fills_and_reads(engine: &dyn Engine) {
    let entries = log_of(2_345);
    let mut log = engine.open();
    assert_eq!(read(&*log, 0), (Vec::new(), Head::GENESIS));
    // A source that fails half way leaves nothing.
    let mut given = entries.iter().cloned();
    let failed = log.fill(&mut || {
        let next = given.next();
        if next.as_ref().is_some_and(|entry| entry.head().seq > 2_000) {
            return Err(LogError::NotAProject { place: "the source".into() });
        }
        Ok(next)
    });
    assert_eq!(failed.unwrap_err().to_string(), "the source is not a project's log");
    assert_eq!(read(&*log, 0), (Vec::new(), Head::GENESIS));

    let mut given = entries.iter().cloned();
    let head = log.fill(&mut || Ok(given.next())).unwrap();
    assert_eq!(head, entries[2_344].head());
    assert_eq!(log.head().unwrap(), head);
    let again = engine.open();
    for after in [0, 1, 999, 1_000, 2_344, 2_345, 9_999] {
        let expected: Vec<Stored> = rows(&entries).into_iter().filter(|row| row.seq > after).collect();
        assert_eq!(read(&*again, after), (expected, head), "{after}");
    }
    again.check_writable().unwrap();
    assert_eq!(again.head().unwrap(), head, "looking at it changes nothing");
    let refused = log.fill(&mut || Ok(None)).unwrap_err();
    assert!(matches!(refused, LogError::NotEmpty { head: found, .. } if found == head), "{refused}");
    // Reading stops where it is told to, and the log can be used on.
    let stopped =
        log.read(0, &mut |row| if row.seq < 3 { Ok(()) } else { Err(LogError::NotAProject { place: "here".into() }) });
    assert_eq!(stopped.unwrap_err().to_string(), "here is not a project's log");
    assert_eq!(audit(&*log, None).unwrap().entries, 2_345);
}

/// Entries go onto the head that they were made from, all or none, and of writers from one head exactly one wins.
pub fn appends_by_compare_and_set(engine: &dyn Engine) {
    const WRITERS: usize = 8;
    let entries = log_of(3);
    engine.open().append(Head::GENESIS, &entries).unwrap();
    let base = entries[2].head();
    let mut log = engine.open();
    let elsewhere = Head { seq: 3, hash: Digest::of(b"another") };
    for wrong in [Head::GENESIS, entries[1].head(), elsewhere] {
        let refused = log.append(wrong, &[entry(base, kill(100))]).unwrap_err();
        assert!(
            matches!(refused, LogError::HeadMoved { expected, found } if (expected, found) == (wrong, base)),
            "{refused}"
        );
    }
    // The second of these has a place that is taken, so the first goes as well.
    let twice = [entry(base, kill(101)), entry(entries[1].head(), kill(102))];
    assert!(matches!(log.append(base, &twice).unwrap_err(), LogError::Storage { action: "written", .. }));
    log.append(base, &[]).unwrap();
    assert_eq!(read(&*log, 0), (rows(&entries), base));

    let start = Barrier::new(WRITERS);
    let results: Vec<Result<(), LogError>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let start = &start;
                scope.spawn(move || {
                    let mut log = engine.open();
                    let next = entry(base, kill(200 + writer));
                    start.wait();
                    log.append(base, &[next])
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        let LogError::HeadMoved { expected, found } = error else { panic!("{error}") };
        assert_eq!((expected, found.seq), (base, 4));
    }
    assert_eq!(audit(&*engine.open(), None).unwrap().entries, 4);
}

/// The last two checkpoints are kept, byte for byte; and none changes the log.
pub fn keeps_checkpoints(engine: &dyn Engine) {
    let entries = log_of(2);
    let mut log = engine.open();
    log.append(Head::GENESIS, &entries).unwrap();
    assert_eq!(log.checkpoint().unwrap(), None);
    let of = |seq: u64| {
        let bytes = vec![0, 255, u8::try_from(seq).unwrap()];
        StoredCheckpoint { seq, digest: Digest::of(&bytes), bytes }
    };
    // The places given, and those kept: a later one than that given is none of this log.
    for (seq, kept) in [(1, &[1][..]), (5, &[5, 1]), (9, &[9, 5]), (12, &[12, 9]), (12, &[12, 9]), (10, &[10, 9])] {
        log.keep_checkpoint(Some(&of(seq))).unwrap();
        let reader = engine.open();
        let mut found = Vec::new();
        let mut before = u64::MAX;
        while let Some(checkpoint) = reader.checkpoint_before(before).unwrap() {
            before = checkpoint.seq;
            found.push(checkpoint);
        }
        assert_eq!(found, kept.iter().map(|seq| of(*seq)).collect::<Vec<_>>(), "{seq}");
        assert_eq!(reader.checkpoint().unwrap(), Some(of(seq)));
    }
    log.keep_checkpoint(None).unwrap();
    assert_eq!(engine.open().checkpoint().unwrap(), None);
    assert_eq!(read(&*log, 0), (rows(&entries), entries[1].head()));
}

/// What was altered past the adapter is named, the head included, which stands apart.
pub fn shows_tampering(engine: &dyn Engine) {
    let entries = log_of(6);
    let (rows, head) = (rows(&entries), entries[5].head());
    let altered = |change: &dyn Fn(&mut Vec<Stored>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        rows
    };
    let table = [
        (altered(&|_| ()), head, None),
        (altered(&|rows| rows[2].bytes[10] ^= 1), head, Some("log entry 3 is corrupt: its bytes hash to ")),
        (altered(&|rows| rows[2].bytes.clear()), head, Some("log entry 3 is corrupt: its bytes hash to ")),
        (altered(&|rows| drop(rows.remove(3))), head, Some("log entry 4 is corrupt: stored under 5")),
        (altered(&|rows| rows.truncate(4)), head, Some("log entry 5 is corrupt: missing: the log ends before it")),
        (rows.clone(), entries[4].head(), Some("log entry 6 is corrupt: it is the last and hashes to ")),
        (
            rows.clone(),
            Head { seq: 6, hash: Digest::GENESIS },
            Some("log entry 6 is corrupt: it is the last and hashes to "),
        ),
    ];
    for (rows, head, message) in table {
        engine.put(&rows, head);
        match (audit(&*engine.open(), None), message) {
            (Ok(report), None) => assert_eq!(report.entries, 6),
            (Err(error), Some(message)) => assert!(error.to_string().starts_with(message), "{error}: {message}"),
            (result, message) => panic!("{result:?}, expected {message:?}"),
        }
    }
}

/// The last use of a token is remembered, and never goes back.
pub fn remembers_uses_of_tokens(engine: &dyn Engine) {
    let at = |seconds: i64| Timestamp::from_millis(1_768_487_521_000 + seconds * 1_000);
    let (one, other) = ("0Wq3xYbT9LmZ".parse().unwrap(), "1Wq3xYbT9LmZ".parse().unwrap());
    assert!(engine.uses().uses().unwrap().is_empty());
    for (token, seconds) in [(&one, 5), (&other, 1), (&one, 60), (&one, 30)] {
        engine.uses().note_use(token, at(seconds)).unwrap();
    }
    assert_eq!(engine.uses().uses().unwrap().into_iter().collect::<Vec<_>>(), [(one, at(60)), (other, at(1))]);
}

fn report(flag: &str, variant: Option<&str>, day: u32, nonce: u32) -> flag_client::report::Report {
    let (variant, stage) = match variant {
        Some(variant) => (format!("{variant:?}"), "1000"),
        None => ("null".to_owned(), "null"),
    };
    let text = format!(
        "{{\"v\":1,\"flag\":{flag:?},\"variant\":{variant},\"stage\":{stage},\"day\":\"2026-06-{day:02}\",\"first_in_stage\":1,\
         \"had_error\":1,\"crashed\":0,\"err_frac\":4,\"slow_frac\":null,\"lat\":[[318,3]],\"fb_pos\":0,\"fb_neg\":0,\
         \"metrics\":{{\"ok\":16}},\"nonce\":\"{nonce:032x}\"}}"
    );
    flag_client::report::parse(text.as_bytes()).unwrap()
}

/// A report counts once while its nonce is remembered, whoever adds it, and cells are what the reports of each sum to.
pub fn adds_reports_once(engine: &dyn Engine) {
    let production = EnvironmentName::production();
    let staging: EnvironmentName = "staging".parse().unwrap();
    let now = Timestamp::from_millis(1_780_000_000_000);
    let reports = [
        report("sync", Some("on"), 2, 1),
        report("sync", Some("on"), 2, 2),
        report("sync", Some("on"), 1, 3),
        report("sync", None, 2, 4),
        report("other", Some("on"), 2, 5),
    ];
    assert_eq!(engine.cells().add_all(&production, &reports, now).unwrap(), [Added::Counted; 5]);
    assert_eq!(engine.cells().add(&production, &reports[0], now).unwrap(), Added::KnownAlready);
    let mixed = [reports[1].clone(), report("sync", Some("on"), 2, 6), report("sync", Some("on"), 2, 6)];
    assert_eq!(
        engine.cells().add_all(&production, &mixed, now).unwrap(),
        [Added::KnownAlready, Added::Counted, Added::KnownAlready]
    );
    let flag = "sync".parse().unwrap();
    let cells = engine.cells().cells(&production, &flag, reports[2].day).unwrap();
    let keys: Vec<&CellKey> = cells.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [&CellKey::of(&reports[3]), &CellKey::of(&reports[2]), &CellKey::of(&reports[0])]);
    let mut expected = Cell::default();
    for report in [&reports[0], &reports[1], &mixed[1]] {
        expected.add(report);
    }
    assert_eq!(cells[2].1, expected);
    let later = engine.cells().cells(&production, &flag, reports[0].day).unwrap();
    assert_eq!(later.len(), 2, "the day before is left out");
    assert!(engine.cells().cells(&staging, &flag, reports[2].day).unwrap().is_empty());
    // After two days nobody sends it again, and the nonce is forgotten.
    let forgotten = now.saturating_add_millis(48 * 3_600_000 + 1);
    assert_eq!(engine.cells().add(&production, &reports[0], forgotten).unwrap(), Added::Counted);
}

/// Servers that add at once lose nothing and wait for nobody for ever.
pub fn adds_from_many_at_once(engine: &dyn Engine) {
    let production = EnvironmentName::production();
    let now = Timestamp::from_millis(1_780_000_000_000);
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for adder in 0..4_u32 {
            let (barrier, production) = (&barrier, &production);
            scope.spawn(move || {
                let mut cells = engine.cells();
                barrier.wait();
                for round in 0..5 {
                    // Half of the nonces are another adder's, too.
                    let reports: Vec<_> = (0..20)
                        .map(|number| {
                            report(
                                ["sync", "other"][number as usize % 2],
                                Some("on"),
                                1,
                                (adder / 2) * 1_000 + round * 100 + number + 1,
                            )
                        })
                        .collect();
                    cells.add_all(production, &reports, now).unwrap();
                }
            });
        }
    });
    for flag in ["sync", "other"] {
        let cells = engine.cells().cells(&production, &flag.parse().unwrap(), report(flag, None, 1, 0).day).unwrap();
        assert_eq!(cells.iter().map(|(_, cell)| cell.n).collect::<Vec<_>>(), [100]);
    }
}

/// An alert is put in once for each sink, claimed by one at a time, and kept until it arrived or was given up.
pub fn keeps_alerts_until_they_arrive(engine: &dyn Engine) {
    let at = |seconds: i64| Timestamp::from_millis(1_768_487_521_000 + seconds * 1_000);
    let mut outbox = engine.outbox();
    for (sink, alert, is_new) in [("a", "1", true), ("a", "2", true), ("b", "1", true), ("a", "1", false)] {
        assert_eq!(outbox.put(sink, alert, "{}", at(0)).unwrap(), is_new);
    }
    assert_eq!(outbox.claim(None, at(-1), at(60)).unwrap(), None);
    let of_b = outbox.claim(Some("b"), at(0), at(1)).unwrap().unwrap();
    assert_eq!((&*of_b.sink, outbox.claim(Some("b"), at(0), at(1)).unwrap()), ("b", None), "one sink by itself");
    assert_eq!(outbox.claim(Some("c"), at(0), at(1)).unwrap(), None);
    let claimed: Vec<_> = (0..4).filter_map(|_| engine.outbox().claim(None, at(1), at(60)).unwrap()).collect();
    assert_eq!(claimed.len(), 3);
    // Whoever claimed them ended before they were settled.
    assert_eq!(engine.outbox().claim(None, at(59), at(99)).unwrap(), None);
    let again: Vec<_> = (0..4).filter_map(|_| outbox.claim(None, at(60), at(99)).unwrap()).collect();
    assert_eq!(again.len(), 3);
    let of = |sink: &str, alert: &str| again.iter().find(|o| o.sink == sink && o.alert == alert).unwrap();
    outbox.settle(of("a", "1"), OutboxOutcome::Arrived, None).unwrap();
    outbox.settle(of("a", "2"), OutboxOutcome::Again(at(200)), Some("500")).unwrap();
    outbox.settle(of("b", "1"), OutboxOutcome::Gone, Some("410")).unwrap();
    let standing = |sink: &str, alert: &str| engine.outbox().standing().unwrap()[&(sink.to_owned(), alert.to_owned())];
    assert_eq!(standing("a", "1"), OutboxStanding::Settled);
    assert_eq!(standing("a", "2"), OutboxStanding::Waits(at(200)));
    assert_eq!(standing("b", "1"), OutboxStanding::Gone);
    let tally = |arrived, waiting, given_up, gone, trouble: Option<&str>| OutboxTally {
        arrived,
        waiting,
        given_up,
        gone,
        trouble: trouble.map(str::to_owned),
    };
    let tallies = engine.outbox().tallies().unwrap();
    assert_eq!(
        (&tallies["a"], &tallies["b"]),
        (&tally(1, 1, 0, false, Some("500")), &tally(0, 0, 1, true, Some("410")))
    );
    outbox.put("b", "2", "{}", at(100)).unwrap();
    assert_eq!(outbox.claim(None, at(199), at(300)).unwrap(), None);
    let due = outbox.claim(None, at(200), at(300)).unwrap().unwrap();
    assert_eq!((due.alert.as_str(), due.tries), ("2", 1));
    outbox.revive("b").unwrap();
    assert_eq!(outbox.claim(None, at(200), at(300)).unwrap().unwrap().sink, "b");
    outbox.forget("a").unwrap();
    assert!(!outbox.tallies().unwrap().contains_key("a"));
}
