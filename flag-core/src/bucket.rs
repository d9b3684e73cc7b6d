//! Bucketing, version 1: from a unit and a seed to four independent lanes.
//!
//! ```text
//! UNIT_KEY    = blake3("flag-core bucketing v1 unit")
//! SEED_KEY    = blake3("flag-core bucketing v1 seed")
//! unit_digest = blake3 keyed_hash(UNIT_KEY, unit id as UTF-8 bytes)
//! seed_digest = blake3 keyed_hash(SEED_KEY, seed as UTF-8 bytes)
//! block       = blake3(unit_digest || seed_digest)
//! lane k      = block[8k..8k+8] as little-endian u64, k = 0..=3
//! bucket(k)   = (lane k as u128 * 100_000) >> 64
//! ```
//!
//! The specification for other languages, with golden vectors, is `flag-core/BUCKETING.md`.

use blake3::platform::Platform;

use crate::share::Bucket;

/// The bucketing version this crate implements.
pub const BUCKETING_VERSION: u32 = 1;

/// `blake3("flag-core bucketing v1 unit")`
const UNIT_KEY: [u8; 32] = [
    0x6a, 0x9e, 0x86, 0x44, 0x69, 0x94, 0x19, 0xb0, 0x87, 0xea, 0x52, 0xe4, 0xf2, 0x5d, 0xc5, 0xf5, 0xa1, 0x7f, 0x11,
    0x47, 0x81, 0x32, 0x46, 0xa6, 0xa0, 0x70, 0x4a, 0xdf, 0xf1, 0x35, 0xaa, 0x90,
];

/// `blake3("flag-core bucketing v1 seed")`
const SEED_KEY: [u8; 32] = [
    0x46, 0xa9, 0x4b, 0x86, 0xb6, 0xcb, 0x11, 0x77, 0xfb, 0xe6, 0x26, 0xd3, 0xac, 0x73, 0x5e, 0x18, 0x3d, 0x35, 0x0f,
    0x87, 0x34, 0x12, 0x27, 0x2a, 0x69, 0x09, 0xa7, 0x2c, 0x39, 0x9c, 0x5a, 0xd5,
];

/// Ids that stand for "no id" in somebody's code. Taking them as ids would put everyone in one bucket. Compared exactly, case and all.
pub const SENTINELS: [&str; 6] = ["unknown", "null", "undefined", "none", "nil", "0"];

/// Tells whether a unit id counts as missing: empty, only white space, or one of [`SENTINELS`].
pub fn is_missing(id: &str) -> bool {
    id.trim().is_empty() || SENTINELS.contains(&id)
}

/// What a unit id comes to in every bucket: `keyed_hash(UNIT_KEY, id)`. Made once per context.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnitDigest([u8; 32]);

impl UnitDigest {
    /// Returns the digest of an id, whether or not it counts as missing.
    pub fn of(id: &str) -> Self {
        Self(*blake3::keyed_hash(&UNIT_KEY, id.as_bytes()).as_bytes())
    }

    /// Returns the 32 bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What a seed comes to in every bucket: `keyed_hash(SEED_KEY, seed)`. Made once per compiled flag.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeedDigest([u8; 32]);

impl SeedDigest {
    /// Returns the digest of a seed.
    pub fn of(seed: &str) -> Self {
        Self(*blake3::keyed_hash(&SEED_KEY, seed.as_bytes()).as_bytes())
    }

    /// Returns the 32 bytes of the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A unit's four lanes of one seed: 256 independent bits, 64 a lane.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Lanes([u64; 4]);

impl Lanes {
    /// Returns the lanes of one unit and one seed.
    #[inline]
    pub fn of(unit: &UnitDigest, seed: &SeedDigest) -> Self {
        Hasher::detect().lanes(unit, seed)
    }

    /// Returns the bucket on the lane that decides exposure.
    #[inline]
    pub const fn exposure(&self) -> Bucket {
        Bucket::from_lane(self.0[0])
    }

    /// Returns the bucket on the lane that splits the exposed among variants.
    #[inline]
    pub const fn variant(&self) -> Bucket {
        Bucket::from_lane(self.0[1])
    }

    /// Returns the bucket on the lane of exclusion slots, which is read under a group's seed.
    #[inline]
    pub const fn slot(&self) -> Bucket {
        Bucket::from_lane(self.0[2])
    }

    /// Returns the buckets of all four lanes, lane 0 first. Lane 3 is not used by version 1.
    pub fn buckets(&self) -> [Bucket; 4] {
        self.0.map(Bucket::from_lane)
    }

    /// Returns lanes that fall into these buckets, lane 0 first: the smallest lane value of each.
    pub(crate) fn in_buckets(buckets: [Bucket; 4]) -> Self {
        // The smallest u64 whose product with 100_000, shifted right by 64, is the bucket.
        Self(buckets.map(|bucket| {
            let start = (u128::from(bucket.index()) << 64).div_ceil(100_000);
            u64::try_from(start).unwrap_or(u64::MAX)
        }))
    }

    #[inline]
    fn of_block(block: &[u8; 32]) -> Self {
        let mut lanes = [0_u64; 4];
        let mut rest: &[u8] = block;
        for lane in &mut lanes {
            if let Some((first, after)) = rest.split_first_chunk() {
                (*lane, rest) = (u64::from_le_bytes(*first), after);
            }
        }
        Self(lanes)
    }

    #[inline]
    fn from_words(words: &[u32; 8]) -> Self {
        let [low_0, high_0, low_1, high_1, low_2, high_2, low_3, high_3] = *words;
        let lane = |low: u32, high: u32| u64::from(low) | (u64::from(high) << 32);
        Self([lane(low_0, high_0), lane(low_1, high_1), lane(low_2, high_2), lane(low_3, high_3)])
    }
}

/// How many units a [`Batch`] takes together.
pub(crate) const BATCH: usize = 32;

/// The blake3 compression of this processor, found once and kept beside what uses it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Hasher(Platform);

/// blake3's initial chaining value, which is SHA-256's.
const IV: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;

impl Hasher {
    #[inline]
    pub(crate) fn detect() -> Self {
        Self(Platform::detect())
    }

    /// One compression: a 64-byte message is one block that starts, ends and roots the tree.
    #[inline]
    pub(crate) fn lanes(self, unit: &UnitDigest, seed: &SeedDigest) -> Lanes {
        let mut words = IV;
        self.0.compress_in_place(&mut words, &message(unit, seed), 64, 0, CHUNK_START | CHUNK_END | ROOT);
        Lanes::from_words(&words)
    }
}

/// Up to [`BATCH`] pairs of unit and seed, hashed at once through SIMD where there is any.
pub(crate) struct Batch {
    messages: [[u8; 64]; BATCH],
    /// What the messages came to when they were last hashed.
    blocks: [[u8; 32]; BATCH],
}

impl Batch {
    pub(crate) const fn new() -> Self {
        Self { messages: [[0; 64]; BATCH], blocks: [[0; 32]; BATCH] }
    }

    /// Returns a batch for many units of one seed, which is written once for all of them.
    pub(crate) fn of_seed(seed: &SeedDigest) -> Self {
        Self { messages: [message(&UnitDigest([0; 32]), seed); BATCH], ..Self::new() }
    }

    /// Returns the lanes of units under the seed of the batch. Units past the batch are left out.
    #[inline]
    pub(crate) fn lanes_of_units(&mut self, hasher: Hasher, units: &[UnitDigest]) -> impl Iterator<Item = Lanes> {
        for (message, unit) in self.messages.iter_mut().zip(units) {
            message.split_at_mut(32).0.copy_from_slice(&unit.0);
        }
        self.hash(hasher, units.len());
        self.blocks.iter().take(units.len()).map(Lanes::of_block)
    }

    /// Draws the lanes of pairs, for [`lanes`](Self::lanes). Pairs past the batch are left out.
    pub(crate) fn draw_pairs<'a>(
        &mut self,
        hasher: Hasher,
        pairs: impl Iterator<Item = (&'a UnitDigest, &'a SeedDigest)>,
    ) {
        let mut count = 0_usize;
        for (slot, (unit, seed)) in self.messages.iter_mut().zip(pairs) {
            *slot = message(unit, seed);
            count = count.saturating_add(1);
        }
        self.hash(hasher, count);
    }

    /// Returns the lanes of a pair that was drawn.
    #[inline]
    pub(crate) fn lanes(&self, at: usize) -> Lanes {
        self.blocks.get(at).map_or(Lanes::ZERO, Lanes::of_block)
    }

    fn hash(&mut self, hasher: Hasher, count: usize) {
        let count = count.min(BATCH);
        let inputs: [&[u8; 64]; BATCH] = self.messages.each_ref();
        let (Some(inputs), Some(blocks)) = (inputs.get(..count), self.blocks.get_mut(..count)) else { return };
        let blocks = blocks.as_flattened_mut();
        hasher.0.hash_many(inputs, &IV, 0, blake3::IncrementCounter::No, 0, CHUNK_START, CHUNK_END | ROOT, blocks);
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::detect()
    }
}

#[inline]
fn message(unit: &UnitDigest, seed: &SeedDigest) -> [u8; 64] {
    let mut message = [0_u8; 64];
    let (first, second) = message.split_at_mut(32);
    first.copy_from_slice(&unit.0);
    second.copy_from_slice(&seed.0);
    message
}

impl Lanes {
    pub(crate) const ZERO: Self = Self([0; 4]);
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// The specification, word for word, over blake3's plain interface.
    fn by_the_book(unit: &str, seed: &str) -> [u64; 4] {
        let unit_key = blake3::hash(b"flag-core bucketing v1 unit");
        let seed_key = blake3::hash(b"flag-core bucketing v1 seed");
        let mut message = Vec::new();
        message.extend_from_slice(blake3::keyed_hash(unit_key.as_bytes(), unit.as_bytes()).as_bytes());
        message.extend_from_slice(blake3::keyed_hash(seed_key.as_bytes(), seed.as_bytes()).as_bytes());
        let block = blake3::hash(&message);
        core::array::from_fn(|k| u64::from_le_bytes(block.as_bytes()[8 * k..8 * k + 8].try_into().unwrap()))
    }

    #[test]
    fn the_keys_are_what_the_specification_says() {
        assert_eq!(*blake3::hash(b"flag-core bucketing v1 unit").as_bytes(), UNIT_KEY);
        assert_eq!(*blake3::hash(b"flag-core bucketing v1 seed").as_bytes(), SEED_KEY);
    }

    #[test]
    fn e19_ids_that_mean_nobody_are_missing() {
        for id in ["", " ", "\t\n", "\u{a0}", "unknown", "null", "undefined", "none", "nil", "0"] {
            assert!(is_missing(id), "{id:?}");
        }
        for id in ["Unknown", "NULL", "00", "-0", "false", "unknown ", "\u{200b}"] {
            assert!(!is_missing(id), "{id:?}");
        }
    }

    #[test]
    fn e09_concatenation_is_not_ambiguous() {
        let lanes = |unit: &str, seed: &str| Lanes::of(&UnitDigest::of(unit), &SeedDigest::of(seed));
        assert_ne!(lanes("1user", "model"), lanes("user", "model1"));
        assert_ne!(lanes("a", "b"), lanes("b", "a"));
    }

    #[test]
    fn e21_ids_are_raw_bytes_without_normalisation_or_trimming() {
        let digests: Vec<UnitDigest> = [
            "\u{e9}",
            "e\u{301}",
            "E\u{301}",
            "\u{feff}\u{e9}",
            "\u{e9}\n",
            " \u{e9}",
            "👩‍👩‍👧",
            "👩👩👧",
            "İ",
            "i̇",
            "ß",
            "ss",
            "Σ",
            "ς",
            "σ",
        ]
        .iter()
        .map(|id| UnitDigest::of(id))
        .collect();
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[..at].contains(digest), "id {at} shares a digest");
        }
    }

    #[test]
    fn many_at_once_are_the_same_as_one_by_one_at_every_count() {
        let units: Vec<UnitDigest> = (0..BATCH).map(|n| UnitDigest::of(&format!("unit-{n}"))).collect();
        let seeds: Vec<SeedDigest> = (0..BATCH).map(|n| SeedDigest::of(&format!("seed-{n}"))).collect();
        for count in 0..=BATCH {
            let mut batch = Batch::new();
            batch.draw_pairs(Hasher::detect(), units.iter().zip(&seeds).take(count));
            for at in 0..count {
                assert_eq!(batch.lanes(at), Lanes::of(&units[at], &seeds[at]));
            }
            let mut batch = Batch::of_seed(&seeds[0]);
            // Twice over one batch: what the units before left behind does not matter.
            assert_eq!(batch.lanes_of_units(Hasher::detect(), &units).count(), BATCH);
            let drawn: Vec<Lanes> = batch.lanes_of_units(Hasher::detect(), &units[BATCH - count..]).collect();
            let expected: Vec<Lanes> = units[BATCH - count..].iter().map(|unit| Lanes::of(unit, &seeds[0])).collect();
            assert_eq!(drawn, expected);
        }
    }

    #[test]
    fn lanes_can_be_made_for_any_bucket() {
        for index in [0, 1, 2, 49_999, 50_000, 99_998, 99_999] {
            let bucket = Bucket::from_index(index).unwrap();
            assert_eq!(Lanes::in_buckets([bucket; 4]).buckets(), [bucket; 4]);
        }
    }

    proptest! {
        #[test]
        fn the_fast_route_is_the_specification(unit in ".{0,100}", seed in ".{0,100}") {
            let lanes = Lanes::of(&UnitDigest::of(&unit), &SeedDigest::of(&seed));
            prop_assert_eq!(lanes.0, by_the_book(&unit, &seed));
        }
    }
}
