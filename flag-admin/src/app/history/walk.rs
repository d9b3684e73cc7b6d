use crate::app::ports::LogStore;
use crate::app::project::{OpenError, fold, resume};
use crate::log::{Entry, State, Stored};

/// Looks for something in the log, entry by entry.
pub(in crate::app) trait Reader {
    /// Takes the next entry in order, and the state that it was appended to.
    fn read(&mut self, entry: &Entry, stored: &Stored, before: Option<&State>);

    /// Tells whether what was read is all that is needed, once it was read to the end, which has this place.
    fn is_satisfied(&self, head: u64) -> bool;
}

/// Reads the log's end: what came after the last checkpoint, after the one before it where that is not enough, and the whole log where
/// that is not, either. Returns what the log comes to, and the reader that is satisfied or has seen everything.
///
/// What is read is proved as at a start. A checkpoint is at most 10,000 entries long past, so that whatever asks for the last changes does not
/// take longer as the log grows.
pub(in crate::app) fn walk<R: Reader>(log: &dyn LogStore, begin: impl Fn() -> R) -> Result<(State, R), OpenError> {
    let mut before = u64::MAX;
    // A checkpoint that does not hold is passed over: the log itself tells what is wrong with it.
    while let Ok(Some(checkpoint)) = log.checkpoint_before(before) {
        before = checkpoint.seq;
        let mut reader = begin();
        let ended = resume(log, &checkpoint, |entry, stored, state| reader.read(entry, stored, Some(state)));
        match ended {
            Some(state) if reader.is_satisfied(state.head().seq) => return Ok((state, reader)),
            Some(_) => {}
            None => break,
        }
    }
    let mut reader = begin();
    let state = fold(log, |entry, stored, before| reader.read(entry, stored, before))?;
    Ok((state, reader))
}
