use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use tokio::time::Instant;

use super::state::Server;

/// Upper bounds of the histogram of durations, in microseconds.
const BOUNDS_MICROS: [u64; 8] = [250, 1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// The classes of statuses, as they stand in a label.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What the server counts. Every label has a fixed set of values, so that no client can make it grow.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    routes: Vec<RouteCounts>,
    /// Requests at no path of ours.
    elsewhere: RouteCounts,
    listeners: AtomicI64,
    connections: AtomicI64,
    connections_total: AtomicU64,
    connections_refused: AtomicU64,
    publications: AtomicU64,
    publications_refused: AtomicU64,
    evaluations: AtomicU64,
    leads: AtomicI64,
    reports: [AtomicU64; Intake::ALL.len()],
}

#[derive(Debug, Default)]
struct RouteCounts {
    path: &'static str,
    classes: [AtomicU64; CLASSES.len()],
    durations: [AtomicU64; BOUNDS_MICROS.len()],
    micros: AtomicU64,
}

/// What became of a report.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Intake {
    Counted,
    Resent,
    Invalid,
    Limited,
    Failed,
}

impl Intake {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Counted, "counted"),
        (Self::Resent, "resent"),
        (Self::Invalid, "invalid"),
        (Self::Limited, "limited"),
        (Self::Failed, "failed"),
    ];
}

/// Counts something for as long as it is kept.
#[derive(Debug)]
pub(super) struct Counted<'m>(&'m AtomicI64);

impl<'m> Counted<'m> {
    fn new(gauge: &'m AtomicI64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Returns counters for the paths of the routes.
    pub(super) fn new(paths: impl Iterator<Item = &'static str>) -> Self {
        let mut routes: Vec<RouteCounts> = paths.map(|path| RouteCounts { path, ..RouteCounts::default() }).collect();
        routes.sort_by_key(|route| route.path);
        Self { routes, ..Self::default() }
    }

    pub(super) fn begin() -> Instant {
        Instant::now()
    }

    pub(super) fn answered(&self, begun: Instant, path: &str, status: StatusCode) {
        let route = match self.routes.binary_search_by_key(&path, |route| route.path) {
            Ok(at) => self.routes.get(at).unwrap_or(&self.elsewhere),
            Err(_) => &self.elsewhere,
        };
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        route.micros.fetch_add(micros, Ordering::Relaxed);
        if let Some(class) = route.classes.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        let bound = BOUNDS_MICROS.iter().position(|bound| micros <= *bound);
        if let Some(count) = bound.and_then(|bound| route.durations.get(bound)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn listener_came(&self) {
        self.listeners.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn listener_left(&self) {
        self.listeners.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn connection(&self) -> Counted<'_> {
        self.connections_total.fetch_add(1, Ordering::Relaxed);
        Counted::new(&self.connections)
    }

    pub(super) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn published(&self) {
        self.publications.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused_publication(&self) {
        self.publications_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leads(&self, leads: bool) {
        self.leads.store(leads.into(), Ordering::Relaxed);
    }

    pub(super) fn evaluated(&self, flags: u64) {
        self.evaluations.fetch_add(flags, Ordering::Relaxed);
    }

    pub(super) fn reported(&self, intake: Intake) {
        let place = Intake::ALL.iter().position(|(known, _)| *known == intake);
        if let Some(count) = place.and_then(|place| self.reports.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn text(&self, server: &Server) -> String {
        let mut text = String::new();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(&mut text, "flag_http_requests_total", "counter", "Answers, by route and class of status");
        for route in self.routes.iter().chain([&self.elsewhere]) {
            let path = if route.path.is_empty() { "other" } else { route.path };
            for (class, count) in CLASSES.iter().zip(&route.classes).filter(|(_, count)| read(count) > 0) {
                let labels = format!("route=\"{path}\",status=\"{class}\"");
                line(&mut text, "flag_http_requests_total", &labels, read(count));
            }
        }
        let name = "flag_http_request_duration_seconds";
        head(&mut text, name, "histogram", "Time to the head of the answer, by route");
        for route in self.routes.iter().chain([&self.elsewhere]) {
            let total: u64 = route.classes.iter().map(read).sum();
            if total == 0 {
                continue;
            }
            let path = if route.path.is_empty() { "other" } else { route.path };
            let mut below = 0_u64;
            for (bound, count) in BOUNDS_MICROS.iter().zip(&route.durations) {
                below = below.saturating_add(read(count));
                let labels = format!("route=\"{path}\",le=\"{}\"", seconds(*bound));
                line(&mut text, &format!("{name}_bucket"), &labels, below);
            }
            line(&mut text, &format!("{name}_bucket"), &format!("route=\"{path}\",le=\"+Inf\""), total);
            let labels = format!("route=\"{path}\"");
            line(&mut text, &format!("{name}_sum"), &labels, seconds(read(&route.micros)));
            line(&mut text, &format!("{name}_count"), &labels, total);
        }
        head(&mut text, "flag_reports_total", "counter", "Reports, by what became of them");
        for ((_, word), count) in Intake::ALL.iter().zip(&self.reports) {
            line(&mut text, "flag_reports_total", &format!("result=\"{word}\""), read(count));
        }
        let gauge = |gauge: &AtomicI64| gauge.load(Ordering::Relaxed).to_string();
        let held = server.served();
        let rules = held.rules.as_ref();
        let version = |value: Option<u64>| value.unwrap_or_default().to_string();
        let stale = rules.is_some_and(|rules| rules.is_stale(server.now()));
        for (name, kind, help, value) in [
            ("flag_event_listeners", "gauge", "Streams of events that are open", gauge(&self.listeners)),
            ("flag_connections", "gauge", "Connections that are open", gauge(&self.connections)),
            ("flag_connections_total", "counter", "Connections accepted", read(&self.connections_total).to_string()),
            (
                "flag_connections_refused_total",
                "counter",
                "Connections closed at once, since too many were open",
                read(&self.connections_refused).to_string(),
            ),
            (
                "flag_publications_total",
                "counter",
                "Times that something new was served",
                read(&self.publications).to_string(),
            ),
            (
                "flag_publications_refused_total",
                "counter",
                "Times that what is published could not be verified or read",
                read(&self.publications_refused).to_string(),
            ),
            ("flag_leader", "gauge", "1 if this server does what only one of them should", gauge(&self.leads)),
            ("flag_evaluations_total", "counter", "Flags evaluated", read(&self.evaluations).to_string()),
            (
                "flag_snapshot_version",
                "gauge",
                "Version of the snapshot served",
                version(rules.map(|rules| rules.version)),
            ),
            ("flag_snapshot_stale", "gauge", "1 if clients call the snapshot stale", u8::from(stale).to_string()),
            ("flag_root_version", "gauge", "Version of the root in force", held.root_version.to_string()),
            ("flag_kills", "gauge", "Kills in force", held.kills_in_force.to_string()),
        ] {
            head(&mut text, name, kind, help);
            line(&mut text, name, "", value);
        }
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to memory cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ =
        if labels.is_empty() { writeln!(text, "{name} {value}") } else { writeln!(text, "{name}{{{labels}}} {value}") };
}

/// Prints microseconds as seconds.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) async fn metrics(State(server): State<Server>) -> Response {
    let mut response = Response::new(server.metrics().text(&server).into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_printed_as_seconds() {
        for (micros, text) in
            [(0, "0"), (250, "0.00025"), (1_000_000, "1"), (2_500_000, "2.5"), (61_000_001, "61.000001")]
        {
            assert_eq!(seconds(micros), text);
        }
    }
}
