use clap::Args;
use flag_core::Timestamp;

use super::change::counted;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::hygiene::{StaleFlag, Staleness};

/// What `stale` takes.
#[derive(Debug, Args)]
pub(super) struct StaleArguments {
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

/// Lists the flags that should go, or be looked at.
pub(super) fn stale(session: &Session, terminal: &mut Terminal<'_>, arguments: &StaleArguments) -> Result<(), Stop> {
    let opened = session.open()?;
    let now = arguments.at.unwrap_or_else(|| opened.project.now());
    let flags = opened.project.stale(&opened.environment, now)?;
    if terminal.form() == Form::Json {
        return terminal.json(&flags);
    }
    if flags.is_empty() {
        return terminal.line(format_args!("no flag of {} is stale", opened.environment));
    }
    for (index, flag) in flags.iter().enumerate() {
        if index > 0 {
            terminal.line("")?;
        }
        print(terminal, flag)?;
    }
    Ok(())
}

fn print(terminal: &mut Terminal<'_>, flag: &StaleFlag) -> Result<(), Stop> {
    let reasons: Vec<String> = flag.reasons.iter().map(told).collect();
    let name = terminal.paint(Meaning::Name, &flag.flag);
    let owner = flag.owner.as_deref().map(|owner| format!(" ({owner})")).unwrap_or_default();
    terminal.line(format_args!("{name}{owner}: {}", reasons.join("; ")))?;
    for step in &flag.checklist {
        let mark = if step.done { "x" } else { " " };
        terminal.line(format_args!("  [{mark}] {}", step.text))?;
    }
    Ok(())
}

fn told(reason: &Staleness) -> String {
    let days = |days: u64| counted(usize::try_from(days).unwrap_or(usize::MAX), "day");
    match reason {
        Staleness::Full { days: full, .. } => format!("100% for {}, without a rollback", days(*full)),
        Staleness::Expired { day, days: 0 } => format!("expired since {day}"),
        Staleness::Expired { day, days: over } => format!("expired since {day}, {} ago", days(*over)),
        Staleness::ReviewDue { days: ago, .. } => {
            format!("review due, the last change or review was {} ago", days(*ago))
        }
    }
}
