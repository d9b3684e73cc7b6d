use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flag_core::Timestamp;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::app::{AppError, Caller, CredentialError, FAILURES_PER_MINUTE, Failure as _, ScopeError, Throttle};
use crate::log::{Change, EnvironmentName, Head, TokenId, Verb};
use crate::server::desk::Opened;
use crate::server::log::Level;
use crate::server::refusal::{Refusal, json};
use crate::server::state::{Peer, Server};

/// Where OpenFeature's clients may send a token besides `Authorization`.
const API_KEY: &str = "x-api-key";
/// How often the last use of a token is written down at most, in milliseconds.
const USE_MILLIS: i64 = 60_000;

/// Refusals that another head is no reason for, or that tell of it already.
const SAYS_AS_MUCH: [StatusCode; 2] = [StatusCode::FORBIDDEN, StatusCode::PRECONDITION_FAILED];

/// What is known of those who call.
#[derive(Debug, Default)]
pub(in crate::server) struct Gate {
    throttle: Mutex<Throttle>,
    noted: Mutex<BTreeMap<TokenId, Timestamp>>,
}

impl Gate {
    fn fail(&self, peer: IpAddr, now: Timestamp) -> Option<u32> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner).fail(peer, now)
    }

    /// Tells whether a use is to be written down.
    fn is_due(&self, token: &TokenId, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due =
            noted.get(token).is_none_or(|last| now.millis_since(*last).unsigned_abs() >= USE_MILLIS.unsigned_abs());
        if is_due {
            noted.retain(|_, last| now.millis_since(*last) < USE_MILLIS);
            noted.insert(token.clone(), now);
        }
        is_due
    }
}

/// A call by somebody who is known. It is made before the body is looked at.
pub(super) struct Call {
    pub(super) server: Server,
    pub(super) caller: Caller,
    /// The environment that it is about.
    pub(super) environment: EnvironmentName,
    /// The head that it was made from, if it says so.
    pub(super) expected: Option<Head>,
    query: BTreeMap<String, String>,
}

impl FromRequestParts<Server> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refusal> {
        let peer = parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        let caller = authenticate(server, peer, presented(&parts.headers)).await?;
        let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad_query", message);
        let query: BTreeMap<String, String> = axum::extract::Query::try_from_uri(&parts.uri)
            .map(|query| query.0)
            .map_err(|error| bad(error.body_text()))?;
        let environment = match query.get("environment") {
            None => server.environment().clone(),
            Some(name) => name.parse().map_err(|error: crate::log::NameError| bad(error.to_string()))?,
        };
        let expected = expected_head(&parts.headers)?;
        Ok(Self { server: server.clone(), caller, environment, expected, query })
    }
}

impl Call {
    /// Returns a number that the query gives.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let parse = |text: &String| {
            let message = format!("{name} is {text:?}, expected a number");
            text.parse().map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "bad_query", message))
        };
        self.query.get(name).map(parse).transpose()
    }

    /// Returns what the query gives.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Refuses what was made from another head than the one it stands on, and tells what happened since. Whatever changes something asks
    /// this before it does.
    pub(super) fn check_head(&self, opened: &Opened, changes: &[Change]) -> Result<(), Refusal> {
        let Some(expected) = self.expected else { return Ok(()) };
        opened.project.check_head(expected, changes).map_err(|error| {
            let refusal = Refusal::from(error);
            if refusal.code == "head_moved" {
                return Refusal { status: StatusCode::PRECONDITION_FAILED, ..refusal };
            }
            refusal
        })
    }

    /// Does something about one environment, in the caller's name.
    pub(super) async fn at(
        self,
        needed: Verb,
        work: impl FnOnce(&mut Opened, &Self) -> Result<Value, Refusal> + Send + 'static,
    ) -> Response {
        let scope = self.caller.check(needed, Some(&self.environment));
        self.done(scope, work).await
    }

    /// Does something about the whole project, in the caller's name.
    pub(super) async fn of_project(
        self,
        needed: Verb,
        work: impl FnOnce(&mut Opened, &Self) -> Result<Value, Refusal> + Send + 'static,
    ) -> Response {
        let scope = self.caller.check(needed, None);
        self.done(scope, work).await
    }

    /// Does something whose changes are held against the token, in the caller's name.
    pub(super) async fn changing(
        self,
        work: impl FnOnce(&mut Opened, &Self) -> Result<Value, Refusal> + Send + 'static,
    ) -> Response {
        self.done(Ok(()), work).await
    }

    async fn done(
        self,
        scope: Result<(), ScopeError>,
        work: impl FnOnce(&mut Opened, &Self) -> Result<Value, Refusal> + Send + 'static,
    ) -> Response {
        if let Err(error) = scope {
            return Refusal::of(StatusCode::FORBIDDEN, &error).into_response();
        }
        let (server, operator) = (self.server.clone(), self.caller.operator());
        let asked = server.desk().ask_as(operator, move |opened| {
            opened.project.environment(&self.environment).map_err(|error| Refusal::from(AppError::from(error)))?;
            // Looked at before the work, which may itself move the head and fail after that.
            let moved = self.check_head(opened, &[]).err();
            let value = work(opened, &self).map_err(|refusal| match moved {
                // What does not fit the present state may have fitted the one that was seen.
                Some(moved) if !SAYS_AS_MUCH.contains(&refusal.status) => moved,
                _ => refusal,
            })?;
            Ok::<_, Refusal>((value, opened.project.state().head()))
        });
        match asked.await {
            Err(error) => Refusal::from(error).into_response(),
            Ok(Err(refusal)) => refusal.into_response(),
            Ok(Ok((value, head))) => {
                let mut response = json(StatusCode::OK, &value);
                if let Ok(tag) = HeaderValue::from_str(&tag(head)) {
                    response.headers_mut().insert(ETAG, tag);
                }
                response
            }
        }
    }
}

/// Returns the entity tag of everything that a head comes to.
fn tag(head: Head) -> String {
    format!("\"{}-{}\"", head.seq, head.hash)
}

/// Returns the head that a request was made from. `*` is any.
fn expected_head(headers: &HeaderMap) -> Result<Option<Head>, Refusal> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let parsed = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| {
        let (seq, hash) = text.split_once('-')?;
        Some(Head { seq: seq.parse().ok()?, hash: hash.parse().ok()? })
    });
    let refusal = || {
        Refusal::new(StatusCode::BAD_REQUEST, "bad_if_match", "If-Match is no tag of this server")
            .with_hint("send the ETag that was answered last, quotes included")
    };
    parsed.map(Some).ok_or_else(refusal)
}

/// Returns the token that a request presents.
fn presented(headers: &HeaderMap) -> Result<Zeroizing<String>, CredentialError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(if headers.contains_key(AUTHORIZATION) {
            CredentialError::Invalid
        } else {
            CredentialError::Missing
        });
    };
    let text = value.to_str().map_err(|_| CredentialError::Invalid)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Zeroizing::new(token.trim().to_owned())),
        _ => Err(CredentialError::Invalid),
    }
}

/// Lets somebody ask for evaluations, where that takes a token: as `Authorization: Bearer`, or as `X-API-Key`, which OpenFeature's clients
/// send too.
pub(in crate::server) async fn admit_to_evaluate(
    server: &Server,
    peer: IpAddr,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let token = match headers.get(API_KEY).map(HeaderValue::to_str) {
        Some(Ok(token)) if !headers.contains_key(AUTHORIZATION) => Ok(Zeroizing::new(token.trim().to_owned())),
        _ => presented(headers),
    };
    let caller = authenticate(server, peer, token).await?;
    let scope = caller.check(Verb::ReadEval, Some(server.environment()));
    scope.map_err(|error| Refusal::of(StatusCode::FORBIDDEN, &error))
}

async fn authenticate(
    server: &Server,
    peer: IpAddr,
    presented: Result<Zeroizing<String>, CredentialError>,
) -> Result<Caller, Refusal> {
    let gate = server.gate();
    let now = server.now();
    let proved = match presented {
        Err(error) => Err(error),
        Ok(token) => {
            let prove = move |opened: &mut Opened| {
                let caller = opened.project.authenticate(&token)?;
                Ok((opened.project.check_holder(&caller), caller))
            };
            server.desk().ask(prove).await?
        }
    };
    let error = match proved {
        Ok((held, caller)) => {
            held?;
            if gate.is_due(&caller.token, now) {
                note_use(server, &caller.token, now).await;
            }
            return Ok(caller);
        }
        Err(error) => error,
    };
    if let Some(seconds) = gate.fail(peer, now) {
        let message = format!("more than {FAILURES_PER_MINUTE} tokens of this address were refused within a minute");
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", message);
        return Err(refusal.with_hint("a good token is let in at once").with_retry_after(seconds));
    }
    server.log().line(Level::Warn, "not_authenticated", [("code", error.code().into())]);
    Err(Refusal::of(StatusCode::UNAUTHORIZED, &error))
}

/// Writes down when a token was used. That it cannot be written is nobody's failure.
async fn note_use(server: &Server, token: &TokenId, now: Timestamp) {
    let token = token.clone();
    let _ = server
        .desk()
        .ask(move |opened| opened.folder.token_uses().and_then(|mut uses| uses.note_use(&token, now)))
        .await;
}
