use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::change::counted;
use super::given::GivenArguments;
use super::problem::Stop;
use super::progress::WatchedSources;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::SourceFolder;
use crate::app::references;
use crate::definition::nearest;
use crate::hygiene::refs::{FlagReferences, References};

/// What `refs` takes.
#[derive(Debug, Args)]
pub(super) struct RefsArguments {
    /// Only this flag
    #[arg(conflicts_with = "unknown")]
    flag: Option<String>,
    /// The folder that the code is in, or a file
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// List questions for flags that there are not, and fail if there are any
    #[arg(long)]
    unknown: bool,
    #[command(flatten)]
    given: GivenArguments,
}

/// Tells where code uses flags.
pub(super) fn refs(session: &Session, terminal: &mut Terminal<'_>, arguments: &RefsArguments) -> Result<(), Stop> {
    let definitions = arguments.given.definitions(session)?;
    if let Some(flag) = arguments.flag.as_deref().filter(|flag| definitions.flags.find(flag).is_none()) {
        let hint = nearest(flag, definitions.flags.names()).map(|closest| format!("did you mean \"{closest}\"?"));
        let hint = hint.as_deref().unwrap_or("list them: flag-admin flag list");
        return Err(Stop::problem("unknown_flag", format!("flag {flag:?} does not exist"), Some(hint)));
    }
    let sources = SourceFolder::find(&arguments.path).map_err(|error| Stop::file(&arguments.path, "read", &error))?;
    let mut found = references(&WatchedSources::new(&sources), definitions.flags.names());
    if let Some(only) = &arguments.flag {
        found.flags.retain(|flag| *flag.flag == **only);
        found.unknown.clear();
    }
    if arguments.unknown {
        found.flags.clear();
    }
    if terminal.form() == Form::Json {
        terminal.json(&json!(found))?;
    } else {
        print(terminal, &found, arguments.unknown)?;
    }
    match found.unknown.len() {
        unknown if unknown > 0 && arguments.unknown => {
            let what = counted(unknown, "use");
            let hint = Some("define the flags, or mend the code");
            Err(Stop::problem("unknown_flags", format!("the code has {what} of flags that do not exist"), hint))
        }
        _ => Ok(()),
    }
}

fn print(terminal: &mut Terminal<'_>, found: &References, only_unknown: bool) -> Result<(), Stop> {
    for flag in &found.flags {
        print_flag(terminal, flag)?;
    }
    for unknown in found.unknown.iter().filter(|_| only_unknown) {
        let at = &unknown.reference;
        let meant =
            unknown.closest.as_deref().map(|closest| format!(", did you mean {closest:?}?")).unwrap_or_default();
        let what = terminal.paint(Meaning::Loss, format_args!("unknown flag {:?}", unknown.flag));
        terminal.line(format_args!("{}:{}:{}: {what}{meant}", at.file, at.line, at.column))?;
    }
    for skipped in &found.skipped {
        let note = terminal.paint(Meaning::Muted, format_args!("skipped {}: {}", skipped.file, skipped.why));
        terminal.line(note)?;
    }
    let unused = found.flags.iter().filter(|flag| !flag.used).count();
    let (files, unknown) = (counted(found.files, "file"), counted(found.unknown.len(), "use"));
    if only_unknown {
        return terminal.line(format_args!("{files} read, {unknown} of unknown flags"));
    }
    let unused = counted(unused, "flag");
    let unknown =
        if found.unknown.is_empty() { String::new() } else { format!(", {unknown} of unknown flags (--unknown)") };
    terminal.line(format_args!("{files} read, {unused} without a use{unknown}"))
}

fn print_flag(terminal: &mut Terminal<'_>, flag: &FlagReferences) -> Result<(), Stop> {
    let name = terminal.paint(Meaning::Name, &flag.flag);
    let note = match (flag.used, flag.references.is_empty()) {
        (true, _) => String::new(),
        (false, true) => terminal.paint(Meaning::Notice, " not in the code"),
        (false, false) => terminal.paint(Meaning::Notice, " declared, and not used"),
    };
    terminal.line(format_args!("{name}{note}"))?;
    flag.references
        .iter()
        .try_for_each(|at| terminal.line(format_args!("  {}:{}:{}: {}", at.file, at.line, at.column, at.kind.as_str())))
}
