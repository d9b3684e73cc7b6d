//! What changes would come to: those of the draft exactly, and a schedule played on people that do not exist.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::steps;
use crate::rollout::simulate::{Ending, Outcome, Quantiles};
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::room::Room;
use crate::tui::simulation::{Played, RUNS, SEED, USERS};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::draw_page;
use crate::tui::widgets::plan;
use crate::tui::widgets::sheet::{Long, Sheet};

/// The columns of a fact's name.
const LABEL: usize = 16;

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    draw_page("Simulate", sheet(model, model.screen_columns()), model.scroll, theme, body, frame);
}

/// Returns what applying the draft does, as it was laid out before, and what came of the schedule that was played.
pub(in crate::tui) fn sheet(model: &Model, columns: usize) -> Sheet {
    let long = Long::new(model.laid_of(Room::Simulate, columns).unwrap_or_else(|| draft(model, columns).into()), 0);
    let mut after = vec![Row::new()];
    after.extend(simulator(model, columns));
    after.push(Row::new());
    for (key, text) in [
        ("r", "on a flag shows who gains and who loses while a share is typed"),
        ("x", "on a flag says what one installation gets, and why"),
    ] {
        after.extend(Row::of(Meaning::Key, format!("{key}  ")).and(Meaning::Text, text).wrap(columns, 3));
    }
    Sheet { before: Vec::new(), long, after }
}

/// Returns what applying the draft does. It may be thousands of rows, and depends on the facts alone.
pub(in crate::tui) fn draft(model: &Model, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    match model.facts.draft.as_ref().map(|draft| &draft.outcome) {
        Some(Ok(proposal)) => {
            rows.push(Row::of(Meaning::Name, "What the draft would do, exactly"));
            rows.extend(plan::rows(proposal.plan(), columns));
        }
        Some(Err(_)) => {
            let text = "The draft cannot be applied as it is: 6 says why.";
            rows.extend(Row::of(Meaning::Notice, text).wrap(columns, 0));
        }
        None => {
            let text = "Nothing is drafted. A draft shows here what it comes to, before anybody gets it.";
            rows.extend(Row::of(Meaning::Muted, text).wrap(columns, 0));
        }
    }
    rows
}

fn simulator(model: &Model, columns: usize) -> Vec<Row> {
    let Some(chosen) = model.simulator.chosen(&model.facts) else { return Vec::new() };
    let mut rows = Row::plain("A rollout played ahead, on the ")
        .and(Meaning::Name, chosen.name())
        .and(Meaning::Text, " schedule: ")
        .and(Meaning::Key, "Enter")
        .and(Meaning::Text, " plays it, ")
        .and(Meaning::Key, "v")
        .and(Meaning::Text, " takes the next.")
        .wrap(columns, 0);
    rows.extend(steps::table(&chosen, columns));
    rows.push(Row::new());
    match &model.simulator.played {
        _ if model.simulator.playing => rows.push(Row::of(Meaning::Notice, "Playing it …")),
        Some(played) => rows.extend(played_rows(played, columns)),
        None => {}
    }
    rows
}

fn played_rows(played: &Played, columns: usize) -> Vec<Row> {
    let name = played.schedule.name();
    let text = format!("The {name} schedule, {USERS} people, {RUNS} runs, seed {SEED}");
    let mut rows = Row::of(Meaning::Name, text).wrap(columns, 0);
    let sorts = [
        ("A flag that does no harm: errors in 2 % of reports, as without it", &played.healthy),
        ("A flag that does harm: errors in 6 % of reports, 2 % without it", &played.harmful),
    ];
    for (heading, outcome) in sorts {
        rows.extend(Row::of(Meaning::Key, heading).wrap(columns, 0));
        rows.extend(outcome_rows(outcome, columns));
    }
    let command = format!("flag-admin simulate --schedule {name} --users {USERS}");
    let more =
        if crate::rollout::Schedule::NAMES.contains(&name) { command } else { "flag-admin simulate --help".into() };
    rows.extend(fact("More", Row::of(Meaning::Key, more), columns));
    rows
}

fn outcome_rows(outcome: &Outcome, columns: usize) -> Vec<Row> {
    let percent = |part: f64| format!("{:.0} %", part * 100.0);
    let mut rows = fact("Share by day", curve(&outcome.shares, columns.saturating_sub(LABEL)), columns);
    let (label, meaning) =
        if outcome.healthy { ("False alarms", Meaning::Notice) } else { ("Caught", Meaning::Success) };
    rows.extend(fact(
        label,
        Row::of(meaning, format!("{} of {} runs", percent(outcome.alarmed), outcome.runs)),
        columns,
    ));
    if let Some(missed) = outcome.missed {
        rows.extend(fact("Missed", Row::of(Meaning::Danger, percent(missed)), columns));
    }
    let endings: Vec<String> =
        outcome.endings.iter().map(|(ending, runs)| format!("{runs} {}", words(*ending))).collect();
    rows.extend(fact("Ended", Row::plain(endings.join(", ")), columns));
    let spread = |label, found: Option<Quantiles>, unit: &str| {
        let Some(Quantiles { p10, median, p90 }) = found else { return Vec::new() };
        fact(label, Row::plain(format!("{median:.0} {unit} ({p10:.0} to {p90:.0} in eight of ten)")), columns)
    };
    rows.extend(spread("To an alarm", outcome.hours_to_alarm, "hours"));
    rows.extend(spread("To everyone", outcome.days_to_complete, "days"));
    rows.extend(spread("Hit by errors", outcome.harmed, "people"));
    rows
}

fn words(ending: Ending) -> &'static str {
    match ending {
        Ending::Completed => "reached everyone",
        Ending::Paused => "paused by a gate",
        Ending::Inconclusive => "paused, inconclusive",
        Ending::NoEvidence => "paused, no evidence",
        Ending::RolledBack => "taken back",
        Ending::Unfinished => "still under way",
    }
}

fn fact(label: &str, row: Row, columns: usize) -> Vec<Row> {
    Row::of(Meaning::Muted, fit(label, LABEL)).join(row).wrap(columns, LABEL)
}

/// Returns the middle of the runs' shares, a letter a day as far as they fit: a tenth each, and 0 for nobody.
fn curve(shares: &[Quantiles], columns: usize) -> Row {
    let letters = shares.iter().take(columns.saturating_sub(12)).map(|Quantiles { median, .. }| match *median {
        share if share <= 0.0 => '0',
        share if share < 10.0 => '.',
        share if share >= 100.0 => '#',
        share => char::from_digit(tenth(share), 10).unwrap_or('9'),
    });
    Row::of(Meaning::Gain, letters.collect::<String>()).and(Meaning::Muted, "  (tenths)")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage, clamped to what fits")]
fn tenth(percent: f64) -> u32 {
    (percent / 10.0).clamp(0.0, 9.0) as u32
}
