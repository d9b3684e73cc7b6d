use super::walk::{Reader, walk};
use crate::app::project::{OpenError, Project};
use crate::definition::Definition;
use crate::log::{Change, Entry, EnvironmentName, State, Stored};

/// A flag just before an entry of the log, and just after it.
#[derive(Clone, Debug, Default)]
pub struct FlagAround {
    /// As it was before; none where there was none.
    pub before: Option<Definition>,
    /// As it was after; none where there was none any more.
    pub after: Option<Definition>,
}

/// Looks for an entry, and for the flag that it is about.
struct AroundReader<'w> {
    environment: &'w EnvironmentName,
    seq: u64,
    change: Option<Change>,
    before: Option<Definition>,
    after: After,
}

/// The flag after the entry, which the next one shows.
enum After {
    Unread,
    Read(Option<Box<Definition>>),
}

impl AroundReader<'_> {
    fn flag(&self, state: Option<&State>, is_after: bool) -> Option<Definition> {
        let key = match self.change.as_ref()? {
            Change::FlagRenamed { from, to } => {
                if is_after {
                    to
                } else {
                    from
                }
            }
            change => change.flag()?,
        };
        Some(state?.environment(self.environment)?.flags.get(key)?.definition.clone())
    }
}

impl Reader for AroundReader<'_> {
    fn read(&mut self, entry: &Entry, _: &Stored, before: Option<&State>) {
        if entry.seq == self.seq {
            self.change = Some(entry.change.clone());
            self.before = self.flag(before, false);
        } else if self.change.is_some() && matches!(self.after, After::Unread) {
            self.after = After::Read(self.flag(before, true).map(Box::new));
        }
    }

    fn is_satisfied(&self, head: u64) -> bool {
        self.change.is_some() || self.seq > head
    }
}

impl Project {
    /// Returns the flag that an entry is about, before and after it; nothing of entries that are about no flag.
    pub fn flag_around(&self, environment: &EnvironmentName, seq: u64) -> Result<FlagAround, OpenError> {
        let begin = || AroundReader { environment, seq, change: None, before: None, after: After::Unread };
        let (state, reader) = walk(&*self.ports.log, begin)?;
        let now = reader.flag(Some(&state), true);
        let after = if let After::Read(after) = reader.after { after.map(|after| *after) } else { now };
        Ok(FlagAround { before: reader.before, after })
    }
}
