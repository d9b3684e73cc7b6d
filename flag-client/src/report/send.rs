//! Sending: one report a request.

use std::thread;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use super::chance::{Chance, from_system};
use super::error::ReportError;
use super::form::{Nonce, Report};
use super::spool::Spool;
use super::{close_days, consenting};
use crate::client::FlagClient;
use crate::fetch::{Source, in_words, is_loopback, is_quiet, retry_after, runtime};
use crate::outcomes::{OutcomeError, Wait};

const PATH: &str = "v1/reports";

/// What became of the reports.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SentReports {
    /// How many the server took.
    pub taken: usize,
    /// How many the server refused for good. They are dropped, and [`FlagClient::problems`] says so.
    pub refused: usize,
    /// How many wait to be sent another time.
    pub left: usize,
    /// Why those wait.
    pub failure: Option<SendFailure>,
}

/// Why reports wait to be sent another time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendFailure {
    /// The server is busy, broken, or sends us elsewhere, which is not followed.
    #[error("the server answered with status {status}{}", in_words(*status))]
    Status {
        /// The status.
        status: u16,
        /// How long it asked to be left alone; an hour at most.
        retry_after: Option<Duration>,
    },
    /// The connection failed.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// The deadline passed.
    #[error("the reports were not all sent before the deadline")]
    TimedOut,
}

impl FlagClient {
    /// Sends the reports that wait, with the user's consent only, to `v1/reports` at the remote's address.
    ///
    /// * One report a request, in random order, each over a connection of its own and without the remote's token: a batch would join
    ///   what must stay apart. A server that notes addresses and times could join them all the same, and must not.
    /// * A report is removed once the server took it (2xx). One that it refuses (4xx but 408 and 429) is dropped. On anything else it
    ///   stays, with its nonce, so that a server which took it unheard counts it once; the others then wait, too.
    /// * All of it shares the deadline of a [`sync`](Self::sync). `Retry-After` is obeyed, by later runs of the program, too.
    pub fn send_reports(&self) -> Result<SentReports, ReportError> {
        let recorder = consenting(self)?;
        let base = match self.source().map_err(|error| ReportError::Address(Box::new(error)))? {
            Source::Server(base) => base,
            Source::Folder(_) => return Err(ReportError::Folder),
        };
        let chance = &mut Chance(&mut from_system);
        let mut spool = close_days(recorder, chance)?;
        let now = recorder.now();
        if let Some(until) = spool.not_before.filter(|until| is_quiet(*until, now)) {
            return Err(ReportError::TooEarly { until });
        }
        chance.shuffle(&mut spool.reports)?;
        let reports = std::mem::take(&mut spool.reports);
        if reports.is_empty() {
            return Ok(SentReports::default());
        }
        let waiting = reports.len();
        let deadline = self.host().sync_deadline;
        let work = move || send_all(&base, &reports, deadline, now);
        // Waiting needs a runtime, which may not be made on a thread of another one.
        let worker = thread::Builder::new().name("flag-reports".into()).spawn(work).map_err(ReportError::Thread)?;
        let sent = worker.join().unwrap_or_else(|_| Ok(Sent::default())).map_err(ReportError::Thread)?;
        let files = recorder.files()?;
        files.excluding(Wait::Long, || {
            let mut spool = Spool::load(files)?;
            spool.remove(&sent.over);
            spool.not_before = match &sent.failure {
                Some(SendFailure::Status { retry_after: Some(time), .. }) => {
                    Some(now.saturating_add_millis(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
                }
                _ => None,
            };
            spool.save(files)
        })??;
        let refused = sent.refused.len();
        for (flag, status) in sent.refused {
            recorder.lost(OutcomeError::Refused { flag, status });
        }
        let taken = sent.over.len() - refused;
        Ok(SentReports { taken, refused, left: waiting - sent.over.len(), failure: sent.failure })
    }
}

/// What the worker did.
#[derive(Debug, Default)]
struct Sent {
    /// The reports that are done with: taken or refused.
    over: Vec<Nonce>,
    refused: Vec<(Box<str>, u16)>,
    failure: Option<SendFailure>,
}

fn send_all(base: &Url, reports: &[Report], deadline: Duration, now: flag_core::Timestamp) -> std::io::Result<Sent> {
    let runtime = runtime()?;
    let mut sent = Sent::default();
    let all = async {
        tokio::time::timeout(deadline, async {
            for report in reports {
                if let Err(failure) = send(base, report, now, &mut sent).await {
                    return Some(failure);
                }
            }
            None
        })
        .await
    };
    let ended = runtime.block_on(all);
    sent.failure = ended.unwrap_or(Some(SendFailure::TimedOut));
    runtime.shutdown_background();
    Ok(sent)
}

/// Sends one report over a connection of its own.
async fn send(base: &Url, report: &Report, now: flag_core::Timestamp, sent: &mut Sent) -> Result<(), SendFailure> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .referer(false)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("flag-client/", env!("CARGO_PKG_VERSION")));
    let builder = if is_loopback(base) { builder.no_proxy() } else { builder.https_only(true) };
    let client = builder.build().map_err(|error| SendFailure::Connection(error.without_url()))?;
    let mut url = base.clone();
    url.set_path(&format!("{}{PATH}", base.path()));
    // A name and password would tell this machine's reports from others. Removing them fails only where there are none.
    let _ = (url.set_username(""), url.set_password(None));
    let request = client.post(url).header(CONTENT_TYPE, "application/json").body(report.to_json());
    let answer = request.send().await.map_err(|error| SendFailure::Connection(error.without_url()))?;
    let status = answer.status();
    let busy = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if !status.is_success() && (busy || !status.is_client_error()) {
        let retry_after = retry_after(answer.headers(), now);
        return Err(SendFailure::Status { status: status.as_u16(), retry_after });
    }
    if !status.is_success() {
        sent.refused.push((report.flag.as_str().into(), status.as_u16()));
    }
    sent.over.push(report.nonce);
    Ok(())
}
