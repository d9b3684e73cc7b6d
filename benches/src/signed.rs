//! The same snapshots as clients get them: signed, under a root of three keys.

use ed25519_dalek::{Signer as _, SigningKey};
use flag_client::trust::{Envelope, PayloadType, PublicKey, Role, RoleKey, Roles, RootDocument, SCHEMA, Signer};
use flag_core::Timestamp;

struct Key(&'static str, SigningKey);

impl Signer for Key {
    fn key_id(&self) -> &str {
        self.0
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.1.sign(message).to_bytes()
    }
}

fn key(id: &'static str) -> Key {
    Key(id, SigningKey::from_bytes(blake3::hash(id.as_bytes()).as_bytes()))
}

fn role(id: &'static str) -> Role {
    let public = PublicKey::from_bytes(key(id).1.verifying_key().as_bytes()).unwrap();
    Role { threshold: 1, keys: vec![RoleKey { keyid: id.to_owned(), public }] }
}

/// Returns the time at which everything here is valid: 2026-06-01.
pub const fn now() -> Timestamp {
    Timestamp::from_millis(1_780_272_000_000)
}

/// Returns the signed root that clients of [`crate::PROJECT`] ship.
pub fn root() -> Vec<u8> {
    let root = RootDocument {
        schema: SCHEMA,
        project: crate::PROJECT.to_owned(),
        version: 1,
        epoch: 1,
        issued_at: Timestamp::from_millis(1_767_225_600_000),
        expires_at: Timestamp::from_millis(1_798_761_600_000),
        roles: Roles { root: role("root"), snapshot: role("snapshot"), kill: role("kill") },
    };
    Envelope::sign(PayloadType::Root, serde_json::to_vec(&root).unwrap(), &[&key("root")]).to_json()
}

/// Returns the envelope of [`crate::snapshot_json`].
pub fn snapshot(flags: usize) -> Vec<u8> {
    Envelope::sign(PayloadType::Snapshot, crate::snapshot_json(flags), &[&key("snapshot")]).to_json()
}
