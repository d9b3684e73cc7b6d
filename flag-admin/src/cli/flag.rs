use serde::Serialize;

use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal, columns};
use crate::app::{FlagLine, RolloutPhase};

/// Lists the flags.
pub(super) fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open()?;
    let flags = opened.project.flags(&opened.environment).map_err(crate::app::AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&flags);
    }
    if flags.is_empty() {
        return terminal
            .line(format_args!("no flags in {}; make some: flag-admin apply -f flags.toml", opened.environment));
    }
    table(terminal, &flags)
}

/// Prints flags, one a line.
pub(super) fn table(terminal: &mut Terminal<'_>, flags: &[FlagLine<'_>]) -> Result<(), Stop> {
    let mut rows = vec![["FLAG", "STATE", "SHARE", "KIND", "STAGE", "OWNER", "CHANGED"].map(str::to_owned).to_vec()];
    for flag in flags {
        rows.push(row(terminal, flag)?);
    }
    columns(&rows).iter().try_for_each(|line| terminal.line(line))
}

fn row(terminal: &Terminal<'_>, flag: &FlagLine<'_>) -> Result<Vec<String>, Stop> {
    let share = flag.share.map_or_else(|| String::from("-"), |share| share.to_string());
    let meaning = match flag.phase {
        RolloutPhase::Killed => Meaning::Loss,
        RolloutPhase::Rolling | RolloutPhase::Experiment => Meaning::Notice,
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
        word(&flag.stage)?,
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
    terminal.line(format_args!("  changed by {} at {} (entry {})", line.changed_by, line.changed, line.version))?;
    terminal.line(format_args!("  made at {}", card.created))?;
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
