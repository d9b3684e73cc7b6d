//! The golden vectors of bucketing version 1, and that `BUCKETING.md` says what they say.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod document;

use flag_core::wire::{Entries, Flag, Group, Membership, Range, Serve};
use flag_core::{
    Attributes, BUCKETING_VERSION, Bucket, Context, Lanes, Reason, Ruleset, SeedDigest, Share, UnitDigest, Value,
    is_missing,
};
use serde::Deserialize;

const VECTORS: &str = include_str!("../vectors/bucketing-v1.json");
const SPECIFICATION: &str = include_str!("../BUCKETING.md");

/// A published vector file never changes: another hash here means that someone's users would move.
const FROZEN: &str = "eec48d3df993af3cdbdd17c54c8ae1f72b16b5e170198c6999f7ff091bbb8f78";

#[derive(Deserialize)]
struct Vectors {
    bucketing: u32,
    unit_key: String,
    seed_key: String,
    units: Vec<UnitRow>,
    lanes: Vec<LaneRow>,
    shares: Vec<ShareRow>,
    holdouts: Vec<HoldoutRow>,
    slots: Vec<SlotRow>,
    allocations: Vec<AllocationRow>,
    values: Vec<ValueRow>,
}

#[derive(Deserialize)]
struct UnitRow {
    unit: String,
    seed: String,
    missing: bool,
    unit_digest: String,
    seed_digest: String,
    block: String,
    lanes: [String; 4],
    buckets: [u32; 4],
}

#[derive(Deserialize)]
struct LaneRow {
    lane: String,
    bucket: u32,
}

#[derive(Deserialize)]
struct ShareRow {
    seed: Box<str>,
    unit: String,
    bucket: u32,
    share: Share,
    exposed: bool,
}

#[derive(Deserialize)]
struct HoldoutRow {
    seed: Box<str>,
    unit: String,
    bucket: u32,
    holdout: Share,
    held_out: bool,
}

#[derive(Deserialize)]
struct SlotRow {
    group_seed: Box<str>,
    unit: String,
    bucket: u32,
    slots: Vec<Range>,
    holdout: Share,
    result: String,
}

#[derive(Deserialize)]
struct AllocationRow {
    seed: Box<str>,
    unit: String,
    bucket: u32,
    allocation: Entries<Vec<Range>>,
    variant: String,
}

#[derive(Deserialize)]
struct ValueRow {
    json: String,
    unit: Option<String>,
    missing: bool,
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The ruleset of the flag `f`, which is rolled out to everyone before `change`, and of the group `g`.
fn ruleset(group: Option<Group>, change: impl FnOnce(&mut Flag)) -> Ruleset {
    let mut snapshot = document::snapshot(&document::rollout("f", 100_000), "");
    snapshot.groups = group.into_iter().map(|group| ("g".into(), group)).collect();
    change(snapshot.flags.find_mut("f").unwrap());
    let ruleset = Ruleset::compile(&snapshot);
    assert_eq!(ruleset.quarantined().count(), 0);
    ruleset
}

fn buckets(unit: &str, seed: &str) -> [u32; 4] {
    Lanes::of(&UnitDigest::of(unit), &SeedDigest::of(seed)).buckets().map(Bucket::index)
}

#[test]
fn e11_the_vector_file_never_changes() {
    assert_eq!(blake3::hash(VECTORS.as_bytes()).to_hex().as_str(), FROZEN);
}

#[test]
fn e01_every_unit_row_agrees() {
    let vectors = vectors();
    assert_eq!(vectors.bucketing, BUCKETING_VERSION);
    assert_eq!(vectors.unit_key, blake3::hash(b"flag-core bucketing v1 unit").to_hex().as_str());
    assert_eq!(vectors.seed_key, blake3::hash(b"flag-core bucketing v1 seed").to_hex().as_str());
    assert!(vectors.units.len() >= 500, "{} rows", vectors.units.len());
    for row in &vectors.units {
        let (unit, seed) = (UnitDigest::of(&row.unit), SeedDigest::of(&row.seed));
        let lanes = Lanes::of(&unit, &seed);
        let name = format!("unit {:?}, seed {:?}", row.unit, row.seed);
        assert_eq!(is_missing(&row.unit), row.missing, "{name}");
        assert_eq!(Context::new(&row.unit).unit().is_none(), row.missing, "{name}");
        assert_eq!(hex(unit.as_bytes()), row.unit_digest, "{name}");
        assert_eq!(hex(seed.as_bytes()), row.seed_digest, "{name}");
        assert_eq!(lanes.buckets().map(Bucket::index), row.buckets, "{name}");
        assert_eq!([lanes.exposure(), lanes.variant(), lanes.slot()], lanes.buckets()[..3], "{name}");
        // The block and the lanes in full, over blake3's plain interface.
        let message = [*unit.as_bytes(), *seed.as_bytes()].concat();
        let block = blake3::hash(&message);
        assert_eq!(block.to_hex().as_str(), row.block, "{name}");
        for (k, bytes) in block.as_bytes().chunks_exact(8).enumerate() {
            let lane = u64::from_le_bytes(bytes.try_into().unwrap());
            assert_eq!(lane.to_string(), row.lanes[k], "{name}, lane {k}");
            assert_eq!(Bucket::from_lane(lane).index(), row.buckets[k], "{name}, lane {k}");
        }
    }
}

#[test]
fn e01_every_lane_row_agrees() {
    for row in vectors().lanes {
        assert_eq!(Bucket::from_lane(row.lane.parse().unwrap()).index(), row.bucket, "lane {}", row.lane);
    }
}

#[test]
fn e01_every_share_row_agrees() {
    for row in vectors().shares {
        let name = format!("bucket {}, share {}", row.bucket, row.share.thousandths());
        assert_eq!(buckets(&row.unit, &row.seed)[0], row.bucket, "{name}");
        assert_eq!(row.share.exposes(Bucket::from_index(row.bucket).unwrap()), row.exposed, "{name}");
        let ruleset = ruleset(None, |flag| {
            flag.seed = Some(row.seed);
            flag.fallthrough.exposure = Some(row.share);
        });
        let decision = ruleset.evaluate("f", &Context::new(&row.unit));
        assert_eq!(decision.bool(), Ok(row.exposed), "{name}");
    }
}

#[test]
fn e01_every_holdout_row_agrees() {
    for row in vectors().holdouts {
        let name = format!("bucket {}, holdout {}", row.bucket, row.holdout.thousandths());
        assert_eq!(buckets(&row.unit, &row.seed)[0], row.bucket, "{name}");
        let ruleset = ruleset(None, |flag| {
            flag.seed = Some(row.seed);
            flag.holdout = row.holdout;
        });
        let decision = ruleset.evaluate("f", &Context::new(&row.unit));
        assert_eq!(decision.bool(), Ok(!row.held_out), "{name}");
        assert_eq!(decision.reason() == Reason::HeldOut, row.held_out, "{name}");
    }
}

#[test]
fn e01_every_slot_row_agrees() {
    for row in vectors().slots {
        let name = format!("slot {}, holdout {}", row.bucket, row.holdout.thousandths());
        assert_eq!(buckets(&row.unit, &row.group_seed)[2], row.bucket, "{name}");
        let group = Group { seed: Some(row.group_seed), unit: None, holdout: row.holdout };
        let ruleset = ruleset(Some(group), |flag| {
            flag.group = Some(Membership { name: "g".into(), slots: row.slots });
        });
        let (reason, on) = match &*row.result {
            "owned" => (Reason::Split, true),
            "excluded" => (Reason::Excluded, false),
            "held_out" => (Reason::HeldOut, false),
            other => panic!("{other:?} is no result of a slot"),
        };
        let decision = ruleset.evaluate("f", &Context::new(&row.unit));
        assert_eq!((decision.reason(), decision.bool()), (reason, Ok(on)), "{name}");
    }
}

#[test]
fn e01_every_allocation_row_agrees() {
    for row in vectors().allocations {
        let name = format!("bucket {} of {:?}", row.bucket, row.allocation);
        assert_eq!(buckets(&row.unit, &row.seed)[1], row.bucket, "{name}");
        let ruleset = ruleset(None, |flag| {
            flag.seed = Some(row.seed);
            flag.variants = row.allocation.names().chain(["off"]).map(|id| (id.into(), Value::from(id))).collect();
            flag.fallthrough.allocation = Some(row.allocation.clone());
        });
        assert_eq!(ruleset.evaluate("f", &Context::new(&row.unit)).variant(), Some(&*row.variant), "{name}");
    }
}

#[test]
fn e20_every_value_row_agrees() {
    let ruleset = ruleset(None, |flag| {
        flag.unit = Some("account".into());
        flag.fallthrough = Serve::rollout(Share::from_percent(50).unwrap(), "on", "off");
    });
    for row in vectors().values {
        assert_eq!(row.unit.is_none(), row.missing, "{}", row.json);
        let value: Value = serde_json::from_str(&row.json).unwrap();
        let attributes = Attributes::new().with("account", value);
        let decision = ruleset.evaluate("f", &Context::anonymous().with_attributes(&attributes));
        let expected = row.unit.map(|unit| Lanes::of(&UnitDigest::of(&unit), &SeedDigest::of("f")).exposure());
        assert_eq!(decision.bucket(), expected, "{}", row.json);
    }
}

#[test]
fn the_worked_example_is_true() {
    let unit = UnitDigest::of("install-8");
    for (seed, lanes_shown) in [("command_history", 0..4_usize), ("onboarding", 2..3)] {
        let seed_digest = SeedDigest::of(seed);
        let block = blake3::hash(&[*unit.as_bytes(), *seed_digest.as_bytes()].concat());
        let mut lines = vec![
            format!("unit_digest = {}", hex(unit.as_bytes())),
            format!("seed_digest = {}", hex(seed_digest.as_bytes())),
            format!("block       = {}", block.to_hex()),
        ];
        for k in lanes_shown {
            let lane = u64::from_le_bytes(block.as_bytes()[8 * k..8 * k + 8].try_into().unwrap());
            let bucket = Bucket::from_lane(lane);
            lines.push(format!("{:<38} bucket({k}) = {bucket}", format!("lane({k})     = {lane}")));
        }
        for line in lines {
            assert!(SPECIFICATION.lines().any(|printed| printed == line), "{line:?} is not in the specification");
        }
    }
}

#[test]
fn the_specification_prints_the_constants() {
    let vectors = vectors();
    assert!(SPECIFICATION.contains(&format!("UNIT_KEY = {}", vectors.unit_key)));
    assert!(SPECIFICATION.contains(&format!("SEED_KEY = {}", vectors.seed_key)));
    let sentinels = flag_core::SENTINELS.map(|sentinel| format!("`{sentinel}`")).join(", ");
    assert!(SPECIFICATION.contains(&sentinels), "{sentinels}");
}
