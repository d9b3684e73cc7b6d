//! What is asked most, answered ahead of the router: the documents that every client polls, and the evaluation of one flag.
//!
//! The router finds these routes too, with the same handlers, and does so for whatever is asked in an unusual way. Its layers cost more
//! than such an answer does: without them a conditional `GET` takes two thirds of the processor time.

use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::{Method, Request};

use super::metrics::Metrics;
use super::route::finished;
use super::state::{Peer, Server};
use super::{documents, ofrep};

/// A request for one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hot {
    Snapshot,
    Kills,
    /// The evaluation of this flag.
    Evaluation(Box<str>),
}

impl Hot {
    /// Returns what is asked for, where it is one of these in its usual spelling.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        if *method == Method::GET {
            return match path {
                documents::SNAPSHOT => Some(Self::Snapshot),
                documents::KILLS => Some(Self::Kills),
                _ => None,
            };
        }
        if *method != Method::POST {
            return None;
        }
        let key = path.strip_prefix(ofrep::FLAGS)?.strip_prefix('/')?;
        (!key.is_empty() && !key.contains(['/', '%'])).then(|| Self::Evaluation(key.into()))
    }

    const fn route(&self) -> &'static str {
        match self {
            Self::Snapshot => documents::SNAPSHOT,
            Self::Kills => documents::KILLS,
            Self::Evaluation(_) => ofrep::FLAG,
        }
    }

    pub(super) async fn answer(self, server: &Server, peer: Peer, request: Request<Incoming>) -> Response {
        let begun = Metrics::begin();
        let route = self.route();
        let response = match self {
            Self::Snapshot => documents::snapshot_for(server, request.headers()),
            Self::Kills => documents::kills_for(server, request.headers()),
            Self::Evaluation(key) => {
                let (head, body) = request.into_parts();
                ofrep::evaluate_one(server, peer, &key, &head.headers, Body::new(body)).await
            }
        };
        finished(server, begun, route, response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_in_an_unusual_way_is_left_to_the_router() {
        let evaluation = |key: &str| Some(Hot::Evaluation(key.into()));
        for (method, path, expected) in [
            (Method::GET, "/v1/snapshot.json", Some(Hot::Snapshot)),
            (Method::GET, "/v1/kills.json", Some(Hot::Kills)),
            (Method::POST, "/ofrep/v1/evaluate/flags/a.b-c_d", evaluation("a.b-c_d")),
            (Method::HEAD, "/v1/snapshot.json", None),
            (Method::POST, "/v1/snapshot.json", None),
            (Method::GET, "/v1/snapshot.json/", None),
            (Method::GET, "/v1/root/1.json", None),
            (Method::GET, "/ofrep/v1/evaluate/flags/a", None),
            (Method::POST, "/ofrep/v1/evaluate/flags", None),
            (Method::POST, "/ofrep/v1/evaluate/flags/", None),
            (Method::POST, "/ofrep/v1/evaluate/flagsa", None),
            (Method::POST, "/ofrep/v1/evaluate/flags/a/b", None),
            (Method::POST, "/ofrep/v1/evaluate/flags/a%20b", None),
        ] {
            assert_eq!(Hot::of(&method, path), expected, "{method} {path}");
        }
    }
}
