//! Two states that grew from one pinned root, made one: nothing goes back in version and no kill is lost.

use std::cmp::Ordering;

use super::{Kill, PayloadType, RootDocument, SnapshotHeader, TrustState, verify::Held};

/// Two validly signed documents of one version whose payloads differ, found when another process's state was merged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} version {version} differs from the one another process has stored", document.document())]
pub struct Equivocation {
    /// Which document: a root or a snapshot.
    pub document: PayloadType,
    /// The version of both.
    pub version: u64,
}

impl TrustState {
    /// Takes from `other` whatever is newer there, and every kill and lifted id. Of two snapshots of one version the other's
    /// stands, as it was stored first.
    ///
    /// Both states must have been opened with one pinned root.
    pub(super) fn merge(&mut self, other: Self) -> Vec<Equivocation> {
        if let Some(version) = self.parting_of(&other.successors) {
            // Roots that part list different keys, so nothing of the other's has a standing here. But a kill is never lost.
            let kills: Vec<Kill> = other.active_kills().into_iter().cloned().collect();
            self.carried.extend(kills);
            self.drop_lifted();
            return vec![Equivocation { document: PayloadType::Root, version }];
        }
        let Self { successors, snapshot, kills_documents, carried, lifted, latest_issue, .. } = other;
        for root in successors.into_iter().skip(self.successors.len()) {
            self.hold_root(root);
        }
        self.lifted.extend(lifted);
        self.carried.extend(carried);
        for document in kills_documents {
            if !self.kills_documents.iter().any(|held| same_payload(held, &document)) {
                self.hold_kills(document);
            }
        }
        let equivocation = snapshot.and_then(|theirs| self.merge_snapshot(theirs));
        if let Some(theirs) = latest_issue {
            self.latest_issue = Some(self.latest_issue.map_or(theirs, |ours| ours.later(theirs)));
        }
        self.drop_lifted();
        equivocation.into_iter().collect()
    }

    fn merge_snapshot(&mut self, theirs: Held<SnapshotHeader>) -> Option<Equivocation> {
        let order = match &self.snapshot {
            Some(ours) if same_payload(ours, &theirs) => return None,
            Some(ours) => theirs.document.place_in_time().cmp(&ours.document.place_in_time()),
            None => Ordering::Greater,
        };
        if order == Ordering::Less {
            self.carried.extend(theirs.document.kills);
            return None;
        }
        let version = theirs.document.version;
        self.hold_snapshot(theirs);
        (order == Ordering::Equal).then_some(Equivocation { document: PayloadType::Snapshot, version })
    }

    /// The version of the first root at which two chains differ, if neither is the beginning of the other.
    fn parting_of(&self, others: &[Held<RootDocument>]) -> Option<u64> {
        let (ours, _) = self.successors.iter().zip(others).find(|(ours, theirs)| !same_payload(ours, theirs))?;
        Some(ours.document.version)
    }
}

fn same_payload<D>(one: &Held<D>, other: &Held<D>) -> bool {
    one.envelope.document() == other.envelope.document()
}
