use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::codegen::put;
use super::given::{self, GivenArguments};
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Terminal};
use crate::app::{AppError, Span};
use crate::hygiene::{Audience, user_section};

/// What `docs` takes.
#[derive(Debug, Args)]
pub(super) struct DocsArguments {
    /// What is new between two points of the log, each an entry's number, a snapshot's version such as v12, a day, or a time
    #[arg(long, value_name = "FROM..TO", conflicts_with = "file")]
    release_notes: Option<Span>,
    /// Write this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The program as users type its name [default: the project's name]
    #[arg(long, value_name = "NAME")]
    program: Option<String>,
    /// Where users say what they think; may be given again
    #[arg(long, value_name = "TEXT")]
    feedback: Vec<String>,
    #[command(flatten)]
    given: GivenArguments,
}

/// Writes what users read about the flags.
pub(super) fn docs(session: &Session, terminal: &mut Terminal<'_>, arguments: &DocsArguments) -> Result<(), Stop> {
    let audience = |program: Option<&str>| {
        let program = arguments.program.as_deref().or(program).map(str::to_owned);
        let none = || {
            Stop::problem(
                "no_program",
                "a file does not say what the program is called",
                Some("name it with --program NAME"),
            )
        };
        Ok::<_, Stop>(Audience { program: program.ok_or_else(none)?, feedback: arguments.feedback.clone() })
    };
    let markdown = match &arguments.given.file {
        Some(path) => {
            let definitions = given::read(path)?.definitions;
            user_section(definitions.flags.iter(), &audience(None)?)
        }
        None => {
            let opened = session.open()?;
            let audience = audience(Some(opened.project.state().project().as_str()))?;
            match arguments.release_notes {
                Some(span) => opened.project.release_notes(&opened.environment, span, &audience)?,
                None => {
                    let definitions = opened.project.definitions(&opened.environment).map_err(AppError::from)?;
                    user_section(definitions.flags.iter(), &audience)
                }
            }
        }
    };
    match &arguments.out {
        Some(path) => put(terminal, path, &markdown),
        None if terminal.form() == Form::Json => terminal.json(&json!({ "markdown": markdown })),
        None => terminal.text(&markdown),
    }
}
