//! Experiments: two variants of a flag compared as was declared before, and what that decides (pure).
//!
//! A [`Design`] is a flag's declaration with its gaps filled in, [`Data`] what was measured, from rows ([`table`]) or from reports
//! ([`of_cells`]). [`analyze`] holds one against the other and comes to a [`Verdict`]. One metric decides, at a two-sided α of 5%;
//! others must be shown not to get worse; whatever else was measured is adjusted for being one of many. Counts that do not fit the flag's
//! split withhold the result. That nothing is shown is never taken for proof that nothing is there.

mod analysis;
mod chart;
mod comparison;
mod data;
mod design;
mod from_cells;
mod html;
mod planning;
mod sequential;
pub mod table;
#[cfg(test)]
mod tests;
mod verdict;
pub mod wording;

pub use analysis::{Analysis, Assignment, GroupLine, GuardrailLine, Outcome, Worth, analyze, most_possible};
pub use chart::{Axis, axis_of, interval_line, scale_line};
pub use comparison::{Comparison, Effect, Estimate, Kind, Ranks, Test};
pub use data::{Data, Group, Sample, Unit};
pub use design::{ALPHA, Choices, Design, DesignError, UNITS_MIN, Watched, proportions};
pub use from_cells::{of_cells, proportions_of_cells};
pub use html::report;
pub use planning::{Aim, Plan, Planned, PlanningError, WithUnits};
pub use verdict::{Advice, Verdict};
