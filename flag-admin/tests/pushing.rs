//! `publish --to` a server: what is signed where the keys are is served where they are not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use serving::Serving;
use support::{Run, Sandbox, finished};

/// A project with its keys in `flags`, and a server without any in `served`, which trusts the same root.
struct Apart {
    sandbox: Sandbox,
    serving: Serving,
    token: String,
}

impl Apart {
    fn new() -> Self {
        let sandbox = Sandbox::with_sample();
        sandbox.run(&["init", "served", "--project", "caro", "--as", "keeper", "--root", "flags/root/1.json"]).text();
        let issued = sandbox.run(&[
            "-C",
            "served",
            "--as",
            "keeper",
            "token",
            "new",
            "keeper",
            "--can",
            "publish",
            "--role",
            "release_manager",
            "--yes",
            "--json",
        ]);
        let token = issued.json()["secret"].as_str().unwrap().to_owned();
        let serving = Serving::start(&sandbox, &["-C", "served", "serve", "--public", "public"]);
        Self { sandbox, serving, token }
    }

    fn run(&self, token: &str, arguments: &[&str]) -> Run {
        let all: Vec<&str> = ["-C", "flags"].iter().chain(arguments).copied().collect();
        finished(self.sandbox.command(&all).env("FLAG_ADMIN_TOKEN", token).spawn().unwrap())
    }

    fn push(&self, name: &str, bytes: &[u8]) -> (u16, String) {
        let bearer = format!("Bearer {}", self.token);
        let answer =
            self.serving.ask("PUT", &format!("/admin/v1/documents/{name}"), &[("authorization", &bearer)], bytes);
        (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn what_is_signed_here_is_served_there() {
    let apart = Apart::new();
    let url = apart.serving.url();
    let published = apart.run(&apart.token, &["publish", "--to", &url]);
    assert!(published.text().starts_with(&format!("published snapshot 1 of production to {url}\n")), "{published:?}");
    let served = apart.serving.get("/v1/snapshot.json", &[]);
    assert_eq!(served.status, 200, "it is served once it is published");
    assert_eq!(apart.serving.get("/v1/root/1.json", &[]).status, 200);
    // The place is remembered, a kill goes there at once, and its end with the next snapshot.
    apart.run(&apart.token, &["kill", "telemetry", "--reason", "incident"]).text();
    let kills = apart.serving.get("/v1/kills.json", &[]);
    assert_eq!(kills.status, 200);
    apart.run(&apart.token, &["unkill", "telemetry", "--reason", "fixed", "--yes"]).text();
    apart.run(&apart.token, &["publish"]).text();
    assert_eq!(apart.serving.get("/v1/kills.json", &[]).status, 404);
    assert_eq!(apart.serving.get("/readyz", &[]).json()["snapshot"], 2);
    // What was once good is refused afterwards, as every client would.
    assert_eq!(apart.push("snapshot", &served.body), (422, "untrusted".into()));
    assert_eq!(apart.push("kills", &kills.body).0, 200, "the kills of an older document are over for every client");
}

#[test]
fn nothing_is_served_that_clients_would_refuse() {
    let apart = Apart::new();
    let url = apart.serving.url();
    apart.run(&apart.token, &["publish", "--to", &url]).text();
    let before = apart.serving.get("/v1/snapshot.json", &[]).body;
    let other = Sandbox::with_sample();
    other.project(&["publish", "--to", "public"]).text();
    let foreign = std::fs::read(other.path("public/v1/snapshot.json")).unwrap();
    let root = std::fs::read(other.path("public/v1/root/1.json")).unwrap();
    let torn = &before[..before.len() / 2];
    for (name, bytes, expected) in [
        ("snapshot", foreign.as_slice(), (422, "untrusted")),
        ("snapshot", torn, (422, "untrusted")),
        ("snapshot", b"", (422, "untrusted")),
        ("root-1", &root, (409, "published_already")),
        ("root-2", &root, (422, "untrusted")),
        ("root-0", &root, (422, "untrusted")),
        ("kills", &before, (422, "untrusted")),
        ("secrets", b"{}", (404, "no_such_document")),
    ] {
        assert_eq!(apart.push(name, bytes), (expected.0, expected.1.to_owned()), "{name}");
    }
    assert_eq!(apart.serving.get("/v1/snapshot.json", &[]).body, before);
    let bearer = format!("Bearer {}", apart.token);
    let gone = apart.serving.ask("DELETE", "/admin/v1/documents/snapshot", &[("authorization", &bearer)], b"");
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (409, &"needed".into()));
    // A kill that no snapshot carries stays.
    apart.run(&apart.token, &["kill", "telemetry", "--reason", "incident"]).text();
    let gone = apart.serving.ask("DELETE", "/admin/v1/documents/kills", &[("authorization", &bearer)], b"");
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (409, &"published_already".into()));
    assert_eq!(
        gone.json()["error"]["message"],
        "the kills document holds 1 kills that stand, and that no snapshot carries"
    );
}

#[test]
fn a_push_needs_a_token_that_publishes() {
    let apart = Apart::new();
    let url = apart.serving.url();
    let mut command = apart.sandbox.command(&["-C", "flags", "publish", "--to", &url]);
    let none = finished(command.env_remove("FLAG_ADMIN_TOKEN").spawn().unwrap());
    assert_eq!(
        none.err,
        format!(
            "error: {url} cannot be opened: {url} refused: there is no token for it, expected one in FLAG_ADMIN_TOKEN\nhint: have one issued there: flag-admin token new HOLDER --can publish\n"
        )
    );
    let bad = apart.run("nonsense", &["publish", "--to", &url]);
    assert!(bad.err.contains(&format!("{url} refused: the token is not valid")), "{bad:?}");
    let issued = apart.sandbox.run(&[
        "-C",
        "served",
        "--as",
        "keeper",
        "token",
        "new",
        "reader",
        "--role",
        "reader",
        "--can",
        "read-config",
        "--yes",
        "--json",
    ]);
    let reader = issued.json()["secret"].as_str().unwrap().to_owned();
    let refused = apart.run(&reader, &["publish", "--to", &url]);
    assert!(refused.err.contains("does not allow publish, it allows read-config"), "{refused:?}");
    let far = apart.run(&apart.token, &["publish", "--to", "http://flags.example"]);
    assert!(far.err.contains("is another machine, and connections are not encrypted, expected https"), "{far:?}");
    let secret = apart.run(&apart.token, &["publish", "--to", "https://alice:pw@flags.example"]);
    assert!(secret.err.contains("the address holds a user or a query"), "{secret:?}");
    assert_eq!(apart.serving.get("/v1/snapshot.json", &[]).status, 404);
}
