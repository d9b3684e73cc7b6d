//! What must hold when a disk is full, a folder is read-only, a lock is held, or a publication does not arrive.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(target_os = "linux")]

#[path = "support/disk.rs"]
mod disk;
mod support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use disk::SmallDisk;
use flag_admin::adapters::{ProjectFolder, PublishPlace};
use flag_admin::app::ports::{Document, Publisher, PublisherError};
use flag_admin::app::{Operator, Project};
use flag_admin::log::{EnvironmentName, Role};
use rusqlite::Connection;
use serde_json::Value;
use support::{Sandbox, finished};

fn changes(sandbox: &Sandbox, project: &str) -> Vec<(String, u64)> {
    let log = sandbox.run(&["-C", project, "log", "--json"]).json();
    let name = |line: &Value| line["change"]["type"].as_str().unwrap().to_owned();
    log.as_array().unwrap().iter().map(|line| (name(line), line["seq"].as_u64().unwrap())).collect()
}

fn publications(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let log = sandbox.project(&["log", "--json"]).json();
    let of = |line: &Value| Some((line["change"]["type"].as_str()?.to_owned(), line["change"]["version"].as_u64()?));
    log.as_array().unwrap().iter().filter_map(of).filter(|(name, _)| name != "root_published").collect()
}

#[test]
fn e31_a_full_disk_refuses_a_change_and_loses_none() {
    let sandbox = Sandbox::with_sample();
    let Some(disk) = SmallDisk::mounted(sandbox.path("disk"), "2m") else { return };
    sandbox.project(&["backup", "sample.backup", "--with-keys"]).text();
    sandbox.run(&["restore", "sample.backup", "disk/flags"]).text();
    std::fs::write(disk.at.join("filler"), vec![0; 900_000]).unwrap();
    let mut acknowledged = 0;
    let mut refused = None;
    for turn in 0..2_000 {
        let share = format!("{}%", 1 + turn % 40);
        let reason = "x".repeat(900);
        let set =
            ["-C", "disk/flags", "rollout", "set", "ollama_backend", &share, "--yes", "--json", "--reason", &reason];
        let run = sandbox.run(&set);
        match run.code {
            Some(0) => acknowledged += 1,
            _ => {
                refused = Some(run);
                break;
            }
        }
        // What is left is taken up quickly once the log's own file has its size.
        if turn == 20 {
            let mut filler = std::fs::File::create(disk.at.join("rest")).unwrap();
            while filler.write_all(&[0; 4_096]).is_ok() {}
        }
    }
    let refused = refused.expect("the disk fills up");
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(error["error"]["code"], "storage", "{error}");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("flags/log.sqlite cannot be written: "), "{message}");
    // What is there can be read all the same.
    assert_eq!(changes(&sandbox, "disk/flags").iter().filter(|(name, _)| name == "rollout_set").count(), acknowledged);
    std::fs::remove_file(disk.at.join("rest")).unwrap();
    std::fs::remove_file(disk.at.join("filler")).unwrap();
    sandbox.run(&["-C", "disk/flags", "audit", "verify"]).text();
    let rollouts = changes(&sandbox, "disk/flags").iter().filter(|(name, _)| name == "rollout_set").count();
    assert_eq!(rollouts, acknowledged);
    sandbox.run(&["-C", "disk/flags", "rollout", "set", "ollama_backend", "99%", "--yes"]).text();
}

#[test]
fn e31_what_cannot_be_delivered_is_not_called_published() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let Some(disk) = SmallDisk::mounted(sandbox.path("disk"), "64k") else { return };
    let mut filler = std::fs::File::create(disk.at.join("rest")).unwrap();
    while filler.write_all(&[0; 4_096]).is_ok() {}
    let run = sandbox.project(&["publish", "--to", "disk/public"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("cannot be written: No space left on device"), "{}", run.err);
    let started = |version| ("publish_started".to_owned(), version);
    let published = |version| ("published".to_owned(), version);
    assert_eq!(publications(&sandbox), [started(1), published(1), started(2)]);
    drop(filler);
    std::fs::remove_file(disk.at.join("rest")).unwrap();
    sandbox.project(&["publish", "--to", "disk/public"]).text();
    assert_eq!(publications(&sandbox), [started(1), published(1), started(2), started(3), published(3)]);
    sandbox.project(&["verify", "disk/public/v1/snapshot.json"]).text();
}

#[test]
fn e31_a_full_disk_under_the_log_publishes_nothing() {
    let sandbox = Sandbox::with_sample();
    let Some(disk) = SmallDisk::mounted(sandbox.path("disk"), "2m") else { return };
    sandbox.project(&["backup", "sample.backup", "--with-keys"]).text();
    sandbox.run(&["restore", "sample.backup", "disk/flags"]).text();
    sandbox.run(&["-C", "disk/flags", "publish", "--to", "public"]).text();
    let before = std::fs::read(sandbox.path("public/v1/snapshot.json")).unwrap();
    let entries = changes(&sandbox, "disk/flags").len();
    let mut filler = std::fs::File::create(disk.at.join("rest")).unwrap();
    while filler.write_all(&[0; 512]).is_ok() {}
    // What is left of the log's own file takes in a few entries more; then no version can be spent, and none is published.
    let mut refused = None;
    for _ in 0..200 {
        let run = sandbox.run(&["-C", "disk/flags", "publish", "--to", "public"]);
        if run.code != Some(0) {
            refused = Some(run);
            break;
        }
    }
    let refused = refused.expect("the disk is full");
    assert!(refused.err.contains("log.sqlite cannot be written: "), "{}", refused.err);
    let published = std::fs::read(sandbox.path("public/v1/snapshot.json")).unwrap();
    let version =
        sandbox.run(&["-C", "disk/flags", "verify", "public/v1/snapshot.json", "--json"]).json()["version"].clone();
    drop(filler);
    std::fs::remove_file(disk.at.join("rest")).unwrap();
    let log = changes(&sandbox, "disk/flags");
    assert!(log.len() >= entries);
    if log.len() == entries {
        assert_eq!(published, before);
    }
    sandbox.run(&["-C", "disk/flags", "audit", "verify", "--against", "public/v1/snapshot.json"]).text();
    let next = sandbox.run(&["-C", "disk/flags", "publish", "--to", "public", "--json"]).json()["version"].clone();
    assert!(next.as_u64() > version.as_u64(), "{next} after {version}");
}

#[test]
fn e40_a_clock_that_is_an_hour_off_is_told_and_loses_nothing() {
    let sandbox = Sandbox::with_sample();
    let at = |clock: &str, arguments: &[&str]| {
        let all: Vec<&str> = ["-C", "flags"].iter().chain(arguments).copied().collect();
        finished(sandbox.command(&all).env("FLAG_ADMIN_TEST_CLOCK", clock).spawn().unwrap())
    };
    let (noon, eleven) = ("2096-12-01T12:00:00Z", "2096-12-01T11:00:00Z");
    sandbox.project(&["publish", "--to", "public"]).text();
    let expired = at(noon, &["publish"]);
    assert!(expired.err.contains("error: root 1 expired at "), "{}", expired.err);
    let set = at(noon, &["rollout", "set", "ollama_backend", "10%", "--yes"]);
    assert_eq!(set.code, Some(0), "{}", set.err);
    // Back in time the change is kept, and whoever looks is told.
    let set = at(eleven, &["rollout", "set", "ollama_backend", "20%", "--yes"]);
    assert_eq!(set.code, Some(0), "{}", set.err);
    let doctor = at(eleven, &["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(
        doctor
            .out
            .contains("the clock says 2096-12-01T11:00:00Z, but the log has an entry made at 2096-12-01T12:00:00Z"),
        "{}",
        doctor.out
    );
    let log = sandbox.project(&["log", "--json"]).json();
    let times: Vec<&str> =
        log.as_array().unwrap().iter().rev().take(2).map(|line| line["time"].as_str().unwrap()).collect();
    assert_eq!(times, [eleven, noon]);
    sandbox.project(&["audit", "verify"]).text();
    let now = sandbox.project(&["publish"]);
    assert!(!now.text().contains("the clock says"), "{}", now.out);
    let hour_ago = {
        use flag_admin::app::ports::Clock as _;
        flag_admin::adapters::SystemClock.now().saturating_add_millis(-3_600_000).to_string()
    };
    let late = at(&hour_ago, &["publish"]);
    assert!(
        late.out.contains("but snapshot 2 was signed at ") && late.out.contains(": set the clock, and publish again"),
        "{}\n{}",
        late.out,
        late.err
    );
}

#[test]
fn e31_a_file_that_does_not_fit_leaves_nothing_in_the_way_of_the_next_try() {
    let sandbox = Sandbox::with_sample();
    let Some(disk) = SmallDisk::mounted(sandbox.path("disk"), "64k") else { return };
    let mut filler = std::fs::File::create(disk.at.join("filler")).unwrap();
    while filler.write_all(&[0; 4_096]).is_ok() {}
    let tries: [&[&str]; 3] = [
        &["key", "new", "kill", "--out", "disk/kill.pem"],
        &["backup", "disk/caro.backup"],
        &["root", "rotate", "flags/root/1.json", "--days", "80", "--out", "disk/root-2.json"],
    ];
    for arguments in tries {
        let run = sandbox.project(arguments);
        assert_eq!(run.code, Some(1), "{arguments:?}");
        assert!(run.err.contains("cannot be written: No space left on device"), "{arguments:?} {}", run.err);
    }
    drop(filler);
    let left: Vec<_> = std::fs::read_dir(&disk.at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["filler"]);
    std::fs::remove_file(disk.at.join("filler")).unwrap();
    for arguments in tries {
        sandbox.project(arguments).text();
    }
}

#[test]
fn a_kill_that_cannot_be_signed_says_that_it_stands_in_the_log() {
    let sandbox = Sandbox::empty();
    sandbox.write("passphrase", "right\n");
    std::fs::set_permissions(sandbox.path("passphrase"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let made = ["init", "flags", "--project", "caro", "--as", "alice", "--passphrase-file", "passphrase"];
    sandbox.run(&made).text();
    let kill = ["kill", "telemetry", "--unlisted", "--reason", "incident 7", "--to", "public", "--json"];
    let run = sandbox.project(&kill);
    assert_eq!(run.code, Some(1));
    let error: Value = serde_json::from_str(&run.err).unwrap();
    let (message, hint) = (error["error"]["message"].as_str().unwrap(), error["error"]["hint"].as_str().unwrap());
    assert!(
        message.starts_with("\"telemetry\" is killed in the log, but clients do not know of it yet: kill key "),
        "{message}"
    );
    assert!(hint.ends_with("; then tell clients: flag-admin publish --to PLACE"), "{hint}");
    assert_eq!(error["error"]["details"]["applied"], true);
    assert_eq!(sandbox.project(&["kills", "--json"]).json()[0]["target"], "telemetry");
}

#[test]
fn e26_a_folder_that_may_only_be_read_is_named_and_left_as_it_is() {
    let sandbox = Sandbox::with_sample();
    let Some(disk) = SmallDisk::mounted(sandbox.path("disk"), "2m") else { return };
    sandbox.project(&["backup", "sample.backup"]).text();
    sandbox.run(&["restore", "sample.backup", "disk/flags"]).text();
    disk.remount("ro");
    let run = sandbox.run(&["-C", "disk/flags", "rollout", "set", "ollama_backend", "10%", "--yes"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.starts_with("error: ") && run.err.contains("disk/flags/log.sqlite cannot be written: "),
        "{}",
        run.err
    );
    let read = sandbox.run(&["-C", "disk/flags", "flag", "list", "--json"]).json();
    assert_eq!(read, sandbox.project(&["flag", "list", "--json"]).json());
    let doctor = sandbox.run(&["-C", "disk/flags", "doctor"]);
    assert_eq!(doctor.code, Some(1));
    let told = doctor.out.lines().find(|line| line.starts_with("error    store"));
    assert!(told.is_some_and(|line| line.contains("log.sqlite cannot be written: ")), "{}", doctor.out);
    disk.remount("rw");
    sandbox.run(&["-C", "disk/flags", "rollout", "set", "ollama_backend", "10%", "--yes"]).text();
}

#[test]
fn e34_a_log_that_another_program_holds_is_waited_for_and_then_named() {
    let sandbox = Sandbox::with_sample();
    let path = sandbox.path("flags/log.sqlite");
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let set = ["-C", "flags", "rollout", "set", "ollama_backend", "10%", "--yes"];
    let waiting = sandbox.spawn(&set);
    // Whoever only reads does not wait.
    sandbox.project(&["flag", "list"]).text();
    let run = finished(waiting);
    assert_eq!(run.code, Some(1));
    assert!(run.err.starts_with("error: ") && run.err.contains("flags/log.sqlite is locked by another program, waited 5 s\nhint: wait for the other program, or end it\n"), "{}", run.err);
    holder.execute_batch("ROLLBACK").unwrap();
    // Where the other is done in time, nobody notices.
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = sandbox.spawn(&set);
    holder.execute_batch("ROLLBACK").unwrap();
    finished(waiting).text();
}

#[test]
fn e34_a_second_publisher_is_refused_while_one_is_at_work() {
    let sandbox = Sandbox::with_sample();
    let project = ProjectFolder::find(&sandbox.path("flags")).unwrap();
    let held = project.publisher(&EnvironmentName::production(), &sandbox.path("public")).unwrap();
    let run = sandbox.project(&["publish", "--to", "public"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("publish.lock cannot be locked: another program is publishing"), "{}", run.err);
    assert_eq!(publications(&sandbox), []);
    drop(held);
    sandbox.project(&["publish", "--to", "public"]).text();
}

/// A folder whose connection breaks at the snapshot: before it is written, or after.
struct Breaking {
    folder: PublishPlace,
    arrives: bool,
}

impl Publisher for Breaking {
    fn published(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError> {
        self.folder.published(document)
    }

    fn publish(&mut self, document: Document, bytes: &[u8]) -> Result<(), PublisherError> {
        if document != Document::Snapshot {
            return self.folder.publish(document, bytes);
        }
        if self.arrives {
            self.folder.publish(document, bytes)?;
        }
        Err(PublisherError { place: self.place(), action: "written", source: "the connection broke".into() })
    }

    fn withdraw(&mut self, document: Document) -> Result<(), PublisherError> {
        self.folder.withdraw(document)
    }

    fn place(&self) -> String {
        self.folder.place()
    }
}

fn opened(project: &ProjectFolder) -> Project {
    project.open(Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager }).unwrap()
}

#[test]
fn e28_the_log_says_published_of_what_arrived_and_of_nothing_else() {
    let sandbox = Sandbox::with_sample();
    let place = ProjectFolder::find(&sandbox.path("flags")).unwrap();
    let production = EnvironmentName::production();
    let publish = |arrives: Option<bool>| {
        let mut folder = place.publisher(&EnvironmentName::production(), &sandbox.path("public")).unwrap();
        match arrives {
            None => opened(&place).publish(&production, &mut folder).map(|published| published.version),
            Some(arrives) => opened(&place)
                .publish(&production, &mut Breaking { folder, arrives })
                .map(|published| published.version),
        }
    };
    let unpublished = || {
        let project = opened(&place);
        let state = project.environment(&production).unwrap();
        (state.published.map(|published| published.version), state.unpublished, state.next_version(1))
    };
    assert_eq!(unpublished(), (None, 10, 1));
    let broken = publish(Some(false)).unwrap_err();
    assert!(broken.to_string().ends_with("public cannot be written"), "{broken}");
    assert_eq!(unpublished(), (None, 10, 2), "a version is spent, but nothing is published");
    // It stands there although nobody was told.
    publish(Some(true)).unwrap_err();
    assert_eq!(unpublished(), (None, 10, 3));
    sandbox.project(&["rollout", "set", "ollama_backend", "10%", "--yes"]).text();
    publish(Some(false)).unwrap_err();
    assert_eq!(unpublished(), (Some(2), 1, 4), "the next publisher found version 2 in place, which lacks one change");
    assert_eq!(publish(None).unwrap(), 4);
    assert_eq!(unpublished(), (Some(4), 0, 5));
    let started = |version| ("publish_started".to_owned(), version);
    let published = |version| ("published".to_owned(), version);
    assert_eq!(publications(&sandbox), [started(1), started(2), published(2), started(3), started(4), published(4)]);
    sandbox.project(&["audit", "verify", "--against", "public/v1/snapshot.json"]).text();
    assert_eq!(sandbox.project(&["verify", "public/v1/snapshot.json", "--json"]).json()["version"], 4);
    assert!(Path::new(&sandbox.path("public/v1/root/1.json")).exists());
}

#[test]
fn a_log_of_the_first_form_counts_its_publications_all_the_same() {
    use flag_admin::log::{Change, Digest, ENTRY_SCHEMA, Entry, Sealed};
    let sandbox = Sandbox::with_sample();
    let place = ProjectFolder::find(&sandbox.path("flags")).unwrap();
    let mut log = place.log().unwrap();
    let head = log.head().unwrap();
    let change = Change::Published {
        version: 1,
        epoch: 1,
        digest: Digest::of(b"payload"),
        expires_at: flag_core::Timestamp::from_millis(1_900_000_000_000),
    };
    let entry = Entry {
        schema: ENTRY_SCHEMA,
        seq: head.seq + 1,
        time: flag_core::Timestamp::from_millis(1_768_487_521_000),
        actor: "alice".parse().unwrap(),
        role: Role::ReleaseManager,
        environment: Some(EnvironmentName::production()),
        change,
        reason: None,
        prev: head.hash,
    };
    log.append(head, &[Sealed::new(entry).unwrap()]).unwrap();
    drop(log);
    let project = opened(&place);
    let state = project.environment(&EnvironmentName::production()).unwrap();
    assert_eq!((state.published.unwrap().version, state.unpublished, state.next_version(1)), (1, 0, 2));
}
