//! The command that does, or shows, what is on the screen: whatever is done here can be done without it.

use super::action::Action;
use super::model::{Dialog, Model, Screen};
use super::room::Room;
use super::screens::detail::Tab;
use crate::rollout::Schedule;

/// Returns the command with all that it needs, as a shell reads it.
pub(super) fn command(model: &Model) -> String {
    let words = match (&model.dialog, model.screens.last()) {
        (Some(dialog), _) => of_dialog(model, dialog),
        (None, Some(Screen::Detail { tab, .. })) => of_flag(model, *tab),
        (None, Some(Screen::Entry { seq, .. })) => vec!["log".to_owned(), "--at".to_owned(), seq.to_string()],
        (None, None) => of_room(model),
    };
    let environment = model.facts.environment.as_str();
    let mut all = vec!["flag-admin".to_owned()];
    if environment != "production" {
        all.extend(["--env".to_owned(), environment.to_owned()]);
    }
    all.extend(words);
    all.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn of_room(model: &Model) -> Vec<String> {
    let text = match model.room {
        Room::Flags => return of_flag(model, Tab::Overview),
        Room::Kills => "kill list",
        Room::Experiments => "flag list",
        Room::Audit => "log",
        Room::Simulate if model.facts.draft.is_some() => "draft show",
        Room::Simulate => "plan",
        Room::Pending => "draft show",
    };
    text.split(' ').map(str::to_owned).collect()
}

fn of_flag(model: &Model, tab: Tab) -> Vec<String> {
    let Some(flag) = model.selected_flag() else { return vec!["flag".to_owned(), "list".to_owned()] };
    let key = flag.key.to_string();
    match tab {
        Tab::Explain => {
            let mut words = vec!["why".to_owned(), key];
            for part in model.explain.input.text().split_whitespace() {
                match part.strip_prefix("unit=") {
                    Some(unit) => words.extend(["--unit".to_owned(), unit.to_owned()]),
                    None => words.extend(["--attr".to_owned(), part.to_owned()]),
                }
            }
            words
        }
        Tab::Overview | Tab::Rules | Tab::History => vec!["flag".to_owned(), "show".to_owned(), key],
    }
}

fn of_dialog(model: &Model, dialog: &Dialog) -> Vec<String> {
    let action = match dialog {
        Dialog::Share(form) => form.action(),
        Dialog::Steps(form) => form.action(),
        Dialog::Awaited(awaited) => Some(awaited.action.clone()),
        Dialog::Confirm(confirm) => Some(confirm.action.clone()),
        Dialog::Publish(form) => return vec!["publish".to_owned(), "--to".to_owned(), form.out.text()],
        Dialog::Passphrase(_) => None,
    };
    match action {
        Some(action) => of_action(&action),
        None => of_flag(model, Tab::Overview),
    }
}

fn of_action(action: &Action) -> Vec<String> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    match action {
        Action::Share { flag, rule, share } => {
            let mut all = words("rollout set");
            all.extend([flag.to_string(), share.to_string()]);
            all.extend(rule.iter().flat_map(|rule| ["--rule".to_owned(), rule.to_string()]));
            all
        }
        Action::Kill { flag, .. } => vec!["kill".to_owned(), flag.to_string()],
        Action::Unkill { target } => vec!["unkill".to_owned(), target.to_string()],
        Action::Start { flag, schedule } => {
            let mut all = words("rollout start");
            let (option, value) = if Schedule::NAMES.contains(&schedule.name()) {
                ("--schedule", schedule.name())
            } else {
                ("--plan", "plan.toml")
            };
            all.extend([flag.to_string(), option.to_owned(), value.to_owned()]);
            all
        }
        Action::Move { flag, event } => {
            let verb = serde_json::to_value(event).ok().and_then(|event| event.as_str().map(str::to_owned));
            vec!["rollout".to_owned(), verb.unwrap_or_default(), flag.to_string()]
        }
        Action::Undo { line } => vec!["undo".to_owned(), line.seq.to_string()],
        Action::Apply => words("apply --draft"),
        Action::Approve { request } => vec!["approve".to_owned(), request.to_string()],
        Action::Reject { request } => vec!["reject".to_owned(), request.to_string()],
        Action::Drop => words("draft drop"),
        Action::Rebase => words("draft rebase"),
    }
}

/// Puts a word into quotes that a shell would take apart.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=%@,+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_survive_a_shell() {
        for (word, expected) in
            [("25%", "25%"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("", "''"), ("$(rm)", "'$(rm)'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }
}
