//! The ceremony by which roots come about, and the drills of `KEYS.md`: each runs what the page says, and a client follows it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::fs;
use std::path::Path;

use flag_admin::adapters::{GivenPassphrase, signer_at};
use flag_client::trust::{
    Envelope, Kill, KillsDocument, PayloadType, RoleName, RootDocument, SnapshotHeader, TrustState,
};
use flag_core::Timestamp;
use serde_json::{Value, json};
use support::{Run, SAMPLE, Sandbox};

/// A project whose root keys, two of three, are held by others.
struct Ceremony {
    sandbox: Sandbox,
}

/// A client: it walks the roots, then takes kills and snapshot, as far as it accepts them.
struct Client {
    trust: TrustState,
}

impl Ceremony {
    fn begin() -> Self {
        let ceremony = Self { sandbox: Sandbox::empty() };
        for holder in ["a", "b", "c"] {
            ceremony.root_key(holder);
        }
        ceremony.run(&["key", "new", "snapshot", "--out", "s.pem"]).text();
        ceremony.run(&["key", "new", "kill", "--out", "k.pem"]).text();
        let init =
            "root init --project caro --threshold 2 --keys a.pub,b.pub,c.pub --snapshot-key s.pub --kill-key k.pub";
        ceremony.run(&[init.split(' ').collect::<Vec<_>>(), vec!["--out", "root.json"]].concat()).text();
        ceremony.sign("root.json", "a", &[]);
        ceremony.sign("root.json", "c", &[]);
        ceremony.run(&["init", "flags", "--root", "root.json", "--as", "alice"]).text();
        ceremony.project(&["key", "use", "snapshot", "s.pem"]).text();
        ceremony.project(&["key", "use", "kill", "k.pem"]).text();
        ceremony.project(&["apply", "-f", SAMPLE, "--yes"]).text();
        ceremony.project(&["publish", "--to", "public"]).text();
        ceremony
    }

    /// Makes a root key under a passphrase of its own.
    fn root_key(&self, holder: &str) {
        let file = self.passphrase(holder);
        self.run(&["root", "key", "new", &format!("{holder}.pem"), "--passphrase-file", &file]).text();
    }

    fn passphrase(&self, holder: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let name = format!("{holder}.passphrase");
        self.sandbox.write(&name, &format!("swordfish of {holder}\n"));
        fs::set_permissions(self.sandbox.path(&name), fs::Permissions::from_mode(0o600)).unwrap();
        name
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.sandbox.run(arguments)
    }

    fn project(&self, arguments: &[&str]) -> Run {
        self.sandbox.project(arguments)
    }

    fn try_sign(&self, root: &str, holder: &str, more: &[&str]) -> Run {
        let (key, file) = (format!("{holder}.pem"), format!("{holder}.passphrase"));
        let sign = ["root", "sign", root, "--key", &key, "--passphrase-file", &file, "--yes", "--json"];
        self.run(&[&sign, more].concat())
    }

    fn sign(&self, root: &str, holder: &str, more: &[&str]) -> Value {
        self.try_sign(root, holder, more).json()
    }

    /// Drafts the next root, has it signed by these holders and installs it.
    fn rotate(&self, from: u64, changes: &[&str], holders: &[&str]) -> Value {
        let (before, next) = (format!("flags/root/{from}.json"), format!("next-{}.json", from + 1));
        self.run(&[&["root", "rotate", &before, "--out", &next], changes].concat()).text();
        for holder in holders {
            self.sign(&next, holder, &["--from", &before]);
        }
        self.project(&["root", "install", &next, "--json"]).json()
    }

    fn id(&self, key: &str) -> String {
        let public = flag_admin::adapters::read_public_key(&self.sandbox.path(&format!("{key}.pub"))).unwrap();
        flag_admin::adapters::key_id(&public)
    }

    fn client(&self) -> Client {
        let root = fs::read(self.sandbox.path("root.json")).unwrap();
        Client { trust: TrustState::open(&root, "caro", "production").unwrap() }
    }

    fn public(&self) -> std::path::PathBuf {
        self.sandbox.path("public/v1")
    }
}

impl Client {
    fn now() -> Timestamp {
        use flag_admin::app::ports::Clock as _;
        flag_admin::adapters::SystemClock.now()
    }

    /// Returns the epoch and version of the snapshot held, and what was refused on the way.
    fn refresh(&mut self, from: &Path) -> ((u64, u64), Vec<String>) {
        let mut refused = Vec::new();
        while let Ok(root) = fs::read(from.join(format!("root/{}.json", self.trust.root().version + 1))) {
            if let Err(error) = self.trust.accept_root(&root, Self::now()) {
                refused.push(error.to_string());
                break;
            }
        }
        if let Ok(kills) = fs::read(from.join("kills.json")) {
            refused.extend(self.trust.accept_kills(&kills, Self::now()).err().map(|error| error.to_string()));
        }
        let snapshot = fs::read(from.join("snapshot.json")).unwrap();
        refused.extend(self.trust.accept_snapshot(&snapshot, Self::now()).err().map(|error| error.to_string()));
        let held = self.trust.snapshot_header().unwrap();
        ((held.epoch, held.version), refused)
    }

    fn follows(&mut self, from: &Path) -> (u64, u64) {
        let (held, refused) = self.refresh(from);
        assert_eq!(refused, Vec::<String>::new());
        held
    }

    fn targets(&self) -> Vec<String> {
        self.trust.active_kills().into_iter().map(|kill| kill.target.to_string()).collect()
    }
}

/// What whoever holds a copy of the snapshot key can sign.
fn forged_snapshot(ceremony: &Ceremony, key: &str, version: u64, epoch: u64) -> Vec<u8> {
    let published = Envelope::parse(&fs::read(ceremony.public().join("snapshot.json")).unwrap()).unwrap();
    let mut document: Value = serde_json::from_slice(published.document()).unwrap();
    document["version"] = json!(version);
    document["epoch"] = json!(epoch);
    let signer = signer_at(&ceremony.sandbox.path(key), RoleName::Snapshot, &GivenPassphrase::default()).unwrap();
    Envelope::sign(PayloadType::Snapshot, serde_json::to_vec(&document).unwrap(), &[&*signer]).to_json()
}

#[test]
fn a_root_is_complete_once_a_threshold_of_distinct_holders_signed_it() {
    let ceremony = Ceremony::begin();
    ceremony.run(&["root", "rotate", "root.json", "--out", "next.json"]).text();
    let twice = |run: Run| (run.code, run.err.lines().next().unwrap().to_owned());
    let first = ceremony.sign("next.json", "a", &["--from", "root.json"]);
    assert_eq!((&first["complete"], &first["needs"][0]["signed"]), (&json!(false), &json!([ceremony.id("a")])));
    let again = twice(ceremony.try_sign("next.json", "a", &[]));
    assert_eq!(again.0, Some(1));
    assert!(again.1.contains(&format!("key {} has signed root 2 already", ceremony.id("a"))), "{}", again.1);

    let short = ceremony.project(&["root", "install", "next.json"]);
    assert_eq!(
        short.err,
        "error: clients would refuse the root: root is signed by 1 of the 2 keys that role root of root 1 demands\n\
         hint: see whose signatures it lacks: flag-admin root show FILE --from BEFORE\n"
    );
    assert!(!ceremony.sandbox.path("flags/root/2.json").exists());

    let done = ceremony.sign("next.json", "b", &["--from", "root.json"]);
    assert_eq!(done["complete"], json!(true));
    let installed = ceremony.project(&["root", "install", "next.json", "--json"]).json();
    assert_eq!((&installed["version"], &installed["ends_epoch"]), (&json!(2), &json!(false)));
    assert!(ceremony.public().join("root/2.json").exists(), "it is published where the project was published to");
    let seq = |run: Run| run.json().as_array().unwrap().len();
    let before = seq(ceremony.project(&["log", "--json"]));
    ceremony.project(&["root", "install", "next.json", "--json"]).json();
    assert_eq!(seq(ceremony.project(&["log", "--json"])), before, "installing it again changes nothing");
    let mut client = ceremony.client();
    assert_eq!(client.follows(&ceremony.public()), (1, 1));
    assert_eq!(client.trust.root().version, 2);
}

#[test]
fn a_ceremony_refuses_what_would_not_hold() {
    let ceremony = Ceremony::begin();
    let refusal = |arguments: &[&str]| {
        let run = ceremony.run(arguments);
        assert_eq!(run.code, Some(1), "{}", run.out);
        run.err.lines().next().unwrap().to_owned()
    };
    let a = ceremony.id("a");
    for (changes, message) in [
        (
            vec!["--threshold", "root=4"],
            "error: the root cannot govern: role root: threshold 4 is above its 3 distinct keys".to_owned(),
        ),
        (vec!["--threshold", "kill=0"], "error: the root cannot govern: role kill: threshold 0 is below 1".to_owned()),
        (vec!["--add", "root=a.pub"], format!("error: role root has key {a} already")),
        (
            vec!["--add", "snapshot=a.pub"],
            format!("error: key {a} would serve role root and role snapshot, expected a key of its own for each role"),
        ),
        (vec!["--remove", "root=nobody"], "error: role root of root 1 has no key \"nobody\"".to_owned()),
    ] {
        let rotate = ["root", "rotate", "root.json", "--out", "bad.json"];
        assert_eq!(refusal(&[&rotate, &changes[..]].concat()), message);
    }
    assert!(!ceremony.sandbox.path("bad.json").exists());

    ceremony.run(&["root", "rotate", "root.json", "--out", "next.json"]).text();
    let draft = fs::read(ceremony.sandbox.path("next.json")).unwrap();
    let wrong = ["root", "sign", "next.json", "--key", "a.pem", "--passphrase-file", "b.passphrase", "--yes"];
    assert_eq!(refusal(&wrong), "error: the passphrase does not open root key a.pem");
    let none = ["root", "sign", "next.json", "--key", "a.pem", "--yes"];
    assert_eq!(refusal(&none), "error: root key a.pem is encrypted, and no passphrase was given");
    let stranger = ["root", "sign", "next.json", "--key", "s.pem", "--yes"];
    let s = ceremony.id("s");
    assert_eq!(refusal(&stranger), format!("error: key {s} is no root key of root 2, nor of the root before it"));
    assert_eq!(fs::read(ceremony.sandbox.path("next.json")).unwrap(), draft, "nothing was lost");
}

#[test]
fn drill_rotate_the_snapshot_key() {
    let ceremony = Ceremony::begin();
    let mut client = ceremony.client();
    assert_eq!(client.follows(&ceremony.public()), (1, 1));
    ceremony.run(&["key", "new", "snapshot", "--out", "next.pem"]).text();
    let early = ceremony.project(&["key", "use", "snapshot", "next.pem"]);
    assert!(early.err.contains("root 1 does not list snapshot key"), "{}", early.err);

    ceremony.rotate(1, &["--add", "snapshot=next.pub"], &["a", "b"]);
    ceremony.project(&["publish"]).text();
    assert_eq!(client.follows(&ceremony.public()), (1, 2), "the old key still signs");
    ceremony.project(&["key", "use", "snapshot", "next.pem"]).text();
    ceremony.project(&["publish"]).text();
    assert_eq!(client.follows(&ceremony.public()), (1, 3), "the new key signs");
    ceremony.rotate(2, &["--remove", &format!("snapshot={}", ceremony.id("s"))], &["b", "c"]);
    ceremony.project(&["publish"]).text();
    assert_eq!(client.follows(&ceremony.public()), (1, 4));
    assert_eq!(ceremony.client().follows(&ceremony.public()), (1, 4), "also whoever slept through it all");

    let (held, refused) = {
        let forged = forged_snapshot(&ceremony, "s.pem", 99, 1);
        fs::write(ceremony.public().join("snapshot.json"), forged).unwrap();
        client.refresh(&ceremony.public())
    };
    assert_eq!(held, (1, 4));
    assert_eq!(refused, ["snapshot is signed by 0 of the 1 keys that role snapshot of root 3 demands"]);
}

#[test]
fn drill_replace_a_lost_root_key() {
    let ceremony = Ceremony::begin();
    ceremony.root_key("d");
    let lost = ceremony.id("c");
    ceremony.rotate(1, &["--remove", &format!("root={lost}"), "--add", "root=d.pub"], &["a", "b"]);
    // From now on the new holder counts, and whoever finds the lost key does not.
    ceremony.rotate(2, &[], &["b", "d"]);
    ceremony.run(&["root", "rotate", "flags/root/3.json", "--out", "next.json"]).text();
    let found = ceremony.try_sign("next.json", "c", &["--from", "flags/root/3.json"]);
    assert!(found.err.contains(&format!("key {lost} is no root key of root 4")), "{}", found.err);
    ceremony.project(&["publish"]).text();
    let mut client = ceremony.client();
    assert_eq!(client.follows(&ceremony.public()), (1, 2));
    assert_eq!(client.trust.root().version, 3);
}

#[test]
fn drill_a_stolen_snapshot_key() {
    let ceremony = Ceremony::begin();
    let mut client = ceremony.client();
    fs::create_dir_all(ceremony.sandbox.path("thief")).unwrap();
    let thief = ceremony.sandbox.path("thief");
    fs::write(thief.join("snapshot.json"), forged_snapshot(&ceremony, "s.pem", u64::MAX, 1)).unwrap();
    assert_eq!(client.follows(&thief), (1, u64::MAX), "the thief is believed, and no version is above theirs");

    ceremony.run(&["key", "new", "snapshot", "--out", "new.pem"]).text();
    let stolen = format!("snapshot={}", ceremony.id("s"));
    let installed = ceremony.rotate(1, &["--remove", &stolen, "--add", "snapshot=new.pub", "--new-epoch"], &["a", "c"]);
    assert_eq!((&installed["epoch"], &installed["ends_epoch"]), (&json!(2), &json!(true)));
    let early = ceremony.project(&["publish", "--refresh"]);
    assert_eq!(
        early.err,
        "error: clients would refuse the snapshot, so it was not published: snapshot is signed by 0 of the 1 keys that \
         role snapshot of root 2 demands\n\
         hint: see which keys the root lists, and which lie in the project: flag-admin doctor\n"
    );
    ceremony.project(&["key", "use", "snapshot", "new.pem"]).text();
    ceremony.project(&["publish", "--refresh"]).text();
    assert_eq!(client.follows(&ceremony.public()), (2, 1), "versions count afresh");

    for (version, epoch) in [(u64::MAX, 1), (7, 2)] {
        fs::write(thief.join("snapshot.json"), forged_snapshot(&ceremony, "s.pem", version, epoch)).unwrap();
        let (held, refused) = client.refresh(&thief);
        assert_eq!((held, refused.len()), ((2, 1), 1), "{refused:?}");
    }
    let old = fs::read(ceremony.sandbox.path("thief/snapshot.json")).unwrap();
    assert!(ceremony.client().trust.accept_snapshot(&old, Client::now()).is_err());
}

#[test]
fn drill_a_stolen_emergency_key() {
    let ceremony = Ceremony::begin();
    let mut client = ceremony.client();
    client.follows(&ceremony.public());
    let forged = |id: &str, epoch: u64| {
        let signer = signer_at(&ceremony.sandbox.path("k.pem"), RoleName::Kill, &GivenPassphrase::default()).unwrap();
        let document = KillsDocument {
            schema: 1,
            project: "caro".to_owned(),
            environment: "production".to_owned(),
            epoch,
            issued_at: Client::now(),
            kills: vec![Kill { id: id.into(), target: "command_history".into() }],
        };
        Envelope::sign(PayloadType::Kills, serde_json::to_vec(&document).unwrap(), &[&*signer]).to_json()
    };
    fs::write(ceremony.sandbox.path("found.json"), forged("k-thief", 1)).unwrap();
    client.trust.accept_kills(&forged("k-thief", 1), Client::now()).unwrap();
    assert_eq!(client.targets(), ["command_history"], "all that the thief can do is turn things off");

    ceremony.run(&["key", "new", "kill", "--out", "new.pem"]).text();
    let stolen = format!("kill={}", ceremony.id("k"));
    ceremony.rotate(1, &["--remove", &stolen, "--add", "kill=new.pub"], &["a", "b"]);
    ceremony.project(&["key", "use", "kill", "new.pem"]).text();
    let entries = ceremony.project(&["log", "--json"]).json();
    let told = ceremony.project(&["adopt-kills", "found.json", "--reason", "stolen key", "--dry-run"]);
    assert!(told.text().starts_with("kill command_history added\n"), "{}", told.out);
    assert!(told.text().ends_with("1 kill not taken in\n"), "{}", told.out);
    assert_eq!(ceremony.project(&["log", "--json"]).json(), entries);
    let adopted = ceremony.project(&["adopt-kills", "found.json", "--reason", "stolen key", "--json"]).json();
    assert_eq!((&adopted["applied"], &adopted["dry_run"]), (&json!(true), &json!(false)));
    assert_eq!(adopted["kills"], json!([{ "id": "k-thief", "target": "command_history" }]));
    ceremony.project(&["unkill", "command_history", "--reason", "never ours", "--yes"]).text();
    ceremony.project(&["publish"]).text();
    client.follows(&ceremony.public());
    assert_eq!(client.targets(), Vec::<String>::new(), "what the thief turned off is on again");
    let refusal = client.trust.accept_kills(&forged("k-more", 1), Client::now()).unwrap_err().to_string();
    assert_eq!(refusal, "kills is signed by 0 of the 1 keys that role kill of root 2 demands");
}

#[test]
fn drill_an_expired_root() {
    let ceremony = Ceremony::begin();
    // A root that expired a while ago: nothing of ours would draft one.
    let document: RootDocument = {
        let root = Envelope::parse(&fs::read(ceremony.sandbox.path("root.json")).unwrap()).unwrap();
        serde_json::from_slice(root.document()).unwrap()
    };
    let hour_ago = Client::now().saturating_add_millis(-3_600_000);
    let next = RootDocument { version: 2, expires_at: hour_ago, ..document };
    let draft = Envelope::sign(PayloadType::Root, serde_json::to_vec(&next).unwrap(), &[]).to_json();
    fs::write(ceremony.sandbox.path("expired.json"), draft).unwrap();
    ceremony.sign("expired.json", "a", &["--from", "root.json"]);
    ceremony.sign("expired.json", "b", &["--from", "root.json"]);
    ceremony.project(&["root", "install", "expired.json"]).text();

    let mut client = ceremony.client();
    let (_, refused) = client.refresh_or_nothing(&ceremony.public());
    assert!(refused[0].starts_with("root version 2 expired at "), "{refused:?}");
    let stuck = ceremony.project(&["publish"]);
    assert!(stuck.err.starts_with("error: root 2 expired at "), "{}", stuck.err);
    assert!(
        stuck
            .err
            .ends_with("hint: make and install the next root: flag-admin root rotate root/2.json --out next.json\n")
    );
    let doctor = ceremony.project(&["doctor", "--json"]);
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.out.contains("clients accept no new snapshot"), "{}", doctor.out);

    ceremony.rotate(2, &["--days", "90"], &["b", "c"]);
    ceremony.project(&["publish"]).text();
    assert_eq!(client.follows(&ceremony.public()), (1, 2), "a client walks through the expired root");
}

impl Client {
    /// As [`refresh`](Self::refresh), for a client that may hold nothing.
    fn refresh_or_nothing(&mut self, from: &Path) -> (Option<SnapshotHeader>, Vec<String>) {
        let root = fs::read(from.join("root/2.json")).unwrap();
        self.trust.accept_root(&root, Self::now()).unwrap();
        let snapshot = fs::read(from.join("snapshot.json")).unwrap();
        let refused = self.trust.accept_snapshot(&snapshot, Self::now()).err().map(|error| error.to_string());
        (self.trust.snapshot_header().cloned(), refused.into_iter().collect())
    }
}
