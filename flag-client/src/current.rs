//! What is in force now, at hand for every thread that reads it.
//!
//! A share of it that is taken and given back for each read costs more than a boolean flag's whole decision, so each thread keeps the share
//! that it took last, and takes another when what is in force is no longer that. A thread so holds on to one state of the flags until it reads
//! again or ends.

use std::cell::Cell;
use std::ops::Deref;
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

/// What a thread holds on to.
struct AtHand {
    in_force: Arc<InForce>,
    /// The same, to be lent: made when something is first lent on this thread.
    lent: Option<Lent>,
}

/// What was in force when it was lent. It keeps that in force, and may go to other threads.
///
/// Each thread lends a share of its own, so that threads which lend at the same time do not count on one counter.
#[derive(Clone)]
pub(crate) struct Lent(Arc<Share>);

struct Share(Arc<InForce>);

impl Deref for Lent {
    type Target = InForce;

    #[inline]
    fn deref(&self) -> &InForce {
        &self.0.0
    }
}

thread_local! {
    static AT_HAND: Cell<Option<AtHand>> = const { Cell::new(None) };
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
        self.at_hand(|at_hand| read(&at_hand.in_force))
    }

    /// Returns what is in force now, to be held for as long as the caller likes.
    #[inline]
    pub(crate) fn lend(&self) -> Lent {
        self.at_hand(|AtHand { in_force, lent }| {
            lent.get_or_insert_with(|| Lent(Arc::new(Share(Arc::clone(in_force))))).clone()
        })
    }

    #[inline]
    fn at_hand<T>(&self, read: impl FnOnce(&mut AtHand) -> T) -> T {
        let number = Number(self.number.load(Ordering::Acquire));
        // Taken out while it is read: a hook that reads flags in turn finds nothing, and takes its own.
        let mut at_hand = match AT_HAND.try_with(Cell::take) {
            Ok(Some(at_hand)) if at_hand.in_force.number == number => at_hand,
            _ => self.take(),
        };
        let read = read(&mut at_hand);
        // Where a thread is ending, there is nothing to keep it in.
        let _kept = AT_HAND.try_with(|kept| kept.set(Some(at_hand)));
        read
    }

    #[cold]
    fn take(&self) -> AtHand {
        AtHand { in_force: self.in_force.load_full(), lent: None }
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
    fn what_is_lent_stays_as_it_was_and_what_is_lent_later_is_new() {
        let client = client(true);
        let (first, second) = (client.lend(), client.lend());
        assert_eq!(first.number, second.number);
        client.reload();
        let later = client.lend();
        assert_ne!(first.number, later.number);
        assert_eq!(later.number, client.in_force().number);
        let elsewhere = std::thread::spawn(move || first.number).join().unwrap();
        assert_eq!(elsewhere, second.number);
    }

    #[test]
    fn each_thread_lends_a_share_of_its_own() {
        let client = client(true);
        let here = client.lend();
        let one_more = client.lend();
        assert!(std::sync::Arc::ptr_eq(&here.0, &one_more.0));
        let reader = client.clone();
        let there = std::thread::spawn(move || reader.lend()).join().unwrap();
        assert!(!std::sync::Arc::ptr_eq(&here.0, &there.0));
        assert_eq!(here.number, there.number);
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
