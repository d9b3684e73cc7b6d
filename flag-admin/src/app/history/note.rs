use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flag_client::trust::{Envelope, PublicKey, RoleName, RootDocument, SIGNATURE_BYTES, Signer, TrustState};
use flag_core::wire::AuditHead;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::audit::{Commitment, CommitmentSource};
use crate::app::error::{AppError, Failure};
use crate::app::ports::RootStore;
use crate::app::project::Project;
use crate::app::publishing::verify::VerifyError;
use crate::log::{Digest, Head, ProjectName};

/// The number that signed notes have for Ed25519.
const ED25519: u8 = 1;
const KEY_HASH_BYTES: usize = 4;
/// What a line with a signature begins with.
const SIGNATURE_LINE: &str = "\u{2014} ";

/// A signed note that commits to the log as it stands: to keep in a ticket, a repository, or with anybody else.
///
/// The form is that of signed notes (c2sp.org/signed-note) with the three lines of a log's checkpoint (c2sp.org/tlog-checkpoint): origin,
/// size, base64 of a hash. The hash is the BLAKE3 hash of the last entry, which names all before it; it is no root of a Merkle tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedNote {
    /// The whole note.
    pub note: String,
    /// The head it commits to.
    pub head: Head,
    /// Its key as tools for signed notes take it: name, hash and base64 of the public key.
    pub verifier_key: String,
}

/// Why a note is not made, or proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The key that would sign it stands in no root in force, so nobody could verify it.
    #[error("{role} key {key} is not in root {version}")]
    UnknownKey {
        /// The role.
        role: RoleName,
        /// The key's id.
        key: String,
        /// The version of the root.
        version: u64,
    },
    /// The text has no note's form.
    #[error("the note is malformed: {0}")]
    Form(&'static str),
    /// It is of another log.
    #[error("the note is of {found:?}, expected {expected:?}")]
    Origin {
        /// The origin found.
        found: String,
        /// The origin of the project's log.
        expected: String,
    },
    /// No key of the project signed it.
    #[error("the note bears no signature by a key of the project")]
    Unsigned,
    /// A key of the project is said to have signed it, but did not.
    #[error("the note's signature by key {key} is wrong")]
    Signature {
        /// The key's hash, in hexadecimal digits.
        key: String,
    },
    /// The project's roots cannot vouch for keys.
    #[error(transparent)]
    Roots(#[from] VerifyError),
}

impl Failure for NoteError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "key_unusable",
            Self::Form(_) => "bad_note",
            Self::Origin { .. } => "other_project",
            Self::Unsigned | Self::Signature { .. } => "not_trusted",
            Self::Roots(error) => error.code(),
        }
    }
}

fn origin(project: &ProjectName) -> String {
    format!("flag-admin/{project}")
}

fn key_hash(name: &str, public: &PublicKey) -> [u8; KEY_HASH_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', ED25519]);
    hasher.update(public.as_bytes());
    let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
    [a, b, c, d]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn text_of(origin: &str, head: Head) -> String {
    format!("{origin}\n{}\n{}\n", head.seq, STANDARD.encode(head.hash.as_bytes()))
}

fn signed(project: &ProjectName, head: Head, public: &PublicKey, signer: &dyn Signer) -> SignedNote {
    let name = origin(project);
    let text = text_of(&name, head);
    let hash = key_hash(&name, public);
    let signature = [hash.as_slice(), &signer.sign(text.as_bytes())].concat();
    let note = format!("{text}\n{SIGNATURE_LINE}{name} {}\n", STANDARD.encode(signature));
    let key = [&[ED25519], public.as_bytes().as_slice()].concat();
    SignedNote { note, head, verifier_key: format!("{name}+{}+{}", hex(&hash), STANDARD.encode(key)) }
}

impl Project {
    /// Signs a note that commits to the log as it stands, with the key of a role.
    pub fn sign_note(&self, role: RoleName) -> Result<SignedNote, AppError> {
        let signer = self.ports.keys.signer(role)?;
        let roots = trusted_roots(&*self.ports.roots, self.state.project())?;
        let (version, keys) = roots.last().map_or((0, Vec::new()), |root| (root.version, keys_of(root)));
        let known = keys.into_iter().find(|(key, _)| *key == signer.key_id());
        let (_, public) =
            known.ok_or_else(|| NoteError::UnknownKey { role, key: signer.key_id().to_owned(), version })?;
        Ok(signed(self.state.project(), self.state.head(), &public, &*signer))
    }
}

/// Verifies a note and returns what it commits to. The keys of all roots count: a note outlives the root that it was made under.
pub fn commitment_of_note(note: &str, roots: &dyn RootStore, project: &ProjectName) -> Result<Commitment, AppError> {
    let roots = trusted_roots(roots, project)?;
    let keys: Vec<PublicKey> = roots.iter().flat_map(keys_of).map(|(_, public)| public).collect();
    Ok(commitment(note, &origin(project), &keys)?)
}

fn commitment(note: &str, expected: &str, keys: &[PublicKey]) -> Result<Commitment, NoteError> {
    let (text, signatures) = note.split_once("\n\n").ok_or(NoteError::Form("no empty line before the signatures"))?;
    let mut lines = text.split('\n');
    let (Some(found), Some(size), Some(hash), None) = (lines.next(), lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Form("its text has another number of lines than three"));
    };
    if found != expected {
        return Err(NoteError::Origin { found: found.to_owned(), expected: expected.to_owned() });
    }
    let is_plain = !size.starts_with('+') && (size == "0" || !size.starts_with('0'));
    let seq = size.parse().ok().filter(|_| is_plain).ok_or(NoteError::Form("its second line is no size"))?;
    let hash = STANDARD.decode(hash).ok().and_then(|hash| <[u8; 32]>::try_from(hash).ok());
    let hash = Digest::from_bytes(hash.ok_or(NoteError::Form("its third line is no base64 of 32 bytes"))?);
    let message = format!("{text}\n");
    let mut is_signed = false;
    for line in signatures.strip_suffix('\n').ok_or(NoteError::Form("its last line does not end"))?.split('\n') {
        let fields = line.strip_prefix(SIGNATURE_LINE).and_then(|fields| fields.split_once(' '));
        let (name, signature) = fields.ok_or(NoteError::Form("a line after its text is no signature"))?;
        let bytes = STANDARD.decode(signature).map_err(|_| NoteError::Form("a signature is no base64"))?;
        // Others may sign as well; their signatures say nothing here.
        let Some((hash, signature)) = bytes.split_at_checked(KEY_HASH_BYTES).filter(|_| name == expected) else {
            continue;
        };
        for key in keys.iter().filter(|key| key_hash(name, key) == hash) {
            let signature = <[u8; SIGNATURE_BYTES]>::try_from(signature).ok();
            if !signature.is_some_and(|signature| key.verifies(message.as_bytes(), &signature)) {
                return Err(NoteError::Signature { key: hex(hash) });
            }
            is_signed = true;
        }
    }
    if !is_signed {
        return Err(NoteError::Unsigned);
    }
    Ok(Commitment { head: AuditHead { seq, hash: hash.to_string().into() }, source: CommitmentSource::Note })
}

/// Returns the project's roots, oldest first, each vouched for by the one before.
fn trusted_roots(roots: &dyn RootStore, project: &ProjectName) -> Result<Vec<RootDocument>, AppError> {
    let envelopes = roots.roots()?;
    let mut trusted = Vec::with_capacity(envelopes.len());
    let mut trust: Option<TrustState> = None;
    for envelope in &envelopes {
        match &mut trust {
            // Keys of an environment are the project's, so any name of one will do.
            None => trust = Some(TrustState::open(envelope, project.as_str(), "").map_err(VerifyError::from)?),
            Some(trust) => {
                let issued_at = Envelope::parse(envelope)
                    .ok()
                    .and_then(|envelope| serde_json::from_slice::<RootDocument>(envelope.document()).ok())
                    .map_or_else(flag_core::Timestamp::default, |root| root.issued_at);
                trust.accept_root(envelope, issued_at).map_err(VerifyError::from)?;
            }
        }
        trusted.extend(trust.as_ref().map(|trust| trust.root().clone()));
    }
    Ok(trusted)
}

fn keys_of(root: &RootDocument) -> Vec<(String, PublicKey)> {
    [RoleName::Snapshot, RoleName::Root, RoleName::Kill]
        .into_iter()
        .flat_map(|role| &root.role(role).keys)
        .map(|key| (key.keyid.clone(), key.public))
        .collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    struct Key(SigningKey);

    impl Signer for Key {
        fn key_id(&self) -> &'static str {
            "key"
        }

        fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
            self.0.sign(message).to_bytes()
        }
    }

    fn note() -> (SignedNote, PublicKey) {
        let key = Key(SigningKey::from_bytes(&[7; 32]));
        let public = PublicKey::from_bytes(key.0.verifying_key().as_bytes()).unwrap();
        let head = Head { seq: 15, hash: Digest::from_bytes([9; 32]) };
        (signed(&"caro".parse().unwrap(), head, &public, &key), public)
    }

    #[test]
    fn a_note_reads_back_as_the_head_it_was_made_from() {
        let (note, public) = note();
        let lines: Vec<&str> = note.note.split('\n').collect();
        assert_eq!(lines[..4], ["flag-admin/caro", "15", "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=", ""][..4]);
        assert!(lines[4].starts_with("\u{2014} flag-admin/caro ") && lines[5].is_empty() && lines.len() == 6);
        let read = commitment(&note.note, "flag-admin/caro", &[public]).unwrap();
        assert_eq!((read.head.seq, read.head.hash.to_string()), (15, note.head.hash.to_string()));
        // What others add below says nothing, and takes nothing away.
        let countersigned = format!("{}\u{2014} witness.example {}\n", note.note, STANDARD.encode([1; 68]));
        assert_eq!(commitment(&countersigned, "flag-admin/caro", &[public]).unwrap(), read);
    }

    #[test]
    fn a_note_that_was_altered_proves_nothing() {
        let (SignedNote { note, .. }, public) = note();
        let stranger = PublicKey::from_bytes(SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes()).unwrap();
        let key = hex(&key_hash("flag-admin/caro", &public));
        let wrong = format!("the note's signature by key {key} is wrong");
        for (from, to, message) in [
            ("\n15\n", "\n16\n", wrong.as_str()),
            ("\n15\n", "\n015\n", "the note is malformed: its second line is no size"),
            ("\nCQkJ", "\nDQkJ", wrong.as_str()),
            ("=\n\n", "=\nmore\n\n", "the note is malformed: its text has another number of lines than three"),
            ("\n\n", "\n", "the note is malformed: no empty line before the signatures"),
            ("\u{2014} ", "- ", "the note is malformed: a line after its text is no signature"),
            (
                "flag-admin/caro\n15",
                "flag-admin/other\n15",
                "the note is of \"flag-admin/other\", expected \"flag-admin/caro\"",
            ),
            ("\u{2014} flag-admin/caro", "\u{2014} somebody", "the note bears no signature by a key of the project"),
        ] {
            assert!(note.contains(from), "{from:?} {note}");
            let altered = note.replace(from, to);
            let error = commitment(&altered, "flag-admin/caro", &[public]).unwrap_err();
            assert_eq!(error.to_string(), message, "{from:?}");
        }
        let error = commitment(&note, "flag-admin/caro", &[stranger]).unwrap_err();
        assert_eq!(error.to_string(), "the note bears no signature by a key of the project");
    }
}
