use serde::Serialize;

use super::arguments::InitArguments;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::{InitFolder, KEYS_FOLDER, ROOT_FOLDER, SETTINGS_FILE, init as make};
use crate::log::{EnvironmentName, Head, ProjectName};

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
    let InitArguments { folder, project, environments } = arguments;
    let project = match project {
        Some(project) => project,
        None => name_of(&folder)?,
    };
    let request = InitFolder { project, environments, operator: session.operator(None)?, store: session.store() };
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
    terminal.line(format_args!("next: flag-admin -C {} apply -f flags.toml", made.folder))
}

/// A project that is not named is called as its folder.
fn name_of(folder: &std::path::Path) -> Result<ProjectName, Stop> {
    let absolute = std::path::absolute(folder).map_err(|error| Stop::file(folder, "read", &error))?;
    let name = absolute.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.parse().map_err(|error: crate::log::NameError| {
        Stop::problem("bad_name", error.to_string(), Some("name the project with --project NAME"))
    })
}
