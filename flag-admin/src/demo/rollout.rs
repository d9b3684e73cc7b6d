//! A rollout that moves by itself: what is sick is taken back, and once it is mended, it reaches everyone.
//!
//! Days are played: the project's clock is the demonstration's. Nothing else is: installations decide from the signed snapshot, their
//! reports go through the intake that a server's go through, and a tick is the one of `rollout tick`.

use std::collections::BTreeSet;
use std::fs;

use flag_client::Day;
use flag_core::Share;

use super::{DemoError, Step, Walk, counted, read};
use crate::adapters::{FolderShelf, ROOT_FOLDER};
use crate::app::ports::{CellStore, NoSources, Shelf as _};
use crate::app::{AppError, Instruments, RolloutsError, Serving, Ticked, accept_report};
use crate::rollout::{Phase, Plan};

/// The flag that is rolled out.
const FLAG: &str = "ollama_backend";
const PLAN_FILE: &str = "rollout.toml";
/// With 30 reports a day, the default of 381 clean ones before the first step would take two weeks, and 20 % be hard to tell from 30 %.
const PLAN: &str = r#"# A rollout for a small fleet: what differs from the standard one.
[schedule]
name = "small fleet"
soak = "24h"
steps = [
    { share = "1%", after = "0h" },
    { share = "10%", after = "1d" },
    { share = "50%", after = "2d" },
    { share = "100%", after = "3d" },
]

[policy]
error = { pause = "5%", rollback = "10%" }
crash_certified = "5%"
"#;

/// Fewer than these cannot show anything at 1 %.
pub(super) const FLEET: usize = 3_000;
/// How many days are played at most, in both tries.
pub(super) const DAYS_MOST: i64 = 24;
pub(super) const DAY_MILLIS: i64 = 86_400_000;

/// How the feature does.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Health {
    /// Three uses in ten fail.
    Sick,
    /// A use in a hundred fails.
    Mended,
}

impl Walk {
    /// Rolls a sick feature out.
    pub(super) fn sick(&mut self) -> Result<Step, DemoError> {
        let path = self.folder.path().join(PLAN_FILE);
        fs::write(&path, PLAN).map_err(|source| DemoError::File { place: path.display().to_string(), source })?;
        let (results, days) = self.play(Health::Sick, "1.3.0 is out")?;
        Ok(Step {
            title: format!(
                "Rolled {FLAG} out, of whose uses three in ten fail: taken back by itself after {}",
                in_days(days)
            ),
            commands: vec![
                format!("flag-admin rollout start {FLAG} --plan {PLAN_FILE} --reason \"1.3.0 is out\""),
                format!("flag-admin publish --to {}", super::PUBLIC_FOLDER),
                "flag-admin rollout tick --publish".to_owned(),
            ],
            results,
        })
    }

    /// Rolls it out again, once it is mended.
    pub(super) fn mended(&mut self) -> Result<Step, DemoError> {
        let (results, days) = self.play(Health::Mended, "mended in 1.3.1")?;
        Ok(Step {
            title: format!("Rolled the mended {FLAG} out again: it reached everyone by itself in {}", in_days(days)),
            commands: vec![
                format!("flag-admin rollout start {FLAG} --plan {PLAN_FILE} --reason \"mended in 1.3.1\""),
                "flag-admin rollout watch --publish".to_owned(),
                format!("flag-admin rollout replay {FLAG}"),
                "flag-admin log".to_owned(),
            ],
            results,
        })
    }

    /// Plays days until the rollout ends. Returns what happened, and how many days that took.
    fn play(&mut self, health: Health, reason: &str) -> Result<(Vec<String>, i64), DemoError> {
        let mut cells = self.folder.cells()().map_err(|error| AppError::from(RolloutsError::from(error)))?;
        let begun = self.project.now();
        let plan = Plan::from_toml(PLAN, PLAN_FILE).map_err(|error| AppError::from(RolloutsError::from(error)))?;
        let instruments = Instruments { cells: &*cells, sources: &NoSources };
        let proposal = self.project.propose_rollout_start(&self.environment, FLAG, plan, &instruments)?;
        self.project.commit(&proposal, Some(reason))?;
        self.publish_snapshot()?;
        self.client.fetch(self.project.now())?;
        let (mut told, mut known, mut reports, mut days) = (Vec::new(), BTreeSet::new(), 0_usize, 0);
        while days < DAYS_MOST / 2 {
            let texts = self.day(health, &mut known)?;
            days += 1;
            self.clock.pass(DAY_MILLIS);
            reports = reports.saturating_add(self.report(&texts, &mut *cells)?);
            let instruments = Instruments { cells: &*cells, sources: &NoSources };
            let ticked = self.project.tick_rollouts(&self.environment, &instruments)?;
            if ticked.iter().any(Ticked::is_to_be_published) {
                self.publish_snapshot()?;
                self.client.fetch(self.project.now())?;
            }
            told.extend(ticked.iter().filter_map(|ticked| happened(ticked, days)));
            if ticked.iter().any(|ticked| ticked.after.phase.is_stopped() || ticked.after.phase == Phase::Completed) {
                break;
            }
        }
        let has = self.client.exposed(FLAG, &self.population).len();
        told.push(format!("on for {} of {} now; {reports} anonymous reports came in", has, self.population.len()));
        for alert in self.project.alerts(begun).into_iter().filter(|alert| alert.at > begun) {
            told.push(format!("alert {}: {}", alert.kind, alert.text));
        }
        let replayed = self.project.replay_rollout(&self.environment, FLAG, None)?;
        told.push(match replayed.differing {
            0 => format!("decided again from the log: all {} decisions come out the same", counted(&replayed.steps)),
            differing => format!("decided again from the log: {differing} decisions come out otherwise"),
        });
        Ok((told, days))
    }

    /// Lets each installation of the fleet use the feature ten times, and returns what it has to report of the day.
    fn day(&self, health: Health, known: &mut BTreeSet<(Share, usize)>) -> Result<Vec<String>, DemoError> {
        let day = Day::of(self.project.now());
        let (_, rollout) = self.project.rollout(&self.environment, FLAG)?;
        let share = rollout.state.share;
        let fleet = self.population.get(..FLEET).unwrap_or_default();
        let exposed = self.client.exposed(FLAG, fleet);
        let reports = (0..fleet.len()).map(|number| {
            let has = exposed.binary_search(&number).is_ok();
            // In sixteenths, as reports have it.
            let failed = match health {
                Health::Sick if has => 5,
                _ => u8::from(number % 10 == 0),
            };
            let nonce = blake3::hash(format!("{day} {} {number}", rollout.began).as_bytes()).to_hex();
            format!(
                "{{\"v\":1,\"flag\":\"{FLAG}\",\"variant\":\"{}\",\"stage\":{},\"day\":\"{day}\",\"first_in_stage\":{},\
                 \"had_error\":{},\"crashed\":0,\"err_frac\":{failed},\"slow_frac\":0,\"lat\":[[544,10]],\"fb_pos\":0,\"fb_neg\":0,\
                 \"metrics\":{{\"inference_success_rate\":{}}},\"nonce\":\"{}\"}}",
                if has { "on" } else { "off" },
                share.thousandths(),
                u8::from(known.insert((share, number))),
                u8::from(failed > 0),
                16 - failed,
                nonce.get(..32).unwrap_or_default(),
            )
        });
        Ok(reports.collect())
    }

    /// Takes reports in as a server does, and returns how many were counted.
    pub(super) fn report(&self, texts: &[String], cells: &mut dyn CellStore) -> Result<usize, DemoError> {
        let now = self.project.now();
        let first_root = read(&self.folder.path().join(ROOT_FOLDER).join("1.json"))?;
        let published = FolderShelf::new(&self.public).look().map_err(AppError::from)?.unwrap_or_default();
        let Some(rules) = Serving::verified(published, &first_root, &self.environment, now)?.rules else {
            return Ok(0);
        };
        let reports: Vec<_> =
            texts.iter().map(|text| accept_report(&rules, text.as_bytes(), now)).collect::<Result<_, _>>()?;
        let added = cells.add_all(&self.environment, &reports, now);
        let added = added.map_err(|error| AppError::from(RolloutsError::from(error)))?;
        Ok(added.len())
    }
}

fn in_days(days: i64) -> String {
    if days == 1 { "a day".to_owned() } else { format!("{days} days") }
}

/// Says what a tick did, if it moved something.
fn happened(ticked: &Ticked, day: i64) -> Option<String> {
    let share = ticked.exposes.unwrap_or(ticked.after.share);
    let moved =
        if share == ticked.before.share { share.to_string() } else { format!("{} → {share}", ticked.before.share) };
    let phase = &ticked.after.phase;
    if ticked.exposes.is_none() && *phase != Phase::Completed {
        return None;
    }
    let check = ticked.check.map_or_else(String::new, |check| {
        let still = match check.still_exposed {
            0 => "none has it any more".to_owned(),
            still => format!("{still} have it still"),
        };
        format!("; looked at {} units that had it: {still}", check.were_exposed)
    });
    Some(match phase {
        Phase::Ramping => format!("day {day}: {moved}"),
        phase => format!("day {day}: {moved}, {phase}{check}"),
    })
}
