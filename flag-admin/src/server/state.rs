use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use flag_core::Timestamp;
use tokio::sync::watch;

use super::admin::Gate;
use super::body::Room;
use super::desk::Desk;
use super::events::News;
use super::intake::Intake;
use super::limit::Limit;
use super::log::Log;
use super::metrics::Metrics;
use super::nudge::Nudge;
use super::route::paths;
use super::served::Served;
use super::sources::Asking;
use super::stop::Stopping;
use crate::adapters::SystemClock;
use crate::app::Serving;
use crate::app::ports::Clock as _;
use crate::log::EnvironmentName;

/// For how many seconds one address may send reports at once, after sending none: an office behind one address sends its day's in the morning.
const REPORT_SECONDS_AT_ONCE: u32 = 50;

/// For how many seconds one address may ask for evaluations at once, after asking for none.
const EVALUATION_SECONDS_AT_ONCE: u32 = 10;

/// What is asked of a server by those it does not know, at most.
#[derive(Copy, Clone, Debug, Default)]
pub struct Bounds {
    /// How many evaluations one address may ask for a second, ten times as many at once. `None` is as many as it likes.
    pub evaluations_per_second: Option<NonZeroU32>,
    /// How many reports one address may send a second, fifty times as many at once. `None` is as many as it likes.
    pub reports_per_second: Option<NonZeroU32>,
    /// Whether an evaluation takes a token that allows to read evaluations.
    pub evaluates_for_tokens: bool,
}

fn limit(per_second: Option<NonZeroU32>, seconds_at_once: u32) -> Option<Limit> {
    let per_second = per_second?.get();
    Some(Limit::new(per_second.saturating_mul(seconds_at_once), per_second))
}

/// The other end of a connection, as an extension of its requests.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What every handler works with. Cloning it is cheap.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

struct Shared {
    served: ArcSwap<Served>,
    news: watch::Sender<News>,
    nudge: Nudge,
    desk: Desk,
    intake: Intake,
    report_limit: Option<Limit>,
    evaluation_limit: Option<Limit>,
    evaluates_for_tokens: bool,
    room: Room,
    gate: Gate,
    asking: Asking,
    environment: EnvironmentName,
    log: Log,
    metrics: Metrics,
    stopping: Stopping,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("environment", &self.0.environment).finish_non_exhaustive()
    }
}

impl Server {
    pub(super) fn new(
        desk: Desk,
        intake: Intake,
        environment: EnvironmentName,
        bounds: Bounds,
        log: Log,
        stopping: Stopping,
    ) -> Self {
        let served = Served::new(Serving::nothing(), None);
        Self(Arc::new(Shared {
            news: watch::Sender::new(News::of(&served)),
            served: ArcSwap::from_pointee(served),
            nudge: Nudge::default(),
            desk,
            intake,
            report_limit: limit(bounds.reports_per_second, REPORT_SECONDS_AT_ONCE),
            evaluation_limit: limit(bounds.evaluations_per_second, EVALUATION_SECONDS_AT_ONCE),
            evaluates_for_tokens: bounds.evaluates_for_tokens,
            room: Room::default(),
            gate: Gate::default(),
            asking: Asking::default(),
            environment,
            log,
            metrics: Metrics::new(paths()),
            stopping,
        }))
    }

    /// Returns where the project is read and changed.
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Returns what is known of those who call.
    pub(super) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Returns what asks other systems about rollouts.
    pub(super) fn asking(&self) -> &Asking {
        &self.0.asking
    }

    /// Returns the environment that is served.
    pub fn environment(&self) -> &EnvironmentName {
        &self.0.environment
    }

    /// Returns where to tell what happens.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Returns the time now.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.0.intake
    }

    /// Returns how often one address may send reports, where that is limited.
    pub(super) fn report_limit(&self) -> Option<&Limit> {
        self.0.report_limit.as_ref()
    }

    /// Tells whether an evaluation takes a token.
    pub(super) fn evaluates_for_tokens(&self) -> bool {
        self.0.evaluates_for_tokens
    }

    /// Returns where large bodies find room.
    pub(super) fn room(&self) -> &Room {
        &self.0.room
    }

    /// Returns how often one address may ask for evaluations, where that is limited.
    pub(super) fn evaluation_limit(&self) -> Option<&Limit> {
        self.0.evaluation_limit.as_ref()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(super) fn stopping(&self) -> &Stopping {
        &self.0.stopping
    }

    /// Returns what is handed out now.
    pub(super) fn served(&self) -> Guard<Arc<Served>> {
        self.0.served.load()
    }

    /// Hands out something else from now on, and tells everybody who listens.
    pub(super) fn serve(&self, served: Served) {
        let news = News::of(&served);
        self.0.served.store(Arc::new(served));
        self.0.news.send_if_modified(|told| std::mem::replace(told, news.clone()) != news);
    }

    /// Returns what asks for a look at what is published.
    pub(super) fn nudge(&self) -> &Nudge {
        &self.0.nudge
    }

    pub(super) fn listen(&self) -> watch::Receiver<News> {
        self.0.news.subscribe()
    }
}
