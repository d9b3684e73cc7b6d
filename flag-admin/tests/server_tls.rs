//! An encrypted server, with certificates made here: clients verify it, and what they would refuse is refused at the start.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serving::Serving;
use support::Sandbox;

/// Writes a certificate for this machine and its key, good between two years, and returns the certificate.
fn certificate(sandbox: &Sandbox, name: &str, years: (i32, i32)) -> String {
    let mut asked = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    (asked.not_before, asked.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    let key = KeyPair::generate().unwrap();
    let pem = asked.self_signed(&key).unwrap().pem();
    sandbox.write(&format!("{name}.pem"), &pem);
    sandbox.write(&format!("{name}.key"), &key.serialize_pem());
    pem
}

fn published() -> Sandbox {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "store://"]).text();
    sandbox
}

/// Gets a document over HTTPS as a client of ours does, trusting one certificate beside those that everybody trusts.
fn get(url: &str, trusted: Option<&str>) -> reqwest::Result<(u16, usize)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = reqwest::Client::builder().no_proxy();
        if let Some(pem) = trusted {
            client = client.add_root_certificate(reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
        }
        let answer = client.build().unwrap().get(url).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.len()))
    })
}

#[test]
fn clients_verify_the_certificate_of_an_encrypted_server() {
    let sandbox = published();
    let trusted = certificate(&sandbox, "server", (2020, 2090));
    let other = certificate(&sandbox, "other", (2020, 2090));
    // Encrypted, it may listen where other machines reach it.
    let arguments =
        ["-C", "flags", "serve", "--listen", "0.0.0.0:0", "--tls-cert", "server.pem", "--tls-key", "server.key"];
    let serving = Serving::start(&sandbox, &arguments);
    assert_eq!(serving.logged("listening")["url"].as_str().unwrap().split(':').next(), Some("https"));
    let url = format!("{}/v1/snapshot.json", serving.url().replace("http://", "https://"));
    let (status, length) = get(&url, Some(&trusted)).unwrap();
    assert!(status == 200 && length > 1_000, "{status} {length}");
    assert_eq!(get(&url.replace("127.0.0.1", "localhost"), Some(&trusted)).unwrap().0, 200);
    for (url, trusted) in
        [(&url, None), (&url, Some(&*other)), (&url.replace("127.0.0.1", "127.0.0.2"), Some(&*trusted))]
    {
        let refused = get(url, trusted).unwrap_err();
        assert!(refused.is_connect(), "{refused:?}");
        assert!(format!("{refused:?}").contains("InvalidCertificate"), "{refused:?}");
    }
}

#[test]
fn whoever_does_not_encrypt_is_answered_nothing_and_holds_up_nobody() {
    let sandbox = published();
    let trusted = certificate(&sandbox, "server", (2020, 2090));
    let serving =
        Serving::start(&sandbox, &["-C", "flags", "serve", "--tls-cert", "server.pem", "--tls-key", "server.key"]);
    let mut plain = serving.connect();
    plain.write_all(b"GET /v1/snapshot.json HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    // A hundred that never begin to encrypt.
    let silent: Vec<_> = (0..100).map(|_| serving.connect()).collect();
    let url = format!("{}/healthz", serving.url().replace("http://", "https://"));
    let begun = Instant::now();
    assert_eq!(get(&url, Some(&trusted)).unwrap().0, 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(silent);
}

#[test]
fn certificates_that_clients_would_refuse_are_refused_at_the_start() {
    let sandbox = published();
    certificate(&sandbox, "server", (2020, 2090));
    certificate(&sandbox, "other", (2020, 2090));
    certificate(&sandbox, "expired", (2020, 2021));
    certificate(&sandbox, "early", (2089, 2090));
    sandbox.write("empty.pem", "");
    sandbox.write("nonsense.pem", "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n");
    let both = "hint: give both in PEM: the certificate and those that vouch for it, and its private key without a passphrase\n";
    for (certificate, key, starts, hint) in [
        (
            "expired.pem",
            "expired.key",
            "error: certificate expired.pem expired at 2021-01-01T00:00:00Z\n",
            "hint: have a new one issued, and name it with --tls-cert and --tls-key\n",
        ),
        (
            "early.pem",
            "early.key",
            "error: certificate early.pem is not valid before 2089-01-01T00:00:00Z\n",
            "hint: set the clock of this machine, or wait until then\n",
        ),
        (
            "server.pem",
            "other.key",
            "error: certificate server.pem cannot be used with its key: ",
            "hint: name the key that the certificate was issued for with --tls-key\n",
        ),
        ("absent.pem", "server.key", "error: certificate absent.pem cannot be read: ", both),
        ("server.pem", "absent.key", "error: key absent.key cannot be read: ", both),
        ("server.pem", "server.pem", "error: key server.pem cannot be read: ", both),
        ("server.key", "server.key", "error: server.key holds no certificate\n", both),
        ("empty.pem", "server.key", "error: empty.pem holds no certificate\n", both),
        ("nonsense.pem", "server.key", "error: certificate nonsense.pem cannot be read: ", both),
    ] {
        let run = sandbox.project(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{certificate} {key}");
        assert!(run.err.starts_with(starts) && run.err.ends_with(hint), "{certificate} {key}: {}", run.err);
    }
}
