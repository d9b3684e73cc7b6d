use clap::{Args, ValueEnum};
use flag_core::Timestamp;
use serde_json::json;

use super::change::counted;
use super::given::{self, GivenArguments, GivenFile};
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::SystemClock;
use crate::app::AppError;
use crate::app::ports::Clock as _;
use crate::hygiene::lint::{
    Finding, LintFacts, LintReport, LintRule, Severity, UnknownRule, lint as lint_definitions, sarif,
};

/// What `lint` takes.
#[derive(Debug, Args)]
pub(super) struct LintArguments {
    #[command(flatten)]
    given: GivenArguments,
    /// Print SARIF 2.1.0, which code hosts show beside the lines
    #[arg(long, conflicts_with_all = ["explain", "rules"])]
    sarif: bool,
    /// Fail on these findings as well
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Allow a rule for segments and groups, with the reason; flags allow it in their own definitions
    #[arg(long, value_name = "RULE=REASON", value_parser = allowance)]
    allow: Vec<(LintRule, String)>,
    /// Tell what a rule looks for, and why
    #[arg(long, value_name = "RULE", conflicts_with = "rules")]
    explain: Option<String>,
    /// List the rules
    #[arg(long)]
    rules: bool,
    /// The time to judge expiry by, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

/// What is refused besides errors.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings
    Warnings,
}

/// Reads `RULE=REASON`.
fn allowance(text: &str) -> Result<(LintRule, String), String> {
    let (rule, reason) = text.split_once('=').map_or((text, ""), |(rule, reason)| (rule, reason.trim()));
    let rule = rule.parse().map_err(|error: UnknownRule| {
        let meant = error.closest.map(|closest| format!(", did you mean \"{closest}\"?")).unwrap_or_default();
        format!("{error}{meant}")
    })?;
    if reason.is_empty() {
        return Err(format!("expected {rule}=REASON"));
    }
    Ok((rule, reason.to_owned()))
}

/// Holds definitions against the rules. Findings that weigh enough are a failure.
pub(super) fn lint(session: &Session, terminal: &mut Terminal<'_>, arguments: &LintArguments) -> Result<(), Stop> {
    if arguments.rules {
        return rules(terminal);
    }
    if let Some(rule) = &arguments.explain {
        return explain(terminal, rule);
    }
    let now = arguments.at.unwrap_or_else(|| SystemClock.now());
    let (mut report, file) = match &arguments.given.file {
        Some(path) => {
            let file = given::read(path)?;
            let facts = LintFacts { now, ..LintFacts::default() };
            (lint_definitions(&file.definitions, &facts), Some(file))
        }
        None => {
            let opened = session.open()?;
            (opened.project.lint(&opened.environment, now).map_err(AppError::from)?, None)
        }
    };
    arguments.allow.iter().for_each(|(rule, reason)| report.allow_elsewhere(*rule, reason));
    print(terminal, arguments, &report, file.as_ref())?;
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    if errors > 0 || (warnings > 0 && arguments.deny == Some(Deny::Warnings)) {
        let found = format!("lint found {} and {}", counted(errors, "error"), counted(warnings, "warning"));
        let hint =
            Some("flag-admin lint --explain RULE tells what a rule is for, and allow = [{ rule, reason }] allows it");
        return Err(Stop::problem("lint", found, hint));
    }
    Ok(())
}

fn print(
    terminal: &mut Terminal<'_>,
    arguments: &LintArguments,
    report: &LintReport,
    file: Option<&GivenFile>,
) -> Result<(), Stop> {
    let position = |finding: &Finding| file.and_then(|file| file.places.position(&finding.place));
    if arguments.sarif {
        return terminal.json(&sarif(report, file.map(|file| (&*file.name, &file.places))));
    }
    if terminal.form() == Form::Json {
        let placed = |findings: &[Finding]| -> Result<Vec<serde_json::Value>, Stop> {
            findings
                .iter()
                .map(|finding| {
                    let mut value = serde_json::to_value(finding).map_err(|_| no_json())?;
                    if let (Some((line, column)), Some(fields)) = (position(finding), value.as_object_mut()) {
                        fields.insert("line".to_owned(), line.into());
                        fields.insert("column".to_owned(), column.into());
                    }
                    Ok(value)
                })
                .collect()
        };
        let (findings, allowed) = (placed(&report.findings)?, placed(&report.allowed)?);
        let file = file.map(|file| &file.name);
        return terminal.json(&json!({ "file": file, "findings": findings, "allowed": allowed }));
    }
    for finding in &report.findings {
        let meaning = if finding.severity == Severity::Error { Meaning::Loss } else { Meaning::Notice };
        let severity = terminal.paint(meaning, finding.severity.as_str());
        let rule = terminal.paint(Meaning::Muted, format_args!("[{}]", finding.rule));
        let place = match (file, position(finding)) {
            (Some(file), Some((line, column))) => format!("{}:{line}:{column}", file.name),
            (Some(file), None) => file.name.clone(),
            (None, _) => finding.place.clone(),
        };
        terminal.prose(&format!("{place}: {severity}: {} {rule}", finding.message), 2)?;
    }
    let allowed = report.allowed.len();
    if report.findings.is_empty() {
        let allowed = if allowed == 0 { String::new() } else { format!(", {allowed} allowed with a reason") };
        return terminal.line(format_args!("nothing to mend{allowed}"));
    }
    Ok(())
}

fn no_json() -> Stop {
    Stop::problem("no_json", "the answer cannot be written as JSON", None)
}

fn rules(terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    if terminal.form() == Form::Json {
        return terminal.json(&LintRule::ALL.iter().copied().map(described).collect::<Vec<_>>());
    }
    let row = |rule: &LintRule| [rule.id(), rule.severity().as_str(), rule.summary()].map(str::to_owned).to_vec();
    let header = ["RULE", "SEVERITY", "FINDS"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = [header].into_iter().chain(LintRule::ALL.iter().map(row)).collect();
    terminal.hanging(&rows)
}

fn explain(terminal: &mut Terminal<'_>, rule: &str) -> Result<(), Stop> {
    let rule: LintRule = rule.parse().map_err(|error: UnknownRule| {
        let hint = error.closest.map(|closest| format!("did you mean \"{closest}\"?"));
        let hint = hint.as_deref().unwrap_or("list them: flag-admin lint --rules");
        Stop::problem("unknown_lint_rule", error.to_string(), Some(hint))
    })?;
    if terminal.form() == Form::Json {
        return terminal.json(&described(rule));
    }
    let name = terminal.paint(Meaning::Name, rule);
    terminal.prose(&format!("{name} ({}): {}", rule.severity().as_str(), rule.summary()), 2)?;
    terminal.prose(&format!("  {}", rule.explanation()), 2)?;
    if rule.is_allowable() {
        terminal.line("  To allow it for one flag:")?;
        terminal.line("  [flags.KEY.lint]")?;
        terminal.line(format_args!("  allow = [{{ rule = \"{rule}\", reason = \"...\" }}]"))?;
    }
    Ok(())
}

fn described(rule: LintRule) -> serde_json::Value {
    json!({ "rule": rule, "severity": rule.severity(), "summary": rule.summary(), "explanation": rule.explanation() })
}
