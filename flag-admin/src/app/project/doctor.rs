//! What is wrong with a project, before clients or a theft show it. Everything is looked at; nothing is changed, and no passphrase asked for.

use flag_client::trust::{Envelope, PublicKey, RoleName, RootDocument, SnapshotHeader};
use flag_core::Timestamp;
use serde::Serialize;

use super::Project;
use crate::app::error::Failure as _;
use crate::app::history::audit::AuditReport;
use crate::app::keys::ceremony::read;
use crate::app::ports::{Document, KeyError, Publisher};
use crate::log::{Digest, EnvironmentName, EnvironmentState};

/// How far clocks may differ: as far as clients bear.
const TOLERANCE_MILLIS: i64 = flag_client::trust::TOLERANCE_MILLIS;
const MILLIS_PER_DAY: i64 = 86_400_000;
/// A root is to be renewed once it has so many days left: time for everybody of a ceremony to meet.
const ROOT_NOTICE_DAYS: i64 = 30;

/// How well something is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Works, and should be looked at.
    Warning,
    /// Does not work, or soon will not.
    Error,
}

/// What one look came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `store`, `clock`, `root`, `key`, `snapshot` or `target`.
    pub check: &'static str,
    /// How well it is.
    pub health: Health,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A private key, as far as it shows without a passphrase.
#[derive(Debug)]
pub struct KeyFact {
    /// Whose key.
    pub role: RoleName,
    /// What there is of it, or why it cannot be used.
    pub key: Result<SeenKey, KeyError>,
}

/// A private key that lies where it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenKey {
    /// Where it is.
    pub place: String,
    /// Whether a passphrase protects it.
    pub encrypted: bool,
    /// The public key, where that shows.
    pub public: Option<PublicKey>,
}

/// A place that an environment is published to.
pub struct TargetFact {
    /// The environment.
    pub environment: EnvironmentName,
    /// The place, or why it cannot be opened.
    pub place: Result<Box<dyn Publisher>, crate::app::ports::PublisherError>,
}

impl std::fmt::Debug for TargetFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetFact").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Finding {
    fn ok(check: &'static str, message: String) -> Self {
        Self { check, health: Health::Ok, message, hint: None }
    }

    fn warning(check: &'static str, message: String, hint: impl Into<String>) -> Self {
        Self { check, health: Health::Warning, message, hint: Some(hint.into()) }
    }

    fn error(check: &'static str, message: String, hint: impl Into<String>) -> Self {
        Self { check, health: Health::Error, message, hint: Some(hint.into()) }
    }
}

/// Looks at the log, which was proved, and at the clock that it is held against.
pub fn examine_log(report: &AuditReport, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("store", format!("the log is whole, up to entry {}", report.head))];
    if report.checkpoint.is_some_and(|checkpoint| !checkpoint.sound) {
        let message = "the checkpoint beside the log is not what the log comes to".to_owned();
        findings.push(Finding::warning("store", message, "remove it: flag-admin audit verify"));
    }
    findings.push(match report.latest {
        Some(last) if now.saturating_add_millis(TOLERANCE_MILLIS) < last => Finding::error(
            "clock",
            format!("the clock says {now}, but the log has an entry made at {last}"),
            "set the clock: clients refuse or distrust what is signed in another time",
        ),
        _ => Finding::ok("clock", format!("the clock says {now}")),
    });
    findings
}

impl Project {
    /// Looks at whether the log takes changes, and at roots, keys and snapshots.
    pub fn examine(&self, keys: &[KeyFact]) -> Vec<Finding> {
        let now = self.now();
        let mut findings = Vec::new();
        if let Err(error) = self.ports.log.check_writable() {
            let hint = error.hint().unwrap_or_else(|| "see whether it may be written".to_owned());
            findings.push(Finding::error("store", crate::app::error::with_causes(&error), hint));
        }
        let roots = self.ports.roots.roots();
        let last = match &roots {
            Ok(roots) => roots.last().and_then(|root| read("the root", root).ok()).map(|(_, document)| document),
            Err(error) => {
                let message = crate::app::error::with_causes(error);
                findings.push(Finding::error("root", message, "restore it from a backup, or from a published folder"));
                None
            }
        };
        if let Some(root) = &last {
            findings.extend(self.examine_root(root, now));
            findings.extend(keys.iter().map(|fact| examine_key(fact, root)));
        }
        for (name, state) in self.state.environments() {
            findings.push(examine_snapshot(name, state, now));
        }
        findings
    }

    /// Looks at a place that an environment is published to.
    pub fn examine_target(&self, target: &TargetFact) -> Vec<Finding> {
        let roots = self.ports.roots.roots().unwrap_or_default();
        match self.state.environment(&target.environment) {
            Some(state) => examine_target(target, state, &roots, self.now()),
            None => Vec::new(),
        }
    }

    fn examine_root(&self, root: &RootDocument, now: Timestamp) -> Vec<Finding> {
        let RootDocument { version, expires_at, .. } = root;
        let notice = expires_at.saturating_add_millis(-ROOT_NOTICE_DAYS * MILLIS_PER_DAY);
        let next = format!("make the next one: flag-admin root rotate root/{version}.json --out next.json");
        let mut findings = vec![if now >= *expires_at {
            Finding::error(
                "root",
                format!("root {version} expired at {expires_at}: clients accept no new snapshot"),
                next,
            )
        } else if now >= notice {
            Finding::warning("root", format!("root {version} expires at {expires_at}"), next)
        } else {
            Finding::ok("root", format!("root {version} is good until {expires_at}"))
        }];
        if let Some(logged) = self.state.root().filter(|logged| logged.version != *version) {
            let message = format!("the newest root is {version}, but the log has root {} in force", logged.version);
            findings.push(Finding::error("root", message, format!("flag-admin root install root/{version}.json")));
        }
        findings
    }
}

fn examine_key(fact: &KeyFact, root: &RootDocument) -> Finding {
    let role = fact.role;
    let key = match &fact.key {
        Ok(key) => key,
        Err(KeyError::Missing { .. }) if role == RoleName::Root => {
            return Finding::ok("key", "no root key lies in the project, as it should be".to_owned());
        }
        Err(error @ KeyError::Missing { .. }) => {
            return Finding::error("key", error.to_string(), format!("flag-admin key use {role} FILE"));
        }
        Err(error @ KeyError::Exposed { place, .. }) => {
            return Finding::error("key", error.to_string(), format!("chmod 600 {place}"));
        }
        Err(error) => {
            return Finding::error("key", crate::app::error::with_causes(error), "restore it from a backup".to_owned());
        }
    };
    let place = &key.place;
    let listed = key.public.map(|public| root.role(role).keys.iter().any(|known| known.public == public));
    match (listed, key.encrypted) {
        (Some(false), _) => Finding::error(
            "key",
            format!("{role} key {place} is not in root {}: clients refuse what it signs", root.version),
            format!("put the right one in place: flag-admin key use {role} FILE"),
        ),
        (None, _) => Finding::warning(
            "key",
            format!("{role} key {place} is encrypted and has no .pub file beside it to compare with the root"),
            format!("flag-admin key encrypt {role} makes one"),
        ),
        (Some(true), false) => Finding::warning(
            "key",
            format!("{role} key {place} is not encrypted"),
            format!("put it under a passphrase: flag-admin key encrypt {role}"),
        ),
        (Some(true), true) if role == RoleName::Root => Finding::warning(
            "key",
            format!("root key {place} lies beside the keys that it is to outlive"),
            "keep it on a machine without network",
        ),
        (Some(true), true) => {
            Finding::ok("key", format!("{role} key {place} is encrypted and in root {}", root.version))
        }
    }
}

fn examine_snapshot(name: &EnvironmentName, state: &EnvironmentState, now: Timestamp) -> Finding {
    let Some(last) = state.published else {
        return Finding::ok("snapshot", format!("{name} was never published"));
    };
    let (version, expires_at) = (last.version, last.expires_at);
    let lifetime = expires_at.as_millis().saturating_sub(last.published_at.as_millis());
    let sign_anew = format!("flag-admin publish --refresh --env {name}");
    if now >= expires_at {
        let message = format!("snapshot {version} of {name} expired at {expires_at}: new clients refuse it");
        return Finding::error("snapshot", message, sign_anew);
    }
    if now >= expires_at.saturating_add_millis((lifetime / 4).saturating_neg()) {
        return Finding::warning(
            "snapshot",
            format!("snapshot {version} of {name} expires at {expires_at}"),
            sign_anew,
        );
    }
    let waiting = match state.unpublished {
        0 => String::new(),
        changes => format!("; changes that wait to be published: {changes}"),
    };
    Finding::ok("snapshot", format!("snapshot {version} of {name} is good until {expires_at}{waiting}"))
}

fn examine_target(target: &TargetFact, state: &EnvironmentState, roots: &[Vec<u8>], now: Timestamp) -> Vec<Finding> {
    let name = &target.environment;
    let publisher = match &target.place {
        Ok(publisher) => publisher,
        Err(error) => {
            let message = crate::app::error::with_causes(error);
            return vec![Finding::error("target", message, "see whether it is there, and whether it may be written")];
        }
    };
    let place = publisher.place();
    let again = format!("publish again: flag-admin publish --env {name}");
    let mut findings = Vec::new();
    for (version, root) in (1..).zip(roots) {
        match publisher.published(Document::Root(version)) {
            Ok(found) if found.as_ref() == Some(root) => {}
            Ok(Some(_)) => {
                let message = format!("{place} holds another root {version} than the project");
                findings.push(Finding::error("target", message, "look for who put it there"));
            }
            Ok(None) => {
                findings.push(Finding::error("target", format!("{place} has no root {version}"), again.clone()));
            }
            Err(error) => {
                let message = crate::app::error::with_causes(&error);
                return vec![Finding::error("target", message, "see whether it can be reached, and read")];
            }
        }
    }
    findings.push(match publisher.published(Document::Snapshot) {
        Err(error) => {
            Finding::error("target", crate::app::error::with_causes(&error), "see whether it can be reached, and read")
        }
        Ok(None) => Finding::error("target", format!("{place} holds no snapshot of {name}"), again),
        Ok(Some(bytes)) => examine_standing(&bytes, &place, name, state, now, again),
    });
    findings
}

fn examine_standing(
    bytes: &[u8],
    place: &str,
    name: &EnvironmentName,
    state: &EnvironmentState,
    now: Timestamp,
    again: String,
) -> Finding {
    let envelope = Envelope::parse(bytes);
    let header = envelope.as_ref().ok().and_then(|it| serde_json::from_slice::<SnapshotHeader>(it.document()).ok());
    let (Ok(envelope), Some(header)) = (envelope, header) else {
        let message = format!("{place} holds a snapshot that cannot be read");
        return Finding::error("target", message, "move it away and publish again");
    };
    if header.issued_at > now.saturating_add_millis(TOLERANCE_MILLIS) {
        let message = format!("{place} holds a snapshot signed at {}, but the clock says {now}", header.issued_at);
        return Finding::error("clock", message, "set the clock");
    }
    match state.published {
        Some(last) if last.digest == Digest::of(envelope.document()) => {
            Finding::ok("target", format!("{place} holds snapshot {}, the last one of {name}", last.version))
        }
        Some(last) if (header.epoch, header.version) < (last.epoch, last.version) => Finding::error(
            "target",
            format!(
                "{place} holds snapshot {} of {name}, but snapshot {} was published since",
                header.version, last.version
            ),
            again,
        ),
        _ => Finding::error(
            "target",
            format!(
                "{place} holds snapshot {} of {:?}, which the log does not know",
                header.version, header.environment
            ),
            "look for who put it there; the log may be older than what it published",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Head;

    #[test]
    fn a_clock_that_is_an_hour_off_is_found() {
        let last = Timestamp::from_millis(1_800_000_000_000);
        let report = AuditReport {
            entries: 1,
            head: Head::GENESIS,
            first: Some(last),
            last: Some(last.saturating_add_millis(-3_600_000)),
            latest: Some(last),
            against: None,
            checkpoint: None,
        };
        let clock = |now: Timestamp| examine_log(&report, now).pop();
        for (offset, health) in [(-3_600_000, Health::Error), (-299_000, Health::Ok), (3_600_000, Health::Ok)] {
            assert_eq!(clock(last.saturating_add_millis(offset)).map(|found| found.health), Some(health), "{offset}");
        }
        let found = clock(last.saturating_add_millis(-3_600_000)).map(|found| found.message);
        assert_eq!(
            found.as_deref(),
            Some("the clock says 2027-01-15T07:00:00Z, but the log has an entry made at 2027-01-15T08:00:00Z")
        );
    }
}
