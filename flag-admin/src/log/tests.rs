use flag_core::wire::{Entries, Flag, Kind, OptIn, Serve, Stage};
use flag_core::{FlagKey, Share, Timestamp, Value};
use proptest::prelude::*;

use super::*;
use crate::definition::{Definition, Documentation, LintSettings};

fn boolean(share: u32) -> Box<Definition> {
    let variants = Entries::from_iter([("on".into(), Value::from(true)), ("off".into(), Value::from(false))]);
    let flag = Flag {
        version: 0,
        kind: Kind::Release,
        stage: Stage::Beta,
        enabled: true,
        bucketing: 1,
        seed: None,
        unit: None,
        variants,
        off_variant: "off".into(),
        rules: Vec::new(),
        fallthrough: Serve::rollout(Share::from_percent(share).unwrap(), "on", "off"),
        prerequisites: Vec::new(),
        off_after: None,
        overridable: false,
        opt_in: OptIn::None,
        critical: false,
        group: None,
        holdout: Share::NOBODY,
        default_on_expiry: false,
        slow_above_micros: None,
        requires: Vec::new(),
    };
    Box::new(Definition { flag, documentation: Documentation::default(), lint: LintSettings::default() })
}

fn key(text: &str) -> FlagKey {
    text.parse().unwrap()
}

fn production() -> EnvironmentName {
    EnvironmentName::production()
}

fn entry(head: Head, change: Change) -> Entry {
    Entry {
        schema: ENTRY_SCHEMA,
        seq: head.seq + 1,
        time: Timestamp::from_millis(1_768_487_521_000),
        actor: "@alice".parse().unwrap(),
        role: Role::ReleaseManager,
        environment: (!change.is_of_project()).then(production),
        change,
        reason: None,
        prev: head.hash,
    }
}

fn sealed(changes: impl IntoIterator<Item = Change>) -> Vec<Sealed> {
    let mut head = Head::GENESIS;
    changes
        .into_iter()
        .map(|change| {
            let sealed = Sealed::new(entry(head, change)).unwrap();
            head = sealed.head();
            sealed
        })
        .collect()
}

fn history() -> Vec<Change> {
    let (flag, mut off) = (key("telemetry_cloud_sync"), boolean(50));
    off.flag.enabled = false;
    let share = |percent| Share::from_percent(percent).unwrap();
    vec![
        Change::ProjectCreated { project: "caro".parse().unwrap(), environments: vec![production()] },
        Change::FlagCreated { key: flag.clone(), definition: boolean(25) },
        Change::RolloutSet { flag: flag.clone(), rule: None, share: share(50) },
        Change::FlagChanged { key: flag.clone(), definition: off },
        Change::FlagChanged { key: flag.clone(), definition: boolean(50) },
        Change::RolloutSet { flag: flag.clone(), rule: None, share: share(10) },
        Change::KillActivated { id: "k-1".into(), target: "llm_backends".into(), emergency: true },
        Change::KillLifted { id: "k-1".into(), target: "llm_backends".into() },
        Change::FlagArchived { key: flag },
    ]
}

fn fold(entries: &[Sealed]) -> Result<State, FoldError> {
    let mut entries = entries.iter();
    let first = entries.next().unwrap();
    let mut state = State::begin(first.entry(), first.head())?;
    entries.try_for_each(|entry| state.apply_sealed(entry))?;
    Ok(state)
}

fn walk(rows: &[Stored], head: Head) -> Result<Head, ChainError> {
    let mut chain = Chain::new();
    for row in rows {
        chain.follow(row)?;
    }
    chain.finish(head)?;
    Ok(chain.head())
}

#[test]
fn the_stored_form_of_an_entry_never_changes() {
    let entries = sealed(history().into_iter().take(3));
    let bytes = String::from_utf8(entries[2].stored().bytes.clone()).unwrap();
    assert_eq!(
        bytes,
        "{\"schema\":1,\"seq\":3,\"time\":\"2026-01-15T14:32:01Z\",\"actor\":\"alice\",\"role\":\"release_manager\",\
         \"environment\":\"production\",\"change\":{\"type\":\"rollout_set\",\"flag\":\"telemetry_cloud_sync\",\"share\":50000},\
         \"prev\":\"@\"}"
            .replace('@', &entries[1].head().hash.to_string())
    );
    assert_eq!(entries[0].entry().prev, Digest::GENESIS);
    assert_eq!(serde_json::from_str::<Entry>(&bytes).unwrap(), *entries[2].entry());
}

#[test]
fn an_entry_of_a_newer_form_is_refused_rather_than_half_read() {
    let first = &sealed(history().into_iter().take(1))[0];
    let text = String::from_utf8(first.stored().bytes.clone()).unwrap();
    for (from, to, message) in [
        ("\"schema\":1", "\"schema\":2", "log entry 1 is corrupt: it has schema 2, expected 1"),
        ("\"seq\":1", "\"seq\":2", "log entry 1 is corrupt: its bytes are of entry 2"),
        ("project_created", "project_renamed", "log entry 1 is corrupt: its bytes are no entry"),
        ("\"actor\"", "\"more\":0,\"actor\"", "log entry 1 is corrupt: its bytes are no entry"),
    ] {
        let bytes = text.replace(from, to).into_bytes();
        let row = Stored { seq: 1, hash: Digest::of(&bytes), bytes };
        assert_eq!(Chain::new().follow(&row).unwrap_err().to_string(), message);
    }
}

#[test]
fn changes_are_told_in_words() {
    let entries = sealed(history());
    let mut state: Option<State> = None;
    let mut told = Vec::new();
    for sealed in &entries {
        let before = state.as_ref().and_then(|state| state.environment(&production()));
        told.push(sentence(&sealed.entry().change, before));
        match &mut state {
            Some(state) => state.apply_sealed(sealed).unwrap(),
            None => state = Some(State::begin(sealed.entry(), sealed.head()).unwrap()),
        }
    }
    assert_eq!(
        told,
        [
            "created project: caro (production)",
            "created feature flag: telemetry_cloud_sync",
            "increased rollout percentage: 25% → 50% (telemetry_cloud_sync)",
            "disabled feature flag: telemetry_cloud_sync",
            "enabled feature flag: telemetry_cloud_sync",
            "decreased rollout percentage: 50% → 10% (telemetry_cloud_sync)",
            "enabled kill switch: llm_backends",
            "disabled kill switch: llm_backends",
            "archived feature flag: telemetry_cloud_sync",
        ]
    );
}

#[test]
fn state_is_the_fold_of_the_changes() {
    let entries = sealed(history());
    let state = fold(&entries[..6]).unwrap();
    let environment = state.environment(&production()).unwrap();
    let flag = &environment.flags[&key("telemetry_cloud_sync")].definition.flag;
    assert_eq!((flag.version, flag.fallthrough.exposure), (6, Share::from_percent(10).ok()));
    assert_eq!((environment.unpublished, state.head().seq), (5, 6));

    let state = fold(&entries).unwrap();
    let environment = state.environment(&production()).unwrap();
    assert!(environment.flags.is_empty() && environment.kills.is_empty());
    assert_eq!(environment.archived.len(), 1);
    assert_eq!(environment.lifted, ["k-1".into()]);
}

#[test]
fn a_change_that_does_not_fit_is_refused() {
    let flag = key("telemetry_cloud_sync");
    let published = |version| Change::Published {
        version,
        epoch: 1,
        digest: Digest::GENESIS,
        expires_at: Timestamp::from_millis(0),
    };
    let table = [
        (history()[0].clone(), "the project is created a second time"),
        (history()[1].clone(), "flag \"telemetry_cloud_sync\" is created a second time"),
        (Change::FlagArchived { key: key("other") }, "flag \"other\" does not exist"),
        (Change::FlagRenamed { from: key("other"), to: key("another") }, "flag \"other\" does not exist"),
        (
            Change::FlagRenamed { from: flag.clone(), to: flag.clone() },
            "flag \"telemetry_cloud_sync\" is created a second time",
        ),
        (
            Change::StageSet { flag: key("other"), stage: Stage::Ga, waived: Vec::new(), status: None },
            "flag \"other\" does not exist",
        ),
        (
            Change::EnvironmentCreated { environment: production() },
            "environment \"production\" is created a second time",
        ),
        (
            Change::RolloutSet { flag, rule: Some("staff".into()), share: Share::NOBODY },
            "flag \"telemetry_cloud_sync\": it has no rule \"staff\"",
        ),
        (Change::SegmentRemoved { name: "team".into() }, "segment \"team\" does not exist"),
        (Change::GroupRemoved { name: "search".into() }, "group \"search\" does not exist"),
        (Change::KillLifted { id: "k-9".into(), target: "telemetry".into() }, "kill \"k-9\" does not exist"),
        (
            Change::KillActivated { id: "k-1".into(), target: "telemetry".into(), emergency: false },
            "kill id \"k-1\" is used a second time",
        ),
        (published(2), "snapshot version 2 does not follow version 0"),
    ];
    for (change, message) in table {
        let entries = sealed(history().into_iter().take(8).chain([change]));
        assert_eq!(fold(&entries).unwrap_err().to_string(), message);
    }
    let headless = sealed([history()[1].clone()]);
    assert_eq!(fold(&headless).unwrap_err().to_string(), "the log begins with flag_created, expected project_created");
}

#[test]
fn versions_of_snapshots_count_within_an_epoch() {
    let published = |version, epoch| Change::Published {
        version,
        epoch,
        digest: Digest::GENESIS,
        expires_at: Timestamp::from_millis(0),
    };
    let changes = [published(1, 1), published(2, 1), published(1, 2)];
    let state = fold(&sealed(history().into_iter().take(2).chain(changes))).unwrap();
    let environment = state.environment(&production()).unwrap();
    assert_eq!((environment.next_version(2), environment.next_version(3), environment.unpublished), (2, 1, 0));
}

#[test]
fn setting_a_share_keeps_who_gets_which_variant() {
    let mut flag = boolean(25).flag;
    let before = flag.fallthrough.allocation.clone();
    set_exposure(&mut flag, None, Share::EVERYONE).unwrap();
    assert_eq!((exposure_of(&flag, None), flag.fallthrough.allocation.clone()), (Ok(Share::EVERYONE), before));
    flag.fallthrough = Serve::variant("on");
    assert_eq!(exposure_of(&flag, None), Ok(Share::EVERYONE));
    flag.fallthrough = Serve::variant("off");
    assert_eq!(exposure_of(&flag, None), Ok(Share::NOBODY));
    set_exposure(&mut flag, None, Share::NOBODY).unwrap();
    assert_eq!(flag.fallthrough, Serve::rollout(Share::NOBODY, "on", "off"));
}

/// One way to tamper with a stored log, as a place in the whole of it.
#[derive(Clone, Debug)]
enum Tampering {
    Byte { row: usize, at: usize, bit: u8 },
    Hash { row: usize, at: usize, bit: u8 },
    Delete { row: usize },
    Repeat { row: usize },
    Swap { row: usize },
    Head { at: usize, bit: u8 },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let (row, at, bit) = (0_usize..9, 0_usize..100_000, 0_u8..8);
    prop_oneof![
        8 => (row.clone(), at.clone(), bit.clone()).prop_map(|(row, at, bit)| Tampering::Byte { row, at, bit }),
        2 => (row.clone(), at.clone(), bit.clone()).prop_map(|(row, at, bit)| Tampering::Hash { row, at, bit }),
        1 => row.clone().prop_map(|row| Tampering::Delete { row }),
        1 => row.clone().prop_map(|row| Tampering::Repeat { row }),
        1 => (0_usize..8).prop_map(|row| Tampering::Swap { row }),
        1 => (at, bit).prop_map(|(at, bit)| Tampering::Head { at, bit }),
    ]
}

fn flipped(hash: Digest, at: usize, bit: u8) -> Digest {
    let mut bytes = *hash.as_bytes();
    bytes[at % 32] ^= 1 << bit;
    Digest::from_bytes(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_tampered_with_the_first_bad_entry_is_named(tampering in tampering()) {
        let entries = sealed(history());
        let mut rows: Vec<Stored> = entries.iter().map(|entry| entry.stored().clone()).collect();
        let mut head = entries.last().unwrap().head();
        prop_assert_eq!(walk(&rows, head).unwrap(), head);
        let bad = match tampering {
            Tampering::Byte { row, at, bit } => {
                let length = rows[row].bytes.len();
                rows[row].bytes[at % length] ^= 1 << bit;
                row
            }
            Tampering::Hash { row, at, bit } => {
                rows[row].hash = flipped(rows[row].hash, at, bit);
                row
            }
            Tampering::Delete { row } => {
                rows.remove(row);
                row
            }
            Tampering::Repeat { row } => {
                let again = rows[row].clone();
                rows.insert(row + 1, again);
                row + 1
            }
            Tampering::Swap { row } => {
                rows.swap(row, row + 1);
                row
            }
            Tampering::Head { at, bit } => {
                head.hash = flipped(head.hash, at, bit);
                rows.len() - 1
            }
        };
        prop_assert_eq!(walk(&rows, head).unwrap_err().seq, bad as u64 + 1);
    }
}

#[test]
fn the_stored_form_of_a_life_never_changes() {
    for (change, form) in [
        (
            Change::FlagRenamed { from: key("a_flag"), to: key("b_flag") },
            "{\"type\":\"flag_renamed\",\"from\":\"a_flag\",\"to\":\"b_flag\"}",
        ),
        (
            Change::StageSet { flag: key("a_flag"), stage: Stage::Beta, waived: vec!["soak".into()], status: None },
            "{\"type\":\"stage_set\",\"flag\":\"a_flag\",\"stage\":\"beta\",\"waived\":[\"soak\"]}",
        ),
        (
            Change::StageSet { flag: key("a_flag"), stage: Stage::Development, waived: Vec::new(), status: None },
            "{\"type\":\"stage_set\",\"flag\":\"a_flag\",\"stage\":\"development\"}",
        ),
        (
            Change::EnvironmentCreated { environment: production() },
            "{\"type\":\"environment_created\",\"environment\":\"production\"}",
        ),
    ] {
        assert_eq!(serde_json::to_string(&change).unwrap(), form);
        assert_eq!(serde_json::from_str::<Change>(form).unwrap(), change);
    }
}

#[test]
fn the_log_knows_since_when_a_flag_is_as_it_is() {
    let (flag, share) = (key("telemetry_cloud_sync"), |percent| Share::from_percent(percent).unwrap());
    let staged = |stage| Change::StageSet { flag: flag.clone(), stage, waived: Vec::new(), status: None };
    let set = |percent| Change::RolloutSet { flag: flag.clone(), rule: None, share: share(percent) };
    let mut state = None;
    let mut head = Head::GENESIS;
    // Each row: the change, then the day of the stage, the day of what is served, and whether it was ever exposed.
    for (day, (change, expected)) in [
        (history()[0].clone(), None),
        (Change::FlagCreated { key: flag.clone(), definition: boolean(0) }, Some((1, 1, false))),
        (staged(Stage::Internal), Some((2, 1, false))),
        (set(25), Some((2, 3, true))),
        (staged(Stage::Beta), Some((4, 3, true))),
        (Change::FlagRenamed { from: flag.clone(), to: key("cloud_sync") }, None),
        (Change::FlagRenamed { from: key("cloud_sync"), to: flag.clone() }, Some((4, 3, true))),
        (set(0), Some((4, 7, true))),
        (Change::FlagArchived { key: flag.clone() }, None),
        (Change::FlagCreated { key: flag.clone(), definition: boolean(0) }, Some((9, 9, true))),
    ]
    .into_iter()
    .enumerate()
    {
        let mut entry = entry(head, change);
        let day = i64::try_from(day).unwrap();
        entry.time = Timestamp::from_millis(day);
        let sealed = Sealed::new(entry).unwrap();
        head = sealed.head();
        match &mut state {
            None => state = Some(State::begin(sealed.entry(), head).unwrap()),
            Some(state) => state.apply_sealed(&sealed).unwrap(),
        }
        let environment = state.as_ref().unwrap().environment(&production()).unwrap();
        let found = environment.flags.get(&flag);
        let found = found.map(|flag| (flag.staged.as_millis(), flag.served.as_millis(), flag.exposed));
        if let Some(expected) = expected {
            assert_eq!(found, Some(expected), "after day {day}");
        }
    }
}

#[test]
fn members_and_requests_are_folded_and_told() {
    let asked = vec![Change::RolloutSet {
        flag: key("telemetry_cloud_sync"),
        rule: None,
        share: Share::from_percent(50).unwrap(),
    }];
    let member = |name: &str| name.parse::<Actor>().unwrap();
    let effect = Digest::of(b"effect");
    let changes: Vec<Change> = history().into_iter().take(2).collect();
    let changes = changes.into_iter().chain([
        Change::MemberSet { member: member("bob"), role: Role::Engineer },
        Change::MemberSet { member: member("bob"), role: Role::EngineeringLead },
        Change::ApprovalsRequired { approvals: 1 },
        Change::ChangeRequested { changes: asked.clone(), effect },
        Change::ChangeRequested { changes: asked.clone(), effect },
        Change::ChangeRejected { request: 6 },
    ]);
    let entries = sealed(changes);
    let state = fold(&entries).unwrap();
    assert_eq!(state.members().iter().collect::<Vec<_>>(), [(&member("bob"), &Role::EngineeringLead)]);
    let environment = state.environment(&production()).unwrap();
    assert_eq!(environment.approvals_required, 1);
    let request = &environment.requests[&7];
    assert_eq!((&request.changes, request.effect, environment.requests.len()), (&asked, effect, 1));
    assert_eq!(environment.unpublished, 1, "what is agreed on publishes nothing");
    let told: Vec<String> =
        entries.iter().skip(2).map(|entry| sentence(&entry.entry().change, Some(environment))).collect();
    assert_eq!(
        told,
        [
            "made member: @bob (engineer)",
            "made member: @bob (engineering lead)",
            "required approvals of every change: 1",
            "asked for approval: increased rollout percentage: 25% → 50% (telemetry_cloud_sync)",
            "asked for approval: increased rollout percentage: 25% → 50% (telemetry_cloud_sync)",
            "rejected request: 6",
        ]
    );
    let json = serde_json::to_value(&entries[2].entry().change).unwrap();
    assert_eq!(json, serde_json::json!({"type": "member_set", "member": "bob", "role": "engineer"}));
    for (change, message) in [
        (Change::ChangeApproved { request: 6 }, "request 6 does not exist, or is settled"),
        (Change::MemberRemoved { member: member("eve") }, "@eve is no member"),
    ] {
        let mut state = state.clone();
        let refused = state.apply(&entry(state.head(), change), state.head()).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
    assert_eq!(
        "lead".parse::<Role>().unwrap_err().to_string(),
        "\"lead\" is no role, expected release_manager, engineering_lead, engineer or emergency_responder"
    );
}
