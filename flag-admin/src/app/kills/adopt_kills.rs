use flag_client::trust::{Envelope, EnvelopeError, Kill, KillsDocument, PayloadType};
use serde::Serialize;

use crate::app::changes::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::keys::ceremony::read;
use crate::app::project::Project;
use crate::log::{Change, EnvironmentName};

/// Why kills that others signed are not taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptKillsError {
    /// The bytes are no kills document.
    #[error("the file is no kills document")]
    Envelope(#[source] EnvelopeError),
    /// The envelope holds another kind of document.
    #[error("the file is a {}, expected kills", found.document())]
    Kind {
        /// What it holds.
        found: PayloadType,
    },
    /// The document has another form.
    #[error("the document has another form than kills have")]
    Form(#[source] serde_json::Error),
    /// It is of another project or environment.
    #[error("the kills are for environment {environment:?} of project {project:?}")]
    Foreign {
        /// Its project.
        project: String,
        /// Its environment.
        environment: String,
    },
    /// No emergency key that the project ever had signed it, so no client heeds it.
    #[error("no emergency key of the project signed the kills, so no client heeds them")]
    Unsigned,
    /// The log knows them all.
    #[error("the log knows these kills already")]
    Known,
}

/// Kills that the log does not know, and what taking them in does.
#[derive(Debug, Serialize)]
pub struct Adoption {
    /// The kills.
    pub kills: Vec<Kill>,
    /// What is to be committed.
    #[serde(skip)]
    pub proposal: Proposal,
}

impl Project {
    /// Works out how to take in kills that somebody signed with an emergency key of the project, but not here: a stolen key's. Clients
    /// keep such kills until a snapshot lifts them, and only what stands in the log can be lifted.
    pub fn propose_adoption(&self, environment: &EnvironmentName, envelope: &[u8]) -> Result<Adoption, AppError> {
        let envelope = Envelope::parse(envelope).map_err(AdoptKillsError::Envelope)?;
        if envelope.payload_type() != PayloadType::Kills {
            return Err(AdoptKillsError::Kind { found: envelope.payload_type() }.into());
        }
        // Clients that are behind believe the keys of older roots.
        let roots = self.ports.roots.roots()?;
        let documents = roots.iter().filter_map(|root| read("the root", root).ok());
        let mut keys = documents.flat_map(|(_, root)| root.roles.kill.keys);
        let is_signed = keys
            .any(|key| envelope.signatures().iter().any(|sig| key.public.verifies(envelope.signed_bytes(), &sig.sig)));
        if !is_signed {
            return Err(AdoptKillsError::Unsigned.into());
        }
        let document: KillsDocument = serde_json::from_slice(envelope.document()).map_err(AdoptKillsError::Form)?;
        if document.project != self.state.project().as_str() || document.environment != environment.as_str() {
            let KillsDocument { project, environment, .. } = document;
            return Err(AdoptKillsError::Foreign { project, environment }.into());
        }
        let state = self.environment(environment)?;
        let is_known =
            |kill: &Kill| state.kills.iter().any(|known| known.id == kill.id) || state.lifted.contains(&kill.id);
        let kills: Vec<Kill> = document.kills.into_iter().filter(|kill| !is_known(kill)).collect();
        if kills.is_empty() {
            return Err(AdoptKillsError::Known.into());
        }
        let changes = kills
            .iter()
            .map(|kill| Change::KillActivated { id: kill.id.clone(), target: kill.target.clone(), emergency: false })
            .collect();
        Ok(Adoption { proposal: self.propose(environment, changes)?, kills })
    }
}
