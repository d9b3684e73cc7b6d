use std::error::Error as StdError;
use std::time::Duration;

use postgres::{Client, NoTls, Transaction};
use serde_json::{Map, Value};

use super::store::StoreUrl;

/// How long a query may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many rows are asked for at a time.
const ROWS: i32 = 1_000;

/// Why a query gave no measurements.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError<E: StdError + 'static> {
    /// The database cannot be reached.
    #[error("{place} cannot be reached")]
    Unreachable {
        /// The database, without a password.
        place: String,
        /// Why.
        #[source]
        source: postgres::Error,
    },
    /// The query failed.
    #[error("the query failed at {place}")]
    Query {
        /// The database, without a password.
        place: String,
        /// Why.
        #[source]
        source: postgres::Error,
    },
    /// A row is not what the server says it is.
    #[error("row {row} of {place} cannot be read")]
    Row {
        /// The row, from 1 on.
        row: u64,
        /// The database, without a password.
        place: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Whoever takes the rows in refused one.
    #[error(transparent)]
    Refused(E),
}

/// Runs one query on a PostgreSQL database, in a transaction that cannot write and for at most a minute, and gives each row to `take`: the
/// names of the columns and the cells as text, nothing for NULL.
pub fn query_rows<E: StdError + 'static>(
    source: &StoreUrl,
    query: &str,
    mut take: impl FnMut(&[String], Vec<String>) -> Result<(), E>,
) -> Result<(), QueryError<E>> {
    let place = source.to_string();
    let mut config = source.config();
    config.application_name("flag-admin");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    let connected = config.connect(NoTls);
    let mut client = connected.map_err(|source| QueryError::Unreachable { place: place.clone(), source })?;
    let failed = |source| QueryError::Query { place: place.clone(), source };
    let mut transaction = begun(&mut client).map_err(failed)?;
    // One statement, whatever is in the text: only one can be prepared.
    let query = query.trim().trim_end_matches(';');
    let text = format!("SELECT row_to_json(measured)::text FROM (\n{query}\n) AS measured");
    let portal = transaction.prepare(&text).and_then(|statement| transaction.bind(&statement, &[])).map_err(failed)?;
    let mut number = 0_u64;
    let mut columns: Vec<String> = Vec::new();
    loop {
        let rows = transaction.query_portal(&portal, ROWS).map_err(failed)?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            number = number.saturating_add(1);
            let text: String = row.try_get(0).map_err(failed)?;
            let cells: Map<String, Value> = serde_json::from_str(&text).map_err(|source| QueryError::Row {
                row: number,
                place: place.clone(),
                source,
            })?;
            if columns.is_empty() {
                columns = cells.keys().cloned().collect();
            }
            take(&columns, cells.into_iter().map(|(_, cell)| shown(cell)).collect()).map_err(QueryError::Refused)?;
        }
    }
}

fn begun(client: &mut Client) -> Result<Transaction<'_>, postgres::Error> {
    let mut transaction = client.build_transaction().read_only(true).start()?;
    transaction.batch_execute(&format!("SET LOCAL statement_timeout = {}", STATEMENT_TIMEOUT.as_millis()))?;
    Ok(transaction)
}

fn shown(cell: Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
