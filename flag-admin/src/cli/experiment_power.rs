use clap::Args;
use flag_core::Share;
use serde::Serialize;

use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::app::Failure;
use crate::definition::{Better, Practical, Scale};
use crate::experiment::wording::{percent, threshold};
use crate::experiment::{Aim, Choices, Design, Plan, Planned, PlanningError};

/// What `experiment power` takes.
#[derive(Debug, Args)]
pub(super) struct PowerArguments {
    /// The flag, for what it declares
    flag: Option<String>,
    /// The share as it is now [default: the one declared]
    #[arg(long, value_name = "SHARE")]
    baseline: Option<Share>,
    /// The share to tell from it
    #[arg(long, value_name = "SHARE", group = "aim")]
    to: Option<Share>,
    /// The improvement to find, as a part of the baseline
    #[arg(long, value_name = "SHARE", group = "aim")]
    relative_lift: Option<Share>,
    /// The improvement to find, in percentage points
    #[arg(long, value_name = "SHARE", group = "aim")]
    absolute_pp: Option<Share>,
    /// The improvement to find, as the part of failures that are gone
    #[arg(long, value_name = "SHARE", group = "aim")]
    fewer_failures: Option<Share>,
    /// A smaller share is better
    #[arg(long)]
    lower: bool,
    /// How likely it is to be found, if it is there
    #[arg(long, value_name = "SHARE", default_value = "80%")]
    power: Share,
    /// Tell what so many units in each variant can find, too
    #[arg(long, value_name = "N")]
    units: Option<u64>,
    /// How many units come a day, over both variants
    #[arg(long, value_name = "N")]
    per_day: Option<u64>,
}

/// The answer, and what was asked.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<&'a str>,
    better: Better,
    #[serde(skip_serializing_if = "Option::is_none")]
    practical: Option<Practical>,
    #[serde(flatten)]
    planned: &'a Planned,
}

/// Tells how many units an experiment needs.
pub(super) fn power(session: &Session, terminal: &mut Terminal<'_>, arguments: &PowerArguments) -> Result<(), Stop> {
    let design = arguments.flag.as_deref().map(|flag| design(session, flag)).transpose()?;
    let baseline = arguments.baseline.or_else(|| design.as_ref().and_then(|design| design.baseline));
    let Some(baseline) = baseline else {
        let hint = Some("say what the share is now: --baseline 94%");
        return Err(Stop::problem("usage", "there is no baseline", hint));
    };
    let better = match &design {
        Some(design) if !arguments.lower => design.better,
        _ if arguments.lower => Better::Lower,
        _ => Better::Higher,
    };
    let aim = aim(arguments, design.as_ref());
    let part = |share: Share| f64::from(share.thousandths()) / 100_000.0;
    let (units, per_day) =
        (arguments.units.or_else(|| design.as_ref().and_then(|design| design.units)), arguments.per_day);
    let plan = Plan { baseline: part(baseline), better, aim, power: part(arguments.power), units, per_day };
    let planned = plan.work_out()?;
    let practical = match aim {
        Aim::Worth(practical) => Some(practical),
        Aim::Share(_) => None,
    };
    if terminal.form() == Form::Json {
        let flag = design.as_ref().map(|design| design.flag.as_str());
        return terminal.json(&Answer { flag, better, practical, planned: &planned });
    }
    print(terminal, &planned, practical)
}

fn design(session: &Session, flag: &str) -> Result<Design, Stop> {
    let opened = session.open()?;
    Ok(opened.project.experiment(&opened.environment, flag, &Choices::default())?)
}

fn aim(arguments: &PowerArguments, design: Option<&Design>) -> Aim {
    let named = [
        (arguments.relative_lift, Scale::RelativeLift),
        (arguments.absolute_pp, Scale::AbsolutePp),
        (arguments.fewer_failures, Scale::RelativeReductionOfFailures),
    ];
    let named = named.into_iter().find_map(|(share, scale)| share.map(|threshold| Practical { scale, threshold }));
    match (arguments.to, named) {
        (Some(share), _) => Aim::Share(f64::from(share.thousandths()) / 100_000.0),
        (None, Some(practical)) => Aim::Worth(practical),
        (None, None) => Aim::Worth(design.map_or_else(Practical::default, |design| design.practical)),
    }
}

fn print(terminal: &mut Terminal<'_>, planned: &Planned, practical: Option<Practical>) -> Result<(), Stop> {
    let worth = practical.map(|practical| format!(", {}", threshold(practical))).unwrap_or_default();
    let units = terminal.paint(Meaning::Name, format_args!("{} units in each variant", planned.units_needed));
    terminal.line(format_args!(
        "{units} tell {} from {}{worth}, with a chance of {}",
        percent(planned.target),
        percent(planned.baseline),
        percent(planned.power)
    ))?;
    if planned.units_needed > planned.units_for_power {
        terminal.line(format_args!(
            "  {} would do for that; fewer than {} are never enough to decide",
            planned.units_for_power, planned.units_needed
        ))?;
    }
    if let Some(days) = planned.days {
        terminal.line(format_args!("  that takes {days} days"))?;
    }
    terminal.line("")?;
    let header = ["UNITS EACH", "FINDS IT", "FINDS FROM ABOVE", "FINDS FROM BELOW"].map(str::to_owned).to_vec();
    let shown = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
    let rows = planned
        .with_units
        .iter()
        .map(|with| vec![with.units.to_string(), percent(with.power), shown(with.above), shown(with.below)]);
    terminal.table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

impl Failure for PlanningError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            _ => "bad_number",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => Some(
                "count failures instead, with --fewer-failures or { relative_reduction_of_failures = \"20%\" }"
                    .to_owned(),
            ),
            _ => Some("shares lie between 0% and 100%, both excluded, and differ".to_owned()),
        }
    }
}
