use std::fmt::Write as _;

use flag_core::{Certainty, FlagPlan, PlanPopulation};

use super::change::counted;
use super::plan_text::{conditions, people_text};
use crate::app::{Edit, EditKind, People, Proposal, Subject, UnknownPeople, Verdict};

/// Returns a plan as Markdown for a pull request: a table of who is affected, then each thing that changes. What people wrote stands in
/// code spans, so that it does nothing: no links, no mentions, no HTML.
pub(super) fn markdown(proposal: &Proposal, people: &[Result<People, UnknownPeople>]) -> String {
    let mut out = format!("## Plan for {}\n\n", code(proposal.environment().as_str()));
    if proposal.is_empty() {
        out.push_str("Nothing would change.\n");
        return out;
    }
    let changes = counted(proposal.changes().len(), "change");
    // Writing to a string does not fail.
    let _ = writeln!(out, "{changes}, from entry {} of the log.\n", proposal.base());
    match proposal.access() {
        Verdict::NeedsApproval { cause } => {
            let _ = writeln!(out, "> **Needs another member's approval:** {}\n", code(&cause.to_string()));
        }
        Verdict::Refused { refusal } => {
            let _ = writeln!(out, "> **Not allowed for whoever made this plan:** {}\n", code(&refusal.to_string()));
        }
        _ => {}
    }
    if proposal.plan().flags.is_empty() {
        out.push_str("Nobody gains, loses or moves.\n\n");
    } else {
        table(&mut out, &proposal.plan().flags);
    }
    for (person, plan) in people.iter().zip(&proposal.plan().flags) {
        let _ = writeln!(out, "- {}: {}", code(plan.flag.as_str()), people_text(person));
    }
    if !people.is_empty() {
        out.push('\n');
    }
    for edit in proposal.edits() {
        section(&mut out, edit);
    }
    details(&mut out, &proposal.plan().flags);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn table(out: &mut String, flags: &[FlagPlan]) {
    out.push_str("| flag | gained | lost | moved | of |\n|---|---:|---:|---:|---|\n");
    for plan in flags {
        let of = match (plan.population, plan.certainty) {
            (PlanPopulation::OptedIn, _) => "users who opted in",
            (_, Certainty::Bounds) => "units, as bounds",
            (_, Certainty::ByAttributes) => "units, by attributes",
            _ => "units",
        };
        let FlagPlan { flag, gained, lost, moved, .. } = plan;
        let _ = writeln!(out, "| {} | {gained} | {lost} | {moved} | {of} |", code(flag.as_str()));
    }
    out.push('\n');
}

fn section(out: &mut String, edit: &Edit) {
    let kind = match edit.kind {
        EditKind::Added => "added",
        EditKind::Changed => "changed",
        EditKind::Removed => "removed",
    };
    let subject = if edit.subject == Subject::Kill { "kill of".to_owned() } else { edit.subject.to_string() };
    let _ = writeln!(out, "### {subject} {} {kind}\n", code(&edit.name));
    for field in &edit.fields {
        let _ = writeln!(out, "- {}", code(&field.to_string()));
    }
    if !edit.fields.is_empty() {
        out.push('\n');
    }
}

fn details(out: &mut String, flags: &[FlagPlan]) {
    for plan in flags {
        let told_apart = plan.cells.iter().filter(|cell| !(cell.when.is_empty() && cell.opt_ins.is_empty()));
        let lines: Vec<String> = told_apart
            .map(|cell| {
                let (gained, lost, moved) = (cell.gained, cell.lost, cell.moved);
                let when = code(&conditions(cell, &plan.flag));
                format!("- where {when}: gained {gained}, lost {lost}, moved {moved}")
            })
            .chain(plan.warnings.iter().map(|warning| format!("- **warning:** {warning}")))
            .collect();
        if !lines.is_empty() {
            let _ = writeln!(out, "### effect on {}\n\n{}\n", code(plan.flag.as_str()), lines.join("\n"));
        }
    }
}

/// Returns a text as a code span, in which nothing has a meaning but the fence, which is longer than any run of backticks in it.
fn code(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A bar would end a cell of a table even within a span.
    let plain = plain.replace('|', "\u{2758}");
    let longest = plain.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    let space = if plain.starts_with('`') || plain.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{plain}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_does_nothing() {
        for (text, span) in [
            ("owner: @alice", "`owner: @alice`"),
            ("a `b` c", "``a `b` c``"),
            ("`", "`` ` ``"),
            ("<b>|\n# x", "`<b>\u{2758} # x`"),
        ] {
            assert_eq!(code(text), span);
        }
    }
}
