//! One conditional GET: bounded in time and size, and true to the host it was sent to.

use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use reqwest::header::{ETAG, IF_NONE_MATCH, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};

use super::error::FetchError;
use super::source::{Answer, is_loopback, read_within};

const MAX_REDIRECTS: usize = 5;

/// The moment at which a refresh ends, whatever state it is in.
#[derive(Copy, Clone, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "the adapter that measures how long a refresh takes")]
    fn now() -> Instant {
        Instant::now()
    }

    pub(super) fn after(time: Duration) -> Self {
        let now = Self::now();
        // A time that is beyond the clock's end is as good as none; a day stands for it.
        Self(now.checked_add(time).or_else(|| now.checked_add(Duration::from_secs(86_400))).unwrap_or(now))
    }

    fn left(self) -> Result<Duration, FetchError> {
        let left = self.0.saturating_duration_since(Self::now());
        if left.is_zero() { Err(FetchError::TimedOut) } else { Ok(left) }
    }
}

pub(super) fn get(
    base: &Url,
    path: &str,
    limit: usize,
    etag: Option<&str>,
    deadline: Deadline,
) -> Result<Answer, FetchError> {
    let url = base.join(path).map_err(|_| FetchError::Absent)?;
    let client = client(base, deadline.left()?)?;
    let mut request = client.get(url.clone()).timeout(deadline.left()?);
    if let Some(etag) = etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    let response = request.send().map_err(failure)?;
    match response.status() {
        StatusCode::OK => document(response, limit),
        StatusCode::NOT_MODIFIED if etag.is_some() => Ok(Answer::NotModified),
        StatusCode::NOT_FOUND => Ok(Answer::Absent),
        status if status.is_redirection() && response.headers().contains_key(LOCATION) => {
            Err(FetchError::Redirected { to: redirected_to(&url, &response) })
        }
        status => Err(FetchError::Status { status: status.as_u16() }),
    }
}

fn client(base: &Url, time: Duration) -> Result<Client, FetchError> {
    let same_host = Policy::custom(|attempt| {
        let here = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if here && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
    });
    let builder = Client::builder()
        .redirect(same_host)
        .referer(false)
        .timeout(time)
        .user_agent(concat!("flag-client/", env!("CARGO_PKG_VERSION")));
    let builder = if is_loopback(base) { builder.no_proxy() } else { builder.https_only(true) };
    builder.build().map_err(failure)
}

fn document(response: Response, limit: usize) -> Result<Answer, FetchError> {
    let announced = response.content_length();
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(FetchError::TooLarge { limit });
    }
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    let bytes = read_within(response, limit).map_err(|error| match error {
        FetchError::Read(source) if is_timeout(&source) => FetchError::TimedOut,
        error => error,
    })?;
    Ok(Answer::Document { bytes, etag })
}

fn redirected_to(from: &Url, response: &Response) -> Option<Box<str>> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()?.host_str().map(Into::into)
}

fn is_timeout(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    error.kind() == std::io::ErrorKind::TimedOut || inner.is_some_and(reqwest::Error::is_timeout)
}

fn failure(error: reqwest::Error) -> FetchError {
    // The address may hold a password.
    if error.is_timeout() { FetchError::TimedOut } else { FetchError::Connection(error.without_url()) }
}
