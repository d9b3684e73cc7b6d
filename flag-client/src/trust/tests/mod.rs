//! Attacks on the trust layer, and what becomes of them. Each test bears the name of its attack.

mod envelopes;
mod files;
mod kills;
mod merges;
mod roots;
mod snapshots;

use std::{error::Error, fmt::Write as _};

use ed25519_dalek::{Signer as _, SigningKey};
use flag_core::Timestamp;
use serde::Serialize;

use super::{
    Envelope, Kill, KillsDocument, PayloadType, PublicKey, Role, RoleKey, Roles, RootDocument, SCHEMA, Signer,
    SnapshotHeader, TrustState,
};

/// 2026-06-01T00:00:00Z, between the issue and the expiry of everything below.
const NOW: Timestamp = Timestamp::from_millis(1_780_272_000_000);
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

struct Key {
    id: String,
    secret: SigningKey,
}

impl Signer for Key {
    fn key_id(&self) -> &str {
        &self.id
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

/// The key of that name; its first byte is its seed.
fn key(id: &str) -> Key {
    Key { id: id.to_owned(), secret: SigningKey::from_bytes(&[id.as_bytes()[0]; 32]) }
}

fn role(threshold: u32, ids: &[&str]) -> Role {
    let listed = |id: &&str| RoleKey {
        keyid: (*id).to_owned(),
        public: PublicKey::from_bytes(key(id).secret.verifying_key().as_bytes()).unwrap(),
    };
    Role { threshold, keys: ids.iter().map(listed).collect() }
}

/// A root whose roles have one key each: `r`, `s` and `k`.
fn root(version: u64) -> RootDocument {
    RootDocument {
        schema: SCHEMA,
        project: "caro".to_owned(),
        version,
        epoch: 1,
        issued_at: NOW.saturating_add_millis(-100 * DAY),
        expires_at: NOW.saturating_add_millis(90 * DAY),
        roles: Roles { root: role(1, &["r"]), snapshot: role(1, &["s"]), kill: role(1, &["k"]) },
    }
}

fn snapshot(version: u64) -> SnapshotHeader {
    SnapshotHeader {
        schema: SCHEMA,
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        epoch: 1,
        version,
        issued_at: NOW.saturating_add_millis(-60 * MINUTE),
        expires_at: NOW.saturating_add_millis(DAY),
        lifted: Vec::new(),
        kills: Vec::new(),
    }
}

fn kill(id: &str) -> Kill {
    Kill { id: id.into(), target: format!("flag:{id}").into() }
}

fn kills(ids: &[&str]) -> KillsDocument {
    KillsDocument {
        schema: SCHEMA,
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        epoch: 1,
        issued_at: NOW.saturating_add_millis(-MINUTE),
        kills: ids.iter().map(|id| kill(id)).collect(),
    }
}

fn signed(payload_type: PayloadType, payload: &impl Serialize, ids: &[&str]) -> Vec<u8> {
    signed_bytes(payload_type, &serde_json::to_vec(payload).unwrap(), ids)
}

fn signed_bytes(payload_type: PayloadType, payload: &[u8], ids: &[&str]) -> Vec<u8> {
    let keys: Vec<Key> = ids.iter().map(|id| key(id)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    Envelope::sign(payload_type, payload, &signers).to_json()
}

fn signed_root(document: &RootDocument, ids: &[&str]) -> Vec<u8> {
    signed(PayloadType::Root, document, ids)
}

fn signed_snapshot(header: &SnapshotHeader) -> Vec<u8> {
    signed(PayloadType::Snapshot, header, &["s"])
}

fn signed_kills(document: &KillsDocument) -> Vec<u8> {
    signed(PayloadType::Kills, document, &["k"])
}

fn open(document: &RootDocument) -> TrustState {
    TrustState::open(&signed_root(document, &["r"]), "caro", "production").unwrap()
}

/// A client that holds root 1 and nothing else.
fn client() -> TrustState {
    open(&root(1))
}

fn client_with_snapshot(header: &SnapshotHeader) -> TrustState {
    let mut client = client();
    client.accept_snapshot(&signed_snapshot(header), NOW).unwrap();
    client
}

fn active(state: &TrustState) -> Vec<&str> {
    state.active_kills().into_iter().map(|kill| &*kill.id).collect()
}

/// The message of an error and of its causes.
fn explain(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").unwrap();
        cause = error.source();
    }
    text
}
