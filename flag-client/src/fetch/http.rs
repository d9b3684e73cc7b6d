//! One conditional GET: bounded in time and size, and true to the host it was sent to.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use flag_core::Timestamp;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, DATE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use super::error::FetchError;
use super::etags::Validators;
use super::retry_after::{http_date, retry_after};
use super::source::{Answer, is_loopback};
use super::token::BearerToken;

const MAX_REDIRECTS: usize = 5;

/// The moment at which a refresh ends, whatever state it is in.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "the adapter that measures how long a refresh takes")]
    fn now() -> Instant {
        Instant::now()
    }

    pub(crate) fn after(time: Duration) -> Self {
        let now = Self::now();
        // A time that is beyond the clock's end is as good as none; a day stands for it.
        Self(now.checked_add(time).or_else(|| now.checked_add(Duration::from_secs(86_400))).unwrap_or(now))
    }

    /// Waits for something, but not beyond the deadline.
    async fn keep<T>(self, work: impl Future<Output = T>) -> Result<T, FetchError> {
        tokio::time::timeout_at(self.0.into(), work).await.map_err(|_| FetchError::TimedOut)
    }
}

/// A server, and how it is asked.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    base: Url,
}

impl Http {
    pub(crate) fn new(base: &Url, token: Option<&BearerToken>) -> Result<Self, FetchError> {
        let mut headers = HeaderMap::new();
        // What is compressed could be a thousand times its size.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut base = base.clone();
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, token.header());
            // A user and a password in the address would be sent in the token's place. Fails only where there are none.
            let _ = (base.set_username(""), base.set_password(None));
        }
        let same_host = Policy::custom(|attempt| {
            let here = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
            if here && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
        });
        // Another crate of the program may have compiled decompression in.
        let builder = Client::builder().no_gzip().no_brotli().no_zstd().no_deflate();
        let builder = builder
            .redirect(same_host)
            .referer(false)
            .default_headers(headers)
            .user_agent(concat!("flag-client/", env!("CARGO_PKG_VERSION")));
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder.https_only(true) };
        Ok(Self { client: builder.build().map_err(failure)?, base })
    }

    pub(crate) async fn get(
        &self,
        path: &str,
        limit: usize,
        known: Option<&Validators>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Answer, FetchError> {
        let url = self.base.join(path).map_err(|_| FetchError::Absent)?;
        let conditions = [
            (IF_NONE_MATCH, known.and_then(|known| known.etag.as_deref())),
            (IF_MODIFIED_SINCE, known.and_then(|known| known.last_modified.as_deref())),
        ];
        let response = self.send(&url, conditions, deadline).await?;
        match response.status() {
            StatusCode::OK => document(response, limit, deadline).await,
            StatusCode::NOT_MODIFIED if known.is_some() => Ok(Answer::NotModified),
            StatusCode::NOT_FOUND => Ok(Answer::Absent),
            status if status.is_redirection() && response.headers().contains_key(LOCATION) => {
                Err(FetchError::Redirected { to: redirected_to(&url, &response) })
            }
            status => {
                Err(FetchError::Status { status: status.as_u16(), retry_after: retry_after(response.headers(), now) })
            }
        }
    }

    /// Asks for a stream of events, and waits until the deadline for its beginning.
    pub(crate) async fn stream(
        &self,
        path: &str,
        accept: &'static str,
        last_event: Option<&str>,
        deadline: Deadline,
    ) -> Result<Response, FetchError> {
        let url = self.base.join(path).map_err(|_| FetchError::Absent)?;
        let headers = [(reqwest::header::ACCEPT, Some(accept)), (HeaderName::from_static("last-event-id"), last_event)];
        self.send(&url, headers, deadline).await
    }

    async fn send(
        &self,
        url: &Url,
        headers: [(HeaderName, Option<&str>); 2],
        deadline: Deadline,
    ) -> Result<Response, FetchError> {
        let mut request = self.client.get(url.clone());
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        deadline.keep(request.send()).await?.map_err(failure)
    }
}

async fn document(mut response: Response, limit: usize, deadline: Deadline) -> Result<Answer, FetchError> {
    let announced = response.content_length();
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(FetchError::TooLarge { limit });
    }
    if let Some(encoding) = response.headers().get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        let found = encoding.to_str().unwrap_or("an unreadable one").chars().take(40).collect::<String>();
        return Err(FetchError::Encoded { found: found.into() });
    }
    let validators = validators(response.headers());
    let mut bytes = Vec::new();
    loop {
        let chunk = deadline.keep(response.chunk()).await?.map_err(|error| match failure(error) {
            FetchError::Connection(source) => FetchError::Read(io::Error::other(source)),
            other => other,
        })?;
        let Some(chunk) = chunk else { return Ok(Answer::Document { bytes, validators }) };
        if bytes.len().saturating_add(chunk.len()) > limit {
            return Err(FetchError::TooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// What the server calls this document. Dates tell seconds apart and no less: one that is as old as the answer could be the date of
/// the next document too (RFC 9110, section 8.8.2.2).
fn validators(headers: &HeaderMap) -> Validators {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let answered = text(DATE).and_then(|date| http_date(&date));
    let settled = |modified: &String| match (http_date(modified), answered) {
        (Some(modified), Some(answered)) => answered.millis_since(modified) >= 1_000,
        _ => false,
    };
    Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED).filter(settled) }
}

fn redirected_to(from: &Url, response: &Response) -> Option<Box<str>> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()?.host_str().map(Into::into)
}

pub(crate) fn failure(error: reqwest::Error) -> FetchError {
    // The address may hold a password.
    if error.is_timeout() { FetchError::TimedOut } else { FetchError::Connection(error.without_url()) }
}
