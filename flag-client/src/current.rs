//! What is in force now, at hand for every thread that reads it.
//!
//! A share of it that is taken and given back for each read costs more than a boolean flag's whole decision, so each thread keeps the share
//! that it took last, and takes another when what is in force is no longer that. A thread so holds on to one state of the flags until it reads
//! again or ends.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::{ArcSwap, Guard};

use crate::in_force::InForce;

/// Tells one state of one client's flags from every other in this process.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number(usize);

impl Number {
    pub(crate) fn next() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

thread_local! {
    static AT_HAND: Cell<Option<Arc<InForce>>> = const { Cell::new(None) };
}

/// One client's flags as they are now.
pub(crate) struct Current {
    number: AtomicUsize,
    in_force: ArcSwap<InForce>,
}

impl Current {
    pub(crate) fn new(in_force: InForce) -> Self {
        Self { number: AtomicUsize::new(in_force.number.0), in_force: ArcSwap::from_pointee(in_force) }
    }

    /// Reads without a lock, in two writes to what no other thread looks at.
    #[inline]
    pub(crate) fn read<T>(&self, read: impl FnOnce(&InForce) -> T) -> T {
        let number = Number(self.number.load(Ordering::Acquire));
        // Taken out while it is read: a hook that reads flags in turn finds nothing, and takes its own.
        let in_force = match AT_HAND.try_with(Cell::take) {
            Ok(Some(at_hand)) if at_hand.number == number => at_hand,
            _ => self.take(),
        };
        let read = read(&in_force);
        // Where a thread is ending, there is nothing to keep it in.
        let _kept = AT_HAND.try_with(|at_hand| at_hand.set(Some(in_force)));
        read
    }

    #[cold]
    fn take(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    pub(crate) fn load(&self) -> Guard<Arc<InForce>> {
        self.in_force.load()
    }

    pub(crate) fn load_full(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Puts another state in force: reads that begin after this returns find it.
    pub(crate) fn store(&self, in_force: InForce) {
        let number = in_force.number;
        self.in_force.store(Arc::new(in_force));
        self.number.store(number.0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Declaration, FlagClient};

    fn client(on: bool) -> FlagClient {
        FlagClient::builder().declare([Declaration::boolean("dark_mode").default_on(on)]).open()
    }

    #[test]
    fn clients_that_are_read_in_turn_keep_to_their_own_flags() {
        let (on, off) = (client(true), client(false));
        for _ in 0..3 {
            assert!(on.is_enabled("dark_mode"));
            assert!(!off.is_enabled("dark_mode"));
        }
    }

    #[test]
    fn a_thread_holds_on_to_no_more_than_the_state_it_read_last() {
        let client = client(true);
        assert!(client.is_enabled("dark_mode"));
        let before = std::sync::Arc::downgrade(&client.in_force());
        client.reload();
        assert!(before.upgrade().is_some(), "this thread has not read since");
        assert!(client.is_enabled("dark_mode"));
        assert!(before.upgrade().is_none());
    }

    #[test]
    fn a_change_is_read_at_once_by_every_thread_that_read_before() {
        let client = client(true);
        let (asked, ask) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let reader = client.clone();
        let thread = std::thread::spawn(move || {
            while ask.recv().is_ok() {
                tell.send(reader.in_force_number()).unwrap();
            }
        });
        for _ in 0..100 {
            client.reload();
            asked.send(()).unwrap();
            assert_eq!(told.recv().unwrap(), client.in_force().number);
        }
        drop(asked);
        thread.join().unwrap();
    }
}
