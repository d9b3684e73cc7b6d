//! Named conditions.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use flag_core::Value;
use flag_core::wire::{Condition, Operator};

use super::arguments::ChangeArguments;
use super::attribute::parse_attribute;
use super::change::carry_out;
use super::problem::Stop;
use super::session::{Opened, Session, read_text};
use super::terminal::{Form, Meaning, Terminal};
use crate::app::AppError;
use crate::definition::Definitions;

#[derive(Debug, Subcommand)]
pub(super) enum SegmentCommand {
    /// List the segments, and what uses them
    #[command(after_help = "Example:\n  flag-admin segment list --json")]
    List,
    /// Show whom a segment holds
    #[command(after_help = "Example:\n  flag-admin segment show team")]
    Show {
        /// The segment
        name: String,
    },
    /// Make or change a segment, after showing what that does to the flags that use it
    #[command(
        after_help = "Examples:\n  flag-admin segment set team --attr team=core\n  flag-admin segment set macs --attr os=macos --attr arch=aarch64\n  flag-admin segment set recent --when '{ attribute = \"app_version\", operator = \"semver\", values = [\">=1.2\"] }'"
    )]
    Set(SetArguments),
    /// Remove a segment that nothing uses
    #[command(after_help = "Example:\n  flag-admin segment remove team --yes")]
    Remove {
        /// The segment
        name: String,
        #[command(flatten)]
        change: ChangeArguments,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("condition").required(true))]
pub(super) struct SetArguments {
    /// The segment
    name: String,
    /// Whom it holds: whose attributes have one of these values each, NAME=VALUE; may be repeated
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = parse_attribute, group = "condition")]
    attributes: Vec<(String, Value)>,
    /// Whom it holds: a condition as definitions have it
    #[arg(long, value_name = "TOML", group = "condition")]
    when: Option<String>,
    /// Whom it holds: a file with such a condition; - reads standard input
    #[arg(short, long, value_name = "FILE", group = "condition")]
    file: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Runs a command about segments.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: SegmentCommand) -> Result<(), Stop> {
    let mut opened = session.open()?;
    match command {
        SegmentCommand::List => list(&opened, terminal),
        SegmentCommand::Show { name } => show(&opened, terminal, &name),
        SegmentCommand::Set(arguments) => {
            let condition = condition(&opened, &arguments)?;
            let proposal = opened.project.propose_segment(&opened.environment, &arguments.name, condition)?;
            let change = &arguments.change;
            carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
        }
        SegmentCommand::Remove { name, change } => {
            let proposal = opened.project.propose_segment_removal(&opened.environment, &name)?;
            carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
        }
    }
}

fn list(opened: &Opened, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let segments = opened.project.segments(&opened.environment).map_err(AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&segments);
    }
    if segments.is_empty() {
        let empty =
            format!("no segments in {}; make one: flag-admin segment set NAME --attr team=core", opened.environment);
        return terminal.line(empty);
    }
    let mut rows = vec![["SEGMENT", "USED BY"].map(str::to_owned).to_vec()];
    for segment in &segments {
        let users = segment.flags.iter().chain(&segment.segments).copied().collect::<Vec<_>>();
        let users = if users.is_empty() { String::from("-") } else { users.join(", ") };
        rows.push(vec![terminal.paint(Meaning::Name, segment.segment), users]);
    }
    terminal.table(&rows)
}

fn show(opened: &Opened, terminal: &mut Terminal<'_>, name: &str) -> Result<(), Stop> {
    let segment = opened.project.segment(&opened.environment, name)?;
    if terminal.form() == Form::Json {
        return terminal.json(&segment);
    }
    for (what, users) in [("flags", &segment.flags), ("segments", &segment.segments)] {
        if !users.is_empty() {
            terminal.line(format_args!("used by {what}: {}", users.join(", ")))?;
        }
    }
    let mut definitions = Definitions::default();
    definitions.segments.insert(segment.segment, segment.condition.clone());
    terminal.text(&definitions.to_toml())
}

/// Reads the condition that the arguments give.
fn condition(opened: &Opened, arguments: &SetArguments) -> Result<Condition, Stop> {
    let (name, text) = match (&arguments.when, &arguments.file) {
        (Some(when), _) => (String::from("--when"), when.clone()),
        (None, Some(file)) => read_text(file)?,
        (None, None) => return Ok(of_attributes(&arguments.attributes)),
    };
    let key = toml::Value::from(arguments.name.as_str()).to_string();
    let is_inline = text.trim_start().starts_with('{');
    let written =
        if is_inline { format!("segments.{key} = {}\n", text.trim()) } else { format!("[segments.{key}]\n{text}\n") };
    // A condition may refer to other segments: it is read together with them.
    let all = opened.project.definitions(&opened.environment).map_err(AppError::from)?;
    let mut rest = Definitions::default();
    for (other, condition) in all.segments.iter().filter(|(other, _)| **other != *arguments.name) {
        rest.segments.insert(other, condition.clone());
    }
    let read = Definitions::from_toml(&format!("{written}{}", rest.to_toml()), &name)?;
    let found = read.segments.find(&arguments.name).cloned();
    found.ok_or_else(|| Stop::problem("bad_definitions", format!("{name} holds no condition"), None))
}

/// Returns the condition that holds where each attribute has one of the values given for it.
fn of_attributes(attributes: &[(String, Value)]) -> Condition {
    let mut tests: Vec<(&str, Vec<Value>)> = Vec::new();
    for (name, value) in attributes {
        match tests.iter_mut().find(|(known, _)| *known == name.as_str()) {
            Some((_, values)) => values.push(value.clone()),
            None => tests.push((name, vec![value.clone()])),
        }
    }
    let mut tests: Vec<Condition> = tests
        .into_iter()
        .map(|(name, values)| Condition {
            attribute: Some(name.into()),
            operator: Some(Operator::Equals),
            values: Some(values),
            ..Condition::default()
        })
        .collect();
    match tests.len() {
        1 => tests.remove(0),
        _ => Condition { all: Some(tests), ..Condition::default() },
    }
}
