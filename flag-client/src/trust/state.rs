//! The trust state of one environment of one project: what is held, and what may replace it.

use std::collections::BTreeSet;

use flag_core::Timestamp;

use super::{
    Envelope, Kill, KillsDocument, PayloadType, RoleName, RootDocument, SizeLimit, SnapshotHeader, TrustError,
    clock::{Clock, LatestIssue, TOLERANCE_MILLIS},
    verify::{self, Held, MAX_KILLS_BYTES, MAX_ROOT_BYTES, Place, Progress, SignedDocument},
};
use crate::ordered;

/// How many roots one refresh walks at most.
pub const MAX_ROOT_STEPS: usize = 64;

/// How many kills may be in force at once.
pub const MAX_KILLS: usize = 10_000;

/// How many lifted kill ids are remembered within one epoch.
pub const MAX_LIFTED: usize = 100_000;

/// How many kills documents are held as they came; the kills of older ones are held by name.
const MAX_KILLS_DOCUMENTS: usize = 16;

/// What is trusted about one environment of one project.
///
/// A pure state machine: documents and the local clock go in, a verdict comes out. A refused document changes nothing.
/// [`TrustFile`](super::TrustFile) keeps a state between runs.
#[derive(Clone, Debug)]
pub struct TrustState {
    pub(super) place: Place,
    pub(super) pinned: Held<RootDocument>,
    /// The roots after the pinned one, each signed by its predecessor.
    pub(super) successors: Vec<Held<RootDocument>>,
    pub(super) snapshot: Option<Held<SnapshotHeader>>,
    /// The kills documents that still contribute a kill, oldest first.
    pub(super) kills_documents: Vec<Held<KillsDocument>>,
    /// Kills that were in a verified document which is no longer held, and that nothing has lifted.
    pub(super) carried: BTreeSet<Kill>,
    pub(super) lifted: BTreeSet<Box<str>>,
    pub(super) latest_issue: Option<LatestIssue>,
    limit: SizeLimit,
    built_at: Option<Timestamp>,
}

/// What an accepted document brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What changed.
    pub change: Change,
    /// What is odd about it, though no reason to refuse it.
    pub warnings: Vec<Warning>,
}

/// What changed with an accepted document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The document says nothing that is not held already.
    NotModified,
    /// A new root is in force.
    Root {
        /// Its version.
        version: u64,
        /// Its epoch.
        epoch: u64,
    },
    /// A new snapshot is held.
    Snapshot {
        /// Its epoch.
        epoch: u64,
        /// Its version.
        version: u64,
    },
    /// Kills are in force that were not before.
    Kills {
        /// How many.
        added: usize,
    },
}

/// What is odd about an accepted document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The document was issued more than [`TOLERANCE_MILLIS`] after the time of the local clock. It is accepted, since a
    /// machine whose clock battery is dead must still hear of kills.
    #[error("{} was issued at {issued_at}, but the local clock says {now}", document.document())]
    IssuedAhead {
        /// Which document.
        document: PayloadType,
        /// When it says it was issued.
        issued_at: Timestamp,
        /// The local clock.
        now: Timestamp,
    },
}

impl TrustState {
    /// Returns the state of a client that holds nothing but the root its application ships: the envelope's bytes.
    ///
    /// The root may be any version of the project's; everything older than it has no say. That it has expired is no reason to
    /// refuse it, as its successors may not have.
    pub fn open(pinned_root: &[u8], project: &str, environment: &str) -> Result<Self, TrustError> {
        let place = Place { project: project.to_owned(), environment: environment.to_owned() };
        let envelope = verify::read_envelope(pinned_root, PayloadType::Root, MAX_ROOT_BYTES)?;
        let document: RootDocument = verify::read_payload(&envelope)?;
        // It is trusted for its bytes; that it bears its own signatures shows that they are whole.
        verify::check_signatures(&envelope, &document, RoleName::Root)?;
        verify::check_place(&document, &place)?;
        verify::check_schema(&document)?;
        Ok(Self::shipped(place, Held { envelope, document }, SizeLimit::default(), None))
    }

    /// Sets the largest snapshot envelope accepted, in place of 4 MiB.
    #[must_use]
    pub fn with_size_limit(self, limit: SizeLimit) -> Self {
        Self { limit, ..self }
    }

    /// Sets the time the application was built, before which no clock can be right.
    #[must_use]
    pub fn with_build_time(self, built_at: Timestamp) -> Self {
        Self { built_at: Some(built_at), ..self }
    }

    /// Replaces the root by its successor.
    ///
    /// The successor is one version higher, of the same or a later epoch, and signed by the thresholds of both roots. Its expiry
    /// does not matter here: a chain is walked through expired roots, and by an expired root.
    pub fn accept_root(&mut self, bytes: &[u8], now: Timestamp) -> Result<Accepted, TrustError> {
        let envelope = verify::read_envelope(bytes, PayloadType::Root, MAX_ROOT_BYTES)?;
        let (next, progress) = self.verify_root(envelope)?;
        if progress == Progress::NotModified {
            return Ok(Accepted::not_modified());
        }
        let (version, epoch) = (next.document.version, next.document.epoch);
        let accepted = Accepted::new(Change::Root { version, epoch }, &next.document, now);
        self.hold_root(next);
        Ok(accepted)
    }

    /// Replaces the root step by step, by roots in the order of their versions, at most [`MAX_ROOT_STEPS`] at once.
    ///
    /// A refusal ends the walk; the steps before it stand.
    pub fn accept_roots<B: AsRef<[u8]>>(&mut self, roots: &[B], now: Timestamp) -> Result<Accepted, TrustError> {
        if roots.len() > MAX_ROOT_STEPS {
            return Err(TrustError::TooManyRootSteps { found: roots.len(), limit: MAX_ROOT_STEPS });
        }
        let mut walked = Accepted::not_modified();
        for root in roots {
            let step = self.accept_root(root.as_ref(), now)?;
            if step.change != Change::NotModified {
                walked.change = step.change;
            }
            walked.warnings.extend(step.warnings);
        }
        Ok(walked)
    }

    /// Replaces the snapshot by a newer one.
    pub fn accept_snapshot(&mut self, bytes: &[u8], now: Timestamp) -> Result<Accepted, TrustError> {
        let (next, progress) = self.verify_snapshot(bytes)?;
        let header = &next.document;
        if progress == Progress::NotModified {
            return Ok(Accepted::not_modified());
        }
        let clock = self.clock(now);
        verify::check_root_expiry(self.root(), clock)?;
        verify::check_expiry(header.version, header.expires_at, clock)?;
        let change = Change::Snapshot { epoch: header.epoch, version: header.version };
        let accepted = Accepted::new(change, header, now);
        self.take_snapshot(next)?;
        Ok(accepted)
    }

    /// Takes the snapshot that the application was built with, unless that version or a newer one is held.
    ///
    /// Like the root beside it, it is part of the application: expiry does not matter, and the root that accepts it may have
    /// been replaced since. Months after the build, stale values are still better than none.
    pub fn accept_bundled_snapshot(&mut self, bytes: &[u8]) -> Result<Accepted, TrustError> {
        let envelope = verify::read_envelope(bytes, PayloadType::Snapshot, self.limit.bytes())?;
        let document: SnapshotHeader = self.verify_again(&envelope)?;
        if self.snapshot_header().is_some_and(|held| held.place_in_time() >= document.place_in_time()) {
            return Ok(Accepted::not_modified());
        }
        let change = Change::Snapshot { epoch: document.epoch, version: document.version };
        self.take_snapshot(Held { envelope, document })?;
        Ok(Accepted { change, warnings: Vec::new() })
    }

    /// Adds the kills of an emergency document to those in force, but for the ids that a snapshot has lifted.
    pub fn accept_kills(&mut self, bytes: &[u8], now: Timestamp) -> Result<Accepted, TrustError> {
        let envelope = verify::read_envelope(bytes, PayloadType::Kills, MAX_KILLS_BYTES)?;
        let document = verify::verify::<KillsDocument>(&envelope, self.root(), &self.place)?;
        verify::check_schema(&document)?;
        let active = self.active_kills();
        let added = ordered::set(self.unlifted(&document.kills).filter(|kill| !active.contains(kill))).len();
        if added == 0 {
            return Ok(Accepted::not_modified());
        }
        check_kills_limit(PayloadType::Kills, active.len() + added)?;
        let accepted = Accepted::new(Change::Kills { added }, &document, now);
        self.hold_kills(Held { envelope, document });
        Ok(accepted)
    }

    /// Returns the project whose documents are accepted.
    pub fn project(&self) -> &str {
        &self.place.project
    }

    /// Returns the environment whose documents are accepted.
    pub fn environment(&self) -> &str {
        &self.place.environment
    }

    /// Returns the root in force.
    pub fn root(&self) -> &RootDocument {
        &self.newest_root().document
    }

    /// Returns the header of the snapshot held.
    pub fn snapshot_header(&self) -> Option<&SnapshotHeader> {
        self.snapshot.as_ref().map(|held| &held.document)
    }

    /// Returns the version of the snapshot held.
    pub fn snapshot_version(&self) -> Option<u64> {
        self.snapshot_header().map(|header| header.version)
    }

    /// Returns the verified bytes of the snapshot held.
    pub fn snapshot_payload(&self) -> Option<&[u8]> {
        self.snapshot.as_ref().map(|held| held.envelope.document())
    }

    /// Returns the envelope of the snapshot held.
    pub(crate) fn snapshot_envelope(&self) -> Option<&Envelope> {
        self.snapshot.as_ref().map(|held| &held.envelope)
    }

    /// Verifies the envelope of a snapshot that was held before, without holding it: by the root in force alone, whose epoch it must be of.
    /// What a revoked key has signed is not good any more.
    pub(crate) fn verify_earlier_snapshot(&self, bytes: &[u8]) -> Result<(Envelope, SnapshotHeader), TrustError> {
        let envelope = verify::read_envelope(bytes, PayloadType::Snapshot, self.limit.bytes())?;
        let header = verify::verify::<SnapshotHeader>(&envelope, self.root(), &self.place)?;
        verify::check_schema(&header)?;
        Ok((envelope, header))
    }

    /// Returns every kill in force, from snapshots and emergency documents alike.
    pub fn active_kills(&self) -> BTreeSet<&Kill> {
        let snapshot = self.snapshot.iter().flat_map(|held| &held.document.kills);
        let emergency = self.kills_documents.iter().flat_map(|held| &held.document.kills);
        ordered::set(self.unlifted(snapshot.chain(emergency).chain(&self.carried)))
    }

    /// Tells whether an emergency document that is held names the kill.
    pub(crate) fn is_emergency_kill(&self, kill: &Kill) -> bool {
        self.kills_documents.iter().any(|held| held.document.kills.contains(kill))
    }

    /// Returns the ids of kills that were lifted and are ignored from then on.
    pub fn lifted_kills(&self) -> impl Iterator<Item = &str> {
        self.lifted.iter().map(|id| &**id)
    }

    /// Whether the snapshot held has reached its expiry, or is of an epoch that the root has ended. Its values still count.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let clock = self.clock(now);
        self.snapshot_header().is_some_and(|held| clock.has_reached(held.expires_at) || held.epoch != self.root().epoch)
    }

    /// Whether the root in force has reached its expiry, and so accepts no new snapshots.
    pub fn is_root_expired(&self, now: Timestamp) -> bool {
        self.clock(now).has_reached(self.root().expires_at)
    }

    /// Returns the state as it was when opened, without anything accepted since.
    pub(super) fn to_shipped(&self) -> Self {
        Self::shipped(self.place.clone(), self.pinned.clone(), self.limit, self.built_at)
    }

    fn shipped(place: Place, pinned: Held<RootDocument>, limit: SizeLimit, built_at: Option<Timestamp>) -> Self {
        Self {
            place,
            pinned,
            successors: Vec::new(),
            snapshot: None,
            kills_documents: Vec::new(),
            carried: BTreeSet::new(),
            lifted: BTreeSet::new(),
            latest_issue: None,
            limit,
            built_at,
        }
    }

    fn newest_root(&self) -> &Held<RootDocument> {
        self.successors.last().unwrap_or(&self.pinned)
    }

    /// The local clock, but no earlier than the build, the root in force, and the latest snapshot seen in its epoch.
    fn clock(&self, now: Timestamp) -> Clock {
        let root = self.root();
        let latest = self.latest_issue.filter(|latest| latest.epoch == root.epoch).map(|latest| latest.at);
        Clock::new(now, [Some(root.issued_at), self.built_at, latest].into_iter().flatten())
    }

    /// Steps 4 to 10 for a root: those of any document under the root in force, its signatures under itself, the very next
    /// version, and its schema.
    pub(super) fn verify_root(&self, envelope: Envelope) -> Result<(Held<RootDocument>, Progress), TrustError> {
        let held = self.newest_root();
        let document = verify::verify::<RootDocument>(&envelope, &held.document, &self.place)?;
        verify::check_signatures(&envelope, &document, RoleName::Root)?;
        let progress = verify::check_version(
            PayloadType::Root,
            (document.version, envelope.document()),
            (held.document.version, held.envelope.document()),
        )?;
        let expected = held.document.version.saturating_add(1);
        if progress == Progress::Newer && document.version != expected {
            return Err(TrustError::RootSkipped { found: document.version, expected });
        }
        verify::check_schema(&document)?;
        Ok((Held { envelope, document }, progress))
    }

    /// Steps 1 to 8 for a snapshot; expiry and schema are left to the caller.
    fn verify_snapshot(&self, bytes: &[u8]) -> Result<(Held<SnapshotHeader>, Progress), TrustError> {
        let envelope = verify::read_envelope(bytes, PayloadType::Snapshot, self.limit.bytes())?;
        let header = verify::verify::<SnapshotHeader>(&envelope, self.root(), &self.place)?;
        let next = Held { envelope, document: header };
        let progress = match &self.snapshot {
            // Versions count within an epoch, and the epoch of `next` is the root's: any other is over.
            Some(held) if held.document.epoch == next.document.epoch => verify::check_version(
                PayloadType::Snapshot,
                (next.document.version, next.envelope.document()),
                (held.document.version, held.envelope.document()),
            )?,
            _ => Progress::Newer,
        };
        Ok((next, progress))
    }

    /// Steps 3 to 7 and 10 for a document that was verified before or came with the application: under the newest root that
    /// accepts it. If none does, the refusal is that of the root in force.
    pub(super) fn verify_again<D: SignedDocument>(&self, envelope: &Envelope) -> Result<D, TrustError> {
        verify::check_payload_type(envelope, D::PAYLOAD_TYPE)?;
        let document = verify::verify::<D>(envelope, self.root(), &self.place).or_else(|refusal| {
            let earlier = std::iter::once(&self.pinned).chain(&self.successors).rev().skip(1);
            earlier
                .map(|root| verify::verify(envelope, &root.document, &self.place))
                .find_map(Result::ok)
                .ok_or(refusal)
        })?;
        verify::check_schema(&document)?;
        Ok(document)
    }

    /// Step 10, the limits on what is remembered, and the swap.
    fn take_snapshot(&mut self, next: Held<SnapshotHeader>) -> Result<(), TrustError> {
        verify::check_schema(&next.document)?;
        let lifted = ordered::set(self.lifted.iter().chain(&next.document.lifted));
        if lifted.len() > MAX_LIFTED {
            return Err(TrustError::TooManyLifted { found: lifted.len(), limit: MAX_LIFTED });
        }
        let mut kills = self.active_kills();
        kills.extend(&next.document.kills);
        kills.retain(|kill| !lifted.contains(&kill.id));
        check_kills_limit(PayloadType::Snapshot, kills.len())?;
        self.hold_snapshot(next);
        Ok(())
    }

    pub(super) fn hold_root(&mut self, next: Held<RootDocument>) {
        let ends_epoch = next.document.epoch > self.root().epoch;
        self.successors.push(next);
        if ends_epoch {
            self.forget_ended_epoch();
        }
    }

    pub(super) fn hold_snapshot(&mut self, next: Held<SnapshotHeader>) {
        let header = &next.document;
        let issue = LatestIssue { epoch: header.epoch, at: header.issued_at };
        self.latest_issue = Some(self.latest_issue.map_or(issue, |latest| latest.later(issue)));
        self.lifted.extend(header.lifted.iter().cloned());
        if let Some(previous) = self.snapshot.replace(next) {
            // That a snapshot no longer names a kill does not lift it.
            self.carried.extend(previous.document.kills);
        }
        self.drop_lifted();
    }

    pub(super) fn hold_kills(&mut self, next: Held<KillsDocument>) {
        let named = ordered::set(&next.document.kills);
        let lifted = &self.lifted;
        let adds = |kill: &Kill| !lifted.contains(&kill.id) && !named.contains(kill);
        self.kills_documents.retain(|held| held.document.kills.iter().any(adds));
        self.kills_documents.push(next);
        while self.kills_documents.len() > MAX_KILLS_DOCUMENTS {
            self.carried.extend(self.kills_documents.remove(0).document.kills);
        }
        self.drop_lifted();
    }

    /// Drops what is held only for kills that are lifted or held elsewhere.
    pub(super) fn drop_lifted(&mut self) {
        let lifted = &self.lifted;
        let in_snapshot = ordered::set(self.snapshot.iter().flat_map(|held| &held.document.kills));
        self.carried.retain(|kill| !lifted.contains(&kill.id) && !in_snapshot.contains(kill));
        self.kills_documents.retain(|held| held.document.kills.iter().any(|kill| !lifted.contains(&kill.id)));
    }

    /// Forgets lifted ids that no document can name any more: those of an ended epoch are refused, and only held ones are left.
    /// Whoever stole a snapshot key and filled the list thus loses it with the epoch.
    fn forget_ended_epoch(&mut self) {
        let in_snapshot = self.snapshot.iter().flat_map(|held| &held.document.kills);
        let in_documents = self.kills_documents.iter().flat_map(|held| &held.document.kills);
        let named = ordered::set(in_snapshot.chain(in_documents).map(|kill| &kill.id));
        self.lifted.retain(|id| named.contains(id));
    }

    fn unlifted<'a>(&self, kills: impl IntoIterator<Item = &'a Kill>) -> impl Iterator<Item = &'a Kill> {
        kills.into_iter().filter(|kill| !self.lifted.contains(&kill.id))
    }
}

fn check_kills_limit(document: PayloadType, found: usize) -> Result<(), TrustError> {
    if found > MAX_KILLS {
        return Err(TrustError::TooManyKills { document, found, limit: MAX_KILLS });
    }
    Ok(())
}

impl Accepted {
    fn not_modified() -> Self {
        Self { change: Change::NotModified, warnings: Vec::new() }
    }

    fn new<D: SignedDocument>(change: Change, content: &D, now: Timestamp) -> Self {
        let issued_at = content.issued_at();
        let is_ahead = issued_at > now.saturating_add_millis(TOLERANCE_MILLIS);
        let warnings = is_ahead
            .then_some(Warning::IssuedAhead { document: D::PAYLOAD_TYPE, issued_at, now })
            .into_iter()
            .collect();
        Self { change, warnings }
    }
}
