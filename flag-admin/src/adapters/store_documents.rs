//! What is published in the project's own store, whichever engine keeps it: servers of the project hand it out.

use std::fs::File;
use std::thread;
use std::time::Duration;

use postgres::fallible_iterator::FallibleIterator as _;

use super::postgres::PostgresLog;
use super::sqlite::SqliteLog;
use crate::app::ports::{Document, LogError, Publication, Publisher, PublisherError, Shelf};
use crate::log::EnvironmentName;

/// How often SQLite is asked whether another program wrote. A kill must not wait for longer.
const PAUSE: Duration = Duration::from_millis(100);
/// How long to wait before a database that cannot be reached is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// What servers listen to, and what is told with every document.
pub(super) const CHANNEL: &str = "flag_published";
/// Names the lock that publishers of one database hold: "flag" in ASCII, and "p".
const PUBLISH_LOCK: i64 = 0x66_6c61_6770;

/// The place where a project publishes to its own store, as commands name it.
pub(super) const PLACE: &str = "store://";

/// Rows of documents. Names are the paths below what is published.
pub(super) trait DocumentRows: Send {
    fn rows(&self, environment: &EnvironmentName) -> Result<Vec<(String, Vec<u8>)>, LogError>;
    fn put(&mut self, environment: &EnvironmentName, name: &str, bytes: &[u8]) -> Result<(), LogError>;
    fn remove(&mut self, environment: &EnvironmentName, name: &str) -> Result<(), LogError>;
    /// Tells whether somebody else may have written since the last call.
    fn is_touched(&mut self) -> Result<bool, LogError>;
    /// Waits until somebody else may have written.
    fn wait(&mut self, at_most: Duration) -> Result<(), LogError>;
    /// Returns how long to wait before the next look, where nobody tells of what others wrote.
    fn pause(&self) -> Option<Duration> {
        None
    }
    /// Keeps other publishers out for as long as the connection lives, if the engine can.
    fn exclude_publishers(&mut self) -> Result<(), LogError>;
}

pub(super) type OpenRows = Box<dyn FnMut() -> Result<Box<dyn DocumentRows>, LogError> + Send>;

/// Documents of one environment in the project's own store.
pub struct StoreDocuments {
    open: OpenRows,
    rows: Option<Box<dyn DocumentRows>>,
    environment: EnvironmentName,
    seen: bool,
    /// Held for as long as this lives, so that of two publishers of one folder the later version stays.
    _lock: Option<File>,
}

impl std::fmt::Debug for StoreDocuments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreDocuments").field("environment", &self.environment).finish_non_exhaustive()
    }
}

fn failed(action: &'static str) -> impl FnOnce(LogError) -> PublisherError {
    move |error| PublisherError { place: PLACE.to_owned(), action, source: Box::new(error) }
}

impl StoreDocuments {
    /// Opens documents to read.
    pub(super) fn shelf(open: OpenRows, environment: EnvironmentName) -> Self {
        Self { open, rows: None, environment, seen: false, _lock: None }
    }

    /// Opens documents to publish.
    pub(super) fn publisher(
        mut open: OpenRows,
        environment: EnvironmentName,
        lock: File,
    ) -> Result<Self, PublisherError> {
        let mut rows = open().map_err(failed("opened"))?;
        rows.exclude_publishers().map_err(failed("locked"))?;
        Ok(Self { open, rows: Some(rows), environment, seen: false, _lock: Some(lock) })
    }

    fn rows(&mut self) -> Result<&mut Box<dyn DocumentRows>, LogError> {
        let opened = match self.rows.take() {
            Some(rows) => rows,
            None => {
                self.seen = false;
                (self.open)()?
            }
        };
        Ok(self.rows.insert(opened))
    }

    fn looked(&mut self) -> Result<Option<Publication>, LogError> {
        let environment = self.environment.clone();
        let seen = self.seen && self.rows.is_some();
        let rows = self.rows()?;
        let touched = rows.is_touched()?;
        if seen && !touched {
            return Ok(None);
        }
        let found = rows.rows(&environment)?;
        self.seen = true;
        Ok(Some(publication(found)))
    }
}

fn publication(rows: Vec<(String, Vec<u8>)>) -> Publication {
    let mut publication = Publication::default();
    let mut roots: Vec<(u64, Vec<u8>)> = Vec::new();
    let (kills, snapshot) = (Document::Kills.to_string(), Document::Snapshot.to_string());
    for (name, bytes) in rows {
        if name == kills {
            publication.kills = Some(bytes);
        } else if name == snapshot {
            publication.snapshot = Some(bytes);
        } else if let Some(version) = name.strip_prefix("v1/root/").and_then(|name| name.strip_suffix(".json")) {
            roots.extend(version.parse().ok().map(|version| (version, bytes)));
        }
    }
    roots.sort_by_key(|(version, _)| *version);
    // Without gaps, as a folder of files is read.
    let whole = (1..).zip(roots).take_while(|(expected, (version, _))| expected == version);
    publication.roots = whole.map(|(_, (_, bytes))| bytes).collect();
    publication
}

impl Shelf for StoreDocuments {
    fn look(&mut self) -> Result<Option<Publication>, PublisherError> {
        self.looked().map_err(|error| {
            // A database that was restarted is connected to anew.
            self.rows = None;
            failed("read")(error)
        })
    }

    fn wait(&mut self, at_most: Duration) {
        let waited = self.rows.as_mut().map(|rows| rows.wait(at_most));
        if !matches!(waited, Some(Ok(()))) {
            self.rows = None;
            thread::sleep(RETRY.min(at_most));
        }
    }

    fn pause(&self) -> Option<Duration> {
        self.rows.as_ref().and_then(|rows| rows.pause())
    }

    fn place(&self) -> String {
        PLACE.to_owned()
    }
}

impl Publisher for StoreDocuments {
    fn published(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError> {
        let Some(rows) = &self.rows else { return Ok(None) };
        let name = document.to_string();
        let found = rows.rows(&self.environment).map_err(failed("read"))?;
        Ok(found.into_iter().find(|(known, _)| *known == name).map(|(_, bytes)| bytes))
    }

    fn publish(&mut self, document: Document, bytes: &[u8]) -> Result<(), PublisherError> {
        if self.published(document)?.as_deref() == Some(bytes) {
            return Ok(());
        }
        let environment = self.environment.clone();
        let rows = self.rows().map_err(failed("opened"))?;
        rows.put(&environment, &document.to_string(), bytes).map_err(failed("written"))
    }

    fn withdraw(&mut self, document: Document) -> Result<(), PublisherError> {
        if self.published(document)?.is_none() {
            return Ok(());
        }
        let environment = self.environment.clone();
        let rows = self.rows().map_err(failed("opened"))?;
        rows.remove(&environment, &document.to_string()).map_err(failed("removed"))
    }

    fn place(&self) -> String {
        PLACE.to_owned()
    }
}

/// An SQLite log, and the count of what others wrote to its file.
pub(super) struct SqliteRows {
    pub(super) log: SqliteLog,
    seen: Option<i64>,
}

impl SqliteRows {
    pub(super) const fn new(log: SqliteLog) -> Self {
        Self { log, seen: None }
    }
}

impl DocumentRows for SqliteRows {
    fn rows(&self, environment: &EnvironmentName) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement =
                self.log.connection.prepare_cached("SELECT name, bytes FROM documents WHERE environment = ?1")?;
            let rows = statement.query_map([environment.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        read().map_err(self.log.failed("read"))
    }

    fn put(&mut self, environment: &EnvironmentName, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        self.log
            .write(|transaction| {
                transaction.execute(
                    "INSERT INTO documents (environment, name, bytes) VALUES (?1, ?2, ?3)
                     ON CONFLICT (environment, name) DO UPDATE SET bytes = excluded.bytes",
                    (environment.as_str(), name, bytes),
                )
            })
            .map(|_| ())
    }

    fn remove(&mut self, environment: &EnvironmentName, name: &str) -> Result<(), LogError> {
        self.log
            .write(|transaction| {
                transaction
                    .execute("DELETE FROM documents WHERE environment = ?1 AND name = ?2", (environment.as_str(), name))
            })
            .map(|_| ())
    }

    fn is_touched(&mut self) -> Result<bool, LogError> {
        let version = self
            .log
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(self.log.failed("read"))?;
        Ok(self.seen.replace(version) != Some(version))
    }

    fn wait(&mut self, at_most: Duration) -> Result<(), LogError> {
        thread::sleep(PAUSE.min(at_most));
        Ok(())
    }

    fn pause(&self) -> Option<Duration> {
        Some(PAUSE)
    }

    fn exclude_publishers(&mut self) -> Result<(), LogError> {
        // The folder's own lock does.
        Ok(())
    }
}

/// A connection to PostgreSQL that listens.
pub(super) struct PostgresRows {
    log: PostgresLog,
    is_touched: bool,
}

impl PostgresRows {
    pub(super) fn new(log: PostgresLog) -> Result<Self, LogError> {
        let listening = log.client.borrow_mut().batch_execute(&format!("LISTEN {CHANNEL}"));
        listening.map_err(log.failed("read"))?;
        Ok(Self { log, is_touched: true })
    }
}

impl DocumentRows for PostgresRows {
    fn rows(&self, environment: &EnvironmentName) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        let rows = self
            .log
            .client
            .borrow_mut()
            .query("SELECT name, bytes FROM flag_documents WHERE environment = $1", &[&environment.as_str()])
            .map_err(self.log.failed("read"))?;
        let columns = |row: &postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(columns).collect::<Result<_, postgres::Error>>().map_err(self.log.failed("read"))
    }

    fn put(&mut self, environment: &EnvironmentName, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        self.told(
            "INSERT INTO flag_documents (environment, name, bytes) VALUES ($1, $2, $3)
             ON CONFLICT (environment, name) DO UPDATE SET bytes = excluded.bytes",
            &[&environment.as_str(), &name, &bytes],
        )
    }

    fn remove(&mut self, environment: &EnvironmentName, name: &str) -> Result<(), LogError> {
        let statement = "DELETE FROM flag_documents WHERE environment = $1 AND name = $2";
        self.told(statement, &[&environment.as_str(), &name])
    }

    fn is_touched(&mut self) -> Result<bool, LogError> {
        Ok(std::mem::take(&mut self.is_touched))
    }

    fn wait(&mut self, at_most: Duration) -> Result<(), LogError> {
        let mut client = self.log.client.borrow_mut();
        let mut notifications = client.notifications();
        let told = notifications.timeout_iter(at_most).next().map_err(self.log.failed("read"))?;
        self.is_touched |= told.is_some();
        while notifications.iter().next().map_err(self.log.failed("read"))?.is_some() {}
        drop(notifications);
        // A connection that is gone says nothing, so it is asked.
        if told.is_none() && client.is_closed() {
            return Err(LogError::Storage {
                place: PLACE.to_owned(),
                action: "read",
                source: "the connection is closed".into(),
            });
        }
        Ok(())
    }

    fn exclude_publishers(&mut self) -> Result<(), LogError> {
        let locked = self.log.client.borrow_mut().execute("SELECT pg_advisory_lock($1)", &[&PUBLISH_LOCK]);
        locked.map(|_| ()).map_err(self.log.failed("locked"))
    }
}

impl PostgresRows {
    /// Changes a row and tells every server, or does neither.
    fn told(&mut self, statement: &str, parameters: &[&(dyn postgres::types::ToSql + Sync)]) -> Result<(), LogError> {
        let failed = self.log.failed("written");
        let mut client = self.log.client.borrow_mut();
        let mut transaction = client.transaction().map_err(&failed)?;
        transaction.execute(statement, parameters).map_err(&failed)?;
        transaction.execute("SELECT pg_notify($1, '')", &[&CHANNEL]).map_err(&failed)?;
        transaction.commit().map_err(failed)
    }
}
