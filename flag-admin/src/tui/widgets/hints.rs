use crossterm::event::KeyCode;

use crate::tui::command::{Binding, Command};
use crate::tui::keymap::{Key, Place};
use crate::tui::model::{Dialog, Model};
use crate::tui::prose::Row;
use crate::tui::theme::Meaning;
use crate::tui::widgets::notice::Notice;

/// A key that helps, as the hint bar shows it.
pub(in crate::tui) struct Shown {
    pub(in crate::tui) row: Row,
    pub(in crate::tui) key: Option<Key>,
}

/// Returns the keys that help here, as many as fit. Those that cannot be used now are dimmed. Help, and the way out of the
/// program, are always among them.
pub(in crate::tui) fn hints(model: &Model, columns: usize) -> Vec<Shown> {
    let place = model.place();
    let here = || model.keymap.bindings(place).filter(|(binding, _)| binding.hint.is_some());
    let kept: Vec<Shown> = here()
        .filter(|(binding, _)| is_kept(binding.command))
        .map(|(binding, keys)| hint(model, binding, keys))
        .collect();
    let room = columns.saturating_sub(kept.iter().map(|hint| hint.row.width()).sum());
    let mut shown = Vec::new();
    let mut used = 0_usize;
    for (binding, keys) in here() {
        if is_kept(binding.command) || is_idle(model, binding.command) {
            continue;
        }
        let next = hint(model, binding, keys);
        if used.saturating_add(next.row.width()) > room {
            break;
        }
        used = used.saturating_add(next.row.width());
        shown.push(next);
    }
    shown.extend(kept);
    shown
}

const fn is_kept(command: Command) -> bool {
    matches!(command, Command::Help | Command::Quit)
}

/// Tells whether a key is right here, but does nothing at the moment.
fn is_idle(model: &Model, command: Command) -> bool {
    match command {
        Command::Back => {
            let is_told = model.notice.as_ref().is_some_and(Notice::is_trouble);
            model.place() == Place::Flags && !is_told && model.filter.is_empty()
        }
        Command::NextField => !matches!(
            &model.dialog,
            Some(Dialog::Confirm(confirm))
                if confirm.word.is_some()
        ),
        Command::Keep => !matches!(&model.dialog, Some(Dialog::Confirm(confirm)) if confirm.action.is_draftable()),
        Command::NextRule => model.selected_flag().is_none_or(|flag| flag.rules() == 0),
        Command::Pause => model.selected_flag().is_none_or(|flag| model.facts.rollout_of(flag.key.as_str()).is_none()),
        Command::Apply => model.facts.draft.is_none(),
        Command::Approve | Command::Reject => model.facts.requests.is_empty(),
        _ => false,
    }
}

fn hint(model: &Model, binding: &Binding, keys: &[Key]) -> Shown {
    let (meaning, word) = match binding.need.met(model) {
        Ok(()) => (Meaning::Key, Meaning::Text),
        Err(_) => (Meaning::Muted, Meaning::Muted),
    };
    let text = match binding.command {
        Command::Kill if model.selected_flag().is_some_and(|flag| model.facts.kill_of(flag.key.as_str()).is_some()) => {
            "lift kill"
        }
        Command::Freeze if model.link.frozen.is_some() => "go on",
        _ => binding.hint.unwrap_or_default(),
    };
    let name = match keys.first() {
        // One hint for both ways.
        Some(Key::Code(KeyCode::Down)) => "↑↓".to_owned(),
        Some(key) => key.to_string(),
        None => String::new(),
    };
    Shown { row: Row::of(meaning, name).and(word, format!(" {text}  ")), key: keys.first().copied() }
}
