use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::path::Path;
use super::refusal::Refusal;
use super::served::Asset;
use super::state::Server;

/// Where the snapshot is.
pub(super) const SNAPSHOT: &str = "/v1/snapshot.json";
/// Where the kills of the emergency key are.
pub(super) const KILLS: &str = "/v1/kills.json";

/// Snapshot and kills change at any time: a cache may keep them and asks each time whether they are still the ones.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");
/// A root of one version never changes.
const UNCHANGING: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

pub(super) async fn root(State(server): State<Server>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    // `+1` and `01` are other spellings of a version, and would be other objects in a cache.
    let version = name.strip_suffix(".json").filter(|digits| !digits.starts_with(['0', '+']));
    let held = server.served();
    match version.and_then(|digits| digits.parse().ok()).and_then(|version| held.root(version)) {
        Some(root) => document(root, &headers, UNCHANGING),
        None => absent("there is no such root"),
    }
}

pub(super) async fn snapshot(State(server): State<Server>, headers: HeaderMap) -> Response {
    snapshot_for(&server, &headers)
}

pub(super) fn snapshot_for(server: &Server, headers: &HeaderMap) -> Response {
    match &server.served().snapshot {
        Some(snapshot) => revalidated(snapshot, headers),
        None => absent("no snapshot is published"),
    }
}

pub(super) async fn kills(State(server): State<Server>, headers: HeaderMap) -> Response {
    kills_for(&server, &headers)
}

pub(super) fn kills_for(server: &Server, headers: &HeaderMap) -> Response {
    match &server.served().kills {
        Some(kills) => revalidated(kills, headers),
        None => absent("no kills document is published"),
    }
}

/// Answers with what may change at any time.
pub(super) fn revalidated(asset: &Asset, headers: &HeaderMap) -> Response {
    document(asset, headers, REVALIDATED)
}

fn document(asset: &Asset, headers: &HeaderMap, cached: HeaderValue) -> Response {
    let Asset { plain, packed, .. } = asset;
    let packed = packed.as_ref();
    // Whoever holds either form holds the document, and is told which of them it is that they hold.
    let known = [Some(plain), packed].into_iter().flatten().find(|form| matches(headers, &form.etag));
    let wanted = packed.filter(|_| accepts_gzip(headers)).unwrap_or(plain);
    let is_known = known.is_some();
    let form = known.unwrap_or(wanted);
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(form.bytes.clone()) });
    let answered = response.headers_mut();
    answered.insert(ETAG, form.etag.clone());
    answered.insert(CACHE_CONTROL, cached);
    if packed.is_some() {
        answered.insert(VARY, BY_ENCODING);
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    answered.insert(CONTENT_TYPE, JSON);
    if packed.is_some_and(|packed| packed.etag == form.etag) {
        answered.insert(CONTENT_ENCODING, GZIP);
    }
    response
}

/// Tells whether a request asks for gzip by name. That it takes anything (`*`) is no wish.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let named = |value: &str| {
        value.split(',').any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
            let is_refused = parts.filter_map(|parameter| parameter.split_once('=')).any(|(name, weight)| {
                name.trim().eq_ignore_ascii_case("q") && weight.trim().parse::<f32>().is_ok_and(|q| q <= 0.0)
            });
            is_gzip && !is_refused
        })
    };
    headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(named)
}

fn absent(message: &str) -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "not_published", message).into_response()
}

/// Tells whether a request names this ETag among those it knows. The comparison is the weak one of RFC 9110, 13.1.2.
pub(super) fn matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|known| {
        // Ours hold no comma.
        known
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known).as_bytes() == etag.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_given_to_those_who_name_it() {
        for (accepted, expected) in [
            ("gzip", true),
            ("GZIP;q=0.5", true),
            ("br, gzip;q=0.8, identity", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(accepts_gzip(&headers), expected, "{accepted:?}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn an_etag_is_found_among_those_a_request_names() {
        let etag = HeaderValue::from_static("\"abc\"");
        for (known, expected) in [
            ("\"abc\"", true),
            ("W/\"abc\"", true),
            ("\"x\", \"abc\"", true),
            ("*", true),
            ("\"ABC\"", false),
            ("abc", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(known));
            assert_eq!(matches(&headers, &etag), expected, "{known:?}");
        }
        assert!(!matches(&HeaderMap::new(), &etag));
    }
}
