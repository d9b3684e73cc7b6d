use flag_core::{
    Assumption, CellPlan, Certainty, FlagChange, FlagPlan, OptInAssumption, Plan, PlanPopulation, Portion,
};

use crate::tui::prose::{Row, fit};
use crate::tui::theme::Meaning;

/// How many ways in which conditions can come out are listed for one flag.
const CELLS_SHOWN: usize = 16;

/// Says exactly who gains, loses or moves.
pub(in crate::tui) fn rows(plan: &Plan, columns: usize) -> Vec<Row> {
    if plan.flags.is_empty() {
        return Row::plain("Nobody gains, loses or moves.").wrap(columns, 0);
    }
    let mut rows = Vec::new();
    for flag in &plan.flags {
        if !rows.is_empty() {
            rows.push(Row::new());
        }
        rows.extend(flag_rows(flag, columns));
    }
    rows
}

fn flag_rows(plan: &FlagPlan, columns: usize) -> Vec<Row> {
    let of = match plan.population {
        PlanPopulation::OptedIn => "of those who opted in",
        _ => "of everyone",
    };
    let certainty = match plan.certainty {
        Certainty::Exact => "exact",
        Certainty::ByAttributes if plan.cells.iter().all(|cell| cell.opt_ins.is_empty()) => "depends on attributes",
        Certainty::ByAttributes => "depends on opting in",
        _ => "bounds",
    };
    let change = match plan.change {
        FlagChange::Added => ", new",
        FlagChange::Removed => ", goes",
        _ => "",
    };
    let head = Row::of(Meaning::Name, plan.flag.as_str()).and(Meaning::Muted, format!("  {of}, {certainty}{change}"));
    let effect = |meaning, word: &str, nobody: bool, extent: String| {
        let meaning = if nobody { Meaning::Muted } else { meaning };
        Row::of(meaning, format!("  {word} {extent}"))
    };
    let effects = effect(Meaning::Gain, "gain", plan.gained.is_nobody(), plan.gained.to_string())
        .join(effect(Meaning::Loss, "lose", plan.lost.is_nobody(), plan.lost.to_string()))
        .join(effect(Meaning::Notice, "move", plan.moved.is_nobody(), plan.moved.to_string()));
    let mut rows = head.wrap(columns, 2);
    rows.extend(effects.wrap(columns, 2));
    if plan.cells.len() > 1 {
        rows.extend(cell_rows(&plan.cells, plan, columns));
    }
    for warning in &plan.warnings {
        rows.extend(Row::of(Meaning::Notice, "  note: ").and(Meaning::Text, warning.to_string()).wrap(columns, 8));
    }
    rows
}

fn cell_rows(cells: &[CellPlan], plan: &FlagPlan, columns: usize) -> Vec<Row> {
    let share = 11_usize;
    let label = columns.saturating_sub(share.saturating_mul(3)).clamp(12, 44);
    let heading = format!("  {}", fit("where", label.saturating_sub(2)));
    let cell = |text: &str| fit(&format!("{text:>10}"), share);
    let mut rows = vec![Row::of(Meaning::Muted, format!("{heading}{}{}{}", cell("gain"), cell("lose"), cell("move")))];
    // Where some are not listed, it must be those whom it changes nothing for.
    let (first, then): (Vec<_>, Vec<_>) = cells.iter().partition(|cell| cells.len() <= CELLS_SHOWN || touches(cell));
    for found in first.into_iter().chain(then).take(CELLS_SHOWN) {
        let when = assumptions(found, plan);
        rows.push(Row::plain(format!(
            "  {}{}{}{}",
            fit(&when, label.saturating_sub(2)),
            cell(&found.gained.to_string()),
            cell(&found.lost.to_string()),
            cell(&found.moved.to_string()),
        )));
    }
    if let Some(more) = cells.len().checked_sub(CELLS_SHOWN).filter(|more| *more > 0) {
        rows.push(Row::of(Meaning::Muted, format!("  … and {more} more")));
    }
    rows
}

fn touches(cell: &CellPlan) -> bool {
    [cell.gained, cell.lost, cell.moved].iter().any(|part| *part != Portion::NOBODY)
}

fn assumptions(cell: &CellPlan, plan: &FlagPlan) -> String {
    let opted = |assumption: &OptInAssumption| {
        let not = if assumption.opted_in { "" } else { "not " };
        let to = if assumption.flag == plan.flag { String::new() } else { format!(" to {}", assumption.flag) };
        format!("{not}opted in{to}")
    };
    let say = |assumption: &Assumption| {
        let not = if assumption.holds { "" } else { "not " };
        if assumption.flag == plan.flag {
            format!("{not}rule {}", assumption.rule)
        } else {
            format!("{not}rule {} of {}", assumption.rule, assumption.flag)
        }
    };
    let parts: Vec<String> = cell.opt_ins.iter().map(opted).chain(cell.when.iter().map(say)).collect();
    if parts.is_empty() { "everyone".to_owned() } else { parts.join(", ") }
}
