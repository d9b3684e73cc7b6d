//! The commands of a flag's life: made, edited, renamed, copied, promoted, archived.

use std::fs;
use std::process::Command as Program;

use clap::Args;
use flag_core::Value;
use flag_core::wire::{Entries, Kind, Stage};

use super::arguments::ChangeArguments;
use super::change::{Steps, carry_out, carry_out_steps};
use super::fields::{FieldArguments, variant};
use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::{Form, Meaning, SAY_YES, Terminal};
use crate::adapters::editor;
use crate::app::{AppError, Cohort, Direction, LifeStage, Proposal, Prune};
use crate::definition::{Definition, Definitions, Documentation, Metric, Milestone, stage_status};
use crate::log::EnvironmentName;

/// How long a flag lives that is given no day to go by, in days: half of what lint bears.
const LIFETIME_DAYS: i64 = 90;
const MILLIS_PER_DAY: i64 = 86_400_000;

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The key: <domain>_<feature>_<version?>
    key: String,
    #[command(flatten)]
    fields: FieldArguments,
    /// Its outcomes, NAME=VALUE, such as control=small,treatment=large [default: on=true,off=false]
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',', value_parser = variant)]
    variants: Vec<(String, Value)>,
    /// The variant that is served when it is off [default: off]
    #[arg(long, value_name = "NAME")]
    off_variant: Option<String>,
    /// The attribute that is bucketed [default: the context's own unit]
    #[arg(long, value_name = "ATTRIBUTE")]
    unit: Option<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct EditArguments {
    /// The flag
    key: String,
    #[command(flatten)]
    fields: FieldArguments,
    /// A word to find it by no longer; may be repeated
    #[arg(long = "untag", value_name = "WORD")]
    untags: Vec<String>,
    /// Note that somebody made sure today that it is still needed as it is
    #[arg(long)]
    reviewed: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct RenameArguments {
    /// The flag
    from: String,
    /// Its new key
    to: String,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct CloneArguments {
    /// The flag to copy
    original: String,
    /// The key of the copy
    key: String,
    /// Expose the same units as the original, at the same shares
    #[arg(long)]
    same_cohort: bool,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct CopyArguments {
    /// The flags; all of them where none is named
    keys: Vec<String>,
    /// The environment to copy from; --env names the one to copy to
    #[arg(long, value_name = "NAME")]
    from: EnvironmentName,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct ArchiveArguments {
    /// The flag
    key: String,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct PromoteArguments {
    /// The flag
    key: String,
    /// The stage: development, internal, beta, ga, deprecated or removed [default: the next one]
    #[arg(long, value_name = "STAGE")]
    to: Option<LifeStage>,
    /// Go back to an earlier stage [default: the one before]
    #[arg(long, conflicts_with = "force")]
    back: bool,
    /// Waive the checks that do not pass, for this reason; for release managers
    #[arg(long, value_name = "REASON", conflicts_with = "reason")]
    force: Option<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

/// Makes a flag with all that is known about it, and asks for the rest on a terminal.
pub(super) fn new(session: &Session, terminal: &mut Terminal<'_>, arguments: NewArguments) -> Result<(), Stop> {
    let NewArguments { key, mut fields, variants, off_variant, unit, change } = arguments;
    let mut opened = session.open()?;
    let now = opened.project.now();
    let owner = opened.project.operator().actor.to_string();
    if terminal.can_ask() {
        ask(terminal, &mut fields, &owner)?;
    }
    let kind = fields.kind.unwrap_or_default();
    let mut definition = begin(&key, kind, &variants, off_variant.as_deref())?;
    definition.flag.unit = unit.map(Into::into);
    let documentation = &mut definition.documentation;
    let day = |days: i64| day_of(now.saturating_add_millis(days.saturating_mul(MILLIS_PER_DAY)));
    let may_stay = matches!(kind, Kind::Ops | Kind::KillSwitch) || fields.tags.iter().any(|tag| tag == "platform");
    *documentation = Documentation {
        title: Some(title_of(&key)),
        owner: Some(owner),
        added: Some(Milestone { version: None, date: day(0) }),
        default: Some(definition.flag.off_variant.to_string()),
        expires: (!may_stay).then(|| Milestone { version: None, date: day(LIFETIME_DAYS) }),
        status: Some(stage_status(Stage::Development).to_owned()),
        rollout: Some("Nobody yet".to_owned()),
        metrics: vec![gate("error_rate", "<5%"), gate("crash_rate", "<0.1%")],
        rollback: Some(format!("Disable it: flag-admin flag disable {key}")),
        ..Documentation::default()
    };
    if kind == Kind::KillSwitch {
        documentation.default = Some("on (until it is killed)".to_owned());
        documentation.rollout = Some("Everyone".to_owned());
        documentation.rollback = Some(format!("Lift the kill: flag-admin unkill {key}"));
    }
    opened.project.check_expiry(&key, fields.expires.as_ref()).map_err(AppError::from)?;
    fields.write(&mut definition);
    let missing = missing(&definition);
    let proposal = opened.project.propose_flag(&opened.environment, &key, definition)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())?;
    if terminal.form() == Form::Text && !missing.is_empty() {
        terminal.line(format_args!("still to write: {}; flag-admin flag edit {key}", missing.join(", ")))?;
    }
    Ok(())
}

/// Asks for what the command line did not say.
fn ask(terminal: &mut Terminal<'_>, fields: &mut FieldArguments, owner: &str) -> Result<(), Stop> {
    for (slot, question, usual) in [
        (&mut fields.description, "What does it do, in a sentence?", None),
        (&mut fields.owner, "Who answers for it?", Some(owner)),
        (&mut fields.tracking, "Where is the work tracked?", None),
    ] {
        if slot.is_none() {
            *slot = terminal.ask(question, usual)?;
        }
    }
    if fields.risks.is_empty() {
        fields.risks.extend(terminal.ask("What may go wrong?", None)?);
    }
    Ok(())
}

/// Returns what a flag of these outcomes is before anything else is known of it.
fn begin(key: &str, kind: Kind, variants: &[(String, Value)], off_variant: Option<&str>) -> Result<Definition, Stop> {
    let mut flag = toml::Table::new();
    flag.insert("kind".to_owned(), crate::definition::kind_name(kind).into());
    if !variants.is_empty() {
        let mut table = toml::Table::new();
        for (name, value) in variants {
            let value = toml::Value::try_from(value).map_err(|error| {
                Stop::problem("bad_variant", format!("variant {name:?} cannot be written: {error}"), None)
            })?;
            if table.insert(name.clone(), value).is_some() {
                return Err(Stop::problem("bad_variant", format!("variant {name:?} stands twice"), None));
            }
        }
        flag.insert("variants".to_owned(), table.into());
    }
    flag.extend(off_variant.map(|name| ("off_variant".to_owned(), name.into())));
    let flags = toml::Table::from_iter([(key.to_owned(), flag.into())]);
    let text = toml::Table::from_iter([("flags".to_owned(), flags.into())]).to_string();
    let definitions = Definitions::from_toml(&text, "options")?;
    let found = definitions.flags.into_iter().next().map(|(_, definition)| definition);
    found.ok_or_else(|| Stop::problem("bad_definitions", "the options define no flag", None))
}

fn gate(name: &str, target: &str) -> Metric {
    Metric { name: name.to_owned(), target: target.parse().ok() }
}

/// Returns a key as words: `telemetry_cloud_sync` is `Telemetry Cloud Sync`.
fn title_of(key: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    key.split('_').filter_map(word).collect::<Vec<_>>().join(" ")
}

fn day_of(time: flag_core::Timestamp) -> Option<crate::definition::CivilDate> {
    let (year, month, day) = time.date();
    format!("{year:04}-{month:02}-{day:02}").parse().ok()
}

/// Returns what is not documented of what every flag has to say.
fn missing(definition: &Definition) -> Vec<&'static str> {
    let Documentation { description, tracking, risks, .. } = &definition.documentation;
    let fields =
        [("description", description.is_none()), ("risks", risks.is_empty()), ("tracking", tracking.is_none())];
    fields.into_iter().filter_map(|(name, is_missing)| is_missing.then_some(name)).collect()
}

/// Changes fields of a flag: those of the options, or in an editor on a terminal.
pub(super) fn edit(session: &Session, terminal: &mut Terminal<'_>, arguments: &EditArguments) -> Result<(), Stop> {
    let EditArguments { key, fields, untags, reviewed, change } = arguments;
    let mut opened = session.open()?;
    let (key, flag) = opened.project.flag(&opened.environment, key)?;
    let key = key.clone();
    let mut definition = flag.definition.clone();
    let proposal = if fields.is_empty() && untags.is_empty() && !reviewed {
        if !terminal.can_ask() {
            let hint = Some("name what changes, such as --owner @alice; see flag-admin flag edit --help");
            return Err(Stop::problem(
                "nothing_to_edit",
                "there is nothing to edit, and no terminal for an editor",
                hint,
            ));
        }
        edit_text(&opened, terminal, key.as_str())?
    } else {
        fields.write(&mut definition);
        definition.documentation.tags.retain(|tag| !untags.contains(tag));
        if *reviewed {
            definition.documentation.reviewed = day_of(opened.project.now());
        }
        opened.project.propose_definition(&opened.environment, &key, definition)?
    };
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Lets a flag be edited as its owners write it. What does not read is shown again, as often as it takes.
fn edit_text(opened: &Opened, terminal: &mut Terminal<'_>, key: &str) -> Result<Proposal, Stop> {
    let all = opened.project.definitions(&opened.environment).map_err(AppError::from)?;
    let (mut edited, mut rest) = (Definitions::default(), Definitions { flags: Entries::default(), ..all.clone() });
    for (name, definition) in all.flags.iter() {
        let side = if name == key { &mut edited } else { &mut rest };
        side.flags.insert(name, definition.clone());
    }
    let failed = |error: &std::io::Error| Stop::problem("editor", format!("the flag cannot be edited: {error}"), None);
    let file = tempfile::Builder::new().prefix(key).suffix(".toml").tempfile().map_err(|error| failed(&error))?;
    fs::write(file.path(), edited.to_toml()).map_err(|error| failed(&error))?;
    terminal.flush()?;
    loop {
        let editor = editor();
        let mut words = editor.split_whitespace();
        let ran = Program::new(words.next().unwrap_or("vi")).args(words).arg(file.path()).status();
        if !ran.map_err(|error| failed(&error))?.success() {
            return Err(Stop::problem("editor", format!("{editor:?} failed, so nothing was changed"), None));
        }
        let text = fs::read_to_string(file.path()).map_err(|error| failed(&error))?;
        // A flag may refer to others: it is read together with them.
        match Definitions::from_toml(&format!("{text}\n{}", rest.to_toml()), key) {
            Ok(mut read) => {
                let named = read.flags.names().filter(|name| rest.flags.find(name).is_none()).collect::<Vec<_>>();
                if named != [key] {
                    let message = format!("the text defines {}, expected {key} alone", named.join(", "));
                    let hint = Some("rename with flag-admin flag rename, make others with flag-admin flag new");
                    return Err(Stop::problem("other_flag", message, hint));
                }
                read.flags = read.flags.into_iter().filter(|(name, _)| **name == *key).collect();
                return Ok(opened.project.propose_definitions(&opened.environment, &read, Prune::Keep)?);
            }
            Err(error) => {
                terminal.line(&error)?;
                terminal.confirm("Edit it again?", SAY_YES)?;
            }
        }
    }
}

/// Gives a flag another key.
pub(super) fn rename(session: &Session, terminal: &mut Terminal<'_>, arguments: &RenameArguments) -> Result<(), Stop> {
    let RenameArguments { from, to, change } = arguments;
    let mut opened = session.open()?;
    let proposal = opened.project.propose_rename(&opened.environment, from, to)?;
    if terminal.form() == Form::Text {
        let warning = format!("programs that ask for {from} get their code's default until they ask for {to}");
        let warning = terminal.paint(Meaning::Notice, format_args!("warning: {warning}"));
        terminal.line(warning)?;
    }
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Copies a flag under another key.
pub(super) fn clone(session: &Session, terminal: &mut Terminal<'_>, arguments: &CloneArguments) -> Result<(), Stop> {
    let CloneArguments { original, key, same_cohort, change } = arguments;
    let mut opened = session.open()?;
    let cohort = if *same_cohort { Cohort::Same } else { Cohort::New };
    let proposal = opened.project.propose_clone(&opened.environment, original, key, cohort)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Copies flags from another environment.
pub(super) fn copy(session: &Session, terminal: &mut Terminal<'_>, arguments: &CopyArguments) -> Result<(), Stop> {
    let CopyArguments { keys, from, change } = arguments;
    let mut opened = session.open()?;
    let proposal = opened.project.propose_copy(from, &opened.environment, keys)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Takes a flag out.
pub(super) fn archive(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &ArchiveArguments,
) -> Result<(), Stop> {
    let ArchiveArguments { key, change } = arguments;
    let mut opened = session.open()?;
    let proposal = opened.project.propose_archive(&opened.environment, key)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Brings a flag to another stage, and shows each check on the way.
pub(super) fn promote(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &PromoteArguments,
) -> Result<(), Stop> {
    let PromoteArguments { key, to, back, force, change } = arguments;
    let mut opened = session.open()?;
    let direction = match (back, force) {
        (true, _) => Direction::Back,
        (false, Some(_)) => Direction::OnDespite,
        (false, None) => Direction::On,
    };
    let promotion = opened.project.propose_stage(&opened.environment, key, *to, direction)?;
    if terminal.form() == Form::Text {
        for step in &promotion.steps {
            terminal.line(format_args!("{key}: {} → {}", step.from, step.to))?;
            for check in &step.checks {
                let (meaning, word) = match (check.passed, force) {
                    (true, _) => (Meaning::Gain, "ok"),
                    (false, Some(_)) => (Meaning::Notice, "waived"),
                    (false, None) => (Meaning::Loss, "failed"),
                };
                let word = terminal.paint(meaning, format_args!("{word:<6}"));
                terminal.line(format_args!("  {word}  {}: {}", check.name, check.told))?;
            }
        }
    }
    let reason = force.as_deref().or(change.reason.as_deref());
    let steps = Steps(&promotion.steps);
    carry_out_steps(&mut opened, terminal, &promotion.proposal, change.extent(), reason, steps)?;
    let is_last = promotion.steps.last().is_some_and(|step| step.to == LifeStage::Removed);
    if terminal.form() == Form::Text && is_last {
        terminal.line(format_args!("see whether code still uses it: flag-admin refs {key} --path ."))?;
    }
    Ok(())
}
