use flag_core::{CellPlan, Certainty, FlagChange, FlagKey, FlagPlan, Plan, PlanPopulation};

use super::problem::Stop;
use super::terminal::{Meaning, Terminal};
use crate::app::{Edit, EditKind, People, Proposal, Subject, UnknownPeople, Verdict};

/// The most ways in which conditions can come out that are printed one by one.
const CELLS_SHOWN: usize = 8;

/// Prints what a proposal does: each thing that changes, field by field, and who gains, loses or moves.
pub(super) fn print(terminal: &mut Terminal<'_>, proposal: &Proposal) -> Result<(), Stop> {
    for edit in proposal.edits() {
        print_edit(terminal, edit)?;
        if edit.subject == Subject::Flag {
            let plan = proposal.plan().flags.iter().find(|plan| *plan.flag.as_str() == *edit.name);
            print_plan(terminal, plan)?;
        }
    }
    // A segment, a group, a prerequisite or a kill changes what other flags come to.
    let edited = |plan: &FlagPlan| {
        proposal.edits().iter().any(|edit| edit.subject == Subject::Flag && *edit.name == *plan.flag.as_str())
    };
    for plan in proposal.plan().flags.iter().filter(|plan| !edited(plan)) {
        let name = terminal.paint(Meaning::Name, &plan.flag);
        terminal.line(format_args!("flag {name} follows"))?;
        print_plan(terminal, Some(plan))?;
    }
    match proposal.access() {
        Verdict::NeedsApproval { cause } => {
            let needs = terminal.paint(Meaning::Notice, "needs another member's approval:");
            terminal.line(format_args!("{needs} {cause}"))
        }
        Verdict::Refused { refusal } => {
            let refused = terminal.paint(Meaning::Loss, "not allowed:");
            terminal.line(format_args!("{refused} {refusal}"))
        }
        _ => Ok(()),
    }
}

/// Prints the effect on each flag that has one.
pub(super) fn print_effects(terminal: &mut Terminal<'_>, plan: &Plan) -> Result<(), Stop> {
    for effect in &plan.flags {
        let name = terminal.paint(Meaning::Name, &effect.flag);
        let (meaning, kind) = match effect.change {
            FlagChange::Added => (Meaning::Gain, "added"),
            FlagChange::Removed => (Meaning::Loss, "removed"),
            _ => (Meaning::Notice, "changed"),
        };
        let kind = terminal.paint(meaning, kind);
        terminal.line(format_args!("flag {name} {kind}"))?;
        print_plan(terminal, Some(effect))?;
    }
    if plan.flags.is_empty() { print_plan(terminal, None) } else { Ok(()) }
}

fn print_edit(terminal: &mut Terminal<'_>, edit: &Edit) -> Result<(), Stop> {
    let name = terminal.paint(Meaning::Name, &edit.name);
    let (meaning, kind) = match edit.kind {
        EditKind::Added => (Meaning::Gain, "added"),
        EditKind::Changed => (Meaning::Notice, "changed"),
        EditKind::Removed => (Meaning::Loss, "removed"),
    };
    let kind = terminal.paint(meaning, kind);
    terminal.line(format_args!("{} {name} {kind}", edit.subject))?;
    for field in &edit.fields {
        terminal.line(format_args!("  {field}"))?;
    }
    Ok(())
}

fn print_plan(terminal: &mut Terminal<'_>, plan: Option<&FlagPlan>) -> Result<(), Stop> {
    let Some(plan) = plan else {
        let nobody = terminal.paint(Meaning::Muted, "nobody gains, loses or moves");
        return terminal.line(format_args!("  {nobody}"));
    };
    let of = match plan.population {
        PlanPopulation::OptedIn => " of users who opted in",
        _ => " of units",
    };
    let certainty = match plan.certainty {
        Certainty::Bounds => ", as bounds",
        Certainty::ByAttributes if plan.cells.iter().all(|cell| cell.opt_ins.is_empty()) => ", by their attributes",
        Certainty::ByAttributes => ", by what they opted in to",
        _ => "",
    };
    let effect = |meaning, word: &str, nobody: bool, extent: String| {
        let text = format!("{word} {extent}");
        if nobody { text } else { terminal.paint(meaning, text) }
    };
    let gained = effect(Meaning::Gain, "gained", plan.gained.is_nobody(), plan.gained.to_string());
    let lost = effect(Meaning::Loss, "lost", plan.lost.is_nobody(), plan.lost.to_string());
    let moved = effect(Meaning::Notice, "moved", plan.moved.is_nobody(), plan.moved.to_string());
    terminal.line(format_args!("  {gained}, {lost}, {moved}{of}{certainty}"))?;
    let told_apart: Vec<&CellPlan> =
        plan.cells.iter().filter(|cell| !(cell.when.is_empty() && cell.opt_ins.is_empty())).collect();
    for cell in told_apart.iter().take(CELLS_SHOWN) {
        let (gained, lost, moved) = (cell.gained, cell.lost, cell.moved);
        terminal.line(format_args!(
            "    where {}: gained {gained}, lost {lost}, moved {moved}",
            conditions(cell, &plan.flag)
        ))?;
    }
    if told_apart.len() > CELLS_SHOWN {
        let rest = told_apart.len().saturating_sub(CELLS_SHOWN);
        terminal.line(format_args!("    and {rest} more ways (all of them with --json)"))?;
    }
    for warning in &plan.warnings {
        let warning = terminal.paint(Meaning::Notice, format_args!("warning: {warning}"));
        terminal.line(format_args!("  {warning}"))?;
    }
    Ok(())
}

/// Returns how conditions come out in a cell, in words.
pub(super) fn conditions(cell: &CellPlan, planned: &FlagKey) -> String {
    let opt_ins = cell.opt_ins.iter().map(|assumed| {
        let flag = if assumed.flag == *planned { String::new() } else { format!(" to {}", assumed.flag) };
        format!("{}opted in{flag}", if assumed.opted_in { "" } else { "not " })
    });
    let rules = cell.when.iter().map(|assumed| {
        let flag = if assumed.flag == *planned { String::new() } else { format!("{} ", assumed.flag) };
        format!("{flag}{} {}", assumed.rule, if assumed.holds { "holds" } else { "does not" })
    });
    opt_ins.chain(rules).collect::<Vec<_>>().join(", ")
}

/// Returns how many people a plan means for one flag, in words.
pub(super) fn people_text(people: &Result<People, UnknownPeople>) -> String {
    match people {
        Ok(People { gained, lost, moved, population, may_be_nobody, .. }) => {
            let few = if *may_be_nobody { "; so few may be nobody" } else { "" };
            format!("about {gained} gain, {lost} lose, {moved} move, of {population} people{few}")
        }
        Err(UnknownPeople { missing, .. }) if missing.is_empty() => {
            "more decides than is computed, so it is not known how many people that is".to_owned()
        }
        Err(UnknownPeople { missing, .. }) => {
            format!("it is not known how many people that is: the profile does not say {}", missing.join(", "))
        }
    }
}
