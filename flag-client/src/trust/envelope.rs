//! The envelope: DSSE 1.0.2, Ed25519 only.
//!
//! Roots and kills are the payload themselves. A snapshot, which may have megabytes, is the envelope's `content` as it stands there,
//! and the payload is its [`ContentDigest`]: published snapshots can be read, compress well, and are hashed by BLAKE3 instead of
//! SHA-512. To whom knows only DSSE, `content` is an unknown member, and the signatures are those of the payload all the same.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use super::strict_json::{self, StrictJsonError};
use crate::json;

/// How many signatures an envelope may carry.
pub const MAX_SIGNATURES: usize = 16;

/// The length of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// What an envelope carries. The signatures cover it, so that no document can pass for one of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadType {
    /// A [`RootDocument`](super::RootDocument).
    Root,
    /// A snapshot, whose beginning is a [`SnapshotHeader`](super::SnapshotHeader).
    Snapshot,
    /// A [`KillsDocument`](super::KillsDocument).
    Kills,
}

impl PayloadType {
    const ALL: [Self; 3] = [Self::Root, Self::Snapshot, Self::Kills];

    /// Returns the media type as it stands in the envelope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "application/vnd.flag-core.root.v1+json",
            Self::Snapshot => "application/vnd.flag-core.snapshot.v1+json",
            Self::Kills => "application/vnd.flag-core.kills.v1+json",
        }
    }

    /// Returns the document's name in messages: `root`, `snapshot` or `kills`.
    pub const fn document(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Snapshot => "snapshot",
            Self::Kills => "kills",
        }
    }

    fn parse(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == media_type)
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A payload and its signatures: the envelope of [DSSE 1.0.2].
///
/// Reading one proves nothing: only [`TrustState`](super::TrustState) decides whether its signatures are enough.
///
/// [DSSE 1.0.2]: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: PayloadType,
    /// What signatures cover, [`pae`], which ends with the payload.
    signed: Vec<u8>,
    payload_at: usize,
    /// The document, where the payload is only its digest.
    content: Option<Content>,
    signatures: Vec<Signature>,
}

/// A snapshot as it stands in its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    bytes: Vec<u8>,
    /// Where its flags stand, which trust leaves to others: by far the most of it.
    flags: Option<Range<usize>>,
}

/// The payload of a snapshot's envelope: which content is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentDigest {
    /// The BLAKE3 hash of the content's bytes, in 64 hexadecimal digits of lower case.
    pub blake3: String,
    /// The number of those bytes.
    pub length: u64,
}

impl ContentDigest {
    /// Returns the digest of these bytes.
    pub fn of(content: &[u8]) -> Self {
        Self { blake3: blake3::hash(content).to_hex().to_string(), length: content.len() as u64 }
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of BLAKE3 {}", self.length, self.blake3)
    }
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Which key may have made it: a hint, never proof. May be empty.
    pub keyid: String,
    /// The Ed25519 signature over [`pae`] of payload type and payload.
    pub sig: [u8; SIGNATURE_BYTES],
}

/// Makes signatures; the private key stays with whoever implements it.
pub trait Signer {
    /// Returns the id under which the root lists the public key.
    fn key_id(&self) -> &str;

    /// Returns the Ed25519 signature (RFC 8032, pure) of `message`.
    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES];
}

/// Why bytes are not an envelope of this system.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes are not strict JSON.
    #[error("not strict JSON")]
    StrictJson(#[from] StrictJsonError),
    /// The JSON is not an envelope.
    #[error("not a DSSE envelope")]
    Shape(#[source] serde_json::Error),
    /// The payload type is none of the three.
    #[error("unknown payload type {found:?}")]
    UnknownPayloadType {
        /// The text in its place.
        found: String,
    },
    /// A snapshot's envelope has no object as its content.
    #[error("no content")]
    NoContent,
    /// The payload of a snapshot's envelope is not a digest.
    #[error("payload is not the digest of a content")]
    Digest(#[source] serde_json::Error),
    /// The content is not the one that was signed.
    #[error("content is not the one signed: found {found}, expected {expected}")]
    ContentChanged {
        /// The digest of the content.
        found: ContentDigest,
        /// The digest in the payload.
        expected: ContentDigest,
    },
    /// There are more than [`MAX_SIGNATURES`] signatures.
    #[error("{found} signatures are above the limit of {MAX_SIGNATURES}")]
    TooManySignatures {
        /// How many there are.
        found: usize,
    },
    /// The payload is not standard base64 with padding.
    #[error("payload is not base64")]
    Payload(#[source] base64::DecodeError),
    /// A signature is not standard base64 with padding.
    #[error("signature {index} is not base64")]
    Signature {
        /// Its place in the list, from 0.
        index: usize,
        /// What the decoder says.
        #[source]
        source: base64::DecodeError,
    },
    /// A signature has the wrong length.
    #[error("signature {index} of {found} bytes, expected {SIGNATURE_BYTES}")]
    SignatureLength {
        /// Its place in the list, from 0.
        index: usize,
        /// Its number of bytes.
        found: usize,
    },
}

/// Returns the bytes that a DSSE signature covers, the pre-authentication encoding:
/// `"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload`, where lengths are decimal numbers of bytes.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let mut message = Vec::with_capacity(head.len() + payload.len());
    message.extend_from_slice(head.as_bytes());
    message.extend_from_slice(payload);
    message
}

impl Envelope {
    /// Returns an envelope around a document with a signature of each signer. With no signers it is a draft to
    /// [`countersign`](Self::countersign).
    pub fn sign(payload_type: PayloadType, document: impl AsRef<[u8]>, signers: &[&dyn Signer]) -> Self {
        let document = document.as_ref();
        let mut envelope = match payload_type {
            PayloadType::Snapshot => {
                // White space around a member's value is nobody's.
                let document = document.trim_ascii();
                // Two short members: serialising them into memory cannot fail.
                let payload = serde_json::to_vec(&ContentDigest::of(document)).unwrap_or_default();
                let flags = strict_json::locate(document, ["flags"]).ok().and_then(|(_, [flags])| flags);
                let content = Content { bytes: document.to_vec(), flags };
                Self { content: Some(content), ..Self::unsigned(payload_type, &payload) }
            }
            PayloadType::Root | PayloadType::Kills => Self::unsigned(payload_type, document),
        };
        for signer in signers {
            envelope.countersign(*signer);
        }
        envelope
    }

    fn unsigned(payload_type: PayloadType, payload: &[u8]) -> Self {
        let signed = pae(payload_type.as_str(), payload);
        let payload_at = signed.len() - payload.len();
        Self { payload_type, signed, payload_at, content: None, signatures: Vec::new() }
    }

    /// Adds one more signature, as when the holders of root keys sign in turn.
    ///
    /// Does not count: clients refuse an envelope of more than [`MAX_SIGNATURES`].
    pub fn countersign(&mut self, signer: &dyn Signer) {
        let sig = signer.sign(self.signed_bytes());
        self.signatures.push(Signature { keyid: signer.key_id().to_owned(), sig });
    }

    /// Reads an envelope: strict JSON, a known payload type, at most [`MAX_SIGNATURES`] well-formed signatures, and for a snapshot
    /// the content that the payload names. Unknown members are ignored, as DSSE demands. The size of `bytes` is the caller's to limit.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (text, [content, flags]) = strict_json::locate(bytes, ["content", "flags"])?;
        let head = strict_json::without(text, content.as_ref());
        // What is wrong is looked for in the whole text, where places are those of the document.
        let wire: WireEnvelope<'_> =
            serde_json::from_str(&head).or_else(|_| serde_json::from_str(text)).map_err(EnvelopeError::Shape)?;
        let content = content.and_then(|content| {
            let flags = flags.map(|flags| flags.start - content.start..flags.end - content.start);
            Some((text.get(content)?, flags))
        });
        Self::assemble(&wire, content)
    }

    /// Returns the envelope as JSON, on one line. The content stands in it as it is.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and a list of pairs of strings: serialising them into memory cannot fail.
        let mut json = serde_json::to_vec(&WireEnvelope::of(self, None)).unwrap_or_default();
        if let Some(content) = &self.content {
            json.pop();
            json.extend_from_slice(b",\"content\":");
            json.extend_from_slice(&content.bytes);
            json.push(b'}');
        }
        json
    }

    /// Returns what the envelope says it carries.
    pub fn payload_type(&self) -> PayloadType {
        self.payload_type
    }

    /// Returns the bytes of the document, verified or not.
    pub fn document(&self) -> &[u8] {
        match &self.content {
            Some(content) => &content.bytes,
            None => self.payload(),
        }
    }

    /// Returns the signatures in their order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Returns the bytes that the signatures cover.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }

    fn payload(&self) -> &[u8] {
        self.signed.get(self.payload_at..).unwrap_or_default()
    }

    /// Returns the document as text, in whole and without what trust leaves to others. A content was checked when the envelope was
    /// read; a payload is checked here.
    pub(super) fn text(&self) -> Result<(&str, Cow<'_, str>), StrictJsonError> {
        match &self.content {
            Some(content) => {
                let text = std::str::from_utf8(&content.bytes).map_err(StrictJsonError::NotUtf8)?;
                Ok((text, strict_json::without(text, content.flags.as_ref())))
            }
            None => strict_json::check(self.payload()).map(|text| (text, Cow::Borrowed(text))),
        }
    }

    /// Puts together what was read of an envelope. The content is strict JSON.
    fn assemble(wire: &WireEnvelope<'_>, content: Option<(&str, Option<Range<usize>>)>) -> Result<Self, EnvelopeError> {
        if wire.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::TooManySignatures { found: wire.signatures.len() });
        }
        let Some(payload_type) = PayloadType::parse(&wire.payload_type) else {
            return Err(EnvelopeError::UnknownPayloadType { found: wire.payload_type.chars().take(128).collect() });
        };
        let payload = STANDARD.decode(wire.payload.as_bytes()).map_err(EnvelopeError::Payload)?;
        let content = match (payload_type, content) {
            (PayloadType::Root | PayloadType::Kills, _) => None,
            (PayloadType::Snapshot, None) => return Err(EnvelopeError::NoContent),
            (PayloadType::Snapshot, Some((text, flags))) => {
                let expected: ContentDigest = json::from_bytes(&payload).map_err(EnvelopeError::Digest)?;
                let found = ContentDigest::of(text.as_bytes());
                if found != expected {
                    return Err(EnvelopeError::ContentChanged { found, expected });
                }
                Some(Content { bytes: text.as_bytes().to_vec(), flags })
            }
        };
        let signatures = wire.signatures.iter().enumerate().map(Signature::from_wire).collect::<Result<_, _>>()?;
        Ok(Self { content, signatures, ..Self::unsigned(payload_type, &payload) })
    }
}

/// The envelope's JSON. Texts are borrowed where they hold no escapes.
#[derive(Serialize, Deserialize)]
struct WireEnvelope<'a> {
    #[serde(rename = "payloadType", borrow)]
    payload_type: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    signatures: Vec<WireSignature<'a>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    content: Option<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature<'a> {
    #[serde(default, borrow)]
    keyid: Cow<'a, str>,
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content = self.content.as_ref().map(|content| serde_json::from_slice(&content.bytes)).transpose();
        WireEnvelope::of(self, content.map_err(ser::Error::custom)?).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireEnvelope::deserialize(deserializer)?;
        let located = wire.content.map(|content| strict_json::locate(content.get().as_bytes(), ["flags"])).transpose();
        let content = located.map_err(de::Error::custom)?.map(|(text, [flags])| (text, flags));
        Self::assemble(&wire, content).map_err(de::Error::custom)
    }
}

impl Signature {
    fn from_wire((index, wire): (usize, &WireSignature<'_>)) -> Result<Self, EnvelopeError> {
        let bytes =
            STANDARD.decode(wire.sig.as_bytes()).map_err(|source| EnvelopeError::Signature { index, source })?;
        let sig = <[u8; SIGNATURE_BYTES]>::try_from(bytes)
            .map_err(|bytes| EnvelopeError::SignatureLength { index, found: bytes.len() })?;
        Ok(Self { keyid: wire.keyid.clone().into_owned(), sig })
    }
}

impl<'a> WireEnvelope<'a> {
    fn of(envelope: &'a Envelope, content: Option<&'a RawValue>) -> Self {
        WireEnvelope {
            payload_type: Cow::Borrowed(envelope.payload_type.as_str()),
            payload: Cow::Owned(STANDARD.encode(envelope.payload())),
            signatures: envelope
                .signatures
                .iter()
                .map(|signature| WireSignature {
                    keyid: Cow::Borrowed(signature.keyid.as_str()),
                    sig: Cow::Owned(STANDARD.encode(signature.sig)),
                })
                .collect(),
            content,
        }
    }
}
