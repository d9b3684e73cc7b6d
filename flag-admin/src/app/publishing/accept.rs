//! What is pushed to a server is judged by the very steps of a client that holds what is published.

use flag_client::trust::{KillsDocument, RootDocument, TrustError, TrustState};
use flag_core::Timestamp;

use super::serving::ServingError;
use super::verify::unverified;
use crate::app::ports::{Document, Publication};
use crate::log::EnvironmentName;

/// Refuses a document that would be refused by clients that hold what is published, or that would take kills back; without bytes, that it
/// is taken away.
pub fn check_pushed(
    held: &Publication,
    first_root: &[u8],
    environment: &EnvironmentName,
    document: Document,
    bytes: Option<&[u8]>,
    now: Timestamp,
) -> Result<(), ServingError> {
    if first_root.is_empty() {
        return Err(ServingError::NoRoot);
    }
    let refused = |document: &'static str| move |source: TrustError| ServingError::Trust { document, source };
    let first: RootDocument = unverified("root", first_root)?;
    let mut trust = TrustState::open(first_root, &first.project, environment.as_str()).map_err(refused("root"))?;
    for root in &held.roots {
        let root_document: RootDocument = unverified("root", root)?;
        if root_document.version > trust.root().version {
            trust.accept_root(root, now).map_err(refused("root"))?;
        }
    }
    if let Some(snapshot) = &held.snapshot {
        trust.accept_bundled_snapshot(snapshot).map_err(refused("snapshot"))?;
    }
    match (document, bytes) {
        (Document::Root(version), Some(bytes)) => {
            let place = version.checked_sub(1).and_then(|place| usize::try_from(place).ok());
            let known = match place {
                Some(0) => Some(first_root),
                Some(place) => held.roots.get(place).map(Vec::as_slice),
                None => None,
            };
            match known {
                Some(known) if known == bytes => Ok(()),
                Some(_) => Err(ServingError::OtherRoot { version }),
                None => trust.accept_root(bytes, now).map(drop).map_err(refused("root")),
            }
        }
        (Document::Snapshot, Some(bytes)) => trust.accept_snapshot(bytes, now).map(drop).map_err(refused("snapshot")),
        (Document::Kills, Some(bytes)) => {
            trust.accept_kills(bytes, now).map_err(refused("kills document"))?;
            let pushed: KillsDocument = unverified("kills document", bytes)?;
            let published: Option<KillsDocument> =
                held.kills.as_deref().map(|kills| unverified("kills document", kills)).transpose()?;
            match published.filter(|published| published.issued_at > pushed.issued_at) {
                Some(published) => {
                    Err(ServingError::OlderKills { found: pushed.issued_at, published: published.issued_at })
                }
                None => Ok(()),
            }
        }
        (Document::Kills, None) => {
            let carried = trust.active_kills().len();
            if let Some(kills) = &held.kills {
                trust.accept_kills(kills, now).map_err(refused("kills document"))?;
            }
            let standing = trust.active_kills().len();
            if standing > carried { Err(ServingError::KillsStand { standing: standing - carried }) } else { Ok(()) }
        }
        (document, None) => Err(ServingError::Needed { document: document.to_string() }),
    }
}
