//! The lanes that decisions depend on, cut where something changes.

use alloc::vec;
use alloc::vec::Vec;

use crate::bucket::{Lanes, SeedDigest};
use crate::flag::{Flag, Split};
use crate::portion::{PORTION_MAX_LANES, Portion};
use crate::share::{Bucket, EVERYONE, Share};

/// What lanes are drawn from: a unit and a seed.
type Source<'f> = (Option<&'f str>, SeedDigest);

const EXPOSURE: usize = 0;
const VARIANT: usize = 1;
const SLOT: usize = 2;

/// How many boxes one flag's lanes may be cut into.
const MAX_BOXES: usize = 200_000;

/// The cuts of every lane that some flags depend on.
#[derive(Default)]
pub(super) struct Space<'f> {
    sources: Vec<(Source<'f>, [Vec<u32>; 3])>,
}

/// One lane with a choice of pieces.
struct Axis {
    source: usize,
    lane: usize,
    /// Starts and widths of the pieces.
    pieces: Vec<(u32, u32)>,
}

/// The space was cut into more boxes than are worth computing, or spans more lanes than a portion can.
pub(super) struct TooLarge;

impl<'f> Space<'f> {
    /// Tells whether some lanes of the two are drawn under one seed, a flag's or a group's.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.sources.iter().any(|((_, seed), _)| other.sources.iter().any(|((_, known), _)| known == seed))
    }

    /// Adds the lanes that a flag's own decision looks at.
    pub(super) fn add(&mut self, flag: &'f Flag) {
        let unit = flag.unit.as_deref().map(crate::context::Path::as_str);
        let top = |holdout: Share| EVERYONE.saturating_sub(holdout.thousandths());
        let own = (unit, flag.seed());
        self.cut(own, EXPOSURE, flag.splits().map(|split| split.exposure.thousandths()).chain([top(flag.holdout)]));
        self.cut(own, VARIANT, flag.splits().flat_map(Split::cuts));
        if let Some(membership) = &flag.membership {
            let ends = membership.slots.iter().flat_map(|range| [range.from, range.to]);
            self.cut((unit, membership.seed), SLOT, ends.chain([top(membership.holdout)]));
        }
    }

    /// Adds cuts to one lane of a source.
    fn cut(&mut self, source: Source<'f>, lane: usize, at: impl Iterator<Item = u32>) {
        if !self.sources.iter().any(|(known, _)| *known == source) {
            self.sources.push((source, [const { Vec::new() }; 3]));
        }
        let lanes = self.sources.iter_mut().find(|(known, _)| *known == source).map(|(_, lanes)| lanes);
        if let Some(cuts) = lanes.and_then(|lanes| lanes.get_mut(lane)) {
            cuts.extend(at);
        }
    }

    /// Calls `each` with every box: lanes of one point in it, by source, and its portion of all units.
    pub(super) fn boxes(&self, mut each: impl FnMut(&Place<'_, 'f>, Portion)) -> Result<(), TooLarge> {
        self.count().ok_or(TooLarge)?;
        let axes = self.axes();
        let mut turns = vec![0_usize; axes.len()];
        let mut buckets = vec![[0_u32; 3]; self.sources.len()];
        loop {
            let mut widths = [EVERYONE; PORTION_MAX_LANES];
            for ((axis, turn), width) in axes.iter().zip(&turns).zip(&mut widths) {
                let (from, wide) = axis.pieces.get(*turn).copied().unwrap_or_default();
                *width = wide;
                if let Some(bucket) = buckets.get_mut(axis.source).and_then(|source| source.get_mut(axis.lane)) {
                    *bucket = from;
                }
            }
            each(&Place { space: self, buckets: &buckets }, Portion::of_widths(widths.into_iter()));
            // The next box: like a counter whose digits are the axes.
            let mut carried = true;
            for (axis, turn) in axes.iter().zip(&mut turns) {
                *turn = turn.saturating_add(1);
                carried = *turn == axis.pieces.len();
                if !carried {
                    break;
                }
                *turn = 0;
            }
            if carried {
                return Ok(());
            }
        }
    }

    /// Returns how many boxes there are, or none where they are too many.
    pub(super) fn count(&self) -> Option<usize> {
        let axes = self.axes();
        let total = axes.iter().try_fold(1_usize, |total, axis| total.checked_mul(axis.pieces.len()))?;
        (axes.len() <= PORTION_MAX_LANES && total <= MAX_BOXES).then_some(total)
    }

    fn axes(&self) -> Vec<Axis> {
        let mut axes = Vec::new();
        for (source, (_, lanes)) in self.sources.iter().enumerate() {
            for (lane, cuts) in lanes.iter().enumerate() {
                let mut ends: Vec<u32> = cuts.iter().copied().filter(|cut| (1..EVERYONE).contains(cut)).collect();
                ends.sort_unstable();
                ends.dedup();
                if ends.is_empty() {
                    continue;
                }
                ends.push(EVERYONE);
                let mut from = 0;
                let pieces = ends.into_iter().map(|end| {
                    let piece = (from, end.saturating_sub(from));
                    from = end;
                    piece
                });
                axes.push(Axis { source, lane, pieces: pieces.collect() });
            }
        }
        axes
    }
}

/// One point in one box of a space.
pub(super) struct Place<'p, 'f> {
    space: &'p Space<'f>,
    buckets: &'p [[u32; 3]],
}

impl Place<'_, '_> {
    pub(super) fn lanes(&self, unit: Option<&str>, seed: &SeedDigest) -> Option<Lanes> {
        let place = self.space.sources.iter().position(|((known, of), _)| *known == unit && of == seed)?;
        let [exposure, variant, slot] = *self.buckets.get(place)?;
        let bucket = Bucket::from_index;
        Some(Lanes::in_buckets([bucket(exposure)?, bucket(variant)?, bucket(slot)?, bucket(0)?]))
    }
}
