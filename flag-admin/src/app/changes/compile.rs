use std::fmt;

use flag_core::wire::Snapshot;
use flag_core::{FlagError, Ruleset};

use crate::app::project::{Project, UnknownEnvironment};
use crate::log::{EnvironmentName, EnvironmentState, ProjectName, bare_snapshot};

/// A flag that does not hold together.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenFlag {
    /// Its key.
    pub flag: Box<str>,
    /// Why.
    pub error: FlagError,
}

/// Flags that clients would quarantine. Nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenRuleset {
    /// The flags.
    pub flags: Vec<BrokenFlag>,
}

impl fmt::Display for BrokenRuleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, broken) in self.flags.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "flag \"{}\": {}", broken.flag, broken.error)?;
        }
        Ok(())
    }
}

impl std::error::Error for BrokenRuleset {}

impl Project {
    /// Compiles an environment as it stands, published or not.
    pub fn ruleset(&self, environment: &EnvironmentName) -> Result<Ruleset, UnknownEnvironment> {
        Ok(Ruleset::compile(&self.snapshot_of(environment)?))
    }

    /// Returns what an environment would publish, but for version, epoch and times.
    pub(in crate::app) fn snapshot_of(&self, environment: &EnvironmentName) -> Result<Snapshot, UnknownEnvironment> {
        Ok(bare_snapshot(self.state.project(), environment, self.environment(environment)?))
    }
}

/// Compiles what an edit leads to, and refuses flags that it breaks. Flags that were broken before are not held against it.
pub(in crate::app) fn compile_edited(
    project: &ProjectName,
    environment: &EnvironmentName,
    before: &Ruleset,
    after: &EnvironmentState,
) -> Result<Ruleset, BrokenRuleset> {
    let ruleset = Ruleset::compile(&bare_snapshot(project, environment, after));
    let flags: Vec<BrokenFlag> = ruleset
        .quarantined()
        .filter(|(flag, _)| !before.quarantined().any(|(known, _)| known == *flag))
        .map(|(flag, error)| BrokenFlag { flag: flag.into(), error: error.clone() })
        .collect();
    if flags.is_empty() { Ok(ruleset) } else { Err(BrokenRuleset { flags }) }
}
