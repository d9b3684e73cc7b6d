//! What is measured: the flags, the people and the facts known of them, the same for every product.

pub use benches::{PEOPLE, SAMPLE};
use benches::{boolean_key, people, rollout_key, rule_key};

/// The part of the people for whom a rollout flag is on.
pub const ROLLOUT_PERCENT: u32 = 25;
/// The part of those whom a rule matches for whom its flag is on.
pub const RULE_PERCENT: u32 = 50;
/// The operating system that rules ask for.
pub const OS: &str = "linux";
/// The lowest version that rules ask for.
pub const MINIMUM_VERSION: &str = "2.1.0";
/// The teams that rules ask for.
pub const TEAMS: [&str; 3] = ["checkout", "payments", "search"];

/// What a flag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On for everyone.
    Boolean,
    /// On for [`ROLLOUT_PERCENT`] of all people.
    Rollout,
    /// On for [`RULE_PERCENT`] of those who use [`OS`], have at least [`MINIMUM_VERSION`], and are in one of [`TEAMS`]; off for others.
    Rule,
}

/// A flag of the workload.
#[derive(Clone, Debug)]
pub struct Flag {
    /// 24 bytes.
    pub key: String,
    /// What it does.
    pub kind: Kind,
}

/// Returns the flags of a workload of this many: of ten, five are boolean, three rollouts, two rules.
pub fn flags(count: usize) -> Vec<Flag> {
    (0..count)
        .map(|number| match number % 10 {
            0..5 => Flag { key: boolean_key(number), kind: Kind::Boolean },
            5..8 => Flag { key: rollout_key(number), kind: Kind::Rollout },
            _ => Flag { key: rule_key(number), kind: Kind::Rule },
        })
        .collect()
}

/// Returns the flags that single reads ask for: one of each kind.
pub fn sample() -> [Flag; 3] {
    let flags = flags(100);
    SAMPLE.map(|at| flags[at].clone())
}

/// Somebody for whom flags are decided.
#[derive(Clone, Debug)]
pub struct Person {
    /// A UUID as text.
    pub id: String,
    /// The operating system.
    pub os: &'static str,
    /// The version of the program.
    pub app_version: &'static str,
    /// The team.
    pub team: &'static str,
}

/// Returns [`PEOPLE`] people whom every rule matches.
pub fn matched() -> Vec<Person> {
    people(PEOPLE).into_iter().map(|id| Person { id, os: OS, app_version: "2.4.1", team: "payments" }).collect()
}

/// Returns the same people three times, each time with another fact for which no rule matches them.
pub fn unmatched() -> Vec<Person> {
    let another = |change: fn(&mut Person)| {
        matched().into_iter().map(move |mut person| {
            change(&mut person);
            person
        })
    };
    let os = another(|person| person.os = "macos");
    // As text it stands before the minimum, and as text 10 would.
    let version = another(|person| person.app_version = "2.0.10");
    let team = another(|person| person.team = "support");
    os.chain(version).chain(team).collect()
}

/// Returns the same people with a version that is above the minimum only if its parts are compared as numbers.
pub fn matched_by_number() -> Vec<Person> {
    matched().into_iter().map(|person| Person { app_version: "2.10.0", team: "search", ..person }).collect()
}
