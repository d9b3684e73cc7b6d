//! Rollouts in words.

use flag_core::Timestamp;

use super::problem::Stop;
use super::terminal::{Meaning, Terminal};
use crate::app::{Replayed, RolloutStatus, Ticked};
use crate::rollout::{GateName, Level, Phase, Reading, Standing};

/// Prints how a rollout stands.
pub(super) fn print_status(terminal: &mut Terminal<'_>, status: &RolloutStatus, now: Timestamp) -> Result<(), Stop> {
    let RolloutStatus { flag, plan, state, by, evidence, next, readings, .. } = status;
    let name = terminal.paint(Meaning::Name, flag);
    let steps = plan.schedule.steps();
    let place = state.step.saturating_add(1).min(steps.len());
    terminal.line(format_args!(
        "{name}  {} of units, step {place} of {} ({} schedule, started by {by})",
        state.share,
        steps.len(),
        plan.schedule.name()
    ))?;
    let shares: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(number, step)| if number == state.step { format!("[{}]", step.share) } else { step.share.to_string() })
        .collect();
    terminal.line(format_args!("  steps    {}", shares.join(" > ")))?;
    let said = next.to_string();
    let said = match next {
        Phase::Paused(_) | Phase::RolledBack(_) => terminal.paint(Meaning::Loss, said),
        Phase::Completed => terminal.paint(Meaning::Gain, said),
        _ => said,
    };
    let pending = if next.words() == state.phase.words() { "" } else { " (at the next tick)" };
    terminal.line(format_args!("  state    {said}{pending}"))?;
    let lasted = now.as_millis().saturating_sub(state.entered.as_millis()) / 60_000;
    terminal.line(format_args!("  step     {} old, at least {}", minutes(lasted), plan.schedule.soak()))?;
    let (treatment, control) = (&evidence.arms.treatment, &evidence.arms.control);
    if treatment.n < crate::cells::SHOWN_FROM {
        terminal.line(format_args!("  reports  fewer than {}, which are not shown", crate::cells::SHOWN_FROM))?;
    } else {
        terminal.line(format_args!(
            "  reports  {} with the flag, of {} machines; {} without it",
            treatment.n, treatment.first_in_stage, control.n
        ))?;
        let mut rows = vec![["  gate", "decides", "found", "limit", "reports", "verdict"].map(str::to_owned).to_vec()];
        rows.extend(readings.iter().map(row));
        terminal.table(&rows)?;
    }
    for signal in &evidence.signals {
        let affected = signal.affected.map(|affected| format!(", affects {affected}")).unwrap_or_default();
        terminal.line(format_args!("  signal   {} {} by {}{affected}", signal.id, signal.severity, signal.by))?;
    }
    for fault in &evidence.faults {
        let fault = terminal.paint(Meaning::Notice, fault);
        terminal.line(format_args!("  fault    {fault}"))?;
    }
    if state.resumed > 0 {
        terminal.line(format_args!(
            "  resumed  {} times, each at the price of another chance of a false alarm",
            state.resumed
        ))?;
    }
    Ok(())
}

fn row(reading: &Reading) -> Vec<String> {
    let is_ratio = matches!(reading.gate, GateName::ErrorRatio | GateName::FeedbackRatio);
    let found = match reading.mean {
        None => "-".to_owned(),
        Some(ratio) if is_ratio => format!("x{ratio:.2}"),
        Some(mean) => format!("{:.2}%", mean * 100.0),
    };
    let limit = if is_ratio { "-".to_owned() } else { reading.limit.to_string() };
    let verdict = match (reading.standing, reading.needs) {
        (Standing::Breached, _) => "exceeded".to_owned(),
        (Standing::Clear, _) => "no alarm".to_owned(),
        (Standing::Shown, _) => "shown".to_owned(),
        (Standing::Open, Some(needs)) => format!("open, about {needs} more"),
        (Standing::Open, None) => "open".to_owned(),
        (Standing::Unmeasured, _) => "not measured".to_owned(),
    };
    let bare =
        !reading.is_guaranteed() && matches!(reading.gate, GateName::Source(_)) && reading.level != Level::Proceed;
    let verdict = if bare { format!("{verdict}, no guarantee") } else { verdict };
    let decides = match reading.level {
        Level::Rollback => "take back",
        Level::Pause => "pause",
        Level::Proceed => "go on",
    };
    let gate = match reading.day {
        None => format!("  {}", reading.gate),
        Some(day) => format!("  {} of {day} alone", reading.gate),
    };
    vec![gate, decides.to_owned(), found, limit, reading.n.to_string(), verdict]
}

/// Prints what a tick came to.
pub(super) fn print_ticked(terminal: &mut Terminal<'_>, ticked: &Ticked) -> Result<(), Stop> {
    let name = terminal.paint(Meaning::Name, &ticked.flag);
    let (before, after) = (ticked.before.share, ticked.after.share);
    let shares = if before == after { after.to_string() } else { format!("{before} → {after}") };
    terminal.line(format_args!("{name}  {shares}  {}", ticked.after.phase))?;
    if let Some(request) = ticked.request {
        terminal.line(format_args!("  waits for another member: flag-admin approve {request}"))?;
    }
    if let Some(check) = ticked.check {
        if check.still_exposed > 0 {
            let warning = format!(
                "{} of {} units that were looked at still get it: look at the flag's rules",
                check.still_exposed, check.were_exposed
            );
            let warning = terminal.paint(Meaning::Loss, warning);
            return terminal.line(format_args!("  {warning}"));
        }
        terminal.line(format_args!("  looked at {} units that had it: none has it any more", check.were_exposed))?;
    }
    Ok(())
}

/// Prints what deciding again came to.
pub(super) fn print_replayed(terminal: &mut Terminal<'_>, replayed: &Replayed) -> Result<(), Stop> {
    let Replayed { flag, schedule, steps, differing } = replayed;
    let name = terminal.paint(Meaning::Name, flag);
    terminal.line(format_args!("{name}  {} decisions of the {schedule} schedule", steps.len()))?;
    let mut rows =
        vec![["  entry", "time", "event", "rule", "reports", "share", "decided", "again"].map(str::to_owned).to_vec()];
    for step in steps {
        let event = serde_json::to_value(step.event).ok().and_then(|event| event.as_str().map(str::to_owned));
        let again = match (&step.what_if, step.agrees) {
            (_, false) => "DIFFERS".to_owned(),
            (Some(other), true) if other.differs => {
                format!("other policy: {} by rule {}", words(other.phase), other.rule)
            }
            _ => "same".to_owned(),
        };
        rows.push(vec![
            format!("  {}", step.seq),
            step.at.to_string(),
            event.unwrap_or_default(),
            step.rule.to_string(),
            step.reports.to_string(),
            step.state.share.to_string(),
            words(step.state.phase.words()),
            again,
        ]);
    }
    terminal.table(&rows)?;
    match differing {
        0 => terminal.line(format_args!("all {} come out as the log says, to the last bit", steps.len())),
        differing => terminal.line(format_args!("{differing} come out otherwise")),
    }
}

fn words((phase, why): (&str, &str)) -> String {
    let (phase, why) = (phase.replace('_', " "), why.replace('_', " "));
    if why.is_empty() { phase } else { format!("{phase}: {why}") }
}

fn minutes(minutes: i64) -> String {
    match minutes {
        minutes if minutes >= 2 * 1_440 => format!("{} days", minutes / 1_440),
        minutes if minutes >= 120 => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    }
}
