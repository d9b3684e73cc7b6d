//! What tests of other programs stand on: worlds of their own, flags forced for a while, and every state of a flag.
#![cfg(feature = "testing")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use flag_client::{FlagClient, Reason, choices, flags, testing};

choices! {
    /// How answers are worded.
    enum Style {
        /// As they come.
        Plain = "plain",
        /// In few words.
        Terse = "terse",
    }
}

flags! {
    /// Every flag of these tests.
    const ALL: &[Declaration];

    /// Shouts
    const LOUD: bool = "loud" { default: false, critical, prerequisites: &[VOICE.on()] }

    /// Has a voice
    const VOICE: bool = "voice" { default: false }

    /// How answers are worded
    const STYLE: Style = "style" { default: Style::Plain.id() }
}

fn message(panics: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    payload.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn both_states_are_run_whatever_the_code_says_of_the_flag() {
    let seen = Mutex::new(Vec::new());
    testing::both_states(ALL, LOUD, |flags| seen.lock().unwrap().push(flags.is_enabled(LOUD)));
    assert_eq!(*seen.lock().unwrap(), [false, true]);
}

#[test]
fn the_panic_says_which_state_failed_after_both_ran() {
    let runs = Mutex::new(0);
    let on_fails = message(|| {
        testing::both_states(ALL, LOUD, |flags| {
            *runs.lock().unwrap() += 1;
            assert!(!flags.is_enabled(LOUD), "too loud");
        });
    });
    assert_eq!(on_fails, "with loud on: too loud\nit passed with loud off");
    assert_eq!(*runs.lock().unwrap(), 2);
    let both_fail = message(|| testing::both_states(ALL, LOUD, |_| panic!("never")));
    assert_eq!(both_fail, "with loud off: never\nwith loud on: never\nit passed in no state");
    let silent = message(|| testing::both_states(ALL, LOUD, |_| std::panic::panic_any(7)));
    assert!(silent.starts_with("with loud off: a panic without a message\n"), "{silent}");
}

#[test]
fn every_variant_of_a_choice_is_run() {
    let seen = Mutex::new(Vec::new());
    testing::every_variant(ALL, STYLE, |flags, variant| {
        assert_eq!(flags.get(STYLE), variant);
        seen.lock().unwrap().push(variant);
    });
    assert_eq!(*seen.lock().unwrap(), [Style::Plain, Style::Terse]);
    let failed = message(|| testing::every_variant(ALL, STYLE, |_, variant| assert_eq!(variant, Style::Plain)));
    assert!(failed.starts_with("with style terse: ") && failed.ends_with("\nit passed with style plain"), "{failed}");
}

#[test]
fn a_guard_forces_a_flag_for_as_long_as_it_lives() {
    let flags = testing::client(ALL);
    let clone = flags.clone();
    let loud = testing::force(&flags, LOUD, true);
    assert!(clone.is_enabled(LOUD));
    assert_eq!(clone.decision(LOUD).reason, Reason::Forced);
    let quiet = testing::force(&flags, LOUD, false);
    assert!(!clone.is_enabled(LOUD), "the later guard counts");
    drop(loud);
    assert!(!clone.is_enabled(LOUD), "whichever is dropped first");
    drop(quiet);
    assert_eq!(clone.decision(LOUD).reason, Reason::PrerequisiteFailed);
    let terse = testing::force(&flags, STYLE, Style::Terse.id());
    assert_eq!(flags.get(STYLE), Style::Terse);
    drop(terse);
    let wrong = testing::force(&flags, STYLE, "loud");
    assert_eq!(flags.get(STYLE), Style::Plain);
    let why = flags.decision(STYLE).refused.unwrap().why.to_string();
    assert_eq!(why, r#"it has no variant "loud", expected "plain", "terse""#);
    drop(wrong);
}

#[test]
fn a_guard_that_a_panic_drops_takes_its_flag_back() {
    let flags = testing::client(ALL);
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let _voice = testing::force(&flags, VOICE, true);
        assert!(!flags.is_enabled(VOICE), "it is on");
    }));
    assert!(failed.is_err() && !flags.is_enabled(VOICE));
}

#[test]
fn tests_that_run_at_once_do_not_see_each_other() {
    let stop = AtomicBool::new(false);
    let check = |on: bool| {
        while !stop.load(Ordering::Relaxed) {
            let flags: FlagClient = testing::client(ALL);
            let guard = testing::force(&flags, VOICE, on);
            assert_eq!(flags.is_enabled(VOICE), on);
            drop(guard);
            assert!(!flags.is_enabled(VOICE));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = [true, false, true, false].map(|on| scope.spawn(move || check(on))).into();
        let rounds = (0..50).all(|_| {
            let flags = testing::client(ALL);
            let _guard = testing::force(&flags, VOICE, true);
            flags.is_enabled(VOICE)
        });
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(rounds);
    });
}

#[test]
fn a_test_client_keeps_nothing_and_reads_nothing() {
    let flags = testing::client(ALL);
    assert!(flags.enable(VOICE).is_err(), "there is no file to write");
    assert!(flags.problems().is_empty() && flags.kills().is_empty() && flags.snapshot_info().is_none());
}
