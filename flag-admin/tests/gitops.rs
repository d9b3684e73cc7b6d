//! Definitions in a repository: plans for a pull request, limits on them, and files that come back as they went.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::fmt::Write as _;

use flag_admin::adapters::ProjectFolder;
use flag_admin::app::{Operator, Project, Prune};
use flag_admin::definition::Definitions;
use flag_admin::log::{EnvironmentName, Role};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use support::{SAMPLE, Sandbox};

const BEFORE: &str = "\
    [flags.search]\nstage = \"beta\"\nserve = \"on\"\n\n\
    [flags.rank]\nstage = \"beta\"\nrollout = \"50%\"\nprerequisites = { search = [\"on\"] }\n\n\
    [[flags.rank.rules]]\nid = \"mac\"\nwhen = { attribute = \"os\", operator = \"equals\", values = [\"macos\"] }\nserve = \"on\"\n\n\
    [flags.rank.documentation]\nowner = \"@alice\"\ndescription = \"Rank results\"\nrisks = [\"Slower\", \"Colder\"]\n";

const AFTER: &str = "\
    [flags.search]\nstage = \"beta\"\nserve = \"on\"\n\n\
    [flags.rank]\nstage = \"beta\"\nrollout = \"20%\"\nprerequisites = { search = [\"on\"] }\n\n\
    [[flags.rank.rules]]\nid = \"mac\"\nwhen = { attribute = \"os\", operator = \"equals\", values = [\"macos\"] }\nserve = \"on\"\n\n\
    [flags.rank.documentation]\nowner = \"@bob\"\ndescription = \"Rank `results` | <b>\"\nrisks = [\"Slower\", \"Wider\"]\n\n\
    [flags.fresh]\nrollout = \"0.01%\"\n";

fn sandbox(flags: &str) -> Sandbox {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", flags);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox
}

#[test]
fn a_plan_says_by_its_exit_code_whether_something_would_change() {
    let sandbox = sandbox(BEFORE);
    sandbox.write("next.toml", AFTER);
    for (arguments, code) in [
        (&["-f", "flags.toml"][..], 0),
        (&["-f", "flags.toml", "--exit-code"], 0),
        (&["-f", "next.toml"], 0),
        (&["-f", "next.toml", "--exit-code"], 3),
        (&["-f", "next.toml", "--exit-code", "--json"], 3),
        (&["-f", "next.toml", "--exit-code", "--max-lose", "30%"], 3),
        (&["-f", "next.toml", "--exit-code", "--max-lose", "29.999%"], 1),
        (&["-f", "next.toml", "--refuse-reshuffle"], 0),
        (&["-f", "missing.toml", "--exit-code"], 1),
        (&[], 2),
        (&["-f", "next.toml", "--json", "--markdown"], 2),
        (&["-f", "next.toml", "--max-lose", "a few"], 2),
    ] {
        let all: Vec<&str> = ["plan"].iter().chain(arguments).copied().collect();
        assert_eq!(sandbox.project(&all).code, Some(code), "{arguments:?}");
    }
    let run = sandbox.project(&["plan", "-f", "next.toml", "--max-lose", "5%"]);
    assert_eq!(run.err, "error: flag \"rank\": up to 30% lose it, expected at most 5%\n");
    assert!(run.out.contains("gained 0%, lost 0% to 30%"), "what is refused is shown all the same: {}", run.out);
}

#[test]
fn a_plan_is_said_in_words() {
    let sandbox = sandbox(BEFORE);
    sandbox.write("next.toml", AFTER);
    assert_eq!(
        sandbox.project(&["plan", "-f", "next.toml"]).text(),
        "flag fresh added\n  gained 0.01%, lost 0%, moved 0% of units\n  \
         warning: 0.01% of fewer than 30000 units may be nobody\n\
         flag rank changed\n  rollout: 50% → 20%\n  description: \"Rank results\" → \"Rank `results` | <b>\"\n  \
         owner: @alice → @bob\n  risks: now without Colder, with Wider\n  \
         gained 0%, lost 0% to 30%, moved 0% of units, by their attributes\n    \
         where mac holds: gained 0%, lost 0%, moved 0%\n    \
         where mac does not: gained 0%, lost 30%, moved 0%\n\
         2 changes to production, not applied\n"
    );
}

#[test]
fn a_plan_for_a_pull_request_keeps_its_layout() {
    let sandbox = sandbox(BEFORE);
    sandbox.write("next.toml", AFTER);
    sandbox.write("population.toml", "population = 120000\n[attributes.os]\nmacos = \"40%\"\n");
    let run = sandbox.project(&["plan", "-f", "next.toml", "--markdown", "--profile", "population.toml"]);
    let text = run.text();
    let head = &text[text.find("from entry ").unwrap()..text.find(" of the log").unwrap()];
    insta::assert_snapshot!(text.replace(head, "from entry N"), @r#"
    ## Plan for `production`

    2 changes, from entry N of the log.

    | flag | gained | lost | moved | of |
    |---|---:|---:|---:|---|
    | `fresh` | 0.01% | 0% | 0% | units |
    | `rank` | 0% | 0% to 30% | 0% | units, by attributes |

    - `fresh`: about 12 gain, 0 lose, 0 move, of 120000 people
    - `rank`: about 0 gain, 21600 lose, 0 move, of 120000 people

    ### flag `fresh` added

    ### flag `rank` changed

    - `rollout: 50% → 20%`
    - ``description: "Rank results" → "Rank `results` ❘ <b>"``
    - `owner: @alice → @bob`
    - `risks: now without Colder, with Wider`

    ### effect on `rank`

    - where `mac holds`: gained 0%, lost 0%, moved 0%
    - where `mac does not`: gained 0%, lost 30%, moved 0%
    "#);
}

#[test]
fn a_profile_turns_portions_into_people() {
    let sandbox = sandbox(BEFORE);
    sandbox.write("next.toml", AFTER);
    let people = |profile: &str| {
        sandbox.write("population.toml", profile);
        sandbox.project(&["plan", "-f", "next.toml", "--profile", "population.toml", "--json"]).json()["people"].clone()
    };
    // Of the 60 % without macOS, 30 % lose it.
    let fresh = |gained: u64, population: u64, few: bool| json!({"flag": "fresh", "gained": gained, "lost": 0, "moved": 0, "population": population, "may_be_nobody": few});
    let rank = |lost: u64, population: u64| json!({"flag": "rank", "gained": 0, "lost": lost, "moved": 0, "population": population, "may_be_nobody": false});
    assert_eq!(
        people("population = 120000\n[attributes.os]\nmacos = \"40%\"\nlinux = \"60%\"\n"),
        json!([fresh(12, 120_000, false), rank(21_600, 120_000)])
    );
    assert_eq!(
        people("population = 10000\n[attributes.os]\nmacos = \"100%\"\n"),
        json!([fresh(1, 10_000, true), rank(0, 10_000)])
    );
    assert_eq!(
        people("population = 1000\n"),
        json!([fresh(0, 1_000, true), {"flag": "rank", "missing": ["attribute os"]}])
    );
    // The plan's own warning goes by what is known: of 120,000 people 0.01 % are some, of 10,000 perhaps nobody.
    for (population, warned) in [("120000", false), ("10000", true)] {
        sandbox.write("population.toml", &format!("population = {population}\n"));
        let plan = sandbox.project(&["plan", "-f", "next.toml", "--profile", "population.toml", "--json"]).json();
        assert_eq!(plan["plan"]["flags"][0].get("warnings").is_some(), warned, "{population}: {plan}");
    }
    for (profile, message) in [
        (
            "population = 5\n[segments]\nstaff = \"200%\"\n",
            "error: population.toml: segments.staff: share \"200%\" is above 100%\n",
        ),
        (
            "population = 5\n[attributes.os]\na = \"60%\"\nb = \"60%\"\n",
            "error: population.toml: attributes.os: shares come to 120%, expected at most 100%\n",
        ),
    ] {
        sandbox.write("population.toml", profile);
        assert_eq!(sandbox.project(&["plan", "-f", "next.toml", "--profile", "population.toml"]).err, message);
    }
}

#[test]
fn a_group_whose_seed_changes_draws_its_slots_anew() {
    let group = |seed: &str| {
        format!(
            "[groups.search]\nseed = \"{seed}\"\n\n[flags.aa]\nrollout = \"50%\"\ngroup = {{ name = \"search\", slots = [[0, 50000]] }}\n"
        )
    };
    let sandbox = sandbox(&group("one"));
    sandbox.write("next.toml", &group("two"));
    let run = sandbox.project(&["plan", "-f", "next.toml", "--refuse-reshuffle"]);
    assert!(run.out.contains("warning: seed or unit changed: every bucket is drawn anew\n"), "{}", run.out);
    assert_eq!(
        (run.code, run.err.as_str()),
        (Some(1), "error: flag \"aa\": seed or unit changes, so every bucket is drawn anew\n")
    );
}

#[test]
fn a_flag_that_was_pruned_comes_back_as_it_was() {
    let sandbox = sandbox("[flags.aa]\nrollout = \"50%\"\nseed = \"old\"\n");
    sandbox.write("none.toml", "");
    sandbox.project(&["apply", "-f", "none.toml", "--prune", "--yes"]).text();
    for (flag, message) in [
        (
            "rollout = \"5%\"\nseed = \"new\"\n",
            "error: flag \"aa\": seed is \"new\", expected \"old\" as when the flag was made",
        ),
        (
            "variants = { x = 1, y = 2 }\noff_variant = \"x\"\nserve = \"x\"\n",
            "error: flag \"aa\": variants are of type integer, expected bool as hosts read them",
        ),
    ] {
        sandbox.write("again.toml", &format!("[flags.aa]\n{flag}"));
        let run = sandbox.project(&["apply", "-f", "again.toml", "--yes"]);
        assert_eq!((run.code, run.err.lines().next()), (Some(1), Some(message)));
    }
    sandbox.write("again.toml", "[flags.aa]\nrollout = \"5%\"\n");
    sandbox.project(&["apply", "-f", "again.toml", "--yes"]).text();
    assert!(sandbox.project(&["export"]).text().contains("seed = \"old\""), "the same people get it as before");
}

#[test]
fn an_attribute_has_one_value() {
    let sandbox = Sandbox::with_sample();
    let run = sandbox.project(&["why", "mlx_backend", "--attr", "os=macos", "--attr", "arch=x", "--attr", "os=linux"]);
    assert_eq!(
        (run.code, run.err.lines().next()),
        (Some(2), Some("error: attribute \"os\" is given twice, expected one value"))
    );
}

/// What a flag or a rule serves: its lines at a flag. A rule has them in braces.
fn serve(name: &'static str) -> BoxedStrategy<Vec<String>> {
    let share = select(vec!["0%", "0.001%", "7%", "33.333%", "50%", "100%"]);
    let rollout = share.prop_map(|share| format!("rollout = \"{share}\""));
    if name.starts_with("text") {
        let weights = (0..=100_u32).prop_map(|a| format!("weights = {{ a = \"{a}%\", b = \"{}%\" }}", 100 - a));
        let split = (rollout, weights).prop_map(|(rollout, weights)| vec![rollout, weights]);
        prop_oneof![split, Just(vec!["serve = \"a\"".to_owned()])].boxed()
    } else {
        prop_oneof![rollout.prop_map(|rollout| vec![rollout]), Just(vec!["serve = \"on\"".to_owned()])].boxed()
    }
}

/// A flag as a person may write it. A flag of one name keeps its type, as hosts demand.
fn flag(name: &'static str) -> impl Strategy<Value = String> {
    let when = select(vec![
        "{ attribute = \"os\", operator = \"in\", values = [\"macos\", 5, true] }",
        "{ any = [{ segment = \"team\" }, { not = { attribute = \"a.b\", operator = \"exists\" } }] }",
    ]);
    let stage = select(vec!["development", "internal", "beta", "ga"]);
    let words = select(vec!["", "plain", "it's \"quoted\" \\ ünïcode", "two\nlines"]);
    let rule = proptest::option::of((when, serve(name)));
    (serve(name), rule, stage, words, any::<bool>(), any::<bool>()).prop_map(
        move |(served, rule, stage, words, enabled, prerequisite)| {
            let served = served.join("\n");
            let mut text = format!("[flags.{name}]\nstage = \"{stage}\"\nenabled = {enabled}\n{served}\n");
            if name.starts_with("text") {
                text.push_str("variants = { none = \"\", a = \"A\", b = \"B\" }\noff_variant = \"none\"\n");
            }
            if prerequisite {
                text.push_str("prerequisites = { base = [\"on\"] }\n");
            }
            let _ = writeln!(text, "documentation.description = {}", toml_text(words));
            if let Some((when, served)) = rule {
                let served = match served.join(", ") {
                    variant if variant.starts_with("serve") => variant,
                    split => format!("serve = {{ {split} }}"),
                };
                let _ = write!(text, "[[flags.{name}.rules]]\nid = \"r\"\nwhen = {when}\n{served}\n");
            }
            text
        },
    )
}

fn toml_text(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn file() -> impl Strategy<Value = String> {
    let some = |name| proptest::option::of(flag(name));
    (some("switch_a"), some("switch_b"), some("text_a"), some("text_b")).prop_map(|(a, b, c, d)| {
        let base = "[flags.base]\nstage = \"ga\"\n[segments.team]\nattribute = \"team\"\noperator = \"in\"\nvalues = [\"core\"]\n";
        [Some(base.to_owned()), a, b, c, d].into_iter().flatten().collect()
    })
}

fn exported(project: &Project) -> String {
    project.definitions(&EnvironmentName::production()).unwrap().to_toml()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was applied, and whatever was there before: what is exported applies to nothing, and comes back byte for byte.
    #[test]
    fn export_and_apply_round_trip(files in proptest::collection::vec(file(), 1..4)) {
        let sandbox = Sandbox::with_project();
        let operator = Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager };
        let mut project = ProjectFolder::find(&sandbox.path("flags")).unwrap().open(operator).unwrap();
        let environment = EnvironmentName::production();
        for text in files {
            let definitions = Definitions::from_toml(&text, "flags.toml").unwrap_or_else(|error| panic!("{error}\n{text}"));
            let proposal = project.propose_definitions(&environment, &definitions, Prune::Archive).unwrap();
            project.commit(&proposal, None).unwrap();
            let out = exported(&project);
            let read = Definitions::from_toml(&out, "exported.toml").unwrap_or_else(|error| panic!("{error}\n{out}"));
            prop_assert_eq!(&read.to_toml(), &out);
            let again = project.propose_definitions(&environment, &read, Prune::Archive).unwrap();
            prop_assert!(again.is_empty(), "{:?}", again.edits());
            // The file that was applied says nothing new either.
            let same = project.propose_definitions(&environment, &definitions, Prune::Archive).unwrap();
            prop_assert!(same.is_empty(), "{:?}\n{}", same.edits(), text);
        }
    }
}

#[test]
fn the_sample_comes_back_byte_for_byte() {
    let sandbox = Sandbox::with_sample();
    let first = sandbox.project(&["export"]);
    sandbox.write("exported.toml", first.text());
    assert_eq!(sandbox.project(&["plan", "-f", "exported.toml", "--prune", "--exit-code"]).code, Some(0));
    assert_eq!(sandbox.project(&["plan", "-f", SAMPLE, "--prune", "--exit-code"]).code, Some(0));
    let other = Sandbox::with_project();
    other.write("exported.toml", first.text());
    other.project(&["apply", "-f", "exported.toml", "--yes"]).text();
    assert_eq!(other.project(&["export"]).text(), first.text());
}
