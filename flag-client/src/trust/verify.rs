//! The checks that every document must pass, in the order in which it must pass them; one verifier for all three roles.

use flag_core::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Envelope, PayloadType, Role, RoleKey, RoleName, RootDocument, SCHEMA, TrustError, clock::Clock, envelope::Signature,
};

/// The largest envelope of a root, in bytes: 64 KiB.
pub const MAX_ROOT_BYTES: usize = 64 * 1024;

/// The largest envelope of a kills document, in bytes: 1 MiB.
pub const MAX_KILLS_BYTES: usize = 1024 * 1024;

/// How many signatures are tried against keys, whatever their hints say. Honest hints need one try each; without this, 16
/// signatures of nobody would cost 256 passes over a large snapshot.
const MAX_TRIES: usize = 64;

/// The largest envelope of a snapshot, in bytes: 1 byte to 16 MiB, by default 4 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SizeLimit(usize);

/// A limit outside 1 byte to 16 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("size limit of {found} bytes is not within 1 and {}", SizeLimit::HARD.bytes())]
pub struct SizeLimitError {
    /// The limit asked for, in bytes.
    pub found: usize,
}

impl SizeLimit {
    /// The highest limit a host can set: 16 MiB.
    pub const HARD: Self = Self(16 * 1024 * 1024);

    /// Returns a limit of that many bytes.
    pub const fn new(bytes: usize) -> Result<Self, SizeLimitError> {
        if bytes == 0 || bytes > Self::HARD.0 { Err(SizeLimitError { found: bytes }) } else { Ok(Self(bytes)) }
    }

    /// Returns the limit in bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl Default for SizeLimit {
    fn default() -> Self {
        Self(4 * 1024 * 1024)
    }
}

/// What the verifier must know of a document.
pub(super) trait SignedDocument: DeserializeOwned {
    const PAYLOAD_TYPE: PayloadType;
    const ROLE: RoleName;
    const EPOCH_RULE: EpochRule;

    fn schema(&self) -> u32;
    fn project(&self) -> &str;
    /// The environment it is bound to, if any.
    fn environment(&self) -> Option<&str>;
    fn epoch(&self) -> u64;
    fn issued_at(&self) -> Timestamp;
    /// What can be wrong with a document whose members are all there.
    fn check_content(&self) -> Result<(), TrustError> {
        Ok(())
    }
}

/// How a document's epoch must relate to that of the root which lists its signers.
#[derive(Clone, Copy, Debug)]
pub(super) enum EpochRule {
    EqualsRoot,
    NotBelowRoot,
}

/// Whom the documents must be for.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) project: String,
    pub(super) environment: String,
}

/// A verified document and the envelope it came in, which proves it again after a restart.
#[derive(Clone, Debug)]
pub(super) struct Held<D> {
    pub(super) envelope: Envelope,
    pub(super) document: D,
}

/// How a version compares with the one held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Newer,
    NotModified,
}

/// Steps 1 to 3: size, strict JSON of the envelope, payload type.
pub(super) fn read_envelope(bytes: &[u8], document: PayloadType, limit: usize) -> Result<Envelope, TrustError> {
    if bytes.len() > limit {
        return Err(TrustError::TooLarge { document, found: bytes.len(), limit });
    }
    let envelope = Envelope::parse(bytes).map_err(|source| TrustError::Envelope { document, source })?;
    check_payload_type(&envelope, document)?;
    Ok(envelope)
}

/// Steps 4 to 7 under one root: signatures, strict JSON of the payload, project and environment, epoch.
pub(super) fn verify<D: SignedDocument>(
    envelope: &Envelope,
    root: &RootDocument,
    place: &Place,
) -> Result<D, TrustError> {
    check_signatures(envelope, root, D::ROLE)?;
    let document = read_payload(envelope)?;
    check_place(&document, place)?;
    check_epoch(&document, root)?;
    Ok(document)
}

/// Step 3.
pub(super) fn check_payload_type(envelope: &Envelope, expected: PayloadType) -> Result<(), TrustError> {
    let found = envelope.payload_type();
    if found == expected { Ok(()) } else { Err(TrustError::WrongPayloadType { found, expected }) }
}

/// Step 4: as many distinct public keys of the role as its threshold says have signed these very bytes.
pub(super) fn check_signatures(envelope: &Envelope, root: &RootDocument, role: RoleName) -> Result<(), TrustError> {
    let Role { threshold, keys } = root.role(role);
    let found = count_signers(envelope, keys, *threshold);
    if found >= *threshold {
        return Ok(());
    }
    let document = envelope.payload_type();
    Err(TrustError::BelowThreshold { document, root_version: root.version, role, found, needed: *threshold })
}

/// How many distinct public keys have signed, counted no further than `enough`.
fn count_signers(envelope: &Envelope, keys: &[RoleKey], enough: u32) -> u32 {
    let mut signers = Vec::new();
    let mut count = 0;
    let mut tries_left = MAX_TRIES;
    for signature in envelope.signatures() {
        for key in likeliest_first(keys, signature) {
            if count == enough || tries_left == 0 {
                return count;
            }
            if signers.contains(&key.public) {
                continue;
            }
            tries_left -= 1;
            if key.public.verifies(envelope.signed_bytes(), &signature.sig) {
                signers.push(key.public);
                count += 1;
                break;
            }
        }
    }
    count
}

/// The keys that go by the signature's key id, then all others: the id is outside the signature, so it proves nothing.
fn likeliest_first<'a>(keys: &'a [RoleKey], signature: &'a Signature) -> impl Iterator<Item = &'a RoleKey> {
    let hinted = keys.iter().filter(|key| key.keyid == signature.keyid);
    let others = keys.iter().filter(|key| key.keyid != signature.keyid);
    hinted.chain(others)
}

/// Step 5, and the reading of what is now known to be signed.
pub(super) fn read_payload<D: SignedDocument>(envelope: &Envelope) -> Result<D, TrustError> {
    let document = D::PAYLOAD_TYPE;
    let (text, needed) = envelope.text().map_err(|source| TrustError::Payload { document, source })?;
    // What is wrong is looked for in the whole text, where places are those of the document.
    let content = serde_json::from_str(&needed).or_else(|_| serde_json::from_str(text));
    let content: D = content.map_err(|source| match serde_json::from_str(text) {
        // A later schema may well lack what this one demands; its number is the better explanation.
        Ok(AnySchema { schema }) if schema != SCHEMA => TrustError::UnknownSchema { document, found: schema },
        _ => TrustError::Malformed { document, source },
    })?;
    content.check_content()?;
    Ok(content)
}

#[derive(Deserialize)]
struct AnySchema {
    schema: u32,
}

/// Step 6.
pub(super) fn check_place<D: SignedDocument>(content: &D, place: &Place) -> Result<(), TrustError> {
    let document = D::PAYLOAD_TYPE;
    if content.project() != place.project {
        let (found, expected) = (content.project().to_owned(), place.project.clone());
        return Err(TrustError::WrongProject { document, found, expected });
    }
    match content.environment() {
        Some(environment) if environment != place.environment => {
            let (found, expected) = (environment.to_owned(), place.environment.clone());
            Err(TrustError::WrongEnvironment { document, found, expected })
        }
        _ => Ok(()),
    }
}

/// Step 7.
fn check_epoch<D: SignedDocument>(content: &D, root: &RootDocument) -> Result<(), TrustError> {
    let fits = match D::EPOCH_RULE {
        EpochRule::EqualsRoot => content.epoch() == root.epoch,
        EpochRule::NotBelowRoot => content.epoch() >= root.epoch,
    };
    if fits {
        return Ok(());
    }
    let (root_version, root_epoch) = (root.version, root.epoch);
    Err(TrustError::WrongEpoch { document: D::PAYLOAD_TYPE, found: content.epoch(), root_version, root_epoch })
}

/// Step 8: `found` and `held` are versions of one epoch, each with its payload.
pub(super) fn check_version(
    document: PayloadType,
    (found, payload): (u64, &[u8]),
    (held, held_payload): (u64, &[u8]),
) -> Result<Progress, TrustError> {
    match found.cmp(&held) {
        std::cmp::Ordering::Greater => Ok(Progress::Newer),
        std::cmp::Ordering::Equal if payload == held_payload => Ok(Progress::NotModified),
        std::cmp::Ordering::Equal => Err(TrustError::Equivocation { document, version: found }),
        std::cmp::Ordering::Less => Err(TrustError::RolledBack { document, found, held }),
    }
}

/// Step 9, of the root: it must still accept snapshots.
pub(super) fn check_root_expiry(root: &RootDocument, clock: Clock) -> Result<(), TrustError> {
    if clock.is_past_tolerance(root.expires_at) {
        let (expired_at, clock) = (root.expires_at, clock.reading());
        return Err(TrustError::RootExpired { version: root.version, expired_at, clock });
    }
    Ok(())
}

/// Step 9, of the snapshot.
pub(super) fn check_expiry(version: u64, expires_at: Timestamp, clock: Clock) -> Result<(), TrustError> {
    if clock.is_past_tolerance(expires_at) {
        return Err(TrustError::Expired { version, expired_at: expires_at, clock: clock.reading() });
    }
    Ok(())
}

/// Step 10.
pub(super) fn check_schema<D: SignedDocument>(content: &D) -> Result<(), TrustError> {
    match content.schema() {
        SCHEMA => Ok(()),
        found => Err(TrustError::UnknownSchema { document: D::PAYLOAD_TYPE, found }),
    }
}
