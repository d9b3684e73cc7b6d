use super::postgres::PostgresLog;
use super::store::StoreUrl;
use crate::app::ports::{Lease, LogError};

/// Names the lock of the one server that leads: "flag" in ASCII, and "l".
const LEADER_LOCK: i64 = 0x66_6c61_676c;

/// The lease of a project that only one server may run on: it leads.
#[derive(Copy, Clone, Debug, Default)]
pub struct SoleLease;

impl Lease for SoleLease {
    fn hold(&mut self) -> Result<bool, LogError> {
        Ok(true)
    }
}

/// A lease that servers of one database share: a lock of the database's that ends with the connection of whoever holds it, so that a server
/// that is gone leads no longer.
#[derive(Debug)]
pub struct PostgresLease {
    store: StoreUrl,
    held: Option<PostgresLog>,
    waiting: Option<PostgresLog>,
}

impl PostgresLease {
    /// Returns a lease that is not held yet.
    pub const fn new(store: StoreUrl) -> Self {
        Self { store, held: None, waiting: None }
    }
}

impl Lease for PostgresLease {
    fn hold(&mut self) -> Result<bool, LogError> {
        if let Some(held) = &self.held {
            // A connection that is gone took the lock with it.
            if held.client.borrow_mut().execute("SELECT 1", &[]).is_ok() {
                return Ok(true);
            }
            self.held = None;
        }
        let log = match self.waiting.take() {
            Some(log) => log,
            None => self.store.open()?,
        };
        let row = log.client.borrow_mut().query_one("SELECT pg_try_advisory_lock($1)", &[&LEADER_LOCK]);
        let is_taken: bool = row.and_then(|row| row.try_get(0)).map_err(log.failed("locked"))?;
        if is_taken {
            self.held = Some(log);
        } else {
            self.waiting = Some(log);
        }
        Ok(is_taken)
    }
}
