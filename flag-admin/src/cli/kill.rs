use std::path::PathBuf;

use clap::{Args, Subcommand};
use flag_client::trust::RoleName;
use flag_core::Timestamp;
use serde::Serialize;

use super::change::{Extent, carry_out};
use super::plan_text;
use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::{PublishPlace, RemoteServer};
use crate::app::ports::KeyStore as _;
use crate::app::{AppError, KillCard, KillRoute, KillScope, Project, Proposal, SignedKills, Watch, with_causes};
use crate::log::Head;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct KillArguments {
    #[command(subcommand)]
    pub(super) command: Option<KillCommand>,
    /// The flag or capability
    #[arg(required = true)]
    target: Option<String>,
    /// Why, for the log
    #[arg(long, value_name = "TEXT", required = true)]
    reason: Option<String>,
    /// Kill it even if it is no flag of this environment
    #[arg(long)]
    unlisted: bool,
    /// Publish it there at once, signed by the emergency key [default: where the environment was published to last]
    #[arg(long = "to", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do not publish it: clients hear of it with the next snapshot
    #[arg(long, conflicts_with = "out")]
    no_publish: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum KillCommand {
    /// List the kills that stand, and what is watched since its kill was lifted
    #[command(after_help = "Example:\n  flag-admin kill list --json | jq '.[] | select(.escalate)'")]
    List,
    /// Draft the post-mortem of a kill, in Markdown
    #[command(
        after_help = "Examples:\n  flag-admin kill report telemetry > post-mortem.md\n  flag-admin kill report k-0123456789abcdef0123456789abcdef --json"
    )]
    Report {
        /// The kill's id, or what it turned off
        kill: String,
    },
    /// Say why something was killed, where that was not said at the time
    #[command(after_help = "Example:\n  flag-admin kill explain telemetry --reason \"privacy incident 12\"")]
    Explain {
        /// The kill's id, or what it turned off
        kill: String,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct UnkillArguments {
    /// The flag or capability
    target: String,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of a kill that was published at once.
#[derive(Serialize)]
struct Outcome<'p> {
    applied: bool,
    dry_run: bool,
    #[serde(flatten)]
    proposal: &'p Proposal,
    head: Head,
    published: SignedKills,
}

/// Kills a flag or capability. It asks nothing: killing is quick.
pub(super) fn kill(session: &Session, terminal: &mut Terminal<'_>, arguments: &KillArguments) -> Result<(), Stop> {
    match &arguments.command {
        Some(KillCommand::List) => return kills(session, terminal),
        Some(KillCommand::Report { kill }) => return report(session, terminal, kill),
        Some(KillCommand::Explain { kill, reason }) => return explain(session, terminal, kill, reason),
        None => {}
    }
    let (target, reason) =
        (arguments.target.as_deref().unwrap_or_default(), arguments.reason.as_deref().unwrap_or_default());
    Project::check_reason(reason)?;
    let mut opened = session.open()?;
    let is_from_afar = opened.folder.server().is_some();
    if is_from_afar && (arguments.out.is_some() || arguments.no_publish) {
        let hint = Some("leave --to and --no-publish out");
        return Err(Stop::problem("usage", "a server publishes a kill at once, where it serves", hint));
    }
    let is_at_once = !arguments.dry_run && opened.draft.is_none();
    let at_once = if is_at_once { at_once(&opened, terminal, arguments)? } else { None };
    let would = arguments.out.is_some() && !is_at_once;
    let route = if at_once.is_some() || would { KillRoute::Emergency } else { KillRoute::Snapshot };
    let scope = if arguments.unlisted { KillScope::Anything } else { KillScope::Flags };
    let proposal = opened.project.propose_kill(&opened.environment, target, route, scope)?;
    let Some(place) = at_once else {
        let extent = if arguments.dry_run { Extent::Show } else { Extent::Do };
        carry_out(&mut opened, terminal, &proposal, extent, Some(reason))?;
        if let (Some(server), true) = (opened.folder.server(), extent == Extent::Do && opened.draft.is_none()) {
            return published_from_afar(server, terminal, target);
        }
        if terminal.form() == Form::Text && extent == Extent::Do {
            terminal.line("clients hear of it with the next snapshot: flag-admin publish --to DIR")?;
        }
        return Ok(());
    };
    publish_at_once(&mut opened, terminal, &proposal, reason, place)
}

/// Tells what became of a kill at the server that holds the project.
fn published_from_afar(server: &RemoteServer, terminal: &mut Terminal<'_>, target: &str) -> Result<(), Stop> {
    let Some(answer) = server.last_answer() else { return Ok(()) };
    if let Some(why) = answer["published"]["why"].as_str() {
        if terminal.form() == Form::Json {
            return Ok(());
        }
        let told = format!("warning: {} did not publish it at once: {why}", server.place());
        terminal.line(terminal.paint(Meaning::Notice, told))?;
        return terminal.line("clients hear of it with the next snapshot: flag-admin publish");
    }
    if terminal.form() == Form::Json || answer["published"]["place"].is_null() {
        return Ok(());
    }
    let killed = terminal.paint(Meaning::Loss, target);
    terminal.line(format_args!("killed {killed}, and {} published it", server.place()))
}

/// Returns where a kill is published at once: the place named, or the one that is remembered, if the emergency key is here. What keeps a
/// remembered place from being used is told, and does not keep the kill from being logged.
fn at_once(
    opened: &Opened,
    terminal: &mut Terminal<'_>,
    arguments: &KillArguments,
) -> Result<Option<PublishPlace>, Stop> {
    if let Some(out) = &arguments.out {
        return Ok(Some(opened.folder.publisher(&opened.environment, out).map_err(AppError::from)?));
    }
    let remembered = opened.folder.remembered_target(&opened.environment).filter(|_| !arguments.no_publish);
    let Some(out) = remembered else { return Ok(None) };
    let signer = opened.folder.keys().signer(RoleName::Kill).map_err(AppError::from);
    let failure = match signer.and_then(|_| Ok(opened.folder.publisher(&opened.environment, &out)?)) {
        Ok(place) => return Ok(Some(place)),
        Err(failure) => failure,
    };
    if terminal.form() == Form::Text {
        let told = format!("not published to {} at once: {}", out.display(), with_causes(&failure));
        terminal.line(terminal.paint(Meaning::Notice, format_args!("warning: {told}")))?;
    }
    Ok(None)
}

fn publish_at_once(
    opened: &mut Opened,
    terminal: &mut Terminal<'_>,
    proposal: &Proposal,
    reason: &str,
    mut place: PublishPlace,
) -> Result<(), Stop> {
    let head = opened.project.commit(proposal, Some(reason))?.head;
    let published = match opened.project.publish_kills(&opened.environment, &mut place) {
        Ok(published) => published,
        Err(error) => return Err(logged_alone(error.into(), proposal, head)),
    };
    if terminal.form() == Form::Json {
        return terminal.json(&Outcome { applied: true, dry_run: false, proposal, head, published });
    }
    plan_text::print(terminal, proposal)?;
    let killed = proposal.edits().iter().map(|edit| &*edit.name).next().unwrap_or_default();
    let killed = terminal.paint(Meaning::Loss, killed);
    terminal.line(format_args!("killed {killed}, and published it to {}", published.place))
}

/// Adds to why a kill was not published that it stands in the log all the same: whoever thinks that nothing happened does not go on.
fn logged_alone(stop: Stop, proposal: &Proposal, head: Head) -> Stop {
    let Stop::Problem(mut problem) = stop else { return stop };
    let killed = proposal.edits().iter().map(|edit| &*edit.name).next().unwrap_or_default();
    problem.message =
        format!("\"{killed}\" is killed in the log, but clients do not know of it yet: {}", problem.message);
    let then = "then tell clients: flag-admin publish --to PLACE";
    problem.hint = Some(problem.hint.map_or_else(|| then.to_owned(), |hint| format!("{hint}; {then}")));
    problem.details = Some(serde_json::json!({ "applied": true, "head": head }));
    Stop::Problem(problem)
}

/// Lifts a kill, after asking for its name: whoever was protected by it is no longer.
pub(super) fn unkill(session: &Session, terminal: &mut Terminal<'_>, arguments: &UnkillArguments) -> Result<(), Stop> {
    Project::check_reason(&arguments.reason)?;
    let mut opened = session.open()?;
    let proposal = opened.project.propose_unkill(&opened.environment, &arguments.target)?;
    let extent = if arguments.dry_run { Extent::Show } else { Extent::AskName };
    carry_out(&mut opened, terminal, &proposal, extent, Some(&arguments.reason))?;
    if terminal.form() == Form::Text && extent == Extent::AskName {
        terminal.line("clients hear of it with the next snapshot: flag-admin publish --to DIR")?;
        let target = &arguments.target;
        let watches = opened.project.watches(&opened.environment).map_err(AppError::from)?;
        if let Some(watch) = watches.iter().find(|watch| watch.target == target) {
            terminal.line(format_args!("watch it closely until {}; flag-admin kill report {target}", watch.until))?;
        }
    }
    Ok(())
}

/// A line of the list: a kill that stands, or a feature that is watched since its kill was lifted.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum KillLine<'p> {
    Killed {
        #[serde(flatten)]
        kill: &'p KillCard<'p>,
        minutes: u64,
        escalate: bool,
    },
    Watched(&'p Watch<'p>),
}

/// Lists the kills that stand, the longest first, and what is watched.
pub(super) fn kills(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open()?;
    let now = opened.project.now();
    let kills = opened.project.kills(&opened.environment).map_err(AppError::from)?;
    let watches = opened.project.watches(&opened.environment).map_err(AppError::from)?;
    let (late, on_time) = (Meaning::Notice, Meaning::Muted);
    let killed =
        kills.iter().map(|kill| KillLine::Killed { kill, minutes: kill.minutes(now), escalate: kill.is_overdue(now) });
    let lines: Vec<KillLine<'_>> = killed.chain(watches.iter().map(KillLine::Watched)).collect();
    if terminal.form() == Form::Json {
        return terminal.json(&lines);
    }
    if lines.is_empty() {
        return terminal.line(format_args!("nothing is killed in {}", opened.environment));
    }
    let mut rows = vec![["TARGET", "STATE", "SINCE", "FOR", "BY", "REASON"].map(str::to_owned).to_vec()];
    for line in &lines {
        rows.push(match line {
            KillLine::Killed { kill, minutes, escalate } => vec![
                terminal.paint(Meaning::Loss, kill.target),
                if *escalate { terminal.paint(late, "killed, escalate") } else { String::from("killed") },
                minute(kill.since),
                duration(*minutes),
                kill.by.to_string(),
                kill.reason.unwrap_or("-").to_owned(),
            ],
            KillLine::Watched(watch) => vec![
                terminal.paint(Meaning::Name, watch.target),
                terminal.paint(on_time, format_args!("watched until {}", minute(watch.until))),
                minute(watch.lifted),
                duration(u64::try_from(now.millis_since(watch.lifted) / 60_000).unwrap_or_default()),
                watch.by.to_string(),
                watch.reason.unwrap_or("-").to_owned(),
            ],
        });
    }
    terminal.table(&rows)?;
    for kill in kills.iter().filter(|kill| kill.is_unexplained()) {
        terminal.line(format_args!(
            "nobody said why {} was killed: flag-admin kill explain {} --reason TEXT",
            kill.target, kill.target
        ))?;
    }
    if kills.iter().any(|kill| kill.is_overdue(now)) {
        let hours = KillCard::ESCALATION_HOURS;
        terminal.line(
            terminal.paint(late, format_args!("killed for more than {hours} h: bring it before whoever leads")),
        )?;
    }
    Ok(())
}

/// Says why something was killed.
fn explain(session: &Session, terminal: &mut Terminal<'_>, kill: &str, reason: &str) -> Result<(), Stop> {
    let mut opened = session.open_logged()?;
    let proposal = opened.project.propose_explanation(&opened.environment, kill)?;
    carry_out(&mut opened, terminal, &proposal, Extent::Do, Some(reason))
}

/// Drafts the post-mortem of a kill.
fn report(session: &Session, terminal: &mut Terminal<'_>, kill: &str) -> Result<(), Stop> {
    let opened = session.open()?;
    let report = opened.project.kill_report(&opened.environment, kill)?;
    if terminal.form() == Form::Json {
        return terminal.json(&report);
    }
    report.to_string().lines().try_for_each(|line| terminal.line(line))
}

/// Returns a time to the minute, in UTC.
fn minute(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

fn duration(minutes: u64) -> String {
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes:02} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
