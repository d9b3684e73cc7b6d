use flag_core::FlagKey;

use super::exposure::ExposureError;
use super::{Actor, EnvironmentName, TokenId};

/// Why an entry does not fit the entries before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// The log does not begin with the project.
    #[error("the log begins with {found}, expected project_created")]
    NoProject {
        /// The change found.
        found: &'static str,
    },
    /// The project begins twice.
    #[error("the project is created a second time")]
    ProjectTwice,
    /// A change of an environment names none.
    #[error("{change} names no environment")]
    NoEnvironment {
        /// The change.
        change: &'static str,
    },
    /// An environment that the project does not have.
    #[error("environment \"{environment}\" does not exist")]
    UnknownEnvironment {
        /// The environment named.
        environment: EnvironmentName,
    },
    /// An environment is made that is there.
    #[error("environment \"{environment}\" is created a second time")]
    EnvironmentTwice {
        /// The environment.
        environment: EnvironmentName,
    },
    /// A flag is made that is there.
    #[error("flag \"{flag}\" is created a second time")]
    FlagTwice {
        /// The flag.
        flag: FlagKey,
    },
    /// A flag is changed that is not there.
    #[error("flag \"{flag}\" does not exist")]
    UnknownFlag {
        /// The flag.
        flag: FlagKey,
    },
    /// A share is set where none can be.
    #[error("flag \"{flag}\": {source}")]
    Exposure {
        /// The flag.
        flag: FlagKey,
        /// Why.
        #[source]
        source: ExposureError,
    },
    /// Something is removed, or lifted, that is not there.
    #[error("{what} {name:?} does not exist")]
    Unknown {
        /// `segment`, `group`, `kill`, `rollout` or `signal`.
        what: &'static str,
        /// Its name.
        name: Box<str>,
    },
    /// A kill's id is used again.
    #[error("kill id {id:?} is used a second time")]
    KillTwice {
        /// The id.
        id: Box<str>,
    },
    /// Somebody is removed who is no member.
    #[error("{member} is no member")]
    UnknownMember {
        /// Who.
        member: Actor,
    },
    /// A token's id is used again.
    #[error("token {id} is issued a second time")]
    TokenTwice {
        /// The id.
        id: TokenId,
    },
    /// A token is revoked that is not there.
    #[error("token {id} does not exist, or is revoked")]
    UnknownToken {
        /// The id.
        id: TokenId,
    },
    /// A request is approved or rejected that does not wait.
    #[error("request {request} does not exist, or is settled")]
    UnknownRequest {
        /// Its number.
        request: u64,
    },
    /// A version of a snapshot does not grow.
    #[error("snapshot version {found} does not follow version {last}")]
    Version {
        /// The version found.
        found: u64,
        /// The last version of the epoch.
        last: u64,
    },
}
