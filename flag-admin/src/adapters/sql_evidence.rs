use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use postgres::{Client, NoTls, SimpleQueryMessage};

use super::sources::{counts, ratio};
use super::store::StoreUrl;
use crate::app::with_causes;
use crate::rollout::SourceValue;

/// No query holds a rollout up, and none changes anything.
const MANNERS: &str = "SET statement_timeout = 5000; SET lock_timeout = 1000;";
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long all of it may take: the connection, and the query.
const PATIENCE: Duration = Duration::from_secs(10);

/// Errors among the events of those who have the flag, since the step began. Events are not people: one machine can have thousands, and the
/// limit should leave room for that.
const ERROR_RATE: &str = "SELECT COUNT(*) FILTER (WHERE event_type = 'Error'), COUNT(*) FROM events \
     WHERE feature_name = '{flag}' AND feature_enabled AND timestamp >= NOW() - INTERVAL '{since} seconds'";

/// Events of those who have the flag that took longer than one and a half times the 95th percentile of those who do not. With a limit of
/// 5 % it asks whether the 95th percentile is above that.
const SLOW_RATE: &str = "WITH control AS (SELECT 1.5 * PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY response_time_ms) AS slow \
     FROM events WHERE feature_name = '{flag}' AND NOT feature_enabled AND timestamp >= NOW() - INTERVAL '{since} seconds') \
     SELECT COUNT(*) FILTER (WHERE response_time_ms > slow), CASE WHEN MAX(slow) IS NULL THEN 0 ELSE COUNT(*) END \
     FROM events, control WHERE feature_name = '{flag}' AND feature_enabled AND timestamp >= NOW() - INTERVAL '{since} seconds'";

/// Users who do not have the flag, of all, in the last seven days.
const NOT_ADOPTED: &str = "SELECT COUNT(DISTINCT user_id) - COUNT(DISTINCT CASE WHEN feature_enabled THEN user_id END), \
     COUNT(DISTINCT user_id) FROM feature_flag_events \
     WHERE feature_name = '{flag}' AND timestamp >= NOW() - INTERVAL '7 days'";

/// Returns the query that a name stands for.
pub(super) fn preset(name: &str) -> Option<&'static str> {
    Some(match name {
        "error_rate" => ERROR_RATE,
        "slow_rate" => SLOW_RATE,
        "not_adopted" => NOT_ADOPTED,
        _ => return None,
    })
}

/// Asks a PostgreSQL database. One column of one row is a ratio; two are counts.
pub(super) fn read(url: &str, query: &str) -> SourceValue {
    let (url, query) = (url.to_owned(), query.to_owned());
    let (answer, answered) = mpsc::channel();
    // On a thread of its own, since a caller may itself run on a runtime that must not be blocked within, and since nothing else ends the
    // wait for a server that takes the connection and says nothing. That thread lasts as long as the connection.
    let asking = thread::Builder::new().name("sql-evidence".to_owned()).spawn(move || answer.send(ask(&url, &query)));
    let answered = asking.map(|_| answered.recv_timeout(PATIENCE));
    let why = match answered {
        Ok(Ok(Ok(value))) => return value,
        Ok(Ok(Err(why))) => why,
        Ok(Err(RecvTimeoutError::Timeout)) => format!("no answer within {} s", PATIENCE.as_secs()),
        Ok(Err(RecvTimeoutError::Disconnected)) => "asking it ended early".to_owned(),
        Err(error) => error.to_string(),
    };
    SourceValue::Unusable { why }
}

fn ask(url: &str, query: &str) -> Result<SourceValue, String> {
    let url: StoreUrl = url.parse().map_err(|error| with_causes(&error))?;
    let mut config = url.config_of_another();
    config.connect_timeout(CONNECT_TIMEOUT);
    let mut client: Client = config.connect(NoTls).map_err(|error| with_causes(&error))?;
    client.batch_execute(MANNERS).map_err(|error| with_causes(&error))?;
    // Only one statement can be prepared: a second one could end the transaction that lets nothing be changed.
    client.prepare(query).map_err(|error| with_causes(&error))?;
    let transaction = client.build_transaction().read_only(true).start();
    let mut transaction = transaction.map_err(|error| with_causes(&error))?;
    let messages = transaction.simple_query(query).map_err(|error| with_causes(&error))?;
    let mut rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let Some(row) = rows.next() else { return Ok(SourceValue::Nothing) };
    if rows.next().is_some() {
        return Err("it answers with several rows, expected one".to_owned());
    }
    let number = |column: usize| match row.try_get(column) {
        Ok(Some(text)) => text.parse::<f64>().map(Some).map_err(|_| format!("{text:?} is no number")),
        Ok(None) => Ok(None),
        Err(error) => Err(with_causes(&error)),
    };
    match row.len() {
        1 => Ok(number(0)?.map_or(SourceValue::Nothing, ratio)),
        2 => Ok(number(0)?.zip(number(1)?).map_or(SourceValue::Nothing, |(bad, of)| counts(bad, of))),
        columns => Err(format!("it answers with {columns} columns, expected one or two")),
    }
}
