use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flag_client::trust::Envelope;
use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::OpenError;
use crate::app::error::Failure;
use crate::app::ports::{LogError, LogStore};
use crate::log::{Chain, ChainError, Digest, FoldError, Head, ProjectName, Sealed, State, Stored};

/// The form of backups that this version writes and reads.
const FORM: u32 = 1;
/// The longest line that is read, in bytes: longer than any entry.
const LINE_MAX: u64 = 64 * 1024 * 1024;

/// What a backup says before the entries: everything of a project but its log.
///
/// A backup is lines of JSON. The first is this, the last is the head, and each line between is one entry, byte for byte as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupHeader {
    /// The form of the file.
    #[serde(rename = "flag_admin_backup")]
    form: u32,
    /// The project.
    pub project: ProjectName,
    /// When it was made.
    pub made_at: Timestamp,
    /// The text of the project's settings.
    pub settings: String,
    /// The envelopes of its roots, base64, from version 1 on.
    roots: Vec<String>,
    /// Its private keys by the names of their files, as PEM, if they are in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
    /// The public halves of its keys by the names of their files, as PEM.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub public_keys: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: Head,
}

/// What the last line begins with, and no entry.
const END: &[u8] = b"{\"end\":";

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The project's log cannot be read, or is corrupt.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An entry would not stand on one line.
    #[error("entry {seq} holds a line break, and cannot stand on a line of its own")]
    LineBreak {
        /// Its place.
        seq: u64,
    },
    /// The file cannot be read or written.
    #[error("the backup cannot be {action}")]
    File {
        /// `read` or `written`.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of the file has no such form.
    #[error("line {line} of the backup is no {expected}")]
    Line {
        /// The line, from 1 on.
        line: u64,
        /// What was expected.
        expected: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The file was made by a newer version.
    #[error("the backup has form {found}, expected {FORM}")]
    Form {
        /// The number found.
        found: u32,
    },
    /// The file ends too early.
    #[error("the backup ends after entry {seq}, before its last line")]
    CutOff {
        /// The last entry.
        seq: u64,
    },
    /// The file goes on after its end.
    #[error("the backup goes on after its last line")]
    TooLong,
    /// Somebody wrote to the file after it was proved.
    #[error("the backup was changed while it was read")]
    Changed,
    /// An entry is bad.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// An entry is whole, but does not fit the entries before it.
    #[error("log entry {seq} does not fit the entries before it")]
    Unfit {
        /// Its place.
        seq: u64,
        /// Why.
        #[source]
        source: FoldError,
    },
    /// What stands before the entries is of another project than they are.
    #[error("the backup is of project \"{found}\", but its log is of \"{expected}\"")]
    OtherProject {
        /// The project of the header.
        found: ProjectName,
        /// The project of the log.
        expected: ProjectName,
    },
    /// It holds a key under a name that no key has.
    #[error(
        "the backup holds a key named {name:?}, expected a role's, such as \"snapshot.pem\" or \"kill-retired-1.pub\""
    )]
    KeyName {
        /// The name.
        name: String,
    },
    /// Its roots are not those of its log.
    #[error("root {version} of the backup is not the one that its log names")]
    Root {
        /// The version of the root in force.
        version: u64,
    },
}

impl Failure for BackupError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::File { .. } => "file",
            Self::Chain(_) | Self::Unfit { .. } | Self::CutOff { .. } | Self::TooLong | Self::Changed => {
                "backup_corrupt"
            }
            Self::LineBreak { .. } | Self::Line { .. } | Self::Form { .. } | Self::KeyName { .. } => "bad_backup",
            Self::OtherProject { .. } | Self::Root { .. } => "other_project",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Chain(_) | Self::Unfit { .. } | Self::CutOff { .. } | Self::TooLong => {
                Some("nothing was made of it; use another backup".to_owned())
            }
            _ => None,
        }
    }
}

impl BackupHeader {
    /// Returns the header of a backup without keys.
    pub fn new(project: ProjectName, made_at: Timestamp, settings: String, roots: &[Vec<u8>]) -> Self {
        let roots = roots.iter().map(|root| STANDARD.encode(root)).collect();
        let (keys, public_keys) = (BTreeMap::new(), BTreeMap::new());
        Self { form: FORM, project, made_at, settings, roots, keys, public_keys }
    }

    /// Returns the envelopes of the roots, from version 1 on.
    pub fn roots(&self) -> Option<Vec<Vec<u8>>> {
        self.roots.iter().map(|root| STANDARD.decode(root).ok()).collect()
    }
}

/// Writes a backup. Every entry is proved on the way; a log that is not whole gives none.
pub fn write_backup(log: &dyn LogStore, header: &BackupHeader, out: &mut dyn Write) -> Result<Head, BackupError> {
    let failed = |source| BackupError::File { action: "written", source };
    let line = |out: &mut dyn Write, bytes: &[u8]| out.write_all(bytes).and_then(|()| out.write_all(b"\n"));
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|error| failed(error.into()));
    line(out, &json(serde_json::to_vec(header))?).map_err(failed)?;
    let mut chain = Chain::new();
    let mut stopped = None;
    let head = log.read(0, &mut |stored| {
        chain.follow(&stored)?;
        if stopped.is_none() {
            stopped = if stored.bytes.contains(&b'\n') {
                Some(BackupError::LineBreak { seq: stored.seq })
            } else {
                line(out, &stored.bytes).err().map(failed)
            };
        }
        Ok(())
    });
    stopped.map_or(Ok(()), Err)?;
    let head = head.map_err(OpenError::from)?;
    chain.finish(head)?;
    line(out, &json(serde_json::to_vec(&End { end: head }))?).map_err(failed)?;
    out.flush().map_err(failed)?;
    Ok(head)
}

/// Reads a backup entry by entry, and proves each.
pub struct BackupReader<R> {
    from: R,
    chain: Chain,
    line: u64,
}

impl<R: BufRead> BackupReader<R> {
    /// Reads what stands before the entries.
    pub fn open(from: R) -> Result<(Self, BackupHeader), BackupError> {
        let mut reader = Self { from, chain: Chain::new(), line: 0 };
        let line = reader.next_line()?.unwrap_or_default();
        let header: BackupHeader = serde_json::from_slice(&line).map_err(|source| BackupError::Line {
            line: 1,
            expected: "header of a backup",
            source,
        })?;
        if header.form != FORM {
            return Err(BackupError::Form { found: header.form });
        }
        Ok((reader, header))
    }

    /// Returns the next entry, or none at the end. The end is proved, too.
    pub fn next_entry(&mut self) -> Result<Option<Sealed>, BackupError> {
        let seq = self.chain.head().seq;
        let Some(bytes) = self.next_line()? else {
            return Err(BackupError::CutOff { seq });
        };
        if bytes.starts_with(END) {
            let End { end } = serde_json::from_slice(&bytes).map_err(|source| BackupError::Line {
                line: self.line,
                expected: "end of a backup",
                source,
            })?;
            self.chain.finish(end)?;
            return if self.next_line()?.is_none() { Ok(None) } else { Err(BackupError::TooLong) };
        }
        let stored = Stored { seq: seq.saturating_add(1), hash: Digest::of(&bytes), bytes };
        let entry = self.chain.follow(&stored)?;
        Ok(Some(Sealed::proved(entry, stored)))
    }

    /// Returns the next line without its end.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, BackupError> {
        let mut line = Vec::new();
        let read = (&mut self.from).take(LINE_MAX).read_until(b'\n', &mut line);
        if read.map_err(|source| BackupError::File { action: "read", source })? == 0 {
            return Ok(None);
        }
        self.line = self.line.saturating_add(1);
        if line.pop_if(|last| *last == b'\n').is_none() {
            // Half a line: whatever stands on it is not whole.
            return Err(BackupError::CutOff { seq: self.chain.head().seq });
        }
        Ok(Some(line))
    }
}

/// Proves a whole backup before anything is made of it. Returns what stands before the entries, and the head.
pub fn verify_backup(from: impl BufRead) -> Result<(BackupHeader, Head), BackupError> {
    let (mut reader, header) = BackupReader::open(from)?;
    let mut state: Option<State> = None;
    while let Some(sealed) = reader.next_entry()? {
        let folded = match &mut state {
            Some(state) => state.apply_sealed(&sealed),
            None => State::begin(sealed.entry(), sealed.head()).map(|begun| state = Some(begun)),
        };
        folded.map_err(|source| BackupError::Unfit { seq: sealed.head().seq, source })?;
    }
    let state = state.ok_or(OpenError::Empty)?;
    if header.project != *state.project() {
        return Err(BackupError::OtherProject { found: header.project, expected: state.project().clone() });
    }
    if let Some(root) = state.root() {
        let version = usize::try_from(root.version).unwrap_or(usize::MAX);
        let found = header.roots().filter(|roots| roots.len() == version);
        let digest = found
            .as_ref()
            .and_then(|roots| roots.last())
            .and_then(|root| Envelope::parse(root).ok())
            .map(|envelope| Digest::of(envelope.document()));
        if digest != Some(root.digest) {
            return Err(BackupError::Root { version: root.version });
        }
    }
    Ok((header, state.head()))
}

impl From<BackupError> for LogError {
    /// Hands the failure of a backup through a store that is being filled from it.
    fn from(error: BackupError) -> Self {
        Self::Storage { place: "the backup".to_owned(), action: "read", source: error.into() }
    }
}
