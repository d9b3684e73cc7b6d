use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use flag_client::Day;
use flag_client::report::Report;
use flag_core::{FlagKey, Timestamp};
use serde::Deserialize;

use super::remote_server::RemoteServer;
use crate::app::ports::{Added, CellStore, CellStoreError, LogError, MetricSource, SourceQuestion};
use crate::app::with_causes;
use crate::cells::{Cell, CellKey};
use crate::log::EnvironmentName;
use crate::rollout::{Source, SourceReading, SourceValue};

/// What reports come to, as a server keeps it.
#[derive(Debug)]
pub struct RemoteCells {
    server: RemoteServer,
}

impl RemoteCells {
    /// Returns the cells that a server keeps.
    pub const fn new(server: RemoteServer) -> Self {
        Self { server }
    }
}

impl CellStore for RemoteCells {
    fn add_all(&mut self, _: &EnvironmentName, _: &[Report], _: Timestamp) -> Result<Vec<Added>, CellStoreError> {
        let source = Box::new(io::Error::other("programs send their reports themselves"));
        Err(CellStoreError { place: self.server.place(), action: "written", source })
    }

    fn cells(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        since: Day,
    ) -> Result<Vec<(CellKey, Cell)>, CellStoreError> {
        self.server.get(&format!("flags/{flag}/cells?environment={environment}&since={since}")).map_err(
            |error: LogError| CellStoreError { place: self.server.place(), action: "read", source: Box::new(error) },
        )
    }
}

/// What other systems say, asked by the server: they may answer nobody else.
#[derive(Debug)]
pub struct RemoteSources {
    server: RemoteServer,
    environment: EnvironmentName,
    /// What was answered, so that a rollout of several sources is asked for once.
    answered: RefCell<BTreeMap<FlagKey, Vec<SourceReading>>>,
}

#[derive(Deserialize)]
struct Status {
    evidence: Readings,
}

#[derive(Deserialize)]
struct Readings {
    #[serde(default)]
    sources: Vec<SourceReading>,
}

impl RemoteSources {
    /// Returns the sources of the rollouts of an environment.
    pub const fn new(server: RemoteServer, environment: EnvironmentName) -> Self {
        Self { server, environment, answered: RefCell::new(BTreeMap::new()) }
    }

    fn readings(&self, flag: &FlagKey) -> Result<Vec<SourceReading>, LogError> {
        if let Some(known) = self.answered.borrow().get(flag) {
            return Ok(known.clone());
        }
        let status: Status = self.server.get(&format!("flags/{flag}/rollout?environment={}", self.environment))?;
        self.answered.borrow_mut().insert(flag.clone(), status.evidence.sources.clone());
        Ok(status.evidence.sources)
    }
}

impl MetricSource for RemoteSources {
    fn read(&self, source: &Source, question: &SourceQuestion<'_>) -> SourceValue {
        match self.readings(question.flag) {
            Err(error) => SourceValue::Unusable { why: with_causes(&error) },
            Ok(readings) => {
                let found = readings.into_iter().find(|reading| reading.metric == source.metric);
                found.map_or(SourceValue::Nothing, |reading| reading.value)
            }
        }
    }

    /// The server that is asked refuses what it does not list itself.
    fn is_listed(&self, _source: &Source) -> bool {
        true
    }
}
