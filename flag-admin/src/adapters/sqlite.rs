use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use super::file_identity::FileIdentity;
use super::rows::{column, digest, place};
use crate::app::ports::{Cause, LogError, LogStore, LogTarget};
use crate::log::{Head, Sealed, Stored, StoredCheckpoint};

/// Marks the file as a log of ours: "flag" in ASCII.
const APPLICATION_ID: i32 = 0x666c_6167;
/// How long a change waits for another program's to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What makes each form of the tables out of the one before; `user_version` counts them.
///
/// A hash beside the bytes lets a check name the very entry that was altered, rather than the one after it. The head stands in a table
/// of its own, so that an altered or missing last entry shows as well.
const MIGRATIONS: [(i32, &str); 6] = [
    (
        1,
        "CREATE TABLE entries (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
         CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
         INSERT INTO head (one, seq, hash) VALUES (1, 0, zeroblob(32));",
    ),
    (
        2,
        "CREATE TABLE checkpoint (
             one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, digest BLOB NOT NULL, bytes BLOB NOT NULL
         ) STRICT;",
    ),
    (3, "CREATE TABLE token_uses (token TEXT PRIMARY KEY, used_at INTEGER NOT NULL) STRICT;"),
    (
        4,
        "CREATE TABLE checkpoints (seq INTEGER PRIMARY KEY, digest BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
         DROP TABLE checkpoint;",
    ),
    (
        5,
        "CREATE TABLE documents (
             environment TEXT NOT NULL, name TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (environment, name)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE cells (
             environment TEXT NOT NULL, flag TEXT NOT NULL, day TEXT NOT NULL, part TEXT NOT NULL, sums TEXT NOT NULL,
             PRIMARY KEY (environment, flag, day, part)
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE nonces (nonce TEXT PRIMARY KEY, received INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         CREATE INDEX nonces_received ON nonces (received);",
    ),
    (
        6,
        "CREATE TABLE alerts (
             sink TEXT NOT NULL, alert TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL, tries INTEGER NOT NULL,
             due INTEGER, outcome TEXT, why TEXT, PRIMARY KEY (sink, alert)
         ) STRICT, WITHOUT ROWID;",
    ),
];
/// The newest form.
const FORM: i32 = 6;

/// A log in an SQLite file.
///
/// Journal mode is WAL with `synchronous=FULL`: every commit is one write and one fsync of the log file before it is acknowledged, so it
/// survives a loss of power, and readers never wait for a writer. (The older rollback journal needs `EXTRA` for the same promise, since
/// it commits by deleting a file, whose removal is not synced.)
///
/// Where nothing can be written, because the disk is full or the folder may only be read, a log that was closed in order can be read still.
#[derive(Debug)]
pub struct SqliteLog {
    pub(super) connection: Connection,
    path: PathBuf,
    /// Why it can only be read, if so.
    read_only: Option<String>,
    /// The file that was opened.
    opened: Option<FileIdentity>,
}

impl SqliteLog {
    /// Makes an empty log file, or opens one.
    pub fn create(path: &Path) -> Result<Self, LogError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut log = Self::connected(path, flags)?;
        if log.form()? == 0 {
            log.write(|connection| connection.pragma_update(None, "application_id", APPLICATION_ID))?;
        }
        log.migrated()
    }

    /// Opens a log file.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let not_a_project = || LogError::NotAProject { place: path.display().to_string() };
        if !path.is_file() {
            return Err(not_a_project());
        }
        let log = match Self::connected(path, OpenFlags::SQLITE_OPEN_READ_WRITE) {
            Err(LogError::Storage { source, .. }) => Self::read_only(path, source)?,
            log => log?,
        };
        if log.pragma("application_id")? != APPLICATION_ID || log.form()? == 0 {
            return Err(not_a_project());
        }
        log.migrated()
    }

    fn connected(path: &Path, flags: OpenFlags) -> Result<Self, LogError> {
        let failed = |error| failure(path, "opened", error);
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        let mut log = Self { connection, path: path.to_owned(), read_only: None, opened: None };
        let configure = |connection: &Connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            // Not needed by our tables, and a door to crafted files.
            connection.pragma_update(None, "trusted_schema", false)
        };
        configure(&log.connection).map_err(failed)?;
        log.opened = FileIdentity::of(path).ok();
        Ok(log)
    }

    /// Opens a log that cannot be opened for writing, for the reason given. What stands in the file is all there is only if no journal stands
    /// beside it; somebody who writes after all shows as a broken chain.
    fn read_only(path: &Path, reason: Cause) -> Result<Self, LogError> {
        let mut journal = path.as_os_str().to_owned();
        journal.push("-wal");
        let is_complete = fs::metadata(journal).map_or(true, |journal| journal.len() == 0);
        let uri = path.to_str().filter(|_| is_complete).map(|path| {
            let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            format!("file:{path}?immutable=1")
        });
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = uri.and_then(|uri| Connection::open_with_flags(uri, flags).ok());
        match connection {
            Some(connection) => {
                let (opened, read_only) = (FileIdentity::of(path).ok(), Some(reason.to_string()));
                Ok(Self { connection, path: path.to_owned(), read_only, opened })
            }
            None => Err(LogError::Storage { place: path.display().to_string(), action: "opened", source: reason }),
        }
    }

    /// Refuses to write where that was seen to be impossible.
    fn writable(&self) -> Result<(), LogError> {
        self.in_place("written")?;
        match &self.read_only {
            None => Ok(()),
            Some(reason) => {
                Err(LogError::Storage { place: self.place(), action: "written", source: reason.as_str().into() })
            }
        }
    }

    /// Refuses a file that is no longer where it was opened: nobody else would see what is done to it.
    fn in_place(&self, action: &'static str) -> Result<(), LogError> {
        let Some(opened) = &self.opened else { return Ok(()) };
        opened.check(&self.path).map_err(|error| LogError::Storage {
            place: self.place(),
            action,
            source: error.into(),
        })
    }

    fn form(&self) -> Result<i32, LogError> {
        self.pragma("user_version")
    }

    fn pragma(&self, name: &str) -> Result<i32, LogError> {
        self.connection.pragma_query_value(None, name, |row| row.get(0)).map_err(self.failed("read"))
    }

    /// Brings the tables to the newest form.
    fn migrated(mut self) -> Result<Self, LogError> {
        let found = self.form()?;
        if found > FORM {
            return Err(LogError::Newer { place: self.place(), found, expected: FORM });
        }
        if found < FORM && self.read_only.is_none() {
            self.write(|transaction| {
                // Another program may have done it while this one waited for its turn.
                let found: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
                for (form, statements) in MIGRATIONS.iter().filter(|(form, _)| *form > found) {
                    transaction.execute_batch(statements)?;
                    transaction.pragma_update(None, "user_version", form)?;
                }
                Ok(())
            })?;
        }
        Ok(self)
    }

    /// Does something in one transaction, which holds the write lock from its beginning.
    pub(super) fn write<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LogError> {
        self.writable()?;
        let Self { connection, path, .. } = self;
        let failed = |error| failure(path, "written", error);
        let transaction = Transaction::new(connection, TransactionBehavior::Immediate).map_err(failed)?;
        let done = act(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// Returns the file's place, for messages.
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> LogError {
        move |error| failure(&self.path, action, error)
    }

    fn read_head(&self, connection: &Connection) -> Result<Head, LogError> {
        let head = connection
            .query_row("SELECT seq, hash FROM head", [], |row| Ok((place(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))
            .optional()
            .map_err(self.failed("read"))?;
        let Some((seq, hash)) = head else {
            return Err(self.failed("read")(rusqlite::Error::QueryReturnedNoRows));
        };
        Ok(Head { seq, hash: digest(seq, &hash)? })
    }

    /// Reads a row whatever an altered file has in it: what is no entry shows in its hash.
    fn stored(&self, row: &Row<'_>) -> Result<Stored, LogError> {
        let bytes = |at: usize| match row.get_ref(at) {
            Ok(ValueRef::Blob(bytes) | ValueRef::Text(bytes)) => Ok(bytes.to_vec()),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(self.failed("read")(error)),
        };
        let seq = place(row.get(0).map_err(self.failed("read"))?);
        Ok(Stored { seq, hash: digest(seq, &bytes(1)?)?, bytes: bytes(2)? })
    }

    /// Begins to append, and returns the head to append to. The write lock is held from the beginning.
    fn appending(&self) -> Result<(Appending<'_>, Head), LogError> {
        self.writable()?;
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
            .map_err(self.failed("written"))?;
        let found = self.read_head(&transaction)?;
        Ok((Appending { transaction, path: &self.path, last: found }, found))
    }
}

/// A transaction that appends.
struct Appending<'l> {
    transaction: Transaction<'l>,
    path: &'l Path,
    last: Head,
}

impl Appending<'_> {
    fn push(&mut self, entry: &Sealed) -> Result<(), LogError> {
        let failed = |error| failure(self.path, "written", error);
        let Stored { seq, hash, bytes } = entry.stored();
        let mut insert = self
            .transaction
            .prepare_cached("INSERT INTO entries (seq, hash, bytes) VALUES (?1, ?2, ?3)")
            .map_err(failed)?;
        insert.execute((column(*seq), hash.as_bytes().as_slice(), bytes)).map_err(failed)?;
        self.last = entry.head();
        Ok(())
    }

    fn finish(self) -> Result<Head, LogError> {
        let failed = |error| failure(self.path, "written", error);
        let Head { seq, hash } = self.last;
        self.transaction
            .execute("UPDATE head SET seq = ?1, hash = ?2", (column(seq), hash.as_bytes().as_slice()))
            .map_err(failed)?;
        self.transaction.commit().map_err(failed)?;
        Ok(self.last)
    }
}

impl LogStore for SqliteLog {
    fn head(&self) -> Result<Head, LogError> {
        self.in_place("read")?;
        self.read_head(&self.connection)
    }

    fn check_writable(&self) -> Result<(), LogError> {
        self.writable()?;
        self.connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(self.failed("written"))
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError> {
        self.in_place("read")?;
        // One transaction, so that rows and head are of the same moment.
        let transaction = self.connection.unchecked_transaction().map_err(self.failed("read"))?;
        let mut statement = transaction
            .prepare_cached("SELECT seq, hash, bytes FROM entries WHERE seq > ?1 ORDER BY seq")
            .map_err(self.failed("read"))?;
        let mut rows = statement.query([column(after)]).map_err(self.failed("read"))?;
        while let Some(row) = rows.next().map_err(self.failed("read"))? {
            each(self.stored(row)?)?;
        }
        self.read_head(&transaction)
    }

    fn append(&mut self, expected: Head, entries: &[Sealed]) -> Result<(), LogError> {
        let (mut appending, found) = self.appending()?;
        if found != expected {
            return Err(LogError::HeadMoved { expected, found });
        }
        if entries.is_empty() {
            return Ok(());
        }
        entries.iter().try_for_each(|entry| appending.push(entry))?;
        appending.finish().map(|_| ())
    }

    fn checkpoint_before(&self, before: u64) -> Result<Option<StoredCheckpoint>, LogError> {
        let found = self
            .connection
            .query_row(
                "SELECT seq, digest, bytes FROM checkpoints WHERE seq > 0 AND seq < ?1 ORDER BY seq DESC LIMIT 1",
                [column(before)],
                |row| Ok((place(row.get(0)?), row.get::<_, Vec<u8>>(1)?, row.get(2)?)),
            )
            .optional()
            .map_err(self.failed("read"))?;
        found.map(|(seq, hash, bytes)| Ok(StoredCheckpoint { seq, digest: digest(seq, &hash)?, bytes })).transpose()
    }

    fn keep_checkpoint(&mut self, checkpoint: Option<&StoredCheckpoint>) -> Result<(), LogError> {
        self.write(|transaction| {
            let Some(StoredCheckpoint { seq, digest, bytes }) = checkpoint else {
                return transaction.execute("DELETE FROM checkpoints", []);
            };
            transaction.execute("DELETE FROM checkpoints WHERE seq >= ?1", [column(*seq)])?;
            transaction.execute(
                "INSERT INTO checkpoints (seq, digest, bytes) VALUES (?1, ?2, ?3)",
                (column(*seq), digest.as_bytes().as_slice(), bytes),
            )?;
            transaction.execute(
                "DELETE FROM checkpoints WHERE seq NOT IN (SELECT seq FROM checkpoints ORDER BY seq DESC LIMIT 2)",
                [],
            )
        })
        .map(|_| ())
    }
}

impl LogTarget for SqliteLog {
    fn fill(&mut self, next: &mut dyn FnMut() -> Result<Option<Sealed>, LogError>) -> Result<Head, LogError> {
        let place = self.place();
        let (mut appending, head) = self.appending()?;
        if head != Head::GENESIS {
            return Err(LogError::NotEmpty { place, head });
        }
        while let Some(entry) = next()? {
            appending.push(&entry)?;
        }
        appending.finish()
    }
}

fn failure(path: &Path, action: &'static str, error: rusqlite::Error) -> LogError {
    let place = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LogError::Locked { place, waited: BUSY_TIMEOUT },
        _ => LogError::Storage { place, action, source: error.into() },
    }
}
