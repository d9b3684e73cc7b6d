//! Everything a host tells the service before it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::change::ChangeSet;
use super::health::Health;

/// How often the server is asked, unless the host sets another time.
const INTERVAL: Duration = Duration::from_secs(30);

/// Shorter intervals are raised to this one: nobody means to ask a server without a pause.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// How long an event stream may be silent. Servers send a comment every 15 seconds or so.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) type OnChange = Arc<dyn Fn(&ChangeSet) + Send + Sync>;
pub(super) type OnHealth = Arc<dyn Fn(&Health) + Send + Sync>;
pub(super) type Random = Arc<dyn Fn() -> u32 + Send + Sync>;

/// What a [`Service`](super::Service) does, and whom it tells.
#[derive(Clone)]
#[must_use]
pub struct ServiceOptions {
    pub(super) interval: Duration,
    pub(super) heartbeat_timeout: Duration,
    pub(super) events: bool,
    pub(super) watches_files: bool,
    pub(super) random: Random,
    pub(super) on_change: Vec<OnChange>,
    pub(super) on_health: Vec<OnHealth>,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            interval: INTERVAL,
            heartbeat_timeout: HEARTBEAT_TIMEOUT,
            events: true,
            watches_files: true,
            random: Arc::new(random),
            on_change: Vec::new(),
            on_health: Vec::new(),
        }
    }
}

impl ServiceOptions {
    /// Returns the usual options: a refresh every 30 seconds, an event stream where the server has one, local files watched.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how often the server is asked; 30 seconds if not set, and at least a tenth of a second. Each wait is between half of it and all
    /// of it. After failures it doubles up to 15 minutes.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(SHORTEST_INTERVAL);
        self
    }

    /// Sets how long an event stream may be silent before it counts as dead; 60 seconds if not set.
    pub fn heartbeat_timeout(mut self, time: Duration) -> Self {
        self.heartbeat_timeout = time.max(SHORTEST_INTERVAL);
        self
    }

    /// Does without an event stream: the server is polled and nothing else.
    pub fn polling_only(mut self) -> Self {
        self.events = false;
        self
    }

    /// Does not watch local files: they are read when published flags change, when a minute has passed, and on
    /// [`reload`](crate::FlagClient::reload).
    pub fn without_file_watch(mut self) -> Self {
        self.watches_files = false;
        self
    }

    /// Sets where randomness comes from, which spreads clients over time; the system's if not set. Numbers are uniform over all of `u32`.
    pub fn randomness(mut self, random: impl Fn() -> u32 + Send + Sync + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Adds a listener that is told after a change has come into force.
    ///
    /// It is called on the service's thread, which waits for it: it should hand over what takes long. A listener that panics is counted in
    /// [`Health::panics`] and called again at the next change. In a program built with `panic = "abort"` a panic ends the program, here as
    /// anywhere.
    pub fn on_change(mut self, listener: impl Fn(&ChangeSet) + Send + Sync + 'static) -> Self {
        self.on_change.push(Arc::new(listener));
        self
    }

    /// Adds a listener that is told once whenever [`Health::state`] changes: the place for a warning in a log. What holds for
    /// [`on_change`](Self::on_change) holds here.
    pub fn on_health(mut self, listener: impl Fn(&Health) + Send + Sync + 'static) -> Self {
        self.on_health.push(Arc::new(listener));
        self
    }
}

impl fmt::Debug for ServiceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ServiceOptions");
        debug.field("interval", &self.interval).field("heartbeat_timeout", &self.heartbeat_timeout);
        debug.field("events", &self.events).field("watches_files", &self.watches_files).finish_non_exhaustive()
    }
}

/// Without randomness a client waits for as long as it may, which is no reason to fail.
fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}
