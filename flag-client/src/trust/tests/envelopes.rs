use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::*;
use crate::trust::{Change, ContentDigest, MAX_KILLS_BYTES, MAX_ROOT_BYTES, SizeLimit, pae};

fn refusal(bytes: &[u8]) -> String {
    let mut client = client_with_snapshot(&snapshot(7));
    let message = explain(client.accept_snapshot(bytes, NOW).unwrap_err());
    assert_eq!(client.snapshot_version(), Some(7));
    message
}

/// A valid envelope of snapshot 8, all but its content changed.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let genuine = signed_snapshot(&snapshot(8));
    let mut head: Value = serde_json::from_slice(&genuine).unwrap();
    head.as_object_mut().unwrap().remove("content");
    change(&mut head);
    with_content(&head, Envelope::parse(&genuine).unwrap().document())
}

fn with_content(head: &Value, content: &[u8]) -> Vec<u8> {
    let mut json = serde_json::to_vec(head).unwrap();
    assert_eq!(json.pop(), Some(b'}'));
    [&json, b",\"content\":".as_slice(), content, b"}"].concat()
}

/// The example of the DSSE protocol page.
#[test]
fn pae_is_that_of_the_specification() {
    let message = pae("http://example.com/HelloWorld", b"hello world");
    assert_eq!(message, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    assert_eq!(pae("é", b""), "DSSEv1 2 é 0 ".as_bytes(), "lengths count bytes");
}

#[test]
fn envelope_reads_what_it_writes() {
    let envelope = Envelope::sign(PayloadType::Kills, b"\0\xFF", &[&key("a"), &key("b")]);
    let read = Envelope::parse(&envelope.to_json()).unwrap();
    assert_eq!(read, envelope);
    let json: Value = serde_json::from_slice(&envelope.to_json()).unwrap();
    assert_eq!(json["payloadType"], "application/vnd.flag-core.kills.v1+json");
    assert_eq!(json["payload"], "AP8=");
    assert_eq!(json["signatures"][1]["keyid"], "b");
    assert_eq!(json["signatures"][1]["sig"], STANDARD.encode(read.signatures()[1].sig));
}

#[test]
fn snapshot_stands_in_its_envelope_as_it_is_and_its_digest_is_signed() {
    let document = serde_json::to_vec(&snapshot(8)).unwrap();
    let envelope = Envelope::sign(PayloadType::Snapshot, &document, &[&key("s")]);
    assert_eq!(Envelope::parse(&envelope.to_json()).unwrap(), envelope);
    assert_eq!(envelope.document(), document);
    let text = String::from_utf8(envelope.to_json()).unwrap();
    assert!(text.ends_with(&format!(",\"content\":{}}}", String::from_utf8(document.clone()).unwrap())), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    let payload = STANDARD.decode(json["payload"].as_str().unwrap()).unwrap();
    let digest: ContentDigest = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        digest,
        ContentDigest { blake3: blake3::hash(&document).to_hex().to_string(), length: document.len() as u64 }
    );
    assert_eq!(envelope.signed_bytes(), pae("application/vnd.flag-core.snapshot.v1+json", &payload));
}

#[test]
fn root_signed_in_turn_meets_its_threshold() {
    let mut document = root(1);
    document.roles.root = role(2, &["a", "b"]);
    let mut envelope = Envelope::parse(&signed_root(&document, &["a"])).unwrap();
    let message = explain(TrustState::open(&envelope.to_json(), "caro", "production").unwrap_err());
    assert_eq!(message, "root is signed by 1 of the 2 keys that role root of root 1 demands");
    envelope.countersign(&key("b"));
    assert!(TrustState::open(&envelope.to_json(), "caro", "production").is_ok());
}

#[test]
fn malformed_envelopes_are_refused() {
    let long = "A".repeat(88);
    let table: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "not strict JSON: byte 0: the text ends too early"),
        (b"<html>not found</html>".to_vec(), "not strict JSON: byte 0: found '<', expected an object"),
        (b"{}".to_vec(), "not a DSSE envelope: missing field `payloadType` at line 1 column 2"),
        (
            [b"\xEF\xBB\xBF".as_slice(), &changed(|_| {})].concat(),
            "not strict JSON: byte 0: found a byte order mark, expected an object",
        ),
        (
            with_content(&json!({"payloadType": 1}), b"{}"),
            "not a DSSE envelope: invalid type: integer `1`, expected a string at line 1 column 16",
        ),
        (
            changed(|json| json["payload"] = json!("e30=")),
            "payload is not the digest of a content: missing field `blake3` at line 1 column 2",
        ),
        (changed(|json| json["payload"] = json!("e30")), "payload is not base64: Invalid padding"),
        (changed(|json| json["payload"] = json!("e31=")), "payload is not base64: Invalid last symbol 49, offset 2."),
        (changed(|json| json["payload"] = json!("e30=\n")), "payload is not base64: Invalid symbol 10, offset 4."),
        (changed(|json| json["payloadType"] = json!("application/json")), "unknown payload type \"application/json\""),
        (
            changed(|json| json["payloadType"] = json!("application/vnd.flag-core.snapshot.v1+json ")),
            "unknown payload type \"application/vnd.flag-core.snapshot.v1+json \"",
        ),
        (changed(|json| json["signatures"][0]["sig"] = json!("AAAA")), "signature 0 of 3 bytes, expected 64"),
        (
            changed(|json| json["signatures"][0]["sig"] = json!("A")),
            "signature 0 is not base64: Invalid input length: 1",
        ),
        (
            changed(|json| json["signatures"] = json!(vec![json!({"keyid": "s", "sig": long}); 17])),
            "17 signatures are above the limit of 16",
        ),
    ];
    for (bytes, message) in table {
        assert_eq!(refusal(&bytes), format!("snapshot envelope is malformed: {message}"));
    }
}

#[test]
fn duplicate_payload_in_the_envelope() {
    let genuine = String::from_utf8(signed_snapshot(&snapshot(8))).unwrap();
    let doubled = genuine.replacen('{', "{\"payload\":\"e30=\",", 1);
    let at = doubled.rfind("\"payload\"").unwrap();
    let message = format!("snapshot envelope is malformed: not strict JSON: byte {at}: duplicate key \"payload\"");
    assert_eq!(refusal(doubled.as_bytes()), message);
}

#[test]
fn unknown_members_of_the_envelope_are_ignored() {
    let mut client = client();
    let extended = changed(|json| json["transparency"] = json!({"log": [1, 2]}));
    assert_eq!(client.accept_snapshot(&extended, NOW).unwrap().change, Change::Snapshot { epoch: 1, version: 8 });
}

#[test]
fn payload_type_swapped() {
    let document = serde_json::to_vec(&snapshot(8)).unwrap();
    let as_kills =
        Envelope::sign(PayloadType::Kills, serde_json::to_vec(&ContentDigest::of(&document)).unwrap(), &[&key("s")]);
    assert_eq!(
        refusal(&as_kills.to_json()),
        "payload type is application/vnd.flag-core.kills.v1+json, expected application/vnd.flag-core.snapshot.v1+json"
    );
    let mut relabelled: Value = serde_json::from_slice(&as_kills.to_json()).unwrap();
    relabelled["payloadType"] = json!("application/vnd.flag-core.snapshot.v1+json");
    let message = "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands";
    assert_eq!(refusal(&with_content(&relabelled, &document)), message);
}

#[test]
fn content_missing_or_no_object() {
    let genuine: Value = serde_json::from_slice(&signed_snapshot(&snapshot(8))).unwrap();
    let mut head = genuine.clone();
    head.as_object_mut().unwrap().remove("content");
    let message = "snapshot envelope is malformed: no content";
    assert_eq!(refusal(&serde_json::to_vec(&head).unwrap()), message);
    for content in [b"7".as_slice(), b"[]", b"\"{}\"", b"null"] {
        assert_eq!(refusal(&with_content(&head, content)), message);
    }
}

#[test]
fn content_exchanged_under_a_genuine_payload() {
    let mut richer = snapshot(9);
    richer.kills.push(kill("x"));
    let richer = serde_json::to_vec(&richer).unwrap();
    let genuine = signed_snapshot(&snapshot(8));
    let mut head: Value = serde_json::from_slice(&genuine).unwrap();
    head.as_object_mut().unwrap().remove("content");
    let (found, expected) =
        (ContentDigest::of(&richer), ContentDigest::of(Envelope::parse(&genuine).unwrap().document()));
    let message =
        format!("snapshot envelope is malformed: content is not the one signed: found {found}, expected {expected}");
    assert_eq!(refusal(&with_content(&head, &richer)), message);
    head["payload"] = json!(STANDARD.encode(serde_json::to_vec(&found).unwrap()));
    let message = "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands";
    assert_eq!(refusal(&with_content(&head, &richer)), message, "its digest exchanged as well");
}

#[test]
fn content_written_anew_is_another() {
    let genuine = String::from_utf8(signed_snapshot(&snapshot(8))).unwrap();
    let spaced = genuine.replacen("\"version\":8", "\"version\": 8", 1);
    assert!(refusal(spaced.as_bytes()).starts_with("snapshot envelope is malformed: content is not the one signed"));
}

#[test]
fn one_flipped_bit() {
    let genuine = signed_snapshot(&snapshot(8));
    let payload = serde_json::to_vec(&snapshot(8)).unwrap();
    let shipped = client();
    let mut accepted = 0;
    for bit in 0..genuine.len() * 8 {
        let mut flipped = genuine.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut client = shipped.clone();
        if client.accept_snapshot(&flipped, NOW).is_ok() {
            assert_eq!(client.snapshot_payload(), Some(payload.as_slice()), "bit {bit}");
            accepted += 1;
        } else {
            assert_eq!(client.snapshot_payload(), None, "bit {bit}");
        }
    }
    // Only the hint can change unnoticed: seven bits of its one byte are still text (two of them no string any more), and
    // the name of its member may be any other.
    assert!(accepted < 50, "{accepted} flips were accepted");
}

#[test]
fn truncated_at_every_byte() {
    let genuine = signed_snapshot(&snapshot(8));
    let mut client = client();
    for length in 0..genuine.len() {
        assert!(client.accept_snapshot(&genuine[..length], NOW).is_err(), "{length} bytes");
    }
    assert_eq!(client.snapshot_version(), None);
    client.accept_snapshot(&genuine, NOW).unwrap();
}

#[test]
fn oversized_documents_are_not_parsed() {
    let table = [(PayloadType::Root, "root", MAX_ROOT_BYTES), (PayloadType::Kills, "kills", MAX_KILLS_BYTES)];
    for (document, name, limit) in table {
        let bytes = vec![b' '; limit + 1];
        let error = match document {
            PayloadType::Root => client().accept_root(&bytes, NOW).unwrap_err(),
            _ => client().accept_kills(&bytes, NOW).unwrap_err(),
        };
        assert_eq!(error.to_string(), format!("{name} envelope of {} bytes is above the limit of {limit}", limit + 1));
    }
    assert_eq!(
        refusal(&vec![b' '; 4 * 1024 * 1024 + 1]),
        "snapshot envelope of 4194305 bytes is above the limit of 4194304"
    );
}

#[test]
fn size_limit_is_the_hosts_up_to_16_mib() {
    let genuine = signed_snapshot(&snapshot(8));
    let exact = SizeLimit::new(genuine.len()).unwrap();
    assert!(client().with_size_limit(exact).accept_snapshot(&genuine, NOW).is_ok());
    let short = SizeLimit::new(genuine.len() - 1).unwrap();
    assert!(client().with_size_limit(short).accept_snapshot(&genuine, NOW).is_err());
    assert_eq!(SizeLimit::default().bytes(), 4 * 1024 * 1024);
    assert_eq!(SizeLimit::new(16 * 1024 * 1024).unwrap(), SizeLimit::HARD);
    let message = "size limit of 16777217 bytes is not within 1 and 16777216";
    assert_eq!(SizeLimit::new(16 * 1024 * 1024 + 1).unwrap_err().to_string(), message);
    assert_eq!(SizeLimit::new(0).unwrap_err().to_string(), "size limit of 0 bytes is not within 1 and 16777216");
}

#[test]
fn threshold_met_by_one_key_under_two_ids() {
    let mut document = root(1);
    document.roles.snapshot = role(2, &["s", "t"]);
    // The second entry is the first key again, by another name.
    document.roles.snapshot.keys.push(RoleKey { keyid: "s2".to_owned(), ..document.roles.snapshot.keys[0].clone() });
    let mut client = open(&document);
    let twice = signed(PayloadType::Snapshot, &snapshot(1), &["s", "s2"]);
    let message = "snapshot is signed by 1 of the 2 keys that role snapshot of root 1 demands";
    assert_eq!(explain(client.accept_snapshot(&twice, NOW).unwrap_err()), message);
    let repeated = signed(PayloadType::Snapshot, &snapshot(1), &["s", "s", "s"]);
    assert_eq!(explain(client.accept_snapshot(&repeated, NOW).unwrap_err()), message);
    let two_keys = signed(PayloadType::Snapshot, &snapshot(1), &["s", "s2", "t"]);
    assert!(client.accept_snapshot(&two_keys, NOW).is_ok());
}

#[test]
fn key_of_another_role_does_not_count() {
    for other in ["r", "k", "x"] {
        let bytes = signed(PayloadType::Snapshot, &snapshot(8), &[other]);
        assert_eq!(
            refusal(&bytes),
            "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands",
            "{other}"
        );
    }
}

#[test]
fn unsigned_document() {
    let bytes = signed(PayloadType::Snapshot, &snapshot(8), &[]);
    assert_eq!(refusal(&bytes), "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands");
}

#[test]
fn key_id_is_only_a_hint() {
    for hint in [json!("r"), json!("unheard of"), json!("")] {
        let relabelled = changed(|json| json["signatures"][0]["keyid"] = hint.clone());
        assert!(client().accept_snapshot(&relabelled, NOW).is_ok(), "{hint}");
    }
    let nameless = changed(|json| {
        json["signatures"][0].as_object_mut().unwrap().remove("keyid");
    });
    assert!(client().accept_snapshot(&nameless, NOW).is_ok());
}

#[test]
fn flood_of_false_signatures_is_tried_a_limited_number_of_times() {
    let ids: Vec<String> = ('A'..='P').map(String::from).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut document = root(1);
    document.roles.snapshot = role(1, &ids);
    let mut envelope = Envelope::sign(PayloadType::Snapshot, serde_json::to_vec(&snapshot(1)).unwrap(), &[]);
    for _ in 0..4 {
        envelope.countersign(&key("x"));
    }
    envelope.countersign(&key("A"));
    let message = "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands";
    assert_eq!(explain(open(&document).accept_snapshot(&envelope.to_json(), NOW).unwrap_err()), message);
}

#[test]
fn duplicate_key_in_the_document() {
    let genuine = serde_json::to_string(&snapshot(8)).unwrap();
    let doubled = genuine.replacen("\"version\":8", "\"version\":8,\"version\":9", 1);
    let bytes = signed_bytes(PayloadType::Snapshot, doubled.as_bytes(), &["s"]);
    let at = String::from_utf8(bytes.clone()).unwrap().rfind("\"version\"").unwrap();
    let message = format!("snapshot envelope is malformed: not strict JSON: byte {at}: duplicate key \"version\"");
    assert_eq!(refusal(&bytes), message);
    let kills = serde_json::to_string(&kills(&["a"])).unwrap().replacen("\"epoch\":1", "\"epoch\":1,\"epoch\":2", 1);
    let at = kills.rfind("\"epoch\"").unwrap();
    let error = client().accept_kills(&signed_bytes(PayloadType::Kills, kills.as_bytes(), &["k"]), NOW).unwrap_err();
    assert_eq!(explain(error), format!("kills payload is not strict JSON: byte {at}: duplicate key \"epoch\""));
}

#[test]
fn duplicate_key_deep_in_the_flags() {
    let genuine = serde_json::to_string(&snapshot(8)).unwrap();
    let doubled = genuine.replacen('{', r#"{"flags":[{"key":"a","variants":{"on":true,"on":false}}],"#, 1);
    let bytes = signed_bytes(PayloadType::Snapshot, doubled.as_bytes(), &["s"]);
    let at = String::from_utf8(bytes.clone()).unwrap().rfind("\"on\"").unwrap();
    let message = format!("snapshot envelope is malformed: not strict JSON: byte {at}: duplicate key \"on\"");
    assert_eq!(refusal(&bytes), message);
}

#[test]
fn document_that_is_no_snapshot() {
    let message = "snapshot payload is malformed: missing field `schema` at line 1 column 2";
    assert_eq!(refusal(&signed_bytes(PayloadType::Snapshot, b"{}", &["s"])), message);
    // What comes after flags that are cut out is still told by its place in the document.
    let late = br#"{"flags":{"a":{}},"schema":"1"}"#;
    let message = "snapshot payload is malformed: invalid type: string \"1\", expected u32 at line 1 column 30";
    assert_eq!(refusal(&signed_bytes(PayloadType::Snapshot, late, &["s"])), message);
    for broken in [b"[]".as_slice(), b"{} {}", b"{\"schema\":1,}", b""] {
        let message = refusal(&signed_bytes(PayloadType::Snapshot, broken, &["s"]));
        assert!(message.starts_with("snapshot envelope is malformed: "), "{message}");
    }
}
