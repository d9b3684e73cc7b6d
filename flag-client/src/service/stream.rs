//! Listens to the server's events, again and again: they say that something newer is published, and never what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep, timeout};

use super::events::{Events, Item, is_notice};
use super::health::{EventStream, EventStreamError};
use super::options::Random;
use super::run::Message;
use super::schedule::{LONGEST, LONGEST_RETRY, jittered, reconnect};
use crate::FlagClient;
use crate::fetch::{Deadline, FetchError, Http, failure, retry_after};

/// How long a server has for its first line.
const OPENING: Duration = Duration::from_secs(10);

/// How long to wait before a broken stream is asked for again, unless the server says otherwise.
const RETRY: Duration = Duration::from_secs(1);

/// A stream that has lasted for this long did not fail because of what it is.
const LASTING: Duration = Duration::from_secs(30);

/// How long to do without a stream where the server has none. It may be replaced by one that has.
const UNSUPPORTED: Duration = Duration::from_secs(3_600);

const MIME: &str = "text/event-stream";

/// What is needed to listen.
pub(super) struct Listener {
    pub(super) client: FlagClient,
    pub(super) http: Http,
    pub(super) heartbeat_timeout: Duration,
    pub(super) random: Random,
    pub(super) sender: UnboundedSender<Message>,
    /// Set while a notice is on its way: a server that floods us fills no queue.
    pub(super) noticed: Arc<AtomicBool>,
}

/// How one stream ended.
enum End {
    Unsupported,
    Denied(EventStreamError),
    Broken(EventStreamError),
}

impl Listener {
    /// Listens until the service is gone.
    pub(super) async fn run(self) {
        let mut events = Events::default();
        let (mut retry, mut failures) = (RETRY, 0_u32);
        while !self.sender.is_closed() {
            self.wait_while_quiet().await;
            self.tell(Message::Stream(EventStream::Connecting));
            let began = Instant::now();
            let end = self.once(&mut events, &mut retry).await;
            failures = if began.elapsed() >= LASTING { 0 } else { failures.saturating_add(1) };
            // What is left of a broken line is no line of the next stream; only the id is.
            events = events.restarted();
            let random = (self.random)();
            let (stream, delay) = match end {
                End::Unsupported => (EventStream::Unsupported, jittered(UNSUPPORTED, random)),
                End::Denied(error) => (EventStream::Broken(Arc::new(error)), jittered(LONGEST, random)),
                End::Broken(error) => (EventStream::Broken(Arc::new(error)), reconnect(retry, failures, random)),
            };
            self.tell(Message::Stream(stream));
            sleep(delay).await;
        }
    }

    async fn wait_while_quiet(&self) {
        let now = (self.client.host().clock)();
        if let Some(until) = self.client.quiet_until(now) {
            sleep(Duration::from_millis(u64::try_from(until.millis_since(now)).unwrap_or_default())).await;
        }
    }

    async fn once(&self, events: &mut Events, retry: &mut Duration) -> End {
        let last_id = events.last_id().map(str::to_owned);
        let asked = self.http.stream("v1/events", MIME, last_id.as_deref(), Deadline::after(OPENING)).await;
        let mut response = match asked {
            Ok(response) => response,
            Err(error) => return End::Broken(EventStreamError::Open(error)),
        };
        if let Some(end) = self.refusal(&response) {
            return end;
        }
        self.tell(Message::Stream(EventStream::Open));
        loop {
            let chunk = match timeout(self.heartbeat_timeout, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return End::Broken(EventStreamError::Ended),
                Ok(Err(error)) => return End::Broken(EventStreamError::Broken(failure(error))),
                Err(_) => {
                    let seconds = self.heartbeat_timeout.as_secs();
                    return End::Broken(EventStreamError::Silent { seconds });
                }
            };
            let items = match events.read(&chunk) {
                Ok(items) => items,
                Err(error) => return End::Broken(EventStreamError::Malformed(error)),
            };
            for item in items {
                match item {
                    Item::Retry(asked) => *retry = asked.clamp(RETRY, LONGEST_RETRY),
                    Item::Event { name, data } => match is_notice(&name, &data) {
                        Ok(true) if !self.noticed.swap(true, Ordering::AcqRel) => self.tell(Message::Notice),
                        Ok(_) => {}
                        Err(error) => return End::Broken(EventStreamError::Malformed(error)),
                    },
                }
            }
        }
    }

    /// Returns why an answer is no event stream, if it is none.
    fn refusal(&self, response: &Response) -> Option<End> {
        let status = response.status();
        let mime = response.headers().get(CONTENT_TYPE).and_then(|mime| mime.to_str().ok()).unwrap_or_default();
        let is_stream = mime.split(';').next().is_some_and(|mime| mime.trim().eq_ignore_ascii_case(MIME));
        let now = (self.client.host().clock)();
        let asked = retry_after(response.headers(), now);
        let error = EventStreamError::Open(FetchError::Status { status: status.as_u16(), retry_after: asked });
        match status {
            StatusCode::OK if is_stream => None,
            StatusCode::OK
            // By the standard it says: do not come back.
            | StatusCode::NO_CONTENT
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::GONE
            | StatusCode::NOT_IMPLEMENTED => Some(End::Unsupported),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(End::Denied(error)),
            _ => {
                if let Some(time) = asked.filter(|time| !time.is_zero()) {
                    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
                    self.client.set_quiet_until(Some(now.saturating_add_millis(millis)));
                }
                Some(End::Broken(error))
            }
        }
    }

    fn tell(&self, message: Message) {
        // Fails only once the service is gone, and then nobody listens.
        let _ = self.sender.send(message);
    }
}
