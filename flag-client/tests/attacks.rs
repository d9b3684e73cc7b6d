//! What an attacker can put in a document's place, from the envelope's first byte to a payload that a stolen key has signed, and what the
//! rules say to it. After each attempt the next run of the client serves what it served before.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod support;

use std::error::Error;
use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flag_client::trust::{
    Accepted, Change, Envelope, PayloadType, PublicKey, Role, RoleKey, RootDocument, Signer, TrustError, TrustFile,
    TrustState, pae,
};
use flag_client::{FlagClient, Timestamp};
use serde_json::{Value, json};
use support::{DAY, Home, NOW, flag, key, kills, root, sign, snapshot, snapshot_with};

const FLAG: &str = "command_history";

/// A machine with a cache.
struct Machine {
    home: Home,
}

impl Machine {
    /// Holds version 5, which turns the flag on.
    fn new() -> Self {
        let machine = Self { home: Home::new() };
        machine.offer(|state| state.accept_snapshot(&snapshot(5, &flag(FLAG, true, "")), NOW)).unwrap();
        machine
    }

    /// Offers a document to what is kept on the machine, and keeps what comes of it.
    fn offer(
        &self,
        accept: impl FnOnce(&mut TrustState) -> Result<Accepted, TrustError>,
    ) -> Result<Accepted, TrustError> {
        let remote = self.home.remote(None);
        let file = TrustFile::new(&remote.state_file);
        let mut state = file.load(TrustState::open(&remote.pinned_root, "caro", "production").unwrap()).state;
        let answer = accept(&mut state);
        file.save(&mut state).unwrap();
        answer
    }

    fn snapshot(&self, bytes: &[u8]) -> Result<Accepted, TrustError> {
        self.offer(|state| state.accept_snapshot(bytes, NOW))
    }

    fn root(&self, bytes: &[u8]) -> Result<Accepted, TrustError> {
        self.offer(|state| state.accept_root(bytes, NOW))
    }

    /// Starts the program at a time.
    fn client_at(&self, now: Timestamp) -> FlagClient {
        FlagClient::builder().remote(self.home.remote(None)).clock(move || now).open()
    }

    fn version(&self) -> u64 {
        let client = self.client_at(NOW);
        assert!(client.problems().is_empty(), "{:?}", client.problems());
        client.snapshot_info().unwrap().version
    }

    fn stored(&self) -> Vec<u8> {
        fs::read(self.home.path("state.json")).unwrap()
    }
}

/// The message of an error with its causes.
fn told(error: &dyn Error) -> String {
    let all = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An envelope of version 9 that stays byte for byte what it is when it is read and written as JSON.
fn sound() -> Vec<u8> {
    payload(|_| {})
}

/// That envelope, changed.
fn envelope(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut json = serde_json::from_slice(&sound()).unwrap();
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

/// That envelope as text, changed.
fn text(change: impl FnOnce(String) -> String) -> Vec<u8> {
    change(String::from_utf8(sound()).unwrap()).into_bytes()
}

/// Version 9 with its payload changed, and signed by the right key all the same: what a thief of that key can do.
fn payload(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let sound = Envelope::parse(&snapshot(9, "")).unwrap();
    let mut json = serde_json::from_slice(sound.document()).unwrap();
    change(&mut json);
    signed(&serde_json::to_vec(&json).unwrap())
}

fn signed(payload: &[u8]) -> Vec<u8> {
    Envelope::sign(PayloadType::Snapshot, payload, &[&key("snapshot")]).to_json()
}

/// Changes what the signature covers, and signs that: the right key, on a digest that fits no content.
fn digest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(&sound()).unwrap();
    let mut signed: Value =
        serde_json::from_slice(&STANDARD.decode(json["payload"].as_str().unwrap()).unwrap()).unwrap();
    change(&mut signed);
    let signed = signed.to_string();
    let signature = key("snapshot").sign(&pae("application/vnd.flag-core.snapshot.v1+json", signed.as_bytes()));
    json["payload"] = json!(STANDARD.encode(signed));
    json["signatures"][0]["sig"] = json!(STANDARD.encode(signature));
    serde_json::to_vec(&json).unwrap()
}

/// Changes the bytes of the only signature.
fn signature(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    envelope(|json| {
        let mut bytes = STANDARD.decode(json["signatures"][0]["sig"].as_str().unwrap()).unwrap();
        change(&mut bytes);
        json["signatures"][0]["sig"] = json!(STANDARD.encode(bytes));
    })
}

/// Adds the group's order to the number in a signature, which leaves it valid by the lax rules (RFC 8032, section 8.4).
fn malleate(signature: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

/// Somebody else, by the name of the snapshot key.
struct Namesake;

impl Signer for Namesake {
    fn key_id(&self) -> &'static str {
        "snapshot"
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        key("x").sign(message)
    }
}

const UNSIGNED: &str = "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands";

/// Each with how its refusal begins; what follows are words of the parsers underneath.
#[allow(clippy::too_many_lines, reason = "one table")]
fn forgeries() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let sound = sound();
    let parsed = Envelope::parse(&sound).unwrap();
    let sound_document = parsed.document().to_vec();
    let covered = {
        let json: Value = serde_json::from_slice(&sound).unwrap();
        STANDARD.decode(json["payload"].as_str().unwrap()).unwrap()
    };
    let other_signature = {
        let other: Value = serde_json::from_slice(&snapshot(8, "")).unwrap();
        other["signatures"].clone()
    };
    let by = |signer: &dyn Signer| Envelope::sign(PayloadType::Snapshot, &sound_document, &[signer]).to_json();
    let raw_signature = key("snapshot").sign(&covered);
    let kills_signature = key("snapshot").sign(&pae("application/vnd.flag-core.kills.v1+json", &covered));
    let replaced = |from: &'static str, to: &'static str| {
        let text = String::from_utf8(sound_document.clone()).unwrap();
        assert!(text.contains(from), "{from}");
        signed(text.replacen(from, to, 1).as_bytes())
    };
    vec![
        ("nothing", Vec::new(), "snapshot envelope is malformed: not strict JSON: byte 0: the text ends too early"),
        ("a brace", b"{".to_vec(), "snapshot envelope is malformed: not strict JSON: byte 1: the text ends too early"),
        (
            "a page of a captive portal",
            b"<!DOCTYPE html><title>Log in</title>".to_vec(),
            "snapshot envelope is malformed: not strict JSON: byte 0: found '<', expected an object",
        ),
        (
            "an empty object",
            b"{}".to_vec(),
            "snapshot envelope is malformed: not a DSSE envelope: missing field `payloadType`",
        ),
        (
            "a list",
            b"[]".to_vec(),
            "snapshot envelope is malformed: not strict JSON: byte 0: found '[', expected an object",
        ),
        (
            "zeros",
            vec![0; 4096],
            "snapshot envelope is malformed: not strict JSON: byte 0: found '\\0', expected an object",
        ),
        (
            "bytes that are no text",
            [b"\xff\xfe".as_slice(), &sound].concat(),
            "snapshot envelope is malformed: not strict JSON: byte 0: not UTF-8",
        ),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf".as_slice(), &sound].concat(),
            "snapshot envelope is malformed: not strict JSON: byte 0: found a byte order mark, expected an object",
        ),
        (
            "another document behind it",
            [sound.as_slice(), &sound].concat(),
            "snapshot envelope is malformed: not strict JSON: byte 497: found '{' after the end of the object",
        ),
        (
            "a byte behind it",
            [sound.as_slice(), b"x"].concat(),
            "snapshot envelope is malformed: not strict JSON: byte 497: found 'x' after the end of the object",
        ),
        (
            "nesting without end",
            "[".repeat(100_000).into_bytes(),
            "snapshot envelope is malformed: not strict JSON: byte 0: found '[', expected an object",
        ),
        ("5 MiB", vec![b' '; 5 * 1024 * 1024], "snapshot envelope of 5242880 bytes is above the limit of 4194304"),
        (
            "two payloads",
            text(|text| text.replacen('{', r#"{"payload":"e30=","#, 1)),
            r#"snapshot envelope is malformed: not strict JSON: byte 77: duplicate key "payload""#,
        ),
        (
            "two lists of signatures",
            text(|text| text.replacen('{', r#"{"signatures":[],"#, 1)),
            r#"snapshot envelope is malformed: not strict JSON: byte 209: duplicate key "signatures""#,
        ),
        (
            "no payload",
            envelope(|json| drop(json.as_object_mut().unwrap().remove("payload"))),
            "snapshot envelope is malformed: not a DSSE envelope: missing field `payload`",
        ),
        (
            "no type",
            envelope(|json| drop(json.as_object_mut().unwrap().remove("payloadType"))),
            "snapshot envelope is malformed: not a DSSE envelope: missing field `payloadType`",
        ),
        (
            "no signatures member",
            envelope(|json| drop(json.as_object_mut().unwrap().remove("signatures"))),
            "snapshot envelope is malformed: not a DSSE envelope: missing field `signatures`",
        ),
        (
            "a payload that is a number",
            envelope(|json| json["payload"] = json!(7)),
            "snapshot envelope is malformed: not a DSSE envelope: invalid type: integer `7`, expected a string",
        ),
        (
            "signatures that are an object",
            envelope(|json| json["signatures"] = json!({})),
            "snapshot envelope is malformed: not a DSSE envelope: invalid type: map, expected a sequence",
        ),
        (
            "base64 without padding",
            envelope(|json| json["payload"] = json!("e30")),
            "snapshot envelope is malformed: payload is not base64",
        ),
        (
            "base64 for URLs",
            envelope(|json| json["payload"] = json!("-_-_")),
            "snapshot envelope is malformed: payload is not base64",
        ),
        (
            "base64 over two lines",
            envelope(|json| json["payload"] = json!("e3\n0=")),
            "snapshot envelope is malformed: payload is not base64",
        ),
        (
            "base64 with bits to spare",
            envelope(|json| json["payload"] = json!("e31=")),
            "snapshot envelope is malformed: payload is not base64",
        ),
        (
            "a signature that lacks a byte",
            signature(|bytes| bytes.truncate(63)),
            "snapshot envelope is malformed: signature 0 of 63 bytes, expected 64",
        ),
        (
            "a signature with a byte more",
            signature(|bytes| bytes.push(0)),
            "snapshot envelope is malformed: signature 0 of 65 bytes, expected 64",
        ),
        (
            "17 signatures",
            envelope(|json| {
                let one = json["signatures"][0].clone();
                json["signatures"] = json!(vec![one; 17]);
            }),
            "snapshot envelope is malformed: 17 signatures are above the limit of 16",
        ),
        (
            "an unheard-of type",
            envelope(|json| json["payloadType"] = json!("application/json")),
            r#"snapshot envelope is malformed: unknown payload type "application/json""#,
        ),
        (
            "a type with a blank behind it",
            envelope(|json| {
                json["payloadType"] = json!("application/vnd.flag-core.snapshot.v1+json ");
            }),
            r#"snapshot envelope is malformed: unknown payload type "application/vnd.flag-core.snapshot.v1+json ""#,
        ),
        (
            "a type of another case",
            envelope(|json| {
                json["payloadType"] = json!("application/vnd.flag-core.Snapshot.v1+json");
            }),
            r#"snapshot envelope is malformed: unknown payload type "application/vnd.flag-core.Snapshot.v1+json""#,
        ),
        (
            "relabelled as kills",
            envelope(|json| {
                json["payloadType"] = json!("application/vnd.flag-core.kills.v1+json");
            }),
            "payload type is application/vnd.flag-core.kills.v1+json, expected application/vnd.flag-core.snapshot.v1+json",
        ),
        (
            "a root",
            root(1),
            "payload type is application/vnd.flag-core.root.v1+json, expected application/vnd.flag-core.snapshot.v1+json",
        ),
        (
            "kills",
            kills(&[("k1", FLAG)]),
            "payload type is application/vnd.flag-core.kills.v1+json, expected application/vnd.flag-core.snapshot.v1+json",
        ),
        ("no signature", envelope(|json| json["signatures"] = json!([])), UNSIGNED),
        ("a signature of zeros", signature(|bytes| bytes.fill(0)), UNSIGNED),
        ("the signature of the version before", envelope(|json| json["signatures"] = other_signature), UNSIGNED),
        ("one bit of the signature flipped", signature(|bytes| bytes[0] ^= 1), UNSIGNED),
        ("a signature whose number is too large", signature(|bytes| malleate(bytes)), UNSIGNED),
        (
            "a signature by the neutral point",
            signature(|bytes| {
                bytes.fill(0);
                bytes[0] = 1;
            }),
            UNSIGNED,
        ),
        (
            "one bit of the payload flipped",
            envelope(|json| {
                let mut bytes = covered.clone();
                bytes[12] ^= 1;
                json["payload"] = json!(STANDARD.encode(bytes));
            }),
            "snapshot envelope is malformed: content is not the one signed",
        ),
        (
            "no content",
            envelope(|json| drop(json.as_object_mut().unwrap().remove("content"))),
            "snapshot envelope is malformed: no content",
        ),
        (
            "a content that is a text",
            envelope(|json| json["content"] = json!("{}")),
            "snapshot envelope is malformed: no content",
        ),
        (
            "a content that is a list",
            envelope(|json| json["content"] = json!([json["content"]])),
            "snapshot envelope is malformed: no content",
        ),
        (
            "another content under the signature",
            envelope(|json| json["content"]["version"] = json!(10)),
            "snapshot envelope is malformed: content is not the one signed",
        ),
        (
            "a content that lifts a kill more",
            envelope(|json| json["content"]["lifted"] = json!(["k1"])),
            "snapshot envelope is malformed: content is not the one signed",
        ),
        (
            "a content with a blank more",
            text(|text| text.replacen(r#""content":{"#, r#""content":{ "#, 1)),
            "snapshot envelope is malformed: content is not the one signed",
        ),
        (
            "two contents",
            text(|text| text.replacen('{', r#"{"content":{},"#, 1)),
            r#"snapshot envelope is malformed: not strict JSON: byte 339: duplicate key "content""#,
        ),
        (
            "a digest in capitals",
            digest(|json| json["blake3"] = json!(json["blake3"].as_str().unwrap().to_uppercase())),
            "snapshot envelope is malformed: content is not the one signed",
        ),
        (
            "a digest of another length",
            digest(|json| json["length"] = json!(7)),
            "snapshot envelope is malformed: content is not the one signed",
        ),
        (
            "half a digest",
            digest(|json| drop(json.as_object_mut().unwrap().remove("blake3"))),
            "snapshot envelope is malformed: payload is not the digest of a content: missing field `blake3`",
        ),
        (
            "a payload with a blank more",
            envelope(|json| {
                json["payload"] = json!(STANDARD.encode([covered.as_slice(), b" "].concat()));
            }),
            UNSIGNED,
        ),
        (
            "a signature over the bare payload",
            envelope(|json| {
                json["signatures"][0]["sig"] = json!(STANDARD.encode(raw_signature));
            }),
            UNSIGNED,
        ),
        (
            "a signature over another type",
            envelope(|json| json["signatures"][0]["sig"] = json!(STANDARD.encode(kills_signature))),
            UNSIGNED,
        ),
        ("by the emergency key", by(&key("kill")), UNSIGNED),
        ("by the root key", by(&key("root")), UNSIGNED),
        ("by a stranger", by(&key("x")), UNSIGNED),
        ("by a stranger of the same name", by(&Namesake), UNSIGNED),
        (
            "another project",
            payload(|json| json["project"] = json!("other")),
            r#"snapshot is for project "other", expected "caro""#,
        ),
        (
            "a project in capitals",
            payload(|json| json["project"] = json!("CARO")),
            r#"snapshot is for project "CARO", expected "caro""#,
        ),
        (
            "another environment",
            payload(|json| json["environment"] = json!("staging")),
            r#"snapshot is for environment "staging", expected "production""#,
        ),
        (
            "an environment with a blank",
            payload(|json| json["environment"] = json!("production ")),
            r#"snapshot is for environment "production ", expected "production""#,
        ),
        (
            "an ended epoch",
            payload(|json| json["epoch"] = json!(0)),
            "snapshot is of epoch 0, but root 1 is of epoch 1",
        ),
        (
            "an epoch that has not begun",
            payload(|json| json["epoch"] = json!(2)),
            "snapshot is of epoch 2, but root 1 is of epoch 1",
        ),
        (
            "an older version",
            payload(|json| json["version"] = json!(4)),
            "snapshot version 4 is below the held version 5",
        ),
        (
            "the held version with other flags",
            payload(|json| json["version"] = json!(5)),
            "snapshot version 5 differs from the held document of the same version",
        ),
        (
            "one that has expired",
            payload(|json| json["expires_at"] = json!("2026-05-31T00:00:00Z")),
            "snapshot version 9 expired at 2026-05-31T00:00:00Z, before 2026-06-01T00:00:00Z",
        ),
        (
            "a schema of the future",
            payload(|json| json["schema"] = json!(2)),
            "snapshot schema 2 is not the known schema 1",
        ),
        (
            "no schema",
            payload(|json| drop(json.as_object_mut().unwrap().remove("schema"))),
            "snapshot payload is malformed: missing field `schema`",
        ),
        (
            "no version",
            payload(|json| drop(json.as_object_mut().unwrap().remove("version"))),
            "snapshot payload is malformed: missing field `version`",
        ),
        (
            "a negative version",
            payload(|json| json["version"] = json!(-9)),
            "snapshot payload is malformed: invalid value: integer `-9`, expected u64",
        ),
        (
            "a version above 64 bits",
            replaced(r#""version":9"#, r#""version":18446744073709551616"#),
            "snapshot payload is malformed: invalid type: floating point",
        ),
        (
            "a version in quotes",
            payload(|json| json["version"] = json!("9")),
            r#"snapshot payload is malformed: invalid type: string "9", expected u64"#,
        ),
        (
            "two versions",
            replaced(r#""version":9"#, r#""version":4,"version":9"#),
            r#"snapshot envelope is malformed: not strict JSON: byte 414: duplicate key "version""#,
        ),
        (
            "two projects, one escaped",
            replaced(r#""project":"caro""#, r#""project":"caro","pro\u006aect":"caro""#),
            r#"snapshot envelope is malformed: not strict JSON: byte 365: duplicate key "project""#,
        ),
        (
            "a payload that is no JSON",
            signed(b"flags: {}"),
            "snapshot envelope is malformed: not strict JSON: byte 337: found 'l', expected a value",
        ),
        (
            "a payload with a byte order mark",
            signed(&[b"\xef\xbb\xbf".as_slice(), &sound_document].concat()),
            "snapshot envelope is malformed: not strict JSON: byte 336: found '\\u{feff}', expected a value",
        ),
        (
            "a payload with another behind it",
            signed(&[sound_document.as_slice(), b"{}"].concat()),
            "snapshot envelope is malformed: not strict JSON: byte 496: found '{', expected a comma or the end",
        ),
        (
            "a payload that is no text",
            signed(b"{\"schema\":1,\"project\":\"\xff\"}"),
            "snapshot envelope is malformed: not strict JSON: byte 359: not UTF-8",
        ),
        (
            "a payload nested too deeply",
            replaced(
                r#""flags":{"#,
                &*Box::leak(format!(r#""more":{}{},"flags":{{"#, "[".repeat(40), "]".repeat(40)).into_boxed_str()),
            ),
            "snapshot envelope is malformed: not strict JSON: byte 522: nested deeper than 32",
        ),
        (
            "kills that are no list",
            payload(|json| json["kills"] = json!({"k1": FLAG})),
            "snapshot payload is malformed: invalid type: map, expected a sequence",
        ),
    ]
}

#[test]
fn seventy_nine_forgeries_are_refused_each_for_its_own_reason() {
    let forgeries = forgeries();
    assert_eq!(forgeries.len(), 79);
    let machine = Machine::new();
    let stored = machine.stored();
    for (name, bytes, why) in forgeries {
        let refusal = told(&machine.snapshot(&bytes).unwrap_err());
        assert!(refusal.starts_with(why), "{name}: {refusal}");
        assert_eq!(machine.stored(), stored, "{name}");
    }
    assert_eq!(machine.version(), 5);
    assert!(machine.snapshot(&sound()).is_ok(), "what the forgeries were made of is sound");
}

#[test]
fn fault_14_an_older_version_is_refused_and_a_restart_forgets_nothing() {
    let machine = Machine::new();
    let stored = machine.stored();
    for version in (0..5).rev() {
        let refusal = machine.snapshot(&snapshot(version, "")).unwrap_err();
        assert_eq!(refusal.to_string(), format!("snapshot version {version} is below the held version 5"));
    }
    assert_eq!((machine.stored(), machine.version()), (stored, 5));
}

#[test]
fn fault_15_two_documents_of_one_version_raise_the_alarm() {
    let machine = Machine::new();
    let refusal = machine.snapshot(&snapshot(5, &flag(FLAG, false, ""))).unwrap_err();
    assert!(refusal.is_alarm(), "{refusal}");
    assert!(!machine.snapshot(&snapshot(4, "")).unwrap_err().is_alarm());
    assert!(machine.client_at(NOW).is_enabled(FLAG));
}

#[test]
fn fault_16_a_snapshot_of_staging_is_refused_at_production() {
    let machine = Machine::new();
    let refusal = machine.snapshot(&payload(|json| json["environment"] = json!("staging"))).unwrap_err();
    assert_eq!(refusal.to_string(), r#"snapshot is for environment "staging", expected "production""#);
    assert_eq!(machine.version(), 5);
}

#[test]
fn fault_17_an_expired_document_is_refused_and_a_held_one_that_expires_stays() {
    let machine = Machine::new();
    let expired = payload(|json| json["expires_at"] = json!("2026-05-31T23:54:59Z"));
    assert!(machine.snapshot(&expired).unwrap_err().to_string().starts_with("snapshot version 9 expired at "));
    let expiry = machine.client_at(NOW).snapshot_info().unwrap().expires_at;
    let around =
        [(expiry.saturating_add_millis(-1), false), (expiry, true), (expiry.saturating_add_millis(1_000), true)];
    for (now, stale) in around {
        let client = machine.client_at(now);
        assert!(client.is_enabled(FLAG));
        assert_eq!((client.snapshot_info().unwrap().stale, client.decision(FLAG).stale), (stale, stale), "{now}");
    }
}

/// A root of a version, changed, and signed by these.
fn root_with(version: u64, change: impl FnOnce(&mut RootDocument), by: &[&dyn Signer]) -> Vec<u8> {
    let sound = Envelope::parse(&root(version)).unwrap();
    let mut document: RootDocument = serde_json::from_slice(sound.document()).unwrap();
    change(&mut document);
    Envelope::sign(PayloadType::Root, serde_json::to_vec(&document).unwrap(), by).to_json()
}

/// The role of one more key beside those that it has.
fn with_key(role: &Role, id: &'static str, public: PublicKey) -> Role {
    let mut role = role.clone();
    role.keys.push(RoleKey { keyid: id.to_owned(), public });
    role
}

/// The public key of `root`, `snapshot` or `kill`.
fn public(id: &str) -> PublicKey {
    let document: RootDocument = serde_json::from_slice(Envelope::parse(&root(1)).unwrap().document()).unwrap();
    let roles = document.roles;
    match id {
        "root" => roles.root.keys[0].public,
        "snapshot" => roles.snapshot.keys[0].public,
        _ => roles.kill.keys[0].public,
    }
}

#[test]
fn fault_18_roots_are_walked_in_one_go_and_never_skipped() {
    let machine = Machine::new();
    let refusal = machine.root(&root(3)).unwrap_err();
    assert_eq!(refusal.to_string(), "root version 3 skips version 2");
    let walked = machine.offer(|state| state.accept_roots(&[root(2), root(3), root(4)], NOW)).unwrap();
    assert_eq!(walked.change, Change::Root { version: 4, epoch: 1 });
    assert_eq!(machine.root(&root(6)).unwrap_err().to_string(), "root version 6 skips version 5");
    assert_eq!(machine.version(), 5);
}

#[test]
fn fault_19_a_new_root_needs_the_old_keys_and_the_new() {
    let (old, new) = (key("root"), key("snapshot"));
    let change = |document: &mut RootDocument| {
        document.roles.root.keys = vec![RoleKey { keyid: "snapshot".to_owned(), public: public("snapshot") }];
    };
    let machine = Machine::new();
    let by_new = machine.root(&root_with(2, change, &[&new])).unwrap_err();
    assert_eq!(by_new.to_string(), "root is signed by 0 of the 1 keys that role root of root 1 demands");
    let by_old = machine.root(&root_with(2, change, &[&old])).unwrap_err();
    assert_eq!(by_old.to_string(), "root is signed by 0 of the 1 keys that role root of root 2 demands");
    assert!(machine.root(&root_with(2, change, &[&old, &new])).is_ok());
}

#[test]
fn fault_20_one_key_under_two_names_is_one_key() {
    let machine = Machine::new();
    let two_of_two = |document: &mut RootDocument| {
        document.roles.snapshot = with_key(&document.roles.snapshot, "alias", public("snapshot"));
        document.roles.snapshot = Role { threshold: 2, ..with_key(&document.roles.snapshot, "kill", public("kill")) };
    };
    machine.root(&root_with(2, two_of_two, &[&key("root")])).unwrap();
    let mut envelope = Envelope::parse(&snapshot(9, "")).unwrap();
    envelope.countersign(&key("snapshot"));
    let refusal = machine.snapshot(&envelope.to_json()).unwrap_err();
    assert_eq!(refusal.to_string(), "snapshot is signed by 1 of the 2 keys that role snapshot of root 2 demands");
    envelope.countersign(&key("kill"));
    assert!(machine.snapshot(&envelope.to_json()).is_ok());
}

#[test]
fn fault_21_a_new_epoch_ends_a_version_of_64_ones() {
    let machine = Machine::new();
    machine.snapshot(&snapshot(u64::MAX, &flag(FLAG, false, ""))).unwrap();
    assert!(machine.snapshot(&snapshot(6, "")).is_err());
    machine.root(&root_with(2, |document| document.epoch = 2, &[&key("root")])).unwrap();
    assert!(machine.client_at(NOW).snapshot_info().unwrap().stale, "held still, and said to be over");
    let first = sign(
        PayloadType::Snapshot,
        &String::from_utf8(Envelope::parse(&snapshot(1, &flag(FLAG, true, ""))).unwrap().document().to_vec())
            .unwrap()
            .replace(r#""epoch":1"#, r#""epoch":2"#),
        "snapshot",
    );
    machine.snapshot(&first).unwrap();
    assert_eq!(machine.version(), 1);
    assert!(machine.client_at(NOW).is_enabled(FLAG));
}

#[test]
fn fault_22_a_withheld_root_ends_new_snapshots_at_its_expiry_and_keeps_the_values() {
    let machine = Machine::new();
    let after = NOW.saturating_add_millis(366 * DAY);
    let fresh = payload(|json| {
        json["issued_at"] = json!(after.to_string());
        json["expires_at"] = json!(after.saturating_add_millis(DAY).to_string());
    });
    let refusal = machine.offer(|state| state.accept_snapshot(&fresh, after)).unwrap_err();
    assert!(refusal.to_string().starts_with("root version 1 expired at "), "{refusal}");
    let client = machine.client_at(after);
    assert!(client.is_enabled(FLAG) && client.snapshot_info().unwrap().stale);
    assert!(machine.offer(|state| state.accept_kills(&kills(&[("k1", FLAG)]), after)).is_ok(), "kills still arrive");
    assert!(!machine.client_at(after).is_enabled(FLAG));
}

/// The fields of a payload that a client does not know stay without meaning, under whatever name.
#[test]
fn what_is_signed_and_unknown_means_nothing() {
    let machine = Machine::new();
    let members = r#","kill":["command_history"],"Lifted":["k1"],"__proto__":{"kills":[]},"flags ":{}"#;
    machine.snapshot(&snapshot_with(6, &flag(FLAG, true, r#","critical ":true"#), members)).unwrap();
    assert!(machine.client_at(NOW).is_enabled(FLAG));
    assert!(machine.client_at(NOW).kills().is_empty());
}
