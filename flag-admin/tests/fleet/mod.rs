//! A project whose clock a test turns, and installations that use it and report.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use flag_admin::adapters::{MemoryCells, ProjectFolder, Sources, SystemClock, SystemRandomness};
use flag_admin::app::ports::{CellStore as _, Clock, NoSources};
use flag_admin::app::{AppError, Instruments, KillRoute, KillScope, Operator, Ports, Project, Settings, Ticked};
use flag_admin::log::{EnvironmentName, Role};
use flag_admin::rollout::{Event, Phase, Plan, Severity};
use flag_client::Day;
use flag_core::{Context, FlagKey, Share, Timestamp};

use crate::support::Sandbox;

const DAY: i64 = 86_400_000;

/// Goes on by a millisecond whenever it is looked at, as a real clock may.
#[derive(Clone, Debug)]
pub struct TestClock(pub Rc<Cell<i64>>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.set(self.0.get() + 1);
        Timestamp::from_millis(self.0.get())
    }
}

/// A clock that is off by so many milliseconds.
#[derive(Debug)]
struct OffBy(TestClock, i64);

impl Clock for OffBy {
    fn now(&self) -> Timestamp {
        self.0.now().saturating_add_millis(self.1)
    }
}

/// How a feature does: the chances that a day's uses fail or crash, with the flag and without it.
#[derive(Copy, Clone, Debug, Default)]
pub struct Health {
    pub error: f64,
    pub crash: f64,
    pub control_error: f64,
    pub negative: f64,
    /// Microseconds that a use takes.
    pub latency: u16,
}

pub struct Fleet {
    pub sandbox: Sandbox,
    pub project: Project,
    pub environment: EnvironmentName,
    pub cells: MemoryCells,
    pub clock: TestClock,
    pub units: Vec<String>,
    /// The flag, step and unit of reports that were made.
    seen: BTreeSet<(String, u32, usize)>,
    draws: u64,
}

impl Fleet {
    pub fn new(flags: &str, units: usize) -> Self {
        let sandbox = Sandbox::with_project();
        sandbox.write("flags.toml", flags);
        sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
        let clock = TestClock(Rc::new(Cell::new(start())));
        let project = opened(&sandbox, Box::new(clock.clone()));
        let units = (0..units).map(|number| format!("install-{number}")).collect();
        let environment = EnvironmentName::production();
        let cells = MemoryCells::default();
        Self { sandbox, project, environment, cells, clock, units, seen: BTreeSet::new(), draws: 0 }
    }

    /// Opens the project once more, by a clock that differs from this one by so many milliseconds.
    pub fn scheduler(&self, off_by: i64) -> Project {
        opened(&self.sandbox, Box::new(OffBy(self.clock.clone(), off_by)))
    }

    /// Lets another scheduler tick, and publishes what it moved. Returns whether it came too late: the log had gone on since it looked.
    pub fn tick_by(&mut self, scheduler: &mut Project) -> bool {
        let instruments = Instruments { cells: &self.cells, sources: &NoSources };
        match scheduler.tick_rollouts(&self.environment, &instruments) {
            Ok(ticked) if ticked.iter().any(Ticked::is_to_be_published) => self.publish(),
            Ok(_) => {}
            Err(AppError::Conflict(_)) => {
                scheduler.refresh().unwrap();
                return true;
            }
            Err(error) => panic!("{error}"),
        }
        false
    }

    pub fn pass(&self, millis: i64) {
        self.clock.0.set(self.clock.0.get() + millis);
    }

    pub fn publish(&mut self) {
        let folder = ProjectFolder::find(&self.sandbox.path("flags")).unwrap();
        let mut place = folder.publisher(&self.environment, &self.sandbox.path("public")).unwrap();
        self.project.publish(&self.environment, &mut place).unwrap();
    }

    pub fn try_start(&mut self, flag: &str, plan: Plan) -> Result<(), String> {
        let sources = listed(&plan);
        let instruments = Instruments { cells: &self.cells, sources: &sources };
        let proposal = self.project.propose_rollout_start(&self.environment, flag, plan, &instruments);
        let proposal = proposal.map_err(|error| error.to_string())?;
        self.project.commit(&proposal, None).unwrap();
        Ok(())
    }

    pub fn start_unpublished(&mut self, flag: &str, plan: Plan) {
        self.try_start(flag, plan).unwrap();
    }

    pub fn start(&mut self, flag: &str, plan: Plan) {
        self.start_unpublished(flag, plan);
        self.publish();
    }

    /// Ticks, and publishes what moved.
    pub fn tick(&mut self) -> Vec<Ticked> {
        let instruments = Instruments { cells: &self.cells, sources: &NoSources };
        let ticked = self.project.tick_rollouts(&self.environment, &instruments).unwrap();
        if ticked.iter().any(Ticked::is_to_be_published) {
            self.publish();
        }
        ticked
    }

    /// Tells what a tick would do now.
    pub fn foresee(&self) -> Vec<Ticked> {
        let instruments = Instruments { cells: &self.cells, sources: &NoSources };
        self.project.foresee_rollouts(&self.environment, &instruments).unwrap()
    }

    pub fn act(&mut self, flag: &str, event: Event) -> Result<(), String> {
        let instruments = Instruments { cells: &self.cells, sources: &NoSources };
        let proposal = self.project.propose_rollout_move(&self.environment, flag, event, &instruments);
        let proposal = proposal.map_err(|error| error.to_string())?;
        self.project.commit(&proposal, Some("a test")).unwrap();
        self.publish();
        Ok(())
    }

    pub fn signal(&mut self, flag: &str, severity: Severity) -> u64 {
        let proposal = self.project.propose_signal(&self.environment, flag, severity, None).unwrap();
        self.project.commit(&proposal, Some("a bug")).unwrap();
        self.project.state().head().seq
    }

    pub fn kill(&mut self, flag: &str) {
        let proposal =
            self.project.propose_kill(&self.environment, flag, KillRoute::Snapshot, KillScope::Flags).unwrap();
        self.project.commit(&proposal, Some("a test")).unwrap();
    }

    pub fn phase(&self, flag: &str) -> Phase {
        self.project.rollout(&self.environment, flag).unwrap().1.state.phase.clone()
    }

    pub fn share(&self, flag: &str) -> Share {
        self.project.rollout(&self.environment, flag).unwrap().1.state.share
    }

    /// Returns the numbers of the units that have a flag.
    pub fn exposed(&self, flag: &str) -> BTreeSet<usize> {
        let ruleset = self.project.ruleset(&self.environment).unwrap();
        let has = |unit: &String| ruleset.evaluate(flag, &Context::new(unit)).bool_or(false);
        self.units.iter().enumerate().filter(|(_, unit)| has(unit)).map(|(number, _)| number).collect()
    }

    pub fn exposed_units(&self, flag: &str) -> usize {
        self.exposed(flag).len()
    }

    /// Lets every unit use a flag ten times today and report.
    pub fn live_a_day(&mut self, flag: &str, health: Health) {
        let day = Day::of(Timestamp::from_millis(self.clock.0.get()));
        let exposed = self.exposed(flag);
        let key: FlagKey = flag.parse().unwrap();
        let (_, state) = self.project.flag(&self.environment, key.as_str()).unwrap();
        let share = flag_admin::log::exposure_of(&state.definition.flag, None).unwrap();
        for unit in 0..self.units.len() {
            let has = exposed.contains(&unit);
            let first = self.seen.insert((flag.to_owned(), share.thousandths(), unit));
            let error = if has { health.error } else { health.control_error };
            let crashed = has && self.chance(health.crash);
            let failed = (0..16).filter(|_| self.chance(error)).count().max(usize::from(crashed));
            let (pos, neg) = if has && self.chance(0.05) {
                let negative = self.chance(health.negative);
                (u8::from(!negative), u8::from(negative))
            } else {
                (0, 0)
            };
            self.draws += 1;
            let text = format!(
                r#"{{"v":1,"flag":"{flag}","variant":"{}","stage":{},"day":"{day}","first_in_stage":{},"had_error":{},"crashed":{},"err_frac":{failed},"slow_frac":null,"lat":[[{},16]],"fb_pos":{pos},"fb_neg":{neg},"metrics":{{}},"nonce":"{:032x}"}}"#,
                if has { "on" } else { "off" },
                share.thousandths(),
                u8::from(first),
                u8::from(failed > 0),
                u8::from(crashed),
                320 + health.latency,
                self.draws,
            );
            let report = flag_client::report::parse(text.as_bytes()).unwrap();
            self.cells.add(&self.environment, &report, Timestamp::from_millis(self.clock.0.get())).unwrap();
        }
    }

    /// Draws numbers that look random and are the same in every run (SplitMix64).
    fn chance(&mut self, chance: f64) -> bool {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.draws;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = (mixed ^ (mixed >> 31)) >> 11;
        #[allow(clippy::cast_precision_loss)]
        let drawn = drawn as f64 / (1_u64 << 53) as f64;
        drawn < chance
    }
}

/// Nine o'clock of the day after the one on which the project was made: entries follow each other, and no test depends on the hour.
fn start() -> i64 {
    (SystemClock.now().as_millis() / DAY + 1) * DAY + 9 * 3_600_000
}

fn opened(sandbox: &Sandbox, clock: Box<dyn Clock>) -> Project {
    let folder = ProjectFolder::find(&sandbox.path("flags")).unwrap();
    let operator = Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager };
    let (keys, roots) = (Box::new(folder.keys()), Box::new(folder.roots()));
    let ports = Ports { log: folder.log().unwrap(), keys, roots, clock, random: Box::new(SystemRandomness) };
    Project::open(ports, Settings::default(), operator).unwrap()
}

/// Returns the sources that a plan names by their addresses, as settings that list them all.
pub fn listed(plan: &Plan) -> Sources {
    Sources::new(plan.sources.iter().map(|source| (source.metric.to_string(), source.kind.from().to_owned())).collect())
}
