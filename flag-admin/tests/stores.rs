//! The contract of log stores, over SQLite and PostgreSQL, and what is particular to each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(unix)]

#[path = "store/contract.rs"]
mod contract;
#[path = "support/postgres.rs"]
mod server;
mod support;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use contract::{Engine, entry, kill, log_of};
use flag_admin::adapters::{SqliteLog, StoreUrl};
use flag_admin::app::ports::{CellStore, LogError, LogStore as _, LogTarget, Outbox, TokenUses};
use flag_admin::log::{Head, Stored};
use rusqlite::Connection;
use serde_json::json;
use server::Cluster;
use support::{SAMPLE, Sandbox};
use tempfile::TempDir;

struct Sqlite {
    path: PathBuf,
    _folder: TempDir,
}

impl Sqlite {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log.sqlite");
        drop(SqliteLog::create(&path).unwrap());
        Self { path, _folder: folder }
    }
}

impl Sqlite {
    fn log(&self) -> SqliteLog {
        SqliteLog::open(&self.path).unwrap()
    }
}

impl Engine for Sqlite {
    fn uses(&self) -> Box<dyn TokenUses> {
        Box::new(self.log())
    }

    fn outbox(&self) -> Box<dyn Outbox> {
        Box::new(self.log())
    }

    fn cells(&self) -> Box<dyn CellStore> {
        Box::new(self.log())
    }

    fn open(&self) -> Box<dyn LogTarget> {
        Box::new(SqliteLog::open(&self.path).unwrap())
    }

    fn put(&self, rows: &[Stored], head: Head) {
        let mut connection = Connection::open(&self.path).unwrap();
        let transaction = connection.transaction().unwrap();
        transaction.execute("DELETE FROM entries", []).unwrap();
        for Stored { seq, hash, bytes } in rows {
            let row = (seq.cast_signed(), hash.as_bytes().as_slice(), bytes);
            transaction.execute("INSERT INTO entries (seq, hash, bytes) VALUES (?1, ?2, ?3)", row).unwrap();
        }
        let head = (head.seq.cast_signed(), head.hash.as_bytes().as_slice());
        transaction.execute("UPDATE head SET seq = ?1, hash = ?2", head).unwrap();
        transaction.commit().unwrap();
    }
}

/// One server for all tests of this file. It is stopped by the last test that lets go of it.
static CLUSTER: LazyLock<std::sync::Mutex<std::sync::Weak<Cluster>>> = LazyLock::new(std::sync::Mutex::default);

struct Postgres {
    cluster: std::sync::Arc<Cluster>,
    address: String,
}

impl Postgres {
    fn new() -> Option<Self> {
        let mut shared = CLUSTER.lock().unwrap();
        let cluster = match shared.upgrade() {
            Some(cluster) => cluster,
            None => {
                let cluster = std::sync::Arc::new(Cluster::start()?);
                *shared = std::sync::Arc::downgrade(&cluster);
                cluster
            }
        };
        let address = cluster.database();
        Some(Self { cluster, address })
    }

    fn with_log() -> Option<Self> {
        let postgres = Self::new()?;
        drop(postgres.url().create().unwrap());
        Some(postgres)
    }

    fn url(&self) -> StoreUrl {
        self.address.parse().unwrap()
    }

    fn client(&self) -> postgres::Client {
        postgres::Client::connect(&self.address, postgres::NoTls).unwrap()
    }
}

impl Engine for Postgres {
    fn uses(&self) -> Box<dyn TokenUses> {
        Box::new(self.url().open().unwrap())
    }

    fn outbox(&self) -> Box<dyn Outbox> {
        Box::new(self.url().open().unwrap())
    }

    fn cells(&self) -> Box<dyn CellStore> {
        Box::new(self.url().open().unwrap())
    }

    fn open(&self) -> Box<dyn LogTarget> {
        Box::new(self.url().open().unwrap())
    }

    fn put(&self, rows: &[Stored], head: Head) {
        let mut client = self.client();
        let mut transaction = client.transaction().unwrap();
        transaction.execute("DELETE FROM flag_log_entries", &[]).unwrap();
        for Stored { seq, hash, bytes } in rows {
            let insert = "INSERT INTO flag_log_entries (seq, hash, bytes) VALUES ($1, $2, $3)";
            transaction.execute(insert, &[&seq.cast_signed(), &hash.as_bytes().as_slice(), bytes]).unwrap();
        }
        let update = "UPDATE flag_log_head SET seq = $1, hash = $2";
        transaction.execute(update, &[&head.seq.cast_signed(), &head.hash.as_bytes().as_slice()]).unwrap();
        transaction.commit().unwrap();
    }
}

macro_rules! contract {
    ($($law:ident,)*) => {
        mod sqlite {
            $(#[test]
            fn $law() {
                super::contract::$law(&super::Sqlite::new());
            })*
        }

        mod postgresql {
            $(#[test]
            fn $law() {
                if let Some(postgres) = super::Postgres::with_log() {
                    super::contract::$law(&postgres);
                }
            })*
        }
    };
}

contract! {
    fills_and_reads,
    appends_by_compare_and_set,
    keeps_checkpoints,
    shows_tampering,
    remembers_uses_of_tokens,
    keeps_alerts_until_they_arrive,
    adds_reports_once,
    adds_from_many_at_once,
}

#[test]
fn a_log_of_an_older_form_is_brought_up_to_date_and_one_of_a_newer_is_refused() {
    let sqlite = Sqlite::new();
    let entries = log_of(3);
    sqlite.open().append(Head::GENESIS, &entries).unwrap();
    let raw = Connection::open(&sqlite.path).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('entries', 'head')";
    let later: Vec<String> =
        raw.prepare(tables).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    for table in later {
        raw.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    raw.execute_batch("PRAGMA user_version = 1").unwrap();
    assert_eq!(sqlite.open().checkpoint().unwrap(), None);
    assert_eq!(sqlite.open().head().unwrap(), entries[2].head());
    raw.execute_batch("PRAGMA user_version = 99;").unwrap();
    let newer = SqliteLog::open(&sqlite.path).unwrap_err();
    assert_eq!(newer.to_string(), format!("{} has form 99, expected at most 6", sqlite.path.display()));

    let Some(postgres) = Postgres::new() else { return };
    let nothing = postgres.url().open().unwrap_err();
    assert_eq!(nothing.to_string(), format!("{} is not a project's log", postgres.url()));
    drop(postgres.url().create().unwrap());
    postgres.client().execute("INSERT INTO flag_log_migrations (form) VALUES (99)", &[]).unwrap();
    let newer = postgres.url().open().unwrap_err();
    assert_eq!(newer.to_string(), format!("{} has form 99, expected at most 5", postgres.url()));
}

#[test]
fn programs_that_make_a_log_at_once_make_one() {
    let Some(postgres) = Postgres::new() else { return };
    let heads: Vec<Head> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..6).map(|_| scope.spawn(|| postgres.url().create().unwrap().head().unwrap())).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    assert_eq!(heads, [Head::GENESIS; 6]);
}

#[test]
fn a_locked_log_is_waited_for_and_then_named() {
    let sqlite = Sqlite::new();
    let entries = log_of(1);
    let holder = Connection::open(&sqlite.path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = sqlite.open().append(Head::GENESIS, &entries).unwrap_err();
    let is_bounded =
        |error: &LogError| matches!(error, LogError::Locked { waited, .. } if *waited == Duration::from_secs(5));
    assert!(is_bounded(&locked));
    assert!(is_bounded(&sqlite.open().check_writable().unwrap_err()));
    assert_eq!(locked.to_string(), format!("{} is locked by another program, waited 5 s", sqlite.path.display()));
    // Readers never wait for a writer.
    assert_eq!(sqlite.open().head().unwrap(), Head::GENESIS);
    holder.execute_batch("ROLLBACK").unwrap();
    sqlite.open().append(Head::GENESIS, &entries).unwrap();

    let Some(postgres) = Postgres::with_log() else { return };
    let mut holder = postgres.client();
    holder.batch_execute("BEGIN; SELECT * FROM flag_log_head FOR UPDATE").unwrap();
    let locked = postgres.open().append(Head::GENESIS, &entries).unwrap_err();
    assert!(is_bounded(&locked), "{locked}");
    assert_eq!(locked.to_string(), format!("{} is locked by another program, waited 5 s", postgres.url()));
    assert_eq!(postgres.open().head().unwrap(), Head::GENESIS);
    holder.batch_execute("ROLLBACK").unwrap();
    postgres.open().append(Head::GENESIS, &entries).unwrap();
    // What is not acknowledged is not there: the session ends before it commits.
    let mut lost = postgres.client();
    lost.batch_execute("BEGIN; UPDATE flag_log_head SET seq = 99").unwrap();
    drop(lost);
    let next = entry(entries[0].head(), kill(1));
    postgres.open().append(entries[0].head(), &[next]).unwrap();
}

#[test]
fn a_database_that_may_only_be_read_is_told_of_and_can_be_used_on() {
    let Some(postgres) = Postgres::with_log() else { return };
    let name: String = postgres.client().query_one("SELECT current_database()", &[]).unwrap().get(0);
    let set = |value: &str| {
        let mut client = postgres.client();
        client.batch_execute("SET default_transaction_read_only = off").unwrap();
        let alter = format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = {value}");
        client.batch_execute(&alter).unwrap();
    };
    set("on");
    let log = postgres.open();
    for _ in 0..2 {
        let refused = log.check_writable().unwrap_err().to_string();
        assert_eq!(refused, format!("{} cannot be written", postgres.url()));
        assert_eq!(log.head().unwrap(), Head::GENESIS);
    }
    set("off");
    postgres.open().check_writable().unwrap();
}

#[test]
fn a_project_lives_in_postgresql_and_moves_between_engines() {
    let (Some(here), Some(there)) = (Postgres::new(), Postgres::new()) else { return };
    let sandbox = Sandbox::empty();
    sandbox.run(&["init", "flags", "--project", "caro", "--as", "alice", "--store", &here.address]).text();
    assert!(!sandbox.path("flags/log.sqlite").exists());
    sandbox.project(&["apply", "-f", SAMPLE, "--yes", "--as", "alice"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    let verified = sandbox.project(&["audit", "verify", "--against", "public/v1/snapshot.json", "--json"]).json();
    assert_eq!(verified["entries"], 14);

    // The database holds a log: another project does not go in.
    let second = sandbox.run(&["init", "other", "--store", &here.address]);
    assert!(
        second.err.starts_with(&format!("error: {} holds a log already, which ends with entry 14 (", here.url())),
        "{}",
        second.err
    );
    assert!(!sandbox.path("other").exists());

    let log = sandbox.project(&["log", "--json"]).json();
    sandbox.project(&["backup", "caro.backup", "--with-keys"]).text();
    sandbox.run(&["restore", "caro.backup", "embedded"]).text();
    assert!(sandbox.path("embedded/log.sqlite").exists());
    assert_eq!(sandbox.run(&["-C", "embedded", "log", "--json"]).json(), log);
    sandbox.run(&["-C", "embedded", "publish", "--to", "public"]).text();
    sandbox.run(&["-C", "embedded", "backup", "second.backup"]).text();
    sandbox.run(&["restore", "second.backup", "shared", "--store", &there.address]).text();
    let settings = std::fs::read_to_string(sandbox.path("shared/flag-admin.toml")).unwrap();
    assert!(settings.contains(&format!("store = \"{}\"", there.url())), "{settings}");
    let moved =
        sandbox.run(&["-C", "shared", "audit", "verify", "--against", "public/v1/snapshot.json", "--json"]).json();
    assert_eq!(moved["entries"], 16);
    let listed = sandbox.run(&["-C", "shared", "flag", "list", "--json"]).json();
    assert_eq!(listed, sandbox.project(&["flag", "list", "--json"]).json());
    // One store can be looked at in place of another.
    let elsewhere = sandbox.project(&["log", "--limit", "1", "--json", "--store", &there.address]).json();
    assert_eq!(elsewhere[0]["seq"], json!(16));
    drop((here.cluster, there.cluster));
}
