use axum::http::HeaderValue;
use bytes::Bytes;

use crate::app::ports::Publication;
use crate::app::{Rules, Serving};
use crate::log::Digest;

/// What is handed out: every byte of it is in memory.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) roots: Vec<Asset>,
    pub(super) kills: Option<Asset>,
    pub(super) snapshot: Option<Asset>,
    pub(super) rules: Option<Rules>,
    pub(super) root_version: u64,
    pub(super) kills_in_force: usize,
}

/// A document and its strong ETag.
#[derive(Clone, Debug)]
pub(super) struct Asset {
    pub(super) bytes: Bytes,
    pub(super) etag: HeaderValue,
    /// The ETag without its quotes.
    pub(super) name: Box<str>,
}

impl Asset {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        // 128 bits of a BLAKE3 hash: no two documents share them.
        let name: Box<str> = Digest::of(&bytes).to_string().chars().take(32).collect();
        let etag = HeaderValue::try_from(format!("\"{name}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), etag, name }
    }
}

impl Served {
    pub(super) fn new(serving: Serving) -> Self {
        let Serving { publication: Publication { roots, kills, snapshot }, rules, root_version, kills: in_force } =
            serving;
        Self {
            roots: roots.into_iter().map(Asset::new).collect(),
            kills: kills.map(Asset::new),
            snapshot: snapshot.map(Asset::new),
            rules,
            root_version,
            kills_in_force: in_force,
        }
    }

    /// Returns a root by version, from 1 on.
    pub(super) fn root(&self, version: u64) -> Option<&Asset> {
        let place = usize::try_from(version.checked_sub(1)?).ok()?;
        self.roots.get(place)
    }
}
