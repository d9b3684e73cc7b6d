//! Refreshes against servers that behave, and servers that do not.
#![cfg(feature = "remote")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod server;
mod support;

use std::fs;
use std::time::Duration;

use flag_client::trust::PayloadType;
use flag_client::{BearerToken, Fetched, FlagClient, Layer, Precedence, Remote, ResetScope, SyncError};
use server::{Reply, Server, nowhere, open, remote, told};
use support::{Home, NOW, flag, kills, problems, root, sign, snapshot, snapshot_with};

/// A client that holds version 1, which turns `command_history` on, and the server it has it from.
fn synced() -> (Home, Server, FlagClient) {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    let client = open(&home, &server.url);
    assert!(!client.is_enabled("command_history"));
    let report = client.sync().unwrap();
    assert_eq!((report.root, report.kills, report.snapshot), (Fetched::Unchanged, Fetched::Absent, Fetched::Updated));
    assert!(client.is_enabled("command_history"));
    server.requests();
    (home, server, client)
}

#[test]
fn nothing_touches_the_network_before_a_sync() {
    let (home, server) = (Home::new(), Server::start());
    let client = open(&home, &server.url);
    let _ = (client.is_enabled("command_history"), client.list(), client.explain("command_history"), client.kills());
    client.enable("command_history").unwrap();
    client.reload();
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[test]
fn what_is_fetched_lasts_and_is_asked_for_conditionally() {
    let (home, server, client) = synced();
    assert_eq!(client.sync().unwrap().snapshot, Fetched::Unchanged);
    assert_eq!(server.requests(), ["/v1/root/2.json", "/v1/kills.json", "/v1/snapshot.json*"]);

    let next = open(&home, &server.url);
    assert!(next.is_enabled("command_history"), "from the cache");
    assert_eq!(next.decision("command_history").origin.layer, Layer::Snapshot);
    assert_eq!(next.sync().unwrap().snapshot, Fetched::Unchanged);
    assert_eq!(server.requests()[2], "/v1/snapshot.json*");

    fs::remove_file(home.path("state.json")).unwrap();
    let lost = open(&home, &server.url);
    assert!(!lost.is_enabled("command_history"));
    assert_eq!(lost.sync().unwrap().snapshot, Fetched::Updated);
    assert_eq!(server.requests()[2], "/v1/snapshot.json", "an ETag of what is lost is not sent");

    server.on("snapshot.json", Reply::Document(snapshot(2, &flag("command_history", false, "")), Some("\"t\"")));
    let report = client.sync().unwrap();
    assert_eq!(report.snapshot_info.unwrap().version, 2);
    assert!(!client.is_enabled("command_history"));
}

#[test]
fn a_reset_of_the_id_forgets_what_a_server_could_know_the_client_by() {
    let (home, server, client) = synced();
    let etags = home.path("state.json.etags");
    client.reset(None, ResetScope { kills: true, id: false }).unwrap();
    assert!(etags.exists());
    client.reset(None, ResetScope { kills: false, id: true }).unwrap();
    assert!(!etags.exists());
    assert_eq!(client.sync().unwrap().snapshot, Fetched::Unchanged);
    assert_eq!(server.requests()[2], "/v1/snapshot.json", "asked for as by a client that was never here");
    assert!(etags.exists());

    // That it was told to wait is nobody's mark, and stays.
    server.on("snapshot.json", Reply::Answer(503, "retry-after: 60\r\n".to_owned(), Vec::new()));
    client.sync().unwrap_err();
    client.reset(None, ResetScope { kills: false, id: true }).unwrap();
    let left: serde_json::Value = serde_json::from_slice(&fs::read(&etags).unwrap()).unwrap();
    assert_eq!((&left["snapshot"], &left["kills"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert!(left["quiet_until"].is_string() || left["quiet_until"].is_number(), "{left}");
}

#[test]
fn a_name_that_is_longer_than_it_takes_to_tell_documents_apart_is_not_sent_back() {
    let (_home, server, client) = synced();
    let document = snapshot(2, &flag("command_history", true, ""));
    let longest = "\"012345678901234567890123456789012345678901234567890123456789012345678-\"";
    let too_long = "\"012345678901234567890123456789012345678901234567890123456789012345678--\"";
    assert_eq!((longest.len(), too_long.len()), (72, 73));
    for (etag, path) in [(longest, "/v1/snapshot.json*"), (too_long, "/v1/snapshot.json")] {
        server.on("snapshot.json", Reply::Document(document.clone(), Some("\"other\"")));
        client.sync().unwrap();
        server.on("snapshot.json", Reply::Document(document.clone(), Some(etag)));
        client.sync().unwrap();
        server.requests();
        client.sync().unwrap();
        assert_eq!(server.requests()[2], path, "{etag}");
    }
}

#[test]
fn kills_arrive_even_where_the_snapshot_does_not() {
    let (_home, server, client) = synced();
    server.on("kills.json", Reply::Document(kills(&[("k1", "command_history")]), Some("\"k\"")));
    server.on("snapshot.json", Reply::Status(500));
    let error = client.sync().unwrap_err();
    assert_eq!(
        told(&error),
        format!(
            "published flags were not refreshed: snapshot was not refreshed from {}/v1/snapshot.json: the server answered with status 500 (Internal Server Error)",
            server.url
        )
    );
    let SyncError::Document { report, others, .. } = error else { panic!("{error:?}") };
    assert_eq!((report.kills, report.snapshot), (Fetched::Updated, Fetched::Failed));
    assert!(others.is_empty());
    assert!(!client.is_enabled("command_history"));
    assert_eq!(client.kills()[0].origin.layer, Layer::EmergencyKill);
    server.requests();
    let _ = client.sync();
    assert_eq!(server.requests()[1], "/v1/kills.json*");

    let lifting = snapshot_with(2, &flag("command_history", true, ""), r#","lifted":["k1"]"#);
    server.on("snapshot.json", Reply::Document(lifting, None));
    client.sync().unwrap();
    assert!(client.is_enabled("command_history"));
    server.on("kills.json", Reply::Document(kills(&[("k1", "command_history")]), None));
    client.sync().unwrap();
    assert!(client.is_enabled("command_history"), "a lifted kill cannot be replayed");
}

#[test]
fn roots_are_walked_one_by_one() {
    let (_home, server, client) = synced();
    for version in 2..=5 {
        server.on(&format!("root/{version}.json"), Reply::Document(root(version), None));
    }
    server.on("root/6.json", Reply::Status(403));
    assert_eq!(client.sync().unwrap().root, Fetched::Updated);
    assert_eq!(server.requests().iter().filter(|path| path.starts_with("/v1/root/")).count(), 5);
    server.on("root/6.json", Reply::Document(root(7), None));
    let error = client.sync().unwrap_err();
    assert_eq!(
        told(&error),
        format!(
            "published flags were not refreshed: root was not refreshed from {}/v1/root/6.json: it is refused: root version 7 skips version 6",
            server.url
        )
    );
}

#[test]
fn whatever_the_server_does_the_flags_in_force_stay() {
    let (_home, server, client) = synced();
    let other_host = "http://flags.example.org/v1/snapshot.json".to_owned();
    let prefix = format!(
        "published flags were not refreshed: snapshot was not refreshed from {}/v1/snapshot.json: ",
        server.url
    );
    let older = snapshot(1, &flag("command_history", false, ""));
    let mut tampered = snapshot(9, &flag("command_history", false, ""));
    let at = tampered.iter().position(|byte| *byte == b'J').unwrap();
    tampered[at] = b'K';
    let by_emergency_key = sign(PayloadType::Snapshot, "{}", "kill");
    let table = [
        (Reply::Status(401), "the server answered with status 401 (Unauthorized)"),
        (Reply::Status(403), "the server answered with status 403 (Forbidden)"),
        (Reply::Status(404), "there is none"),
        (Reply::Status(304), "the server answered with status 304 (Not Modified)"),
        (Reply::Status(429), "the server answered with status 429 (Too Many Requests)"),
        (Reply::Status(503), "the server answered with status 503 (Service Unavailable)"),
        (Reply::Status(204), "the server answered with status 204 (No Content)"),
        (Reply::Redirect(other_host), "the server redirects to flags.example.org, which is not followed"),
        (Reply::Truncated(snapshot(9, ""), 100), "it could not be read to its end"),
        (Reply::Announced(4 * 1024 * 1024 + 1), "it is larger than 4194304 bytes"),
        (Reply::Endless, "it is larger than 4194304 bytes"),
        (
            Reply::Document(older, None),
            "it is refused: snapshot version 1 differs from the held document of the same version",
        ),
        (Reply::Document(Vec::new(), None), "it is refused: snapshot envelope"),
        (Reply::Document(b"<html>welcome to the hotel</html>".to_vec(), None), "it is refused: snapshot envelope"),
        (Reply::Document(tampered, None), "it is refused: "),
        (Reply::Document(by_emergency_key, None), "it is refused: snapshot is signed by 0 of the 1 keys"),
        (Reply::Document(kills(&[]), None), "it is refused: payload type is "),
    ];
    for (reply, expected) in table {
        // A conditional request would make the 304 a right answer.
        let unasked = matches!(reply, Reply::Status(304));
        let home = Home::new();
        let fresh = open(&home, &server.url);
        let client = if unasked { &fresh } else { &client };
        server.on("snapshot.json", reply);
        let message = told(&client.sync().unwrap_err());
        assert!(message.starts_with(&format!("{prefix}{expected}")), "{message}\nexpected {expected}");
        assert_eq!(client.is_enabled("command_history"), !unasked, "{expected}");
        assert!(problems(client).is_empty());
    }
}

#[test]
fn a_server_that_does_not_end_is_left_at_the_deadline() {
    for reply in [Reply::Drip, Reply::Silence] {
        let (home, server) = (Home::new(), Server::start());
        server.on("snapshot.json", reply);
        let client = home.builder().remote(remote(&home, &server.url)).sync_deadline(Duration::from_millis(800)).open();
        let message = told(&client.sync().unwrap_err());
        assert_eq!(
            message,
            format!(
                "published flags were not refreshed: snapshot was not refreshed from {}/v1/snapshot.json: it did not arrive before the deadline",
                server.url
            )
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_one_error() {
    let home = Home::new();
    let url = nowhere().replace("http://", "http://user:secret@");
    let error = open(&home, &url).sync().unwrap_err();
    let shown = url.replace("user:secret@", "");
    let expected = format!(
        "published flags were not refreshed: root was not refreshed from {shown}/v1/root/2.json: the connection failed"
    );
    assert!(told(&error).starts_with(&expected), "{}", told(&error));
    assert!(!told(&error).contains("secret") && !format!("{error:?}").contains("secret"), "{error:?}");
}

#[test]
fn with_the_server_gone_the_cache_goes_on() {
    let (home, server, _client) = synced();
    drop(server);
    let url = nowhere();
    let client = open(&home, &url);
    assert!(client.sync().is_err());
    assert!(client.is_enabled("command_history"));
    assert_eq!(client.snapshot_info().unwrap().version, 1);
    assert!(open(&home, &url).is_enabled("command_history"), "and after a restart");
}

#[test]
fn the_folder_of_the_cache_is_made_by_the_first_sync() {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    let remote = Remote { state_file: home.path("state/caro/published.json"), ..remote(&home, &server.url) };
    let client = home.builder().remote(remote.clone()).open();
    assert!(!home.path("state").exists());
    client.sync().unwrap();
    assert!(home.builder().remote(remote).open().is_enabled("command_history"));
}

#[cfg(unix)]
#[test]
fn a_link_in_the_caches_place_is_neither_read_nor_written() {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    let elsewhere = home.write("elsewhere.json", "somebody else's");
    std::os::unix::fs::symlink(&elsewhere, home.path("state.json")).unwrap();
    let client = open(&home, &server.url);
    let expected = format!("{} is not a regular file", home.path("state.json").display());
    assert!(told(&client.sync().unwrap_err()).contains(&expected));
    assert!(client.is_enabled("command_history"), "what was fetched counts until the program ends");
    assert_eq!(home.read("elsewhere.json"), "somebody else's");
}

#[test]
fn a_redirect_on_the_same_host_is_followed() {
    let (_home, server, client) = synced();
    server.on("snapshot.json", Reply::Redirect("/v1/moved.json".to_owned()));
    server.on("moved.json", Reply::Document(snapshot(2, &flag("command_history", false, "")), None));
    assert_eq!(client.sync().unwrap().snapshot, Fetched::Updated);
    assert!(!client.is_enabled("command_history"));
}

#[test]
fn a_folder_is_published_like_a_server() {
    let home = Home::new();
    fs::create_dir_all(home.path("flags/v1/root")).unwrap();
    fs::write(home.path("flags/v1/snapshot.json"), snapshot(3, &flag("command_history", true, ""))).unwrap();
    fs::write(home.path("flags/v1/root/2.json"), root(2)).unwrap();
    let folder = home.path("flags").display().to_string();
    for url in [folder.clone(), format!("file://{folder}")] {
        let client = open(&home, &url);
        client.sync().unwrap();
        assert!(client.is_enabled("command_history"));
        fs::remove_file(home.path("state.json")).unwrap();
    }
    fs::remove_file(home.path("flags/v1/snapshot.json")).unwrap();
    let error = open(&home, &folder).sync().unwrap_err();
    let expected = format!(
        "published flags were not refreshed: snapshot was not refreshed from {folder}/v1/snapshot.json: there is none"
    );
    assert_eq!(told(&error), expected);
}

#[test]
fn a_state_that_cannot_be_kept_counts_until_the_program_ends() {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    let blocked = home.write("blocked", "a file where a folder should be");
    let remote = Remote { state_file: blocked.join("state.json"), ..remote(&home, &server.url) };
    let client = home.builder().remote(remote).open();
    let error = client.sync().unwrap_err().to_string();
    assert_eq!(error, format!("folder {} cannot be made", blocked.display()));
    assert!(client.is_enabled("command_history"));
    client.reload();
    assert!(client.is_enabled("command_history"), "a reload does not forget it");
}

#[test]
fn without_a_remote_there_is_nothing_to_refresh() {
    let home = Home::new();
    let message = |client: FlagClient| client.sync().unwrap_err().to_string();
    let with = |remote: Remote| home.builder().remote(remote);
    assert_eq!(message(home.builder().open()), "no remote is set up");
    assert_eq!(message(with(home.remote(None)).open()), "the remote has no url");
    assert_eq!(
        message(with(remote(&home, "http://user:secret@flags.example.org")).open()),
        "http to host \"flags.example.org\" is not encrypted, expected https"
    );
    assert_eq!(
        message(with(remote(&home, "https://flags.example.org")).precedence(Precedence::LocalOnly).open()),
        "published flags are switched off here"
    );
    let unpinned = Remote { pinned_root: Vec::new(), ..remote(&home, "/nowhere") };
    assert_eq!(
        told(&with(unpinned).open().sync().unwrap_err()),
        "the pinned root cannot be used: root envelope is malformed: not strict JSON: byte 0: the text ends too early"
    );
}

#[test]
fn e45_a_damaged_cache_is_set_aside_and_fetched_anew() {
    let (home, server, _client) = synced();
    let path = home.path("state.json");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let client = open(&home, &server.url);
    assert!(!client.is_enabled("command_history"));
    assert_eq!(problems(&client), ["the cached snapshot cannot be used"]);
    assert!(home.path("state.json.corrupt").exists());
    client.sync().unwrap();
    assert!(client.is_enabled("command_history"));
    assert!(problems(&client).is_empty());
}

#[test]
fn a_running_client_sees_what_another_process_fetched_once_it_reloads() {
    let (home, server, client) = synced();
    server.on("snapshot.json", Reply::Document(snapshot(2, &flag("command_history", false, "")), None));
    open(&home, &server.url).sync().unwrap();
    assert!(client.is_enabled("command_history"), "until then its time stands still");
    client.reload();
    assert!(!client.is_enabled("command_history"));
    fs::remove_file(home.path("state.json")).unwrap();
    client.reload();
    assert_eq!(client.snapshot_info().unwrap().version, 2, "what is held is not forgotten");
    assert!(client.snapshot_info().unwrap().issued_at < NOW);
}

#[test]
fn a_token_goes_to_the_remotes_own_host_and_nowhere_else() {
    let (home, server, other) = (Home::new(), Server::start(), Server::start());
    let token = BearerToken::new("secret-of-caro").unwrap();
    let builder = home.builder().remote(remote(&home, &server.url.replace("http://", "http://user:word@")));
    let client = builder.bearer_token(token).sync_deadline(Duration::from_secs(20)).open();
    server.on("snapshot.json", Reply::Redirect(format!("{}/v1/snapshot.json", other.url)));
    other.snapshot(snapshot(1, &flag("command_history", true, "")));
    let error = client.sync().unwrap_err();
    assert!(told(&error).ends_with("the server redirects to 127.0.0.1, which is not followed"), "{}", told(&error));
    let heads = server.heads();
    assert_eq!(heads.len(), 3);
    for head in heads {
        let sent: Vec<_> = head.lines().filter(|line| line.starts_with("authorization: ")).collect();
        assert_eq!(sent, ["authorization: bearer secret-of-caro"]);
    }
    assert_eq!(other.requests(), Vec::<String>::new());
    let shown = format!("{client:?} {error:?} {} {:?}", told(&error), client.problems());
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_date_stands_for_a_document_that_has_no_etag() {
    let (home, server) = (Home::new(), Server::start());
    let dated = |version: u64, modified: &str| {
        let headers = format!("date: Mon, 01 Jun 2026 10:00:00 GMT\r\nlast-modified: {modified}\r\n");
        Reply::Answer(200, headers, snapshot(version, &flag("command_history", true, "")))
    };
    let client = open(&home, &server.url);
    server.on("snapshot.json", dated(1, "Mon, 01 Jun 2026 10:00:00 GMT"));
    client.sync().unwrap();
    client.sync().unwrap();
    let requests = server.requests();
    assert_eq!(requests[2..], ["/v1/snapshot.json", "/v1/root/2.json", "/v1/kills.json", "/v1/snapshot.json"]);
    server.on("snapshot.json", dated(2, "Mon, 01 Jun 2026 09:59:00 GMT"));
    client.sync().unwrap();
    server.requests();
    server.on("snapshot.json", Reply::Status(304));
    assert_eq!(client.sync().unwrap().snapshot, Fetched::Unchanged);
    assert!(server.heads()[2].contains("\nif-modified-since: mon, 01 jun 2026 09:59:00 gmt"), "{:?}", server.heads());
}

#[test]
fn e47_a_cache_that_says_not_modified_for_ever_loses_its_say_when_the_snapshot_expires() {
    let (home, server) = (Home::new(), Server::start());
    let day = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let today = std::sync::Arc::clone(&day);
    let clock = move || NOW.saturating_add_millis(today.load(std::sync::atomic::Ordering::Relaxed) * support::DAY);
    let client = home.builder().remote(remote(&home, &server.url)).clock(clock).open();
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    client.sync().unwrap();
    server.on("snapshot.json", Reply::Status(304));
    client.sync().unwrap();
    assert_eq!(server.requests()[5], "/v1/snapshot.json*");
    day.store(31, std::sync::atomic::Ordering::Relaxed);
    let message = told(&client.sync().unwrap_err());
    assert!(message.ends_with("the server answered with status 304 (Not Modified)"), "{message}");
    assert_eq!(server.requests()[2], "/v1/snapshot.json");
}

#[test]
fn what_is_compressed_is_refused() {
    let (_home, server, client) = synced();
    let body = snapshot(2, &flag("command_history", false, ""));
    server.on("snapshot.json", Reply::Answer(200, "content-encoding: gzip\r\n".to_owned(), body));
    let message = told(&client.sync().unwrap_err());
    assert!(message.ends_with("it is encoded as \"gzip\", expected no encoding"), "{message}");
    assert!(server.heads()[2].contains("accept-encoding: identity"), "{:?}", server.heads());
    assert!(client.is_enabled("command_history"));
}

#[test]
fn a_kill_by_the_emergency_key_is_lifted_by_a_newer_snapshot_that_names_it_and_by_nothing_else() {
    let (home, server, client) = synced();
    let killed = |client: &FlagClient| (client.is_killed("command_history"), client.is_enabled("command_history"));
    server.on("kills.json", Reply::Document(kills(&[("k1", "command_history")]), None));
    client.sync().unwrap();
    assert_eq!(killed(&client), (true, false), "it arrives");

    server.on("kills.json", Reply::Status(404));
    client.sync().unwrap();
    assert_eq!(killed(&client), (true, false), "its document is gone");
    server.on("kills.json", Reply::Document(kills(&[]), None));
    let _ = client.sync();
    assert_eq!(killed(&client), (true, false), "a document without it");
    server.snapshot(snapshot(2, &flag("command_history", true, "")));
    server.on("snapshot.json", Reply::Document(snapshot(2, &flag("command_history", true, "")), None));
    client.sync().unwrap();
    assert_eq!(client.snapshot_info().unwrap().version, 2);
    assert_eq!(killed(&client), (true, false), "a newer snapshot that does not name it");
    assert_eq!(killed(&open(&home, &server.url)), (true, false), "a restart");

    let older = snapshot_with(1, &flag("command_history", true, ""), r#","lifted":["k1"]"#);
    server.on("snapshot.json", Reply::Document(older, None));
    assert!(client.sync().is_err());
    assert_eq!(killed(&client), (true, false), "an older snapshot that names it");

    let late = home.builder().remote(remote(&home, &server.url)).clock(|| NOW.saturating_add_millis(40 * support::DAY));
    let late = late.open();
    assert!(late.snapshot_info().unwrap().stale);
    assert_eq!(killed(&late), (true, false), "the snapshot has expired");

    let lifting = snapshot_with(3, &flag("command_history", true, ""), r#","lifted":["k1"]"#);
    server.on("snapshot.json", Reply::Document(lifting, None));
    client.sync().unwrap();
    assert_eq!(killed(&client), (false, true), "a newer snapshot that names it");
    assert_eq!(killed(&open(&home, &server.url)), (false, true), "and after a restart");
}
