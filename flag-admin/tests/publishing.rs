//! Publishing to folders and object stores, signing anew before expiry, and what publishing refuses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{SAMPLE, Sandbox};

fn content(sandbox: &Sandbox, file: &str) -> Value {
    let envelope: Value = serde_json::from_slice(&fs::read(sandbox.path(file)).unwrap()).unwrap();
    envelope["content"].clone()
}

#[test]
fn a_refresh_signs_anew_only_when_expiry_is_near_and_says_nothing_new() {
    let sandbox = Sandbox::with_sample();
    let none = sandbox.project(&["publish", "--refresh"]);
    assert_eq!(
        (none.code, none.err.lines().next()),
        (Some(1), Some("error: production was not published yet, so it is not known where to"))
    );
    sandbox.project(&["publish", "--to", "public"]).text();
    let before = content(&sandbox, "public/v1/snapshot.json");

    let early = sandbox.project(&["publish", "--refresh", "--within", "7d"]);
    assert!(early.text().starts_with("nothing to do: snapshot 1 is good until "), "{}", early.out);
    let early = sandbox.project(&["publish", "--refresh", "--json"]).json();
    assert_eq!((&early["refreshed"], &early["version"]), (&json!(false), &json!(1)));
    assert_eq!(content(&sandbox, "public/v1/snapshot.json"), before);

    sandbox.project(&["rollout", "set", "telemetry_cloud_sync", "100%", "--yes"]).text();
    let due = sandbox.project(&["publish", "--refresh", "--within", "31d", "--json"]).json();
    assert_eq!(due["version"], json!(2));
    let after = content(&sandbox, "public/v1/snapshot.json");
    for same in ["flags", "kills", "audit_head", "epoch", "project", "environment"] {
        assert_eq!(after[same], before[same], "{same} waits for somebody to publish it");
    }
    assert_ne!(after["issued_at"], before["issued_at"]);
    sandbox.project(&["verify", "public/v1/snapshot.json"]).text();
    sandbox.project(&["publish"]).text();
    let published = content(&sandbox, "public/v1/snapshot.json");
    assert_eq!(published["version"], json!(3));
    assert_ne!(published["flags"], before["flags"]);
}

#[test]
fn a_refresh_signs_nothing_that_it_did_not_publish() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let old = fs::read(sandbox.path("public/v1/snapshot.json")).unwrap();
    sandbox.project(&["publish"]).text();
    fs::write(sandbox.path("public/v1/snapshot.json"), old).unwrap();
    let refused = sandbox.project(&["publish", "--refresh", "--within", "31d"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("does not hold the snapshot that was published last, so it cannot be signed anew"),
        "{}",
        refused.err
    );
}

#[test]
fn a_publication_goes_where_the_last_one_went_and_warns_of_no_flags() {
    let sandbox = Sandbox::with_project();
    let first = sandbox.project(&["publish", "--to", "public", "--json"]).json();
    assert_eq!(first["warnings"], json!(["production has no flags: clients fall back to the defaults of their code"]));
    let settings = fs::read_to_string(sandbox.path("flags/flag-admin.toml")).unwrap();
    let public = sandbox.path("public").canonicalize().unwrap();
    assert!(settings.contains(&format!("publish_to = {{ production = \"{}\" }}", public.display())), "{settings}");
    assert!(settings.contains("# actor = \"alice\""), "comments stay: {settings}");
    sandbox.project(&["apply", "-f", SAMPLE, "--yes"]).text();
    let second = sandbox.project(&["publish", "--json"]).json();
    assert_eq!((&second["version"], &second["warnings"]), (&json!(2), &json!([])));
    assert_eq!(content(&sandbox, "public/v1/snapshot.json")["version"], json!(2));
}

#[test]
fn a_genuine_snapshot_that_was_replaced_since_is_told_from_the_last_one() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    fs::copy(sandbox.path("public/v1/snapshot.json"), sandbox.path("old.json")).unwrap();
    sandbox.project(&["verify", "old.json"]).text();
    sandbox.project(&["publish"]).text();
    let old = sandbox.project(&["verify", "old.json"]);
    assert_eq!(old.code, Some(1));
    assert!(
        old.err.starts_with("error: snapshot 1 of production is genuine, but snapshot 2 was published since, at "),
        "{}",
        old.err
    );
    // Whoever has only the shipped root cannot know.
    sandbox.run(&["verify", "old.json", "--root", "flags/root/1.json"]).text();
}

#[test]
fn what_an_interrupted_publication_left_behind_is_made_up_for() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    fs::remove_file(sandbox.path("public/v1/root/1.json")).unwrap();
    fs::write(sandbox.path("public/v1/.snapshot.json.new"), "{\"payl").unwrap();
    fs::write(sandbox.path("public/v1/root/.1.json.new"), "").unwrap();
    let doctor = sandbox.project(&["doctor", "--json"]);
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.out.contains("has no root 1"), "{}", doctor.out);
    sandbox.project(&["publish"]).text();
    assert_eq!(sandbox.project(&["doctor"]).code, Some(0));
    assert!(!sandbox.path("public/v1/.snapshot.json.new").exists());
    assert!(!sandbox.path("public/v1/root/.1.json.new").exists());
}

#[test]
fn a_place_that_cannot_be_written_is_told_and_not_remembered() {
    let sandbox = Sandbox::with_sample();
    sandbox.write("file", "");
    let settings = fs::read(sandbox.path("flags/flag-admin.toml")).unwrap();
    for (place, message) in [
        ("file/public", "file/public/v1/snapshot.json cannot be read: "),
        ("s3://key:secret@bucket/x", "the address holds a user or a query"),
        ("ftp://flags.example", "\"ftp://flags.example\" cannot be published to, expected a folder"),
        (
            "https://flags.example",
            "https://flags.example refused: there is no token for it, expected one in FLAG_ADMIN_TOKEN",
        ),
    ] {
        let run = sandbox.project(&["publish", "--to", place]);
        assert_eq!(run.code, Some(1), "{place}");
        assert!(run.err.contains(message), "{place}: {}", run.err);
    }
    assert_eq!(fs::read(sandbox.path("flags/flag-admin.toml")).unwrap(), settings);
    // No version was spent on what was refused before it was signed.
    assert_eq!(sandbox.project(&["publish", "--to", "public", "--json"]).json()["version"], json!(1));
}

#[cfg(feature = "object-store")]
mod object_store {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use super::*;
    use crate::support::{Run, finished};

    /// What speaks like Amazon's store, as far as we ask: objects by path, on this machine alone.
    #[derive(Clone, Default)]
    struct Store {
        objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
        written: Arc<Mutex<Vec<(String, String)>>>,
        closed: Arc<Mutex<bool>>,
    }

    impl Store {
        fn open() -> (Self, u16) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let store = Self::default();
            let shared = store.clone();
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let store = shared.clone();
                    thread::spawn(move || store.serve(&stream.unwrap()));
                }
            });
            (store, port)
        }

        fn serve(&self, stream: &TcpStream) {
            let mut reader = BufReader::new(stream);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                let mut words = line.split(' ');
                let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
                let mut headers = BTreeMap::new();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let Some((name, value)) = line.trim().split_once(": ") else { break };
                    headers.insert(name.to_lowercase(), value.to_owned());
                }
                let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let (status, body) = self.answer(&method, &path, &headers, body);
                let head = format!(
                    "HTTP/1.1 {status}\r\nETag: \"{}\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: {}\r\n\r\n",
                    body.len(),
                    body.len()
                );
                let mut stream = stream;
                stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
            }
        }

        fn answer(
            &self,
            method: &str,
            path: &str,
            headers: &BTreeMap<String, String>,
            body: Vec<u8>,
        ) -> (&'static str, Vec<u8>) {
            if *self.closed.lock().unwrap() {
                return ("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>".to_vec());
            }
            let mut objects = self.objects.lock().unwrap();
            match method {
                "PUT" => {
                    // Microsoft's store has headers of its own for what it keeps beside an object.
                    let header =
                        |name: &str| headers.get(&format!("x-ms-blob-{name}")).unwrap_or_else(|| &headers[name]);
                    assert_eq!(header("content-type"), "application/json");
                    // Google's names stand in addresses as one segment, escaped.
                    let named = path.replace("%2F", "/").replace("%2E", ".");
                    self.written.lock().unwrap().push((named, header("cache-control").clone()));
                    objects.insert(path.to_owned(), body);
                    ("200 OK", Vec::new())
                }
                "GET" => match objects.get(path) {
                    Some(object) => ("200 OK", object.clone()),
                    None => ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
                },
                // Amazon's way to delete many objects at once, which is also the way to delete one.
                "POST" if path.ends_with("?delete") => {
                    let body = String::from_utf8(body).unwrap();
                    let key = body.split_once("<Key>").unwrap().1.split_once("</Key>").unwrap().0;
                    objects.remove(&format!("{}/{key}", path.trim_end_matches("?delete")));
                    ("200 OK", format!("<DeleteResult><Deleted><Key>{key}</Key></Deleted></DeleteResult>").into_bytes())
                }
                _ => ("405 Method Not Allowed", Vec::new()),
            }
        }
    }

    fn run(sandbox: &Sandbox, port: u16, arguments: &[&str]) -> Run {
        let mut command = sandbox.command(&[&["-C", "flags"], arguments].concat());
        command
            .env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}"))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "nobody")
            .env("AWS_SECRET_ACCESS_KEY", "nothing");
        finished(command.spawn().unwrap())
    }

    #[test]
    fn a_store_that_speaks_like_amazons_gets_roots_first_and_the_snapshot_last() {
        let sandbox = Sandbox::with_sample();
        let (store, port) = Store::open();
        let published = run(&sandbox, port, &["publish", "--to", "s3://flags/caro", "--json"]).json();
        assert_eq!(published["place"], json!("s3://flags/caro"));
        let (briefly, for_ever) = ("public, max-age=30, must-revalidate", "public, max-age=31536000, immutable");
        let put = |path: &str, kept: &str| (format!("/flags/caro/v1/{path}"), kept.to_owned());
        assert_eq!(*store.written.lock().unwrap(), [put("root/1.json", for_ever), put("snapshot.json", briefly)]);

        store.written.lock().unwrap().clear();
        run(&sandbox, port, &["kill", "telemetry", "--reason", "incident 12", "--to", "s3://flags/caro"]).text();
        run(&sandbox, port, &["publish"]).text();
        assert_eq!(
            *store.written.lock().unwrap(),
            [put("kills.json", briefly), put("kills.json", briefly), put("snapshot.json", briefly)]
        );
        run(&sandbox, port, &["unkill", "telemetry", "--reason", "fixed", "--yes"]).text();
        run(&sandbox, port, &["publish"]).text();
        assert!(!store.objects.lock().unwrap().contains_key("/flags/caro/v1/kills.json"), "it has nothing left to say");
        assert_eq!(run(&sandbox, port, &["doctor"]).code, Some(0));

        *store.closed.lock().unwrap() = true;
        let refused = run(&sandbox, port, &["publish"]);
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.starts_with("error: s3://flags/caro/v1/snapshot.json cannot be read: "), "{}", refused.err);
        assert!(!refused.err.contains("nothing\n"), "no secret is shown: {}", refused.err);
        assert_eq!(run(&sandbox, port, &["doctor"]).code, Some(1));
    }
    #[test]
    fn googles_and_microsofts_stores_get_the_same_documents() {
        let (briefly, for_ever) = ("public, max-age=30, must-revalidate", "public, max-age=31536000, immutable");
        for (address, at) in [("gs://flags/caro", "/flags/caro"), ("az://flags/caro", "/devstoreaccount1/flags/caro")] {
            let sandbox = Sandbox::with_sample();
            let (store, port) = Store::open();
            // What the stores' emulators take: no account of anybody's, and this machine alone.
            let account = json!({
                "private_key": "", "private_key_id": "", "client_email": "", "disable_oauth": true,
                "gcs_base_url": format!("http://127.0.0.1:{port}"),
            });
            let run = |arguments: &[&str]| {
                let mut command = sandbox.command(&[&["-C", "flags"], arguments].concat());
                command
                    .env("GOOGLE_SERVICE_ACCOUNT_KEY", account.to_string())
                    .env("GOOGLE_ALLOW_HTTP", "true")
                    .env("AZURE_STORAGE_USE_EMULATOR", "true")
                    .env("AZURE_ALLOW_HTTP", "true")
                    .env("AZURITE_BLOB_STORAGE_URL", format!("http://127.0.0.1:{port}"));
                finished(command.spawn().unwrap())
            };
            assert_eq!(run(&["publish", "--to", address, "--json"]).json()["place"], json!(address));
            let put = |path: &str, kept: &str| (format!("{at}/v1/{path}"), kept.to_owned());
            assert_eq!(*store.written.lock().unwrap(), [put("root/1.json", for_ever), put("snapshot.json", briefly)]);
            assert_eq!(run(&["publish", "--json"]).json()["version"], json!(2));
            assert_eq!(run(&["doctor"]).code, Some(0), "{address}");
            *store.closed.lock().unwrap() = true;
            let refused = run(&["publish"]);
            let message = format!("error: {address}/v1/snapshot.json cannot be read: ");
            assert!(refused.code == Some(1) && refused.err.starts_with(&message), "{}", refused.err);
        }
    }
}

#[test]
fn what_publishing_would_do_is_shown_and_not_done() {
    let sandbox = Sandbox::with_sample();
    let first = sandbox.project(&["publish", "--to", "public", "--dry-run"]);
    assert!(
        first.text().starts_with("snapshot 1 of production would be the first in public\n  9 flags, 0 kills\n"),
        "{}",
        first.out
    );
    assert!(!sandbox.path("public/v1").exists());
    sandbox.project(&["publish", "--to", "public"]).text();
    let before = std::fs::read(sandbox.path("public/v1/snapshot.json")).unwrap();
    let log = sandbox.project(&["log", "--json"]).json();
    let nothing = sandbox.project(&["publish", "--dry-run"]);
    assert_eq!(
        nothing.text().replace(&*sandbox.path("public").to_string_lossy(), "public"),
        "snapshot 2 of production would take the place of snapshot 1 in public\n  9 flags, 0 kills\n  \
         nobody gains, loses or moves\nnot published\n"
    );
    assert_eq!(sandbox.project(&["log", "--json"]).json(), log, "no version is spent");

    sandbox.project(&["rollout", "set", "enhanced_safety_v2", "75%", "--yes"]).text();
    let preview = sandbox.project(&["publish", "--dry-run", "--json"]).json();
    assert_eq!((&preview["version"], &preview["replaces"]), (&json!(2), &json!(1)));
    let flags = preview["plan"]["flags"].as_array().unwrap();
    let effect = flags.iter().find(|flag| flag["flag"] == "enhanced_safety_v2").unwrap();
    assert_eq!((&effect["change"], &effect["lost"]["max"]), (&json!("changed"), &json!(0)), "{effect}");
    assert_eq!(std::fs::read(sandbox.path("public/v1/snapshot.json")).unwrap(), before);
}
