//! The service: what keeps a program that runs on current, and what cannot keep it from that. The numbers are those of the list of faults
//! that the client must survive; `FLAG_NIGHTLY=1` in the environment runs them with the counts of a night.
#![cfg(feature = "remote")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod server;
mod support;

use std::fs;
use std::net::TcpListener;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flag_client::{
    ChangeCause, ChangeSet, ClientBuilder, EventStream, FlagClient, HealthState, Service, ServiceOptions, SyncError,
    Value,
};
use server::{Reply, Server, eventually, is_nightly, nowhere, remote, told};
use support::{DAY, Home, NOW, flag, kills, snapshot, snapshot_with};

/// A service asked to be quick, without chance.
fn quick() -> ServiceOptions {
    ServiceOptions::new().interval(Duration::from_millis(200)).randomness(|| 0)
}

/// One that asks only when it is told to.
fn slow() -> ServiceOptions {
    ServiceOptions::new().interval(Duration::from_secs(3_600)).randomness(|| 0)
}

fn builder(home: &Home, url: &str) -> ClientBuilder {
    home.builder().remote(remote(home, url)).sync_deadline(Duration::from_secs(5))
}

/// What a listener was told.
type Told<T> = Arc<Mutex<Vec<T>>>;

fn changes(options: ServiceOptions) -> (ServiceOptions, Told<ChangeSet>) {
    let told: Told<ChangeSet> = Arc::default();
    let ear = Arc::clone(&told);
    (options.on_change(move |changes| ear.lock().unwrap().push(changes.clone())), told)
}

fn states(options: ServiceOptions) -> (ServiceOptions, Told<HealthState>) {
    let told: Told<HealthState> = Arc::default();
    let ear = Arc::clone(&told);
    (options.on_health(move |health| ear.lock().unwrap().push(health.state)), told)
}

/// A clock that a test sets, in milliseconds after `NOW`.
fn clock() -> (Arc<AtomicI64>, impl Fn() -> flag_client::Timestamp + Send + Sync + 'static) {
    let offset = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&offset);
    (offset, move || NOW.saturating_add_millis(read.load(Ordering::Relaxed)))
}

/// Refreshes and waits until that has ended.
fn refresh(service: &Service, server: &Server) {
    let before = server.request_count();
    service.refresh();
    eventually("a refresh begins", || server.request_count() > before);
    eventually("a refresh ends", || service.health().next_attempt.is_some());
}

#[expect(clippy::disallowed_methods, reason = "how long a stop takes is a matter of real time")]
fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (work(), start.elapsed())
}

#[test]
fn a_service_polls_swaps_and_tells_what_changed() {
    let (home, server) = (Home::new(), Server::start());
    let one = format!("{},{}", flag("command_history", true, ""), flag("other", false, ""));
    server.snapshot(snapshot(1, &one));
    let (options, told) = changes(quick());
    let client = builder(&home, &server.url).open();
    let service = client.start_service(options).unwrap();
    eventually("the first snapshot", || client.is_enabled("command_history"));
    eventually("a listener is told", || told.lock().unwrap().len() == 1);
    let health = service.health();
    assert_eq!((health.state, health.failures, health.last_success), (HealthState::Current, 0, Some(NOW)));
    let first = told.lock().unwrap()[0].clone();
    assert_eq!(first.cause, ChangeCause::Published);
    assert_eq!(first.flags, ["command_history".into(), "other".into()]);
    assert_eq!((first.before, first.after.unwrap().version), (None, 1));

    let two = format!("{},{}", flag("command_history", true, ""), flag("other", true, ""));
    let more = r#","kills":[{"id":"k1","target":"telemetry"}]"#;
    server.on("snapshot.json", Reply::Document(snapshot_with(2, &two, more), None));
    eventually("the second snapshot", || told.lock().unwrap().len() == 2);
    let second = told.lock().unwrap()[1].clone();
    assert_eq!((second.flags, second.killed), (vec!["other".into()], vec!["telemetry".into()]));
    assert_eq!((second.before.unwrap().version, second.after.unwrap().version), (1, 2));

    // The same flags, signed anew, are no change.
    server.on("snapshot.json", Reply::Document(snapshot_with(3, &two, more), None));
    eventually("the third snapshot", || client.snapshot_info().unwrap().version == 3);
    server.on("kills.json", Reply::Document(kills(&[("k2", "command_history")]), None));
    eventually("an emergency kill", || client.is_killed("command_history"));
    eventually("a listener is told", || told.lock().unwrap().len() == 3);
    assert_eq!(told.lock().unwrap()[2].killed, ["command_history".into()]);
    assert!(matches!(service.health().events, EventStream::Unsupported));
    assert!(service.stop());
}

#[test]
fn nothing_is_sent_after_a_stop_and_a_stop_takes_no_second_even_if_the_server_hangs() {
    let (home, server) = (Home::new(), Server::start());
    server.on("root/2.json", Reply::Silence).on("events", Reply::Events);
    let client = builder(&home, &server.url).open();
    let service = client.start_service(quick()).unwrap();
    eventually("it asks, and listens", || server.listeners() == 1 && server.request_count() > 1);
    let (ended, took) = time(|| service.stop());
    assert!(ended && took < Duration::from_secs(1), "{took:?}");
    server.requests();
    server.say("data: {}\n\n");
    thread::sleep(Duration::from_millis(600));
    assert_eq!(server.requests(), Vec::<String>::new());

    let ((), took) = time(|| drop(client.start_service(quick()).unwrap()));
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn an_event_brings_a_refresh_and_what_is_no_event_brings_none() {
    let (home, server) = (Home::new(), Server::start());
    server.on("events", Reply::Events).snapshot(snapshot(1, &flag("command_history", false, "")));
    let client = builder(&home, &server.url).open();
    let service = client.start_service(slow()).unwrap();
    eventually("it listens", || matches!(service.health().events, EventStream::Open));
    let version = || client.snapshot_info().map_or(0, |info| info.version);
    eventually("the first snapshot", || version() == 1);
    // It asks once more for what happened before it listened.
    thread::sleep(Duration::from_millis(1_500));
    server.requests();
    server.say(": heartbeat\n\nevent: weather\ndata: rain\n\nretry: 1\nid: 7\n\n");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(server.requests(), Vec::<String>::new());

    server.on("snapshot.json", Reply::Document(snapshot(2, &flag("command_history", true, "")), None));
    server.say("event: snapshot\ndata: {\"version\":2}\n\n");
    eventually("the second snapshot", || version() == 2);
    server.on("kills.json", Reply::Document(kills(&[("k1", "command_history")]), None));
    server.say("event: kills\r\ndata: {}\r\n\r\n");
    eventually("the kill", || client.is_killed("command_history"));

    // A flood of events is no flood of requests.
    thread::sleep(Duration::from_secs(1));
    server.requests();
    server.say(&"data: {}\n\n".repeat(10_000));
    thread::sleep(Duration::from_millis(1_200));
    let requests = server.requests().len();
    assert!(requests > 0 && requests <= 3 * 3, "{requests}");
    assert!(service.stop());
}

#[test]
fn after_each_new_connection_everything_is_asked_for_again() {
    let (home, server) = (Home::new(), Server::start());
    server.on("events", Reply::Events).snapshot(snapshot(1, &flag("command_history", false, "")));
    let client = builder(&home, &server.url).open();
    let service = client.start_service(slow().heartbeat_timeout(Duration::from_millis(300))).unwrap();
    let mut version = 1;
    let mut lost = |how: &str, lose: &dyn Fn()| {
        eventually("it listens", || matches!(service.health().events, EventStream::Open));
        let before = server.listeners();
        version += 1;
        server.on("snapshot.json", Reply::Document(snapshot(version, &flag("command_history", true, "")), None));
        lose();
        eventually(how, || server.listeners() > before);
        eventually(how, || client.snapshot_info().is_some_and(|info| info.version == version));
    };
    lost("the server ends the stream", &|| server.cut());
    lost("nothing is heard", &|| {});
    lost("an event is malformed", &|| {
        server.say("event: snapshot\ndata: <html>\n\n");
        eventually("the stream breaks", || !matches!(service.health().events, EventStream::Open));
        server.cut();
    });
    assert!(service.stop());
}

#[test]
fn without_an_event_stream_polling_goes_on() {
    for reply in [
        Reply::Status(404),
        Reply::Status(501),
        Reply::Answer(200, "content-type: text/html\r\n".to_owned(), b"<html>".to_vec()),
    ] {
        let (home, server) = (Home::new(), Server::start());
        server.on("events", reply).snapshot(snapshot(1, &flag("command_history", true, "")));
        let client = builder(&home, &server.url).open();
        let service = client.start_service(quick()).unwrap();
        eventually("there is no stream", || matches!(service.health().events, EventStream::Unsupported));
        eventually("it polls", || server.request_count() > 8);
        let asked = server.requests().iter().filter(|path| *path == "/v1/events").count();
        assert_eq!(asked, 1, "it is not asked for again and again");
        assert!(service.stop());
    }
}

#[test]
fn fault_06_whatever_is_answered_the_cache_stays_and_each_change_of_state_is_told_once() {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    let client = builder(&home, &server.url).open();
    let (options, told_states) = states(slow().polling_only());
    let service = client.start_service(options).unwrap();
    eventually("current", || service.health().state == HealthState::Current);
    let html = || Reply::Answer(200, "content-type: text/html\r\n".to_owned(), b"<html>hello</html>".to_vec());
    let table = [
        (Reply::Status(429), HealthState::Offline),
        (Reply::Status(500), HealthState::Offline),
        (Reply::Status(502), HealthState::Offline),
        (Reply::Status(503), HealthState::Offline),
        (Reply::Status(504), HealthState::Offline),
        (Reply::Status(404), HealthState::Offline),
        (html(), HealthState::Offline),
        (Reply::Answer(200, String::new(), Vec::new()), HealthState::Offline),
        (Reply::Redirect("http://flags.example.org/v1/snapshot.json".to_owned()), HealthState::Offline),
        (Reply::Status(401), HealthState::Denied),
        (Reply::Status(403), HealthState::Denied),
    ];
    let failed = u32::try_from(table.len()).unwrap();
    for (reply, expected) in table {
        server.on("snapshot.json", reply);
        refresh(&service, &server);
        assert!(client.is_enabled("command_history"));
        assert_eq!(client.snapshot_info().unwrap().version, 1);
        eventually("its state", || service.health().state == expected);
    }
    let health = service.health();
    assert_eq!((health.failures, health.last_success), (failed, Some(NOW)));
    let wait = health.next_attempt.unwrap().millis_since(NOW);
    assert_eq!(wait, 1_800_000, "half of the interval, which is longer than a quarter of an hour");
    let message = told(&**health.last_error.as_ref().unwrap());
    assert!(message.ends_with("/v1/snapshot.json: the server answered with status 403 (Forbidden)"), "{message}");

    server.on("snapshot.json", Reply::Document(snapshot(2, &flag("command_history", false, "")), None));
    refresh(&service, &server);
    eventually("current again", || service.health().state == HealthState::Current);
    assert!(!client.is_enabled("command_history"));
    assert!(service.stop());
    assert_eq!(
        *told_states.lock().unwrap(),
        [HealthState::Current, HealthState::Offline, HealthState::Denied, HealthState::Current]
    );
}

#[test]
fn a_server_that_denies_is_asked_again_after_minutes() {
    let (home, server) = (Home::new(), Server::start());
    server.on("snapshot.json", Reply::Status(401));
    let client = builder(&home, &server.url).open();
    let service = client.start_service(quick().polling_only()).unwrap();
    eventually("denied", || service.health().state == HealthState::Denied);
    assert_eq!(service.health().next_attempt.unwrap().millis_since(NOW), 450_000);
    server.requests();
    thread::sleep(Duration::from_millis(500));
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[test]
fn fault_08_a_service_leaves_a_server_alone_that_asks_for_it() {
    let seconds = if is_nightly() { 5 } else { 2 };
    let (home, server) = (Home::new(), Server::start());
    let later = |seconds: u64| Reply::Answer(503, format!("retry-after: {seconds}\r\n"), Vec::new());
    server.on("root/2.json", later(seconds)).on("events", Reply::Status(404));
    let client = home.builder().remote(remote(&home, &server.url)).clock(system_time).open();
    let service = client.start_service(quick()).unwrap();
    eventually("it is asked to wait", || service.health().failures > 0);
    eventually("it knows there is no stream", || matches!(service.health().events, EventStream::Unsupported));
    server.requests();
    service.refresh();
    thread::sleep(Duration::from_millis(seconds * 1_000 - 500));
    assert_eq!(server.requests(), Vec::<String>::new());
    assert!(matches!(client.sync(), Err(SyncError::TooEarly { .. })));
    eventually("it asks again", || server.request_count() > 0);
    assert!(service.stop());
}

#[expect(clippy::disallowed_methods, reason = "a wait of seconds is kept in real time")]
fn system_time() -> flag_client::Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    flag_client::Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

#[test]
fn fault_09_a_kill_reaches_clients_that_poll_and_clients_that_listen() {
    let clients = if is_nightly() { 100 } else { 20 };
    for listens in [false, true] {
        let server = Server::start();
        server.snapshot(snapshot(1, &flag("command_history", true, "")));
        if listens {
            server.on("events", Reply::Events);
        }
        let all: Vec<_> = (0..clients)
            .map(|_| {
                let home = Home::new();
                let client = builder(&home, &server.url).open();
                // As apart in time as chance makes them.
                let options = ServiceOptions::new().interval(Duration::from_secs(if listens { 3_600 } else { 1 }));
                let service = client.start_service(options).unwrap();
                (home, client, service)
            })
            .collect();
        eventually("all are current", || all.iter().all(|(_, client, _)| client.is_enabled("command_history")));
        if listens {
            eventually("all listen", || server.listeners() == clients);
            eventually("all are at rest", || all.iter().all(|(_, _, service)| service.health().next_attempt.is_some()));
        }
        server.on("kills.json", Reply::Document(kills(&[("k1", "command_history")]), None));
        server.say("event: kills\ndata: {}\n\n");
        let ((), took) = time(|| {
            eventually("all see the kill", || all.iter().all(|(_, client, _)| !client.is_enabled("command_history")));
        });
        // A poll and a second; on a busy machine verifying takes its time too.
        assert!(took < Duration::from_secs(5), "{took:?} where clients listen: {listens}");
    }
}

#[test]
fn fault_10_every_decision_is_of_exactly_one_version() {
    let (swaps, threads) = if is_nightly() { (1_000, 2) } else { (100, 2) };
    let (home, folder) = (Home::new(), Home::new());
    fs::create_dir_all(folder.path("v1")).unwrap();
    let publish = |version: u64| {
        let json = format!(
            r#""versioned":{{"variants":{{"v{version}":"{version}","off":"off"}},"off_variant":"off","fallthrough":{{"variant":"v{version}"}}}}"#
        );
        fs::write(folder.path("new"), snapshot(version, &json)).unwrap();
        fs::rename(folder.path("new"), folder.path("v1/snapshot.json")).unwrap();
    };
    publish(1);
    let client = builder(&home, &folder.folder().display().to_string()).open();
    client.sync().unwrap();
    let (swapping, decided) = (AtomicBool::new(true), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut newest = 0;
                while swapping.load(Ordering::Relaxed) {
                    let decision = client.decision("versioned");
                    let Some(Value::String(value)) = decision.value else { panic!("{:?}", decision.value) };
                    assert_eq!(decision.variant, Some(format!("v{value}")));
                    let version: u64 = value.parse().unwrap();
                    assert!(version >= newest, "{version} after {newest}");
                    newest = version;
                    decided.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for version in 2..=swaps {
            publish(version);
            client.sync().unwrap();
        }
        let enough = if is_nightly() { 10_000_000 } else { 10_000 };
        while decided.load(Ordering::Relaxed) < enough {
            thread::sleep(Duration::from_millis(1));
        }
        swapping.store(false, Ordering::Relaxed);
    });
    assert_eq!(client.snapshot_info().unwrap().version, swaps);
}

#[test]
fn fault_11_a_listener_that_panics_each_time_ends_nothing() {
    let times = if is_nightly() { 1_000 } else { 100 };
    // What threads of the service say on their way out is what this test is about, and nobody wants to read it a thousand times.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() != Some("flag-service") {
            usual(info);
        }
    }));
    let (home, folder) = (Home::new(), Home::new());
    fs::create_dir_all(folder.path("v1")).unwrap();
    let client = builder(&home, &folder.folder().display().to_string()).open();
    let options = slow().on_change(|_| panic!("on purpose")).on_health(|_| panic!("on purpose"));
    let service = client.start_service(options).unwrap();
    for version in 1..=times {
        let text = snapshot(version, &flag("command_history", version % 2 == 0, ""));
        fs::write(folder.path("new"), text).unwrap();
        fs::rename(folder.path("new"), folder.path("v1/snapshot.json")).unwrap();
        service.refresh();
        eventually("the next version", || client.snapshot_info().is_some_and(|info| info.version == version));
        assert_eq!(client.is_enabled("command_history"), version % 2 == 0);
    }
    eventually("all panics are counted", || service.health().panics >= times);
    assert!(service.stop());
}

#[test]
fn fault_12_a_held_snapshot_that_expires_is_stale_a_second_later() {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    let (now, clock) = clock();
    let client = builder(&home, &server.url).clock(clock).open();
    let (options, told_states) = states(slow().polling_only());
    let (options, told) = changes(options);
    let service = client.start_service(options).unwrap();
    eventually("current", || service.health().state == HealthState::Current);
    now.store(30 * DAY - 1, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(1_200));
    assert!(!client.decision("command_history").stale);
    now.store(30 * DAY, Ordering::Relaxed);
    let ((), took) = time(|| eventually("stale", || client.decision("command_history").stale));
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(client.is_enabled("command_history"), "its values stay");
    eventually("the host is told", || service.health().state == HealthState::Stale);
    now.store(400 * DAY, Ordering::Relaxed);
    eventually("the root too", || service.health().state == HealthState::RootExpired);
    assert!(client.is_enabled("command_history"));
    server.on("kills.json", Reply::Document(kills(&[("k1", "command_history")]), None));
    service.refresh();
    eventually("kills still arrive", || client.is_killed("command_history"));
    assert!(service.stop());
    assert_eq!(*told_states.lock().unwrap(), [HealthState::Current, HealthState::Stale, HealthState::RootExpired]);
    let causes: Vec<_> = told.lock().unwrap().iter().map(|changes| changes.cause).collect();
    assert_eq!(causes, [ChangeCause::Published, ChangeCause::Expired, ChangeCause::Published]);
}

#[test]
fn e46_local_files_are_followed_without_a_remote() {
    let home = Home::new();
    home.config("[feature_flags]\ncommand_history = false\n");
    let client = home.builder().open();
    let (options, told) = changes(quick());
    let service = client.start_service(options).unwrap();
    assert_eq!(service.health().state, HealthState::LocalOnly);
    home.config("[feature_flags]\ncommand_history = true\n");
    eventually("the change", || client.is_enabled("command_history"));
    eventually("a listener is told", || told.lock().unwrap().len() == 1);
    let change = told.lock().unwrap()[0].clone();
    assert_eq!((change.cause, change.flags), (ChangeCause::LocalFile, vec!["command_history".into()]));

    home.config("[feature_flags]\ncommand_history = true\n[feature_flags.kill_switches]\ntelemetry = true\n");
    eventually("a kill", || client.is_killed("telemetry"));
    fs::remove_file(home.path("config.toml")).unwrap();
    eventually("the file is gone", || !client.is_enabled("command_history"));
    home.config("[feature_flags]\ncommand_history = true\n");
    eventually("it is back", || client.is_enabled("command_history"));
    client.disable("command_history").unwrap();
    eventually("the program's own changes are told too", || told.lock().unwrap().len() == 5);
    assert!(service.stop());
    home.config("");
    thread::sleep(Duration::from_millis(1_500));
    assert!(!client.is_enabled("command_history"), "what is not watched is not read");
}

#[test]
fn what_another_process_fetched_is_taken() {
    let (home, server) = (Home::new(), Server::start());
    let client = builder(&home, &nowhere()).open();
    let service = client.start_service(slow()).unwrap();
    eventually("offline", || service.health().state == HealthState::Offline);
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    builder(&home, &server.url).open().sync().unwrap();
    eventually("the other's snapshot", || client.is_enabled("command_history"));
    assert_eq!(service.health().state, HealthState::Offline, "the server is still not there");
    assert!(service.stop());
}

#[test]
fn e48_a_server_that_comes_back_is_found() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = builder(&home, &format!("http://{address}")).open();
    let service = client.start_service(quick()).unwrap();
    eventually("it fails again and again", || service.health().failures >= 3);
    assert_eq!(service.health().state, HealthState::Offline);
    let server = Server::start_at(&address.to_string());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    eventually("it is current", || service.health().state == HealthState::Current);
    assert!(client.is_enabled("command_history"));
    assert!(service.stop());
}

#[test]
fn a_remote_that_cannot_be_used_is_no_service() {
    let home = Home::new();
    let message = |client: FlagClient| told(&client.start_service(quick()).unwrap_err());
    assert_eq!(
        message(builder(&home, "http://flags.example.org").open()),
        "the remote cannot be used: http to host \"flags.example.org\" is not encrypted, expected https"
    );
    let unpinned = flag_client::Remote { pinned_root: Vec::new(), ..remote(&home, "/nowhere") };
    assert_eq!(
        message(home.builder().remote(unpinned).open()),
        "the remote cannot be used: the pinned root cannot be used: root envelope is malformed: not strict JSON: byte 0: the text ends \
         too early"
    );
}

#[test]
fn a_listener_may_stop_its_own_service() {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    let client = builder(&home, &server.url).open();
    let slot: Arc<Mutex<Option<Service>>> = Arc::default();
    let own = Arc::clone(&slot);
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    let mut held = slot.lock().unwrap();
    let options = quick().on_change(move |_| {
        drop(own.lock().unwrap().take());
        flag.store(true, Ordering::Relaxed);
    });
    *held = Some(client.start_service(options).unwrap());
    drop(held);
    eventually("it stopped itself", || stopped.load(Ordering::Relaxed));
    server.requests();
    thread::sleep(Duration::from_millis(500));
    assert_eq!(server.requests(), Vec::<String>::new());
}
