//! The commands: they translate arguments, call [`crate::app`] and print what it answers.
//!
//! Standard output holds the answer and nothing else; with `--json` it is one object or array. Failures go to standard error, as
//! `error: ...` and `hint: ...`, or as `{"error": {"code", "message", "hint"}}` with `--json`. A program that goes on reading nothing (a
//! broken pipe) is no failure. Exit codes: 0 done, 1 refused or failed, 2 usage; `plan --exit-code` has 3 for changes.

mod adopt_kills;
mod afar;
mod alert;
mod approve;
mod arguments;
mod attribute;
mod audit;
mod backup;
mod change;
mod codegen;
mod dashboard;
mod demo;
mod docs;
mod doctor;
mod draft;
mod environment;
mod experiment;
mod experiment_power;
mod experiment_text;
mod fields;
mod flag;
mod given;
mod group;
mod init;
mod interop;
mod key;
mod kill;
mod lifecycle;
mod lint;
mod log;
mod manual;
mod meant;
mod member;
mod passphrase;
mod plan;
mod plan_markdown;
mod plan_text;
mod problem;
mod progress;
mod prose;
mod publish;
mod refs;
mod rollout_text;
mod rollouts;
mod root;
mod segment;
mod serve;
mod session;
mod signal;
mod simulate;
mod simulation_page;
mod stale;
mod terminal;
mod token;
mod undo;
mod why;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use self::arguments::{Arguments, Command};
use self::audit::AuditCommand;
use self::draft::DraftCommand;
use self::environment::EnvironmentCommand;
use self::flag::FlagCommand;
use self::member::MemberCommand;
use self::problem::{Problem, Stop};
use self::session::Session;
use self::terminal::Terminal;
use crate::adapters::{TestClockError, stop_clock_for_test};
use crate::app::{Enabled, Failure};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
/// What `plan --exit-code` ends with where something would change.
const CHANGES: u8 = 3;

/// Runs the command that the program was called with.
pub fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, given.iter().any(|argument| argument == "--json")),
    };
    let json = arguments.globals.json;
    if let Err(Stop::Problem(problem)) = heed_test_clock() {
        report(&problem, json);
        return ExitCode::from(FAILED);
    }
    // Not locked: the dashboard writes from a thread of its own.
    let mut out = BufWriter::new(io::stdout());
    let mut terminal = Terminal::new(&arguments.globals, &mut out);
    let result = run(arguments, &mut terminal).and_then(|()| terminal.flush());
    match result {
        Ok(()) | Err(Stop::BrokenPipe) => ExitCode::SUCCESS,
        Err(Stop::Changes) => {
            let _ = terminal.flush();
            ExitCode::from(CHANGES)
        }
        Err(Stop::Problem(problem)) => {
            // What was answered before the failure belongs before it.
            let _ = terminal.flush();
            report(&problem, json);
            ExitCode::from(if matches!(problem.code, dashboard::NO_TERMINAL | "usage") { USAGE } else { FAILED })
        }
    }
}

fn run(arguments: Arguments, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let session = Session::new(arguments.globals)?;
    let Some(command) = arguments.command else {
        return dashboard::dashboard(&session, terminal, dashboard::DashboardArguments::default());
    };
    if session.is_for_draft() && is_never_drafted(&command) {
        return Err(crate::app::AppError::Draft(crate::app::DraftError::Looking).into());
    }
    if session.is_from_afar() {
        afar::refuse(&command)?;
    }
    match command {
        Command::Dashboard(dashboard) => dashboard::dashboard(&session, terminal, dashboard),
        Command::Demo(demo) => demo::demo(&session, terminal, demo),
        Command::Init(init) => init::init(&session, terminal, init),
        Command::Apply(apply) => change::apply(&session, terminal, &apply),
        Command::Plan(arguments) => plan::plan(&session, terminal, &arguments),
        Command::Draft(DraftCommand::New(how)) => draft::new(&session, terminal, how),
        Command::Draft(DraftCommand::Show) => draft::show(&session, terminal),
        Command::Draft(DraftCommand::List) => draft::list(&session, terminal),
        Command::Draft(DraftCommand::Rebase(how)) => draft::rebase(&session, terminal, how),
        Command::Draft(DraftCommand::Drop(how)) => draft::discard(&session, terminal, how),
        Command::Approve(arguments) => approve::approve(&session, terminal, &arguments),
        Command::Reject(arguments) => approve::reject(&session, terminal, &arguments),
        Command::Member(MemberCommand::Add(arguments) | MemberCommand::Role(arguments)) => {
            member::set(&session, terminal, &arguments)
        }
        Command::Member(MemberCommand::Remove { member, change }) => {
            member::remove(&session, terminal, &member, &change)
        }
        Command::Alert(command) => alert::run(&session, terminal, command),
        Command::Token(command) => token::run(&session, terminal, command),
        Command::Member(MemberCommand::List) => member::list(&session, terminal),
        Command::Flag(FlagCommand::List(filter)) => flag::list(&session, terminal, &filter),
        Command::Flag(FlagCommand::New(new)) => lifecycle::new(&session, terminal, *new),
        Command::Flag(FlagCommand::Edit(edit)) => lifecycle::edit(&session, terminal, &edit),
        Command::Flag(FlagCommand::Rename(rename)) => lifecycle::rename(&session, terminal, &rename),
        Command::Flag(FlagCommand::Clone(clone)) => lifecycle::clone(&session, terminal, &clone),
        Command::Flag(FlagCommand::Copy(copy)) => lifecycle::copy(&session, terminal, &copy),
        Command::Flag(FlagCommand::Promote(promote)) => lifecycle::promote(&session, terminal, &promote),
        Command::Flag(FlagCommand::Archive(archive)) => lifecycle::archive(&session, terminal, &archive),
        Command::Flag(FlagCommand::Show { key }) => flag::show(&session, terminal, &key),
        Command::Flag(FlagCommand::Enable(switch)) => change::switch(&session, terminal, &switch, Enabled::On),
        Command::Flag(FlagCommand::Disable(switch)) => change::switch(&session, terminal, &switch, Enabled::Off),
        Command::Segment(command) => segment::run(&session, terminal, command),
        Command::Group(command) => group::run(&session, terminal, command),
        Command::Environment(command) => environment::run(&session, terminal, command),
        Command::Rollout(command) => rollouts::run(&session, terminal, command),
        Command::Simulate(arguments) => simulate::simulate(terminal, &arguments),
        Command::Signal(command) => signal::run(&session, terminal, command),
        Command::Experiment(command) => experiment::run(&session, terminal, command),
        Command::Why(why) => why::why(&session, terminal, why),
        Command::Publish(publish) => publish::publish(&session, terminal, &publish),
        Command::Root(command) => root::root(&session, terminal, command),
        Command::AdoptKills(arguments) => adopt_kills::adopt(&session, terminal, &arguments),
        Command::Doctor => doctor::doctor(&session, terminal),
        Command::Key(command) => key::key(&session, terminal, command),
        Command::Verify(verify) => publish::verify(&session, terminal, &verify),
        Command::Kill(kill) => kill::kill(&session, terminal, &kill),
        Command::Unkill(unkill) => kill::unkill(&session, terminal, &unkill),
        Command::Kills => kill::kills(&session, terminal),
        Command::Log(log) | Command::Audit(AuditCommand::Log(log)) => log::log(&session, terminal, &log),
        Command::Audit(AuditCommand::Verify { against }) => audit::verify(&session, terminal, against.as_deref()),
        Command::Audit(AuditCommand::Checkpoint { key }) => audit::checkpoint(&session, terminal, key),
        Command::Undo(undo) => undo::undo(&session, terminal, &undo),
        Command::Backup(arguments) => backup::backup(&session, terminal, &arguments),
        Command::Restore(arguments) => backup::restore(&session, terminal, &arguments),
        Command::Import(command) => interop::import(&session, terminal, &command),
        Command::Export(arguments) => interop::export(&session, terminal, &arguments),
        Command::Lint(arguments) => lint::lint(&session, terminal, &arguments),
        Command::Serve(arguments) => serve::serve(&session, terminal, &arguments),
        Command::Stale(arguments) => stale::stale(&session, terminal, &arguments),
        Command::Refs(arguments) => refs::refs(&session, terminal, &arguments),
        Command::Codegen(arguments) => codegen::codegen(&session, terminal, &arguments),
        Command::Docs(arguments) => docs::docs(&session, terminal, &arguments),
        Command::Completions { shell } => manual::completions(terminal, shell),
        Command::Man(arguments) => manual::man(terminal, &arguments),
    }
}

/// Tells whether a command is none for a draft. What is done at once, and for all to see, is never gathered: a kill least of all. What asks
/// of files, keys and the log as they are would answer of a draft without knowing it.
const fn is_never_drafted(command: &Command) -> bool {
    matches!(
        command,
        Command::Dashboard(_)
            | Command::Demo(_)
            | Command::Init(_)
            | Command::Kill(_)
            | Command::AdoptKills(_)
            | Command::Publish(_)
            | Command::Serve(_)
            | Command::Token(_)
            | Command::Verify(_)
            | Command::Root(_)
            | Command::Key(_)
            | Command::Doctor
            | Command::Approve(_)
            | Command::Reject(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Audit(_)
            | Command::Environment(EnvironmentCommand::Set { .. })
    )
}

/// Stops the clock where a test asks for it, and says so: what is signed and logged then bears a time that is not true.
fn heed_test_clock() -> Result<(), Stop> {
    if let Some(time) = stop_clock_for_test()? {
        let _ = writeln!(io::stderr(), "warning: FLAG_ADMIN_TEST_CLOCK is set: the clock stands at {time}");
    }
    Ok(())
}

/// Answers `--help` and `--version`, and refuses arguments that do not fit.
fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if !error.use_stderr() {
        // Help and version are answers.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let meant = meant::meant(error);
    if !json {
        let _ = error.print();
        if let Some(meant) = &meant {
            let _ = writeln!(io::stderr(), "hint: did you mean \"{meant}\"?");
        }
        return ExitCode::from(USAGE);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // The message is the whole help.
        let (message, hint) = ("a subcommand is missing".to_owned(), Some("see flag-admin --help".to_owned()));
        report(&Problem { code: "usage", message, hint, details: None }, json);
        return ExitCode::from(USAGE);
    }
    let text = error.render().to_string();
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let meant = meant.map(|meant| format!("did you mean \"{meant}\"?"));
    let hint = meant.as_deref().or_else(|| rest.lines().find_map(|line| line.trim().strip_prefix("tip: ")));
    let message = message.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = Problem {
        code: "usage",
        message,
        hint: Some(hint.unwrap_or("see flag-admin --help").to_owned()),
        details: None,
    };
    report(&problem, json);
    ExitCode::from(USAGE)
}

fn report(problem: &Problem, json: bool) {
    let mut err = io::stderr().lock();
    // Where standard error is gone too there is nobody left to tell; the exit code remains.
    let _ = if json {
        writeln!(err, "{}", serde_json::json!({ "error": problem }))
    } else {
        let hint = problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        writeln!(err, "error: {}{hint}", problem.message)
    };
}

impl Failure for TestClockError {
    fn code(&self) -> &'static str {
        "test_clock"
    }

    fn hint(&self) -> Option<String> {
        Some("unset FLAG_ADMIN_TEST_CLOCK".to_owned())
    }
}

impl Failure for crate::definition::DefinitionError {
    fn code(&self) -> &'static str {
        "bad_definitions"
    }
}
