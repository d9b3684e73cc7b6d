//! Which changed flags are held back, from nothing but what is observed: a pure state machine, the same on every machine.
//!
//! ```text
//! settled ──(flags changed)──▶ watching ──(clean runs)──▶ settled
//!                                 │ crashes
//!                                 ▼
//!                             isolating ──(crashes all the same)──▶ cleared
//!                                 │ a clean run: it is one of them
//!                                 ▼
//!                             narrowing ──(one flag left: held back until it is changed)──▶ watching
//! ```
//!
//! Narrowing restores half of the flags under suspicion at a time. A crash puts the suspicion on that half, and keeps the other half back
//! until the culprit is found; a clean run clears it for good. So one culprit among `n` flags is found within ⌈log₂ n⌉ + 2 runs, and
//! several one after the other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What changed between two snapshots: the flags by key, each with the fingerprint of its later definition.
pub(super) type Changes = BTreeMap<Box<str>, u64>;

/// A culprit that crashes only now and then asks for more clean runs a step; more than these nobody waits for.
const MAX_CAUTION: u32 = 64;

/// Which snapshot: versions count within an epoch.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotId {
    pub(super) epoch: u64,
    pub(super) version: u64,
}

/// When the machine moves.
#[derive(Copy, Clone, Debug)]
pub(super) struct Rules {
    /// How many crashes after a change are too many, at least 1.
    pub(super) crashes: u32,
    /// How many runs in a row without a crash settle a change, at least 1.
    pub(super) clean_runs: u32,
}

/// What is observed.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A snapshot is in force that differs from the last good one in these flags.
    Snapshot { id: SnapshotId, changes: Changes },
    /// A run that began at this step crashed.
    Crashed { step: u64 },
    /// A run that began at this step ended well.
    Clean { step: u64 },
}

/// What is known about the flags that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Suspicion {
    /// Grows whenever something else is put to the test, from 1 on. What is observed of a run counts only for the step it began at.
    pub(super) step: u64,
    /// The newest snapshot seen.
    pub(super) newest: Option<SnapshotId>,
    /// The snapshot that brought the changes. Those signed since said the same.
    pub(super) since: Option<SnapshotId>,
    pub(super) changes: Changes,
    pub(super) culprits: BTreeMap<Box<str>, Culprit>,
    /// Every crash since the change.
    pub(super) crashes: u32,
    /// How many clean runs clear a flag.
    caution: u32,
    phase: Phase,
}

/// A flag that was found out.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Culprit {
    /// The definition that crashes. Another one is not held back.
    pub(super) fingerprint: u64,
    /// The version since which it crashed.
    pub(super) since: u64,
    /// How often.
    pub(super) crashes: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Phase {
    /// The snapshot in force is the good one.
    Settled,
    /// All changes are in force but those of culprits.
    Watching { crashes: u32, clean: u32 },
    /// All changes are held back, to see whether they are to blame at all.
    Isolating { crashes: u32, clean: u32 },
    /// The first `restored` suspects are in force again, the other suspects and the parked flags are held back.
    Narrowing { suspects: Vec<Box<str>>, restored: usize, parked: Vec<Box<str>>, clean: u32 },
    /// The crashes went on without the changes.
    Cleared { clean: u32 },
}

impl Default for Suspicion {
    fn default() -> Self {
        Self {
            step: 1,
            newest: None,
            since: None,
            changes: Changes::new(),
            culprits: BTreeMap::new(),
            crashes: 0,
            caution: 1,
            phase: Phase::Settled,
        }
    }
}

impl Suspicion {
    /// Returns what is known at the first look at a machine: whatever snapshot is in force there is good.
    pub(super) fn beginning_with(newest: Option<SnapshotId>) -> Self {
        Self { newest, since: newest, ..Self::default() }
    }

    /// Tells whether this can have come of observations: not everything that has the form of a suspicion has.
    pub(super) fn is_sound(&self) -> bool {
        let mut named = BTreeSet::new();
        let mut is_new_change = |key: &str| self.changes.contains_key(key) && named.insert(key.to_owned());
        let narrowing = match &self.phase {
            Phase::Narrowing { suspects, restored, parked, .. } => {
                !suspects.is_empty()
                    && *restored <= suspects.len()
                    && suspects.iter().chain(parked).all(|key| is_new_change(key))
            }
            _ => true,
        };
        narrowing
            && self.culprits.keys().all(|key| is_new_change(key))
            && self.since <= self.newest
            && self.step > 0
            && (1..=MAX_CAUTION).contains(&self.caution)
    }

    /// Returns what is known when there is nothing to compare with any more: this snapshot is good, and runs before it count for nothing.
    pub(super) fn begun_anew_with(&self, newest: SnapshotId) -> Self {
        Self { step: self.step.saturating_add(1), ..Self::beginning_with(Some(newest)) }
    }

    /// Tells whether the snapshot in force has become the good one.
    pub(super) fn is_settled(&self) -> bool {
        self.phase == Phase::Settled
    }

    /// Returns the flags that are held back: always some of those that changed.
    pub(super) fn held(&self) -> Vec<&str> {
        let suspects: Vec<&str> = match &self.phase {
            Phase::Settled | Phase::Watching { .. } | Phase::Cleared { .. } => Vec::new(),
            Phase::Isolating { .. } => self.changes.keys().map(|key| &**key).collect(),
            Phase::Narrowing { suspects, restored, parked, .. } => {
                suspects.iter().skip(*restored).chain(parked).map(|key| &**key).collect()
            }
        };
        let culprits = self.culprits.keys().map(|key| &**key).filter(|key| !suspects.contains(key));
        culprits.chain(suspects.iter().copied()).collect()
    }

    /// Returns what is known after one more observation.
    pub(super) fn step(mut self, rules: Rules, event: Event) -> Self {
        match event {
            Event::Snapshot { id, changes } => self.snapshot(rules, id, changes),
            Event::Crashed { step } if step == self.step => self.crashed(rules),
            Event::Clean { step } if step == self.step => self.clean(rules),
            // A run of an earlier step says nothing about this one.
            Event::Crashed { .. } | Event::Clean { .. } => {}
        }
        self
    }

    fn snapshot(&mut self, rules: Rules, id: SnapshotId, changes: Changes) {
        if self.newest.is_some_and(|newest| id < newest) {
            return;
        }
        self.newest = Some(id);
        // Signed anew, the same flags are no change.
        if changes == self.changes {
            return;
        }
        self.culprits.retain(|key, culprit| changes.get(key) == Some(&culprit.fingerprint));
        // Who was under suspicion has the benefit of the doubt, once.
        let crashes = match self.phase {
            Phase::Isolating { .. } | Phase::Narrowing { .. } => rules.crashes.saturating_sub(1),
            _ => 0,
        };
        if self.culprits.is_empty() {
            self.caution = 1;
        }
        self.since = Some(id);
        self.crashes = 0;
        let phase = if changes.is_empty() { Phase::Settled } else { Phase::Watching { crashes, clean: 0 } };
        self.changes = changes;
        self.enter(phase);
    }

    fn crashed(&mut self, rules: Rules) {
        if self.phase == Phase::Settled {
            return;
        }
        self.crashes = self.crashes.saturating_add(1);
        match self.phase.clone() {
            Phase::Settled => {}
            Phase::Cleared { .. } => self.phase = Phase::Cleared { clean: 0 },
            Phase::Watching { crashes, .. } if crashes.saturating_add(1) >= rules.crashes => self.isolate(),
            Phase::Watching { crashes, .. } => self.phase = Phase::Watching { crashes: crashes + 1, clean: 0 },
            Phase::Isolating { crashes, .. } if crashes.saturating_add(1) >= rules.crashes => {
                self.enter(Phase::Cleared { clean: 0 });
            }
            Phase::Isolating { crashes, .. } => self.phase = Phase::Isolating { crashes: crashes + 1, clean: 0 },
            Phase::Narrowing { mut suspects, restored, mut parked, .. } => {
                parked.extend(suspects.split_off(restored.min(suspects.len())));
                self.narrow(suspects, parked);
            }
        }
    }

    fn clean(&mut self, rules: Rules) {
        match self.phase.clone() {
            // A culprit is held back, so the snapshot as it is has not been shown to be good.
            Phase::Watching { clean, .. } if clean.saturating_add(1) >= rules.clean_runs => {
                if self.culprits.is_empty() {
                    self.settle();
                } else {
                    self.phase = Phase::Watching { crashes: 0, clean: 0 };
                }
            }
            Phase::Watching { crashes, clean } => self.phase = Phase::Watching { crashes, clean: clean + 1 },
            Phase::Cleared { clean } if clean.saturating_add(1) < rules.clean_runs => {
                self.phase = Phase::Cleared { clean: clean + 1 };
            }
            Phase::Cleared { .. } if self.culprits.is_empty() => self.settle(),
            Phase::Settled | Phase::Cleared { .. } => {}
            Phase::Isolating { crashes, clean } if clean.saturating_add(1) < self.caution => {
                self.phase = Phase::Isolating { crashes, clean: clean + 1 };
            }
            Phase::Isolating { .. } => self.narrow(self.unsolved(), Vec::new()),
            Phase::Narrowing { suspects, restored, parked, clean } if clean.saturating_add(1) < self.caution => {
                self.phase = Phase::Narrowing { suspects, restored, parked, clean: clean + 1 };
            }
            Phase::Narrowing { mut suspects, restored, parked, .. } => {
                let left = suspects.split_off(restored.min(suspects.len()));
                if left.is_empty() {
                    // All that were parked were on trial together, and are cleared together.
                    self.enter(Phase::Watching { crashes: 0, clean: 0 });
                } else {
                    self.narrow(left, parked);
                }
            }
        }
    }

    /// Holds every change back.
    fn isolate(&mut self) {
        if self.unsolved().is_empty() {
            self.enter(Phase::Cleared { clean: 0 });
            return;
        }
        // Crashes that go on beside a culprit say that a flag was cleared too soon.
        self.caution = if self.culprits.is_empty() { 1 } else { self.caution.saturating_mul(2).min(MAX_CAUTION) };
        self.enter(Phase::Isolating { crashes: 0, clean: 0 });
    }

    /// Goes on with suspects of whom one at least is guilty.
    fn narrow(&mut self, suspects: Vec<Box<str>>, parked: Vec<Box<str>>) {
        let [culprit] = &*suspects else {
            let restored = suspects.len() / 2;
            self.enter(Phase::Narrowing { suspects, restored, parked, clean: 0 });
            return;
        };
        if let (Some(fingerprint), Some(since)) = (self.changes.get(culprit), self.since) {
            let culprit_found = Culprit { fingerprint: *fingerprint, since: since.version, crashes: self.crashes };
            self.culprits.insert(culprit.clone(), culprit_found);
        }
        self.enter(if parked.is_empty() {
            Phase::Watching { crashes: 0, clean: 0 }
        } else {
            // Nothing is known of those that waited, so all of them are tried at once.
            Phase::Narrowing { restored: parked.len(), suspects: parked, parked: Vec::new(), clean: 0 }
        });
    }

    fn settle(&mut self) {
        self.changes.clear();
        self.crashes = 0;
        self.caution = 1;
        self.enter(Phase::Settled);
    }

    fn unsolved(&self) -> Vec<Box<str>> {
        self.changes.keys().filter(|key| !self.culprits.contains_key(*key)).cloned().collect()
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.step = self.step.saturating_add(1);
    }
}

#[cfg(test)]
mod tests;
