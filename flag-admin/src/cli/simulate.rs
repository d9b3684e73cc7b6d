//! Rollouts of populations that do not exist.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::problem::Stop;
use super::progress::Progress;
use super::rollouts::read_plan;
use super::simulation_page::page;
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::SystemClock;
use crate::app::ports::Clock as _;
use crate::rollout::simulate::{
    Ending, Fleet, Outcome, Population, Quantiles, RunResult, Simulation, grouped, run, summarise, verdict,
};
use crate::rollout::{Gates, Plan, Rate, Span};

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// standard, accelerated or cautious
    #[arg(long, value_name = "NAME", default_value = "standard", conflicts_with = "plan")]
    schedule: String,
    /// A TOML file with schedule and policy
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// How many people there are
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    users: u64,
    /// The share of them that reports on a day
    #[arg(long, value_name = "PERCENT", default_value = "20%")]
    reporting: Rate,
    /// The share that has fetched a new share after a day
    #[arg(long, value_name = "PERCENT", default_value = "80%")]
    adoption: Rate,
    /// The share of reports with an error, with the flag
    #[arg(long, value_name = "PERCENT", default_value = "2%")]
    error: Rate,
    /// The same without the flag [default: as with it]
    #[arg(long, value_name = "PERCENT")]
    control_error: Option<Rate>,
    /// The share of reports with a crash, with the flag
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    crash: Rate,
    /// The share of responses that are negative, with the flag
    #[arg(long, value_name = "PERCENT", default_value = "10%")]
    negative: Rate,
    /// The same without the flag [default: as with it]
    #[arg(long, value_name = "PERCENT")]
    control_negative: Option<Rate>,
    /// The share of reports that are slow
    #[arg(long, value_name = "PERCENT", default_value = "2%")]
    slow: Rate,
    /// How often it is played
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// How often the controller looks
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    look: Span,
    /// After how many days a run ends at the latest
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=730))]
    days: u32,
    /// What chance is drawn from: the same seed gives the same answer
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Write a page with charts to a file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer<'a> {
    schedule: &'a str,
    population: &'a Population,
    units: &'a Units,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// What the flag itself decides for simulated units at each step.
#[derive(Serialize)]
pub(super) struct Units {
    /// How many units were asked for.
    number: usize,
    /// How long hashing their ids took, in milliseconds.
    hashing_millis: i64,
    /// How long deciding the flag for all of them took, in milliseconds: the longest of the steps.
    deciding_millis: i64,
    /// The steps.
    steps: Vec<ExposedUnits>,
}

#[derive(Serialize)]
struct ExposedUnits {
    share: flag_core::Share,
    units: usize,
}

impl Units {
    fn of(plan: &Plan, users: u64) -> Self {
        let begun = SystemClock.now();
        let fleet = Fleet::of(users);
        let hashed = SystemClock.now();
        let (mut steps, mut deciding_millis) = (Vec::new(), 0);
        for step in plan.schedule.steps() {
            let begun = SystemClock.now();
            steps.push(ExposedUnits { share: step.share, units: fleet.exposed(step.share) });
            deciding_millis = deciding_millis.max(SystemClock.now().millis_since(begun));
        }
        Self { number: fleet.units(), hashing_millis: hashed.millis_since(begun), deciding_millis, steps }
    }

    fn words(&self) -> String {
        let Self { number, hashing_millis, deciding_millis, .. } = self;
        format!("{number} units hashed in {hashing_millis} ms, a flag decided for all of them in {deciding_millis} ms")
    }
}

/// Plays rollouts, and tells what came of them.
pub(super) fn simulate(terminal: &mut Terminal<'_>, arguments: &SimulateArguments) -> Result<(), Stop> {
    let plan = read_plan(arguments.plan.as_deref(), &arguments.schedule)?;
    let population = Population {
        users: arguments.users,
        reporting: arguments.reporting,
        adoption: arguments.adoption,
        error: arguments.error,
        control_error: arguments.control_error.unwrap_or(arguments.error),
        crash: arguments.crash,
        negative: arguments.negative,
        control_negative: arguments.control_negative.unwrap_or(arguments.negative),
        slow: arguments.slow,
        ..Population::healthy(arguments.users)
    };
    let simulation = Simulation { plan, population, look: arguments.look, days: arguments.days };
    let gates = Gates::of(&simulation.plan);
    let mut progress = Progress::begin("runs");
    let results: Vec<RunResult> = (0..arguments.runs)
        .map(|number| {
            progress.show(number.into(), arguments.runs.into());
            run(&simulation, &gates, arguments.seed.wrapping_mul(1_000_003).wrapping_add(number.into()))
        })
        .collect();
    drop(progress);
    let units = Units::of(&simulation.plan, arguments.users);
    let outcome = summarise(&results, population.is_healthy(&simulation.plan));
    if let Some(file) = &arguments.html {
        let page = page(simulation.plan.schedule.name(), &population, &outcome);
        std::fs::write(file, page).map_err(|error| Stop::file(file, "written", &error))?;
    }
    if terminal.form() == Form::Json {
        let schedule = simulation.plan.schedule.name();
        return terminal.json(&Answer { schedule, population: &population, units: &units, outcome: &outcome });
    }
    print(terminal, simulation.plan.schedule.name(), &population, &outcome)?;
    terminal.line("")?;
    for ExposedUnits { share, units: exposed } in &units.steps {
        terminal.line(format_args!(
            "  {:<28} {exposed} of {} units get the flag",
            format!("at {share}"),
            units.number
        ))?;
    }
    terminal.line(format_args!("  {}", units.words()))?;
    match &arguments.html {
        Some(file) => terminal.line(format_args!("\nwrote {}", file.display())),
        None => Ok(()),
    }
}

fn print(terminal: &mut Terminal<'_>, schedule: &str, population: &Population, outcome: &Outcome) -> Result<(), Stop> {
    let name = terminal.paint(Meaning::Name, format_args!("{schedule} schedule"));
    let Population { users, reporting, error, control_error, crash, .. } = population;
    terminal.line(format_args!(
        "{name}, {} users, {reporting} report a day, errors {error} against {control_error}, crashes {crash}",
        grouped(users)
    ))?;
    let health = if outcome.healthy { "healthy: an alarm is a false one" } else { "sick: an alarm is right" };
    terminal.line(format_args!("  the flag is {health}\n"))?;
    for sentence in verdict(outcome) {
        terminal.line(format_args!("  {sentence}"))?;
    }
    terminal.line("")?;
    for line in chart(&outcome.shares) {
        terminal.line(line)?;
    }
    terminal.line("")?;
    for (label, value) in figures(outcome) {
        terminal.line(format_args!("  {label:<28} {value}"))?;
    }
    Ok(())
}

/// Returns what the runs came to, a line each.
pub(super) fn figures(outcome: &Outcome) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let percent = |part: f64| format!("{:.1} %", part * 100.0);
    let alarm = if outcome.healthy { "false alarms" } else { "caught" };
    lines.push((alarm.to_owned(), format!("{} of {} runs", percent(outcome.alarmed), outcome.runs)));
    if let Some(missed) = outcome.missed {
        lines.push(("missed".to_owned(), percent(missed)));
    }
    for (ending, runs) in &outcome.endings {
        let words = match ending {
            Ending::Completed => "completed",
            Ending::Paused => "paused by a gate",
            Ending::Inconclusive => "paused, inconclusive",
            Ending::NoEvidence => "paused, no evidence",
            Ending::RolledBack => "taken back",
            Ending::Unfinished => "still under way",
        };
        lines.push((format!("  {words}"), format!("{runs} runs")));
    }
    let spread = |quantiles: Option<Quantiles>, unit: &str, digits: usize| {
        quantiles.map(|Quantiles { p10, median, p90 }| {
            let number = |value: f64| if digits == 0 { grouped(value) } else { format!("{value:.digits$}") };
            let (p10, median, p90) = (number(p10), number(median), number(p90));
            format!("{median} {unit} (one in ten below {p10}, one in ten above {p90})")
        })
    };
    let spreads = [
        ("time to an alarm", spread(outcome.hours_to_alarm, "hours", 1)),
        ("reports to an alarm", spread(outcome.reports_to_alarm, "reports", 0)),
        ("time to everyone", spread(outcome.days_to_complete, "days", 1)),
        ("people hit by an error", spread(outcome.harmed, "people", 0)),
    ];
    lines.extend(spreads.into_iter().filter_map(|(label, value)| value.map(|value| (label.to_owned(), value))));
    for (gate, runs) in &outcome.gates {
        lines.push((format!("  first alarm: {gate}"), format!("{runs} runs")));
    }
    lines
}

/// Returns the highest share that a chart has to show, in percent, rounded up such that a tenth of it reads well.
pub(super) fn highest(shares: &[Quantiles]) -> f64 {
    let most = shares.iter().map(|quantiles| quantiles.p90.max(quantiles.median)).fold(0.0, f64::max);
    [2.0, 5.0, 10.0, 20.0, 50.0].into_iter().find(|highest| most <= *highest).unwrap_or(100.0)
}

/// Draws the share over the days: the middle of the runs, and the range of eight in ten.
fn chart(shares: &[Quantiles]) -> Vec<String> {
    const HEIGHT: u32 = 10;
    const WIDTH: usize = 64;
    let days = shares.len().min(WIDTH);
    // Few days are drawn wide.
    let columns = (WIDTH / days.max(1)).clamp(1, 4);
    let at = |column: usize| shares.get(column.saturating_mul(shares.len()) / days.max(1));
    let tenth = highest(shares) / f64::from(HEIGHT);
    let mut lines: Vec<String> = (1..=HEIGHT)
        .rev()
        .map(|row| {
            let (low, high) = (f64::from(row - 1) * tenth, f64::from(row) * tenth);
            let cells = (0..days).filter_map(at).map(|Quantiles { p10, median, p90 }| {
                let is_median = (*median > low && *median <= high) || (row == 1 && *median <= 0.0);
                let cell = if is_median {
                    "█"
                } else if *p10 <= high && *p90 > low && p90 > p10 {
                    "░"
                } else {
                    " "
                };
                cell.repeat(columns)
            });
            let label = f64::from(row) * tenth;
            let decimals = usize::from(tenth < 1.0);
            format!("  {label:>4.decimals$}% │{}", cells.collect::<String>().trim_end())
        })
        .collect();
    let width = days.saturating_mul(columns);
    lines.push(format!("        └{}", "─".repeat(width)));
    lines.push(format!(
        "         day 0{:>space$}",
        format!("day {}", shares.len().saturating_sub(1)),
        space = width.saturating_sub(5).max(7)
    ));
    lines.push("         █ who has the flag, the middle of the runs   ░ eight in ten runs".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(shares: &[f64]) -> Vec<Quantiles> {
        shares.iter().map(|share| Quantiles { p10: share / 2.0, median: *share, p90: *share }).collect()
    }

    #[test]
    fn a_chart_is_as_high_as_what_it_shows_and_fits_eighty_columns() {
        let low = chart(&days(&[1.0, 1.4, 1.4]));
        assert_eq!(low.first().map(String::as_str), Some("   2.0% │"));
        assert_eq!(low.get(3).map(String::as_str), Some("   1.4% │    ████████"));
        let whole = chart(&days(&[1.0, 50.0, 100.0]));
        assert_eq!(whole.first().map(String::as_str), Some("   100% │        ████"));
        for length in [1, 9, 16, 64, 90, 730] {
            let widest = chart(&days(&vec![75.0; length])).iter().map(|line| line.chars().count()).max();
            assert!(widest.is_some_and(|widest| widest <= 80), "{length} days: {widest:?}");
        }
    }
}
