//! What a shell and `man` know of the program, made from its own description of its commands.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use super::arguments::Arguments;
use super::problem::Stop;
use super::terminal::{Form, Terminal};

const PROGRAM: &str = "flag-admin";

/// What `man` takes.
#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// Write a page for each command into this folder [default: the program's own page to standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints completions for a shell.
pub(super) fn completions(terminal: &mut Terminal<'_>, shell: Shell) -> Result<(), Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), PROGRAM, &mut script);
    let script = String::from_utf8_lossy(&script);
    if terminal.form() == Form::Json {
        return terminal.json(&json!({ "shell": shell.to_string(), "script": script }));
    }
    terminal.text(&script)
}

/// Prints the manual page, or writes one for each command.
pub(super) fn man(terminal: &mut Terminal<'_>, arguments: &ManArguments) -> Result<(), Stop> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    // From here on each command knows its whole name, as `man` finds it.
    command.build();
    let Some(folder) = &arguments.out else {
        let page = page(&command)?;
        if terminal.form() == Form::Json {
            return terminal.json(&json!({ "page": page }));
        }
        return terminal.text(&page);
    };
    fs::create_dir_all(folder).map_err(|error| Stop::file(folder, "made", &error))?;
    let mut pages = Vec::new();
    write(&command, folder, &mut pages)?;
    if terminal.form() == Form::Json {
        return terminal.json(&json!({ "pages": pages }));
    }
    terminal.line(format_args!("{} pages written to {}", pages.len(), folder.display()))
}

/// Writes the pages of a command and of those below it.
fn write(command: &clap::Command, folder: &Path, pages: &mut Vec<PathBuf>) -> Result<(), Stop> {
    let path = folder.join(format!("{}.1", command.get_display_name().unwrap_or(PROGRAM)));
    fs::write(&path, page(command)?).map_err(|error| Stop::file(&path, "written", &error))?;
    pages.push(path);
    let mut below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below.try_for_each(|below| write(below, folder, pages))
}

fn page(command: &clap::Command) -> Result<String, Stop> {
    let mut page = Vec::new();
    let drawn = Man::new(command.clone()).render(&mut page);
    drawn.map_err(|error| Stop::problem("no_page", format!("the page cannot be written: {error}"), None))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::collections::BTreeSet;

    use super::*;

    fn without_examples(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !help.contains("Example") || !help.contains("flag-admin") {
            found.push(path.trim().to_owned());
        }
        command.get_subcommands().for_each(|below| without_examples(below, &path, found));
    }

    #[test]
    fn every_command_shows_how_it_is_used() {
        let mut found = Vec::new();
        without_examples(&Arguments::command(), "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
    /// Splits a line as a shell does, as far as examples go: words, quotes, and what ends a command.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for next in line.chars() {
            match (quote, next) {
                (Some(open), _) if open == next => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(next);
                    word.get_or_insert_default();
                }
                (None, '|' | '>' | '&' | ';') => break,
                (None, ' ') => words.extend(word.take()),
                _ => word.get_or_insert_default().push(next),
            }
        }
        words.extend(word);
        words
    }

    /// Gathers the examples of a command and of those below it: what stands after the variables that are set for it.
    fn examples(command: &clap::Command, found: &mut Vec<(String, Vec<String>)>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
        for line in help.lines().filter(|line| line.starts_with("  ")) {
            for part in line.trim().split(" | ").flat_map(|part| part.split(" && ")) {
                let words = words(part);
                let program = words.iter().position(|word| !word.contains('='));
                if let Some(at) = program.filter(|at| words[*at] == PROGRAM) {
                    found.push((line.trim().to_owned(), words[at..].to_vec()));
                }
            }
        }
        command.get_subcommands().for_each(|below| examples(below, found));
    }

    #[test]
    #[allow(clippy::indexing_slicing, reason = "places that were just found")]
    fn every_example_is_taken_as_it_stands() {
        let mut found = Vec::new();
        examples(&Arguments::command(), &mut found);
        assert!(found.len() > 100, "{} examples", found.len());
        let refused: Vec<String> = found
            .iter()
            .filter_map(|(line, words)| {
                let error = Arguments::command().try_get_matches_from(words).err()?;
                Some(format!("{line}: {}", error.to_string().lines().next().unwrap_or_default()))
            })
            .collect();
        assert_eq!(refused, Vec::<String>::new());
    }

    /// Returns the variables that a file asks the environment for.
    fn asked_for(code: &str) -> impl Iterator<Item = &str> {
        let quoted = code.split('"').skip(1).step_by(2);
        quoted.filter(|text| {
            text.len() > 3
                && text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
                && !text.starts_with('_')
        })
    }

    #[test]
    fn every_variable_that_is_asked_for_is_in_the_readme() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let readme = fs::read_to_string(here.join("README.md")).unwrap();
        let mut asked = BTreeSet::new();
        for file in ["system.rs", "dashboard_file.rs", "test_clock.rs"] {
            let code = fs::read_to_string(here.join("src/adapters").join(file)).unwrap();
            asked.extend(asked_for(&code).map(str::to_owned));
        }
        assert!(asked.contains("FLAG_PASSPHRASE") && asked.contains("NO_COLOR"), "{asked:?}");
        let missing: Vec<_> = asked.iter().filter(|name| !readme.contains(&format!("`{name}"))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
