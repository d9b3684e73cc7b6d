use std::collections::{BTreeMap, BTreeSet};

use flag_client::Day;
use flag_core::{FlagKey, Share};

/// How many steps of a flag that are not published now are told apart on one day. Machines lag behind by a few; whoever sends more makes
/// them up, and each would be a cell.
pub const STEPS_MAX: usize = 64;

/// Which steps of which flags and days there are reports of.
#[derive(Clone, Debug, Default)]
pub struct Steps(BTreeMap<FlagKey, BTreeMap<Day, BTreeSet<Share>>>);

impl Steps {
    /// Tells whether it is known of a flag which steps there are reports of.
    pub fn knows(&self, flag: &FlagKey) -> bool {
        self.0.contains_key(flag)
    }

    /// Learns which steps of a flag there are reports of already, and forgets days before the earliest.
    pub fn learn(&mut self, flag: &FlagKey, seen: impl IntoIterator<Item = (Day, Option<Share>)>) {
        let days = self.0.entry(flag.clone()).or_default();
        for (day, step) in seen {
            days.entry(day).or_default().extend(step);
        }
    }

    /// Forgets days whose books are closed.
    pub fn forget_before(&mut self, earliest: Day) {
        for days in self.0.values_mut() {
            days.retain(|day, _| day.days_since(earliest) >= 0);
        }
    }

    /// Takes in a step of a day, and tells whether there is room for it. There always is for one that is published now.
    pub fn admit(&mut self, flag: &FlagKey, day: Day, step: Option<Share>, is_published: bool) -> bool {
        let Some(step) = step else { return true };
        let steps = self.0.entry(flag.clone()).or_default().entry(day).or_default();
        let has_room = is_published || steps.len() < STEPS_MAX || steps.contains(&step);
        if has_room {
            steps.insert(step);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn steps_that_somebody_makes_up_do_not_become_cells_without_end() {
        let (flag, day): (FlagKey, Day) = ("sync".parse().unwrap(), "2026-06-01".parse().unwrap());
        let step = |thousandths: u32| Some(serde_json::from_str::<Share>(&thousandths.to_string()).unwrap());
        let mut steps = Steps::default();
        steps.learn(&flag, [(day, step(5_000)), (day, None)]);
        assert!(steps.knows(&flag));
        let taken = (0..100_000).filter(|made_up| steps.admit(&flag, day, step(*made_up), false)).count();
        assert_eq!(taken, STEPS_MAX, "the one that was there before is among them");
        assert!(!steps.admit(&flag, day, step(99_999), false));
        assert!(steps.admit(&flag, day, step(5_000), false), "what was there goes on");
        assert!(steps.admit(&flag, day, step(50_000), true), "what is published has room");
        assert!(steps.admit(&flag, day, step(50_000), false), "also when something else is published later");
        assert!(steps.admit(&flag, day, None, false), "no step is no cell more");
        let next: Day = "2026-06-02".parse().unwrap();
        assert!(steps.admit(&flag, next, step(99_999), false), "another day has room of its own");
        steps.forget_before(next);
        assert!(steps.admit(&flag, day, step(99_999), false));
    }
}
