//! Experiments from the command line: declared, compared, decided and ended.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

#[path = "support/postgres.rs"]
mod cluster;
mod support;

use cluster::Cluster;
use flag_admin::adapters::SqliteLog;
use flag_admin::app::ports::CellStore as _;
use flag_client::report::parse;
use flag_core::Timestamp;
use support::Sandbox;

const COUNTS: &str = "\
variant,metric,successes,units
control,command_success_rate,940,1000
treatment,command_success_rate,970,1000
control,error_rate,60,1000
treatment,error_rate,30,1000
";

/// A project whose sample experiment declares what is to be decided.
fn declared(lines: &str) -> Sandbox {
    let sandbox = Sandbox::with_sample();
    let exported = sandbox.project(&["export"]).text().to_owned();
    let definitions: String = exported.split_inclusive('\n').filter(|line| !line.starts_with("experiment.")).collect();
    let table = "[flags.command_model_comparison.documentation]\n";
    assert!(definitions.contains(table));
    let declared = definitions.replace(table, &format!("{table}{lines}"));
    sandbox.write("flags.toml", &declared);
    sandbox.write("counts.csv", COUNTS);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    assert_eq!(
        sandbox.project(&["apply", "-f", "flags.toml", "--yes", "--json"]).json()["edits"],
        serde_json::json!([])
    );
    sandbox
}

const BY_LIFT: &str = "experiment.metric = \"command_success_rate\"\n";
const BY_FAILURES: &str = "\
experiment.metric = \"command_success_rate\"
experiment.practical = { relative_reduction_of_failures = \"20%\" }
experiment.units = 1000
experiment.guardrails = [{ metric = \"error_rate\", margin = \"1%\" }]
";
const ANALYZE: [&str; 5] = ["experiment", "analyze", "command_model_comparison", "--csv", "counts.csv"];

#[test]
fn a_real_but_small_improvement_is_not_shipped() {
    let sandbox = declared(BY_LIFT);
    let analysis = sandbox.project(&[&ANALYZE[..], &["--json"]].concat()).json();
    assert_eq!(analysis["verdict"]["kind"], "significant_but_small");
    assert_eq!(analysis["keep"], "control");
    let p = analysis["primary"]["test"]["p"].as_f64().unwrap();
    assert!((p - 0.001_212_496_586_154).abs() < 1e-12, "{p}");
    let text = sandbox.project(&ANALYZE).text().to_owned();
    assert!(
        text.starts_with("command_model_comparison: treatment against control: Significant, but small\n"),
        "{text}"
    );
    assert!(
        text.contains(
            "command_success_rate is 97.00% with treatment and 94.00% with control, 3.19% better: p = 0.0012."
        )
    );
    assert!(text.contains("3.19% (1.24% to 5.18%)"), "{text}");
    let refused = sandbox.project(&[
        "experiment",
        "conclude",
        "command_model_comparison",
        "--ship",
        "--csv",
        "counts.csv",
        "--yes",
    ]);
    assert_eq!(refused.code, Some(1));
    let told = "error: the verdict is \"Significant, but small\", which does not say to give everyone \"treatment\"\n";
    assert!(refused.err.starts_with(told), "{}", refused.err);
}

#[test]
fn an_experiment_is_concluded_by_its_verdict() {
    let sandbox = declared(BY_FAILURES);
    let conclude = ["experiment", "conclude", "command_model_comparison", "--ship", "--csv", "counts.csv"];
    let shown = sandbox.project(&[&conclude[..], &["--dry-run", "--json"]].concat()).json();
    assert_eq!(shown["applied"], false);
    let done = sandbox.project(&[&conclude[..], &["--yes"]].concat());
    assert!(done.text().contains("applied 1 change to production"), "{}", done.out);
    for unit in ["a", "b", "c", "d", "e", "f"] {
        let answer = sandbox.project(&["why", "command_model_comparison", "--unit", unit, "--json"]).json();
        assert_eq!(answer["variant"], "treatment", "{unit}");
    }
    let log = sandbox.project(&["log", "--json"]).json();
    let last = log.as_array().unwrap().last().unwrap();
    assert_eq!(last["reason"], "experiment: ship");
}

#[test]
fn a_report_is_written_for_those_who_read_no_statistics() {
    let sandbox = declared(BY_FAILURES);
    sandbox.project(&[&ANALYZE[..], &["--html", "report.html"]].concat()).text();
    let page = std::fs::read_to_string(sandbox.path("report.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("Give everyone the variant treatment."), "{page}");
}

#[test]
fn experiments_are_listed_with_what_they_are_to_decide() {
    let sandbox = declared("");
    let text = sandbox.project(&["experiment", "list"]).text().to_owned();
    assert!(text.contains("declares no experiment"), "{text}");
    let sandbox = declared(BY_FAILURES);
    let lines = sandbox.project(&["experiment", "list", "--json"]).json();
    assert_eq!(lines[0]["flag"], "command_model_comparison");
    assert_eq!(lines[0]["design"]["metric"], "command_success_rate");
    assert_eq!(Sandbox::with_project().project(&["experiment", "list"]).text(), "production has no experiments\n");
}

#[test]
fn power_is_told_before_it_begins() {
    let sandbox = declared(BY_FAILURES);
    let with_flag = ["experiment", "power", "command_model_comparison", "--baseline", "94%", "--json"];
    let planned = sandbox.project(&with_flag).json();
    assert!((planned["target"].as_f64().unwrap() - 0.952).abs() < 1e-12, "{planned}");
    let alone = sandbox.run(&["experiment", "power", "--baseline", "94%", "--to", "97%", "--json"]).json();
    assert_eq!((alone["units_for_power"].as_u64(), alone["units_needed"].as_u64()), (Some(749), Some(1000)));
    let beyond = sandbox.run(&["experiment", "power", "--baseline", "96%"]);
    assert!(
        beyond.err.starts_with("error: from 96.00% no improvement reaches 5% relative improvement"),
        "{}",
        beyond.err
    );
}

#[test]
fn e49_nonsense_is_refused() {
    let sandbox = declared(BY_LIFT);
    for (file, told) in [
        ("variant,metric,successes,units\ncontrol,command_success_rate,1001,1000\n", "row 1: 1001 of 1000 units"),
        ("", "the columns are none"),
        ("variant,command_success_rate\ncontrol,NaN\n", "row 1: command_success_rate is \"NaN\""),
    ] {
        sandbox.write("counts.csv", file);
        let refused = sandbox.project(&ANALYZE);
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.contains(told), "{}", refused.err);
    }
    let missing = sandbox.project(&["experiment", "analyze", "mlx_backend", "--csv", "counts.csv"]);
    assert!(missing.err.contains("flag \"mlx_backend\" declares no experiment"), "{}", missing.err);
    assert!(missing.err.contains("hint: name a metric with --metric"), "{}", missing.err);
}

/// Puts reports of both variants into the project's cells: so many of each, of which so many failed.
fn report(sandbox: &Sandbox, variant: &str, failed: u32, all: u32) {
    let mut cells = SqliteLog::open(&sandbox.path("flags/log.sqlite")).unwrap();
    for number in 0..all {
        let (bit, sixteenths) = if number < failed { (1, 16) } else { (0, 0) };
        let nonce = format!("{:032x}", u64::from(number) + if variant == "control" { 0 } else { 1 << 40 });
        let text = format!(
            r#"{{"v":1,"flag":"command_model_comparison","variant":"{variant}","stage":100000,"day":"2026-06-01","first_in_stage":1,"had_error":{bit},"crashed":0,"err_frac":{sixteenths},"slow_frac":null,"lat":[],"fb_pos":0,"fb_neg":0,"metrics":{{}},"nonce":"{nonce}"}}"#
        );
        let received = Timestamp::from_millis(1_780_358_400_000);
        cells.add(&"production".parse().unwrap(), &parse(text.as_bytes()).unwrap(), received).unwrap();
    }
}

#[test]
fn anonymous_reports_decide_an_experiment() {
    let sandbox = declared(
        "experiment.metric = \"success_rate\"\nexperiment.practical = { relative_reduction_of_failures = \"20%\" }\n",
    );
    let analyze = ["experiment", "analyze", "command_model_comparison", "--json"];
    let none = sandbox.project(&analyze).json();
    assert_eq!(none["verdict"]["kind"], "no_data");
    report(&sandbox, "control", 90, 1_000);
    report(&sandbox, "treatment", 40, 1_010);
    let found = sandbox.project(&analyze).json();
    assert_eq!((&found["verdict"]["kind"], &found["unit"]), (&"ship".into(), &"client_day".into()), "{found}");
    assert_eq!(found["groups"][1]["expected"], 1005.0);
    assert!(found["cautions"].to_string().contains("the last reports are of 2026-06-01"), "{found}");
    let later = sandbox.project(&[&analyze[..], &["--since", "2026-06-02"]].concat()).json();
    assert_eq!(later["verdict"]["kind"], "no_data");
    report(&sandbox, "none_such", 0, 30);
    report(&sandbox, "treatment", 0, 2_000);
    let broken = sandbox.project(&analyze).json();
    assert_eq!(broken["verdict"]["kind"], "withheld", "{broken}");
}

#[test]
fn a_query_decides_an_experiment() {
    let Some(cluster) = Cluster::start() else { return };
    let sandbox = declared(BY_LIFT);
    let source = cluster.database();
    let query = "SELECT v AS variant, 'command_success_rate' AS metric, k AS successes, n AS units FROM (VALUES ('control', 940, 1000), ('treatment', 970, 1000)) AS counted (v, k, n)";
    let analyze = |query: &str| {
        sandbox.project(&[
            "experiment",
            "analyze",
            "command_model_comparison",
            "--source",
            &source,
            "--sql",
            query,
            "--json",
        ])
    };
    assert_eq!(analyze(query).json()["verdict"]["kind"], "significant_but_small");
    for (query, told) in [
        ("SELECT 1; DROP TABLE flags", "the query failed"),
        ("CREATE TABLE x (y int)", "the query failed"),
        ("SELECT 'x' AS grp, 1 AS y", "expected one called"),
        ("SELECT 'x' AS variant, 1 AS y WHERE false", "there are no rows"),
    ] {
        let refused = analyze(query);
        assert_eq!(refused.code, Some(1));
        assert!(refused.err.contains(told), "{query}: {}", refused.err);
    }
}

#[test]
fn lint_refuses_a_threshold_out_of_reach() {
    let sandbox = declared("experiment.metric = \"command_success_rate\"\nexperiment.baseline = \"96%\"\n");
    let findings = sandbox.project(&["lint", "--json"]).out;
    let told = "cannot improve by 5% relative improvement: the most there is to win is 4.17%";
    assert!(findings.contains(told), "{findings}");
}
