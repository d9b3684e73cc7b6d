use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use http_body::Frame;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::served::Served;
use super::state::Server;

/// How often a stream says that it is alive. Clients give one up after three minutes of silence, proxies often after one.
const HEARTBEAT: Duration = Duration::from_secs(25);

/// What a stream opens with, before its first id: wait a second before asking again.
const OPENING: &str = "retry: 1000\n";

/// What is published, named: the id of events. It is made of the documents alone, so that whoever resumes at another server, or after a
/// restart, is told exactly what changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News(Arc<Names>);

#[derive(Debug, PartialEq, Eq)]
struct Names {
    root: u64,
    snapshot: Box<str>,
    kills: Box<str>,
    /// The epoch and version of the snapshot.
    version: Option<(u64, u64)>,
    id: Box<str>,
}

/// What stands for a document that is not there.
const NONE: &str = "none";

impl News {
    pub(super) fn of(served: &Served) -> Self {
        // Half of the ETag is plenty to tell two documents apart.
        let short = |name: &str| name.get(..16).unwrap_or(name).into();
        let name = |asset: Option<&super::served::Asset>| asset.map_or_else(|| NONE.into(), |asset| short(&asset.name));
        let (snapshot, kills): (Box<str>, Box<str>) = (name(served.snapshot.as_ref()), name(served.kills.as_ref()));
        let root = u64::try_from(served.roots.len()).unwrap_or(u64::MAX);
        let version = served.rules.as_ref().map(|rules| (rules.epoch, rules.version));
        let id = format!("{root}.{snapshot}.{kills}").into();
        Self(Arc::new(Names { root, snapshot, kills, version, id }))
    }

    /// Writes the events that say what changed since the news of an id. Of an id that is none, everything may have.
    fn since(&self, id: &str) -> String {
        let Names { root, snapshot, kills, version, id: now } = &*self.0;
        let mut parts = id.splitn(3, '.');
        let is = |part: Option<&str>, current: &str| part == Some(current);
        let changed = [
            (!is(parts.next(), &root.to_string()), "root", format!("{{\"version\":{root}}}")),
            (
                !is(parts.next(), snapshot),
                "snapshot",
                match version {
                    Some((epoch, version)) => format!("{{\"epoch\":{epoch},\"version\":{version}}}"),
                    None => "{}".to_owned(),
                },
            ),
            (!is(parts.next(), kills), "kills", "{}".to_owned()),
        ];
        // A kill is what nobody should wait for, so it is told first.
        changed.iter().rev().filter(|(changed, ..)| *changed).fold(String::new(), |mut text, (_, name, data)| {
            text.extend(["event: ", name, "\nid: ", now, "\ndata: ", data, "\n\n"]);
            text
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.0.id
    }
}

/// In which words a stream tells that something changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Words {
    /// Events by the names of the documents that changed.
    Documents,
    /// The one event of OFREP: evaluate again.
    Evaluations,
}

impl Words {
    fn tell(self, news: &News, since: &str) -> String {
        let text = news.since(since);
        match self {
            Self::Documents => text,
            Self::Evaluations if text.contains("event: snapshot") || text.contains("event: kills") => {
                let id = news.id();
                format!("id: {id}\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"{id}\"}}\n\n")
            }
            Self::Evaluations => String::new(),
        }
    }
}

/// Opens a stream that tells OFREP's clients to evaluate again.
pub(super) async fn evaluations(State(server): State<Server>, headers: HeaderMap) -> Response {
    stream(server, &headers, Words::Evaluations)
}

/// Opens a stream: it says that something newer is published, and never what.
pub(super) async fn events(State(server): State<Server>, headers: HeaderMap) -> Response {
    stream(server, &headers, Words::Documents)
}

fn stream(server: Server, headers: &HeaderMap, words: Words) -> Response {
    let told = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let mut response = Response::new(Body::new(Stream { next: Some(Listener::new(server, words, told).opened()) }));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would otherwise hold events back until it has a bufferful.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Somebody who listens, and what they were told. It has no task and no queue of its own: there are many of them, and one that reads slowly
/// is told once of all that it missed.
struct Listener {
    server: Server,
    words: Words,
    news: watch::Receiver<News>,
    current: News,
    opening: Option<Bytes>,
    heartbeat: Interval,
}

/// The next thing to say, and who goes on listening; nothing once the stream is over.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Listener)>> + Send>>;

impl Listener {
    fn new(server: Server, words: Words, told: Option<&str>) -> Self {
        server.metrics().listener_came();
        let mut news = server.listen();
        let current = news.borrow_and_update().clone();
        let missed = told.map(|id| words.tell(&current, id)).unwrap_or_default();
        // Whoever asks for the first time fetches anyway, and learns here from when on it is told of changes.
        let opening = format!("{OPENING}id: {}\n\n{missed}", current.id());
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { server, words, news, current, opening: Some(opening.into()), heartbeat }
    }

    fn opened(self) -> Next {
        Box::pin(self.next())
    }

    async fn next(mut self) -> Option<(Bytes, Self)> {
        if let Some(opening) = self.opening.take() {
            return Some((opening, self));
        }
        loop {
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                _ = self.heartbeat.tick() => return Some((Bytes::from_static(b": alive\n\n"), self)),
                () = self.server.stopping().wait() => return None,
            }
            let next = self.news.borrow_and_update().clone();
            let text = self.words.tell(&next, self.current.id());
            self.current = next;
            if !text.is_empty() {
                return Some((text.into(), self));
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.server.metrics().listener_left();
    }
}

/// A body that is told event by event.
struct Stream {
    next: Option<Next>,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let told = std::task::ready!(next.as_mut().poll(context));
        self.next = None;
        Poll::Ready(told.map(|(text, listener)| {
            self.next = Some(Box::pin(listener.next()));
            Ok(Frame::data(text))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Serving;
    use crate::app::ports::Publication;

    fn news(roots: usize, snapshot: Option<&str>, kills: Option<&str>) -> News {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let publication =
            Publication { roots: vec![bytes("root"); roots], kills: kills.map(bytes), snapshot: snapshot.map(bytes) };
        News::of(&Served::new(Serving { publication, ..Serving::nothing() }, None))
    }

    #[test]
    fn whoever_resumes_is_told_what_changed_and_nothing_else() {
        let before = news(1, Some("a"), None);
        let events = |after: &News, id: &str| {
            after
                .since(id)
                .lines()
                .filter_map(|line| line.strip_prefix("event: ").map(str::to_owned))
                .collect::<Vec<_>>()
        };
        assert_eq!(events(&before, before.id()), Vec::<String>::new());
        assert_eq!(events(&news(1, Some("b"), None), before.id()), ["snapshot"]);
        assert_eq!(events(&news(1, Some("a"), Some("k")), before.id()), ["kills"]);
        assert_eq!(events(&news(2, Some("b"), Some("k")), before.id()), ["kills", "snapshot", "root"]);
        for unknown in ["", "7", "1.x", "nonsense"] {
            assert!(events(&before, unknown).contains(&"snapshot".to_owned()), "{unknown:?}");
        }
    }

    #[test]
    fn clients_of_ofrep_are_told_to_evaluate_again_and_not_of_roots() {
        let (before, root, kill) = (news(1, Some("a"), None), news(2, Some("a"), None), news(1, Some("a"), Some("k")));
        assert_eq!(Words::Evaluations.tell(&root, before.id()), "");
        let id = kill.id();
        assert_eq!(
            Words::Evaluations.tell(&kill, before.id()),
            format!("id: {id}\ndata: {{\"type\":\"refetchEvaluation\",\"etag\":\"{id}\"}}\n\n")
        );
    }

    #[test]
    fn an_event_is_what_clients_read() {
        let (before, after) = (news(1, Some("a"), None), news(1, Some("a"), Some("k")));
        assert_eq!(after.since(before.id()), format!("event: kills\nid: {}\ndata: {{}}\n\n", after.id()));
        assert!(after.id().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
