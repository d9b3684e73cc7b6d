//! What the server called the documents that are held, so that it need not send them again.
//!
//! An ETag is sent only while the document it names is held: after a loss of the trust state everything is fetched anew.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::builder::Remote;
use crate::local_file::{self, Keep, LocalFileError, Patience};
use crate::trust::{Envelope, KillsDocument, TrustState};

/// The longest ETag that is kept, in bytes.
const MAX_ETAG_BYTES: usize = 256;

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Etags {
    /// The address that gave them.
    url: Option<String>,
    snapshot: Option<SnapshotTag>,
    kills: Option<KillsTag>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SnapshotTag {
    etag: String,
    epoch: u64,
    version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct KillsTag {
    etag: String,
    ids: Vec<Box<str>>,
}

impl Etags {
    /// Reads the file beside the trust state. Where that cannot be done there are none.
    pub(super) fn load(remote: &Remote) -> Self {
        let path = path_of(remote);
        let small = fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= MAX_FILE_BYTES);
        let bytes = if small { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let stored = serde_json::from_slice::<Self>(&bytes).ok().filter(|stored| stored.url == remote.url);
        stored.unwrap_or_else(|| Self { url: remote.url.clone(), ..Self::default() })
    }

    pub(super) fn save(&self, remote: &Remote) -> Result<(), LocalFileError> {
        let Ok(bytes) = serde_json::to_vec(self) else { return Ok(()) };
        let path = path_of(remote);
        if fs::read(&path).is_ok_and(|stored| stored == bytes) {
            return Ok(());
        }
        local_file::locked(&path, Patience::Decision, || local_file::replace(&path, &bytes, Keep::Private))?
    }

    pub(super) fn snapshot(&self, state: &TrustState) -> Option<&str> {
        let (tag, held) = (self.snapshot.as_ref()?, state.snapshot_header()?);
        (held.epoch == tag.epoch && held.version == tag.version).then_some(&*tag.etag)
    }

    pub(super) fn set_snapshot(&mut self, etag: Option<String>, state: &TrustState) {
        let tag = etag.filter(|etag| is_sound(etag)).zip(state.snapshot_header());
        self.snapshot = tag.map(|(etag, held)| SnapshotTag { etag, epoch: held.epoch, version: held.version });
    }

    pub(super) fn kills(&self, state: &TrustState) -> Option<&str> {
        let tag = self.kills.as_ref()?;
        let active = state.active_kills();
        let is_held =
            |id: &str| active.iter().any(|kill| *kill.id == *id) || state.lifted_kills().any(|lifted| lifted == id);
        tag.ids.iter().all(|id| is_held(id)).then_some(&*tag.etag)
    }

    /// Remembers the name of a kills document that was accepted.
    pub(super) fn set_kills(&mut self, etag: Option<String>, envelope: &[u8]) {
        let envelope = Envelope::parse(envelope).ok();
        let document = envelope.and_then(|envelope| serde_json::from_slice::<KillsDocument>(envelope.payload()).ok());
        let ids = document.map(|document| document.kills.into_iter().map(|kill| kill.id).collect());
        self.kills = etag.filter(|etag| is_sound(etag)).zip(ids).map(|(etag, ids)| KillsTag { etag, ids });
    }
}

fn is_sound(etag: &str) -> bool {
    !etag.is_empty() && etag.len() <= MAX_ETAG_BYTES && etag.bytes().all(|byte| (0x21..0x7f).contains(&byte))
}

fn path_of(remote: &Remote) -> PathBuf {
    let mut path = remote.state_file.clone().into_os_string();
    path.push(".etags");
    path.into()
}
