//! Whatever is done to the stored rows of a log, `audit` names the first bad entry.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

#[path = "store/contract.rs"]
mod contract;

use contract::{log_of, rows};
use flag_admin::adapters::SqliteLog;
use flag_admin::app::ports::{LogError, LogStore as _, LogTarget as _};
use flag_admin::app::{AuditError, Commitment, CommitmentSource, OpenError, audit};
use flag_admin::log::{Digest, Head, Stored};
use flag_core::wire::AuditHead;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;

const ENTRIES: usize = 12;

#[derive(Clone, Debug)]
enum Tampering {
    /// A bit of an entry's bytes, of the hash beside them, or of the head.
    FlipBytes {
        row: usize,
        at: usize,
        bit: u8,
    },
    FlipHash {
        row: usize,
        at: usize,
        bit: u8,
    },
    FlipHead {
        at: usize,
        bit: u8,
    },
    /// The head names another place.
    MoveHead {
        seq: u64,
    },
    /// A row goes, and those after it keep their places, or move up.
    Delete {
        row: usize,
        closes: bool,
    },
    /// Another row's copy is put in, and those after it move down.
    Insert {
        row: usize,
        copy: usize,
    },
    /// Rubbish is put in.
    InsertBytes {
        row: usize,
        bytes: Vec<u8>,
    },
    /// Two rows change places.
    Swap {
        row: usize,
        with: usize,
    },
    /// The last rows go; the head stays.
    Truncate {
        row: usize,
    },
    /// A row is stored as well where another was.
    Duplicate {
        row: usize,
        over: usize,
    },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let (row, at, bit) = (0..ENTRIES, 0_usize..100_000, 0_u8..8);
    let two = (0..ENTRIES, 1..ENTRIES).prop_map(|(one, step)| (one, (one + step) % ENTRIES));
    prop_oneof![
        4 => (row.clone(), at.clone(), bit.clone()).prop_map(|(row, at, bit)| Tampering::FlipBytes { row, at, bit }),
        2 => (row.clone(), at.clone(), bit.clone()).prop_map(|(row, at, bit)| Tampering::FlipHash { row, at, bit }),
        1 => (at, bit).prop_map(|(at, bit)| Tampering::FlipHead { at, bit }),
        1 => (0_u64..30).prop_filter("the head's own", |seq| *seq != ENTRIES as u64).prop_map(|seq| Tampering::MoveHead { seq }),
        2 => (row.clone(), any::<bool>()).prop_map(|(row, closes)| Tampering::Delete { row, closes }),
        2 => (0..=ENTRIES, row.clone()).prop_map(|(row, copy)| Tampering::Insert { row, copy }),
        1 => (0..=ENTRIES, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(row, bytes)| Tampering::InsertBytes { row, bytes }),
        2 => two.clone().prop_map(|(row, with)| Tampering::Swap { row, with }),
        1 => row.prop_map(|row| Tampering::Truncate { row }),
        2 => two.prop_map(|(row, over)| Tampering::Duplicate { row, over }),
    ]
}

fn flipped(hash: Digest, at: usize, bit: u8) -> Digest {
    let mut bytes = *hash.as_bytes();
    bytes[at % 32] ^= 1 << bit;
    Digest::from_bytes(bytes)
}

/// Tampers, and returns the place of the first bad entry, from 1 on.
fn tampered(rows: &mut Vec<Stored>, head: &mut Head, tampering: Tampering) -> u64 {
    let renumber = |rows: &mut Vec<Stored>| {
        for (row, seq) in rows.iter_mut().zip(1..) {
            row.seq = seq;
        }
    };
    let bad = match tampering {
        Tampering::FlipBytes { row, at, bit } => {
            let length = rows[row].bytes.len();
            rows[row].bytes[at % length] ^= 1 << bit;
            row
        }
        Tampering::FlipHash { row, at, bit } => {
            rows[row].hash = flipped(rows[row].hash, at, bit);
            row
        }
        Tampering::FlipHead { at, bit } => {
            head.hash = flipped(head.hash, at, bit);
            rows.len() - 1
        }
        Tampering::MoveHead { seq } => {
            head.seq = seq;
            // Beyond the log an entry is missing; before its end the last one is too many.
            if seq > rows.len() as u64 { rows.len() } else { rows.len() - 1 }
        }
        Tampering::Delete { row, closes } => {
            rows.remove(row);
            if closes {
                renumber(rows);
            }
            row
        }
        Tampering::Insert { row, copy } => {
            let copy = rows[copy].clone();
            // A copy put in where its own row stands pushes that one down.
            let is_own = copy.seq == row as u64 + 1;
            rows.insert(row, copy);
            renumber(rows);
            if is_own { row + 1 } else { row }
        }
        Tampering::InsertBytes { row, bytes } => {
            rows.insert(row, Stored { seq: 0, hash: Digest::of(&bytes), bytes });
            renumber(rows);
            row
        }
        Tampering::Swap { row, with } => {
            rows.swap(row, with);
            renumber(rows);
            row.min(with)
        }
        Tampering::Truncate { row } => {
            rows.truncate(row);
            row
        }
        Tampering::Duplicate { row, over } => {
            rows[over] = Stored { seq: rows[over].seq, ..rows[row].clone() };
            over
        }
    };
    bad as u64 + 1
}

/// Every day a thousand ways to tamper, every night ten thousand.
#[expect(clippy::disallowed_methods, reason = "a test asks the environment how thorough it must be")]
fn cases() -> u32 {
    if std::env::var("FLAG_NIGHTLY").is_ok_and(|value| value == "1") { 10_000 } else { 1_000 }
}

#[test]
fn the_first_bad_entry_is_named_whatever_was_done() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("log.sqlite");
    let mut log = SqliteLog::create(&path).unwrap();
    let entries = log_of(ENTRIES);
    let mut given = entries.iter().cloned();
    let sound = log.fill(&mut || Ok(given.next())).unwrap();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA synchronous = OFF").unwrap();
    let put = |rows: &[Stored], head: Head| {
        let transaction = raw.unchecked_transaction().unwrap();
        transaction.execute("DELETE FROM entries", []).unwrap();
        let mut insert = transaction.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3)").unwrap();
        for Stored { seq, hash, bytes } in rows {
            insert.execute((seq.cast_signed(), hash.as_bytes().as_slice(), bytes)).unwrap();
        }
        drop(insert);
        let head = (head.seq.cast_signed(), head.hash.as_bytes().as_slice());
        transaction.execute("UPDATE head SET seq = ?1, hash = ?2", head).unwrap();
        transaction.commit().unwrap();
    };
    let commitment = Commitment {
        head: AuditHead { seq: sound.seq, hash: sound.hash.to_string().into() },
        source: CommitmentSource::Snapshot,
    };
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases()) });
    let result = runner.run(&tampering(), |tampering| {
        let (mut rows, mut head) = (rows(&entries), sound);
        let bad = tampered(&mut rows, &mut head, tampering.clone());
        put(&rows, head);
        match audit(&log, None) {
            Err(AuditError::Open(OpenError::Log(LogError::Corrupt(error)))) => {
                prop_assert_eq!(error.seq, bad, "{}", error);
            }
            other => return Err(TestCaseError::fail(format!("{other:?}, expected entry {bad}"))),
        }
        // With the head put right as well, a log that was cut off is a whole log; only what was published knows better.
        if let Tampering::Truncate { row: 1.. } = tampering {
            let last = rows.last().unwrap();
            put(&rows, Head { seq: last.seq, hash: last.hash });
            prop_assert!(audit(&log, None).is_ok());
            let told = audit(&log, Some(&commitment));
            prop_assert!(matches!(told, Err(AuditError::Truncated { seq: 12, .. })), "{:?}", told);
        }
        Ok(())
    });
    result.unwrap();
    put(&rows(&entries), sound);
    assert_eq!(audit(&log, Some(&commitment)).unwrap().head, log.head().unwrap());
}
