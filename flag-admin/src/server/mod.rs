//! `flag-admin serve`: published documents, news of them, evaluation and reports over HTTP.
//!
//! Handlers translate and decide nothing. What they hand out is held in `Served`, verified as clients verify it and swapped as a
//! whole; a thread of its own (`watch`) notices what is published. Whatever reads or changes the project goes through the [`Desk`], one
//! thread that holds it open. `route` is the one table of routes, from which the router, the metrics' labels and `openapi.json` come.

mod admin;
mod alerts;
mod body;
mod desk;
mod documents;
mod duties;
mod events;
mod health;
mod hot;
mod intake;
mod limit;
mod listen;
mod log;
mod metrics;
mod nudge;
mod ofrep;
mod openapi;
mod path;
mod refusal;
mod reports;
mod route;
mod served;
mod sources;
mod stall;
mod state;
mod stop;
mod tls;
mod watch;

use std::net::SocketAddr;

pub use self::desk::{Desk, DeskError, OpenProject, Opened};
pub use self::duties::{Duty, DutyDone, Leading, Work};
use self::intake::Intake;
pub use self::intake::OpenCells;
pub use self::listen::{Bound, ListenError};
pub use self::log::{Level, Log};
pub use self::openapi::document as openapi_document;
pub use self::refusal::Refusal;
pub use self::sources::Answers;
pub use self::state::{Bounds, Peer, Server};
pub use self::tls::{TlsError, TlsFiles};
use crate::adapters::{AlertReach, SystemClock};
use crate::app::Failure;
use crate::app::ports::{Clock as _, Shelf};
use crate::log::EnvironmentName;

/// What a server is started with.
pub struct Setup {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Certificate and key, where the connection is encrypted.
    pub tls: Option<TlsFiles>,
    /// Opens the project, on the thread that will hold it.
    pub open: OpenProject,
    /// Opens what reports are added to, on the thread that will hold it.
    pub cells: OpenCells,
    /// What is published.
    pub shelf: Box<dyn Shelf>,
    /// What one of several servers does.
    pub leading: Leading,
    /// The environment that is served.
    pub environment: EnvironmentName,
    /// What strangers may ask for.
    pub bounds: Bounds,
    /// What addresses alerts may go to.
    pub alert_reach: AlertReach,
}

/// Why a server does not start, or stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The project cannot be opened.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gives no threads.
    #[error("the system gives no threads to serve with")]
    Threads(#[source] std::io::Error),
}

/// Serves until the process is asked to stop. `bound` is told where, once connections are accepted.
pub fn run(setup: Setup, bound: impl FnOnce(&Bound)) -> Result<(), ServeError> {
    let Setup { listen, tls, open, cells, shelf, leading, environment, bounds, alert_reach } = setup;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Threads)?;
    let result = runtime.block_on(async move {
        let log = Log::to_stderr();
        let tls = tls.as_ref().map(|files| files.acceptor(SystemClock.now())).transpose()?;
        let (desk, first_root) = Desk::start(open).await?;
        let (stop, stopping) = stop::signals(log.clone()).map_err(ServeError::Threads)?;
        let intake = Intake::start(cells, environment.clone(), log.clone()).map_err(ServeError::Threads)?;
        let server = Server::new(desk, intake, environment, bounds, log, stopping);
        let watching = watch::start(server.clone(), shelf, first_root).map_err(ServeError::Threads)?;
        // The first look is over before the first answer, so that nobody is told that nothing is published.
        let _ = watching.await;
        duties::start(server.clone(), leading).map_err(ServeError::Threads)?;
        alerts::start(server.clone(), alert_reach).map_err(ServeError::Threads)?;
        let ended = listen::serve(&server, listen, tls, bound).await;
        drop(stop);
        Ok(ended?)
    });
    // Work of the desk that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    result
}

impl Failure for ServeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Desk(error) => error.code(),
            Self::Tls(_) => "bad_certificate",
            Self::Listen(_) => "cannot_listen",
            Self::Threads(_) => "no_threads",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Desk(error) => error.hint(),
            Self::Listen(error) => error.hint(),
            Self::Tls(error) => Some(error.hint()),
            Self::Threads(_) => None,
        }
    }
}
