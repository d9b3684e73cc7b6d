#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::fmt::Write as _;

use flag_core::{FlagKey, Share};

use super::table::Reader;
use super::*;
use crate::definition::{Better, Definitions};

/// Half of everyone in each variant, with whatever else is declared.
fn design(declared: &str) -> Design {
    let file = format!(
        "[flags.model]\nkind = \"experiment\"\nvariants = {{ control = \"old\", treatment = \"new\" }}\noff_variant = \"control\"\n\
         rollout = \"100%\"\nweights = {{ control = \"50%\", treatment = \"50%\" }}\n[flags.model.documentation]\n\
         experiment.metric = \"success_rate\"\n{declared}"
    );
    let definitions = Definitions::from_toml(&file, "test").unwrap();
    let key = FlagKey::new_flag("model").unwrap();
    Design::of(&key, definitions.flags.find("model").unwrap(), &Choices::default()).unwrap()
}

fn rows(text: &str) -> std::result::Result<Data, table::TableError> {
    let mut lines = text.lines();
    let mut reader = Reader::new(lines.next().unwrap_or_default().split(',').map(str::to_owned).collect())?;
    lines.try_for_each(|line| reader.push(line.split(',')))?;
    reader.finish()
}

/// Counts of successes, of control and treatment.
fn counts(control: (u64, u64), treatment: (u64, u64)) -> Data {
    let line = |variant: &str, (k, n): (u64, u64)| format!("{variant},success_rate,{k},{n}\n");
    rows(&format!("variant,metric,successes,units\n{}{}", line("control", control), line("treatment", treatment)))
        .unwrap()
}

fn verdict(declared: &str, data: &Data) -> Verdict {
    analyze(&design(declared), data).verdict
}

#[test]
fn the_first_verdict_that_holds_decides() {
    let usual = "";
    let failures = "experiment.practical = { relative_reduction_of_failures = \"20%\" }\n";
    let points = "experiment.practical = { absolute_pp = \"2%\" }\n";
    let planned = "experiment.units = 5000\n";
    for (declared, control, treatment, expected) in [
        (usual, (940, 1000), (970, 1000), Verdict::SignificantButSmall),
        (failures, (940, 1000), (970, 1000), Verdict::Ship),
        (points, (940, 1000), (970, 1000), Verdict::Ship),
        (usual, (500, 1000), (600, 1000), Verdict::Ship),
        (usual, (600, 1000), (500, 1000), Verdict::KeepControl),
        (usual, (94, 100), (97, 100), Verdict::NotEnoughData { units: 100, needed: 1000 }),
        (planned, (500, 1000), (600, 1000), Verdict::NotEnoughData { units: 1000, needed: 5000 }),
        (usual, (9_400, 10_000), (9_410, 10_000), Verdict::Equivalent),
        (usual, (500, 1000), (510, 1000), Verdict::Inconclusive),
        (usual, (1000, 1000), (1000, 1000), Verdict::Equivalent),
    ] {
        assert_eq!(verdict(declared, &counts(control, treatment)), expected, "{declared} {control:?} {treatment:?}");
    }
}

#[test]
fn a_wrong_proportion_withholds_the_result() {
    let analysis = analyze(&design(""), &counts((900, 1000), (1800, 2000)));
    assert!(matches!(analysis.verdict, Verdict::Withheld { p } if p < 1e-70), "{:?}", analysis.verdict);
    assert!(!analysis.is_shown());
    assert_eq!(analysis.keep, None);
    let told = "The variants do not have the units that the flag's split gives them (p < 0.0001), so assignment or counting is broken and any result would be nonsense.";
    assert_eq!(analysis.summary.first().map(String::as_str), Some(told));
}

#[test]
fn two_rates_are_compared_by_the_right_test() {
    let analysis = analyze(&design(""), &counts((940, 1000), (970, 1000)));
    let primary = analysis.primary.unwrap();
    assert!((primary.test.p - 0.001_212_496_586_154).abs() < 1e-12, "{}", primary.test.p);
    let lift = primary.lift.unwrap();
    assert!((lift.value - 0.031_914_893_617_021).abs() < 1e-12);
    assert!(
        (lift.interval.low - 0.012_413_632_928).abs() < 1e-9 && (lift.interval.high - 0.051_791_790_464).abs() < 1e-9
    );
    assert!((primary.failures_gone.unwrap().value - 0.5).abs() < 1e-12);
    assert!((primary.wrong_test_p.unwrap() - 0.492_433_706_576).abs() < 1e-9);
    assert!(
        analysis.cautions.iter().any(|caution| caution.contains("would give p = 0.4924")),
        "{:?}",
        analysis.cautions
    );
}

/// Reports tell what part of a machine's uses succeeded, so an improvement can be named by the failures that are gone, as of yes and no.
#[test]
fn failures_that_are_gone_are_told_of_fractions_too() {
    use super::comparison::{Looks, compare};
    let compared = |t: &Sample, c: &Sample, better| compare("answers", better, t, c, Looks::Once).unwrap();
    let fractions = |whole, rest| Sample::Weighted(vec![(1.0, whole), (0.875, rest)]);
    let gone = compared(&fractions(300, 300), &fractions(150, 450), Better::Higher).failures_gone.unwrap();
    assert!((gone.value - 1.0 / 3.0).abs() < 1e-12, "{gone:?}");
    // The ends by hand: the logarithm of 0.0625 / 0.09375, and its variance by the delta method.
    assert!((gone.interval.low - 0.268_746_013_469).abs() < 1e-9, "{gone:?}");
    assert!((gone.interval.high - 0.392_216_038_982).abs() < 1e-9, "{gone:?}");
    let fewer = compared(&fractions(150, 450), &fractions(300, 300), Better::Lower).failures_gone.unwrap();
    assert!((fewer.value - 1.0 / 30.0).abs() < 1e-12, "{fewer:?}");
    let seconds = |slow: f64| Sample::Weighted(vec![(1.0, 300), (slow, 300)]);
    assert_eq!(compared(&seconds(2.0), &seconds(3.0), Better::Lower).failures_gone, None, "seconds have no rest");
    let none = Sample::Weighted(vec![(1.0, 600)]);
    assert_eq!(compared(&none, &fractions(150, 450), Better::Higher).failures_gone, None);
}

#[test]
fn what_must_not_get_worse_has_to_be_shown() {
    let declared = "experiment.guardrails = [{ metric = \"crash_rate\", margin = \"1%\" }]\n";
    let with = |control: u64, treatment: u64| {
        let table = format!(
            "variant,metric,successes,units\ncontrol,success_rate,5000,10000\ntreatment,success_rate,6000,10000\n\
             control,crash_rate,{control},10000\ntreatment,crash_rate,{treatment},10000\n"
        );
        analyze(&design(declared), &rows(&table).unwrap())
    };
    assert_eq!(with(100, 100).verdict, Verdict::Ship);
    assert_eq!(with(100, 140).guardrails.first().unwrap().outcome, Outcome::NotWorse, "worse, but within the margin");
    assert_eq!(with(100, 400).verdict, Verdict::RegressionFound { metric: "crash_rate".to_owned() });
    assert_eq!(with(3_000, 3_060).verdict, Verdict::GuardrailNotShown { metric: "crash_rate".to_owned() });
    let none = analyze(&design(declared), &counts((5_000, 10_000), (6_000, 10_000)));
    assert_eq!(none.verdict, Verdict::GuardrailNotShown { metric: "crash_rate".to_owned() });
    assert_eq!(none.guardrails.first().unwrap().outcome, Outcome::NoData);
}

#[test]
fn lower_can_be_better() {
    let declared = "experiment.metric = \"error_rate\"\n";
    let file = |k_c: u64, k_t: u64| {
        rows(&format!("variant,metric,k,n\ncontrol,error_rate,{k_c},2000\ntreatment,error_rate,{k_t},2000\n")).unwrap()
    };
    let mut design = design("");
    design.metric = "error_rate".to_owned();
    design.better = Better::of("error_rate", &[]);
    assert_eq!(design.better, Better::Lower, "{declared}");
    assert_eq!(analyze(&design, &file(200, 120)).verdict, Verdict::Ship);
    assert_eq!(analyze(&design, &file(120, 200)).verdict, Verdict::KeepControl);
}

#[test]
fn looking_every_day_needs_more_to_be_shown() {
    let declared = "experiment.sequential = true\nexperiment.units = 5000\nexperiment.practical = { relative_reduction_of_failures = \"20%\" }\n";
    let once = analyze(&design(""), &counts((900, 1000), (970, 1000)));
    let any = analyze(&design(declared), &counts((900, 1000), (970, 1000)));
    let (once, found) = (once.primary.unwrap(), any.primary.unwrap());
    assert!(found.test.p > 5.0 * once.test.p && found.test.always_valid, "{found:?}");
    let (wide, narrow) = (found.difference.interval, once.difference.interval);
    assert!(wide.low < narrow.low && wide.high > narrow.high);
    assert_eq!(any.verdict, Verdict::Ship, "before all 5000 are in");
    let early = analyze(&design(declared), &counts((940, 1000), (950, 1000)));
    assert_eq!(early.verdict, Verdict::NotEnoughData { units: 1000, needed: 5000 });
}

#[test]
fn rows_of_units_become_shares_and_means() {
    let mut table = "variant,unit,success_rate,latency_ms,before:latency_ms\n".to_owned();
    for unit in 0_u32..40 {
        let variant = if unit % 2 == 0 { "control" } else { "treatment" };
        let latency = 100 + unit * 3 + if unit % 2 == 0 { 0 } else { 5 };
        let (success, before) = (u32::from(unit % 4 < 3), 100 + unit * 3);
        writeln!(table, "{variant},u{unit},{success},{latency},{before}").unwrap();
    }
    table += "treatment,u0,1,1,1\ncontrol,u2,1,900,900\n";
    let data = rows(&table).unwrap();
    let cautions = [
        "1 of 40 units were seen in two variants and are left out",
        "2 further rows of units seen before are averaged with the first",
    ];
    assert_eq!(data.cautions, cautions);
    assert_eq!(data.groups.get("control").unwrap().units, 19);
    let analysis = analyze(&design(""), &data);
    let latency = analysis.others.iter().find(|found| found.metric == "latency_ms").unwrap();
    assert_eq!((latency.kind, latency.better), (Kind::Mean, Better::Lower));
    assert_eq!(latency.test.name, "Welch's t-test, adjusted by what was before");
    assert!(
        latency.difference.interval.low > 4.5 && latency.difference.interval.high < 5.2,
        "{:?}",
        latency.difference
    );
}

#[test]
fn e49_bad_rows_are_refused_and_named() {
    for (text, told) in [
        ("variant,success_rate\n", "there are no rows"),
        ("group,success_rate\nx,1\n", "the columns are group, success_rate, expected one called \"variant\""),
        (
            "variant\na\n",
            "the columns are variant, expected a metric's besides \"variant\", or \"metric\", \"successes\" and \"units\"",
        ),
        ("variant,a,a\nx,1,1\n", "two columns are called \"a\""),
        ("variant,a\nx,1,1\n", "row 1 has 3 cells, expected 2"),
        ("variant,a\nx,NaN\n", "row 1: a is \"NaN\", expected a finite number, true, false or nothing"),
        ("variant,a\nx,1\nx,inf\n", "row 2: a is \"inf\", expected a finite number, true, false or nothing"),
        ("variant,metric,k,n\nx,a,1,0\n", "row 1: the number of units is 0, expected a finite number above 0"),
        ("variant,metric,k,n\nx,a,3,2\n", "row 1: 3 of 2 units, expected at most as many as there are"),
        ("variant,metric,k,n\nx,a,-1,2\n", "row 1: k is \"-1\", expected a whole number"),
        ("variant,metric,k,n\nx,a,940.0,1000\n", "row 1: k is \"940.0\", expected a whole number"),
        ("variant,metric,k,n\nx,a,1,2\nx,a,1,2\n", "row 2: \"a\" of variant \"x\" was counted before"),
    ] {
        assert_eq!(rows(text).unwrap_err().to_string(), told, "{text}");
    }
}

#[test]
fn a_variant_without_data_is_named() {
    let analysis = analyze(
        &design(""),
        &rows("variant,metric,k,n\ncontrol,success_rate,940,1000\nother,success_rate,1,5\n").unwrap(),
    );
    assert_eq!(analysis.verdict, Verdict::NoData { variant: "treatment".into(), metric: "success_rate".to_owned() });
    assert_eq!(analysis.advice, Advice::Investigate);
    assert!(
        analysis.cautions.iter().any(|caution| caution.starts_with("5 units are of variant \"other\"")),
        "{:?}",
        analysis.cautions
    );
}

#[test]
fn a_threshold_out_of_reach_is_told() {
    let analysis = analyze(&design(""), &counts((9_600, 10_000), (9_900, 10_000)));
    assert_eq!(analysis.verdict, Verdict::SignificantButSmall);
    let told = "no improvement can reach the threshold: from 96.00% there is less than 5% relative improvement to win; declare another scale";
    assert!(analysis.cautions.iter().any(|caution| caution == told), "{:?}", analysis.cautions);
    let share = |percent| Share::from_percent(percent).unwrap();
    let practical = crate::definition::Practical { threshold: share(5), ..Default::default() };
    let plan = Plan {
        baseline: 0.96,
        better: Better::Higher,
        aim: Aim::Worth(practical),
        power: 0.8,
        units: None,
        per_day: None,
    };
    let error = plan.work_out().unwrap_err().to_string();
    assert_eq!(error, "from 96.00% no improvement reaches 5% relative improvement: the largest there can be is 4.17%");
}

#[test]
fn power_says_how_many_units_it_takes() {
    for (baseline, target, units, at_thousand) in [
        (0.94, 0.97, 749, 0.900),
        (0.02, 0.04, 1_141, 0.746),
        (0.02, 0.03, 3_826, 0.299),
        (0.50, 0.525, 6_274, 0.200),
        (0.30, 0.315, 14_856, 0.109),
        (0.10, 0.105, 57_764, 0.056),
    ] {
        let aim = Aim::Share(target);
        let plan = Plan { baseline, better: Better::Higher, aim, power: 0.8, units: None, per_day: Some(1_000) };
        let planned = plan.work_out().unwrap();
        assert!(planned.units_for_power.abs_diff(units) <= 1, "{baseline} {target}: {}", planned.units_for_power);
        assert_eq!(planned.units_needed, planned.units_for_power.max(1_000));
        let with = planned.with_units.first().unwrap();
        assert!((with.power - at_thousand).abs() < 5e-4, "{baseline} {target}: {}", with.power);
    }
}

#[test]
fn an_interval_is_drawn_to_scale() {
    let interval = crate::statistics::Interval { low: 0.02, high: 0.06 };
    let effect = Effect { value: 0.04, interval, interval_90: interval };
    let axis = axis_of(&[effect], &[0.05], 41);
    assert_eq!(interval_line(axis, &effect, &[0.05]), "   │          ├───────────●──────────┤");
    assert_eq!(scale_line(axis, &[(0.05, "5%".to_owned())]), "   0                          5%");
}

#[test]
fn a_report_is_one_file_that_runs_nothing() {
    let mut design = design("");
    design.hypothesis = Some("<script>alert(1)</script> & more".to_owned());
    let page = report(&analyze(&design, &counts((940, 1000), (970, 1000))), "production, today");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"));
    for forbidden in ["<script", "http", "url(", "@import", "src="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for expected in ["<html lang=\"en\">", "role=\"img\" aria-label=", "scope=\"col\"", "Significant, but small"] {
        assert!(page.contains(expected), "{expected}");
    }
}

proptest::proptest! {
    #[test]
    fn no_counts_make_an_analysis_panic_or_lie(
        k_c in 0_u64..3_000, rest_c in 0_u64..3_000, k_t in 0_u64..3_000, rest_t in 0_u64..3_000, sequential: bool,
    ) {
        let (n_c, n_t) = (k_c + rest_c, k_t + rest_t);
        proptest::prop_assume!(n_c > 0 && n_t > 0);
        let declared = if sequential { "experiment.sequential = true\n" } else { "" };
        let analysis = analyze(&design(declared), &counts((k_c, n_c), (k_t, n_t)));
        if analysis.verdict == Verdict::Ship {
            assert!(k_t * n_c > k_c * n_t && n_c.min(n_t) >= 1_000, "{analysis:?}");
        }
        if analysis.verdict == Verdict::KeepControl {
            assert!(k_t * n_c < k_c * n_t, "{analysis:?}");
        }
        assert!(!serde_json::to_string(&analysis).unwrap().contains("NaN"));
        assert!(!report(&analysis, "now").contains("NaN"));
    }
}
