use super::*;
use crate::definition::Definitions;
use crate::hygiene::lint::{LintFacts, lint};
use crate::log::{ActiveKill, EndedKill};

const DOCUMENTED: &str = "
    [flags.search_history.documentation]
    description = \"Search earlier commands\"
    owner = \"@alice\"
    added = { date = \"2026-01-01\" }
    default = \"off\"
    expires = { date = \"2026-05-01\" }
    status = \"In development\"
    rollout = \"Nobody yet\"
    risks = [\"None known\"]
    metrics = [{ name = \"error_rate\", target = \"<5%\" }]
    rollback = \"Disable it\"
    tracking = \"#9\"
";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A flag, its environment, and how long it is as it is.
struct World {
    state: EnvironmentState,
    key: FlagKey,
}

impl World {
    fn new(flag: &str, documentation: &str) -> Self {
        let text = format!(
            "[flags.search_history]\n{flag}\n{documentation}\n[segments.team]\nattribute = \"team\"\noperator = \"exists\"\n"
        );
        let definitions = Definitions::from_toml(&text, "f.toml").unwrap();
        let mut state = EnvironmentState::default();
        for (key, definition) in definitions.flags.iter() {
            let flag = FlagState::new(definition.clone(), at("2026-02-01T00:00:00Z"), "alice".parse().unwrap());
            state.flags.insert(key.parse().unwrap(), flag);
        }
        Self { state, key: "search_history".parse().unwrap() }
    }

    /// Returns the names of the checks that fail on the way to a stage.
    fn failed(&self, to: LifeStage, now: &str) -> Vec<&'static str> {
        let steps = self.steps(to, now);
        steps.iter().flat_map(|step| &step.checks).filter(|check| !check.passed).map(|check| check.name).collect()
    }

    fn told(&self, to: LifeStage, now: &str, name: &str) -> String {
        let steps = self.steps(to, now);
        let mut checks = steps.iter().flat_map(|step| &step.checks);
        checks.find(|check| check.name == name).unwrap().told.clone()
    }

    fn steps(&self, to: LifeStage, now: &str) -> Vec<StageStep> {
        let now = at(now);
        let (key, flag) = self.state.flags.get_key_value(&self.key).unwrap();
        let flags = self.state.flags.iter().map(|(key, flag)| (key.as_str().into(), flag.definition.clone()));
        let segments = Definitions::from_toml("[segments.team]\nattribute = \"team\"\noperator = \"exists\"\n", "s");
        let definitions = Definitions { flags: flags.collect(), ..segments.unwrap() };
        let report = lint(&definitions, &LintFacts { now, created: [(key.clone(), flag.created)].into() });
        let findings: Vec<&Finding> = report.findings.iter().collect();
        Candidate { key, flag, state: &self.state, findings: &findings, since: flag.staged, now }.steps(to)
    }
}

#[test]
fn stages_are_words_in_the_order_of_a_life() {
    let words = LifeStage::ALL.map(LifeStage::as_str);
    assert_eq!(words, ["development", "internal", "beta", "ga", "deprecated", "removed"]);
    for stage in LifeStage::ALL {
        assert_eq!(stage.as_str().parse(), Ok(stage));
        assert_eq!(stage.next().and_then(LifeStage::previous).unwrap_or(stage), stage);
        assert_eq!(stage.stage().map_or(LifeStage::Removed, LifeStage::of), stage);
    }
    let error = |text: &str| text.parse::<LifeStage>().unwrap_err().to_string();
    assert_eq!(error("betta"), "\"betta\" is no stage, did you mean \"beta\"?");
    let all = "expected one of development, internal, beta, ga, deprecated, removed";
    assert_eq!(error("everybody"), format!("\"everybody\" is no stage, {all}"));
}

#[test]
fn a_stage_lasts_as_long_as_the_strategy_says() {
    let spans = LifeStage::ALL.map(|stage| (stage.span().least, stage.span().most));
    let most = |days| (days, None);
    assert_eq!(spans, [(0, Some(14)), (3, Some(5)), (7, Some(28)), most(0), (30, Some(90)), most(0)]);
}

#[test]
fn each_step_asks_for_what_its_stage_needs() {
    use LifeStage::{Beta, Deprecated, Ga, Internal, Removed};
    let early = "2026-02-02T00:00:00Z";
    let team = "[[flags.search_history.rules]]\nid = \"team\"\nwhen = { segment = \"team\" }\nserve = \"on\"";
    for (flag, documentation, to, now, failed) in [
        ("overridable = true", DOCUMENTED, Internal, early, &[][..]),
        (team, DOCUMENTED, Internal, early, &[]),
        ("", DOCUMENTED, Internal, early, &["reachable"]),
        ("overridable = true", "", Internal, early, &["documented"]),
        ("rollout = \"5%\"", DOCUMENTED, Internal, early, &["unexposed"]),
        ("enabled = false\noverridable = true", DOCUMENTED, Internal, early, &["reachable"]),
        ("stage = \"internal\"\nopt_in = \"allowed\"", DOCUMENTED, Beta, "2026-02-04T00:00:00Z", &[]),
        ("stage = \"internal\"\nopt_in = \"allowed\"", DOCUMENTED, Beta, "2026-02-03T23:59:59Z", &["soak"]),
        ("stage = \"internal\"\nopt_in = \"allowed\"", DOCUMENTED, Beta, "2026-06-01T00:00:00Z", &["expires"]),
        ("stage = \"internal\"\nopt_in = \"allowed\"", "", Beta, early, &["soak", "documented", "expires", "watched"]),
        ("stage = \"beta\"\nrollout = \"100%\"", DOCUMENTED, Ga, "2026-02-08T00:00:00Z", &[]),
        ("stage = \"beta\"\nrollout = \"100%\"", DOCUMENTED, Ga, "2026-02-01T23:00:00Z", &["soak", "settled"]),
        ("stage = \"beta\"\nrollout = \"50%\"", DOCUMENTED, Ga, "2026-02-08T00:00:00Z", &["everyone"]),
        ("stage = \"beta\"\nkind = \"ops\"", DOCUMENTED, Ga, "2026-02-08T00:00:00Z", &[]),
        ("stage = \"ga\"\nserve = \"on\"", DOCUMENTED, Deprecated, "2026-03-03T00:00:00Z", &[]),
        ("stage = \"ga\"\nserve = \"on\"", DOCUMENTED, Deprecated, "2026-03-02T00:00:00Z", &["proven"]),
        ("stage = \"ga\"\nrollout = \"99%\"", DOCUMENTED, Deprecated, "2026-04-03T00:00:00Z", &["proven"]),
        ("stage = \"deprecated\"\nserve = \"on\"", DOCUMENTED, Removed, "2026-03-03T00:00:00Z", &[]),
        ("stage = \"deprecated\"\nserve = \"on\"", DOCUMENTED, Removed, early, &["soak"]),
    ] {
        assert_eq!(World::new(flag, documentation).failed(to, now), failed, "{flag} to {to} at {now}");
    }
}

#[test]
fn an_experiment_is_decided_before_everyone_gets_it() {
    let split =
        "kind = \"experiment\"\nstage = \"beta\"\nrollout = \"100%\"\nweights = { on = \"50%\", off = \"50%\" }";
    let world = World::new(split, DOCUMENTED);
    let now = "2026-02-09T00:00:00Z";
    assert_eq!(world.failed(LifeStage::Ga, now), ["decided"]);
    let told = "2 variants are still compared, expected one for everyone";
    assert_eq!(world.told(LifeStage::Ga, now, "decided"), told);
}

#[test]
fn whoever_skips_a_stage_has_spent_no_time_at_it() {
    let world = World::new("overridable = true", DOCUMENTED);
    let steps = world.steps(LifeStage::Beta, "2026-04-01T00:00:00Z");
    let walked: Vec<(LifeStage, LifeStage)> = steps.iter().map(|step| (step.from, step.to)).collect();
    let (development, internal) = (LifeStage::Development, LifeStage::Internal);
    assert_eq!(walked, [(development, internal), (internal, LifeStage::Beta)]);
    assert_eq!(world.failed(LifeStage::Beta, "2026-04-01T00:00:00Z"), ["soak"]);
    let told = world.told(LifeStage::Beta, "2026-04-01T00:00:00Z", "soak");
    assert_eq!(told, "0 days at internal, expected 3 or more");
}

#[test]
fn a_kill_stops_every_step_after_the_first_and_starts_the_proof_anew() {
    let mut world = World::new("stage = \"ga\"\nserve = \"on\"", DOCUMENTED);
    let kill = ActiveKill {
        id: "k-1".into(),
        target: "search_history".into(),
        emergency: false,
        since: at("2026-02-20T00:00:00Z"),
        by: "bob".parse().unwrap(),
        reason: None,
    };
    world.state.kills.push(kill.clone());
    let now = "2026-03-10T00:00:00Z";
    assert_eq!(world.failed(LifeStage::Deprecated, now), ["not_killed"]);
    let told = world.told(LifeStage::Deprecated, now, "not_killed");
    assert_eq!(told, "killed by @bob since 2026-02-20T00:00:00Z");
    let steps = world.steps(LifeStage::Deprecated, now);
    assert!(steps[0].checks.iter().any(|check| check.name == "not_killed" && !check.waivable));
    world.state.kills.clear();
    let (lifted, by) = (at("2026-02-21T00:00:00Z"), "bob".parse().unwrap());
    world.state.ended.push(EndedKill { kill, lifted, by, reason: None });
    assert_eq!(world.failed(LifeStage::Deprecated, now), ["proven"]);
    assert_eq!(world.failed(LifeStage::Deprecated, "2026-03-23T00:00:00Z"), Vec::<&str>::new());
}

#[test]
fn a_back_door_never_leaves_development_by_force() {
    let mut world = World::new("overridable = true", DOCUMENTED);
    let flag = world.state.flags.remove("search_history").unwrap();
    world.key = "debug_console".parse().unwrap();
    world.state.flags.insert(world.key.clone(), flag);
    let steps = world.steps(LifeStage::Internal, "2026-02-02T00:00:00Z");
    let failed: Vec<(&str, bool)> =
        steps[0].checks.iter().filter(|check| !check.passed).map(|check| (check.name, check.waivable)).collect();
    assert_eq!(failed, [("lint", false)]);
}
