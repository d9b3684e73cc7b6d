//! Locks between processes: a file beside the one that is locked, waited for as long as others get on with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use fd_lock::RwLock;

use crate::clock::monotonic;
use crate::durable_file::{open_or_create, owner_only, sibling};

const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// How long a lock is waited for.
///
/// It is held for as long as a disk takes to sync, so one that is held while nothing happens belongs to a process that hangs. On a slow
/// disk or in a crowd the wait is longer, and worth it: each time that the file changes, the wait begins anew.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Ten seconds without a change, a minute in all: a user asked for this edit, and many processes may edit one file.
    Edit,
    /// Two seconds without a change, twenty in all: what was fetched is in force already, and is to be kept for the next run.
    Save,
    /// One second, whatever happens: a decision is waiting.
    Decision,
}

impl Patience {
    const fn without_change(self) -> Duration {
        Duration::from_secs(match self {
            Self::Edit => 10,
            Self::Save => 2,
            Self::Decision => 1,
        })
    }

    const fn in_all(self) -> Duration {
        Duration::from_secs(match self {
            Self::Edit => 60,
            Self::Save => 20,
            Self::Decision => 1,
        })
    }
}

/// Why a lock was not to be had.
#[derive(Debug)]
pub(crate) enum Unlocked {
    /// Something else stands in the lock file's place: a symbolic link, which is never followed, or a folder.
    NotAFile(PathBuf),
    /// The operating system refuses the lock file.
    Refused(PathBuf, io::Error),
    /// Another process holds the lock and does not let go.
    Held(PathBuf),
}

/// Runs work while no other process does, by the lock file `NAME.lock` beside this file.
pub(crate) fn locked<T>(path: &Path, patience: Patience, work: impl FnOnce() -> T) -> Result<T, Unlocked> {
    let lock_path = sibling(path, ".lock");
    if fs::symlink_metadata(&lock_path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Unlocked::NotAFile(lock_path));
    }
    let opened = open_or_create(&owner_only(), &lock_path);
    let mut lock = match opened {
        Ok(file) => RwLock::new(file),
        Err(error) => return Err(Unlocked::Refused(lock_path, error)),
    };
    let begun = monotonic();
    let mut wait = Wait::new(path, patience, u64::from(std::process::id()));
    loop {
        match lock.try_write() {
            Ok(_guard) => return Ok(work()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(Unlocked::Refused(lock_path, error)),
        }
        match wait.next_pause(changed_at(path), begun.elapsed()) {
            Some(pause) => thread::sleep(pause),
            None => return Err(Unlocked::Held(lock_path)),
        }
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// A wait, and what was seen of the file in its course.
struct Wait {
    patience: Patience,
    /// Sets processes apart that began to wait together.
    salt: u64,
    pauses: u32,
    seen: Option<SystemTime>,
    /// After which time of waiting.
    seen_after: Duration,
}

impl Wait {
    fn new(path: &Path, patience: Patience, salt: u64) -> Self {
        Self { patience, salt, pauses: 0, seen: changed_at(path), seen_after: Duration::ZERO }
    }

    /// Returns how long to pause before the next try, or nothing once the wait is over.
    fn next_pause(&mut self, changed_at: Option<SystemTime>, waited: Duration) -> Option<Duration> {
        if changed_at != self.seen {
            self.seen = changed_at;
            self.seen_after = waited;
        }
        let without_change = waited.saturating_sub(self.seen_after);
        if without_change >= self.patience.without_change() || waited >= self.patience.in_all() {
            return None;
        }
        let pause = self.pause();
        self.pauses = self.pauses.saturating_add(1);
        Some(pause)
    }

    /// Doubles up to the longest, and takes between half of that and all of it, so that those that wait do not try in step.
    fn pause(&self) -> Duration {
        let doublings = self.pauses.min(8);
        let longest = SHORTEST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        let mixed = (self.salt << 32 | u64::from(self.pauses)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        let part = u32::try_from(mixed).unwrap_or(0);
        longest / 2 + longest / 2 * part / 0x1_0000
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    fn wait(patience: Patience, salt: u64) -> Wait {
        Wait::new(Path::new(""), patience, salt)
    }

    /// How long a wait takes in all where the file was changed at each of these pauses.
    fn waited(patience: Patience, changed_at_pause: impl Fn(u32) -> bool) -> Duration {
        let mut wait = wait(patience, 7);
        let mut time = SystemTime::UNIX_EPOCH;
        let mut total = Duration::ZERO;
        for number in 0.. {
            if changed_at_pause(number) {
                time += Duration::from_millis(1);
            }
            let Some(pause) = wait.next_pause(Some(time), total) else { break };
            total += pause;
        }
        total
    }

    #[test]
    fn a_wait_ends_when_nothing_happens_and_goes_on_while_others_get_on_with_it() {
        let slack = LONGEST_PAUSE;
        for (patience, still, busy) in [(Patience::Edit, 10, 60), (Patience::Save, 2, 20), (Patience::Decision, 1, 1)] {
            for (expected, found) in [(still, waited(patience, |_| false)), (busy, waited(patience, |_| true))] {
                let expected = Duration::from_secs(expected);
                assert!((expected..expected + slack).contains(&found), "{patience:?}: {found:?} for {expected:?}");
            }
        }
        let once_late = waited(Patience::Save, |pause| pause == 100);
        assert!(once_late > Duration::from_secs(3) && once_late < Duration::from_secs(5), "{once_late:?}");
    }

    #[test]
    fn pauses_begin_short_stay_short_and_differ_between_processes() {
        let pauses = |salt| {
            let mut wait = wait(Patience::Edit, salt);
            std::iter::from_fn(move || wait.next_pause(None, Duration::ZERO)).take(200).collect::<Vec<_>>()
        };
        let (one, other) = (pauses(4_001), pauses(4_002));
        assert!(one.iter().all(|pause| *pause >= SHORTEST_PAUSE / 2 && *pause <= LONGEST_PAUSE), "{one:?}");
        assert!(*one.first().unwrap() <= SHORTEST_PAUSE);
        let alike = one.iter().zip(&other).filter(|(one, other)| one == other).count();
        assert!(alike < 5, "{alike} of 200 pauses are the same");
    }
}
