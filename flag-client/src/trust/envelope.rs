//! The envelope: DSSE 1.0.2, Ed25519 only.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::strict_json::{self, StrictJsonError};

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
    payload: Vec<u8>,
    signatures: Vec<Signature>,
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
    /// Returns an envelope around `payload` with a signature of each signer. With no signers it is a draft to
    /// [`countersign`](Self::countersign).
    pub fn sign(payload_type: PayloadType, payload: Vec<u8>, signers: &[&dyn Signer]) -> Self {
        let mut envelope = Self { payload_type, payload, signatures: Vec::with_capacity(signers.len()) };
        for signer in signers {
            envelope.countersign(*signer);
        }
        envelope
    }

    /// Adds one more signature, as when the holders of root keys sign in turn.
    ///
    /// Does not count: clients refuse an envelope of more than [`MAX_SIGNATURES`].
    pub fn countersign(&mut self, signer: &dyn Signer) {
        let sig = signer.sign(&self.signed_bytes());
        self.signatures.push(Signature { keyid: signer.key_id().to_owned(), sig });
    }

    /// Reads an envelope: strict JSON, a known payload type, at most [`MAX_SIGNATURES`] well-formed signatures. Unknown
    /// members are ignored, as DSSE demands. The size of `bytes` is the caller's to limit.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let text = strict_json::check(bytes)?;
        let wire: WireEnvelope<'_> = serde_json::from_str(text).map_err(EnvelopeError::Shape)?;
        Self::try_from(wire)
    }

    /// Returns the envelope as JSON, on one line.
    pub fn to_json(&self) -> Vec<u8> {
        // A string, a string and a list of pairs of strings: serialising them into memory cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns what the envelope says it carries.
    pub fn payload_type(&self) -> PayloadType {
        self.payload_type
    }

    /// Returns the payload's bytes, verified or not.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the signatures in their order.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Returns the bytes that the signatures cover.
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(self.payload_type.as_str(), &self.payload)
    }
}

/// The envelope's JSON. Texts are borrowed where they hold no escapes: a payload may have megabytes.
#[derive(Serialize, Deserialize)]
struct WireEnvelope<'a> {
    #[serde(rename = "payloadType", borrow)]
    payload_type: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow)]
    signatures: Vec<WireSignature<'a>>,
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
        WireEnvelope::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(WireEnvelope::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl TryFrom<WireEnvelope<'_>> for Envelope {
    type Error = EnvelopeError;

    fn try_from(wire: WireEnvelope<'_>) -> Result<Self, EnvelopeError> {
        if wire.signatures.len() > MAX_SIGNATURES {
            return Err(EnvelopeError::TooManySignatures { found: wire.signatures.len() });
        }
        let Some(payload_type) = PayloadType::parse(&wire.payload_type) else {
            return Err(EnvelopeError::UnknownPayloadType { found: wire.payload_type.chars().take(128).collect() });
        };
        let payload = STANDARD.decode(wire.payload.as_bytes()).map_err(EnvelopeError::Payload)?;
        let signatures = wire.signatures.into_iter().enumerate().map(Signature::from_wire).collect::<Result<_, _>>()?;
        Ok(Self { payload_type, payload, signatures })
    }
}

impl Signature {
    fn from_wire((index, wire): (usize, WireSignature<'_>)) -> Result<Self, EnvelopeError> {
        let bytes =
            STANDARD.decode(wire.sig.as_bytes()).map_err(|source| EnvelopeError::Signature { index, source })?;
        let sig = <[u8; SIGNATURE_BYTES]>::try_from(bytes)
            .map_err(|bytes| EnvelopeError::SignatureLength { index, found: bytes.len() })?;
        Ok(Self { keyid: wire.keyid.into_owned(), sig })
    }
}

impl<'a> From<&'a Envelope> for WireEnvelope<'a> {
    fn from(envelope: &'a Envelope) -> Self {
        WireEnvelope {
            payload_type: Cow::Borrowed(envelope.payload_type.as_str()),
            payload: Cow::Owned(STANDARD.encode(&envelope.payload)),
            signatures: envelope
                .signatures
                .iter()
                .map(|signature| WireSignature {
                    keyid: Cow::Borrowed(signature.keyid.as_str()),
                    sig: Cow::Owned(STANDARD.encode(signature.sig)),
                })
                .collect(),
        }
    }
}
