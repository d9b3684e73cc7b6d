//! Rollouts that move by themselves.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::arguments::ChangeArguments;
use super::change::{RolloutArguments, carry_out, rollout as set};
use super::problem::Stop;
use super::rollout_text::{print_replayed, print_status, print_ticked};
use super::session::{Opened, Session, read_text};
use super::terminal::{Form, Terminal};
use crate::app::{AppError, OpenInstruments, RolloutStatus, RolloutsError, Ticked};
use crate::rollout::{Event, Plan};

#[derive(Debug, Subcommand)]
pub(super) enum RolloutCommand {
    /// Set the share of units that a flag exposes, after showing who gains and who loses
    #[command(
        after_help = "Examples:\n  flag-admin rollout set telemetry_cloud_sync 50%\n  flag-admin rollout set command_history 0.5% --rule staff --dry-run"
    )]
    Set(RolloutArguments),
    /// Start a rollout that moves by itself: forward as its gates prove it healthy, back when they prove it sick
    #[command(
        after_help = "Examples:\n  flag-admin rollout start command_history\n  flag-admin rollout start command_history --schedule cautious --dry-run\n  flag-admin rollout start command_history --plan rollout.toml --reason \"1.3.0 is out\"\n\nSchedules: standard (1, 5, 10, 25, 50, 75, 100 % on days 1 to 12), accelerated (10, 50, 100 % in three days),\ncautious (1, 5, 10, 25, 50, 100 % in six weeks). A file may hold a schedule and gates of its own; see ROLLOUTS.md."
    )]
    Start(StartArguments),
    /// Agree to the next step, and enter it now if its gates are passed
    #[command(after_help = "Example:\n  flag-admin rollout advance command_history --reason \"looked at the numbers\"")]
    Advance(MoveArguments),
    /// Go one step back and stay there: those who came last lose the flag first
    #[command(after_help = "Example:\n  flag-admin rollout back command_history --reason \"slow on Windows\"")]
    Back(MoveArguments),
    /// Stop where it is; schedule and soak time wait, too
    #[command(after_help = "Example:\n  flag-admin rollout pause command_history --reason \"holidays\"")]
    Pause(MoveArguments),
    /// Go on after a pause or a rollback, with the same people as before
    #[command(after_help = "Example:\n  flag-admin rollout resume command_history --reason \"fixed in 1.3.1\"")]
    Resume(MoveArguments),
    /// Take the flag back from everyone at once
    #[command(after_help = "Example:\n  flag-admin rollout abort command_history --reason \"wrong idea\"")]
    Abort(MoveArguments),
    /// Tell how rollouts stand, what their gates read, and what they wait for
    #[command(
        after_help = "Examples:\n  flag-admin rollout status\n  flag-admin rollout status command_history --json | jq .readings"
    )]
    Status {
        /// The flag [default: every rollout]
        flag: Option<String>,
    },
    /// Decide once what becomes of every rollout, and do it: for a timer
    #[command(
        after_help = "Examples:\n  flag-admin rollout tick --dry-run\n  flag-admin rollout tick --publish\n  */5 * * * *  flag-admin -C /srv/flags rollout tick --publish --json >> /var/log/rollouts.json"
    )]
    Tick(TickArguments),
    /// Decide again and again, until it is stopped
    #[command(after_help = "Example:\n  flag-admin rollout watch --publish --every 60")]
    Watch {
        /// How long to wait between two looks, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        every: u64,
        /// Stop after so many looks
        #[arg(long, value_name = "NUMBER")]
        times: Option<u64>,
        #[command(flatten)]
        tick: TickArguments,
    },
    /// Make every decision of a rollout again from the log, and compare; or see what another policy would have decided
    #[command(
        after_help = "Examples:\n  flag-admin rollout replay command_history\n  flag-admin rollout replay command_history --policy quick.toml"
    )]
    Replay {
        /// The flag
        flag: String,
        /// A file with another [policy]
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct StartArguments {
    /// The flag
    flag: String,
    /// standard, accelerated or cautious
    #[arg(long, value_name = "NAME", default_value = "standard", conflicts_with = "plan")]
    schedule: String,
    /// A TOML file with schedule, policy and sources
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The rule whose split is rolled out, rather than the fallthrough's
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// A documented metric that is no gate of this rollout, as where nobody measures it
    #[arg(long = "without-metric", value_name = "NAME")]
    without_metrics: Vec<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct MoveArguments {
    /// The flag
    flag: String,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct TickArguments {
    /// Publish what moved to where the environment was published last
    #[arg(long)]
    publish: bool,
    /// Publish what moved there
    #[arg(long = "to", value_name = "DIR|URL")]
    out: Option<PathBuf>,
    /// Only say what would be decided now: nothing moves, and nothing is recorded or published
    #[arg(long)]
    dry_run: bool,
}

/// What a tick came to.
#[derive(Serialize)]
struct Look {
    rollouts: Vec<Ticked>,
    /// Whether it was only looked at.
    dry_run: bool,
    /// The snapshot that carries what moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<u64>,
}

/// Runs a command about rollouts.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: RolloutCommand) -> Result<(), Stop> {
    match command {
        RolloutCommand::Set(arguments) => set(session, terminal, &arguments),
        RolloutCommand::Start(arguments) => start(session, terminal, arguments),
        RolloutCommand::Advance(arguments) => moved(session, terminal, &arguments, Event::Advance),
        RolloutCommand::Back(arguments) => moved(session, terminal, &arguments, Event::Back),
        RolloutCommand::Pause(arguments) => moved(session, terminal, &arguments, Event::Pause),
        RolloutCommand::Resume(arguments) => moved(session, terminal, &arguments, Event::Resume),
        RolloutCommand::Abort(arguments) => moved(session, terminal, &arguments, Event::Abort),
        RolloutCommand::Status { flag } => status(session, terminal, flag.as_deref()),
        RolloutCommand::Tick(arguments) => {
            let mut opened = session.open_logged()?;
            tick(&mut opened, terminal, &arguments)
        }
        RolloutCommand::Watch { every, times, tick } => watch(session, terminal, every, times, &tick),
        RolloutCommand::Replay { flag, policy } => replay(session, terminal, &flag, policy),
    }
}

fn instruments(opened: &Opened) -> Result<OpenInstruments, Stop> {
    let open = opened.folder.instruments(&opened.environment);
    Ok(open.map_err(RolloutsError::from).map_err(AppError::from)?)
}

fn start(session: &Session, terminal: &mut Terminal<'_>, arguments: StartArguments) -> Result<(), Stop> {
    let StartArguments { flag, schedule, plan, rule, without_metrics, change } = arguments;
    let mut opened = session.open_logged()?;
    let mut plan = read_plan(plan.as_deref(), &schedule)?;
    plan.rule = rule.map(Into::into);
    plan.policy.without_metrics.extend(without_metrics.into_iter().map(Into::into));
    let instruments = instruments(&opened)?;
    let proposal = opened.project.propose_rollout_start(&opened.environment, &flag, plan, &instruments.lent())?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Reads a plan from a file, or takes a schedule by its name.
pub(super) fn read_plan(file: Option<&Path>, schedule: &str) -> Result<Plan, Stop> {
    let plan = match file {
        Some(file) => {
            let (name, text) = read_text(file)?;
            Plan::from_toml(&text, &name)
        }
        None => Plan::schedule_named(schedule).map(Plan::of),
    };
    Ok(plan.map_err(RolloutsError::from).map_err(AppError::from)?)
}

fn moved(session: &Session, terminal: &mut Terminal<'_>, arguments: &MoveArguments, event: Event) -> Result<(), Stop> {
    let MoveArguments { flag, change } = arguments;
    if event == Event::Resume && change.reason.is_none() {
        let hint = Some("say what makes it safe now: --reason \"fixed in 1.3.1\"");
        return Err(Stop::problem("no_reason", "resuming a rollout takes a reason", hint));
    }
    let mut opened = session.open_logged()?;
    let instruments = instruments(&opened)?;
    let proposal = opened.project.propose_rollout_move(&opened.environment, flag, event, &instruments.lent())?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

fn status(session: &Session, terminal: &mut Terminal<'_>, flag: Option<&str>) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let instruments = instruments(&opened)?;
    let environment = &opened.environment;
    if let Some(flag) = flag {
        let status = opened.project.rollout_status(environment, flag, &instruments.lent())?;
        return match terminal.form() {
            Form::Json => terminal.json(&status),
            Form::Text => print_status(terminal, &status, opened.project.now()),
        };
    }
    let flags = opened.project.environment(environment).map_err(AppError::from)?.rollouts.keys();
    let all = flags.map(|flag| opened.project.rollout_status(environment, flag.as_str(), &instruments.lent()));
    let all: Vec<RolloutStatus> = all.collect::<Result<_, _>>()?;
    if terminal.form() == Form::Json {
        return terminal.json(&all);
    }
    if all.is_empty() {
        let start = "start one: flag-admin rollout start FLAG";
        return terminal.line(format_args!("no rollout moves by itself in {environment}; {start}"));
    }
    let now = opened.project.now();
    for (number, status) in all.iter().enumerate() {
        if number > 0 {
            terminal.line("")?;
        }
        print_status(terminal, status, now)?;
    }
    Ok(())
}

fn tick(opened: &mut Opened, terminal: &mut Terminal<'_>, arguments: &TickArguments) -> Result<(), Stop> {
    let instruments = instruments(opened)?;
    let dry_run = arguments.dry_run;
    let rollouts = if dry_run {
        opened.project.foresee_rollouts(&opened.environment, &instruments.lent())?
    } else {
        opened.project.tick_rollouts(&opened.environment, &instruments.lent())?
    };
    let is_moved = rollouts.iter().any(Ticked::is_to_be_published);
    let published = if is_moved && (arguments.publish || arguments.out.is_some()) {
        Some(publish(opened, arguments.out.clone())?)
    } else {
        None
    };
    if terminal.form() == Form::Json {
        return terminal.json(&Look { rollouts, dry_run, published });
    }
    if rollouts.is_empty() {
        return terminal.line(format_args!("no rollout is under way in {}", opened.environment));
    }
    rollouts.iter().try_for_each(|ticked| print_ticked(terminal, ticked))?;
    if dry_run {
        return terminal.line("nothing was done: without --dry-run it is");
    }
    match published {
        Some(version) => terminal.line(format_args!("published snapshot {version}")),
        None if is_moved => terminal.line("it reaches clients once it is published: flag-admin publish"),
        None => Ok(()),
    }
}

fn publish(opened: &mut Opened, out: Option<PathBuf>) -> Result<u64, Stop> {
    if let Some(server) = opened.folder.server() {
        let published = server.publish(&opened.environment, &serde_json::json!({})).map_err(AppError::from)?;
        return Ok(published["version"].as_u64().unwrap_or_default());
    }
    let out = out.or_else(|| opened.folder.remembered_target(&opened.environment)).ok_or_else(|| {
        let message = format!("{} was not published yet, so it is not known where to", opened.environment);
        Stop::problem("no_target", message, Some("name the place: --to ./public"))
    })?;
    let mut place = opened.folder.publisher(&opened.environment, &out).map_err(AppError::from)?;
    Ok(opened.project.publish(&opened.environment, &mut place)?.version)
}

fn watch(
    session: &Session,
    terminal: &mut Terminal<'_>,
    every: u64,
    times: Option<u64>,
    arguments: &TickArguments,
) -> Result<(), Stop> {
    let mut opened = session.open_logged()?;
    let mut looks: u64 = 0;
    loop {
        opened.project.refresh().map_err(AppError::from)?;
        match tick(&mut opened, terminal, arguments) {
            // Somebody else was first; the next look sees what they did.
            Err(Stop::Problem(problem)) if problem.code == "head_moved" => {}
            ticked => ticked?,
        }
        terminal.flush()?;
        looks = looks.saturating_add(1);
        if times.is_some_and(|times| looks >= times) {
            return Ok(());
        }
        thread::sleep(Duration::from_secs(every));
    }
}

fn replay(session: &Session, terminal: &mut Terminal<'_>, flag: &str, policy: Option<PathBuf>) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let policy = policy.map(|file| read_plan(Some(&file), "").map(|plan| plan.policy)).transpose()?;
    let replayed = opened.project.replay_rollout(&opened.environment, flag, policy.as_ref())?;
    match terminal.form() {
        Form::Json => terminal.json(&replayed)?,
        Form::Text => print_replayed(terminal, &replayed)?,
    }
    if replayed.differing > 0 {
        let message = format!("{} decisions come out otherwise than the log says", replayed.differing);
        let hint = Some("they were made by another version of the program, or not by it at all");
        return Err(Stop::problem("replay_differs", message, hint));
    }
    Ok(())
}
