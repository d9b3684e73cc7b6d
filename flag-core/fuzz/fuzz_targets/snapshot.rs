#![no_main]
//! Any bytes read as a snapshot and compiled: no panic, no flag lost, and what is written reads back.

use flag_core::wire::Snapshot;
use flag_core::{Context, Ruleset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(parsed) = Snapshot::from_json(bytes) else {
        assert!(Ruleset::from_json(bytes).is_err());
        return;
    };
    let ruleset = Ruleset::from_parsed(&parsed);
    let live = ruleset.flags().count();
    let quarantined = ruleset.quarantined().count();
    assert_eq!(live + quarantined, parsed.snapshot.flags.len() + parsed.malformed.len());
    for (key, error) in ruleset.quarantined() {
        assert!(ruleset.flag(key).is_none(), "{key} is quarantined: {error}");
    }
    for kill in &parsed.snapshot.kills {
        assert!(ruleset.is_killed(&kill.target), "{}", kill.target);
    }
    let unit = Context::new("install-7");
    for (key, _) in parsed.snapshot.flags.iter() {
        assert_eq!(ruleset.evaluate(key, &unit).value().is_some(), ruleset.flag(key).is_some(), "{key}");
    }
    let written = serde_json::to_vec(&parsed.snapshot).expect("a snapshot has a JSON form");
    let again = Snapshot::from_json(&written).expect("a written snapshot reads back");
    assert_eq!(again.malformed, []);
    assert_eq!(again.snapshot, parsed.snapshot);
});
