//! Keys, signed documents and folders that the tests share.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey};
use flag_client::trust::{
    Envelope, Kill, KillsDocument, PayloadType, PublicKey, Role, RoleKey, Roles, RootDocument, Signer,
};
use flag_client::{ClientBuilder, Declaration, FlagClient, IdentitySource, OptIn, Remote, Stage, Timestamp};
use tempfile::TempDir;

/// 2026-06-01T00:00:00Z
pub const NOW: Timestamp = Timestamp::from_millis(1_780_272_000_000);
pub const DAY: i64 = 86_400_000;

pub struct Key {
    id: &'static str,
    secret: SigningKey,
}

impl Signer for Key {
    fn key_id(&self) -> &str {
        self.id
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

pub fn key(id: &'static str) -> Key {
    Key { id, secret: SigningKey::from_bytes(&[id.as_bytes()[0]; 32]) }
}

fn role(id: &'static str) -> Role {
    let public = PublicKey::from_bytes(key(id).secret.verifying_key().as_bytes()).unwrap();
    Role { threshold: 1, keys: vec![RoleKey { keyid: id.to_owned(), public }] }
}

pub fn root(version: u64) -> Vec<u8> {
    let document = RootDocument {
        schema: 1,
        project: "caro".to_owned(),
        version,
        epoch: 1,
        issued_at: NOW.saturating_add_millis(-100 * DAY),
        expires_at: NOW.saturating_add_millis(365 * DAY),
        roles: Roles { root: role("root"), snapshot: role("snapshot"), kill: role("kill") },
    };
    sign(PayloadType::Root, &serde_json::to_string(&document).unwrap(), "root")
}

pub fn sign(payload_type: PayloadType, payload: &str, by: &'static str) -> Vec<u8> {
    Envelope::sign(payload_type, payload, &[&key(by)]).to_json()
}

/// A snapshot of these flags, given as the inside of a JSON object; `more` are further members, with a comma before each.
pub fn snapshot_with(version: u64, flags: &str, more: &str) -> Vec<u8> {
    let (issued, expires) = (NOW.saturating_add_millis(-DAY), NOW.saturating_add_millis(30 * DAY));
    let payload = format!(
        r#"{{"schema":1,"project":"caro","environment":"production","epoch":1,"version":{version},
            "issued_at":"{issued}","expires_at":"{expires}","flags":{{{flags}}}{more}}}"#
    );
    sign(PayloadType::Snapshot, &payload, "snapshot")
}

pub fn snapshot(version: u64, flags: &str) -> Vec<u8> {
    snapshot_with(version, flags, "")
}

pub fn kills(ids_and_targets: &[(&str, &str)]) -> Vec<u8> {
    let kill = |(id, target): &(&str, &str)| Kill { id: (*id).into(), target: (*target).into() };
    let document = KillsDocument {
        schema: 1,
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        epoch: 1,
        issued_at: NOW,
        kills: ids_and_targets.iter().map(kill).collect(),
    };
    sign(PayloadType::Kills, &serde_json::to_string(&document).unwrap(), "kill")
}

/// A flag that serves one variant to everyone.
pub fn flag(key: &str, on: bool, more: &str) -> String {
    let variant = if on { "on" } else { "off" };
    format!(
        r#""{key}":{{"variants":{{"on":true,"off":false}},"off_variant":"off","fallthrough":{{"variant":"{variant}"}}{more}}}"#
    )
}

/// A flag that exposes a share, in thousandths of a percent, as it is published: what goes without saying is not said.
pub fn rollout(key: &str, share: u32, more: &str) -> String {
    format!(r#""{key}":{{"version":1,"fallthrough":{share}{more}}}"#)
}

/// The declarations that most tests use.
pub const SYNC: Declaration = Declaration::boolean("telemetry_cloud_sync").stage(Stage::Beta).opt_in(OptIn::Required);
pub const SAFETY: Declaration = Declaration::boolean("enhanced_safety_v2").opt_in(OptIn::Allowed);
pub const HISTORY: Declaration = Declaration::boolean("command_history").overridable();
pub const MLX: Declaration = Declaration::boolean("mlx_backend").default_on(true);
pub const STYLE: Declaration = Declaration::choice("prompt_style", &["plain", "terse", "chatty"]).overridable();
pub const GUARD: Declaration = Declaration::boolean("execution_guard").critical();

pub const ALL: [Declaration; 6] = [SYNC, SAFETY, HISTORY, MLX, STYLE, GUARD];

/// A user's home.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn config(&self, text: &str) -> &Self {
        self.write("config.toml", text);
        self
    }

    /// A client with the common declarations and this home's `config.toml`.
    pub fn builder(&self) -> ClientBuilder {
        FlagClient::builder().declare(ALL).user_file(self.path("config.toml")).clock(|| NOW)
    }

    pub fn remote(&self, bundled: Option<Vec<u8>>) -> Remote {
        Remote {
            project: "caro".to_owned(),
            environment: "production".to_owned(),
            pinned_root: root(1),
            state_file: self.path("state.json"),
            bundled_snapshot: bundled,
            url: None,
        }
    }

    /// A client whose application ships a snapshot of these flags.
    pub fn builder_with(&self, flags: &str) -> ClientBuilder {
        self.builder().remote(self.remote(Some(snapshot(1, flags)))).identity(self.identity())
    }

    pub fn identity(&self) -> IdentitySource {
        IdentitySource::File(self.path("install-id"))
    }
}

pub fn problems(client: &FlagClient) -> Vec<String> {
    client.problems().iter().map(ToString::to_string).collect()
}

/// How often to do something in the everyday run, and in the full one that the variable `FLAG_NIGHTLY=1` asks for.
pub fn times(everyday: usize, nightly: usize) -> usize {
    let full = std::env::vars().any(|(name, value)| name == "FLAG_NIGHTLY" && value == "1");
    if full { nightly } else { everyday }
}

/// Waits until a file is another than it was, for ten seconds at most: a machine that is busy starts processes slowly.
pub fn until_changed(file: &Path, before: &[u8]) {
    for _ in 0..10_000 {
        if fs::read(file).is_ok_and(|now| now != before) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Numbers that look random and are the same in every run.
pub fn numbers() -> impl Iterator<Item = u32> {
    let next =
        |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    std::iter::successors(Some(0x9e37_79b9_7f4a_7c15), next).map(|state| (state >> 33) as u32)
}
