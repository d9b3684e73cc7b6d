use std::io::Write as _;

use axum::http::HeaderValue;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

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

/// A document: as it is, and packed where that makes it smaller.
#[derive(Clone, Debug)]
pub(super) struct Asset {
    pub(super) plain: Form,
    /// The same by gzip. It has an ETag of its own, as its bytes are others.
    pub(super) packed: Option<Form>,
    /// The ETag of the plain form, without its quotes.
    pub(super) name: Box<str>,
}

/// Bytes, and the strong ETag that names them.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) bytes: Bytes,
    pub(super) etag: HeaderValue,
}

impl Form {
    fn new(bytes: Vec<u8>, name: &str) -> Self {
        let etag = HeaderValue::try_from(format!("\"{name}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        Self { bytes: bytes.into(), etag }
    }
}

impl Asset {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        // 128 bits of a BLAKE3 hash: no two documents share them.
        let name: Box<str> = Digest::of(&bytes).to_string().chars().take(32).collect();
        let packed = packed(&bytes).map(|packed| Form::new(packed, &format!("{name}-gzip")));
        Self { plain: Form::new(bytes, &name), packed, name }
    }

    /// Returns the document of these bytes: the one that was held already, where it is the same.
    fn again(bytes: Vec<u8>, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.plain.bytes == bytes => before.clone(),
            _ => Self::new(bytes),
        }
    }
}

/// Packs a document; `None` where that does not save at least a tenth.
fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() <= bytes.len() - bytes.len() / 10).then_some(packed)
}

impl Served {
    /// Returns what there is to hand out, after what was handed out before.
    pub(super) fn new(serving: Serving, before: Option<&Self>) -> Self {
        let Serving { publication: Publication { roots, kills, snapshot }, rules, root_version, kills: in_force } =
            serving;
        let root_before = |place: usize| before.and_then(|before| before.roots.get(place));
        Self {
            roots: roots.into_iter().enumerate().map(|(place, root)| Asset::again(root, root_before(place))).collect(),
            kills: kills.map(|kills| Asset::again(kills, before.and_then(|before| before.kills.as_ref()))),
            snapshot: snapshot
                .map(|snapshot| Asset::again(snapshot, before.and_then(|before| before.snapshot.as_ref()))),
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
