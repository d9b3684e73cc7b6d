//! A simulation as a page that stands by itself: no script, no font, no picture from elsewhere.

use std::fmt::Write as _;

use super::simulate::{figures, highest};
use crate::rollout::simulate::{Outcome, Population, Quantiles, grouped, verdict};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
/// Room for the labels at the left and below.
const LEFT: f64 = 64.0;
const BELOW: f64 = 52.0;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--back:#fff;--soft:#f6f8fa;--good:#0550ae;--bad:#8250df}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9da7b1;--line:#3d444d;--back:#0d1117;--soft:#161b22;--good:#79c0ff;--bad:#d2a8ff}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:52rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}.dim,figcaption{color:var(--dim)}
.verdict{border-left:.4rem solid var(--good);background:var(--soft);padding:.6rem 1.2rem;margin:1.5rem 0}.verdict.sick{border-color:var(--bad)}
.verdict p{margin:.4rem 0}.verdict p:first-child{font-size:1.2rem;font-weight:600}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);font-weight:normal}
figure{margin:1rem 0}svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:12px}
.band{fill:var(--good);opacity:.2}.line{fill:none;stroke:var(--good);stroke-width:2.5}.axis{stroke:var(--dim);stroke-width:1;opacity:.35}
@media print{:root{color-scheme:light;--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--back:#fff;--soft:#f6f8fa;--good:#0550ae;--bad:#8250df}\
body{margin:0;max-width:none;font-size:11pt}figure,.verdict,tr{break-inside:avoid}h2{break-after:avoid}.verdict{print-color-adjust:exact}}";

/// Returns the page.
pub(super) fn page(schedule: &str, population: &Population, outcome: &Outcome) -> String {
    let Population { users, reporting, error, control_error, crash, negative, .. } = population;
    let (class, health) = if outcome.healthy {
        ("healthy", "It keeps every limit, so that an alarm would be a false one.")
    } else {
        ("sick", "It breaks a limit, so that an alarm is right.")
    };
    let mut told = String::new();
    for sentence in verdict(outcome) {
        // Writing to a string cannot fail.
        let _ = write!(told, "<p>{}</p>", escaped(&sentence));
    }
    let mut rows = String::new();
    for (label, value) in figures(outcome) {
        let _ = write!(rows, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(&label), escaped(&value));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>Simulated rollout</title>\n<style>\n{STYLE}\n</style>\n</head>\n\
<body>\n<main>\n<h1>Simulated rollout, {} schedule</h1>\n\
<p class=\"dim\">{} people, of whom {reporting} report on a day. Of the reports with the flag {error} have an error, without it \
{control_error}; {crash} have a crash; of the feedback {negative} is negative. {health}</p>\n\
<section class=\"verdict {class}\" aria-label=\"Verdict\">{told}</section>\n\
<h2>How many people have the flag</h2>\n<figure>\n{}<figcaption>Line: the middle of {} runs. Band: eight in ten of them.</figcaption>\n</figure>\n\
<h2>In numbers</h2>\n<table>{rows}</table>\n</main>\n</body>\n</html>\n",
        escaped(schedule),
        grouped(users),
        plot(&outcome.shares),
        outcome.runs,
    )
}

/// Draws the share over the days.
#[expect(clippy::cast_precision_loss, reason = "there are fewer days than 2^53")]
fn plot(shares: &[Quantiles]) -> String {
    let last = shares.len().saturating_sub(1).max(1);
    let top = highest(shares);
    let x = |day: usize| LEFT + (WIDTH - LEFT - 12.0) * day as f64 / last as f64;
    let y = |percent: f64| 10.0 + (HEIGHT - BELOW - 10.0) * (1.0 - percent / top);
    let line = |of: fn(&Quantiles) -> f64| -> Vec<String> {
        let point = |(day, quantiles): (usize, &Quantiles)| format!("{:.1},{:.1}", x(day), y(of(quantiles)));
        shares.iter().enumerate().map(point).collect()
    };
    let mut lower = line(|quantiles| quantiles.p10);
    lower.reverse();
    let band = [line(|quantiles| quantiles.p90), lower].concat().join(" ");
    let median = line(|quantiles| quantiles.median).join(" ");
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Share of people who have the flag, by day\">"
    );
    for percent in [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| part * top) {
        let at = y(percent);
        let _ = write!(
            svg,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{percent} %</text>",
            WIDTH - 12.0,
            LEFT - 8.0,
            at + 4.0
        );
    }
    // About seven marks, whole days apart.
    for day in (0..=last).step_by((last / 7).max(1)) {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{day}</text>",
            x(day),
            HEIGHT - BELOW + 18.0
        );
    }
    let _ = writeln!(
        svg,
        "<polygon class=\"band\" points=\"{band}\"/><polyline class=\"line\" points=\"{median}\"/>\
<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">days since the start</text>\
<text transform=\"rotate(-90)\" x=\"{:.1}\" y=\"14\" text-anchor=\"middle\">share of people</text></svg>",
        f64::midpoint(LEFT, WIDTH),
        HEIGHT - 10.0,
        -(HEIGHT - BELOW) / 2.0,
    );
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
