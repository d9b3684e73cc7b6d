use std::fmt;
use std::str::FromStr;

use flag_core::wire::{Entries, Kind, OptIn, Serve, Stage};
use flag_core::{FlagKey, Share, Timestamp};
use serde::Serialize;

use super::lifecycle::LifecycleError;
use crate::app::changes::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::project::Project;
use crate::definition::{is_stage_status, nearest, stage_status};
use crate::hygiene::lint::{Finding, LintRule, Severity};
use crate::log::{Change, EnvironmentName, EnvironmentState, FlagState, Role};

const MILLIS_PER_HOUR: i64 = 3_600_000;
const MILLIS_PER_DAY: i64 = 24 * MILLIS_PER_HOUR;
/// How long everyone has had a flag, without a rollback, before it is on its way out.
const PROVEN_DAYS: u64 = 30;
/// How long a share stands before a flag becomes generally available, in hours.
const SETTLED_HOURS: u64 = 24;

/// A stage of a flag's life, the end of it among them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeStage {
    /// The code exists and is off.
    Development,
    /// On for the team.
    Internal,
    /// On for users who opt in, or for a growing share.
    Beta,
    /// On by default.
    Ga,
    /// On its way out.
    Deprecated,
    /// Taken out of the code and of the project.
    Removed,
}

/// How long a flag stays at a stage, in days.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageSpan {
    /// Before so many it is too early to go on.
    pub least: u64,
    /// After so many it is overdue; never, where absent.
    pub most: Option<u64>,
}

/// A word that names no stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no stage, {}", expected(*closest))]
pub struct StageError {
    /// The word given.
    pub found: String,
    /// The stage that it most likely means.
    pub closest: Option<LifeStage>,
}

fn expected(closest: Option<LifeStage>) -> String {
    closest.map_or_else(
        || format!("expected one of {}", LifeStage::ALL.map(LifeStage::as_str).join(", ")),
        |closest| format!("did you mean {:?}?", closest.as_str()),
    )
}

impl LifeStage {
    /// Every stage, in the order of a life.
    pub const ALL: [Self; 6] =
        [Self::Development, Self::Internal, Self::Beta, Self::Ga, Self::Deprecated, Self::Removed];

    /// Returns the stage of a flag that is there.
    pub const fn of(stage: Stage) -> Self {
        match stage {
            Stage::Internal => Self::Internal,
            Stage::Beta => Self::Beta,
            Stage::Ga => Self::Ga,
            Stage::Deprecated => Self::Deprecated,
            _ => Self::Development,
        }
    }

    /// Returns the stage as flags have it; `None` for the end, where there is no flag.
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::Development => Some(Stage::Development),
            Self::Internal => Some(Stage::Internal),
            Self::Beta => Some(Stage::Beta),
            Self::Ga => Some(Stage::Ga),
            Self::Deprecated => Some(Stage::Deprecated),
            Self::Removed => None,
        }
    }

    /// Returns the word shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Internal => "internal",
            Self::Beta => "beta",
            Self::Ga => "ga",
            Self::Deprecated => "deprecated",
            Self::Removed => "removed",
        }
    }

    /// Returns how long a flag stays: 1 to 2 weeks in development, 3 to 5 days with the team, 1 to 4 weeks in beta, 1 to 3 months on its
    /// way out. Code that is finished early may leave development early.
    pub const fn span(self) -> StageSpan {
        match self {
            Self::Development => StageSpan { least: 0, most: Some(14) },
            Self::Internal => StageSpan { least: 3, most: Some(5) },
            Self::Beta => StageSpan { least: 7, most: Some(28) },
            Self::Deprecated => StageSpan { least: 30, most: Some(90) },
            Self::Ga | Self::Removed => StageSpan { least: 0, most: None },
        }
    }

    /// Returns the stage after this one.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| *stage > self)
    }

    /// Returns the stage before this one.
    pub fn previous(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|stage| *stage < self)
    }
}

impl fmt::Display for LifeStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LifeStage {
    type Err = StageError;

    fn from_str(text: &str) -> Result<Self, StageError> {
        let known = |word: &str| Self::ALL.into_iter().find(|stage| stage.as_str() == word);
        known(text).ok_or_else(|| {
            let closest = nearest(text, Self::ALL.map(Self::as_str)).and_then(known);
            StageError { found: text.to_owned(), closest }
        })
    }
}

/// Whether a flag is ready for a stage, in one respect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageCheck {
    /// Its name, as the log has it where it is waived.
    pub name: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// What was found, and what is expected.
    pub told: String,
    /// Whether a release manager may waive it.
    pub waivable: bool,
}

/// One step of a flag's life, and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageStep {
    /// The stage left.
    pub from: LifeStage,
    /// The stage entered.
    pub to: LifeStage,
    /// What the step asks for. Going back asks for nothing.
    pub checks: Vec<StageCheck>,
}

/// Steps of a flag's life, and the proposal that makes them.
#[derive(Clone, Debug)]
pub struct Promotion {
    /// The steps, in order.
    pub steps: Vec<StageStep>,
    /// The changes.
    pub proposal: Proposal,
}

/// Which way a flag goes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// On to a later stage, where the checks pass.
    #[default]
    On,
    /// On to a later stage; a release manager waives the checks that do not pass.
    OnDespite,
    /// Back to an earlier stage.
    Back,
}

impl Project {
    /// Works out what it takes to bring a flag to another stage: the next one (or the one before, going back) unless one is named. What the
    /// flag serves stays as it is, so nobody moves; only the last step takes the flag out.
    pub fn propose_stage(
        &self,
        environment: &EnvironmentName,
        key: &str,
        to: Option<LifeStage>,
        direction: Direction,
    ) -> Result<Promotion, AppError> {
        let (key, flag) = self.flag(environment, key)?;
        let from = LifeStage::of(flag.definition.flag.stage);
        let is_back = direction == Direction::Back;
        let neighbour = if is_back { from.previous() } else { from.next() };
        let Some(to) = to.or(neighbour).filter(|to| if is_back { *to < from } else { *to > from }) else {
            let to = to.unwrap_or(from);
            return Err(LifecycleError::Order { flag: key.clone(), from, to, back: is_back }.into());
        };
        if is_back {
            let steps = vec![StageStep { from, to, checks: Vec::new() }];
            let changes = stage_change(key, flag, to, Vec::new());
            return Ok(Promotion { steps, proposal: self.propose(environment, vec![changes])? });
        }
        let steps = self.steps(environment, key, flag, to)?;
        let failed = |step: &StageStep| step.checks.iter().any(|check| !check.passed);
        let role = self.role()?;
        if direction == Direction::OnDespite && role != Role::ReleaseManager {
            return Err(LifecycleError::WaivedBy { found: role }.into());
        }
        let is_stopped = |step: &StageStep| match direction {
            Direction::OnDespite => step.checks.iter().any(|check| !check.passed && !check.waivable),
            _ => failed(step),
        };
        if steps.iter().any(is_stopped) {
            return Err(LifecycleError::NotReady { flag: key.clone(), steps }.into());
        }
        let changes = steps.iter().map(|step| {
            let waived = step.checks.iter().filter(|check| !check.passed).map(|check| check.name.into()).collect();
            stage_change(key, flag, step.to, waived)
        });
        let proposal = self.propose(environment, changes.collect())?;
        Ok(Promotion { steps, proposal })
    }

    fn steps(
        &self,
        environment: &EnvironmentName,
        key: &FlagKey,
        flag: &FlagState,
        to: LifeStage,
    ) -> Result<Vec<StageStep>, AppError> {
        let state = self.environment(environment)?;
        let now = self.now();
        let report = self.lint(environment, now)?;
        let findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.flag.as_deref() == Some(key.as_str())).collect();
        let candidate = Candidate { key, flag, state, findings: &findings, since: flag.staged, now };
        Ok(candidate.steps(to))
    }
}

/// What the documentation says of how a flag stands follows, where it says what flags of a stage say; words of the owner's own stay.
fn stage_change(key: &FlagKey, flag: &FlagState, to: LifeStage, waived: Vec<Box<str>>) -> Change {
    match to.stage() {
        Some(stage) => {
            let said = flag.definition.documentation.status.as_deref();
            let status = said.filter(|said| is_stage_status(said)).map(|_| stage_status(stage).into());
            Change::StageSet { flag: key.clone(), stage, waived, status }
        }
        None => Change::FlagArchived { key: key.clone() },
    }
}

/// Returns how many whole days lie between two times.
pub(in crate::app) fn whole_days(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.millis_since(from) / MILLIS_PER_DAY).unwrap_or_default()
}

/// Returns the flags that need a flag, in order.
pub(in crate::app) fn needed_by<'s>(state: &'s EnvironmentState, key: &FlagKey) -> Vec<&'s FlagKey> {
    let needs = |flag: &FlagState| flag.definition.flag.prerequisites.iter().any(|needed| needed.flag == *key);
    state.flags.iter().filter(|(_, flag)| needs(flag)).map(|(key, _)| key).collect()
}

/// A flag that may go on, and what is known of it.
struct Candidate<'p> {
    key: &'p FlagKey,
    flag: &'p FlagState,
    state: &'p EnvironmentState,
    findings: &'p [&'p Finding],
    /// Since when it is at the stage that it leaves.
    since: Timestamp,
    now: Timestamp,
}

impl Candidate<'_> {
    /// Returns every step to a stage, in order, with what it asks for. Whoever skips a stage has spent no time at it.
    fn steps(mut self, to: LifeStage) -> Vec<StageStep> {
        let mut steps = Vec::new();
        let mut from = LifeStage::of(self.flag.definition.flag.stage);
        while let Some(next) = from.next().filter(|next| *next <= to) {
            steps.push(StageStep { from, to: next, checks: self.checks(from, next) });
            (from, self.since) = (next, self.now);
        }
        steps
    }

    fn checks(&self, from: LifeStage, to: LifeStage) -> Vec<StageCheck> {
        let documented = [LintRule::MissingDocumentation, LintRule::MissingOwner];
        let lifetime = [LintRule::MissingExpiry, LintRule::Expired, LintRule::ExpiryTooFar];
        match to {
            LifeStage::Development => Vec::new(),
            LifeStage::Internal => {
                vec![self.documented(&documented), self.sound(), self.unexposed(), self.reachable("the team")]
            }
            LifeStage::Beta => vec![
                self.soak(from),
                self.documented(&documented),
                self.expires(&lifetime),
                self.sound(),
                self.watched(),
                self.reachable("users"),
                self.not_killed(),
            ],
            LifeStage::Ga => {
                vec![self.soak(from), self.everyone(), self.settled(), self.decided(), self.sound(), self.not_killed()]
            }
            LifeStage::Deprecated => vec![self.proven(), self.not_killed()],
            LifeStage::Removed => vec![self.soak(from), self.unneeded(), self.not_killed()],
        }
    }

    /// Operational and permission flags are switched for some for good; kill switches stay.
    const fn is_for_some(&self) -> bool {
        matches!(self.flag.definition.flag.kind, Kind::Ops | Kind::Permission)
    }

    fn soak(&self, from: LifeStage) -> StageCheck {
        let (days, least) = (whole_days(self.since, self.now), from.span().least);
        let told = format!("{} at {from}, expected {least} or more", counted_days(days));
        StageCheck { name: "soak", passed: days >= least, told, waivable: true }
    }

    fn documented(&self, rules: &[LintRule]) -> StageCheck {
        self.lint("documented", "everything that is required is written", |finding| rules.contains(&finding.rule))
    }

    fn expires(&self, rules: &[LintRule]) -> StageCheck {
        self.lint("expires", "it has a day to go by, or may stay", |finding| rules.contains(&finding.rule))
    }

    fn sound(&self) -> StageCheck {
        let elsewhere = [LintRule::MissingDocumentation, LintRule::MissingOwner, LintRule::MissingExpiry];
        let counts = |finding: &Finding| finding.severity == Severity::Error && !elsewhere.contains(&finding.rule);
        self.lint("lint", "lint finds no error", counts)
    }

    fn lint(&self, name: &'static str, fine: &str, counts: impl Fn(&Finding) -> bool) -> StageCheck {
        let found: Vec<&str> =
            self.findings.iter().filter(|finding| counts(finding)).map(|finding| finding.message.as_str()).collect();
        let told = if found.is_empty() { fine.to_owned() } else { found.join("; ") };
        // A back door stays behind its 24 hours, whoever asks.
        let waivable = !self.findings.iter().any(|finding| counts(finding) && finding.rule == LintRule::DebugDeadline);
        StageCheck { name, passed: found.is_empty(), told, waivable }
    }

    fn unexposed(&self) -> StageCheck {
        let flag = &self.flag.definition.flag;
        let is_off =
            !flag.enabled || flag.kind == Kind::KillSwitch || serves_nobody(&flag.fallthrough, &flag.off_variant);
        let told = if is_off { "whom no rule takes gets nothing of it" } else { "it is exposed to users already" };
        StageCheck { name: "unexposed", passed: is_off, told: told.to_owned(), waivable: true }
    }

    fn reachable(&self, whom: &str) -> StageCheck {
        let flag = &self.flag.definition.flag;
        let by_themselves = flag.overridable || flag.opt_in != OptIn::None || flag.kind == Kind::KillSwitch;
        let is_served = !serves_nobody(&flag.fallthrough, &flag.off_variant) || !flag.rules.is_empty();
        let passed = flag.enabled && (by_themselves || is_served);
        let told = match (flag.enabled, passed) {
            (false, _) => format!("it is disabled, so {whom} cannot get it"),
            (true, true) => format!("{whom} can get it"),
            (true, false) => {
                format!("{whom} cannot get it, expected a rule, a share, opt_in or overridable")
            }
        };
        StageCheck { name: "reachable", passed, told, waivable: true }
    }

    fn watched(&self) -> StageCheck {
        let metrics = &self.flag.definition.documentation.metrics;
        let gates = metrics.iter().filter(|metric| metric.target.is_some()).count();
        let told = match gates {
            0 => "no metric has a target, so nothing would stop a bad rollout".to_owned(),
            1 => "1 metric has a target".to_owned(),
            _ => format!("{gates} metrics have targets"),
        };
        StageCheck { name: "watched", passed: gates > 0, told, waivable: true }
    }

    fn not_killed(&self) -> StageCheck {
        let kill = self.state.kill_of(self.key.as_str());
        let told = kill.map_or_else(
            || "no kill stands against it".to_owned(),
            |kill| format!("killed by {} since {}", kill.by, kill.since),
        );
        StageCheck { name: "not_killed", passed: kill.is_none(), told, waivable: false }
    }

    fn everyone(&self) -> StageCheck {
        let flag = &self.flag.definition.flag;
        let of = if flag.opt_in == OptIn::Required { "everyone who opted in" } else { "everyone" };
        let passed = flag.enabled && (is_full(&flag.fallthrough, &flag.off_variant) || self.is_for_some());
        let told = match (passed, flag.fallthrough.exposure) {
            (true, _) if !is_full(&flag.fallthrough, &flag.off_variant) => {
                "it is meant for some, by its kind".to_owned()
            }
            (true, _) => format!("{of} has it"),
            (false, Some(share)) if flag.enabled => format!("{share} have it, expected {of}"),
            (false, _) => format!("nobody has it, expected {of}"),
        };
        StageCheck { name: "everyone", passed, told, waivable: true }
    }

    fn settled(&self) -> StageCheck {
        let hours = u64::try_from(self.now.millis_since(self.flag.served) / MILLIS_PER_HOUR).unwrap_or_default();
        let told = format!("{hours} h at this share, expected {SETTLED_HOURS} or more");
        StageCheck { name: "settled", passed: hours >= SETTLED_HOURS, told, waivable: true }
    }

    fn decided(&self) -> StageCheck {
        let flag = &self.flag.definition.flag;
        let compared = flag.fallthrough.allocation.as_ref().map_or(1, Entries::len);
        let passed = flag.kind != Kind::Experiment || compared < 2;
        let told = if passed {
            "nothing is compared any more".to_owned()
        } else {
            format!("{compared} variants are still compared, expected one for everyone")
        };
        StageCheck { name: "decided", passed, told, waivable: true }
    }

    fn proven(&self) -> StageCheck {
        let flag = &self.flag.definition.flag;
        let lifted = self.state.ended_kill_of(self.key.as_str()).map(|ended| ended.lifted);
        let since = lifted.map_or(self.flag.served, |lifted| lifted.max(self.flag.served));
        let days = whole_days(since, self.now);
        let is_full = flag.enabled && is_full(&flag.fallthrough, &flag.off_variant);
        let passed = self.is_for_some() || (is_full && days >= PROVEN_DAYS);
        let told = match (self.is_for_some(), is_full) {
            (true, _) => "it is meant for some, by its kind".to_owned(),
            (false, true) => format!(
                "everyone has had it without a rollback for {}, expected {PROVEN_DAYS} or more",
                counted_days(days)
            ),
            (false, false) => "not everyone has it".to_owned(),
        };
        StageCheck { name: "proven", passed, told, waivable: true }
    }

    fn unneeded(&self) -> StageCheck {
        let needed = needed_by(self.state, self.key);
        let told = if needed.is_empty() {
            "no flag needs it".to_owned()
        } else {
            format!("needed by {}", needed.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", "))
        };
        StageCheck { name: "unneeded", passed: needed.is_empty(), told, waivable: false }
    }
}

fn counted_days(days: u64) -> String {
    format!("{days} day{}", if days == 1 { "" } else { "s" })
}

fn serves_nobody(serve: &Serve, off_variant: &str) -> bool {
    match (&serve.variant, serve.exposure) {
        (Some(variant), _) => **variant == *off_variant,
        (None, share) => share.is_none_or(|share| share == Share::NOBODY),
    }
}

fn is_full(serve: &Serve, off_variant: &str) -> bool {
    match (&serve.variant, serve.exposure) {
        (Some(variant), _) => **variant != *off_variant,
        (None, share) => share == Some(Share::EVERYONE),
    }
}

#[cfg(test)]
mod tests;
