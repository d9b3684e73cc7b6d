use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::arguments::DryRunArguments;
use super::key;
use super::passphrase::Demand;
use super::problem::Stop;
use super::session::{Session, read_bytes};
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::{InitFolder, KEYS_FOLDER, ROOT_FOLDER, SETTINGS_FILE, check_init, init as make, root_document};
use crate::log::{EnvironmentName, Head, ProjectName};

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// A folder that is empty or not there yet
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    /// The project's name [default: the folder's]
    #[arg(long, value_name = "NAME")]
    pub(super) project: Option<ProjectName>,
    /// The environments; the first is the default one
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "production")]
    pub(super) environments: Vec<EnvironmentName>,
    /// Take this signed root as the first, rather than making keys and a root; put the snapshot and kill keys into DIR/keys afterwards
    #[arg(long, value_name = "FILE")]
    pub(super) root: Option<PathBuf>,
    #[command(flatten)]
    pub(super) how: DryRunArguments,
}

#[derive(Serialize)]
struct Made<'a> {
    project: &'a ProjectName,
    environments: &'a [EnvironmentName],
    folder: String,
    root: String,
    head: Head,
}

/// Makes a project.
pub(super) fn init(session: &Session, terminal: &mut Terminal<'_>, arguments: InitArguments) -> Result<(), Stop> {
    let InitArguments { folder, project, environments, root: given, how: DryRunArguments { dry_run } } = arguments;
    let given = given.as_deref().map(read_bytes).transpose()?;
    let project = match project {
        Some(project) => project,
        None => match given.as_deref().and_then(root_document) {
            Some(root) => root
                .project
                .parse()
                .map_err(|error: crate::log::NameError| Stop::problem("bad_name", error.to_string(), None))?,
            None => name_of(&folder)?,
        },
    };
    let passphrase = match &given {
        Some(_) => None,
        None if dry_run => None,
        None => session.sitting().for_new_key("the project's keys", Demand::Optional)?,
    };
    let is_plain = given.is_none() && passphrase.is_none();
    let request = InitFolder {
        project,
        environments,
        operator: session.operator(None)?,
        store: session.store(),
        passphrase,
        root: given,
    };
    if dry_run {
        check_init(&folder, &request)?;
        return would_make(terminal, &folder, &request);
    }
    let head = make(&folder, &request)?;
    let root = folder.join(ROOT_FOLDER).join("1.json");
    let made = Made {
        project: &request.project,
        environments: &request.environments,
        folder: folder.display().to_string(),
        root: root.display().to_string(),
        head,
    };
    if terminal.form() == Form::Json {
        return terminal.json(&made);
    }
    let environments: Vec<&str> = made.environments.iter().map(EnvironmentName::as_str).collect();
    let name = terminal.paint(Meaning::Name, made.project);
    terminal.line(format_args!("made project {name} ({}) in {}", environments.join(", "), made.folder))?;
    terminal.line(format_args!("  {SETTINGS_FILE}   settings"))?;
    terminal.line(format_args!("  {ROOT_FOLDER}/1.json       the root that applications ship, byte for byte"))?;
    terminal.line(format_args!(
        "  {KEYS_FOLDER}/             private keys: back them up, and keep them out of repositories"
    ))?;
    if request.root.is_some() {
        terminal.line("  put the private keys of the roles snapshot and kill there: flag-admin key use ROLE FILE")?;
    }
    if is_plain {
        key::warn_plain(terminal)?;
    }
    terminal.line(format_args!("next: flag-admin -C {} apply -f flags.toml", made.folder))?;
    terminal.line(format_args!("  or: flag-admin -C {} flag new KEY", made.folder))
}

/// Tells what would be made.
fn would_make(terminal: &mut Terminal<'_>, folder: &std::path::Path, request: &InitFolder) -> Result<(), Stop> {
    let InitFolder { project, environments, .. } = request;
    let folder = folder.display();
    if terminal.form() == Form::Json {
        let folder = folder.to_string();
        return terminal.json(&serde_json::json!({
            "project": project, "environments": environments, "folder": folder, "dry_run": true
        }));
    }
    let environments: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
    terminal.line(format_args!("project {project} ({}) would be made in {folder}, not made", environments.join(", ")))
}

/// A project that is not named is called as its folder.
fn name_of(folder: &std::path::Path) -> Result<ProjectName, Stop> {
    let absolute = std::path::absolute(folder).map_err(|error| Stop::file(folder, "read", &error))?;
    let name = absolute.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.parse().map_err(|error: crate::log::NameError| {
        Stop::problem("bad_name", error.to_string(), Some("name the project with --project NAME"))
    })
}
