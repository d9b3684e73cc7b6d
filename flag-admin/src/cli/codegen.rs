use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::given::GivenArguments;
use super::problem::Stop;
use super::session::{Session, read_text};
use super::terminal::{Form, Meaning, Terminal};
use crate::hygiene::codegen::rust;
use crate::hygiene::line_diff;

/// What `codegen` takes.
#[derive(Debug, Args)]
pub(super) struct CodegenArguments {
    /// The language
    #[arg(long, value_name = "LANG", default_value = "rust")]
    lang: Language,
    /// Write this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write nothing, and fail if the file is not what would be written
    #[arg(long, requires = "out")]
    check: bool,
    #[command(flatten)]
    given: GivenArguments,
}

/// A language to write constants in.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    /// Documented constants
    Rust,
}

/// Writes documented constants for the flags.
pub(super) fn codegen(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &CodegenArguments,
) -> Result<(), Stop> {
    let definitions = arguments.given.definitions(session)?;
    let code = match arguments.lang {
        Language::Rust => rust(&definitions),
    };
    let code = code.map_err(|error| {
        Stop::problem("no_constant", error.to_string(), Some("a constant's name has letters, digits and _ only"))
    })?;
    match (&arguments.out, arguments.check) {
        (None, _) if terminal.form() == Form::Json => terminal.json(&json!({ "code": code })),
        (None, _) => terminal.text(&code),
        (Some(path), true) => check(terminal, path, &code),
        (Some(path), false) => put(terminal, path, &code),
    }
}

/// Writes a file, unless it is as it should be: what builds from it does not have to build again.
pub(super) fn put(terminal: &mut Terminal<'_>, path: &Path, text: &str) -> Result<(), Stop> {
    let is_current = fs::read(path).is_ok_and(|found| found == text.as_bytes());
    if !is_current {
        fs::write(path, text).map_err(|error| Stop::file(path, "written", &error))?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&json!({ "file": path, "changed": !is_current }));
    }
    let what = if is_current { "is up to date" } else { "written" };
    terminal.line(format_args!("{} {what}", path.display()))
}

fn check(terminal: &mut Terminal<'_>, path: &Path, code: &str) -> Result<(), Stop> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        _ => read_text(path)?.1,
    };
    let diff = line_diff(&found, code);
    if terminal.form() == Form::Json {
        terminal.json(&json!({ "file": path, "up_to_date": diff.is_empty(), "diff": diff }))?;
    } else if diff.is_empty() {
        return terminal.line(format_args!("{} is up to date", path.display()));
    } else {
        terminal.line(format_args!("--- {}", path.display()))?;
        terminal.line("+++ what the definitions give")?;
        for line in &diff {
            let line = match line.chars().next() {
                Some('-') => terminal.paint(Meaning::Loss, line),
                Some('+') => terminal.paint(Meaning::Gain, line),
                _ => line.clone(),
            };
            terminal.line(line)?;
        }
    }
    if diff.is_empty() {
        return Ok(());
    }
    let message = format!("{} is not what the definitions give", path.display());
    Err(Stop::problem("out_of_date", message, Some("run the command without --check")))
}
