//! Alerts on their way, in the tables of either engine.

use std::collections::BTreeMap;

use flag_core::Timestamp;
use rusqlite::OptionalExtension as _;

use super::postgres::PostgresLog;
use super::sqlite::SqliteLog;
use crate::app::ports::{LogError, Outbox, OutboxOutcome, OutboxStanding, OutboxTally, Outgoing};

const ARRIVED: &str = "arrived";
const GIVEN_UP: &str = "given_up";
const GONE: &str = "gone";

/// Returns how an outcome stands in a row: by name, or when it is due again.
const fn columns(outcome: OutboxOutcome) -> (Option<&'static str>, Option<i64>) {
    match outcome {
        OutboxOutcome::Arrived => (Some(ARRIVED), None),
        OutboxOutcome::GivenUp => (Some(GIVEN_UP), None),
        OutboxOutcome::Gone => (Some(GONE), None),
        OutboxOutcome::Again(due) => (None, Some(due.as_millis())),
    }
}

/// Returns how an alert stands, by the columns of its row.
fn standing(outcome: Option<&str>, due: Option<i64>) -> OutboxStanding {
    match (outcome, due) {
        (Some(GONE), _) => OutboxStanding::Gone,
        (None, Some(due)) => OutboxStanding::Waits(Timestamp::from_millis(due)),
        _ => OutboxStanding::Settled,
    }
}

/// Adds a number of alerts of one outcome to what is known of a sink.
fn count(tally: &mut OutboxTally, outcome: Option<&str>, number: i64, why: Option<String>) {
    let number = u64::try_from(number).unwrap_or_default();
    match outcome {
        Some(ARRIVED) => tally.arrived = number,
        Some(GONE) => (tally.gone, tally.given_up) = (true, tally.given_up.saturating_add(number)),
        Some(_) => tally.given_up = tally.given_up.saturating_add(number),
        None => tally.waiting = number,
    }
    if outcome != Some(ARRIVED) {
        tally.trouble = why.or(tally.trouble.take());
    }
}

impl Outbox for SqliteLog {
    fn put(&mut self, sink: &str, alert: &str, body: &str, at: Timestamp) -> Result<bool, LogError> {
        // Most were put in long ago, which is seen without waiting for anybody who writes.
        let known = self
            .connection
            .query_row("SELECT 1 FROM alerts WHERE sink = ?1 AND alert = ?2", (sink, alert), |_| Ok(()))
            .optional()
            .map_err(self.failed("read"))?;
        if known.is_some() {
            return Ok(false);
        }
        let at = at.as_millis();
        let put = self.write(|transaction| {
            transaction.execute(
                "INSERT INTO alerts (sink, alert, body, at, tries, due) VALUES (?1, ?2, ?3, ?4, 0, ?4)
                 ON CONFLICT DO NOTHING",
                (sink, alert, body, at),
            )
        })?;
        Ok(put == 1)
    }

    fn claim(&mut self, sink: Option<&str>, now: Timestamp, until: Timestamp) -> Result<Option<Outgoing>, LogError> {
        const DUE: &str =
            "due <= ?1 AND (?2 IS NULL OR sink = ?2) AND sink NOT IN (SELECT sink FROM alerts WHERE outcome = 'gone')";
        let waits = self
            .connection
            .query_row(&format!("SELECT 1 FROM alerts WHERE {DUE} LIMIT 1"), (now.as_millis(), sink), |_| Ok(()))
            .optional()
            .map_err(self.failed("read"))?;
        if waits.is_none() {
            return Ok(None);
        }
        self.write(|transaction| {
            transaction
                .query_row(
                    &format!(
                        "UPDATE alerts SET due = ?3 WHERE (sink, alert) =
                             (SELECT sink, alert FROM alerts WHERE {DUE} ORDER BY due LIMIT 1)
                         RETURNING sink, alert, body, tries"
                    ),
                    (now.as_millis(), sink, until.as_millis()),
                    |row| Ok(Outgoing { sink: row.get(0)?, alert: row.get(1)?, body: row.get(2)?, tries: row.get(3)? }),
                )
                .optional()
        })
    }

    fn settle(&mut self, outgoing: &Outgoing, outcome: OutboxOutcome, why: Option<&str>) -> Result<(), LogError> {
        let (outcome, due) = columns(outcome);
        let Outgoing { sink, alert, tries, .. } = outgoing;
        self.write(|transaction| {
            transaction.execute(
                "UPDATE alerts SET tries = ?3, due = ?4, outcome = ?5, why = ?6 WHERE sink = ?1 AND alert = ?2",
                (sink, alert, tries.saturating_add(1), due, outcome, why),
            )
        })
        .map(|_| ())
    }

    fn revive(&mut self, sink: &str) -> Result<(), LogError> {
        self.write(|transaction| {
            transaction.execute("UPDATE alerts SET outcome = 'given_up' WHERE sink = ?1 AND outcome = 'gone'", [sink])
        })
        .map(|_| ())
    }

    fn forget(&mut self, sink: &str) -> Result<(), LogError> {
        self.write(|transaction| transaction.execute("DELETE FROM alerts WHERE sink = ?1", [sink])).map(|_| ())
    }

    fn tallies(&self) -> Result<BTreeMap<String, OutboxTally>, LogError> {
        let failed = self.failed("read");
        let mut statement = self
            .connection
            .prepare_cached("SELECT sink, outcome, count(*), max(why) FROM alerts GROUP BY sink, outcome")
            .map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut tallies: BTreeMap<String, OutboxTally> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let sink: String = row.get(0).map_err(&failed)?;
            let outcome: Option<String> = row.get(1).map_err(&failed)?;
            let (number, why) = (row.get(2).map_err(&failed)?, row.get(3).map_err(&failed)?);
            count(tallies.entry(sink).or_default(), outcome.as_deref(), number, why);
        }
        Ok(tallies)
    }

    fn standing(&self) -> Result<BTreeMap<(String, String), OutboxStanding>, LogError> {
        let failed = self.failed("read");
        let mut statement =
            self.connection.prepare_cached("SELECT sink, alert, outcome, due FROM alerts").map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut all = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let key = (row.get(0).map_err(&failed)?, row.get(1).map_err(&failed)?);
            let outcome: Option<String> = row.get(2).map_err(&failed)?;
            all.insert(key, standing(outcome.as_deref(), row.get(3).map_err(&failed)?));
        }
        Ok(all)
    }
}

impl Outbox for PostgresLog {
    fn put(&mut self, sink: &str, alert: &str, body: &str, at: Timestamp) -> Result<bool, LogError> {
        let put = self.client.borrow_mut().execute(
            "INSERT INTO flag_alerts (sink, alert, body, at, tries, due) VALUES ($1, $2, $3, $4, 0, $4)
             ON CONFLICT DO NOTHING",
            &[&sink, &alert, &body, &at.as_millis()],
        );
        Ok(put.map_err(self.failed("written"))? == 1)
    }

    fn claim(&mut self, sink: Option<&str>, now: Timestamp, until: Timestamp) -> Result<Option<Outgoing>, LogError> {
        let failed = self.failed("written");
        let row = self
            .client
            .borrow_mut()
            .query_opt(
                "UPDATE flag_alerts SET due = $2 WHERE (sink, alert) =
                     (SELECT sink, alert FROM flag_alerts
                      WHERE due <= $1 AND ($3::text IS NULL OR sink = $3)
                        AND sink NOT IN (SELECT sink FROM flag_alerts WHERE outcome = 'gone')
                      ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED)
                 RETURNING sink, alert, body, tries",
                &[&now.as_millis(), &until.as_millis(), &sink],
            )
            .map_err(&failed)?;
        let outgoing = |row: &postgres::Row| -> Result<Outgoing, postgres::Error> {
            let tries: i64 = row.try_get(3)?;
            let (sink, alert, body) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            Ok(Outgoing { sink, alert, body, tries: u32::try_from(tries).unwrap_or(u32::MAX) })
        };
        row.as_ref().map(outgoing).transpose().map_err(failed)
    }

    fn settle(&mut self, outgoing: &Outgoing, outcome: OutboxOutcome, why: Option<&str>) -> Result<(), LogError> {
        let (outcome, due) = columns(outcome);
        let tries = i64::from(outgoing.tries).saturating_add(1);
        self.client
            .borrow_mut()
            .execute(
                "UPDATE flag_alerts SET tries = $3, due = $4, outcome = $5, why = $6 WHERE sink = $1 AND alert = $2",
                &[&outgoing.sink, &outgoing.alert, &tries, &due, &outcome, &why],
            )
            .map(|_| ())
            .map_err(self.failed("written"))
    }

    fn revive(&mut self, sink: &str) -> Result<(), LogError> {
        let update = "UPDATE flag_alerts SET outcome = 'given_up' WHERE sink = $1 AND outcome = 'gone'";
        self.client.borrow_mut().execute(update, &[&sink]).map(|_| ()).map_err(self.failed("written"))
    }

    fn forget(&mut self, sink: &str) -> Result<(), LogError> {
        let forgotten = self.client.borrow_mut().execute("DELETE FROM flag_alerts WHERE sink = $1", &[&sink]);
        forgotten.map(|_| ()).map_err(self.failed("written"))
    }

    fn tallies(&self) -> Result<BTreeMap<String, OutboxTally>, LogError> {
        let failed = self.failed("read");
        let rows = self
            .client
            .borrow_mut()
            .query("SELECT sink, outcome, count(*), max(why) FROM flag_alerts GROUP BY sink, outcome", &[])
            .map_err(&failed)?;
        let mut tallies: BTreeMap<String, OutboxTally> = BTreeMap::new();
        for row in &rows {
            let outcome: Option<String> = row.try_get(1).map_err(&failed)?;
            let tally = tallies.entry(row.try_get(0).map_err(&failed)?).or_default();
            let (number, why) = (row.try_get(2).map_err(&failed)?, row.try_get(3).map_err(&failed)?);
            count(tally, outcome.as_deref(), number, why);
        }
        Ok(tallies)
    }

    fn standing(&self) -> Result<BTreeMap<(String, String), OutboxStanding>, LogError> {
        let failed = self.failed("read");
        let read = self.client.borrow_mut().query("SELECT sink, alert, outcome, due FROM flag_alerts", &[]);
        let mut all = BTreeMap::new();
        for row in &read.map_err(&failed)? {
            let key = (row.try_get(0).map_err(&failed)?, row.try_get(1).map_err(&failed)?);
            let outcome: Option<String> = row.try_get(2).map_err(&failed)?;
            all.insert(key, standing(outcome.as_deref(), row.try_get(3).map_err(&failed)?));
        }
        Ok(all)
    }
}
