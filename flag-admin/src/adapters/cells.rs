//! What anonymous reports come to, in the tables of either engine.

use std::collections::BTreeMap;

use flag_client::Day;
use flag_client::report::Report;
use flag_core::{FlagKey, Share, Timestamp};

use super::postgres::PostgresLog;
use super::sqlite::SqliteLog;
use crate::app::ports::{Added, CellStore, CellStoreError, LogError};
use crate::cells::{Cell, CellKey};
use crate::log::EnvironmentName;

/// How long a nonce is remembered: for so long a report may be sent again.
const NONCE_MILLIS: i64 = 48 * 3_600_000;

/// The part of a cell's key that is no column of its own, as JSON: the variant and the step, which may both be absent.
type Part = (Option<Box<str>>, Option<Share>);

fn part(key: &CellKey) -> Result<String, serde_json::Error> {
    serde_json::to_string(&(&key.variant, &key.step))
}

/// Takes a cell out of its row.
fn row(flag: &FlagKey, day: &str, part: &str, sums: &str) -> Result<(CellKey, Cell), CellStoreError> {
    let unreadable = |source: serde_json::Error| CellStoreError {
        place: format!("the cell of flag \"{flag}\" of {day}"),
        action: "read",
        source: source.into(),
    };
    let (variant, step): Part = serde_json::from_str(part).map_err(unreadable)?;
    let day: Day = serde_json::from_value(day.into()).map_err(unreadable)?;
    let sums = serde_json::from_str(sums).map_err(unreadable)?;
    Ok((CellKey { flag: flag.clone(), variant, step, day }, sums))
}

/// Adds up the reports of each cell, in the order of the cells: two servers that lock rows in one order never wait for each other.
fn sums<'r>(reports: impl Iterator<Item = &'r Report>) -> BTreeMap<CellKey, Cell> {
    let mut sums: BTreeMap<CellKey, Cell> = BTreeMap::new();
    for report in reports {
        sums.entry(CellKey::of(report)).or_default().add(report);
    }
    sums
}

fn of_log(error: LogError) -> CellStoreError {
    let place = String::from("the store of cells");
    CellStoreError { place, action: "written", source: Box::new(error) }
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

impl CellStore for SqliteLog {
    fn add_all(
        &mut self,
        environment: &EnvironmentName,
        reports: &[Report],
        received: Timestamp,
    ) -> Result<Vec<Added>, CellStoreError> {
        let written = self.write(|transaction| {
            let forgotten = received.as_millis().saturating_sub(NONCE_MILLIS);
            transaction.prepare_cached("DELETE FROM nonces WHERE received < ?1")?.execute([forgotten])?;
            let mut remember = transaction
                .prepare_cached("INSERT INTO nonces (nonce, received) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
            let mut added = Vec::with_capacity(reports.len());
            for report in reports {
                let is_new = remember.execute((report.nonce.to_string(), received.as_millis()))? > 0;
                added.push(if is_new { Added::Counted } else { Added::KnownAlready });
            }
            let fresh = reports.iter().zip(&added).filter(|(_, added)| **added == Added::Counted);
            let mut read = transaction.prepare_cached(
                "SELECT sums FROM cells WHERE environment = ?1 AND flag = ?2 AND day = ?3 AND part = ?4",
            )?;
            let mut write = transaction.prepare_cached(
                "INSERT INTO cells (environment, flag, day, part, sums) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (environment, flag, day, part) DO UPDATE SET sums = excluded.sums",
            )?;
            for (key, more) in sums(fresh.map(|(report, _)| report)) {
                let place =
                    (environment.as_str(), key.flag.as_str(), key.day.to_string(), part(&key).map_err(unwritable)?);
                let mut rows = read.query((place.0, place.1, &place.2, &place.3))?;
                let mut sums = match rows.next()? {
                    Some(row) => serde_json::from_str(&row.get::<_, String>(0)?).map_err(unwritable)?,
                    None => Cell::default(),
                };
                drop(rows);
                sums.merge(&more);
                let sums = serde_json::to_string(&sums).map_err(unwritable)?;
                write.execute((place.0, place.1, &place.2, &place.3, sums))?;
            }
            Ok(added)
        });
        written.map_err(of_log)
    }

    fn cells(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        since: Day,
    ) -> Result<Vec<(CellKey, Cell)>, CellStoreError> {
        let read = || -> rusqlite::Result<Vec<(String, String, String)>> {
            let mut statement = self.connection.prepare_cached(
                "SELECT day, part, sums FROM cells WHERE environment = ?1 AND flag = ?2 AND day >= ?3",
            )?;
            let rows = statement.query_map((environment.as_str(), flag.as_str(), since.to_string()), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            rows.collect()
        };
        let rows = read().map_err(|error| of_log(self.failed("read")(error)))?;
        sorted(flag, rows.iter().map(|(day, part, sums)| (day.as_str(), part.as_str(), sums.as_str())))
    }
}

fn sorted<'r>(
    flag: &FlagKey,
    rows: impl Iterator<Item = (&'r str, &'r str, &'r str)>,
) -> Result<Vec<(CellKey, Cell)>, CellStoreError> {
    let mut cells: Vec<(CellKey, Cell)> =
        rows.map(|(day, part, sums)| row(flag, day, part, sums)).collect::<Result<_, _>>()?;
    cells.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(cells)
}

impl CellStore for PostgresLog {
    fn add_all(
        &mut self,
        environment: &EnvironmentName,
        reports: &[Report],
        received: Timestamp,
    ) -> Result<Vec<Added>, CellStoreError> {
        let failed = |error: postgres::Error| of_log(self.failed("written")(error));
        let broken = |source: serde_json::Error| CellStoreError {
            place: String::from("the store of cells"),
            action: "read",
            source: source.into(),
        };
        let mut client = self.client.borrow_mut();
        let mut transaction = client.transaction().map_err(failed)?;
        let forgotten = received.as_millis().saturating_sub(NONCE_MILLIS);
        transaction.execute("DELETE FROM flag_nonces WHERE received < $1", &[&forgotten]).map_err(failed)?;
        // In one order at every server, so that two of them never wait for each other.
        let mut order: Vec<usize> = (0..reports.len()).collect();
        order.sort_by_key(|place| reports.get(*place).map(|report| report.nonce));
        let mut added = vec![Added::KnownAlready; reports.len()];
        for place in order {
            let (Some(report), Some(added)) = (reports.get(place), added.get_mut(place)) else { continue };
            let remembered = transaction
                .execute(
                    "INSERT INTO flag_nonces (nonce, received) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    &[&report.nonce.to_string(), &received.as_millis()],
                )
                .map_err(failed)?;
            if remembered > 0 {
                *added = Added::Counted;
            }
        }
        let fresh = reports.iter().zip(&added).filter(|(_, added)| **added == Added::Counted);
        for (key, more) in sums(fresh.map(|(report, _)| report)) {
            let (environment, flag, day) = (environment.as_str(), key.flag.as_str(), key.day.to_string());
            let part = part(&key).map_err(broken)?;
            transaction
                .execute(
                    "INSERT INTO flag_cells (environment, flag, day, part, sums) VALUES ($1, $2, $3, $4, '{\"n\":0}')
                     ON CONFLICT DO NOTHING",
                    &[&environment, &flag, &day, &part],
                )
                .map_err(failed)?;
            let row = transaction
                .query_one(
                    "SELECT sums FROM flag_cells WHERE environment = $1 AND flag = $2 AND day = $3 AND part = $4
                     FOR UPDATE",
                    &[&environment, &flag, &day, &part],
                )
                .map_err(failed)?;
            let mut sums: Cell = serde_json::from_str(row.try_get(0).map_err(failed)?).map_err(broken)?;
            sums.merge(&more);
            let sums = serde_json::to_string(&sums).map_err(broken)?;
            transaction
                .execute(
                    "UPDATE flag_cells SET sums = $5
                     WHERE environment = $1 AND flag = $2 AND day = $3 AND part = $4",
                    &[&environment, &flag, &day, &part, &sums],
                )
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(added)
    }

    fn cells(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        since: Day,
    ) -> Result<Vec<(CellKey, Cell)>, CellStoreError> {
        let failed = |error: postgres::Error| of_log(self.failed("read")(error));
        let rows = self
            .client
            .borrow_mut()
            .query(
                "SELECT day, part, sums FROM flag_cells WHERE environment = $1 AND flag = $2 AND day >= $3",
                &[&environment.as_str(), &flag.as_str(), &since.to_string()],
            )
            .map_err(failed)?;
        let columns = |row: &'_ postgres::Row| -> Result<(String, String, String), postgres::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        };
        let rows = rows.iter().map(columns).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        sorted(flag, rows.iter().map(|(day, part, sums)| (day.as_str(), part.as_str(), sums.as_str())))
    }
}
