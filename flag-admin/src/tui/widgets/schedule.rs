//! A rollout that moves by itself: its steps, where it stands, and what its gates read.

use flag_core::Timestamp;

use super::share_bar::bar;
use crate::tui::age::elapsed;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::trials::{Gates, RolloutFacts, Running};

/// The columns of a fact's name.
const LABEL: usize = 11;
/// The columns of what is said of a gate, after its name.
const GATE: [usize; 4] = [10, 9, 8, 12];
/// The columns of a gate's name, at least and at most.
const GATE_NAME: (usize, usize) = (14, 44);

/// Returns all that is known of a rollout.
pub(in crate::tui) fn rows(rollout: &RolloutFacts, now: Timestamp, columns: usize) -> Vec<Row> {
    let fact = |label: &str, row: Row| Row::of(Meaning::Muted, fit(label, LABEL)).join(row).wrap(columns, LABEL);
    let mut rows = fact("Steps", ladder(rollout));
    let meaning = match rollout.standing {
        Running::On => Meaning::Text,
        Running::Stopped => Meaning::Danger,
        Running::Over => Meaning::Success,
    };
    rows.extend(fact("Now", Row::of(meaning, &rollout.phase)));
    let (place, of) = (rollout.step.saturating_add(1).min(rollout.steps.len()), rollout.steps.len());
    let since = elapsed(now.millis_since(rollout.entered));
    let text = format!("{place} of {of}, exposes {}, for {since}, at least {}", rollout.share, rollout.soak);
    rows.extend(fact("Step", Row::plain(text)));
    rows.extend(fact("Schedule", Row::plain(format!("{}, started by {}", rollout.schedule, rollout.by))));
    let keys = match rollout.standing {
        Running::On => "p pauses, a goes on to the next step, b goes back one",
        Running::Stopped => "p lets it go on, b goes back one step",
        Running::Over => "It is over: everyone has it.",
    };
    match &rollout.gates {
        Err(trouble) => rows.extend(fact("Gates", Row::of(Meaning::Danger, &trouble.message))),
        Ok(Gates::Elsewhere) => {
            let text = format!("read from other systems: flag-admin rollout status {}", rollout.flag);
            rows.extend(fact("Gates", Row::plain(text)));
        }
        Ok(Gates::TooFew) => {
            rows.extend(fact(
                "Gates",
                Row::plain("too few reports to show any; reports of a day come on the next one"),
            ));
        }
        Ok(Gates::Read { with, without, lines }) => {
            rows.extend(fact("Reports", Row::plain(format!("{with} with the flag, {without} without it"))));
            let heading = ["gate", "decides", "found", "limit", "verdict"];
            rows.push(Row::of(Meaning::Muted, columns_of(&heading, columns)).cut(columns));
            rows.extend(lines.iter().map(|line| {
                let meaning = if line.last().is_some_and(|verdict| verdict == "exceeded") {
                    Meaning::Danger
                } else {
                    Meaning::Text
                };
                Row::of(meaning, columns_of(&line.each_ref().map(String::as_str), columns)).cut(columns)
            }));
        }
    }
    rows.extend(Row::of(Meaning::Muted, keys).wrap(columns, 0));
    rows
}

/// Puts what is said of a gate beside each other. What is left over goes to its name.
fn columns_of([name, rest @ ..]: &[&str; 5], columns: usize) -> String {
    let left = columns.saturating_sub(GATE.iter().sum::<usize>().saturating_add(1)).clamp(GATE_NAME.0, GATE_NAME.1);
    let rest: String = rest.iter().zip(GATE).map(|(cell, width)| fit(cell, width)).collect();
    format!("{} {rest}", fit(name, left))
}

/// Returns the steps in a row: done, where it stands, to come.
fn ladder(rollout: &RolloutFacts) -> Row {
    rollout.steps.iter().enumerate().fold(Row::new(), |row, (place, step)| {
        let row = if place == 0 { row } else { row.and(Meaning::Muted, " › ") };
        let row = match place.cmp(&rollout.step) {
            std::cmp::Ordering::Less => row.and(Meaning::Success, format!("✓ {}", step.share)),
            std::cmp::Ordering::Equal => row.and(Meaning::Name, format!("[{}]", step.share)),
            std::cmp::Ordering::Greater => row.and(Meaning::Muted, step.share.to_string()),
        };
        if step.approval && place > rollout.step { row.and(Meaning::Notice, " (approval)") } else { row }
    })
}

/// Returns how far a rollout is, in one line.
pub(in crate::tui) fn line(rollout: &RolloutFacts, theme: &Theme) -> Row {
    bar(rollout.share.thousandths(), 100_000, 7, theme)
        .and(Meaning::Text, format!(" {}  {}", rollout.share, rollout.phase))
}
