//! The one panic hook of this crate: installed when a host asks for it, shared by everything that wants to know of a crash.

use std::panic;
use std::sync::{Arc, Once, OnceLock, Weak};

use arc_swap::ArcSwap;

type Callback = dyn Fn() + Send + Sync;

/// Callbacks are read by a thread that panics, wherever it is, so reading them takes no lock.
static CALLBACKS: OnceLock<ArcSwap<Vec<Weak<Callback>>>> = OnceLock::new();

fn callbacks() -> &'static ArcSwap<Vec<Weak<Callback>>> {
    CALLBACKS.get_or_init(ArcSwap::default)
}

/// Keeps a callback registered for as long as it is held.
pub(crate) struct PanicCallback {
    _callback: Arc<Callback>,
}

/// Registers what is to run when a thread panics, once [`install_panic_hook`] was called, before or after this.
///
/// It runs on the thread that panics, which may hold any lock of the program, and a panic in it aborts the program: it must not panic,
/// and must not wait for a lock (`try_lock` is fine).
pub(crate) fn on_panic(callback: impl Fn() + Send + Sync + 'static) -> PanicCallback {
    let callback: Arc<Callback> = Arc::new(callback);
    callbacks().rcu(|known| {
        let alive = known.iter().filter(|known| known.strong_count() > 0).cloned();
        alive.chain([Arc::downgrade(&callback)]).collect::<Vec<_>>()
    });
    PanicCallback { _callback: callback }
}

/// Installs a panic hook that notes a crash for every client of this process, and then runs the hook that was there before.
///
/// * It works with `panic = "abort"`: a hook runs before the process ends.
/// * A panic that somebody catches is noted, too: a hook cannot know what becomes of it.
/// * Nothing else is global in this crate, and nothing calls this but the host. Calling it again changes nothing.
/// * A host that sets a hook of its own does so before it calls this, or calls the hook it found from its own.
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // The host's allocator and our own statics are ready before a thread panics, rather than made in the middle of it.
        callbacks();
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // Ours first: a hook of the host may end the process.
            for callback in callbacks().load().iter().filter_map(Weak::upgrade) {
                callback();
            }
            previous(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    static PREVIOUS: AtomicUsize = AtomicUsize::new(0);

    #[test]
    fn callbacks_run_before_the_hook_that_was_there_and_only_while_they_are_held() {
        panic::set_hook(Box::new(|_| {
            PREVIOUS.fetch_add(1, Ordering::SeqCst);
        }));
        install_panic_hook();
        install_panic_hook();
        let seen = Arc::new(AtomicUsize::new(usize::MAX));
        let record = Arc::clone(&seen);
        let name = "the thread of this test";
        let held = on_panic(move || {
            if thread::current().name() == Some(name) {
                record.store(PREVIOUS.load(Ordering::SeqCst), Ordering::SeqCst);
            }
        });
        let crash = || {
            let thread = thread::Builder::new().name(name.to_owned()).spawn(|| panic!("on purpose"));
            assert!(thread.unwrap().join().is_err());
        };
        let before = PREVIOUS.load(Ordering::SeqCst);
        crash();
        let noted = seen.swap(usize::MAX, Ordering::SeqCst);
        assert!(noted >= before && noted != usize::MAX, "ran, and before the hook that was there");
        assert!(PREVIOUS.load(Ordering::SeqCst) > before, "the hook that was there runs, too");
        drop(held);
        crash();
        assert_eq!(seen.load(Ordering::SeqCst), usize::MAX);
    }
}
