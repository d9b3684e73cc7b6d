//! The service's thread: one loop over messages and time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, timeout_at};

use super::change::Observer;
use super::health::{EventStream, Health, HealthState};
use super::options::ServiceOptions;
use super::schedule::{Outcome, Schedule, jittered, next, part};
use super::stream::Listener;
use super::watch::{Replaced, Watch};
use crate::FlagClient;
use crate::fetch::{Adopt, Deadline, Http, Refreshed, Source, SyncError};

/// How often files and the clock are looked at.
const TICK: Duration = Duration::from_secs(1);

/// How often flags whose rules know dates are given the time, if nothing else does.
const NEW_TIME: Duration = Duration::from_secs(60);

/// Clients that hear of a change at the same moment ask within this time, and none asks more often for all that it hears. A kill waits for
/// no longer.
const SPREAD: Duration = Duration::from_millis(500);

/// How often the server is asked while it tells of changes: for the case that it forgets.
const WITH_EVENTS: Duration = Duration::from_secs(5 * 60);

/// What the loop is told.
pub(super) enum Message {
    /// Ends the loop.
    Stop,
    /// Asks for a refresh now.
    Refresh,
    /// The server says that something newer is published.
    Notice,
    /// What became of the event stream.
    Stream(EventStream),
    /// A refresh has ended.
    Refreshed(Box<Refreshed>),
}

/// What came of the last refresh.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Last {
    None,
    Succeeded,
    Failed,
    Denied,
}

/// Everything that the thread holds.
pub(super) struct Loop {
    client: FlagClient,
    source: Option<Source>,
    options: ServiceOptions,
    sender: UnboundedSender<Message>,
    noticed: Arc<AtomicBool>,
    observer: Observer,
    files: Watch,
    trusted: Option<Replaced>,
    schedule: Schedule,
    last: Last,
    /// When to refresh next; nothing while a refresh runs.
    due: Option<Instant>,
    /// When the last refresh began.
    begun: Option<Instant>,
    /// A refresh was asked for while one runs, which may have missed what it is about.
    again: bool,
    tick: Instant,
    new_time: Instant,
    health: Arc<Mutex<Health>>,
}

impl Loop {
    pub(super) fn new(
        client: FlagClient,
        source: Option<Source>,
        options: ServiceOptions,
        sender: UnboundedSender<Message>,
    ) -> (Self, Arc<Mutex<Health>>) {
        let now = Instant::now();
        let state = if source.is_some() { HealthState::Starting } else { HealthState::LocalOnly };
        let health = Arc::new(Mutex::new(Health::new(state, EventStream::Off)));
        let state_file = client.host().remote.as_ref().map(|remote| remote.state_file.clone());
        let work = Self {
            observer: Observer::new(&client),
            files: Watch::new(if options.watches_files { client.local_files() } else { Vec::new() }),
            trusted: state_file.filter(|_| options.watches_files).map(Replaced::new),
            due: source.is_some().then_some(now),
            noticed: Arc::default(),
            schedule: Schedule::default(),
            last: Last::None,
            begun: None,
            again: false,
            tick: now,
            new_time: now + NEW_TIME,
            health: Arc::clone(&health),
            client,
            source,
            options,
            sender,
        };
        (work, health)
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self, mut inbox: UnboundedReceiver<Message>) {
        self.listen();
        loop {
            let wake = self.due.map_or(self.tick, |due| due.min(self.tick));
            let message = match timeout_at(wake, inbox.recv()).await {
                Ok(None | Some(Message::Stop)) => return,
                Ok(Some(message)) => Some(message),
                Err(_) => None,
            };
            // A clock or a source of randomness of the host may panic too, and the loop goes on.
            let step = catch_unwind(AssertUnwindSafe(|| self.step(message)));
            if step.is_err() {
                self.panicked();
            }
        }
    }

    fn step(&mut self, message: Option<Message>) {
        match message {
            Some(Message::Refreshed(refreshed)) => self.refreshed(*refreshed),
            Some(Message::Notice) => self.noticed(),
            Some(Message::Refresh) => self.refresh_within(Duration::ZERO),
            Some(Message::Stream(stream)) => self.stream(stream),
            Some(Message::Stop) | None => {}
        }
        let now = Instant::now();
        if now >= self.tick {
            self.tick = now + TICK;
            self.on_tick(now);
        }
        if self.due.is_some_and(|due| now >= due) {
            self.refresh();
        }
        self.tell();
    }

    /// Whatever a panic interrupted, the next refresh is planned.
    fn panicked(&mut self) {
        self.with_health(|health| health.panics = health.panics.saturating_add(1));
        if self.source.is_some() {
            let retry = Instant::now() + self.options.interval;
            self.due = Some(self.due.map_or(retry, |due| due.max(retry)));
        }
        self.tick = self.tick.max(Instant::now() + TICK / 2);
    }

    fn listen(&self) {
        let Some(Source::Server(base)) = self.source.as_ref().filter(|_| self.options.events) else { return };
        let Ok(http) = Http::new(base, self.client.host().bearer_token.as_ref()) else { return };
        let listener = Listener {
            client: self.client.clone(),
            http,
            heartbeat_timeout: self.options.heartbeat_timeout,
            random: Arc::clone(&self.options.random),
            sender: self.sender.clone(),
            noticed: Arc::clone(&self.noticed),
        };
        tokio::spawn(listener.run());
    }

    /// Looks at files and the clock.
    fn on_tick(&mut self, now: Instant) {
        if self.trusted.as_mut().is_some_and(Replaced::look) {
            // Another process has fetched.
            self.client.reload();
            // A damaged file is moved away by that.
            self.trusted.iter_mut().for_each(Replaced::accept);
        } else if self.files.look() || self.has_expired() || now >= self.new_time {
            self.client.rebuild();
        } else {
            return;
        }
        self.new_time = now + NEW_TIME;
    }

    /// Tells whether the snapshot has expired since it came into force.
    fn has_expired(&self) -> bool {
        let Some(info) = self.client.snapshot_info().filter(|info| !info.stale) else { return false };
        let now = (self.client.host().clock)();
        // The trusted state knows of clocks that were set back; asking it takes a lock, so the plain comparison goes first where it can.
        now >= info.expires_at || self.client.with_trusted(|state| state.is_some_and(|state| state.is_stale(now)))
    }

    fn refresh(&mut self) {
        self.due = None;
        self.begun = Some(Instant::now());
        self.again = false;
        self.noticed.store(false, Ordering::Release);
        self.with_health(|health| health.next_attempt = None);
        let request = match self.client.request() {
            Ok(request) => request,
            Err(error) => return self.concluded(Err(error)),
        };
        let (sender, deadline) = (self.sender.clone(), Deadline::after(self.client.host().sync_deadline));
        tokio::spawn(async move {
            let refreshed = Box::new(request.run(deadline).await);
            // Fails only once the service is gone.
            let _ = sender.send(Message::Refreshed(refreshed));
        });
    }

    fn refreshed(&mut self, refreshed: Refreshed) {
        // Planned first, so that nothing below can keep it from happening.
        self.due = Some(Instant::now() + self.options.interval);
        let result = self.client.take(refreshed, Adopt::News);
        self.trusted.iter_mut().for_each(Replaced::accept);
        self.concluded(result.map(drop));
    }

    /// Plans the next refresh by what came of this one.
    fn concluded(&mut self, result: Result<(), SyncError>) {
        let now = (self.client.host().clock)();
        let quiet = self.client.quiet_until(now);
        let (last, outcome) = match &result {
            // What cannot be kept on the disk is in force all the same, and asking again would not help.
            Ok(()) | Err(SyncError::Folder { .. } | SyncError::State(_)) => (Last::Succeeded, Outcome::Success),
            Err(SyncError::TooEarly { until }) => (self.last, Outcome::Later(between(now, *until))),
            Err(error) if error.is_denied() => (Last::Denied, Outcome::Denied),
            Err(_) => (Last::Failed, quiet.map_or(Outcome::Failure, |until| Outcome::Later(between(now, until)))),
        };
        let (schedule, delay) = next(self.schedule, outcome, self.cadence(), (self.options.random)());
        self.last = last;
        self.schedule = schedule;
        let again = std::mem::take(&mut self.again) && outcome == Outcome::Success;
        let delay = if again { delay.min(self.until_next(Duration::ZERO)) } else { delay };
        self.due = Some(Instant::now() + delay);
        self.with_health(|health| {
            health.failures = schedule.failures;
            if last == Last::Succeeded {
                health.last_success = Some(now);
            }
            health.next_attempt = Some(later(now, delay));
            health.last_error = result.err().map(Arc::new);
        });
    }

    /// How often the server is asked where all goes well.
    fn cadence(&self) -> Duration {
        let is_open = matches!(self.with_health(|health| health.events.clone()), EventStream::Open);
        if is_open { self.options.interval.max(WITH_EVENTS) } else { self.options.interval }
    }

    fn noticed(&mut self) {
        // A server that says "now" to everyone and then fails is not asked faster for it.
        let random = (self.options.random)();
        let spread = if self.schedule.failures == 0 {
            self.until_next(part(SPREAD.min(self.options.interval), random))
        } else {
            jittered(self.options.interval, random)
        };
        self.refresh_within(spread);
    }

    /// How long to wait at least, if not for longer, before one more refresh.
    fn until_next(&self, time: Duration) -> Duration {
        let rest = self.begun.map_or(Duration::ZERO, |begun| SPREAD.saturating_sub(begun.elapsed()));
        time.max(rest)
    }

    fn refresh_within(&mut self, time: Duration) {
        if self.source.is_none() {
            return;
        }
        match self.due {
            Some(due) => self.due = Some(due.min(Instant::now() + time)),
            None => self.again = true,
        }
    }

    fn stream(&mut self, stream: EventStream) {
        let was_open = matches!(self.with_health(|health| health.events.clone()), EventStream::Open);
        let is_open = matches!(stream, EventStream::Open);
        self.with_health(|health| health.events = stream);
        if is_open {
            // What happened while nobody listened was not heard.
            self.noticed();
        } else if was_open {
            // Polling takes over.
            self.refresh_within(jittered(self.options.interval, (self.options.random)()));
        }
    }

    /// Tells the host what has changed since the last time.
    fn tell(&mut self) {
        if let Some(changes) = self.observer.observe(&self.client) {
            for listener in self.options.on_change.clone() {
                self.guard(|| listener(&changes));
            }
        }
        let state = self.state();
        let changed = self.with_health(|health| {
            let changed = health.state != state;
            health.state = state;
            changed.then(|| health.clone())
        });
        if let Some(health) = changed {
            for listener in self.options.on_health.clone() {
                self.guard(|| listener(&health));
            }
        }
    }

    /// Calls the host's code, which may panic.
    fn guard(&self, call: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            self.with_health(|health| health.panics = health.panics.saturating_add(1));
        }
    }

    fn state(&self) -> HealthState {
        if self.source.is_none() {
            return HealthState::LocalOnly;
        }
        let now = (self.client.host().clock)();
        let is_root_expired = self.client.with_trusted(|state| state.is_some_and(|state| state.is_root_expired(now)));
        let is_stale = self.client.snapshot_info().is_some_and(|info| info.stale);
        match self.last {
            _ if is_root_expired => HealthState::RootExpired,
            _ if is_stale => HealthState::Stale,
            Last::None => HealthState::Starting,
            Last::Succeeded => HealthState::Current,
            Last::Failed => HealthState::Offline,
            Last::Denied => HealthState::Denied,
        }
    }

    fn with_health<T>(&self, work: impl FnOnce(&mut Health) -> T) -> T {
        work(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn between(now: flag_core::Timestamp, until: flag_core::Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(until.millis_since(now)).unwrap_or_default())
}

fn later(now: flag_core::Timestamp, delay: Duration) -> flag_core::Timestamp {
    now.saturating_add_millis(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}
