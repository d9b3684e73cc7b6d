use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use flag_client::Day;
use flag_core::{Share, Timestamp};

use super::arguments::ChangeArguments;
use super::change::carry_out;
use super::experiment_power::PowerArguments;
use super::experiment_text;
use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::{QueryError, StoreUrl, query_rows};
use crate::app::{AppError, Conclusion, ExperimentError, Failure, Insistence};
use crate::experiment::table::{Reader, TableError};
use crate::experiment::{Analysis, Choices, Data, analyze, report};

/// What is done with experiments.
#[derive(Debug, Subcommand)]
pub(super) enum ExperimentCommand {
    /// List the experiments, and what each is to decide
    #[command(
        after_help = "Examples:\n  flag-admin experiment list\n  flag-admin experiment list --json | jq '.[] | select(.problem)'"
    )]
    List,
    /// Compare two variants, and say what that decides
    #[command(
        after_help = "Examples:\n  flag-admin experiment analyze command_model_comparison\n  flag-admin experiment analyze command_model_comparison --csv counts.csv --html report.html\n  flag-admin experiment analyze command_model_comparison --source postgres://localhost/metrics \\\n    --sql \"SELECT variant, 'success_rate' AS metric, sum(ok) AS successes, count(*) AS units FROM runs GROUP BY variant\"\n  flag-admin experiment analyze new_parser --metric success_rate --csv counts.csv --json | jq .verdict\n\nFiles have a header and one of two forms:\n  variant,metric,successes,units                counts; one row a variant and metric\n  variant,success_rate,latency_ms,before:latency_ms   one row a unit; yes or no as 1 or 0\nA column called unit joins the rows of one unit; its ids are forgotten."
    )]
    Analyze(AnalyzeArguments),
    /// Tell how many units an experiment needs, and what it can find
    #[command(
        after_help = "Examples:\n  flag-admin experiment power command_model_comparison --baseline 94%\n  flag-admin experiment power --baseline 94% --to 97%\n  flag-admin experiment power --baseline 2% --relative-lift 20% --units 5000 --per-day 400"
    )]
    Power(PowerArguments),
    /// End an experiment: show what giving everyone one variant does, ask, and do it
    #[command(
        after_help = "Examples:\n  flag-admin experiment conclude command_model_comparison --ship --csv counts.csv\n  flag-admin experiment conclude command_model_comparison --keep --csv counts.csv --dry-run\n  flag-admin experiment conclude new_parser --ship --share 50% --csv counts.csv"
    )]
    Conclude(ConcludeArguments),
}

/// Which flag, and where its numbers come from.
#[derive(Debug, Args)]
pub(super) struct MeasuredArguments {
    /// The flag
    flag: String,
    /// Numbers from a file with a header; - reads standard input [default: what anonymous reports say]
    #[arg(long, value_name = "FILE", group = "numbers")]
    csv: Option<PathBuf>,
    /// Numbers from a query on PostgreSQL, with the columns of a file
    #[arg(long, value_name = "QUERY", group = "numbers", requires = "source")]
    sql: Option<String>,
    /// Where the query runs, in a transaction that cannot write, such as postgres://alice@localhost/metrics
    #[arg(long, value_name = "URL", requires = "sql")]
    source: Option<StoreUrl>,
    /// Of anonymous reports, those from this day on, in UTC
    #[arg(long, value_name = "DAY", conflicts_with = "numbers")]
    since: Option<Day>,
    /// The metric that decides, where the flag declares none
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// The variant that is compared with [default: the one declared, or the off variant]
    #[arg(long, value_name = "NAME")]
    control: Option<Box<str>>,
    /// The variant that is tried [default: the one declared, or the only other]
    #[arg(long, value_name = "NAME")]
    treatment: Option<Box<str>>,
    /// Use intervals that hold at every look, so that it may be decided before all units are in
    #[arg(long)]
    sequential: bool,
}

/// What `experiment analyze` takes.
#[derive(Debug, Args)]
pub(super) struct AnalyzeArguments {
    #[command(flatten)]
    measured: MeasuredArguments,
    /// Write a report in one HTML file, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What `experiment conclude` takes.
#[derive(Debug, Args)]
pub(super) struct ConcludeArguments {
    #[command(flatten)]
    measured: MeasuredArguments,
    /// Give everyone the treatment
    #[arg(long, conflicts_with = "keep", required_unless_present = "keep")]
    ship: bool,
    /// Give everyone the control
    #[arg(long)]
    keep: bool,
    /// With --ship, the share of units that get it first
    #[arg(long, value_name = "SHARE", default_value = "100%", requires = "ship")]
    share: Share,
    /// Decide against the verdict; needs --reason
    #[arg(long, requires = "reason")]
    anyway: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Does something with experiments.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: ExperimentCommand) -> Result<(), Stop> {
    match command {
        ExperimentCommand::List => list(session, terminal),
        ExperimentCommand::Analyze(arguments) => show(session, terminal, &arguments),
        ExperimentCommand::Power(arguments) => super::experiment_power::power(session, terminal, &arguments),
        ExperimentCommand::Conclude(arguments) => conclude(session, terminal, &arguments),
    }
}

fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open()?;
    let lines = opened.project.experiments(&opened.environment)?;
    if terminal.form() == Form::Json {
        return terminal.json(&lines);
    }
    if lines.is_empty() {
        return terminal.line(format_args!("{} has no experiments", opened.environment));
    }
    terminal.table(&experiment_text::rows(&lines))
}

fn show(session: &Session, terminal: &mut Terminal<'_>, arguments: &AnalyzeArguments) -> Result<(), Stop> {
    let opened = session.open()?;
    let analysis = analysis(&opened, &arguments.measured)?;
    if let Some(path) = &arguments.html {
        let from =
            arguments.measured.csv.as_deref().map_or_else(String::new, |path| format!(" from {}", path.display()));
        let now = opened.project.now().to_string();
        let minute = now.get(..16).unwrap_or(&now).replace('T', " ");
        let made = format!("{}, {minute} UTC{from}", opened.environment);
        std::fs::write(path, report(&analysis, &made)).map_err(|error| Stop::file(path, "written", &error))?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&analysis);
    }
    experiment_text::print(terminal, &analysis)?;
    match &arguments.html {
        Some(path) => terminal.line(terminal.paint(Meaning::Muted, format_args!("the report is {}", path.display()))),
        None => Ok(()),
    }
}

fn conclude(session: &Session, terminal: &mut Terminal<'_>, arguments: &ConcludeArguments) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let analysis = analysis(&opened, &arguments.measured)?;
    let conclusion = if arguments.ship { Conclusion::Ship(arguments.share) } else { Conclusion::Keep };
    let insistence = if arguments.anyway { Insistence::Anyway } else { Insistence::ByVerdict };
    let proposal = opened.project.propose_conclusion(&opened.environment, &analysis, conclusion, insistence)?;
    if terminal.form() == Form::Text {
        experiment_text::verdict(terminal, &analysis)?;
        terminal.line("")?;
    }
    let usual = format!("experiment: {}", analysis.verdict.headline().to_lowercase());
    let reason = arguments.change.reason.as_deref().unwrap_or(&usual);
    carry_out(&mut opened, terminal, &proposal, arguments.change.extent(), Some(reason))
}

fn analysis(opened: &Opened, arguments: &MeasuredArguments) -> Result<Analysis, Stop> {
    let choices = Choices {
        control: arguments.control.clone(),
        treatment: arguments.treatment.clone(),
        metric: arguments.metric.clone(),
        sequential: arguments.sequential,
    };
    let (project, environment) = (&opened.project, &opened.environment);
    let design = project.experiment(environment, &arguments.flag, &choices)?;
    match (&arguments.csv, &arguments.sql, &arguments.source) {
        (Some(path), ..) => Ok(analyze(&design, &read_csv(path)?)),
        (None, Some(query), Some(source)) => Ok(analyze(&design, &read_sql(source, query)?)),
        _ => {
            let instruments = opened.folder.instruments(environment);
            let instruments = instruments.map_err(ExperimentError::from).map_err(AppError::from)?;
            let since = arguments.since.unwrap_or_else(|| Day::of(Timestamp::from_millis(0)));
            Ok(project.analyze_reports(environment, design, &*instruments.cells, since)?)
        }
    }
}

/// Reads a file of counts or of units, row by row.
fn read_csv(path: &Path) -> Result<Data, Stop> {
    let source: Box<dyn std::io::Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).map_err(|error| Stop::file(path, "read", &error))?)
    };
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(source);
    let broken = |error: csv::Error| Stop::problem("bad_rows", format!("{}: {error}", path.display()), None);
    let columns = rows.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    let named = |error: TableError| {
        let hint = error.hint();
        Stop::problem(error.code(), format!("{}: {error}", path.display()), hint.as_deref())
    };
    let mut reader = Reader::new(columns).map_err(named)?;
    let mut record = csv::StringRecord::new();
    while rows.read_record(&mut record).map_err(broken)? {
        reader.push(record.iter()).map_err(named)?;
    }
    reader.finish().map_err(named)
}

/// Reads the rows of a query.
fn read_sql(source: &StoreUrl, query: &str) -> Result<Data, Stop> {
    let mut reader = None;
    let rows = query_rows(source, query, |columns, cells| {
        if reader.is_none() {
            reader = Some(Reader::new(columns.to_vec())?);
        }
        reader.as_mut().map_or(Ok(()), |reader| reader.push(cells.iter().map(String::as_str)))
    });
    rows?;
    reader.map_or(Err(TableError::Empty), Reader::finish).map_err(Stop::from)
}

impl Failure for QueryError<TableError> {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.code(),
            Self::Unreachable { .. } => "source_unreachable",
            _ => "query_failed",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(error) => error.hint(),
            Self::Unreachable { .. } => Some("see whether the server runs, and who may connect".to_owned()),
            _ => Some("the query is one SELECT with the columns of a file; it may not write".to_owned()),
        }
    }
}

impl Failure for TableError {
    fn code(&self) -> &'static str {
        "bad_rows"
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoVariant { .. } | Self::NoMetric { .. } => {
                Some("see the two forms: flag-admin experiment analyze --help".to_owned())
            }
            _ => None,
        }
    }
}
