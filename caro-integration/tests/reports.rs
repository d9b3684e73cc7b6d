//! What users say about features, and the anonymous reports that come of it: only with consent, shown to the byte, removed when asked.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use caro_integration::{Consent, Features, Host, HostPaths, Outcome};
use flag_client::Recorded;
use serde_json::json;
use support::{Machine, flat, rollout};

const INSTALL_ID: &str = "install-3";

fn consenting() -> Machine {
    Machine::new().reports(Consent::Given).at("2026-02-10T12:00:00Z")
}

fn said(machine: &Machine, arguments: &str) -> String {
    flat(&machine.caro(arguments).unwrap().1)
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![(path.clone(), fs::read(&path).unwrap())] })
        .collect()
}

#[test]
fn without_consent_nothing_is_noted_and_the_channels_are_named() {
    let machine = Machine::new().channel("Discord: #feedback channel");
    let (outcome, text) = machine.caro("caro features feedback command_history --bad").unwrap();
    assert_eq!(outcome, Outcome::Unchanged);
    let expected = "\
Nothing is noted, since you did not agree to anonymous reports.

Reports hold no words. To tell us more, write to:
  Discord: #feedback channel
";
    assert_eq!(text, expected);
    assert_eq!(said(&machine, "caro features report"), "Anonymous reports are off: nothing is recorded, kept or sent.");
    assert_eq!(machine.json("caro features report --show"), json!({ "consent": "withheld", "reports": [] }));
    assert!(files(&machine.state()).is_empty(), "{:?}", files(&machine.state()));
}

#[test]
fn feedback_waits_for_the_end_of_the_day() {
    let machine = consenting().channel("Email: feedback@caro.sh");
    let (outcome, text) = machine.caro("caro features feedback command_history --good").unwrap();
    assert_eq!(outcome, Outcome::Changed);
    let noted = "Noted: command_history works for you. It goes into an anonymous report when today is over.";
    assert_eq!(flat(&text), noted);
    let noted = "Noted: command_history does not work for you. It goes into an anonymous report when today is over. \
                 Reports hold no words. To tell us more, write to: Email: feedback@caro.sh";
    assert_eq!(said(&machine, "caro features feedback command_history --bad --note"), noted);
    let none = "No reports wait to be sent. A day's come when it is over.";
    assert_eq!(said(&machine, "caro features report"), none);
    let unknown = machine.caro("caro features feedback comand_history --good").unwrap_err();
    assert_eq!(unknown, "no feature is named \"comand_history\"\nhint: did you mean command_history?");
}

#[test]
fn a_report_is_shown_to_the_byte_and_names_nobody() {
    let flags = json!({ "enhanced_safety_v2": rollout("beta", "allowed", 50_000) });
    let machine = consenting().install_id(INSTALL_ID).published(&flags, &[]);
    machine.caro("caro features feedback enhanced_safety_v2 --good").unwrap();
    let machine = machine.at("2026-02-11T08:00:00Z");
    let send = if cfg!(feature = "remote") { "Send them: caro features report --send " } else { "" };
    let summary = format!(
        "1 report of 2026-02-10 waits to be sent. None says who you are, or what you typed. \
         See every byte: caro features report --show {send}Remove them: caro features report --clear"
    );
    assert_eq!(said(&machine, "caro features report"), summary);
    let (_, shown) = machine.caro("caro features report --show").unwrap();
    let report: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&report["flag"], &report["day"]), (&json!("enhanced_safety_v2"), &json!("2026-02-10")));
    assert_eq!((&report["stage"], &report["fb_pos"], &report["fb_neg"]), (&json!(50_000), &json!(1), &json!(0)));
    // The same bytes a second time: what is shown is what is sent.
    assert_eq!(machine.json("caro features report --show")["reports"], json!([shown.trim_end()]));
    let kept = files(&machine.outcomes());
    assert!(!kept.is_empty());
    for (path, bytes) in kept {
        assert!(!String::from_utf8_lossy(&bytes).contains(INSTALL_ID), "{}", path.display());
    }

    let (outcome, text) = machine.caro("caro features report --clear").unwrap();
    assert_eq!(outcome, Outcome::Changed);
    assert_eq!(text, "Everything recorded for reports is removed, and one report that waited.\n");
    assert_eq!(machine.json("caro features report"), json!({ "consent": "given", "reports": [] }));
    assert_eq!(said(&machine, "caro features report --show"), "No reports wait to be sent.");
}

#[test]
fn the_kill_of_telemetry_stops_feedback_and_reports_at_once() {
    let machine = consenting();
    machine.caro("caro features feedback command_history --good").unwrap();
    let machine = machine.at("2026-02-11T08:00:00Z");
    assert!(said(&machine, "caro features report").starts_with("1 report of 2026-02-10 waits to be sent."));
    let kept = files(&machine.outcomes());
    machine.caro("caro features kill-switch --enable telemetry").unwrap();

    let (outcome, text) = machine.caro("caro features feedback command_history --bad").unwrap();
    assert_eq!(outcome, Outcome::Unchanged);
    assert!(text.starts_with("Nothing is noted, since telemetry is switched off.\n"), "{text}");
    let features = machine.open();
    assert_eq!(features.client().record("command_history", flag_client::Outcome::Crash, None), Recorded::Off);
    let stopped = "the reports stay as they are: reports are off, since \"telemetry\" is switched off\n\
                   hint: see who switched it off with: caro features kill-switch";
    assert_eq!(machine.caro("caro features report --show").unwrap_err(), stopped);
    #[cfg(feature = "remote")]
    assert_eq!(machine.caro("caro features report --send").unwrap_err(), stopped);
    assert_eq!(files(&machine.outcomes()), kept, "nothing more, and nothing less");

    assert_eq!(said(&machine, "caro features report --clear"), "Everything recorded for reports is removed.");
    machine.caro("caro features kill-switch --disable telemetry").unwrap();
    assert_eq!(said(&machine, "caro features report"), "No reports wait to be sent. A day's come when it is over.");
}

#[cfg(unix)]
#[test]
fn feedback_that_cannot_be_kept_says_why() {
    let machine = consenting();
    // A file where the folder should be.
    fs::create_dir_all(machine.state()).unwrap();
    fs::write(machine.outcomes(), "").unwrap();
    let error = flat(&machine.caro("caro features feedback command_history --good").unwrap_err());
    assert!(
        error.starts_with("what you say about command_history could not be kept: outcomes are lost: HOME/"),
        "{error}"
    );
}

#[cfg(not(feature = "remote"))]
#[test]
fn a_build_without_network_says_how_to_get_one() {
    let expected = "\
this caro uses no network: it fetches nothing and sends nothing
hint: published flags and reports need a caro that is built with the feature `remote`";
    for arguments in ["caro features sync", "caro features report --send"] {
        assert_eq!(consenting().caro(arguments).unwrap_err(), expected, "{arguments}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn reports_are_not_sent_without_consent_or_address() {
    let withheld = Machine::new().caro("caro features report --send").unwrap_err();
    assert_eq!(
        withheld,
        "the reports stay as they are: reports are off, since the user did not consent to them\n\
         hint: reports are sent only if you agree to them in caro's configuration"
    );
    let nowhere = consenting().caro("caro features report --send").unwrap_err();
    assert_eq!(nowhere, "the reports stay as they are: reports have no address: no remote is set up");
}

#[test]
fn a_host_that_never_speaks_of_reports_keeps_none() {
    let machine = Machine::new();
    let paths = HostPaths::in_home(machine.home.path());
    let features = Features::open(paths, Host::new("1.2.0"));
    assert_eq!(features.client().consent(), Consent::Withheld);
}
