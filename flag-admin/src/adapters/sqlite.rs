use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use crate::app::ports::{LogError, LogStore};
use crate::log::{ChainError, Digest, Flaw, Head, Sealed, Stored};

/// Marks the file as a log of ours: "flag" in ASCII.
const APPLICATION_ID: i32 = 0x666c_6167;
/// The form of the tables below.
const FORM: i32 = 1;
/// How long a change waits for another program's to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A hash beside the bytes lets a check name the very entry that was altered, rather than the one after it. The head stands in a table
/// of its own, so that an altered or missing last entry shows as well.
const TABLES: &str = "
    CREATE TABLE entries (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
";

/// A log in an SQLite file.
///
/// Journal mode is WAL with `synchronous=FULL`: every commit is one write and one fsync of the log file before it is acknowledged, so it
/// survives a loss of power, and readers never wait for a writer. (The older rollback journal needs `EXTRA` for the same promise, since
/// it commits by deleting a file, whose removal is not synced.)
#[derive(Debug)]
pub struct SqliteLog {
    connection: Connection,
}

impl SqliteLog {
    /// Makes a log file with the entries that a project begins with.
    pub fn create(path: &Path, entries: &[Sealed]) -> Result<(), LogError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = Connection::open_with_flags(path, flags).map_err(failed("opened"))?;
        let mut log = Self::configured(connection)?;
        let tables = |connection: &Connection| {
            connection.execute_batch(TABLES)?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", FORM)?;
            let Head { seq, hash } = Head::GENESIS;
            connection.execute(
                "INSERT INTO head (one, seq, hash) VALUES (1, ?1, ?2)",
                (column(seq), hash.as_bytes().as_slice()),
            )
        };
        tables(&log.connection).map_err(failed("written"))?;
        log.append(Head::GENESIS, entries)?;
        log.connection.close().map_err(|(_, error)| failed("written")(error))
    }

    /// Opens a log file.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let not_a_project = || LogError::NotAProject { place: path.display().to_string() };
        if !path.is_file() {
            return Err(not_a_project());
        }
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed("opened"))?;
        let log = Self::configured(connection)?;
        let pragma = |name| log.connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let marks =
            (pragma("application_id").map_err(failed("read"))?, pragma("user_version").map_err(failed("read"))?);
        if marks != (APPLICATION_ID, FORM) {
            return Err(not_a_project());
        }
        Ok(log)
    }

    fn configured(connection: Connection) -> Result<Self, LogError> {
        let configure = || {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            // Not needed by our two tables, and a door to crafted files.
            connection.pragma_update(None, "trusted_schema", false)
        };
        match configure() {
            Ok(()) => Ok(Self { connection }),
            Err(error) => Err(failed("opened")(error)),
        }
    }
}

impl LogStore for SqliteLog {
    fn head(&self) -> Result<Head, LogError> {
        read_head(&self.connection)
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError> {
        // One transaction, so that rows and head are of the same moment.
        let transaction = self.connection.unchecked_transaction().map_err(failed("read"))?;
        let mut statement = transaction
            .prepare_cached("SELECT seq, hash, bytes FROM entries WHERE seq > ?1 ORDER BY seq")
            .map_err(failed("read"))?;
        let mut rows = statement.query([column(after)]).map_err(failed("read"))?;
        while let Some(row) = rows.next().map_err(failed("read"))? {
            each(stored(row)?)?;
        }
        read_head(&transaction)
    }

    fn append(&mut self, expected: Head, entries: &[Sealed]) -> Result<(), LogError> {
        let transaction =
            Transaction::new(&mut self.connection, TransactionBehavior::Immediate).map_err(failed("written"))?;
        let found = read_head(&transaction)?;
        if found != expected {
            return Err(LogError::HeadMoved { expected, found });
        }
        let Some(last) = entries.last() else { return Ok(()) };
        let write = || {
            let mut insert =
                transaction.prepare_cached("INSERT INTO entries (seq, hash, bytes) VALUES (?1, ?2, ?3)")?;
            for entry in entries {
                let Stored { seq, hash, bytes } = entry.stored();
                insert.execute((column(*seq), hash.as_bytes().as_slice(), bytes))?;
            }
            let Head { seq, hash } = last.head();
            transaction.execute("UPDATE head SET seq = ?1, hash = ?2", (column(seq), hash.as_bytes().as_slice()))
        };
        write().map_err(failed("written"))?;
        transaction.commit().map_err(failed("written"))
    }
}

fn read_head(connection: &Connection) -> Result<Head, LogError> {
    let head = connection
        .query_row("SELECT seq, hash FROM head", [], |row| Ok((place(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))
        .optional()
        .map_err(failed("read"))?;
    let Some((seq, hash)) = head else {
        return Err(failed("read")(rusqlite::Error::QueryReturnedNoRows));
    };
    Ok(Head { seq, hash: digest(seq, &hash)? })
}

/// Reads a row whatever an altered file has in it: what is no entry shows in its hash.
fn stored(row: &Row<'_>) -> Result<Stored, LogError> {
    let bytes = |at: usize| match row.get_ref(at) {
        Ok(ValueRef::Blob(bytes) | ValueRef::Text(bytes)) => Ok(bytes.to_vec()),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(failed("read")(error)),
    };
    let seq = place(row.get(0).map_err(failed("read"))?);
    Ok(Stored { seq, hash: digest(seq, &bytes(1)?)?, bytes: bytes(2)? })
}

fn digest(seq: u64, hash: &[u8]) -> Result<Digest, LogError> {
    let flaw = Flaw::HashLength { found: hash.len() };
    Ok(hash.try_into().map(Digest::from_bytes).map_err(|_| ChainError { seq, flaw })?)
}

/// SQLite counts to 2⁶³ - 1, which is more entries than will be.
fn column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn place(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

fn failed(action: &'static str) -> impl Fn(rusqlite::Error) -> LogError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LogError::Locked,
        _ => LogError::Storage { action, source: error.into() },
    }
}
