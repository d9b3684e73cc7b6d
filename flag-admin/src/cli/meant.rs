use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::arguments::Arguments;

/// Returns the whole command that was meant by one that stands below another, as `flag promote` is by `promote`, where there is but one.
pub(super) fn meant(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let mut found = Vec::new();
    below(&Arguments::command(), "flag-admin", given, &mut found);
    found.pop().filter(|_| found.is_empty())
}

fn below(command: &clap::Command, path: &str, given: &str, found: &mut Vec<String>) {
    for next in command.get_subcommands() {
        let path = format!("{path} {}", next.get_name());
        if next.get_name() == given || next.get_all_aliases().any(|alias| alias == given) {
            found.push(path.clone());
        }
        below(next, &path, given, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant_by(words: &[&str]) -> Option<String> {
        let error = Arguments::command().try_get_matches_from([&["flag-admin"], words].concat()).err();
        error.and_then(|error| meant(&error))
    }

    #[test]
    fn a_command_that_stands_below_another_is_told_in_full() {
        for (words, expected) in [
            (&["promote", "history_search"][..], Some("flag-admin flag promote")),
            (&["create", "history_search"], Some("flag-admin flag new")),
            (&["flag", "conclude"], Some("flag-admin experiment conclude")),
            // Flags, environments and more have a list: which is meant, nobody knows.
            (&["list"], None),
            (&["promot"], None),
            (&["log", "--at"], None),
        ] {
            assert_eq!(meant_by(words).as_deref(), expected, "{words:?}");
        }
    }
}
