//! The keys of every target, and a client that trusts them.

use ed25519_dalek::{Signer as _, SigningKey};
use flag_client::Timestamp;
use flag_client::trust::{Envelope, PayloadType, Signer, TrustState};

/// 2026-06-01T00:00:00Z
#[allow(dead_code, reason = "each target uses a part of this")]
pub const NOW: Timestamp = Timestamp::from_millis(1_780_272_000_000);

/// The one key of every role.
pub struct Key;

impl Signer for Key {
    fn key_id(&self) -> &'static str {
        "k"
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        SigningKey::from_bytes(&[7; 32]).sign(message).to_bytes()
    }
}

pub fn signed(payload_type: PayloadType, document: &[u8]) -> Vec<u8> {
    Envelope::sign(payload_type, document, &[&Key]).to_json()
}

/// A root of a version, as JSON.
pub fn root(version: u64) -> String {
    let role = r#"{"threshold":1,"keys":[{"keyid":"k","public":"6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="}]}"#;
    format!(
        r#"{{"schema":1,"project":"p","version":{version},"epoch":1,"issued_at":0,"expires_at":"2027-01-01T00:00:00Z","roles":{{"root":{role},"snapshot":{role},"kill":{role}}}}}"#
    )
}

pub fn client() -> TrustState {
    TrustState::open(&signed(PayloadType::Root, root(1).as_bytes()), "p", "e").expect("its own root")
}
