use caro_integration::{Environment, Host, HostPaths};
use tempfile::TempDir;

use super::*;
use crate::cloud::{FileCloud, Unavailable};

struct Machine {
    home: TempDir,
    features: Features,
}

fn machine(flags: &str) -> Machine {
    let home = TempDir::new().unwrap();
    let paths = HostPaths::in_home(home.path());
    fs::create_dir_all(paths.config_file.parent().unwrap()).unwrap();
    fs::write(&paths.config_file, flags).unwrap();
    let host = Host::new("1.2.0").environment(Environment::from_pairs("CARO", [("", ""); 0]));
    Machine { features: Features::open(paths, host), home }
}

const EVENT: fn() -> Event = || Event { name: "command", backend: "embedded".to_owned(), outcome: "shown" };
const ROW: &str = r#"{"name":"command","backend":"embedded","outcome":"shown"}"#;

fn numbered(number: usize) -> String {
    format!("{number} {ROW}")
}

impl Machine {
    fn cloud(&self) -> FileCloud {
        FileCloud::new(self.home.path().join("cloud.jsonl"))
    }

    fn telemetry<'a>(&'a self, cloud: &'a dyn Cloud) -> Telemetry<'a> {
        Telemetry::new(&self.features, self.home.path(), cloud)
    }
}

#[test]
fn with_cloud_sync_off_an_event_is_kept_here_and_not_in_the_cloud() {
    let machine = machine("");
    machine.features.disable(TELEMETRY_CLOUD_SYNC).unwrap();
    let cloud = machine.cloud();
    let telemetry = machine.telemetry(&cloud);
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Locally);
    assert_eq!(telemetry.local_rows().unwrap(), [ROW]);
    assert!(cloud.rows().unwrap().is_empty());
}

#[test]
fn with_cloud_sync_on_an_event_is_kept_here_and_in_the_cloud() {
    let machine = machine("");
    machine.features.enable(TELEMETRY_CLOUD_SYNC).unwrap();
    let cloud = machine.cloud();
    let telemetry = machine.telemetry(&cloud);
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Synced { waiting: 0 });
    assert_eq!(telemetry.local_rows().unwrap(), [ROW]);
    assert_eq!(cloud.rows().unwrap(), [numbered(1)]);
}

#[test]
fn while_the_cloud_is_down_nothing_is_lost_and_each_row_arrives_once_when_it_is_back() {
    let machine = machine("");
    machine.features.enable(TELEMETRY_CLOUD_SYNC).unwrap();
    let cloud = machine.cloud();
    let while_down = machine.telemetry(&Unavailable);
    for _ in 0..2 {
        let why = "the cloud is unavailable".to_owned();
        assert_eq!(while_down.record(&EVENT()).unwrap(), Recorded::KeptForLater { why });
    }
    assert_eq!(while_down.local_rows().unwrap(), [ROW, ROW]);
    assert!(cloud.rows().unwrap().is_empty());

    let telemetry = machine.telemetry(&cloud);
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Synced { waiting: 2 });
    assert_eq!(cloud.rows().unwrap(), [1, 2, 3].map(numbered));

    // A program that ended between the upload and its note sends the rows again.
    fs::remove_file(&telemetry.settled).unwrap();
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Synced { waiting: 3 });
    assert_eq!(cloud.rows().unwrap(), [1, 2, 3, 4].map(numbered));
}

#[test]
fn what_was_recorded_while_cloud_sync_was_off_is_never_synced() {
    let machine = machine("");
    let cloud = machine.cloud();
    let telemetry = machine.telemetry(&cloud);
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Locally);
    machine.features.enable(TELEMETRY_CLOUD_SYNC).unwrap();
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Synced { waiting: 0 });
    machine.telemetry(&Unavailable).record(&EVENT()).unwrap();
    machine.features.disable(TELEMETRY_CLOUD_SYNC).unwrap();
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Locally);
    machine.features.enable(TELEMETRY_CLOUD_SYNC).unwrap();
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Synced { waiting: 0 });
    assert_eq!(telemetry.local_rows().unwrap(), [ROW; 5]);
    assert_eq!(cloud.rows().unwrap(), [2, 5].map(numbered));
}

#[test]
fn the_kill_switch_stops_telemetry_even_where_cloud_sync_is_on() {
    let machine = machine("[feature_flags.kill_switches]\ntelemetry_disabled = true\n");
    machine.features.enable(TELEMETRY_CLOUD_SYNC).unwrap();
    let cloud = machine.cloud();
    let telemetry = machine.telemetry(&cloud);
    assert_eq!(telemetry.record(&EVENT()).unwrap(), Recorded::Disabled);
    assert!(telemetry.local_rows().unwrap().is_empty());
    assert!(cloud.rows().unwrap().is_empty());
}
