//! Ed25519 public keys as they stand in a root: 32 bytes in base64, checked when they are read.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};

use super::envelope::SIGNATURE_BYTES;

/// An Ed25519 public key that is a canonical encoding of a point outside the small subgroup.
///
/// Two keys are equal exactly if their bytes are, which is why other encodings of a point are refused: thresholds count
/// distinct keys. Reads and writes as standard base64 of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

/// Why bytes or a text are not a usable public key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The text is not standard base64 with padding.
    #[error("public key is not base64")]
    Base64(#[source] base64::DecodeError),
    /// The text decodes to another number of bytes.
    #[error("public key of {found} bytes, expected 32")]
    Length {
        /// The number of bytes.
        found: usize,
    },
    /// The bytes encode no point, or a point that has a shorter encoding.
    #[error("public key is not a point of Curve25519 in its canonical encoding")]
    NotAPoint,
    /// The point has small order: a signature under it would fit almost any message.
    #[error("public key is a weak point of small order")]
    Weak,
}

impl PublicKey {
    /// The length of a key in bytes.
    pub const BYTES: usize = 32;

    /// Returns the key that `bytes` encode (RFC 8032, section 5.1.2).
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, PublicKeyError> {
        if !is_canonical(bytes) {
            return Err(PublicKeyError::NotAPoint);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(PublicKeyError::Weak);
        }
        Ok(Self(key))
    }

    /// Returns the key's encoding.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        self.0.as_bytes()
    }

    /// Whether `signature` is this key's over `message`, by the strict rules: canonical numbers, no small-order points.
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

/// Whether the y coordinate, 255 bits in little-endian order, is below the field's prime 2^255 - 19.
fn is_canonical(bytes: &[u8; PublicKey::BYTES]) -> bool {
    let [lowest, middle @ .., highest] = bytes;
    *lowest < 0xed || highest & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

impl TryFrom<String> for PublicKey {
    type Error = PublicKeyError;

    fn try_from(text: String) -> Result<Self, PublicKeyError> {
        let bytes = STANDARD.decode(text).map_err(PublicKeyError::Base64)?;
        let bytes =
            <[u8; Self::BYTES]>::try_from(bytes).map_err(|bytes| PublicKeyError::Length { found: bytes.len() })?;
        Self::from_bytes(&bytes)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        STANDARD.encode(key.as_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(*self))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 1.
    const RFC_KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn rfc_8032_key_reads_and_prints() {
        let key = PublicKey::try_from(RFC_KEY.to_owned()).unwrap();
        assert_eq!(key.to_string(), RFC_KEY);
        assert_eq!(serde_json::to_string(&key).unwrap(), format!("\"{RFC_KEY}\""));
        assert_eq!(format!("{key:?}"), format!("PublicKey({RFC_KEY})"));
    }

    #[test]
    fn unusable_texts_are_refused() {
        let table = [
            ("", "public key of 0 bytes, expected 32"),
            ("AAAA", "public key of 3 bytes, expected 32"),
            ("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "public key is not base64"),
            ("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "public key is not base64"),
        ];
        for (text, message) in table {
            assert_eq!(PublicKey::try_from(text.to_owned()).unwrap_err().to_string(), message, "{text:?}");
        }
    }

    #[test]
    fn weak_points_are_refused() {
        let neutral = {
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        };
        let order_two = {
            let mut bytes = [0xff; 32];
            bytes[0] = 0xec;
            bytes[31] = 0x7f;
            bytes
        };
        let order_four = [0; 32];
        for bytes in [neutral, order_two, order_four] {
            assert!(matches!(PublicKey::from_bytes(&bytes), Err(PublicKeyError::Weak)), "{bytes:?}");
        }
    }

    #[test]
    fn second_encoding_of_a_point_is_refused() {
        for low in 0xed..=0xff_u8 {
            for high in [0x7f, 0xff] {
                let mut bytes = [0xff; 32];
                bytes[0] = low;
                bytes[31] = high;
                assert!(matches!(PublicKey::from_bytes(&bytes), Err(PublicKeyError::NotAPoint)), "{low:x} {high:x}");
            }
        }
    }
}
