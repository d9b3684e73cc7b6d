use flag_client::trust::{
    Envelope, EnvelopeError, PayloadType, PublicKey, Role as TrustRole, RoleKey, RoleName, Roles, RootDocument, SCHEMA,
    Signer, TrustError, TrustState,
};
use flag_core::Timestamp;

use super::Operator;
use crate::app::error::Failure;
use crate::log::{Change, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, Head, ProjectName, Sealed};

/// How many days a root accepts new snapshots.
pub const ROOT_LIFETIME_DAYS: u32 = 365;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// What a project is born with.
#[derive(Debug)]
pub struct Birth<'a> {
    /// Its name.
    pub project: ProjectName,
    /// Its environments, at least one, each once.
    pub environments: Vec<EnvironmentName>,
    /// Who makes it.
    pub operator: Operator,
    /// When.
    pub now: Timestamp,
    /// The public keys of the three roles.
    pub keys: &'a [NewKey],
}

/// A public key and the role it is for.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The role.
    pub role: RoleName,
    /// The id under which signatures name it.
    pub id: String,
    /// The key.
    pub public: PublicKey,
}

/// A project's first root and first entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Newborn {
    /// The envelope of root 1, byte for byte what applications ship.
    pub root: Vec<u8>,
    /// The entries that its log begins with.
    pub entries: Vec<Sealed>,
}

/// Why a project cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A project without environments.
    #[error("a project has no environment, expected at least one")]
    NoEnvironment,
    /// An environment that is named twice.
    #[error("environment \"{environment}\" stands twice")]
    EnvironmentTwice {
        /// The environment.
        environment: EnvironmentName,
    },
    /// The keys do not make a root.
    #[error("the keys make no root")]
    Root(#[from] flag_client::trust::RootError),
    /// The given root is not one that applications could ship.
    #[error("the root cannot be shipped")]
    Refused(#[source] TrustError),
    /// The given root cannot be read again.
    #[error("the root is no signed document")]
    Envelope(#[source] EnvelopeError),
    /// The given root is not a project's first.
    #[error("root {found} follows on others, expected root 1")]
    NotFirst {
        /// Its version.
        found: u64,
    },
    /// A document has no JSON form.
    #[error("a document cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl Failure for InitError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoEnvironment | Self::EnvironmentTwice { .. } => "bad_environment",
            Self::Root(_) | Self::Refused(_) | Self::Envelope(_) | Self::NotFirst { .. } => "bad_root",
            Self::Json(_) => "no_json",
        }
    }
}

/// Makes a project: root 1, signed by the root key, and the entries that its log begins with.
pub fn birth(birth: &Birth<'_>, root_key: &dyn Signer) -> Result<Newborn, InitError> {
    checked_environments(birth)?;
    let role = |name: RoleName| TrustRole {
        threshold: 1,
        keys: birth
            .keys
            .iter()
            .filter(|key| key.role == name)
            .map(|key| RoleKey { keyid: key.id.clone(), public: key.public })
            .collect(),
    };
    let document = RootDocument {
        schema: SCHEMA,
        project: birth.project.as_str().to_owned(),
        version: 1,
        epoch: 1,
        issued_at: birth.now,
        expires_at: birth.now.saturating_add_millis(i64::from(ROOT_LIFETIME_DAYS).saturating_mul(MILLIS_PER_DAY)),
        roles: Roles { root: role(RoleName::Root), snapshot: role(RoleName::Snapshot), kill: role(RoleName::Kill) },
    };
    document.validate()?;
    let payload = serde_json::to_vec(&document)?;
    let root = Envelope::sign(PayloadType::Root, payload, &[root_key]).to_json();
    Ok(Newborn { entries: first_entries(birth, &document, &root)?, root })
}

/// Makes a project under a root that was signed elsewhere, if an application could ship it.
pub fn birth_under(birth: &Birth<'_>, root: Vec<u8>) -> Result<Newborn, InitError> {
    let environment = checked_environments(birth)?.as_str();
    let trust = TrustState::open(&root, birth.project.as_str(), environment).map_err(InitError::Refused)?;
    let document = trust.root().clone();
    if document.version != 1 {
        return Err(InitError::NotFirst { found: document.version });
    }
    Ok(Newborn { entries: first_entries(birth, &document, &root)?, root })
}

fn checked_environments<'b>(birth: &'b Birth<'_>) -> Result<&'b EnvironmentName, InitError> {
    for (place, environment) in birth.environments.iter().enumerate() {
        if birth.environments.iter().take(place).any(|earlier| earlier == environment) {
            return Err(InitError::EnvironmentTwice { environment: environment.clone() });
        }
    }
    birth.environments.first().ok_or(InitError::NoEnvironment)
}

fn first_entries(birth: &Birth<'_>, document: &RootDocument, root: &[u8]) -> Result<Vec<Sealed>, InitError> {
    let envelope = Envelope::parse(root).map_err(InitError::Envelope)?;
    let digest = Digest::of(envelope.document());
    let changes = [
        Change::ProjectCreated { project: birth.project.clone(), environments: birth.environments.clone() },
        Change::RootPublished {
            version: document.version,
            epoch: document.epoch,
            digest,
            expires_at: document.expires_at,
        },
    ];
    let mut head = Head::GENESIS;
    let mut entries = Vec::with_capacity(changes.len());
    for change in changes {
        let entry = Sealed::new(Entry {
            schema: ENTRY_SCHEMA,
            seq: head.seq.saturating_add(1),
            time: birth.now,
            actor: birth.operator.actor.clone(),
            role: birth.operator.role,
            environment: None,
            change,
            reason: None,
            prev: head.hash,
        })?;
        head = entry.head();
        entries.push(entry);
    }
    Ok(entries)
}
