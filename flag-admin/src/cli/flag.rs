use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use flag_core::wire::Kind;
use serde::Serialize;

use super::change::{SwitchArguments, counted};
use super::fields::named;
use super::lifecycle::{
    ArchiveArguments, CloneArguments, CopyArguments, EditArguments, NewArguments, PromoteArguments, RenameArguments,
};
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::app::{FIRST_FLAGS, FlagLine, LifeStage, RolloutPhase};

#[derive(Debug, Subcommand)]
pub(super) enum FlagCommand {
    /// List the flags
    #[command(
        after_help = "Examples:\n  flag-admin flag list --stage beta --overdue\n  flag-admin flag list --json | jq -r '.[] | select(.phase == \"rolling\") | .flag'"
    )]
    List(ListArguments),
    /// Make a flag, with its documentation; asks for what is missing on a terminal
    #[command(
        aliases = ["add", "create"],
        after_help = "Examples:\n  flag-admin flag new history_search --description \"Search earlier commands\" --owner @alice --yes\n  flag-admin flag new model_choice --kind experiment --variants control=small,treatment=large --off-variant control"
    )]
    New(Box<NewArguments>),
    /// Change fields of a flag, or all of it in an editor on a terminal
    #[command(
        after_help = "Examples:\n  flag-admin flag edit history_search --owner @bob --tag search\n  flag-admin flag edit history_search --reviewed --yes\n  EDITOR=nano flag-admin flag edit history_search"
    )]
    Edit(Box<EditArguments>),
    /// Give a flag another key; nobody moves
    #[command(after_help = "Example:\n  flag-admin flag rename history_search command_history_search")]
    Rename(RenameArguments),
    /// Copy a flag under another key, exposing nobody
    #[command(
        after_help = "Examples:\n  flag-admin flag clone enhanced_safety_v2 enhanced_safety_v3\n  flag-admin flag clone enhanced_safety_v2 enhanced_safety_v2_fast --same-cohort"
    )]
    Clone(CloneArguments),
    /// Make flags what they are in another environment
    #[command(
        after_help = "Examples:\n  flag-admin flag copy history_search --from staging --env production\n  flag-admin flag copy --from production --env staging --dry-run"
    )]
    Copy(CopyArguments),
    /// Bring a flag to another stage of its life, where the stage's checks pass; nobody moves
    #[command(
        after_help = "Examples:\n  flag-admin flag promote history_search --dry-run\n  flag-admin flag promote history_search --to beta --force \"release 1.2 is due\"\n  flag-admin flag promote history_search --back --reason \"data loss\""
    )]
    Promote(PromoteArguments),
    /// Take out a flag that is deprecated, or was never exposed
    #[command(after_help = "Example:\n  flag-admin flag archive history_search --yes")]
    Archive(ArchiveArguments),
    /// Show everything about a flag
    #[command(after_help = "Example:\n  flag-admin flag show telemetry_cloud_sync")]
    Show {
        /// The flag
        key: String,
    },
    /// Let a flag's rules and rollout decide
    #[command(after_help = "Example:\n  flag-admin flag enable telemetry_cloud_sync")]
    Enable(SwitchArguments),
    /// Serve a flag's off variant to everyone
    #[command(after_help = "Example:\n  flag-admin flag disable telemetry_cloud_sync --yes --reason \"error rate\"")]
    Disable(SwitchArguments),
}

/// Which flags are listed.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only those at this stage: development, internal, beta, ga or deprecated
    #[arg(long, value_name = "STAGE")]
    stage: Option<LifeStage>,
    /// Only those of this kind
    #[arg(long, value_parser = PossibleValuesParser::new(["release", "experiment", "ops", "permission", "kill_switch"]).map(|word| named::<Kind>(&word)))]
    kind: Option<Kind>,
    /// Only those that somebody answers for
    #[arg(long, value_name = "@NAME")]
    owner: Option<String>,
    /// Only those with this tag
    #[arg(long, value_name = "WORD")]
    tag: Option<String>,
    /// Only those that stay too long at their stage, or should be gone
    #[arg(long)]
    overdue: bool,
}

impl ListArguments {
    fn lets_through(&self, flag: &FlagLine<'_>) -> bool {
        let plain = |name: &str| name.trim_start_matches('@').to_lowercase();
        self.stage.is_none_or(|stage| stage.stage() == Some(flag.stage))
            && self.kind.is_none_or(|kind| kind == flag.kind)
            && self.owner.as_ref().is_none_or(|owner| flag.owner.is_some_and(|found| plain(found) == plain(owner)))
            && self.tag.as_ref().is_none_or(|tag| flag.tags.contains(tag))
            && (!self.overdue || !flag.overdue.is_empty())
    }
}

/// Lists the flags.
pub(super) fn list(session: &Session, terminal: &mut Terminal<'_>, filter: &ListArguments) -> Result<(), Stop> {
    let opened = session.open()?;
    let mut flags = opened.project.flags(&opened.environment).map_err(crate::app::AppError::from)?;
    let is_empty = flags.is_empty();
    flags.retain(|flag| filter.lets_through(flag));
    if terminal.form() == Form::Json {
        return terminal.json(&flags);
    }
    if is_empty {
        return terminal.line(format_args!("no flags in {}; {FIRST_FLAGS}", opened.environment));
    }
    if flags.is_empty() {
        return terminal.line(format_args!("no flag in {} is so", opened.environment));
    }
    table(terminal, &flags)
}

/// Prints flags, one a line.
pub(super) fn table(terminal: &mut Terminal<'_>, flags: &[FlagLine<'_>]) -> Result<(), Stop> {
    let mut rows = vec![["FLAG", "STATE", "SHARE", "KIND", "STAGE", "OWNER", "CHANGED"].map(str::to_owned).to_vec()];
    for flag in flags {
        rows.push(row(terminal, flag)?);
    }
    terminal.table(&rows)?;
    if flags.iter().any(|flag| !flag.overdue.is_empty()) {
        let overdue = terminal.paint(Meaning::Notice, "!");
        terminal.line(format_args!("{overdue} overdue: flag-admin flag show KEY says what"))?;
    }
    Ok(())
}

fn row(terminal: &Terminal<'_>, flag: &FlagLine<'_>) -> Result<Vec<String>, Stop> {
    let share = flag.share.map_or_else(|| String::from("-"), |share| share.to_string());
    let meaning = match flag.phase {
        RolloutPhase::Killed => Meaning::Loss,
        RolloutPhase::Rolling | RolloutPhase::Experiment | RolloutPhase::Targeted => Meaning::Notice,
        RolloutPhase::Full => Meaning::Gain,
        RolloutPhase::Off => Meaning::Muted,
    };
    let (year, month, day) = flag.changed.date();
    Ok(vec![
        terminal.paint(Meaning::Name, flag.flag),
        terminal.paint(meaning, flag.phase.as_str()),
        if flag.rules == 0 {
            share
        } else {
            format!("{share} +{} rule{}", flag.rules, if flag.rules == 1 { "" } else { "s" })
        },
        word(&flag.kind)?,
        if flag.overdue.is_empty() {
            word(&flag.stage)?
        } else {
            terminal.paint(Meaning::Notice, format_args!("{}!", word(&flag.stage)?))
        },
        flag.owner.unwrap_or("-").to_owned(),
        format!("{year:04}-{month:02}-{day:02} {}", flag.changed_by),
    ])
}

/// Shows everything about a flag.
pub(super) fn show(session: &Session, terminal: &mut Terminal<'_>, key: &str) -> Result<(), Stop> {
    let opened = session.open()?;
    let card = opened.project.flag_card(&opened.environment, key)?;
    if terminal.form() == Form::Json {
        return terminal.json(&card);
    }
    let line = &card.line;
    let name = terminal.paint(Meaning::Name, line.flag);
    let (kind, stage, phase) = (word(&line.kind)?, word(&line.stage)?, line.phase.as_str());
    terminal.line(format_args!("{name}: {phase}, {kind}, {stage}"))?;
    if let Some(kill) = &card.kill {
        let why = kill.reason.unwrap_or("no reason given");
        let killed = terminal.paint(Meaning::Loss, format_args!("killed by {} since {}: {why}", kill.by, kill.since));
        terminal.line(format_args!("  {killed}"))?;
    }
    if let Some(watch) = &card.watch {
        let watched = format_args!("watched until {}: kill lifted by {}", watch.until, watch.by);
        let watched = terminal.paint(Meaning::Notice, watched);
        terminal.line(format_args!("  {watched}"))?;
    }
    terminal.line(format_args!("  changed by {} at {} (entry {})", line.changed_by, line.changed, line.version))?;
    terminal.line(format_args!("  made at {}", card.created))?;
    let most = card.stage_span.most.map(|most| format!(", {} to {most} expected", card.stage_span.least));
    let days = counted(usize::try_from(card.stage_days).unwrap_or(usize::MAX), "day");
    terminal.line(format_args!("  {days} at {stage}{}", most.unwrap_or_default()))?;
    for overdue in &line.overdue {
        let overdue = terminal.paint(Meaning::Notice, format_args!("overdue: {overdue}"));
        terminal.line(format_args!("  {overdue}"))?;
    }
    if let Some(share) = line.share {
        terminal.line(format_args!("  rollout {share}"))?;
    }
    for needed in &card.definition.flag.prerequisites {
        terminal.line(format_args!("  needs {} = {}", needed.flag, needed.variants.join(" or ")))?;
    }
    if !card.needed_by.is_empty() {
        let keys: Vec<&str> = card.needed_by.iter().map(|key| key.as_str()).collect();
        terminal.line(format_args!("  needed by {}", keys.join(", ")))?;
    }
    terminal.line("")?;
    let mut definitions = crate::definition::Definitions::default();
    definitions.flags.insert(line.flag.as_str(), card.definition.clone());
    terminal.text(&definitions.to_toml())
}

/// Returns the word that JSON has for a value.
fn word(value: &impl Serialize) -> Result<String, Stop> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(Stop::problem("no_json", "the answer cannot be written as JSON", None)),
    }
}
