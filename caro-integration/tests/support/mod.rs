//! A machine of its own for each test: a home folder, an environment, and flags published by keys that stand for nothing else.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::fs;
use std::path::PathBuf;

use caro_integration::{
    ConfigFeatureCommand, Consent, Environment, Features, FeaturesCommand, Host, HostPaths, IdentitySource, Outcome,
    Platform, Remote,
};
use clap::{Parser, Subcommand};
use ed25519_dalek::{Signer as _, SigningKey};
use flag_client::Timestamp;
use flag_client::trust::{Envelope, PayloadType, PublicKey, Role, RoleKey, Roles, RootDocument, Signer};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const LINUX: Platform = Platform { os: "linux", arch: "x86_64" };

#[derive(Debug)]
pub struct Machine {
    pub home: TempDir,
    sidecar: bool,
    platform: Platform,
    environment: Vec<(&'static str, &'static str)>,
    install_id: Option<&'static str>,
    snapshot: Option<Value>,
    reports: Consent,
    url: Option<String>,
    channels: Vec<&'static str>,
    now: Option<Timestamp>,
}

impl Machine {
    pub fn new() -> Self {
        let home = TempDir::new().unwrap();
        Self {
            home,
            sidecar: false,
            platform: LINUX,
            environment: Vec::new(),
            install_id: None,
            snapshot: None,
            reports: Consent::Withheld,
            url: None,
            channels: Vec::new(),
            now: None,
        }
    }

    pub fn reports(self, reports: Consent) -> Self {
        Self { reports, ..self }
    }

    /// Sets the clock, as in `2026-02-10T12:00:00Z`.
    pub fn at(self, now: &str) -> Self {
        Self { now: Some(now.parse().unwrap()), ..self }
    }

    pub fn channel(mut self, text: &'static str) -> Self {
        self.channels.push(text);
        self
    }

    pub fn state(&self) -> PathBuf {
        HostPaths::in_home(self.home.path()).state_dir
    }

    pub fn outcomes(&self) -> PathBuf {
        self.state().join("outcomes")
    }

    pub fn config(self, text: &str) -> Self {
        let file = self.config_file();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        self
    }

    pub fn sidecar(self) -> Self {
        Self { sidecar: true, ..self }
    }

    pub fn platform(self, platform: Platform) -> Self {
        Self { platform, ..self }
    }

    pub fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    pub fn install_id(self, id: &'static str) -> Self {
        Self { install_id: Some(id), ..self }
    }

    /// Publishes these flags, and these kills.
    pub fn published(self, flags: &Value, kills: &[&str]) -> Self {
        Self { snapshot: Some(snapshot(7, flags, kills)), ..self }
    }

    /// Names where further versions are fetched from.
    pub fn fetching_from(self, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..self }
    }

    /// Writes the root to trust and a signed snapshot of this version to the home folder, and returns their paths.
    pub fn files_of(&self, version: u64, flags: &Value, kills: &[&str]) -> (PathBuf, PathBuf) {
        let (root_file, snapshot_file) = (self.home.path().join("1.json"), self.home.path().join("snapshot.json"));
        fs::write(&root_file, root()).unwrap();
        fs::write(&snapshot_file, signed(PayloadType::Snapshot, &snapshot(version, flags, kills))).unwrap();
        (root_file, snapshot_file)
    }

    pub fn config_file(&self) -> PathBuf {
        HostPaths::in_home(self.home.path()).config_file
    }

    pub fn config_text(&self) -> String {
        fs::read_to_string(self.config_file()).unwrap()
    }

    pub fn open(&self) -> Features {
        let paths = HostPaths::in_home(self.home.path());
        let paths = if self.sidecar { paths.with_sidecar() } else { paths };
        let mut host = Host::new("1.2.0")
            .platform(self.platform)
            .reports(self.reports)
            .environment(Environment::from_pairs("CARO", self.environment.iter().copied()));
        if let Some(id) = self.install_id {
            host = host.identity(IdentitySource::Given(id.to_owned()));
        }
        if let Some(snapshot) = &self.snapshot {
            host = host.remote(Remote {
                project: "caro".to_owned(),
                environment: "production".to_owned(),
                pinned_root: root(),
                state_file: paths.state_dir.join("published.json"),
                bundled_snapshot: Some(signed(PayloadType::Snapshot, snapshot)),
                url: self.url.clone(),
            });
        }
        if let Some(now) = self.now {
            host = host.clock(move || now);
        }
        let host = self.channels.iter().fold(host, |host, channel| host.feedback_channel(*channel));
        Features::open(paths, host)
    }

    /// Runs `caro ARGUMENTS` and returns what it says, the home folder written as `HOME`.
    pub fn caro(&self, arguments: &str) -> Result<(Outcome, String), String> {
        let command = Caro::try_parse_from(arguments.split_whitespace()).map_err(|error| error.to_string())?.command;
        let (features, mut out) = (self.open(), Vec::new());
        let result = match command {
            Command::Features(command) => command.run(&features, &mut out),
            Command::Config(Config::Feature(command)) => command.run(&features, &mut out),
        };
        let home = self.home.path().display().to_string();
        match result {
            Ok(outcome) => Ok((outcome, String::from_utf8(out).unwrap().replace(&home, "HOME"))),
            Err(error) => Err(error.with_hint().replace(&home, "HOME")),
        }
    }

    /// Runs `caro ARGUMENTS --json` and returns its answer.
    pub fn json(&self, arguments: &str) -> Value {
        let (_, text) = self.caro(&format!("{arguments} --json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

#[derive(Parser)]
#[command(name = "caro")]
pub struct Caro {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    Features(FeaturesCommand),
    #[command(subcommand)]
    Config(Config),
}

#[derive(Subcommand)]
pub enum Config {
    Feature(ConfigFeatureCommand),
}

/// Returns a text without its line breaks, which depend on how long the path of the home folder is.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A boolean flag that a share of machines has, in thousandths of a percent.
pub fn rollout(stage: &str, opt_in: &str, share: u32) -> Value {
    json!({
        "stage": stage, "opt_in": opt_in, "variants": { "on": true, "off": false }, "off_variant": "off",
        "fallthrough": { "exposure": share, "allocation": { "on": [[0, 100_000]] }, "otherwise": "off" },
    })
}

/// A boolean flag that serves everyone the same.
pub fn served(kind: &str, variant: &str) -> Value {
    json!({
        "kind": kind, "stage": "ga", "variants": { "on": true, "off": false }, "off_variant": "off",
        "fallthrough": { "variant": variant },
    })
}

fn snapshot(version: u64, flags: &Value, kills: &[&str]) -> Value {
    let kills: Vec<Value> =
        kills.iter().map(|target| json!({ "id": format!("kill-{target}"), "target": target })).collect();
    json!({
        "schema": 1, "project": "caro", "environment": "production", "epoch": 1, "version": version,
        "issued_at": "2026-02-10T12:00:00Z", "expires_at": "9000-01-01T00:00:00Z",
        "audit_head": { "seq": 41, "hash": "00" }, "flags": flags, "kills": kills,
    })
}

struct Key(SigningKey);

impl Key {
    fn of(role: u8) -> Self {
        Self(SigningKey::from_bytes(&[role; 32]))
    }

    fn role(&self) -> Role {
        let public = PublicKey::from_bytes(self.0.verifying_key().as_bytes()).unwrap();
        Role { threshold: 1, keys: vec![RoleKey { keyid: self.key_id().to_owned(), public }] }
    }
}

impl Signer for Key {
    fn key_id(&self) -> &'static str {
        "test"
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

fn root() -> Vec<u8> {
    let document = RootDocument {
        schema: 1,
        project: "caro".to_owned(),
        version: 1,
        epoch: 1,
        issued_at: "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        expires_at: "9000-01-01T00:00:00Z".parse::<Timestamp>().unwrap(),
        roles: Roles { root: Key::of(1).role(), snapshot: Key::of(2).role(), kill: Key::of(3).role() },
    };
    Envelope::sign(PayloadType::Root, serde_json::to_vec(&document).unwrap(), &[&Key::of(1)]).to_json()
}

fn signed(payload_type: PayloadType, document: &Value) -> Vec<u8> {
    Envelope::sign(payload_type, serde_json::to_vec(document).unwrap(), &[&Key::of(2)]).to_json()
}
