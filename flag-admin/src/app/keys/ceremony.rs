//! The ceremony by which roots come about: on files, without a project, a network or a clock of its own.
//!
//! A draft is the envelope that clients will see, with the signatures it has so far. Each holder of a root key adds theirs, on whatever
//! machine the key lies; the order does not matter. The draft is done once a client would accept it.

use flag_client::trust::{
    Envelope, EnvelopeError, PayloadType, PublicKey, Role, RoleKey, RoleName, Roles, RootDocument, RootError, SCHEMA,
    Signer,
};
use flag_core::Timestamp;
use serde::Serialize;

use crate::app::error::Failure;

/// The roles of a root, in the order in which they are shown.
pub const ROLE_NAMES: [RoleName; 3] = [RoleName::Root, RoleName::Snapshot, RoleName::Kill];

/// What a project's first root says.
#[derive(Clone, Debug)]
pub struct FirstRoot {
    /// The project.
    pub project: String,
    /// The time now.
    pub now: Timestamp,
    /// From when on it accepts no new snapshots.
    pub expires_at: Timestamp,
    /// Who may sign what.
    pub roles: Roles,
}

/// What a root says otherwise than the one before it.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The time now.
    pub now: Timestamp,
    /// From when on the new root accepts no new snapshots.
    pub expires_at: Timestamp,
    /// Whether what the old snapshot keys signed still counts.
    pub epoch: EpochStep,
    /// Keys that are taken away, by role and id. They go before others come.
    pub removed: Vec<(RoleName, String)>,
    /// Keys that come.
    pub added: Vec<(RoleName, RoleKey)>,
    /// New thresholds.
    pub thresholds: Vec<(RoleName, u32)>,
}

/// Whether a new root ends the epoch of the one before it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum EpochStep {
    /// Snapshots signed so far stay good, as in every planned rotation.
    #[default]
    Keep,
    /// Snapshots signed so far are refused and their versions count afresh, as after a theft.
    Next,
}

/// Why a ceremony does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The bytes are no signed document.
    #[error("{what} is no envelope of a root")]
    Envelope {
        /// `the root` or `the root before it`.
        what: &'static str,
        /// Why.
        #[source]
        source: EnvelopeError,
    },
    /// The envelope holds another kind of document.
    #[error("{what} is a document of kind {}, expected a root", found.document())]
    Kind {
        /// `the root` or `the root before it`.
        what: &'static str,
        /// What it holds.
        found: PayloadType,
    },
    /// The document has no root's form.
    #[error("{what} has another form than a root has")]
    Form {
        /// `the root` or `the root before it`.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The document has a form this version does not know.
    #[error("{what} has schema {found}, expected {SCHEMA}")]
    Schema {
        /// `the root` or `the root before it`.
        what: &'static str,
        /// Its schema.
        found: u32,
    },
    /// The root could not govern.
    #[error("the root cannot govern")]
    Invalid(#[from] RootError),
    /// It would expire before it is signed.
    #[error("the root would expire at {expires_at}, expected a time after {now}")]
    Expired {
        /// When it expires.
        expires_at: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// A key is to be taken away that is not there.
    #[error("role {role} of root {version} has no key {id:?}")]
    NoKey {
        /// The role.
        role: RoleName,
        /// The root's version.
        version: u64,
        /// The id given.
        id: String,
        /// The ids it has.
        known: Vec<String>,
    },
    /// A key is to be added that is there.
    #[error("role {role} has key {id} already")]
    KeyTwice {
        /// The role.
        role: RoleName,
        /// The key's id.
        id: String,
    },
    /// One key would act in two roles, so that one theft takes both.
    #[error("key {id} would serve role {first} and role {second}, expected a key of its own for each role")]
    SharedKey {
        /// The key's id.
        id: String,
        /// A role.
        first: RoleName,
        /// Another.
        second: RoleName,
    },
    /// The signer has no say.
    #[error("key {id} is no root key of root {version}, nor of the root before it")]
    NoSay {
        /// The key's id.
        id: String,
        /// The root's version.
        version: u64,
    },
    /// The signer has signed.
    #[error("key {id} has signed root {version} already")]
    AlreadySigned {
        /// The key's id.
        id: String,
        /// The root's version.
        version: u64,
    },
    /// The two roots do not follow on one another.
    #[error("root {found} of {found_project:?} does not follow on root {before} of {project:?}")]
    NotNext {
        /// The version of the root before.
        before: u64,
        /// Its project.
        project: String,
        /// The version found.
        found: u64,
        /// Its project.
        found_project: String,
    },
    /// A document has no JSON form.
    #[error("a document cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// A root as people look at it before they sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootStanding {
    /// The project.
    pub project: String,
    /// The root's version.
    pub version: u64,
    /// Its epoch.
    pub epoch: u64,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From when on it accepts no new snapshots.
    pub expires_at: Timestamp,
    /// Who may sign what.
    pub roles: Vec<RoleStanding>,
    /// Whose signatures it needs: its own root keys', and those of the root before it.
    pub needs: Vec<Need>,
    /// Whether it lacks none of them, as far as is known: a root after the first also needs those of the root before it.
    pub complete: bool,
    /// How many signatures are by no key that counts.
    pub strangers: usize,
}

/// A role of a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleStanding {
    /// `root`, `snapshot` or `kill`.
    pub role: String,
    /// How many must sign.
    pub threshold: u32,
    /// The ids of the keys that may.
    pub keys: Vec<String>,
}

/// Signatures that a root needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The version of the root whose root keys count.
    pub root: u64,
    /// How many of them must sign.
    pub threshold: u32,
    /// The ids of those that have.
    pub signed: Vec<String>,
    /// The ids of those that have not.
    pub missing: Vec<String>,
}

impl Need {
    /// Whether enough have signed.
    pub fn is_met(&self) -> bool {
        u32::try_from(self.signed.len()).is_ok_and(|signed| signed >= self.threshold)
    }
}

/// Drafts a project's first root, without a signature.
pub fn draft_first(first: FirstRoot) -> Result<Vec<u8>, CeremonyError> {
    let FirstRoot { project, now, expires_at, roles } = first;
    draft(&RootDocument { schema: SCHEMA, project, version: 1, epoch: 1, issued_at: now, expires_at, roles })
}

/// Drafts the root that follows on another, without a signature.
pub fn draft_next(current: &[u8], rotation: &Rotation) -> Result<Vec<u8>, CeremonyError> {
    let (_, current) = read("the root before it", current)?;
    let mut roles = current.roles.clone();
    for (role, id) in &rotation.removed {
        let keys = &mut role_of(&mut roles, *role).keys;
        let Some(place) = keys.iter().position(|key| key.keyid == *id) else {
            let known = keys.iter().map(|key| key.keyid.clone()).collect();
            return Err(CeremonyError::NoKey { role: *role, version: current.version, id: id.clone(), known });
        };
        keys.remove(place);
    }
    for (role, key) in &rotation.added {
        let keys = &mut role_of(&mut roles, *role).keys;
        if keys.iter().any(|there| there.public == key.public) {
            return Err(CeremonyError::KeyTwice { role: *role, id: key.keyid.clone() });
        }
        keys.push(key.clone());
    }
    for (role, threshold) in &rotation.thresholds {
        role_of(&mut roles, *role).threshold = *threshold;
    }
    let step = u64::from(rotation.epoch == EpochStep::Next);
    draft(&RootDocument {
        schema: SCHEMA,
        project: current.project,
        version: current.version.saturating_add(1),
        epoch: current.epoch.saturating_add(step),
        issued_at: rotation.now,
        expires_at: rotation.expires_at,
        roles,
    })
}

/// Adds a signature to a root. The signer must be one of its root keys, or of those of `before`, the root it follows on.
pub fn countersign(root: &[u8], before: Option<&[u8]>, signer: &dyn Signer) -> Result<Vec<u8>, CeremonyError> {
    let (mut envelope, document) = read("the root", root)?;
    let before = before.map(|before| predecessor(before, &document)).transpose()?;
    let say = before.iter().chain([&document]).flat_map(|root| &root.roles.root.keys);
    let (id, version) = (signer.key_id().to_owned(), document.version);
    let signature = signer.sign(envelope.signed_bytes());
    let Some(key) = say.map(|key| key.public).find(|public| public.verifies(envelope.signed_bytes(), &signature))
    else {
        return Err(CeremonyError::NoSay { id, version });
    };
    if has_signed(&envelope, key) {
        return Err(CeremonyError::AlreadySigned { id, version });
    }
    envelope.countersign(signer);
    Ok(envelope.to_json())
}

/// Returns what a root says and who has signed it. `before` is the root it follows on.
pub fn standing(root: &[u8], before: Option<&[u8]>) -> Result<RootStanding, CeremonyError> {
    let (envelope, document) = read("the root", root)?;
    document.validate()?;
    let before = before.map(|before| predecessor(before, &document)).transpose()?;
    let need = |of: &RootDocument| {
        let Role { threshold, keys } = &of.roles.root;
        let (signed, missing): (Vec<&RoleKey>, Vec<&RoleKey>) =
            keys.iter().partition(|key| has_signed(&envelope, key.public));
        let ids = |keys: Vec<&RoleKey>| keys.into_iter().map(|key| key.keyid.clone()).collect();
        Need { root: of.version, threshold: *threshold, signed: ids(signed), missing: ids(missing) }
    };
    let needs: Vec<Need> = before.iter().chain([&document]).map(need).collect();
    let counting: Vec<PublicKey> =
        before.iter().chain([&document]).flat_map(|root| &root.roles.root.keys).map(|key| key.public).collect();
    let is_strange = |sig: &&flag_client::trust::Signature| {
        !counting.iter().any(|key| key.verifies(envelope.signed_bytes(), &sig.sig))
    };
    let strangers = envelope.signatures().iter().filter(is_strange).count();
    let complete = needs.iter().all(Need::is_met) && (document.version == 1 || before.is_some());
    let roles = ROLE_NAMES.map(|name| {
        let Role { threshold, keys } = document.role(name);
        let keys = keys.iter().map(|key| key.keyid.clone()).collect();
        RoleStanding { role: name.to_string(), threshold: *threshold, keys }
    });
    let RootDocument { project, version, epoch, issued_at, expires_at, .. } = document;
    let roles = roles.into();
    Ok(RootStanding { project, version, epoch, issued_at, expires_at, roles, needs, complete, strangers })
}

/// Reads a root, and proves nothing about it.
pub(in crate::app) fn read(what: &'static str, bytes: &[u8]) -> Result<(Envelope, RootDocument), CeremonyError> {
    let envelope = Envelope::parse(bytes).map_err(|source| CeremonyError::Envelope { what, source })?;
    if envelope.payload_type() != PayloadType::Root {
        return Err(CeremonyError::Kind { what, found: envelope.payload_type() });
    }
    let document: RootDocument =
        serde_json::from_slice(envelope.document()).map_err(|source| CeremonyError::Form { what, source })?;
    if document.schema != SCHEMA {
        return Err(CeremonyError::Schema { what, found: document.schema });
    }
    Ok((envelope, document))
}

fn predecessor(before: &[u8], document: &RootDocument) -> Result<RootDocument, CeremonyError> {
    let (_, before) = read("the root before it", before)?;
    if before.project != document.project || before.version.checked_add(1) != Some(document.version) {
        return Err(CeremonyError::NotNext {
            before: before.version,
            project: before.project,
            found: document.version,
            found_project: document.project.clone(),
        });
    }
    Ok(before)
}

fn draft(document: &RootDocument) -> Result<Vec<u8>, CeremonyError> {
    document.validate()?;
    if document.expires_at <= document.issued_at {
        return Err(CeremonyError::Expired { expires_at: document.expires_at, now: document.issued_at });
    }
    let keys = |name| document.role(name).keys.iter().map(move |key| (name, key));
    let all: Vec<(RoleName, &RoleKey)> = ROLE_NAMES.into_iter().flat_map(keys).collect();
    for (place, (second, key)) in all.iter().enumerate() {
        if let Some((first, _)) = all.iter().take(place).find(|(_, earlier)| earlier.public == key.public) {
            let (first, second, id) = (*first, *second, key.keyid.clone());
            return Err(if first == second {
                CeremonyError::KeyTwice { role: first, id }
            } else {
                CeremonyError::SharedKey { id, first, second }
            });
        }
    }
    Ok(Envelope::sign(PayloadType::Root, serde_json::to_vec(document)?, &[]).to_json())
}

fn has_signed(envelope: &Envelope, key: PublicKey) -> bool {
    envelope.signatures().iter().any(|signature| key.verifies(envelope.signed_bytes(), &signature.sig))
}

fn role_of(roles: &mut Roles, name: RoleName) -> &mut Role {
    match name {
        RoleName::Root => &mut roles.root,
        RoleName::Snapshot => &mut roles.snapshot,
        RoleName::Kill => &mut roles.kill,
    }
}

impl Failure for CeremonyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Envelope { .. } | Self::Kind { .. } | Self::Form { .. } | Self::Schema { .. } => "not_a_root",
            Self::Invalid(_) | Self::Expired { .. } | Self::KeyTwice { .. } | Self::SharedKey { .. } => "bad_root",
            Self::NoKey { .. } => "no_such_key",
            Self::NoSay { .. } => "no_say",
            Self::AlreadySigned { .. } => "already_signed",
            Self::NotNext { .. } => "not_next",
            Self::Json(_) => "no_json",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoKey { known, .. } => Some(format!("it has: {}", known.join(", "))),
            Self::NoSay { .. } => {
                Some("a key that only the root before it lists signs with that root at hand: --from FILE".to_owned())
            }
            Self::AlreadySigned { .. } => Some("hand the file to the next holder of a root key".to_owned()),
            Self::SharedKey { .. } => Some("make another: flag-admin key new ROLE --out FILE".to_owned()),
            _ => None,
        }
    }
}
