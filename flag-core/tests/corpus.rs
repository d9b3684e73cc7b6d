//! The seeds of the fuzz targets, and thousands of damaged forms of each, through the readers that the targets read them with.
#![allow(missing_docs, clippy::unwrap_used, unreachable_pub, reason = "tests stop at the first surprise")]

use damaged::read;
use flag_core::wire::Snapshot;
use flag_core::{Cidr, Context, Ruleset, Timestamp, Version};

mod damaged;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[test]
fn fault_36_damaged_snapshots_are_read_whole_or_refused() {
    let accepted = read("snapshot", |bytes| {
        let Ok(parsed) = Snapshot::from_json(bytes) else {
            assert!(Ruleset::from_json(bytes).is_err());
            return false;
        };
        let ruleset = Ruleset::from_json(bytes).unwrap();
        let flags = parsed.snapshot.flags.len() + parsed.malformed.len();
        assert_eq!(ruleset.flags().count() + ruleset.quarantined().count(), flags, "a flag is lost");
        for (key, _) in parsed.snapshot.flags.iter() {
            let decision = ruleset.evaluate(key, &Context::new("install-7"));
            assert_eq!(decision.value().is_some(), ruleset.flag(key).is_some(), "{key}");
        }
        true
    });
    assert!(accepted > 0, "every seed was refused");
}

#[test]
fn fault_36_damaged_versions_networks_and_times_are_read_whole_or_refused() {
    let versions = read("semver", |bytes| {
        let lines = text(bytes).lines();
        lines.filter_map(|line| Version::parse(line).ok().map(|version| (line, version))).fold(
            false,
            |_, (line, version)| {
                assert_eq!(Version::parse(&version.to_string()), Ok(version), "{line:?}");
                true
            },
        )
    });
    let times = read("timestamp", |bytes| {
        // The first eight bytes are a number to the target.
        let Ok(time) = text(bytes.get(8..).unwrap_or_default()).parse::<Timestamp>() else { return false };
        let again: Timestamp = time.to_string().parse().unwrap();
        assert_eq!(again.to_string(), time.to_string());
        true
    });
    let networks = read("cidr", |bytes| {
        let Ok(cidr) = text(bytes.get(16..).unwrap_or_default()).parse::<Cidr>() else { return false };
        assert_eq!(cidr.to_string().parse(), Ok(cidr));
        assert!(cidr.contains(cidr.network()));
        true
    });
    assert!(versions > 0 && times > 0 && networks > 0, "{versions} versions, {times} times, {networks} networks");
}
