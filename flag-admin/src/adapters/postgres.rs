use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, Config, IsolationLevel, NoTls, Row, Transaction};

use super::rows::{column, digest, place};
use crate::app::ports::{LogError, LogStore, LogTarget};
use crate::log::{Head, Sealed, Stored, StoredCheckpoint};

/// How long a change waits for another session's to end.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many rows are asked for, or sent, at a time.
const ROWS: usize = 1_000;
const ROWS_ASKED: i32 = 1_000;
/// Names the lock under which tables are made and brought up to date: "flag" in ASCII.
const MIGRATION_LOCK: i64 = 0x666c_6167;

/// What makes each form of the tables out of the one before; `flag_log_migrations` lists them.
///
/// The tables are those of an SQLite log. They stand in the schema that connections get by default, one log each: a database or a schema
/// (`?options=-csearch_path=NAME`) is a project's own.
const MIGRATIONS: [(i32, &str); 5] = [
    (
        1,
        "CREATE TABLE flag_log_entries (seq BIGINT PRIMARY KEY, hash BYTEA NOT NULL, bytes BYTEA NOT NULL);
     CREATE TABLE flag_log_head (one INTEGER PRIMARY KEY CHECK (one = 1), seq BIGINT NOT NULL, hash BYTEA NOT NULL);
     INSERT INTO flag_log_head (one, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));
     CREATE TABLE flag_log_checkpoint (
         one INTEGER PRIMARY KEY CHECK (one = 1), seq BIGINT NOT NULL, digest BYTEA NOT NULL, bytes BYTEA NOT NULL
     );",
    ),
    (2, "CREATE TABLE flag_token_uses (token TEXT PRIMARY KEY, used_at BIGINT NOT NULL);"),
    (
        3,
        "CREATE TABLE flag_log_checkpoints (seq BIGINT PRIMARY KEY, digest BYTEA NOT NULL, bytes BYTEA NOT NULL);
         DROP TABLE flag_log_checkpoint;",
    ),
    (
        4,
        "CREATE TABLE flag_documents (
             environment TEXT NOT NULL, name TEXT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (environment, name)
         );
         CREATE TABLE flag_cells (
             environment TEXT NOT NULL, flag TEXT NOT NULL, day TEXT NOT NULL, part TEXT NOT NULL, sums TEXT NOT NULL,
             PRIMARY KEY (environment, flag, day, part)
         );
         CREATE TABLE flag_nonces (nonce TEXT PRIMARY KEY, received BIGINT NOT NULL);
         CREATE INDEX flag_nonces_received ON flag_nonces (received);",
    ),
    (
        5,
        "CREATE TABLE flag_alerts (
             sink TEXT NOT NULL, alert TEXT NOT NULL, body TEXT NOT NULL, at BIGINT NOT NULL, tries BIGINT NOT NULL,
             due BIGINT, outcome TEXT, why TEXT, PRIMARY KEY (sink, alert)
         );",
    ),
];
/// The newest form.
const FORM: i32 = 5;

/// A log in a PostgreSQL database, which several admins and servers share.
///
/// Of two writers the second waits for the row of the head, finds it moved and is refused. `synchronous_commit` is on whatever the
/// database is set to: what was acknowledged is on disk.
pub struct PostgresLog {
    pub(super) client: RefCell<Client>,
    place: String,
}

impl fmt::Debug for PostgresLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLog").field("place", &self.place).finish_non_exhaustive()
    }
}

impl PostgresLog {
    /// Makes an empty log, or opens the one that is there. `place` is its address as messages give it.
    pub fn create(config: &Config, place: &str) -> Result<Self, LogError> {
        let log = Self::connected(config, place)?;
        log.migrate(0)?;
        Ok(log)
    }

    /// Opens a log. `place` is its address as messages give it.
    pub fn open(config: &Config, place: &str) -> Result<Self, LogError> {
        let log = Self::connected(config, place)?;
        let exists = log
            .client
            .borrow_mut()
            .query_one("SELECT to_regclass('flag_log_migrations') IS NOT NULL", &[])
            .and_then(|row| row.try_get::<_, bool>(0))
            .map_err(log.failed("read"))?;
        if !exists {
            return Err(LogError::NotAProject { place: place.to_owned() });
        }
        let found = log.form()?;
        if found < FORM {
            log.migrate(found)?;
        }
        Ok(log)
    }

    fn connected(config: &Config, place: &str) -> Result<Self, LogError> {
        let mut config = config.clone();
        config.application_name("flag-admin");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let failed = |error| failure(place, "opened", error);
        let mut client = config.connect(NoTls).map_err(failed)?;
        client
            .batch_execute(&format!(
                "SET synchronous_commit = on; SET lock_timeout = {}; SET client_min_messages = warning;",
                LOCK_TIMEOUT.as_millis()
            ))
            .map_err(failed)?;
        Ok(Self { client: RefCell::new(client), place: place.to_owned() })
    }

    /// Returns the form of the tables, and refuses one that this version does not know.
    fn form(&self) -> Result<i32, LogError> {
        let found: i32 = self
            .client
            .borrow_mut()
            .query_one("SELECT COALESCE(max(form), 0) FROM flag_log_migrations", &[])
            .and_then(|row| row.try_get(0))
            .map_err(self.failed("read"))?;
        if found > FORM {
            return Err(LogError::Newer { place: self.place.clone(), found, expected: FORM });
        }
        Ok(found)
    }

    fn migrate(&self, known: i32) -> Result<(), LogError> {
        let migrate = |client: &mut Client| {
            let mut transaction = client.transaction()?;
            // Programs that start at once take turns, and the second finds nothing to do.
            transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK])?;
            transaction.batch_execute(
                "CREATE TABLE IF NOT EXISTS flag_log_migrations (
                     form INTEGER PRIMARY KEY, made_at TIMESTAMPTZ NOT NULL DEFAULT now()
                 )",
            )?;
            let found: i32 =
                transaction.query_one("SELECT COALESCE(max(form), 0) FROM flag_log_migrations", &[])?.try_get(0)?;
            for (form, statements) in MIGRATIONS.iter().filter(|(form, _)| *form > found.max(known)) {
                transaction.batch_execute(statements)?;
                transaction.execute("INSERT INTO flag_log_migrations (form) VALUES ($1)", &[form])?;
            }
            transaction.commit()
        };
        migrate(&mut self.client.borrow_mut()).map_err(self.failed("written"))?;
        self.form().map(|_| ())
    }

    pub(super) fn failed(&self, action: &'static str) -> impl Fn(postgres::Error) -> LogError {
        move |error| failure(&self.place, action, error)
    }

    /// Adds entries to a log whose head, which is held until the transaction ends, is as expected.
    fn push(&self, transaction: &mut Transaction<'_>, entries: &[Sealed]) -> Result<(), LogError> {
        for entries in entries.chunks(ROWS) {
            let rows = || entries.iter().map(Sealed::stored);
            let places: Vec<i64> = rows().map(|row| column(row.seq)).collect();
            let hashes: Vec<&[u8]> = rows().map(|row| row.hash.as_bytes().as_slice()).collect();
            let bytes: Vec<&[u8]> = rows().map(|row| row.bytes.as_slice()).collect();
            transaction
                .execute(
                    "INSERT INTO flag_log_entries (seq, hash, bytes)
                     SELECT * FROM UNNEST($1::bigint[], $2::bytea[], $3::bytea[])",
                    &[&places, &hashes, &bytes],
                )
                .map_err(self.failed("written"))?;
        }
        if let Some(Head { seq, hash }) = entries.last().map(Sealed::head) {
            transaction
                .execute("UPDATE flag_log_head SET seq = $1, hash = $2", &[&column(seq), &hash.as_bytes().as_slice()])
                .map_err(self.failed("written"))?;
        }
        Ok(())
    }
}

impl LogStore for PostgresLog {
    fn head(&self) -> Result<Head, LogError> {
        let row = self.client.borrow_mut().query_one("SELECT seq, hash FROM flag_log_head", &[]);
        head(&row.map_err(self.failed("read"))?).map_err(self.failed("read"))?
    }

    fn check_writable(&self) -> Result<(), LogError> {
        // The lock is that of an append, which a standby and a role that may only read are refused; the transaction ends without a row.
        let lock = "BEGIN; SELECT seq FROM flag_log_head FOR UPDATE; ROLLBACK";
        let mut client = self.client.borrow_mut();
        let checked = client.batch_execute(lock);
        if checked.is_err() {
            // What failed leaves a transaction behind that takes no more; ending it can fail only with the connection.
            let _ = client.batch_execute("ROLLBACK");
        }
        checked.map_err(self.failed("written"))
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError> {
        let failed = self.failed("read");
        let mut client = self.client.borrow_mut();
        // One moment for rows and head, however long the reading takes.
        let mut transaction = client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .map_err(&failed)?;
        let portal = transaction
            .bind("SELECT seq, hash, bytes FROM flag_log_entries WHERE seq > $1 ORDER BY seq", &[&column(after)])
            .map_err(&failed)?;
        loop {
            let rows = transaction.query_portal(&portal, ROWS_ASKED).map_err(&failed)?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                each(stored(row).map_err(&failed)??)?;
            }
        }
        let row = transaction.query_one("SELECT seq, hash FROM flag_log_head", &[]).map_err(&failed)?;
        head(&row).map_err(failed)?
    }

    fn append(&mut self, expected: Head, entries: &[Sealed]) -> Result<(), LogError> {
        let failed = self.failed("written");
        let mut client = self.client.borrow_mut();
        let mut transaction = client.transaction().map_err(&failed)?;
        let row = transaction.query_one("SELECT seq, hash FROM flag_log_head FOR UPDATE", &[]).map_err(&failed)?;
        let found = head(&row).map_err(&failed)??;
        if found != expected {
            return Err(LogError::HeadMoved { expected, found });
        }
        self.push(&mut transaction, entries)?;
        transaction.commit().map_err(failed)
    }

    fn checkpoint_before(&self, before: u64) -> Result<Option<StoredCheckpoint>, LogError> {
        let failed = self.failed("read");
        let last =
            "SELECT seq, digest, bytes FROM flag_log_checkpoints WHERE seq > 0 AND seq < $1 ORDER BY seq DESC LIMIT 1";
        let row = self.client.borrow_mut().query_opt(last, &[&column(before)]).map_err(&failed)?;
        let Some(row) = row else { return Ok(None) };
        let Stored { seq, hash, bytes } = stored(&row).map_err(failed)??;
        Ok(Some(StoredCheckpoint { seq, digest: hash, bytes }))
    }

    fn keep_checkpoint(&mut self, checkpoint: Option<&StoredCheckpoint>) -> Result<(), LogError> {
        let failed = self.failed("written");
        let mut client = self.client.borrow_mut();
        let Some(StoredCheckpoint { seq, digest, bytes }) = checkpoint else {
            return client.execute("DELETE FROM flag_log_checkpoints", &[]).map(|_| ()).map_err(failed);
        };
        let mut transaction = client.transaction().map_err(&failed)?;
        let kept = transaction
            .execute("DELETE FROM flag_log_checkpoints WHERE seq >= $1", &[&column(*seq)])
            .and_then(|_| {
                transaction.execute(
                    "INSERT INTO flag_log_checkpoints (seq, digest, bytes) VALUES ($1, $2, $3)",
                    &[&column(*seq), &digest.as_bytes().as_slice(), bytes],
                )
            })
            .and_then(|_| {
                let others = "SELECT seq FROM flag_log_checkpoints ORDER BY seq DESC LIMIT 2";
                transaction.execute(&format!("DELETE FROM flag_log_checkpoints WHERE seq NOT IN ({others})"), &[])
            });
        kept.and_then(|_| transaction.commit()).map_err(failed)
    }
}

impl LogTarget for PostgresLog {
    fn fill(&mut self, next: &mut dyn FnMut() -> Result<Option<Sealed>, LogError>) -> Result<Head, LogError> {
        let failed = self.failed("written");
        let mut client = self.client.borrow_mut();
        let mut transaction = client.transaction().map_err(&failed)?;
        let row = transaction.query_one("SELECT seq, hash FROM flag_log_head FOR UPDATE", &[]).map_err(&failed)?;
        let mut last = head(&row).map_err(&failed)??;
        if last != Head::GENESIS {
            return Err(LogError::NotEmpty { place: self.place.clone(), head: last });
        }
        let mut waiting = Vec::with_capacity(ROWS);
        loop {
            let entry = next()?;
            let is_end = entry.is_none();
            waiting.extend(entry);
            if is_end || waiting.len() >= ROWS {
                self.push(&mut transaction, &waiting)?;
                last = waiting.last().map_or(last, Sealed::head);
                waiting.clear();
            }
            if is_end {
                break;
            }
        }
        transaction.commit().map_err(failed)?;
        Ok(last)
    }
}

fn head(row: &Row) -> Result<Result<Head, LogError>, postgres::Error> {
    let (seq, hash): (i64, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
    Ok(digest(place(seq), hash).map(|hash| Head { seq: place(seq), hash }))
}

/// Reads a row whatever somebody wrote into it: what is no entry shows in its hash.
fn stored(row: &Row) -> Result<Result<Stored, LogError>, postgres::Error> {
    let (seq, hash, bytes): (i64, &[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(digest(place(seq), hash).map(|hash| Stored { seq: place(seq), hash, bytes: bytes.to_vec() }))
}

fn failure(place: &str, action: &'static str, error: postgres::Error) -> LogError {
    let place = place.to_owned();
    match error.code() {
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => LogError::Locked { place, waited: LOCK_TIMEOUT },
        _ => LogError::Storage { place, action, source: error.into() },
    }
}
