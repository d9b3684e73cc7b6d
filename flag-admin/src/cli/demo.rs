use std::io::{self, BufRead as _};
use std::path::PathBuf;

use clap::Args;

use super::dashboard::{self, DashboardArguments};
use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::{Form, Meaning, Terminal};
use crate::app::AppError;
use crate::demo::{Demonstrated, Demonstration, Step, demonstrate, temporary_folder};
use crate::tui;

/// The most installations that are simulated: all are kept in memory.
const UNITS_MAX: u64 = 1_000_000;

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// A folder that is empty or not there yet [default: a new temporary one]
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// How many installations are simulated, 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=UNITS_MAX))]
    pub(super) units: u64,
}

/// Walks through a sample project, and opens the dashboard on it where there is a terminal.
pub(super) fn demo(session: &Session, terminal: &mut Terminal<'_>, arguments: DemoArguments) -> Result<(), Stop> {
    let operator = session.operator(None)?;
    let folder = match arguments.folder {
        Some(folder) => folder,
        None => temporary_folder().map_err(|error| Stop::file(&std::env::temp_dir(), "written", &error))?,
    };
    let demonstration = Demonstration { folder, units: arguments.units, operator: operator.clone() };
    let form = terminal.form();
    let done = demonstrate(&demonstration, &mut |number, step| match form {
        Form::Text => print_step(terminal, number, step),
        Form::Json => Ok(()),
    })?;
    if form == Form::Json {
        return terminal.json(&done);
    }
    print_table(terminal, &done)?;
    print_ways_on(terminal, &done)?;
    terminal.flush()?;
    if !tui::is_possible() {
        return Ok(());
    }
    terminal.text("\nEnter opens the dashboard on this project, Ctrl-C ends here. ")?;
    terminal.flush()?;
    let mut answer = String::new();
    if matches!(io::stdin().lock().read_line(&mut answer), Ok(0) | Err(_)) {
        return Ok(());
    }
    let folder = session.folder_in(&demonstration.folder)?;
    let project = folder.open(operator)?;
    let environment = folder.settings().environment.clone();
    project.environment(&environment).map_err(AppError::from)?;
    let opened = Opened { folder, project, environment, draft: None };
    let arguments = DashboardArguments { out: Some(done.public.into()), ..DashboardArguments::default() };
    dashboard::show(session, opened, terminal, arguments)
}

fn print_step(terminal: &mut Terminal<'_>, number: usize, step: &Step) -> Result<(), Stop> {
    let title = terminal.paint(Meaning::Name, &step.title);
    terminal.line(format_args!("{number}. {title}"))?;
    for command in &step.commands {
        let command = terminal.paint(Meaning::Muted, format_args!("$ {command}"));
        terminal.line(format_args!("   {command}"))?;
    }
    step.results.iter().try_for_each(|result| terminal.prose(&format!("   {result}"), 5))?;
    terminal.flush()
}

fn print_table(terminal: &mut Terminal<'_>, done: &Demonstrated) -> Result<(), Stop> {
    terminal.line(format_args!("\nWhat {} installations got from the snapshot of step 5:\n", done.units))?;
    let heading = ["FLAG", "SHARE", "OBSERVED", "VARIANTS"].map(str::to_owned).to_vec();
    let mut rows = vec![heading];
    for flag in &done.flags {
        rows.push(vec![
            flag.flag.clone(),
            flag.share.map_or_else(|| "-".to_owned(), |share| share.to_string()),
            flag.observed(),
            flag.counts(),
        ]);
    }
    terminal.table(&rows)?;
    terminal.line("\nHow to read some of them:\n")?;
    let noted = done.flags.iter().filter_map(|flag| Some(vec![flag.flag.clone(), flag.note.clone()?]));
    terminal.hanging(&noted.collect::<Vec<_>>())
}

fn print_ways_on(terminal: &mut Terminal<'_>, done: &Demonstrated) -> Result<(), Stop> {
    let folder = &done.folder;
    terminal.line(format_args!("\nThe project is in {folder}. Go on with it:"))?;
    terminal.line(format_args!("  cd {folder}"))?;
    for command in ["", " flag list", " rollout set enhanced_safety_v2 75% --dry-run", " log"] {
        terminal.line(format_args!("  flag-admin{command}"))?;
    }
    terminal.line(format_args!("Remove it: rm -r {folder}"))
}
