//! Cases in which other flag systems went wrong, as far as they concern a client, each under its number.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod support;

use std::fs;

use flag_client::trust::{Envelope, PayloadType, PublicKey, RoleKey, RootDocument, TrustFile, TrustState};
use flag_client::{
    ClientBuilder, CrashQuarantine, Declaration, Environment, FlagClient, IdentitySource, Layer, Reason, Timestamp,
};
use proptest::prelude::*;
use support::{DAY, Home, NOW, flag, kills, problems, rollout, root, sign, snapshot, snapshot_with};

fn at(now: Timestamp, flags: &str) -> FlagClient {
    let home = Home::new();
    FlagClient::builder().remote(home.remote(Some(snapshot(1, flags)))).clock(move || now).open()
}

#[test]
fn e36_a_flag_past_its_end_stays_off_for_ever() {
    let ends = flag("debug", true, r#","off_after":"2026-06-01T00:00:00Z""#);
    for millis in [0, 1, 1_000, DAY, 36_500 * DAY, i64::MAX] {
        let client = at(NOW.saturating_add_millis(millis), &ends);
        assert_eq!(client.decision("debug").reason, Reason::Expired, "{millis} ms later");
        assert!(!client.is_enabled("debug"));
    }
}

#[test]
fn e37_nobody_is_nobody_and_an_end_of_zero_is_an_end() {
    let flags =
        [rollout("nobody", 0, ""), flag("ended", true, r#","off_after":0"#), flag("endless", true, "")].join(",");
    for id in 0..300 {
        let home = Home::new();
        let given = IdentitySource::Given(format!("install-{id}"));
        let client =
            FlagClient::builder().remote(home.remote(Some(snapshot(1, &flags)))).identity(given).clock(|| NOW).open();
        let states = ["nobody", "ended", "endless"].map(|key| client.is_enabled(key));
        assert_eq!(states, [false, false, true], "install-{id}");
    }
}

#[test]
fn e38_a_share_above_everyone_is_refused_with_its_flag_alone() {
    let flags = [rollout("broken", 100_001, ""), flag("sound", true, "")].join(",");
    let client = at(NOW, &flags);
    assert!(client.is_enabled("sound") && !client.is_enabled("broken"));
    assert_eq!(problems(&client), [r#"published flag "broken" is left out"#]);
}

#[test]
fn e39_an_end_comes_at_its_very_millisecond_however_it_is_written() {
    for end in [
        "1780272000000",
        r#""2026-06-01T00:00:00Z""#,
        r#""2026-06-01T02:00:00+02:00""#,
        r#""2026-05-31T17:30:00.000-06:30""#,
    ] {
        let ends = flag("debug", true, &format!(r#","off_after":{end}"#));
        for (millis, on) in [(-1, true), (0, false), (1, false)] {
            assert_eq!(at(NOW.saturating_add_millis(millis), &ends).is_enabled("debug"), on, "{end} {millis}");
        }
    }
    // Seconds taken for milliseconds would be 1970.
    assert!(!at(NOW, &flag("debug", true, r#","off_after":1780272000"#)).is_enabled("debug"));
}

fn keep(home: &Home, accept: impl FnOnce(&mut TrustState)) {
    let remote = home.remote(None);
    let file = TrustFile::new(&remote.state_file);
    let mut state = file.load(TrustState::open(&remote.pinned_root, "caro", "production").unwrap()).state;
    accept(&mut state);
    file.save(&mut state).unwrap();
}

#[test]
fn e40_under_any_clock_the_flags_hold_and_nothing_expired_comes_back() {
    let home = Home::new();
    keep(&home, |state| {
        state.accept_snapshot(&snapshot(1, &flag("search", true, "")), NOW).unwrap();
        // What was signed 40 days later has been seen, and it has expired since.
        let issued = NOW.saturating_add_millis(40 * DAY);
        let payload = Envelope::parse(&snapshot(2, &flag("search", true, ""))).unwrap().document().to_vec();
        let later = String::from_utf8(payload).unwrap().replace("2026-05-31T00:00:00Z", &issued.to_string());
        state.accept_snapshot(&sign(PayloadType::Snapshot, &later, "snapshot"), NOW).unwrap();
    });
    let clocks =
        [i64::MIN, -1, 0, NOW.as_millis() - 300 * DAY, NOW.as_millis(), NOW.as_millis() + 40_000 * DAY, i64::MAX];
    for millis in clocks {
        let client =
            FlagClient::builder().remote(home.remote(None)).clock(move || Timestamp::from_millis(millis)).open();
        assert!(client.is_enabled("search"), "{millis}");
        assert!(client.snapshot_info().unwrap().stale, "{millis}");
    }
}

#[test]
fn e41_three_months_offline_keep_values_and_kills_and_drop_what_asks_for_it() {
    let home = Home::new();
    let flags = [
        flag("search", true, ""),
        flag("killed", true, ""),
        flag("guarded", true, r#","default_on_expiry":true"#),
        flag("ended", true, r#","off_after":"2026-07-01T00:00:00Z""#),
    ];
    keep(&home, |state| {
        state.accept_snapshot(&snapshot(1, &flags.join(",")), NOW).unwrap();
        state.accept_kills(&kills(&[("k1", "killed")]), NOW).unwrap();
    });
    let open = |days: i64| {
        let now = NOW.saturating_add_millis(days * DAY);
        FlagClient::builder().remote(home.remote(None)).clock(move || now).open()
    };
    let states = |client: &FlagClient| ["search", "killed", "guarded", "ended"].map(|key| client.is_enabled(key));
    assert_eq!(states(&open(0)), [true, false, true, true]);
    let much_later = open(90);
    assert_eq!(states(&much_later), [true, false, false, false]);
    assert!(much_later.decision("search").stale);
    assert_eq!(much_later.decision("killed").reason, Reason::Killed);
    assert!(much_later.problems().is_empty());
}

#[test]
fn e44_a_snapshot_by_a_key_to_come_waits_for_its_root() {
    let mut document: RootDocument = serde_json::from_slice(Envelope::parse(&root(2)).unwrap().document()).unwrap();
    let public: PublicKey = document.roles.kill.keys.first().unwrap().public;
    document.roles.snapshot.keys = vec![RoleKey { keyid: "kill".to_owned(), public }];
    let next_root = sign(PayloadType::Root, &serde_json::to_string(&document).unwrap(), "root");
    let payload = Envelope::parse(&snapshot(6, &flag("search", false, ""))).unwrap().document().to_vec();
    let by_new_key = sign(PayloadType::Snapshot, &String::from_utf8(payload).unwrap(), "kill");

    let home = Home::new();
    let client = || FlagClient::builder().remote(home.remote(None)).clock(|| NOW).open();
    keep(&home, |state| {
        state.accept_snapshot(&snapshot(5, &flag("search", true, "")), NOW).unwrap();
        assert!(state.accept_snapshot(&by_new_key, NOW).is_err());
    });
    assert!(client().is_enabled("search"));
    keep(&home, |state| drop(state.accept_root(&next_root, NOW).unwrap()));
    assert!(client().is_enabled("search"), "what an earlier root accepted stays until there is something newer");
    keep(&home, |state| {
        assert!(state.accept_snapshot(&snapshot(7, ""), NOW).is_err(), "the old key has signed it");
        state.accept_snapshot(&by_new_key, NOW).unwrap();
    });
    assert!(!client().is_enabled("search"));
}

#[test]
fn e45_junk_in_the_caches_place_is_set_aside_and_a_foreign_one_let_alone() {
    let bundle = || Some(snapshot(3, &flag("search", true, "")));
    let foreign = {
        let home = Home::new();
        let mut state = TrustState::open(&home.remote(None).pinned_root, "caro", "staging").unwrap();
        TrustFile::new(home.path("state.json")).save(&mut state).unwrap();
        fs::read(home.path("state.json")).unwrap()
    };
    let table: [(&str, Vec<u8>, bool); 5] = [
        ("empty", Vec::new(), true),
        ("a text", b"hello".to_vec(), true),
        ("zeros", vec![0; 4096], true),
        ("an empty object", b"{}".to_vec(), true),
        ("another environment's", foreign, false),
    ];
    for (name, bytes, set_aside) in table {
        let home = Home::new();
        fs::write(home.path("state.json"), &bytes).unwrap();
        let client = FlagClient::builder().remote(home.remote(bundle())).clock(|| NOW).open();
        assert!(client.is_enabled("search"), "{name}");
        assert_eq!(problems(&client), ["the cached snapshot cannot be used"], "{name}");
        let kept = home.path(if set_aside { "state.json.corrupt" } else { "state.json" });
        assert_eq!(fs::read(kept).unwrap(), bytes, "{name}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn e48_a_publisher_that_was_away_is_heard_as_soon_as_it_is_back() {
    let home = Home::new();
    keep(&home, |state| drop(state.accept_snapshot(&snapshot(5, &flag("search", false, "")), NOW).unwrap()));
    let url = Some(home.path("published").display().to_string());
    let client = FlagClient::builder().remote(flag_client::Remote { url, ..home.remote(None) }).clock(|| NOW).open();
    assert!(client.sync().is_err());
    assert_eq!(client.snapshot_info().unwrap().version, 5, "the cache is not erased");
    fs::create_dir_all(home.path("published/v1")).unwrap();
    fs::write(home.path("published/v1/snapshot.json"), snapshot(6, &flag("search", true, ""))).unwrap();
    client.sync().unwrap();
    assert!(client.is_enabled("search"));
}

#[test]
fn a_kill_in_the_environment_that_names_nothing_is_a_problem_and_stands() {
    let open = |targets: &str| {
        let environment = Environment::from_pairs("CARO", [("CARO_KILL", targets)]);
        Home::new().builder().environment(environment).declare([Declaration::boolean("telemetry")]).open()
    };
    let table: [(&str, &[&str]); 4] = [
        ("telemetry", &[]),
        ("telemetry_disabled, command_history", &[]),
        ("nosuch", &[r#"CARO_KILL: neither a flag nor a capability is named "nosuch""#]),
        ("telemtry_disabled,telemetry", &[r#"CARO_KILL: neither a flag nor a capability is named "telemtry""#]),
    ];
    for (targets, expected) in table {
        let client = open(targets);
        assert_eq!(problems(&client), expected, "{targets}");
        assert_eq!(client.kills().len(), targets.split(',').count(), "{targets}");
    }
}

#[test]
fn an_explanation_reads_as_lines_for_people() {
    let home = Home::new();
    home.config("[feature_flags]\nsearch = false\n[feature_flags.overrides]\nsearch = true\n");
    let flags = [rollout("search", 25_000, r#","opt_in":"required""#), flag("telemetry", true, "")].join(",");
    let client = home
        .builder_with(&flags)
        .declare([Declaration::boolean("search"), Declaration::boolean("telemetry")])
        .identity(IdentitySource::Given("install-7".to_owned()))
        .kill(["telemetry"])
        .open();
    let file = home.path("config.toml");
    let text = |key: &str| client.explain(key).to_string().replace(&file.display().to_string(), "config.toml");
    insta_like(
        &text("search"),
        &[
            "search: off (SPLIT, by the published flags)",
            "  your override: true; opted in; the published split decides [config.toml:4:10]",
            "  the published flags: version 1",
            "  your settings: false; something stronger decided [config.toml:2:10]",
            "  the built-in default: something stronger decided",
        ],
    );
    insta_like(&text("telemetry"), &["telemetry: off (KILLED, by the command line)", "  the command line: killed"]);
    assert!(!client.explain("nosuch").to_string().ends_with('\n'));
}

/// The first lines of a text.
fn insta_like(text: &str, first: &[&str]) {
    let found: Vec<&str> = text.lines().take(first.len()).collect();
    assert_eq!(found, first, "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A decision depends on what is trusted and on what the user set: not on how a snapshot came here, on a restart, or on a quarantine
    /// in which nobody is.
    #[test]
    fn how_a_snapshot_came_changes_no_decision(
        shares in proptest::collection::vec(0_u32..=100_000, 1..6),
        overrides in proptest::collection::vec(any::<Option<bool>>(), 6),
        killed in 0_usize..8,
        install in 0_u32..50,
    ) {
        let key = |number: usize| format!("flag_{number}");
        let flags: Vec<String> =
            shares.iter().enumerate().map(|(number, share)| rollout(&key(number), *share, r#","overridable":true"#)).collect();
        let lines = overrides.iter().enumerate().filter_map(|(number, on)| on.map(|on| format!("{} = {on}\n", key(number))));
        let config = format!("[feature_flags.overrides]\n{}", lines.collect::<String>());
        let document = snapshot_with(1, &flags.join(","), &format!(r#","kills":[{{"id":"k1","target":"{}"}}]"#, key(killed)));

        let home = Home::new();
        home.config(&config);
        let base = || -> ClientBuilder {
            let given = IdentitySource::Given(format!("install-{install}"));
            FlagClient::builder().user_file(home.path("config.toml")).identity(given).clock(|| NOW)
        };
        let told = |client: &FlagClient| serde_json::to_string(&client.list()).unwrap();
        let bundled = base().remote(home.remote(Some(document.clone()))).open();
        let expected = told(&bundled);
        keep(&home, |state| drop(state.accept_snapshot(&document, NOW).unwrap()));
        bundled.reload();
        prop_assert_eq!(told(&bundled), expected.clone());
        prop_assert_eq!(told(&base().remote(home.remote(None)).open()), expected.clone());
        for _ in 0..3 {
            let quarantined = base().remote(home.remote(None)).crash_quarantine(CrashQuarantine::default()).open();
            prop_assert_eq!(told(&quarantined), expected.clone());
        }
        for decision in bundled.list() {
            prop_assert!(decision.origin.layer != Layer::CodeDefault);
        }
    }
}
