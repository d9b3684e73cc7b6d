//! A rollout over a hundred thousand units: nobody moves who should not, and the plan's numbers were exact.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::collections::BTreeSet;

use flag_admin::adapters::ProjectFolder;
use flag_admin::app::{Operator, Project};
use flag_admin::log::{EnvironmentName, Role};
use flag_core::{Context, Share, UnitDigest};
use support::Sandbox;

const UNITS: usize = 100_000;

struct Lane {
    project: Project,
    environment: EnvironmentName,
    units: Vec<UnitDigest>,
    buckets: Vec<u32>,
}

impl Lane {
    fn exposed(&self) -> BTreeSet<usize> {
        let ruleset = self.project.ruleset(&self.environment).unwrap();
        let mut exposed = BTreeSet::new();
        ruleset.flag("search").unwrap().evaluate_units(&self.units, &Context::anonymous(), |unit, decision| {
            if decision.bool_or(false) {
                exposed.insert(unit);
            }
        });
        exposed
    }

    /// Sets the share, and checks the plan against what came of it: each portion, and each unit.
    fn set(&mut self, percent: u32) -> BTreeSet<usize> {
        let before = self.exposed();
        let share = Share::from_percent(percent).unwrap();
        let proposal = self.project.propose_rollout(&self.environment, "search", None, share).unwrap();
        let plan = proposal.plan().flags.first().cloned().unwrap();
        self.project.commit(&proposal, None).unwrap();
        let after = self.exposed();
        let from = percent_of(&plan.lost) + percent_of(&plan.gained);
        assert_eq!(plan.gained.min, plan.gained.max);
        assert_eq!(plan.lost.min, plan.lost.max);
        assert!(plan.moved.is_nobody());
        let changed: Vec<usize> = before.symmetric_difference(&after).copied().collect();
        assert!(!changed.is_empty());
        let lowest = changed.iter().map(|unit| self.buckets[*unit]).min().unwrap();
        let highest = changed.iter().map(|unit| self.buckets[*unit]).max().unwrap();
        assert!(highest - lowest < from, "who changed stands within {from} buckets");
        let between = self.buckets.iter().filter(|bucket| (lowest..=highest).contains(bucket)).count();
        assert_eq!(changed.len(), between, "and everyone there changed");
        for (unit, bucket) in self.buckets.iter().enumerate() {
            assert_eq!(after.contains(&unit), *bucket < percent * 1_000);
        }
        after
    }
}

/// Returns how many buckets of a lane a portion is.
fn percent_of(extent: &flag_core::Extent) -> u32 {
    assert_eq!(extent.max.units() % 100_000, 0, "whole buckets");
    u32::try_from(extent.max.units() / 100_000).unwrap()
}

#[test]
fn e12_e13_raised_lowered_and_raised_again_moves_exactly_whom_the_plan_said() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", "[flags.search]\nrollout = \"5%\"\n");
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    let operator = Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager };
    let project = ProjectFolder::find(&sandbox.path("flags")).unwrap().open(operator).unwrap();
    let ids: Vec<String> = (0..UNITS).map(|number| format!("install-{number}")).collect();
    let environment = EnvironmentName::production();
    let ruleset = project.ruleset(&environment).unwrap();
    let buckets =
        ids.iter().map(|id| ruleset.evaluate("search", &Context::new(id)).bucket().unwrap().index()).collect();
    let units = ids.iter().map(|id| UnitDigest::of(id)).collect();
    let mut lane = Lane { project, environment, units, buckets };

    let early = lane.exposed();
    let quarter = lane.set(25);
    assert!(quarter.is_superset(&early), "raising moves nobody off");
    let tenth = lane.set(10);
    assert!(quarter.is_superset(&tenth) && tenth.is_superset(&early), "lowering takes the newest adopters");
    assert_eq!(lane.set(25), quarter, "raising again readmits the same");
    let parts = [(early.len(), 5), (tenth.len(), 10), (quarter.len(), 25)];
    for (found, percent) in parts {
        // Four standard deviations of a binomial share of 25 % are 548 units.
        assert!(found.abs_diff(UNITS / 100 * percent) < 548, "{found} at {percent} %");
    }

    // The program says of each unit what the library does.
    sandbox.write("ids", &support::ids(2_000));
    let run = sandbox.project(&["why", "search", "--units", "ids"]);
    for (unit, line) in run.text().lines().enumerate() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["value"], quarter.contains(&unit), "{line}");
    }
}
