//! Rollouts that ask a PostgreSQL database: the queries that have names, on the tables that they know.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

#[path = "support/postgres.rs"]
mod cluster;

use cluster::Cluster;
use flag_admin::adapters::Sources;
use flag_admin::app::ports::{MetricSource as _, SourceQuestion};
use flag_admin::rollout::{Source, SourceKind, SourceValue};

const TABLES: &str = "
    CREATE TABLE events (
        id BIGSERIAL PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL DEFAULT NOW(), feature_name TEXT NOT NULL,
        feature_enabled BOOLEAN NOT NULL, event_type TEXT NOT NULL, response_time_ms DOUBLE PRECISION
    );
    CREATE TABLE feature_flag_events (
        id BIGSERIAL PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL DEFAULT NOW(), feature_name TEXT NOT NULL,
        user_id TEXT NOT NULL, feature_enabled BOOLEAN NOT NULL
    );";

fn ask(url: &str, query: &str) -> SourceValue {
    let kind = SourceKind::Sql { from: url.into(), query: query.into() };
    let source = Source { metric: "events".into(), kind, limit: "5%".parse().unwrap(), rollback: None };
    let flag = "search".parse().unwrap();
    let share = "25%".parse().unwrap();
    let listed = [("listed".to_owned(), source.kind.from().to_owned())];
    Sources::new(listed.into()).read(&source, &SourceQuestion { flag: &flag, share, since_seconds: 3_600 })
}

fn unusable(value: &SourceValue, part: &str) {
    assert!(matches!(value, SourceValue::Unusable { why } if why.contains(part)), "{part}: {value:?}");
}

#[test]
fn the_named_queries_count_what_belongs_to_the_step_and_nothing_else() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database();
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client.batch_execute(TABLES).unwrap();
    for query in ["error_rate", "slow_rate", "not_adopted"] {
        assert_eq!(ask(&url, query), SourceValue::Nothing, "{query} of empty tables");
    }

    // Of the step: 170 fine and 30 failed. Not of it: those without the flag, of another flag, and from before the step.
    let events = "INSERT INTO events (feature_name, feature_enabled, event_type, response_time_ms, timestamp)";
    let rows = [
        "SELECT 'search', TRUE, 'Success', 100, NOW() FROM generate_series(1, 170)",
        "SELECT 'search', TRUE, 'Error', 200, NOW() - INTERVAL '10 minutes' FROM generate_series(1, 30)",
        "SELECT 'search', FALSE, 'Error', n, NOW() FROM generate_series(1, 100) AS n",
        "SELECT 'other', TRUE, 'Error', 900, NOW() FROM generate_series(1, 500)",
        "SELECT 'search', TRUE, 'Error', 900, NOW() - INTERVAL '2 hours' FROM generate_series(1, 500)",
    ];
    for row in rows {
        client.batch_execute(&format!("{events} {row}")).unwrap();
    }
    assert_eq!(ask(&url, "error_rate"), SourceValue::Counts { bad: 30, of: 200 });
    // The control group's 95th percentile is 95.05 ms, and half above that 142.6 ms.
    assert_eq!(ask(&url, "slow_rate"), SourceValue::Counts { bad: 30, of: 200 });

    // Nine users, two of whom have the flag; one saw it both ways.
    let users = "INSERT INTO feature_flag_events (feature_name, user_id, feature_enabled, timestamp)";
    for row in [
        "SELECT 'search', 'user-' || n, n <= 2, NOW() FROM generate_series(1, 9) AS n",
        "VALUES ('search', 'user-1', FALSE, NOW()), ('search', 'user-99', TRUE, NOW() - INTERVAL '8 days')",
    ] {
        client.batch_execute(&format!("{users} {row}")).unwrap();
    }
    assert_eq!(ask(&url, "not_adopted"), SourceValue::Counts { bad: 7, of: 9 });
}

#[test]
fn e49_what_a_database_answers_besides_numbers_holds_a_rollout() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database();
    assert_eq!(ask(&url, "SELECT 0.25"), SourceValue::Ratio { value: 0.25 });
    assert_eq!(ask(&url, "SELECT 3, 12"), SourceValue::Counts { bad: 3, of: 12 });
    for nothing in ["SELECT 1 WHERE FALSE", "SELECT NULL", "SELECT NULL, 5", "SELECT 0, 0"] {
        assert_eq!(ask(&url, nothing), SourceValue::Nothing, "{nothing}");
    }
    for (query, why) in [
        ("SELECT 'NaN'::float8", "the ratio is NaN"),
        ("SELECT 'NaN'::float8, 10", "are no counts"),
        ("SELECT -1, 10", "-1 of 10 are no counts"),
        ("SELECT 'much'", "\"much\" is no number"),
        ("SELECT 1 UNION SELECT 2", "several rows"),
        ("SELECT 1, 2, 3", "3 columns"),
        ("SELECT 1 FROM nowhere", "nowhere"),
        ("SELECT pg_sleep(60), 1", "timeout"),
        ("CREATE TABLE mine (x INT)", "read-only"),
        ("error_rate", "events"),
    ] {
        unusable(&ask(&url, query), why);
    }
}

#[test]
fn a_query_cannot_leave_the_transaction_that_lets_nothing_be_changed() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.database();
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client.batch_execute("CREATE TABLE kept (x INT); INSERT INTO kept VALUES (1);").unwrap();
    for query in [
        "SET default_transaction_read_only = off; DELETE FROM kept; SELECT 1, 10",
        "COMMIT; DELETE FROM kept; SELECT 1, 10",
        "ROLLBACK; BEGIN READ WRITE; DELETE FROM kept; COMMIT",
    ] {
        unusable(&ask(&url, query), "multiple commands");
    }
    unusable(&ask(&url, "WITH gone AS (DELETE FROM kept RETURNING x) SELECT 0, COUNT(*) FROM gone"), "read-only");
    let kept: i64 = client.query_one("SELECT COUNT(*) FROM kept", &[]).unwrap().get(0);
    assert_eq!(kept, 1);
}
