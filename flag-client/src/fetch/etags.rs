//! What the server called the documents that are held, so that it need not send them again, and until when it wants to be left alone.
//!
//! A name is sent only while the document it names is held: after a loss of the trust state everything is fetched anew. None is sent
//! once the snapshot has expired, so that a cache in between that answers "not modified" for ever cannot hold a client back for ever.
//!
//! A name is the server's to choose, and comes back to it: by one of its own for each client it could know a client again. So names are
//! short, and forgotten with the installation's id.

use std::fs;
use std::io;
use std::path::PathBuf;

use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::retry_after::LONGEST;
use crate::builder::Remote;
use crate::file_lock::Patience;
use crate::local_file::{self, Keep, LocalFileError};
use crate::trust::TrustState;

/// The longest name that is kept, in bytes: enough to tell documents apart. A longer one is ignored.
const MAX_NAME_BYTES: usize = 72;

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Etags {
    /// The address that gave them.
    url: Option<String>,
    snapshot: Option<SnapshotTag>,
    kills: Option<KillsTag>,
    /// Until when the server wants to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet_until: Option<Timestamp>,
}

/// What a server calls one version of a document: either name, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    /// `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<String>,
}

impl Validators {
    /// Leaves out names that could not be sent back, and is nothing if none is left.
    fn sound(self) -> Option<Self> {
        let sound = Self {
            etag: self.etag.filter(|etag| is_sound(etag)),
            last_modified: self.last_modified.filter(|date| is_sound(&date.replace(' ', "-"))),
        };
        (sound != Self::default()).then_some(sound)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SnapshotTag {
    #[serde(flatten)]
    names: Validators,
    epoch: u64,
    version: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KillsTag {
    #[serde(flatten)]
    names: Validators,
    ids: Vec<Box<str>>,
}

impl Etags {
    /// Reads the file beside the trust state. Where that cannot be done there are none.
    pub(crate) fn load(remote: &Remote) -> Self {
        let path = path_of(remote);
        let small = fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= MAX_FILE_BYTES);
        let bytes = if small { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let stored = serde_json::from_slice::<Self>(&bytes).ok().filter(|stored| stored.url == remote.url);
        let Some(Self { url, snapshot, kills, quiet_until }) = stored else {
            return Self { url: remote.url.clone(), ..Self::default() };
        };
        Self {
            url,
            snapshot: snapshot.and_then(|tag| Some(SnapshotTag { names: tag.names.sound()?, ..tag })),
            kills: kills.and_then(|tag| Some(KillsTag { names: tag.names.sound()?, ..tag })),
            quiet_until,
        }
    }

    pub(crate) fn save(&self, remote: &Remote) -> Result<(), LocalFileError> {
        let Ok(bytes) = serde_json::to_vec(self) else { return Ok(()) };
        let path = path_of(remote);
        if fs::read(&path).is_ok_and(|stored| stored == bytes) {
            return Ok(());
        }
        local_file::locked(&path, Patience::Decision, || local_file::replace(&path, &bytes, Keep::Private))?
    }

    /// Forgets every name that a server gave. Until when it wants to be left alone stays known.
    pub(crate) fn forget(remote: &Remote) -> Result<(), LocalFileError> {
        let Self { url, quiet_until, .. } = Self::load(remote);
        let path = path_of(remote);
        if quiet_until.is_some() {
            return Self { url, quiet_until, ..Self::default() }.save(remote);
        }
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(LocalFileError::Write { path, source }),
            _ => Ok(()),
        }
    }

    /// Returns until when the server is to be left alone, if that is not over. A time further ahead than any that is granted was noted
    /// by a clock that has been set back since, and counts for nothing.
    pub(crate) fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quiet_until.filter(|until| is_quiet(*until, now))
    }

    pub(crate) fn set_quiet_until(&mut self, until: Option<Timestamp>) {
        self.quiet_until = until;
    }

    pub(super) fn snapshot(&self, state: &TrustState, now: Timestamp) -> Option<&Validators> {
        let (tag, held) = (self.snapshot.as_ref()?, state.snapshot_header()?);
        let is_held = held.epoch == tag.epoch && held.version == tag.version;
        (is_held && !state.is_stale(now)).then_some(&tag.names)
    }

    pub(super) fn set_snapshot(&mut self, names: Validators, state: &TrustState) {
        let tag = names.sound().zip(state.snapshot_header());
        self.snapshot = tag.map(|(names, held)| SnapshotTag { names, epoch: held.epoch, version: held.version });
    }

    pub(super) fn kills(&self, state: &TrustState, now: Timestamp) -> Option<&Validators> {
        let tag = self.kills.as_ref()?;
        let active = state.active_kills();
        let is_held =
            |id: &str| active.iter().any(|kill| *kill.id == *id) || state.lifted_kills().any(|lifted| lifted == id);
        (tag.ids.iter().all(|id| is_held(id)) && !state.is_stale(now)).then_some(&tag.names)
    }

    /// Remembers the name of a kills document that was accepted into a state, with the kills that are held since.
    pub(super) fn set_kills(&mut self, names: Validators, state: &TrustState) {
        let ids = state.active_kills().into_iter().map(|kill| kill.id.clone()).collect();
        self.kills = names.sound().map(|names| KillsTag { names, ids });
    }
}

/// Tells whether a time until which a server is left alone lies ahead, and no further than one could be.
pub(crate) fn is_quiet(until: Timestamp, now: Timestamp) -> bool {
    let ahead = u128::try_from(until.millis_since(now)).unwrap_or_default();
    ahead > 0 && ahead <= LONGEST.as_millis()
}

fn is_sound(etag: &str) -> bool {
    !etag.is_empty() && etag.len() <= MAX_NAME_BYTES && etag.bytes().all(|byte| (0x21..0x7f).contains(&byte))
}

fn path_of(remote: &Remote) -> PathBuf {
    let mut path = remote.state_file.clone().into_os_string();
    path.push(".etags");
    path.into()
}
