//! Service mode: for programs that run on, a thread that keeps flags current, and tells of changes.

mod change;
pub(crate) mod events;
mod health;
mod options;
mod run;
mod schedule;
mod stream;
mod watch;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

pub use self::change::{ChangeCause, ChangeSet};
pub use self::events::StreamError;
pub use self::health::{EventStream, EventStreamError, Health, HealthState};
pub use self::options::ServiceOptions;
use self::run::{Loop, Message};
use crate::FlagClient;
use crate::fetch::{Source, SyncError, runtime};

/// How long a stop waits for the thread. It ends at once unless it is in the middle of something of the host's or of the disk's.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why no service could be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The remote cannot be used.
    #[error("the remote cannot be used")]
    Remote(#[source] SyncError),
    /// The operating system gives no thread, or nothing to wait for the network with.
    #[error("no thread for the service")]
    Thread(#[source] io::Error),
}

impl FlagClient {
    /// Starts a thread that keeps this client current until the service is stopped or dropped.
    ///
    /// It asks the remote every 30 seconds, and at once where the server has an event stream and tells of a change; it watches local files,
    /// and the expiry of what is held. Whatever happens to it, what is in force stays. Without a remote it watches local files.
    ///
    /// One thread does all of it. It may be started from a thread of an async runtime.
    ///
    /// ```no_run
    /// # fn report(_: impl std::fmt::Debug) {}
    /// use flag_client::{FlagClient, ServiceOptions};
    /// let flags = FlagClient::builder().open();
    /// let service = flags.start_service(ServiceOptions::new().on_change(|changes| report(&changes.flags)))?;
    /// report(service.health());
    /// # Ok::<(), flag_client::ServiceError>(())
    /// ```
    pub fn start_service(&self, options: ServiceOptions) -> Result<Service, ServiceError> {
        let source = match self.source() {
            Ok(source) => Some(source),
            Err(SyncError::NoRemote | SyncError::LocalOnly | SyncError::NoUrl) => None,
            Err(error) => return Err(ServiceError::Remote(error)),
        };
        if let Some(remote) = self.host().remote.as_ref().filter(|_| source.is_some()) {
            self.state_to_refresh(remote).map_err(ServiceError::Remote)?;
        }
        start(self.clone(), source, options)
    }
}

fn start(client: FlagClient, source: Option<Source>, options: ServiceOptions) -> Result<Service, ServiceError> {
    let (sender, inbox) = tokio::sync::mpsc::unbounded_channel();
    let (work, health) = Loop::new(client, source, options, sender.clone());
    let (started, start) = mpsc::channel();
    let (ended, end) = mpsc::channel();
    let body = move || {
        // Made here, as a runtime cannot be dropped on a thread of another one.
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            // The one who starts it waits for this.
            Err(error) => return drop(started.send(Err(error))),
        };
        drop(started.send(Ok(())));
        runtime.block_on(work.run(inbox));
        // A name server that does not answer is not waited for.
        runtime.shutdown_background();
        // Whoever stops the service may have gone already.
        let _ = ended.send(());
    };
    let thread = thread::Builder::new().name("flag-service".into()).spawn(body).map_err(ServiceError::Thread)?;
    let never_started = |_| Err(io::Error::other("the thread ended at once"));
    start.recv().unwrap_or_else(never_started).map_err(ServiceError::Thread)?;
    Ok(Service { sender, health, end: Mutex::new(end), thread: thread.thread().id() })
}

/// A running service. Dropping it stops it.
#[must_use = "a service that is dropped stops"]
pub struct Service {
    sender: UnboundedSender<Message>,
    health: Arc<Mutex<Health>>,
    end: Mutex<mpsc::Receiver<()>>,
    thread: thread::ThreadId,
}

impl Service {
    /// Returns how the service is doing.
    pub fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks for a refresh now, and returns at once. A server that asked to be left alone is left alone all the same.
    pub fn refresh(&self) {
        // Fails only if the service has ended.
        let _ = self.sender.send(Message::Refresh);
    }

    /// Ends the service, and tells whether it has ended. It has, after a second at most, unless a listener of the host or the disk holds it
    /// for longer; then it ends as soon as that returns.
    pub fn stop(self) -> bool {
        self.end()
    }

    fn end(&self) -> bool {
        // Fails only if it has ended.
        let _ = self.sender.send(Message::Stop);
        // A listener that stops its own service cannot wait for itself.
        if thread::current().id() == self.thread {
            return false;
        }
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(end.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Timeout))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("health", &self.health()).finish_non_exhaustive()
    }
}
