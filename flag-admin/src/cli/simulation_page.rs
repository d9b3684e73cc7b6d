//! A simulation as a page that stands by itself.

use std::fmt::Write as _;

use super::simulate::figures;
use crate::rollout::simulate::{Outcome, Population, Quantiles};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .5rem;border-bottom:1px solid #ddd;font-weight:normal}\
svg{width:100%;height:auto}.band{fill:#0072b2;opacity:.2}.line{fill:none;stroke:#0072b2;stroke-width:2.5}.axis{stroke:#888;stroke-width:1}\
text{font-size:12px;fill:#555}@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#444}text{fill:#bbb}}";

/// Returns the page.
pub(super) fn page(schedule: &str, population: &Population, outcome: &Outcome) -> String {
    let Population { users, reporting, error, control_error, crash, negative, .. } = population;
    let health = if outcome.healthy {
        "keeps every limit, so that an alarm is a false one"
    } else {
        "breaks a limit, so that an alarm is right"
    };
    let mut rows = String::new();
    for (label, value) in figures(outcome) {
        // Writing to a string cannot fail.
        let _ = write!(rows, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(&label), escaped(&value));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>Simulated rollout</title><style>{STYLE}</style></head><body>\n<h1>Simulated rollout, {} schedule</h1>\n\
<p>{users} users, of whom {reporting} report on a day; errors {error} with the flag and {control_error} without, crashes {crash}, \
negative feedback {negative}. The flag {health}.</p>\n<figure>{}<figcaption>The share that has the flag, by day: the middle of {} runs, \
and the range of eight in ten.</figcaption></figure>\n<table>{rows}</table>\n</body></html>\n",
        escaped(schedule),
        plot(&outcome.shares),
        outcome.runs,
    )
}

/// Draws the share over the days.
#[expect(clippy::cast_precision_loss, reason = "there are fewer days than 2^53")]
fn plot(shares: &[Quantiles]) -> String {
    let last = shares.len().saturating_sub(1).max(1) as f64;
    let point = |day: usize, percent: f64| {
        format!(
            "{:.1},{:.1}",
            40.0 + (WIDTH - 50.0) * day as f64 / last,
            10.0 + (HEIGHT - 40.0) * (1.0 - percent / 100.0)
        )
    };
    let line = |of: fn(&Quantiles) -> f64| -> Vec<String> {
        shares.iter().enumerate().map(|(day, quantiles)| point(day, of(quantiles))).collect()
    };
    let upper = line(|quantiles| quantiles.p90);
    let mut lower = line(|quantiles| quantiles.p10);
    lower.reverse();
    let band = [upper, lower].concat().join(" ");
    let median = line(|quantiles| quantiles.median).join(" ");
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Share of users by day\">\
<polygon class=\"band\" points=\"{band}\"/><polyline class=\"line\" points=\"{median}\"/>"
    );
    for percent in [0.0, 50.0, 100.0] {
        let y = 10.0 + (HEIGHT - 40.0) * (1.0 - percent / 100.0);
        let _ = write!(
            svg,
            "<line class=\"axis\" x1=\"40\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" opacity=\".3\"/><text x=\"4\" y=\"{:.1}\">{percent} %</text>",
            WIDTH - 10.0,
            y + 4.0
        );
    }
    let _ = write!(
        svg,
        "<text x=\"40\" y=\"{0}\">day 0</text><text x=\"{1}\" y=\"{0}\" text-anchor=\"end\">day {last}</text></svg>",
        HEIGHT - 8.0,
        WIDTH - 10.0
    );
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
