use crate::tui::action::Friction;
use crate::tui::command::{BINDINGS, Binding, Command};
use crate::tui::model::{Dialog, Model};
use crate::tui::prose::Row;
use crate::tui::theme::Meaning;

/// Returns the keys that help here, as many as fit. Those that cannot be used now are dimmed. Help is always among them.
pub(in crate::tui) fn hints(model: &Model, columns: usize) -> Row {
    let place = model.place();
    let here = |binding: &&Binding| binding.places.contains(&place) && binding.hint.is_some();
    let help = BINDINGS.iter().filter(here).find(|binding| binding.command == Command::Help);
    let others = BINDINGS.iter().filter(here).filter(|binding| binding.command != Command::Help);
    let others = others.filter(|binding| !is_idle(model, binding.command));
    let last = help.map(|binding| hint(model, binding)).unwrap_or_default();
    let mut row = Row::new();
    for binding in others {
        let next = hint(model, binding);
        if row.width().saturating_add(next.width()).saturating_add(last.width()) > columns {
            break;
        }
        row = row.join(next);
    }
    row.join(last)
}

/// Tells whether a key is right here, but does nothing at the moment.
fn is_idle(model: &Model, command: Command) -> bool {
    match command {
        Command::Back => {
            model.place() == crate::tui::keymap::Place::Flags && model.notice.is_none() && model.filter.is_empty()
        }
        Command::NextField => {
            !matches!(&model.dialog, Some(Dialog::Confirm(confirm)) if confirm.action.friction() == Friction::TypedKey)
        }
        Command::NextRule => model.selected_flag().is_none_or(|flag| flag.rules() == 0),
        _ => false,
    }
}

fn hint(model: &Model, binding: &Binding) -> Row {
    let Some(hint) = binding.hint else { return Row::new() };
    let (key, word) = match binding.need.met(model) {
        Ok(()) => (Meaning::Key, Meaning::Text),
        Err(_) => (Meaning::Muted, Meaning::Muted),
    };
    let text = match binding.command {
        Command::Kill if model.selected_flag().is_some_and(|flag| model.facts.kill_of(flag.key.as_str()).is_some()) => {
            "lift kill"
        }
        _ => hint.word,
    };
    Row::of(key, hint.key).and(word, format!(" {text}  "))
}
