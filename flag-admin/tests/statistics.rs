//! Every function of the statistics module against reference cases computed by other programs.
//!
//! `FLAG_STATISTICS_CASES` names another file of cases in the same form. A case names a function, its input, the values expected of it and
//! a relative tolerance, below which 10⁻¹² is tolerated in any case. A function or a value that is not known here is a failure.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::float_cmp,
    reason = "tests may stop at the first surprise, and hold exact values"
)]

use std::fs;
use std::process::Command;

use flag_admin::statistics::adjusted::{Paired, Ratio, cuped, ratio_z};
use flag_admin::statistics::beta_binomial::{
    Mixture, Prior, Sides, always_valid_p, best_rho, confidence_sequence, log_e_down_with, log_e_up_with,
};
use flag_admin::statistics::bets::{Bets, mean_capital, yes_no};
use flag_admin::statistics::contingency::{goodness_of_fit, table};
use flag_admin::statistics::group_sequential::obrien_fleming_bounds;
use flag_admin::statistics::means::{Summary, pooled, welch, welch_interval};
use flag_admin::statistics::multiple::{Adjustment, adjusted};
use flag_admin::statistics::power::{MeansToTell, SharesToTell};
use flag_admin::statistics::quantiles::{quantile_confidence_sequence, quantile_ranks};
use flag_admin::statistics::ranks::mann_whitney;
use flag_admin::statistics::rate_ratio::TwoCounts;
use flag_admin::statistics::{
    Arm, Continuity, Interval, Result, TwoProportions, beta_lower, chi_square_upper, ln_gamma, normal_lower,
    normal_quantile, student_upper,
};
use serde_json::{Map, Value, json};

const FLOOR: f64 = 1e-12;
/// The variable that names another file of cases.
const CASES: &str = "FLAG_STATISTICS_CASES";

#[test]
#[expect(clippy::disallowed_methods, reason = "another file of cases can be named from outside")]
fn statistics_agree_with_every_reference_case() {
    let path = std::env::var(CASES)
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/statistics.json").to_owned());
    let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(!cases.is_empty(), "{path} has no cases");
    assert!(file["n_cases"].as_u64().is_none_or(|n| n == cases.len() as u64), "{path} lacks cases");
    let mut failures = Vec::new();
    let mut values = 0;
    for case in cases {
        let id = case["id"].as_str().unwrap_or("a case without id");
        let tolerance = case["rel_tol"].as_f64().unwrap_or_default();
        let Some(found) = answer(case["fn"].as_str().unwrap_or_default(), &Input(&case["input"])) else {
            failures.push(format!("{id}: unknown function {}", case["fn"]));
            continue;
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                failures.push(format!("{id}: {error}"));
                continue;
            }
        };
        for (name, expected) in case["expected"].as_object().unwrap() {
            values += 1;
            if !found.get(name).is_some_and(|found| agree(found, expected, tolerance)) {
                failures
                    .push(format!("{id}: {name} is {}, expected {expected}", found.get(name).unwrap_or(&Value::Null)));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {values} values in {path}:\n{}", failures.len(), failures.join("\n"));
}

/// Runs the test above as somebody does who has cases of their own.
fn run_with(path: &str) -> (bool, String) {
    let program = std::env::current_exe().unwrap();
    let test = ["--exact", "statistics_agree_with_every_reference_case", "--nocapture"];
    let output = Command::new(program).args(test).env(CASES, path).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn statistics_of_another_file_are_checked_in_its_place() {
    let (passed, said) = run_with(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/statistics_other.json"));
    assert!(passed, "{said}");
}

#[test]
fn statistics_of_another_file_fail_where_a_function_or_a_value_is_not_known_or_not_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.json");
    for (case, told) in [
        (
            json!({ "id": "a", "fn": "tea_leaves", "input": {}, "expected": { "value": 1 } }),
            "a: unknown function \"tea_leaves\"",
        ),
        (
            json!({ "id": "b", "fn": "norm_cdf", "input": { "args": [0] }, "expected": { "colour": 1 }, "rel_tol": 1e-9 }),
            "b: colour is null, expected 1",
        ),
        (
            json!({ "id": "c", "fn": "norm_cdf", "input": { "args": [0] }, "expected": { "value": 0.25 }, "rel_tol": 1e-9 }),
            "c: value is 0.5, expected 0.25",
        ),
    ] {
        fs::write(&path, json!({ "n_cases": 1, "cases": [case] }).to_string()).unwrap();
        let (passed, said) = run_with(path.to_str().unwrap());
        assert!(!passed && said.contains(told), "{said}");
    }
    fs::write(&path, json!({ "n_cases": 2, "cases": [{}] }).to_string()).unwrap();
    let (passed, said) = run_with(path.to_str().unwrap());
    assert!(!passed && said.contains("lacks cases"), "{said}");
}

fn agree(found: &Value, expected: &Value, tolerance: f64) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(one, other)| agree(one, other, tolerance))
        }
        (Value::Bool(found), Value::Bool(expected)) => found == expected,
        _ => match (number(found), number(expected)) {
            (Some(found), Some(expected)) if expected.is_finite() => {
                (found - expected).abs() <= (tolerance * expected.abs()).max(FLOOR)
            }
            (Some(found), Some(expected)) => {
                found.is_nan() == expected.is_nan() && (found.is_nan() || found == expected)
            }
            _ => false,
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        Some("nan") => Some(f64::NAN),
        _ => value.as_f64(),
    }
}

struct Input<'v>(&'v Value);

impl Input<'_> {
    fn f(&self, name: &str) -> f64 {
        number(&self.0[name]).unwrap_or_else(|| panic!("input {name} is {}", self.0[name]))
    }

    fn u(&self, name: &str) -> u64 {
        let value = &self.0[name];
        value.as_u64().unwrap_or_else(|| panic!("input {name} is {value}"))
    }

    fn or(&self, name: &str, usual: f64) -> f64 {
        number(&self.0[name]).unwrap_or(usual)
    }

    fn list(&self, name: &str) -> Vec<f64> {
        self.0[name].as_array().unwrap().iter().map(|value| number(value).unwrap()).collect()
    }

    fn counts(&self, name: &str) -> Vec<u64> {
        self.0[name].as_array().unwrap().iter().map(|value| value.as_u64().unwrap()).collect()
    }

    fn arg(&self, place: usize) -> f64 {
        self.list("args")[place]
    }
}

type Values = Map<String, Value>;

fn values<const N: usize>(pairs: [(&str, Value); N]) -> Values {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn ends(values: &mut Values, name: &str, interval: Interval) {
    let prefix = if name.is_empty() { String::new() } else { format!("{name}_") };
    values.insert(format!("{prefix}lo"), json!(interval.low));
    values.insert(format!("{prefix}hi"), json!(interval.high));
}

fn value(found: Result<f64>) -> Result<Values> {
    found.map(|found| values([("value", json!(found))]))
}

fn answer(function: &str, input: &Input<'_>) -> Option<Result<Values>> {
    Some(match function {
        "norm_cdf" => value(Ok(normal_lower(input.arg(0)))),
        "norm_ppf" => value(normal_quantile(input.arg(0))),
        "chi2_sf" => value(chi_square_upper(input.arg(0), input.arg(1))),
        "t_sf" => value(student_upper(input.arg(0), input.arg(1))),
        "beta_cdf" => value(beta_lower(input.arg(0), input.arg(1), input.arg(2))),
        "ln_gamma" => value(ln_gamma(input.arg(0))),
        "chisquare_gof" => goodness(input, &vec![1.0; input.counts("observed").len()], 0.0),
        "srm" => goodness(input, &input.list("ratio"), input.f("threshold")),
        "contingency" => contingency(input),
        "two_proportion" => two_proportion(input),
        "proportion_ci" => proportion(input),
        "welch_t" => welch_of_rows(input),
        "welch_t_from_stats" => welch_of_summaries(input),
        "mann_whitney" => ranks(input),
        "multiple_testing" => multiple(input),
        "cuped" => adjusted_means(input),
        "ratio_delta_method" => ratios(input),
        "power_two_proportions" => power_of_shares(input),
        "power_t" => power_of_means(input),
        "beta_binomial_e" => beta_binomial(input),
        "bet_grid_e_binary" => bet_grid(input),
        "bet_grid_e_fraction" => bet_fractions(input),
        "binomial_confidence_sequence" => sequence(input),
        "rate_ratio_conditional_e" => rate_ratio(input),
        "quantile_confidence_sequence_ranks" => {
            let (q, n) = (input.f("q"), input.u("n"));
            quantile_confidence_sequence(q, n, input.f("alpha_per_side"), input.f("n_opt"))
                .map(|counts| values([("k_lo", json!(counts.low)), ("k_hi", json!(counts.high))]))
        }
        "quantile_fixed_ci_ranks" => quantile_ranks(input.f("q"), input.u("n"), input.f("alpha")).map(|ranks| {
            let coverage = json!(ranks.coverage);
            values([("rank_lo", json!(ranks.low)), ("rank_hi", json!(ranks.high)), ("coverage", coverage)])
        }),
        "lan_demets_obf" => {
            let sides = if input.0["two_sided"] == true { Sides::Two } else { Sides::One };
            let looks = usize::try_from(input.u("looks")).unwrap();
            obrien_fleming_bounds(looks, input.f("alpha"), sides).map(|bounds| values([("bounds", json!(bounds))]))
        }
        "confseq_normal_best_rho" => Ok(values([("rho", json!(best_rho(input.f("v"), input.f("alpha"))))])),
        "confseq_beta_binomial_mixture" => mixture(input),
        _ => return None,
    })
}

fn goodness(input: &Input<'_>, proportions: &[f64], threshold: f64) -> Result<Values> {
    let fit = goodness_of_fit(&input.counts("observed"), proportions)?;
    let mismatch = json!(fit.p < threshold);
    Ok(values([
        ("chi2", json!(fit.chi_square)),
        ("dof", json!(fit.degrees)),
        ("p", json!(fit.p)),
        ("mismatch", mismatch),
    ]))
}

fn contingency(input: &Input<'_>) -> Result<Values> {
    let rows = input.0["table"].as_array().unwrap().iter();
    let rows: Vec<Vec<u64>> =
        rows.map(|row| row.as_array().unwrap().iter().map(|cell| cell.as_u64().unwrap()).collect()).collect();
    let test = table(&rows)?;
    Ok(values([
        ("chi2", json!(test.pearson.chi_square)),
        ("dof", json!(test.pearson.degrees)),
        ("p", json!(test.pearson.p)),
        ("g", json!(test.likelihood_ratio.chi_square)),
        ("g_p", json!(test.likelihood_ratio.p)),
    ]))
}

fn two_proportion(input: &Input<'_>) -> Result<Values> {
    let treatment = Arm::new(input.u("k_t"), input.u("n_t"))?;
    let both = TwoProportions { treatment, control: Arm::new(input.u("k_c"), input.u("n_c"))? };
    let alpha = input.f("alpha");
    let fisher = both.fisher();
    let mut found = values([
        ("fisher_p_two_sided", json!(fisher.two_sided)),
        ("fisher_p_greater", json!(fisher.greater)),
        ("fisher_p_less", json!(fisher.less)),
        ("diff", json!(both.difference())),
        ("cohen_h", json!(both.cohen_h())),
    ]);
    // Where nobody, or everybody, has the property there is no such test.
    if let (Ok(plain), Ok(yates), Ok((z, tails))) =
        (both.chi_square(Continuity::None), both.chi_square(Continuity::Yates), both.pooled_z())
    {
        found.extend(values([
            ("chi2", json!(plain.chi_square)),
            ("chi2_p", json!(plain.p)),
            ("chi2_yates", json!(yates.chi_square)),
            ("chi2_yates_p", json!(yates.p)),
            ("z_pooled", json!(z)),
            ("z_p_two_sided", json!(tails.two_sided)),
            ("z_p_greater", json!(tails.greater)),
            ("z_p_less", json!(tails.less)),
        ]));
    }
    found.extend(both.lift().map(|lift| ("lift".to_owned(), json!(lift))));
    ends(&mut found, "newcombe", both.newcombe(alpha)?);
    if let Some(interval) = both.ratio_interval(alpha)? {
        ends(&mut found, "ratio_katz", interval);
    }
    Ok(found)
}

fn proportion(input: &Input<'_>) -> Result<Values> {
    let (arm, alpha) = (Arm::new(input.u("k"), input.u("n"))?, input.f("alpha"));
    let mut found = Values::new();
    ends(&mut found, "wilson", arm.wilson(alpha)?);
    ends(&mut found, "clopper_pearson", arm.clopper_pearson(alpha)?);
    ends(&mut found, "jeffreys", arm.jeffreys(alpha)?);
    ends(&mut found, "agresti_coull", arm.agresti_coull(alpha)?);
    Ok(found)
}

fn welch_of_rows(input: &Input<'_>) -> Result<Values> {
    let (x, y) = (Summary::of(&input.list("x"))?, Summary::of(&input.list("y"))?);
    let (apart, together) = (welch(x, y)?, pooled(x, y)?);
    let mut found = values([
        ("mean_x", json!(x.mean)),
        ("mean_y", json!(y.mean)),
        ("var_x", json!(x.variance)),
        ("var_y", json!(y.variance)),
        ("t", json!(apart.t)),
        ("df", json!(apart.degrees)),
        ("p_two_sided", json!(apart.tails.two_sided)),
        ("p_greater", json!(apart.tails.greater)),
        ("pooled_t", json!(together.t)),
        ("pooled_p", json!(together.tails.two_sided)),
    ]);
    ends(&mut found, "ci", welch_interval(x, y, input.f("alpha"))?);
    Ok(found)
}

fn welch_of_summaries(input: &Input<'_>) -> Result<Values> {
    let group = |which: &str| {
        let n = input.u(&format!("n_{which}"));
        Summary::known(input.f(&format!("mean_{which}")), input.f(&format!("sd_{which}")), n)
    };
    let (t, c) = (group("t")?, group("c")?);
    let test = welch(t, c)?;
    let mut found = values([("t", json!(test.t)), ("df", json!(test.degrees)), ("p", json!(test.tails.two_sided))]);
    ends(&mut found, "ci", welch_interval(t, c, input.or("alpha", 0.05))?);
    Ok(found)
}

fn ranks(input: &Input<'_>) -> Result<Values> {
    let test = mann_whitney(&input.list("x"), &input.list("y"))?;
    let mut found = values([
        ("u1", json!(test.u)),
        ("p_asym_two_sided", json!(test.tails.two_sided)),
        ("p_asym_greater", json!(test.tails.greater)),
        ("p_asym_less", json!(test.tails.less)),
        ("hodges_lehmann", json!(test.shift)),
        ("prob_superiority", json!(test.superiority)),
    ]);
    if let Some(exact) = test.exact {
        found.extend(values([
            ("p_exact_two_sided", json!(exact.two_sided)),
            ("p_exact_greater", json!(exact.greater)),
            ("p_exact_less", json!(exact.less)),
        ]));
    }
    Ok(found)
}

fn multiple(input: &Input<'_>) -> Result<Values> {
    let (p_values, alpha) = (input.list("p"), input.f("alpha"));
    let mut found = Values::new();
    for (name, adjustment) in [
        ("bonferroni", Adjustment::Bonferroni),
        ("holm", Adjustment::Holm),
        ("hochberg", Adjustment::Hochberg),
        ("hommel", Adjustment::Hommel),
        ("bh", Adjustment::BenjaminiHochberg),
        ("by", Adjustment::BenjaminiYekutieli),
    ] {
        let adjusted = adjusted(&p_values, adjustment)?;
        let rejected: Vec<bool> = adjusted.iter().map(|p| *p <= alpha).collect();
        found.insert(format!("{name}_adj"), json!(adjusted));
        found.insert(format!("{name}_reject"), json!(rejected));
    }
    Ok(found)
}

fn adjusted_means(input: &Input<'_>) -> Result<Values> {
    let (y_t, x_t, y_c, x_c) = (input.list("y_t"), input.list("x_t"), input.list("y_c"), input.list("x_c"));
    let control = Paired { metric: &y_c, before: &x_c };
    let found = cuped(Paired { metric: &y_t, before: &x_t }, control, input.or("alpha", 0.05))?;
    let mut all = values([
        ("theta", json!(found.theta)),
        ("corr", json!(found.correlation)),
        ("adj_mean_t", json!(found.treatment.mean)),
        ("adj_mean_c", json!(found.control.mean)),
        ("adj_var_t", json!(found.treatment.variance)),
        ("adj_var_c", json!(found.control.variance)),
        ("t", json!(found.test.t)),
        ("df", json!(found.test.degrees)),
        ("p", json!(found.test.tails.two_sided)),
        ("var_ratio", json!(found.variance_ratio)),
    ]);
    ends(&mut all, "ci", found.interval);
    Ok(all)
}

fn ratios(input: &Input<'_>) -> Result<Values> {
    let treatment = Ratio::of(&input.list("num_t"), &input.list("den_t"))?;
    let control = Ratio::of(&input.list("num_c"), &input.list("den_c"))?;
    let (z, p) = ratio_z(treatment, control)?;
    Ok(values([
        ("ratio_t", json!(treatment.ratio)),
        ("var_t", json!(treatment.variance)),
        ("ratio_c", json!(control.ratio)),
        ("var_c", json!(control.variance)),
        ("z", json!(z)),
        ("p_two_sided", json!(p)),
    ]))
}

fn power_of_shares(input: &Input<'_>) -> Result<Values> {
    let (control, treatment) = (input.f("p_c"), input.f("p_t"));
    let shares = SharesToTell { control, treatment, alpha: input.f("alpha") };
    Ok(values([
        ("n_per_arm_arcsine", json!(shares.units_per_arm_arcsine(input.f("power"))?)),
        ("n_per_arm_pooled_closed_form", json!(shares.units_per_arm(input.f("power"))?)),
        ("power_at_n_one_tail_dominant", json!(shares.power(input.f("n"))?)),
    ]))
}

fn power_of_means(input: &Input<'_>) -> Result<Values> {
    let means = MeansToTell { effect: input.f("effect_size"), alpha: input.f("alpha") };
    Ok(values([
        ("power_at_n", json!(means.power(input.f("n"))?)),
        ("n_per_arm", json!(means.units_per_arm(input.f("power"))?)),
        ("n_normal_approx", json!(means.units_per_arm_normal(input.f("power"))?)),
    ]))
}

fn beta_binomial(input: &Input<'_>) -> Result<Values> {
    let (k, n, p0) = (input.u("k"), input.u("n"), input.f("p0"));
    let prior = Prior::tuned_for(p0, input.f("n_opt"), input.or("alpha_opt", 0.05))?;
    let up = log_e_up_with(k, n, p0, prior)?;
    Ok(values([
        ("prior_a", json!(prior.a)),
        ("prior_b", json!(prior.b)),
        ("log_e_up", json!(up)),
        ("log_e_down", json!(log_e_down_with(k, n, p0, prior)?)),
        ("p_always_valid_up", json!(always_valid_p(up))),
    ]))
}

fn bet_grid(input: &Input<'_>) -> Result<Values> {
    let (above, below) = (Bets::above(input.f("limit"))?, Bets::below(input.f("limit"))?);
    let reports = yes_no(input.u("k"), input.u("n"))?;
    Ok(values([
        ("log_e_up", json!(above.log_e(&reports)?)),
        ("log_e_down", json!(below.log_e(&reports)?)),
        ("n_bets_up", json!(above.len())),
    ]))
}

fn bet_fractions(input: &Input<'_>) -> Result<Values> {
    let bets = Bets::with_stakes(input.f("limit"), &input.list("lambdas"))?;
    let reports: Vec<(f64, u64)> = input.list("x").into_iter().map(|value| (value, 1)).collect();
    let sums = bets.sums(&reports)?;
    let log_e = mean_capital(&sums);
    Ok(values([("sum_log", json!(sums)), ("log_e", json!(log_e))]))
}

fn sequence(input: &Input<'_>) -> Result<Values> {
    let prior = Prior { a: input.f("prior_a"), b: input.f("prior_b") };
    let mut found = Values::new();
    ends(&mut found, "", confidence_sequence(input.u("k"), input.u("n"), input.f("alpha"), prior)?);
    Ok(found)
}

fn rate_ratio(input: &Input<'_>) -> Result<Values> {
    let counts = TwoCounts {
        k_treatment: input.u("k_t"),
        n_treatment: input.u("n_t"),
        k_control: input.u("k_c"),
        n_control: input.u("n_c"),
    };
    let (r0, n_opt) = (input.f("r0"), input.f("n_opt"));
    let chance = counts.treatment_chance(r0)?;
    let prior = Prior::tuned(chance, n_opt)?;
    let mut found = values([
        ("pi0", json!(chance)),
        ("prior_a", json!(prior.a)),
        ("prior_b", json!(prior.b)),
        ("log_e", json!(counts.log_e(r0, n_opt)?)),
        ("fixed_sample_binom_p_greater", json!(counts.fixed_sample_p(r0)?)),
    ]);
    found.extend(counts.ratio().map(|ratio| ("ratio_hat".to_owned(), json!(ratio))));
    Ok(found)
}

fn mixture(input: &Input<'_>) -> Result<Values> {
    let sides = if input.0["one_sided"] == true { Sides::One } else { Sides::Two };
    let (g, h) = (input.f("g"), input.f("h"));
    let mixture = Mixture::tuned(g, h, input.f("v_opt"), input.f("alpha_opt"), sides)?;
    let (s, v) = (input.f("s"), input.f("v"));
    Ok(values([("log_mixture", json!(mixture.log_e(s, v)?)), ("bound", json!(mixture.bound(v, input.f("alpha"))?))]))
}
