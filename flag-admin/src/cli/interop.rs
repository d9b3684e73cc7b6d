use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::arguments::ChangeArguments;
use super::change::{Extent, carry_out, counted};
use super::log;
use super::problem::{Problem, Stop};
use super::session::{Session, read_text};
use super::terminal::{Form, Meaning, Terminal};
use crate::app::{AppError, Prune};
use crate::interop::flagd::{self, Imported, ImportedFlag, Refused};

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Take in flagd's flag definitions; what cannot be said in our words is refused by name
    #[command(
        after_help = "Examples:\n  flag-admin import flagd flags.flagd.json --dry-run\n  flag-admin import flagd flags.flagd.json --partial --reason \"move from flagd\"\n  flag-admin import flagd flags.flagd.json --report | jq .refused\n\nEvery split draws its users anew: the report says so, with the shares before and after."
    )]
    Flagd(ImportArguments),
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The file, JSON; - reads standard input
    file: PathBuf,
    /// Import what can be read, and what cannot as flags that are off
    #[arg(long)]
    partial: bool,
    /// Print what would be imported, refused and reshuffled as JSON, and change nothing
    #[arg(long)]
    report: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// In whose words
    #[arg(value_enum, default_value = "toml")]
    format: Format,
    /// Leave out what the other product has no words for, rather than fail
    #[arg(long)]
    partial: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Our own definitions
    Toml,
    /// flagd's flag definitions
    Flagd,
}

/// What was read of another product's file.
#[derive(Serialize)]
struct Report<'i> {
    flags: &'i [ImportedFlag],
    refused: &'i [Refused],
}

/// Takes in another product's file.
pub(super) fn import(session: &Session, terminal: &mut Terminal<'_>, command: &ImportCommand) -> Result<(), Stop> {
    let ImportCommand::Flagd(ImportArguments { file, partial, report, change }) = command;
    let (name, text) = read_text(file)?;
    let mut imported = flagd::import(&text, &name)?;
    let refusal = refusal(&imported.refused, "imported", *partial);
    if *report {
        terminal.json(&Report { flags: &imported.flags, refused: &imported.refused })?;
        return refusal.map_or(Ok(()), Err);
    }
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    if terminal.form() == Form::Text {
        say(terminal, &imported)?;
    }
    for (key, definition) in imported.off.flags.iter() {
        imported.definitions.flags.insert(key, definition.clone());
    }
    let mut opened = session.open()?;
    let proposal = opened.project.propose_definitions(&opened.environment, &imported.definitions, Prune::Keep)?;
    let extent = if change.dry_run { Extent::Show } else { change.extent() };
    carry_out(&mut opened, terminal, &proposal, extent, change.reason.as_deref())
}

/// Prints the definitions in force, in our words or another product's.
pub(super) fn export(session: &Session, terminal: &mut Terminal<'_>, arguments: &ExportArguments) -> Result<(), Stop> {
    if arguments.format == Format::Toml {
        return log::export(session, terminal);
    }
    let opened = session.open()?;
    let definitions = opened.project.definitions(&opened.environment).map_err(AppError::from)?;
    let state = opened.project.environment(&opened.environment).map_err(AppError::from)?;
    let killed: BTreeSet<&str> = state.kills.iter().map(|kill| &*kill.target).collect();
    let exported = flagd::export(&definitions, |key| killed.contains(key));
    if let Some(refusal) = refusal(&exported.refused, "exported", arguments.partial) {
        return Err(refusal);
    }
    warn_of_kills(&definitions.flags.iter().map(|(key, _)| key).filter(|key| killed.contains(key)).collect::<Vec<_>>());
    terminal.json(&exported.document)
}

/// Says on standard error, beside the file, what in it will not be so for long.
fn warn_of_kills(killed: &[&str]) {
    let (names, are) = match killed {
        [] => return,
        [only] => ((*only).to_owned(), "is"),
        [first @ .., last] => (format!("{} and {last}", first.join(", ")), "are"),
    };
    let them = if killed.len() == 1 { "it" } else { "them" };
    // Whoever listens to no warnings gets the file all the same.
    let _ = writeln!(
        io::stderr(),
        "warning: {names} {are} killed, so the file turns {them} off for everyone; export again once that is over"
    );
}

/// Refuses the whole where a part is refused, unless a part is what was asked for.
fn refusal(refused: &[Refused], done: &str, partial: bool) -> Option<Stop> {
    if refused.is_empty() || partial {
        return None;
    }
    let lines: Vec<String> = refused.iter().map(|Refused { flag, reason }| format!("{flag}: {reason}")).collect();
    Some(Stop::Problem(Box::new(Problem {
        code: "refused",
        message: format!("{} cannot be {done}:\n  {}", counted(refused.len(), "flag"), lines.join("\n  ")),
        hint: Some("change them, or leave them off with --partial".to_owned()),
        details: Some(serde_json::json!({ "refused": refused })),
    })))
}

fn say(terminal: &mut Terminal<'_>, imported: &Imported) -> Result<(), Stop> {
    for flag in &imported.flags {
        for remark in &flag.remarks {
            let line = terminal.paint(Meaning::Notice, format_args!("{}: {remark}", flag.flag));
            terminal.line(line)?;
        }
        for split in &flag.reshuffled {
            let shares: Vec<String> = split
                .after
                .iter()
                .map(|(variant, share)| format!("{variant} {}.{:03} %", share / 1_000, share % 1_000))
                .collect();
            let line = format!("{}: {}: users are drawn anew, {}", flag.flag, split.place, shares.join(", "));
            terminal.line(terminal.paint(Meaning::Notice, line))?;
        }
    }
    for Refused { flag, reason } in &imported.refused {
        terminal.line(terminal.paint(Meaning::Loss, format_args!("{flag}: imported as off: {reason}")))?;
    }
    Ok(())
}
