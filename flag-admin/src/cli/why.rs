use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use flag_core::{Attributes, LayerOutcome, Share, Timestamp, Value};

use super::attribute::parse_attribute;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal, columns};
use crate::app::{Answer, OptedIn, Question};

#[derive(Debug, Args)]
pub(super) struct WhyArguments {
    /// The flag
    pub(super) flag: String,
    /// The unit's id; nobody in particular where absent
    #[arg(long, value_name = "ID", conflicts_with = "units")]
    pub(super) unit: Option<String>,
    /// A file of unit ids, one a line; - reads standard input. Prints one JSON object a line, with --json the whole explanation
    #[arg(long, value_name = "FILE")]
    pub(super) units: Option<PathBuf>,
    /// An attribute: NAME=VALUE, where true, 5 and "x" are JSON and all else is text; NAME:=JSON for any JSON
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = parse_attribute)]
    pub(super) attributes: Vec<(String, Value)>,
    /// The time, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<Timestamp>,
    /// Take the unit for one that opted in
    #[arg(long)]
    pub(super) opted_in: bool,
}

/// Tells what a flag comes to, and why.
pub(super) fn why(session: &Session, terminal: &mut Terminal<'_>, arguments: WhyArguments) -> Result<(), Stop> {
    let WhyArguments { flag, unit, units, attributes, at, opted_in } = arguments;
    let is_twice = |place: usize, name: &str| attributes.iter().take(place).any(|(earlier, _)| earlier == name);
    if let Some((_, (name, _))) = attributes.iter().enumerate().find(|(place, (name, _))| is_twice(*place, name)) {
        let message = format!("attribute {name:?} is given twice, expected one value");
        return Err(Stop::problem("usage", message, Some("a list is one value: --attr NAME:=[...]")));
    }
    let opened = session.open()?;
    let at = at.unwrap_or_else(|| opened.project.now());
    let attributes: Attributes = attributes.into_iter().collect();
    let opted_in = if opted_in { OptedIn::Yes } else { OptedIn::No };
    let question = opened.project.question(&opened.environment, &flag, attributes, opted_in, at)?;
    if let Some(units) = units {
        return answer_all(terminal, &question, &units);
    }
    let answer = question.answer(unit.as_deref());
    if terminal.form() == Form::Json { terminal.json(&answer) } else { print(terminal, &answer) }
}

/// Answers for one unit a line, in order, a line for each. Nothing is trimmed but the end of the line: a blank line is a blank id.
fn answer_all(terminal: &mut Terminal<'_>, question: &Question, units: &Path) -> Result<(), Stop> {
    let unreadable = |error: &io::Error| Stop::file(units, "read", error);
    let reader: Box<dyn BufRead> = if units == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(units).map_err(|error| unreadable(&error))?))
    };
    for (place, line) in (1_u64..).zip(reader.split(b'\n')) {
        let mut line = line.map_err(|error| unreadable(&error))?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let unit = std::str::from_utf8(&line).map_err(|_| {
            Stop::problem("not_text", format!("{}: line {place} is not UTF-8 text", units.display()), None)
        })?;
        let answer = question.answer(Some(unit));
        match terminal.form() {
            Form::Json => terminal.json(&answer)?,
            Form::Text => terminal.json(&answer.short())?,
        }
    }
    Ok(())
}

fn print(terminal: &mut Terminal<'_>, answer: &Answer<'_>) -> Result<(), Stop> {
    let name = terminal.paint(Meaning::Name, answer.flag);
    let whom = answer.unit.map_or_else(|| String::from("nobody in particular"), |unit| format!("{unit:?}"));
    let value = answer.value.map_or_else(|| String::from("the code's default"), ToString::to_string);
    let variant = answer.variant.map(|variant| format!(" ({variant})")).unwrap_or_default();
    terminal.line(format_args!("{name} for {whom}: {value}{variant}"))?;
    let percent = |thousandths: u32| Share::from_thousandths(thousandths).unwrap_or_default();
    let reason = if answer.reason.as_str() == answer.open_feature_reason {
        answer.reason.to_string()
    } else {
        format!("{} (OpenFeature: {})", answer.reason, answer.open_feature_reason)
    };
    let mut rows = vec![vec!["  reason".to_owned(), reason]];
    rows.extend(answer.rule.map(|rule| vec!["  rule".to_owned(), rule.to_owned()]));
    rows.extend(answer.bucket.map(|bucket| vec!["  bucket".to_owned(), format!("{bucket} of 0..99999")]));
    rows.push(vec!["  share".to_owned(), percent(answer.share).to_string()]);
    rows.extend(answer.flips_at.map(|share| vec!["  flips at".to_owned(), percent(share).to_string()]));
    rows.extend(answer.pivot.as_ref().map(|pivot| {
        let operator = pivot.test.operator.as_str();
        let text = format!("{} {operator}: the other way it is {}", pivot.test.attribute, pivot.variant);
        vec!["  pivot".to_owned(), text]
    }));
    rows.push(vec!["  version".to_owned(), answer.flag_version.to_string()]);
    columns(&rows).iter().try_for_each(|line| terminal.line(line))?;
    let layers: Vec<Vec<String>> = answer
        .layers
        .iter()
        .map(|layer| {
            let id = layer.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            let outcome = match layer.outcome {
                LayerOutcome::Decided => terminal.paint(Meaning::Name, "decided"),
                LayerOutcome::Passed => terminal.paint(Meaning::Muted, "passed"),
                _ => terminal.paint(Meaning::Muted, "skipped"),
            };
            vec![format!("    {}{id}", layer.layer), outcome, layer.detail.clone()]
        })
        .collect();
    terminal.line("  layers, strongest first")?;
    columns(&layers).iter().try_for_each(|line| terminal.line(line))
}
