//! A report in one file: no script, no font, no picture from elsewhere.

use std::fmt::Write as _;

use super::analysis::{Analysis, GuardrailLine, Outcome};
use super::comparison::{Comparison, Effect};
use super::verdict::Advice;
use super::wording::{between, difference, equals, outcome, p_value, percent, threshold, value};
use crate::statistics::Interval;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--back:#fff;--soft:#f6f8fa;--good:#0550ae;--bad:#8250df;--wait:#7a4d00}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9da7b1;--line:#3d444d;--back:#0d1117;--soft:#161b22;--good:#79c0ff;--bad:#d2a8ff;--wait:#e3b341}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:52rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.dim{color:var(--dim)}.verdict{border-left:.4rem solid var(--wait);background:var(--soft);padding:1rem 1.2rem;margin:1.5rem 0}
.verdict.ship{border-color:var(--good)}.verdict.keep_control,.verdict.investigate{border-color:var(--bad)}
.verdict p{margin:.4rem 0}.verdict strong{font-size:1.3rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th .dim{font-weight:normal}td.n:last-child,td.p{white-space:nowrap}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:12px}
.axis{stroke:var(--dim);stroke-width:1}.mark{stroke:var(--wait);stroke-width:1.5;stroke-dasharray:4 3}.bar{stroke:var(--good);stroke-width:3}.dot{fill:var(--good)}
@media print{:root{color-scheme:light;--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--back:#fff;--soft:#f6f8fa;--good:#0550ae;--bad:#8250df;--wait:#7a4d00}\
body{margin:0;max-width:none;font-size:11pt}figure,.verdict,tr{break-inside:avoid}h2{break-after:avoid}.verdict{print-color-adjust:exact}}";

/// Returns the report of an experiment as one HTML file, for those who read no statistics and for those who do. `made` says when, and from
/// what data.
pub fn report(analysis: &Analysis, made: &str) -> String {
    let design = &analysis.design;
    let mut page = String::new();
    let title = format!("{}: {} against {}", design.flag, design.treatment, design.control);
    push(
        &mut page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
    );
    push(
        &mut page,
        &format!("<title>{}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n", escaped(&title)),
    );
    push(&mut page, &format!("<h1>{}</h1>\n<p class=\"dim\">{}</p>\n", escaped(&title), escaped(made)));
    if let Some(hypothesis) = &design.hypothesis {
        push(&mut page, &format!("<p><em>{}</em></p>\n", escaped(hypothesis)));
    }
    verdict(&mut page, analysis);
    primary(&mut page, analysis);
    guardrails(&mut page, &analysis.guardrails);
    others(&mut page, &analysis.others);
    groups(&mut page, analysis);
    if !analysis.cautions.is_empty() {
        push(&mut page, "<h2>What to bear in mind</h2>\n<ul>\n");
        for caution in &analysis.cautions {
            push(&mut page, &format!("<li>{}</li>\n", escaped(caution)));
        }
        push(&mut page, "</ul>\n");
    }
    words(&mut page, analysis);
    push(&mut page, "</main>\n</body>\n</html>\n");
    page
}

fn push(page: &mut String, text: &str) {
    page.push_str(text);
}

fn verdict(page: &mut String, analysis: &Analysis) {
    let class = match analysis.advice {
        Advice::Ship => "ship",
        Advice::KeepControl => "keep_control",
        Advice::Investigate => "investigate",
        Advice::KeepSimpler | Advice::Wait => "wait",
    };
    push(page, &format!("<section class=\"verdict {class}\" aria-label=\"Verdict\">\n"));
    push(page, &format!("<p><strong>{}</strong></p>\n", escaped(analysis.verdict.headline())));
    for sentence in &analysis.summary {
        push(page, &format!("<p>{}</p>\n", escaped(sentence)));
    }
    push(page, "</section>\n");
}

fn primary(page: &mut String, analysis: &Analysis) {
    let Some(primary) = analysis.primary.as_ref().filter(|_| analysis.is_shown()) else { return };
    push(page, "<h2>The metric that decides</h2>\n");
    table(page, &[primary]);
    if let Some(worth) = &analysis.worth {
        let limit = f64::from(worth.practical.threshold.thousandths()) / 100_000.0;
        let told = format!(
            "Improvement {} (95% interval {}); worth having from {} on.",
            percent(worth.improvement.value),
            between(worth.improvement.interval),
            threshold(worth.practical)
        );
        push(
            page,
            &format!(
                "<figure style=\"margin:1rem 0\">\n{}<figcaption>{}</figcaption>\n</figure>\n",
                drawing(&worth.improvement, limit, &told),
                escaped(&told)
            ),
        );
    }
}

/// Draws an effect on a line with zero and the threshold.
fn drawing(effect: &Effect, limit: f64, told: &str) -> String {
    let Interval { low, high } = effect.interval;
    let all = [low, high, effect.value, limit, 0.0, -limit];
    let finite = || all.iter().copied().filter(|value| value.is_finite());
    let (least, most) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
    let room = ((most - least) * 0.08).max(1e-6);
    let at = |value: f64| {
        10.0 + 680.0 * ((value.clamp(least - room, most + room) - least + room) / (most - least + 2.0 * room))
    };
    let (zero, mark) = (at(0.0), at(limit));
    let (from, to, guess) = (at(low), at(high), at(effect.value));
    format!(
        "<svg viewBox=\"0 0 700 80\" role=\"img\" aria-label=\"{label}\">\
         <line class=\"axis\" x1=\"10\" y1=\"55\" x2=\"690\" y2=\"55\"/><line class=\"axis\" x1=\"{zero:.1}\" y1=\"10\" x2=\"{zero:.1}\" y2=\"60\"/>\
         <line class=\"mark\" x1=\"{mark:.1}\" y1=\"10\" x2=\"{mark:.1}\" y2=\"60\"/><line class=\"bar\" x1=\"{from:.1}\" y1=\"32\" x2=\"{to:.1}\" y2=\"32\"/>\
         <line class=\"bar\" x1=\"{from:.1}\" y1=\"24\" x2=\"{from:.1}\" y2=\"40\"/><line class=\"bar\" x1=\"{to:.1}\" y1=\"24\" x2=\"{to:.1}\" y2=\"40\"/>\
         <circle class=\"dot\" cx=\"{guess:.1}\" cy=\"32\" r=\"6\"/><text x=\"{zero:.1}\" y=\"74\" text-anchor=\"middle\">no difference</text>\
         <text x=\"{mark:.1}\" y=\"74\" text-anchor=\"middle\">{limit}</text></svg>\n",
        label = escaped(told),
        limit = percent(limit),
    )
}

fn table(page: &mut String, comparisons: &[&Comparison]) {
    push(
        page,
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Metric</th><th scope=\"col\" class=\"n\">Control</th><th scope=\"col\" class=\"n\">Treatment</th><th scope=\"col\" class=\"n\">Difference (95%)</th><th scope=\"col\" class=\"n\">Relative</th><th scope=\"col\" class=\"n\">p</th></tr></thead>\n<tbody>\n",
    );
    for found in comparisons {
        let lift = found.lift.map_or_else(|| "–".to_owned(), |lift| percent(lift.value));
        let p = found.adjusted_p.unwrap_or(found.test.p);
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}<br><span class=\"dim\">{} is better</span></th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{lift}</td><td class=\"n\">{}</td></tr>",
            escaped(&found.metric),
            found.better.as_str(),
            value(found.kind, found.control.value),
            value(found.kind, found.treatment.value),
            difference(found.kind, &found.difference),
            p_value(p),
        );
    }
    push(page, "</tbody>\n</table></div>\n");
}

fn guardrails(page: &mut String, lines: &[GuardrailLine]) {
    if lines.is_empty() {
        return;
    }
    push(
        page,
        "<h2>What must not get worse</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Metric</th><th scope=\"col\" class=\"n\">Margin</th><th scope=\"col\" class=\"n\">Difference (95%)</th><th scope=\"col\">Outcome</th></tr></thead>\n<tbody>\n",
    );
    for line in lines {
        let shown = line.comparison.as_ref().map(|found| difference(found.kind, &found.difference));
        let mark = match line.outcome {
            Outcome::NotWorse => "✓",
            Outcome::Worse => "✗",
            Outcome::NotShown | Outcome::NoData => "?",
        };
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{mark} {}</td></tr>",
            escaped(&line.watched.metric),
            line.watched.margin,
            shown.as_deref().unwrap_or("–"),
            outcome(line.outcome),
        );
    }
    push(page, "</tbody>\n</table></div>\n");
}

fn others(page: &mut String, others: &[Comparison]) {
    if others.is_empty() {
        return;
    }
    push(
        page,
        "<h2>What else was measured</h2>\n<p class=\"dim\">Nothing of this decides. Each p-value is adjusted for there being several (Holm).</p>\n",
    );
    table(page, &others.iter().collect::<Vec<_>>());
}

fn groups(page: &mut String, analysis: &Analysis) {
    push(
        page,
        &format!(
            "<h2>Who took part</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Variant</th><th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">Expected</th></tr></thead>\n<tbody>\n",
            analysis.unit.heading()
        ),
    );
    for line in &analysis.groups {
        let expected = line.expected.map_or_else(|| "–".to_owned(), |expected| format!("{expected:.0}"));
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{expected}</td></tr>",
            escaped(&line.variant),
            line.units
        );
    }
    push(page, "</tbody>\n</table></div>\n");
    if let Some(assignment) = &analysis.assignment {
        let told = if assignment.mismatch {
            "These counts do not fit the flag's split"
        } else {
            "These counts fit the flag's split"
        };
        push(page, &format!("<p>{told} (p {}).</p>\n", equals(assignment.p)));
    }
}

fn words(page: &mut String, analysis: &Analysis) {
    push(page, "<h2>How to read this</h2>\n<dl>\n");
    let always = analysis.design.sequential;
    let interval = if always {
        "An interval holds what is true in 95 of 100 experiments, even if somebody looks every day."
    } else {
        "An interval holds what is true in 95 of 100 experiments that are looked at once, when all units are in."
    };
    for (word, meaning) in [
        ("95% interval", interval),
        (
            "p",
            "The chance of a difference as large as this, or larger, if there were none. Below 0.05 it counts as shown.",
        ),
        ("Worth having", "How large an improvement has to be to matter, as was declared before."),
        (
            "Not worse",
            "That it got worse by as much as the margin is ruled out. \"Not shown\" is neither good nor bad news.",
        ),
    ] {
        let _ = writeln!(page, "<dt><strong>{word}</strong></dt><dd>{meaning}</dd>");
    }
    push(page, "</dl>\n");
}

/// Returns a text such that it is no markup.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}
