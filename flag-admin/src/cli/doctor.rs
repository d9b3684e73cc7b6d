use serde_json::json;

use super::change::counted;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::{ProjectFolder, Protection, SystemClock, inspect_key};
use crate::app::ports::{Clock as _, Publisher};
use crate::app::{Failure, Finding, Health, KeyFact, ROLE_NAMES, SeenKey, TargetFact, audit, examine_log, with_causes};

/// Says what is wrong with the project: its store, clock, roots, keys, snapshots and the places they are published to.
pub(super) fn doctor(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let folder = session.folder()?;
    let findings = look(session, &folder);
    let count = |health: Health| findings.iter().filter(|finding| finding.health == health).count();
    let (errors, warnings) = (count(Health::Error), count(Health::Warning));
    if terminal.form() == Form::Json {
        terminal
            .json(&json!({ "healthy": errors == 0, "version": env!("CARGO_PKG_VERSION"), "findings": findings }))?;
    } else {
        for finding in &findings {
            print(terminal, finding)?;
        }
    }
    if errors > 0 {
        let message = format!("found {} and {}", counted(errors, "error"), counted(warnings, "warning"));
        return Err(Stop::problem("unhealthy", message, None));
    }
    Ok(())
}

fn print(terminal: &mut Terminal<'_>, finding: &Finding) -> Result<(), Stop> {
    let (word, meaning) = match finding.health {
        Health::Ok => ("ok     ", Meaning::Gain),
        Health::Warning => ("warning", Meaning::Notice),
        Health::Error => ("error  ", Meaning::Loss),
    };
    let word = terminal.paint(meaning, word);
    terminal.line(format_args!("{word}  {:<8}  {}", finding.check, finding.message))?;
    match &finding.hint {
        Some(hint) => terminal.line(format_args!("{:19}hint: {hint}", "")),
        None => Ok(()),
    }
}

fn look(session: &Session, folder: &ProjectFolder) -> Vec<Finding> {
    let mut findings = Vec::new();
    match folder.log() {
        Err(error) => findings.push(broken_store(&error)),
        Ok(log) => match audit(&*log, None) {
            Ok(report) => findings.extend(examine_log(&report, SystemClock.now())),
            Err(error) => findings.push(broken_store(&error)),
        },
    }
    let keys = folder.keys();
    let facts: Vec<KeyFact> = ROLE_NAMES
        .into_iter()
        .map(|role| {
            let seen = inspect_key(&keys.path(role), role).map(|key| SeenKey {
                place: key.path.display().to_string(),
                encrypted: key.protection == Protection::Encrypted,
                public: key.public,
            });
            KeyFact { role, key: seen }
        })
        .collect();
    let project = session.operator(folder.settings().actor.as_ref()).and_then(|operator| Ok(folder.open(operator)?));
    let Ok(project) = project else {
        // What keeps the project from opening was said of its store, unless the store is whole.
        if findings.iter().all(|finding| finding.health == Health::Ok) {
            let message = "the project does not open".to_owned();
            let hint = Some("flag-admin log says why".to_owned());
            findings.push(Finding { check: "store", health: Health::Error, message, hint });
        }
        return findings;
    };
    // One place at a time: all of a project's are under one lock.
    findings.extend(project.examine(&facts));
    for (environment, target) in &folder.settings().publish_to {
        let place = folder.publisher(environment, target.as_ref()).map(|place| Box::new(place) as Box<dyn Publisher>);
        let fact = TargetFact { environment: environment.clone(), place };
        findings.extend(project.examine_target(&fact));
    }
    findings
}

fn broken_store(error: &impl Failure) -> Finding {
    Finding { check: "store", health: Health::Error, message: with_causes(error), hint: error.hint() }
}
