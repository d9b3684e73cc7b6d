use clap::Subcommand;
use serde::Serialize;

use super::arguments::{ChangeArguments, DryRunArguments};
use super::change::{Extent, carry_out, counted};
use super::plan_text;
use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::{Form, Meaning, SAY_YES, Terminal, columns};
use crate::app::{AppError, Draft, DraftError, DraftStore as _, Proposal, Rebased};
use crate::log::{Actor, Change, EnvironmentName, Head, sentence};

#[derive(Debug, Subcommand)]
pub(super) enum DraftCommand {
    /// Begin an empty draft
    #[command(after_help = "Example:\n  flag-admin draft new && flag-admin rollout set command_history 5% --draft")]
    New(DryRunArguments),
    /// Show what your draft would do, as one
    #[command(after_help = "Examples:\n  flag-admin draft show\n  flag-admin draft show --json")]
    Show,
    /// List everybody's drafts
    #[command(after_help = "Example:\n  flag-admin draft list --json")]
    List,
    /// Put your draft onto the log as it stands, without the changes that others got in the way of
    #[command(after_help = "Example:\n  flag-admin draft rebase")]
    Rebase(DryRunArguments),
    /// Drop your draft
    #[command(after_help = "Example:\n  flag-admin draft drop")]
    Drop(DryRunArguments),
}

/// What a draft would do.
#[derive(Serialize)]
struct Drafted<'p> {
    applied: bool,
    dry_run: bool,
    #[serde(flatten)]
    proposal: &'p Proposal,
    head: Head,
    draft: Summary<'p>,
}

/// A draft in a list.
#[derive(Serialize)]
struct Summary<'d> {
    actor: &'d Actor,
    environment: &'d EnvironmentName,
    base: Head,
    changes: usize,
}

impl<'d> Summary<'d> {
    fn of(draft: &'d Draft) -> Self {
        let (actor, environment) = (draft.actor(), draft.environment());
        Self { actor, environment, base: draft.base(), changes: draft.changes().len() }
    }
}

/// Begins an empty draft.
pub(super) fn new(session: &Session, terminal: &mut Terminal<'_>, how: DryRunArguments) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    if let Some(draft) = opened.stored_draft()?.filter(|draft| !draft.changes().is_empty()) {
        let (actor, environment) = (draft.actor().clone(), draft.environment().clone());
        return Err(AppError::Draft(DraftError::Exists { actor, environment, changes: draft.changes().len() }).into());
    }
    let draft = Draft::new(&opened.project, &opened.environment);
    if !how.dry_run {
        opened.folder.drafts().keep(&draft).map_err(AppError::from)?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&Summary::of(&draft));
    }
    let (environment, base) = (&opened.environment, draft.base());
    if how.dry_run {
        return terminal.line(format_args!("a draft of {environment} would begin from entry {base}, not begun"));
    }
    terminal.line(format_args!("began a draft of {environment} from entry {base}; add to it with --draft"))
}

/// Adds what was proposed to a draft, and shows what the whole of it would do.
pub(super) fn gather(
    opened: &mut Opened,
    terminal: &mut Terminal<'_>,
    mut draft: Draft,
    proposal: &Proposal,
    extent: Extent,
) -> Result<(), Stop> {
    draft.add(proposal.changes());
    opened.project.look_away();
    let joint = opened.project.propose_draft(&draft)?;
    let adds = extent != Extent::Show && !proposal.is_empty();
    if adds {
        opened.folder.drafts().keep(&draft).map_err(AppError::from)?;
    }
    if terminal.form() == Form::Json {
        return print_json(terminal, &draft, &joint);
    }
    plan_text::print(terminal, &joint)?;
    let (added, all) = (counted(proposal.changes().len(), "change"), counted(draft.changes().len(), "change"));
    let environment = &opened.environment;
    match (adds, proposal.is_empty()) {
        (_, true) => terminal.line(format_args!("nothing to add to the draft of {environment}, which has {all}")),
        (false, _) => terminal.line(format_args!("{added} to the draft of {environment}, not added")),
        (true, _) => terminal
            .line(format_args!("added {added} to the draft of {environment}, {all} in all: flag-admin apply --draft")),
    }
}

/// Shows what a draft would do.
pub(super) fn show(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let draft = opened.kept_draft()?;
    let proposal = opened.project.propose_draft(&draft)?;
    if terminal.form() == Form::Json {
        return print_json(terminal, &draft, &proposal);
    }
    plan_text::print(terminal, &proposal)?;
    let (all, environment) = (counted(draft.changes().len(), "change"), &opened.environment);
    terminal.line(format_args!("draft of {environment} from entry {}: {all}", draft.base()))
}

/// Lists everybody's drafts.
pub(super) fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let drafts = session.open_logged()?.folder.drafts().drafts().map_err(AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&drafts.iter().map(Summary::of).collect::<Vec<_>>());
    }
    if drafts.is_empty() {
        return terminal.line("no drafts; begin one: flag-admin rollout set FLAG SHARE --draft");
    }
    let mut rows = vec![["WHOSE", "ENVIRONMENT", "FROM ENTRY", "CHANGES"].map(str::to_owned).to_vec()];
    for draft in &drafts {
        rows.push(vec![
            terminal.paint(Meaning::Name, draft.actor()),
            draft.environment().to_string(),
            draft.base().seq.to_string(),
            draft.changes().len().to_string(),
        ]);
    }
    columns(&rows).iter().try_for_each(|line| terminal.line(line))
}

/// Puts a draft onto the log as it stands.
pub(super) fn rebase(session: &Session, terminal: &mut Terminal<'_>, how: DryRunArguments) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let rebased = opened.project.rebase(&opened.kept_draft()?)?;
    if !how.dry_run {
        opened.folder.drafts().keep(&rebased.draft).map_err(AppError::from)?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&rebased);
    }
    print_rebased(&opened, terminal, &rebased)?;
    if how.dry_run { terminal.line("not rebased") } else { Ok(()) }
}

/// Drops a draft.
pub(super) fn discard(session: &Session, terminal: &mut Terminal<'_>, how: DryRunArguments) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    // A draft that cannot be read can be dropped all the same.
    let changes = match opened.stored_draft() {
        Ok(Some(draft)) => draft.changes().len(),
        Ok(None) => return opened.kept_draft().map(|_| ()),
        Err(_) => 0,
    };
    let actor = &opened.project.operator().actor;
    if how.dry_run {
        if terminal.form() == Form::Json {
            return terminal.json(&serde_json::json!({ "dropped": 0, "changes": changes, "dry_run": true }));
        }
        let (environment, changes) = (&opened.environment, counted(changes, "change"));
        return terminal.line(format_args!("the draft of {environment} with {changes} would be dropped, not dropped"));
    }
    terminal
        .confirm(&format!("Drop the draft of {} with {}?", opened.environment, counted(changes, "change")), SAY_YES)?;
    opened.folder.drafts().remove(&opened.environment, actor).map_err(AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&serde_json::json!({ "dropped": changes }));
    }
    terminal.line(format_args!("dropped the draft of {}, {}", opened.environment, counted(changes, "change")))
}

/// Applies a draft as one, and drops it once that is done.
pub(super) fn apply(
    session: &Session,
    terminal: &mut Terminal<'_>,
    rebase: bool,
    change: &ChangeArguments,
) -> Result<(), Stop> {
    if !session.is_for_draft() {
        let hint = Some("name a file with -f FILE, or apply your draft with --draft");
        return Err(Stop::problem("usage", "there is nothing to apply", hint));
    }
    let mut opened = session.open_logged()?;
    let mut draft = opened.kept_draft()?;
    if rebase {
        let rebased = opened.project.rebase(&draft)?;
        if terminal.form() == Form::Text {
            print_rebased(&opened, terminal, &rebased)?;
        }
        draft = rebased.draft;
    }
    let proposal = opened.project.propose_draft(&draft)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())?;
    if change.extent() != Extent::Show {
        opened.folder.drafts().remove(draft.environment(), draft.actor()).map_err(AppError::from)?;
    }
    Ok(())
}

fn print_json(terminal: &mut Terminal<'_>, draft: &Draft, proposal: &Proposal) -> Result<(), Stop> {
    let head = proposal.base();
    terminal.json(&Drafted { applied: false, dry_run: true, proposal, head, draft: Summary::of(draft) })
}

fn print_rebased(opened: &Opened, terminal: &mut Terminal<'_>, rebased: &Rebased) -> Result<(), Stop> {
    for line in &rebased.since {
        terminal.line(format_args!("since: {} {} (entry {})", line.actor, line.sentence, line.seq))?;
    }
    let state = opened.project.state().environment(&opened.environment);
    let told = |change: &Change| sentence(change, state);
    for change in &rebased.dropped {
        let dropped = terminal.paint(Meaning::Loss, "dropped from the draft:");
        terminal.line(format_args!("{dropped} {}", told(change)))?;
    }
    let kept = counted(rebased.draft.changes().len(), "change");
    terminal.line(format_args!("the draft of {} keeps {kept}, from entry {}", opened.environment, rebased.draft.base()))
}
