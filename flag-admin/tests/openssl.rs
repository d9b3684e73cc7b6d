//! Keys and signatures beside another implementation of them: what `KEYS.md` says of openssl.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::fs;
use std::io::Write as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::{Run, Sandbox, finished};

const PASSPHRASE: (&str, &str) = ("FLAG_PASSPHRASE", "correct horse battery staple");

/// Runs openssl in the sandbox. Returns none where it is not installed, and says so.
fn openssl(sandbox: &Sandbox, arguments: &str) -> Option<String> {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(sandbox.path("")).env(PASSPHRASE.0, PASSPHRASE.1);
    let Ok(output) = command.output() else {
        // Written past the harness, which swallows what passing tests print.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no openssl here to hold keys against");
        return None;
    };
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn run(sandbox: &Sandbox, arguments: &str) -> Run {
    let mut command = sandbox.command(&arguments.split(' ').collect::<Vec<_>>());
    finished(command.env(PASSPHRASE.0, PASSPHRASE.1).spawn().unwrap())
}

fn made_private(sandbox: &Sandbox, name: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn openssl_reads_our_keys_and_we_read_those_of_openssl() {
    let sandbox = Sandbox::with_project();
    for name in ["ours.pem", "a.pem"] {
        run(&sandbox, &format!("root key new {name}")).text();
    }
    assert!(
        fs::read_to_string(sandbox.path("ours.pem")).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    );
    let Some(public) = openssl(&sandbox, "pkey -in ours.pem -passin env:FLAG_PASSPHRASE -pubout") else { return };
    assert_eq!(public, fs::read_to_string(sandbox.path("ours.pub")).unwrap());
    let plain = openssl(&sandbox, "pkey -in flags/keys/snapshot.pem -pubout").unwrap();
    assert_eq!(plain, fs::read_to_string(sandbox.path("flags/keys/snapshot.pub")).unwrap());

    // The same root is signed by keys that openssl made and encrypted: in its usual way, by scrypt, and not at all.
    openssl(&sandbox, "genpkey -algorithm ed25519 -out one.pem -aes-256-cbc -pass env:FLAG_PASSPHRASE").unwrap();
    openssl(&sandbox, "genpkey -algorithm ed25519 -out three.pem").unwrap();
    openssl(&sandbox, "genpkey -algorithm ed25519 -out two.der -outform DER").unwrap();
    openssl(&sandbox, "pkcs8 -topk8 -inform DER -in two.der -scrypt -passout env:FLAG_PASSPHRASE -out two.pem")
        .unwrap();
    for name in ["one", "two", "three"] {
        made_private(&sandbox, &format!("{name}.pem"));
        openssl(&sandbox, &format!("pkey -in {name}.pem -passin env:FLAG_PASSPHRASE -pubout -out {name}.pub")).unwrap();
    }
    run(
        &sandbox,
        "root init --project caro --threshold 3 --keys one.pub,two.pub,three.pub --snapshot-key flags/keys/snapshot.pub \
         --kill-key flags/keys/kill.pub --out root.json",
    )
    .text();
    for (name, complete) in [("one", false), ("two", false), ("three", true)] {
        let signed = run(&sandbox, &format!("root sign root.json --key {name}.pem --yes --json")).json();
        assert_eq!(signed["complete"], complete, "{name}");
    }
}

/// The bytes that a DSSE signature is of.
fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[test]
fn openssl_verifies_what_we_sign() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    sandbox.project(&["kill", "telemetry", "--reason", "drill"]).text();
    for (document, key) in [("v1/root/1.json", "root"), ("v1/snapshot.json", "snapshot"), ("v1/kills.json", "kill")] {
        let envelope: Value =
            serde_json::from_slice(&fs::read(sandbox.path("public").join(document)).unwrap()).unwrap();
        let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        let payload = decoded(&envelope["payload"]);
        let mut message = signed_bytes(envelope["payloadType"].as_str().unwrap(), &payload);
        fs::write(sandbox.path("message"), &message).unwrap();
        fs::write(sandbox.path("signature"), decoded(&envelope["signatures"][0]["sig"])).unwrap();
        let verify =
            format!("pkeyutl -verify -pubin -inkey flags/keys/{key}.pub -rawin -in message -sigfile signature");
        let Some(told) = openssl(&sandbox, &verify) else { return };
        assert_eq!(told, "Signature Verified Successfully\n", "{document}");
        message[10] ^= 1;
        fs::write(sandbox.path("message"), &message).unwrap();
        let refused = Command::new("openssl").args(verify.split(' ')).current_dir(sandbox.path("")).output().unwrap();
        assert!(!refused.status.success(), "{document}");
    }
}
