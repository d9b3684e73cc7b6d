//! What test code forces, for good or for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::decision::LocalValue;

/// Which entry of the list it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForcedId(u64);

/// Forced flags in the order in which they were; the last of one flag counts.
#[derive(Debug, Default)]
pub(crate) struct Forced(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    list: Vec<(ForcedId, Box<str>, LocalValue)>,
}

impl Forced {
    pub(crate) fn add(&self, flag: Box<str>, value: LocalValue) -> ForcedId {
        let mut entries = self.lock();
        entries.last += 1;
        let id = ForcedId(entries.last);
        entries.list.push((id, flag, value));
        id
    }

    #[cfg(feature = "testing")]
    pub(crate) fn remove(&self, id: ForcedId) {
        self.lock().list.retain(|(known, ..)| *known != id);
    }

    pub(crate) fn list(&self) -> Vec<(Box<str>, LocalValue)> {
        self.lock().list.iter().map(|(_, flag, value)| (flag.clone(), value.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // An entry is added or removed whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
