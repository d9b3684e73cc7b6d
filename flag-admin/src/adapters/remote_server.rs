//! A project that a server holds, spoken to over its admin API.
//!
//! Entries are read and proved here as from any store. What is appended goes to the server as changes: it judges them by the token and seals
//! them itself, so that nobody at the other end can write an entry.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flag_core::Timestamp;
use reqwest::{Client, Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use crate::app::Operator;
use crate::app::ports::{LogError, LogStore, LogTarget};
use crate::log::{
    Actor, Change, Digest, EnvironmentName, Head, ProjectName, Role, Sealed, Stored, StoredCheckpoint, TokenId,
};

/// How long an answer may take: publishing to an object store may take a minute.
const TIMEOUT: Duration = Duration::from_secs(90);
/// A place after which no entry is.
const END: u64 = i64::MAX.cast_unsigned();

/// Why a server cannot be spoken to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerUrlError {
    /// The text is no address of a server.
    #[error("{found:?} is no address of a server, expected such as https://flags.example")]
    Form {
        /// The text.
        found: String,
    },
    /// A token would travel for anybody to read.
    #[error("{found:?} is another machine, and connections are not encrypted, expected https")]
    Unencrypted {
        /// The address.
        found: String,
    },
    /// There is no way to wait for an answer.
    #[error("the system gives no sockets")]
    System(#[source] io::Error),
}

/// A server, and the token that it is spoken to with.
#[derive(Clone)]
pub struct RemoteServer(Rc<Connection>);

struct Connection {
    url: Url,
    token: Zeroizing<String>,
    client: Client,
    runtime: Runtime,
    /// What was answered to the last change.
    last: RefCell<Option<Value>>,
    /// Whether the token sees but some of the environments, once that is known.
    is_narrow: Cell<bool>,
}

impl fmt::Debug for RemoteServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteServer").field("url", &self.0.url.as_str()).finish_non_exhaustive()
    }
}

/// Who a token makes its bearer, and where.
#[derive(Clone, Debug, Deserialize)]
pub struct Whoami {
    /// The project that is served.
    pub project: ProjectName,
    /// The environment that is served.
    pub environment: EnvironmentName,
    caller: CallerFact,
    head: Head,
}

#[derive(Clone, Debug, Deserialize)]
struct CallerFact {
    holder: Actor,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    environments: BTreeSet<EnvironmentName>,
}

impl Whoami {
    /// Returns who is at work.
    pub fn operator(&self) -> Operator {
        Operator { actor: self.caller.holder.clone(), role: self.caller.role.unwrap_or(Role::Engineer) }
    }
}

#[derive(Deserialize)]
struct TokenUse {
    token: TokenId,
    used_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Rows {
    rows: Vec<(u64, Digest, String)>,
    head: Option<Head>,
}

#[derive(Deserialize)]
struct Kept {
    seq: u64,
    digest: Digest,
    bytes: String,
}

impl RemoteServer {
    /// Returns a server at an address, which must be https unless it is this machine.
    pub fn new(address: &str, token: Zeroizing<String>) -> Result<Self, ServerUrlError> {
        let found = || address.chars().take(128).collect::<String>();
        let form = || ServerUrlError::Form { found: found() };
        let mut url: Url = address.parse().map_err(|_| form())?;
        let host = url.host_str().ok_or_else(form)?.trim_matches(['[', ']']).to_owned();
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(form());
        }
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => return Err(ServerUrlError::Unencrypted { found: found() }),
            _ => return Err(form()),
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let builder = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        let client = builder.build().map_err(|error| ServerUrlError::System(io::Error::other(error)))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ServerUrlError::System)?;
        Ok(Self(Rc::new(Connection {
            url,
            token,
            client,
            runtime,
            last: RefCell::default(),
            is_narrow: Cell::new(false),
        })))
    }

    /// Returns the address, for messages.
    pub fn place(&self) -> String {
        self.0.url.as_str().trim_end_matches('/').to_owned()
    }

    /// Asks for something below `/admin/v1/`. A refusal is told in the server's words.
    pub fn ask(
        &self,
        method: &Method,
        path: &str,
        expected: Option<Head>,
        body: Option<&Value>,
    ) -> Result<Value, LogError> {
        let body = body.map(|body| body.to_string().into_bytes());
        let (status, wait, bytes) = self.exchange(method, path, expected, body)?;
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        if status.is_success() {
            let action = if *method == Method::GET { "read" } else { "written" };
            let none = || LogError::Storage {
                place: self.place(),
                action,
                source: io::Error::other("the answer is no JSON").into(),
            };
            return value.ok_or_else(none);
        }
        Err(self.refusal(status, wait, value.as_ref(), expected)?)
    }

    /// Returns a published document, byte for byte, or none.
    pub(super) fn document(&self, path: &str) -> Result<Option<Vec<u8>>, LogError> {
        let (status, wait, bytes) = self.exchange(&Method::GET, path, None, None)?;
        if status.is_success() {
            return Ok(Some(bytes));
        }
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        let is_none = value.as_ref().is_some_and(|value| value["error"]["code"] == "not_published");
        if is_none { Ok(None) } else { Err(self.refusal(status, wait, value.as_ref(), None)?) }
    }

    /// Puts a document in place of the published one, or takes that away.
    pub(super) fn push(&self, path: &str, bytes: Option<&[u8]>) -> Result<(), LogError> {
        let method = if bytes.is_some() { Method::PUT } else { Method::DELETE };
        let (status, wait, answer) = self.exchange(&method, path, None, bytes.map(<[u8]>::to_vec))?;
        if status.is_success() {
            return Ok(());
        }
        let value: Option<Value> = serde_json::from_slice(&answer).ok();
        Err(self.refusal(status, wait, value.as_ref(), None)?)
    }

    /// Sends a request, and returns the status of the answer, when to try again if that is said, and its body.
    fn exchange(
        &self,
        method: &Method,
        path: &str,
        expected: Option<Head>,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Option<u32>, Vec<u8>), LogError> {
        let Connection { url, token, client, runtime, .. } = &*self.0;
        let action = if *method == Method::GET { "read" } else { "written" };
        let failed = |source: io::Error| LogError::Storage { place: self.place(), action, source: source.into() };
        let url =
            url.join("admin/v1/").and_then(|url| url.join(path)).map_err(|error| failed(io::Error::other(error)))?;
        let mut request = client.request(method.clone(), url).bearer_auth(token.as_str());
        if let Some(Head { seq, hash }) = expected {
            request = request.header("if-match", format!("\"{seq}-{hash}\""));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answered = runtime.block_on(async {
            let answer = request.send().await?;
            let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
            Ok::<_, reqwest::Error>((answer.status(), wait, answer.bytes().await?.to_vec()))
        });
        answered.map_err(|error| failed(io::Error::other(error.without_url())))
    }

    /// Returns what a server says against something, with what to do about it.
    fn refusal(
        &self,
        status: StatusCode,
        wait: Option<u32>,
        value: Option<&Value>,
        expected: Option<Head>,
    ) -> Result<LogError, LogError> {
        let said = value.and_then(|value| value.get("error"));
        let text = |name: &str| said.and_then(|said| said.get(name)).and_then(Value::as_str).map(str::to_owned);
        if text("code").as_deref() == Some("head_moved")
            && let Some(expected) = expected
        {
            return Ok(LogError::HeadMoved { expected, found: self.head()? });
        }
        let message = text("message").unwrap_or_else(|| format!("it answered {status}"));
        let hint = match (text("hint"), wait) {
            (Some(hint), None) => Some(hint),
            (Some(hint), Some(seconds)) => Some(format!("{hint}; or try again in {seconds} s")),
            (None, wait) => hint_of(status.as_u16(), wait),
        };
        Ok(LogError::Refused { place: self.place(), status: status.as_u16(), message, hint })
    }

    pub(super) fn get<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, LogError> {
        let value = self.ask(&Method::GET, path, None, None)?;
        serde_json::from_value(value).map_err(|error| LogError::Storage {
            place: self.place(),
            action: "read",
            source: error.into(),
        })
    }

    /// Returns who the token makes its bearer.
    pub fn whoami(&self) -> Result<Whoami, LogError> {
        let whoami: Whoami = self.get("whoami")?;
        self.0.is_narrow.set(!whoami.caller.environments.is_empty());
        Ok(whoami)
    }

    /// Returns when tokens were last used, as far as the server knows. Only whoever administers the project is told of tokens.
    pub(crate) fn token_uses(&self) -> Result<BTreeMap<TokenId, Timestamp>, LogError> {
        let lines: Vec<TokenUse> = self.get("tokens")?;
        Ok(lines.into_iter().filter_map(|line| Some((line.token, line.used_at?))).collect())
    }

    /// Lets the server publish an environment.
    pub fn publish(&self, environment: &EnvironmentName, body: &Value) -> Result<Value, LogError> {
        self.ask(&Method::POST, &format!("publish?environment={environment}"), None, Some(body))
    }

    /// Returns what the server answered to the last change, if there was one.
    pub fn last_answer(&self) -> Option<Value> {
        self.0.last.borrow().clone()
    }

    fn rows(&self, after: u64) -> Result<Rows, LogError> {
        self.get(&format!("log/rows?after={after}"))
    }

    fn decoded(&self, text: &str) -> Result<Vec<u8>, LogError> {
        let failed = |error: base64::DecodeError| LogError::Storage {
            place: self.place(),
            action: "read",
            source: error.into(),
        };
        STANDARD.decode(text).map_err(failed)
    }
}

/// Returns what to do about a status that comes without words of the server's own, as from a proxy in front of it.
fn hint_of(status: u16, wait: Option<u32>) -> Option<String> {
    let again = wait.map_or_else(|| "try again later".to_owned(), |seconds| format!("try again in {seconds} s"));
    Some(match status {
        300..=399 => "name the address that it leads to: redirects are not followed with a token".to_owned(),
        401 => "see whether FLAG_ADMIN_TOKEN is whole, and neither expired nor revoked".to_owned(),
        403 => "use a token that allows it, or have one issued: flag-admin token new HOLDER --can VERBS".to_owned(),
        404 => "see whether it is the address of flag-admin serve, without a path".to_owned(),
        409 | 412 => "look at \"flag-admin log\" and run the command again".to_owned(),
        413 => "send less at once, such as fewer flags in one file".to_owned(),
        429 => format!("too much was asked for; {again}"),
        500 | 507 => "see the server's log, and whether its disk is full".to_owned(),
        502..=504 => format!("{again}; see whether the server runs: its /readyz"),
        _ => return None,
    })
}

/// Returns where changes are sent, and as what. Some are made by the server itself, which holds the keys and the evidence.
fn order_of(changes: &[&Change], reason: Option<&str>) -> (String, Value) {
    match changes {
        [Change::KillActivated { target, .. }] => {
            ("kills".to_owned(), json!({ "target": target, "reason": reason, "unlisted": true }))
        }
        [Change::RolloutStarted { flag, plan, .. }] => {
            (format!("flags/{flag}/rollout/start"), json!({ "plan": plan, "reason": reason }))
        }
        [Change::RolloutDecided { flag, exposes, record, .. }] => {
            let event = serde_json::to_value(record.event).unwrap_or_default();
            let path = format!("flags/{flag}/rollout/{}", event.as_str().unwrap_or_default());
            (path, json!({ "shown": { "exposes": exposes }, "reason": reason }))
        }
        changes => {
            // The server seals its own checkpoints.
            let kept: Vec<&&Change> =
                changes.iter().filter(|change| !matches!(change, Change::StateSealed { .. })).collect();
            ("changes".to_owned(), json!({ "changes": kept, "reason": reason }))
        }
    }
}

impl LogStore for RemoteServer {
    fn head(&self) -> Result<Head, LogError> {
        if self.0.is_narrow.get() {
            return Ok(self.whoami()?.head);
        }
        Ok(self.rows(END)?.head.unwrap_or(Head::GENESIS))
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError> {
        let mut after = after;
        loop {
            let page = self.rows(after)?;
            for (seq, hash, bytes) in page.rows {
                each(Stored { seq, hash, bytes: self.decoded(&bytes)? })?;
                after = seq;
            }
            if let Some(head) = page.head {
                return Ok(head);
            }
        }
    }

    fn append(&mut self, expected: Head, entries: &[Sealed]) -> Result<(), LogError> {
        let Some(first) = entries.first().map(Sealed::entry) else { return Ok(()) };
        let reason = first.reason.as_deref();
        let makes_place = matches!(first.change, Change::EnvironmentCreated { .. });
        let place = entries.iter().find_map(|entry| entry.entry().environment.as_ref()).filter(|_| !makes_place);
        let place = place.map_or_else(String::new, |name| format!("?environment={name}"));
        let (path, body) = match &first.change {
            Change::ChangeRequested { changes: asked, .. } => order_of(&asked.iter().collect::<Vec<_>>(), reason),
            Change::ChangeApproved { request } => (format!("requests/{request}/approve"), json!({ "reason": reason })),
            Change::ChangeRejected { request } => (format!("requests/{request}/reject"), json!({ "reason": reason })),
            _ => order_of(&entries.iter().map(|entry| &entry.entry().change).collect::<Vec<_>>(), reason),
        };
        let path = format!("{path}{place}");
        let answer = self.ask(&Method::POST, &path, Some(expected), Some(&body))?;
        self.0.last.replace(Some(answer));
        Ok(())
    }

    fn told_state(&self) -> Result<Option<StoredCheckpoint>, LogError> {
        if !self.0.is_narrow.get() {
            return Ok(None);
        }
        let Kept { seq, digest, bytes } = self.get("state")?;
        Ok(Some(StoredCheckpoint { seq, digest, bytes: self.decoded(&bytes)? }))
    }

    fn seals_itself(&self) -> bool {
        true
    }

    fn checkpoint_before(&self, seq: u64) -> Result<Option<StoredCheckpoint>, LogError> {
        let kept: Option<Kept> = self.get("log/checkpoint")?;
        let kept = kept.filter(|kept| kept.seq < seq);
        kept.map(|Kept { seq, digest, bytes }| Ok(StoredCheckpoint { seq, digest, bytes: self.decoded(&bytes)? }))
            .transpose()
    }
}

impl LogTarget for RemoteServer {
    fn fill(&mut self, _: &mut dyn FnMut() -> Result<Option<Sealed>, LogError>) -> Result<Head, LogError> {
        Err(LogError::NotEmpty { place: self.place(), head: self.head()? })
    }
}
