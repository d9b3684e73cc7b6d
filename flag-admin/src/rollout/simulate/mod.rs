//! Rollouts of populations that do not exist: how often a schedule stops a healthy flag, how soon it stops a sick one, and how many people
//! that costs. The controller and the gates are those of real rollouts; only the reports are drawn.

mod chance;
mod fleet;
mod outcome;
mod population;
mod run;
mod verdict;

pub use self::chance::Chance;
pub use self::fleet::Fleet;
pub use self::outcome::{Ending, Outcome, Quantiles, RunResult, summarise};
pub use self::population::Population;
pub use self::run::{Simulation, run};
pub use self::verdict::{grouped, verdict};
