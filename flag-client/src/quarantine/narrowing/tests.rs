#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { crashes: 3, clean_runs: 5 };

fn id(version: u64) -> SnapshotId {
    SnapshotId { epoch: 1, version }
}

fn flags(count: usize) -> Changes {
    (0..count).map(|number| (format!("flag_{number:02}").into(), 7)).collect()
}

/// A machine that was at version 41 and sees version 42 with so many changed flags.
fn changed(count: usize) -> Suspicion {
    Suspicion::beginning_with(Some(id(41))).step(RULES, Event::Snapshot { id: id(42), changes: flags(count) })
}

/// One run of the program: it crashes as told.
fn run(suspicion: Suspicion, crashes: bool) -> Suspicion {
    let step = suspicion.step;
    suspicion.step(RULES, if crashes { Event::Crashed { step } } else { Event::Clean { step } })
}

/// One run of a program that crashes if one of these flags is as the newest snapshot says.
fn run_with(suspicion: Suspicion, culprits: &BTreeSet<Box<str>>) -> Suspicion {
    let crashes = culprits.iter().any(|culprit| !suspicion.held().contains(&&**culprit));
    run(suspicion, crashes)
}

/// What is in force at each step, run by run: `c` crashes, `.` ends well.
#[test]
fn the_machine_step_by_step() {
    let all = "flag_00 flag_01 flag_02 flag_03";
    let table: [(&str, &str); 19] = [
        ("", ""),
        ("cc", ""),
        ("....", ""),
        // Settled: crashes are no longer blamed on the change.
        (".....ccccc", ""),
        // A clean run in between does not make crashes undone.
        ("c.c.", ""),
        ("c.c.c", all),
        ("ccc", all),
        ("ccccc", all),
        // As many crashes without the changes as with them: they are not to blame.
        ("cccccc", ""),
        ("cccccccccc", ""),
        ("ccc.", "flag_02 flag_03"),
        // The crash is in the first half; the second waits.
        ("ccc.c", "flag_01 flag_02 flag_03"),
        ("ccc.cc", "flag_00"),
        ("ccc.c.", "flag_01"),
        // The culprit is held back, the half that waited is tried as a whole.
        ("ccc.c..", "flag_01"),
        // There is a second one in it.
        ("ccc.c.c", "flag_01 flag_03"),
        ("ccc.c.cc", "flag_01 flag_02"),
        ("ccc.c.c..", "flag_01 flag_03"),
        ("ccc..", "flag_03"),
    ];
    for (runs, held) in table {
        let end = runs.chars().fold(changed(4), |suspicion, outcome| run(suspicion, outcome == 'c'));
        let mut found = end.held();
        found.sort_unstable();
        assert_eq!(found.join(" "), held, "{runs:?}: {end:?}");
    }
}

#[test]
fn a_run_of_an_earlier_step_counts_for_nothing() {
    let suspicion = (0..3).fold(changed(4), |suspicion, _| run(suspicion, true));
    let late = suspicion.clone().step(RULES, Event::Clean { step: suspicion.step - 1 });
    assert_eq!(late, suspicion);
    let late = suspicion.clone().step(RULES, Event::Crashed { step: 0 });
    assert_eq!(late, suspicion);
}

#[test]
fn a_snapshot_that_says_the_same_is_no_change() {
    let watched = run(run(changed(4), true), true);
    let signed_anew = watched.clone().step(RULES, Event::Snapshot { id: id(43), changes: flags(4) });
    assert_eq!(signed_anew, Suspicion { newest: Some(id(43)), ..watched });
    assert_eq!(run(signed_anew, true).held().len(), 4, "the third crash counts");
}

#[test]
fn an_older_snapshot_is_no_change() {
    let suspicion = changed(4);
    assert_eq!(suspicion.clone().step(RULES, Event::Snapshot { id: id(41), changes: flags(1) }), suspicion);
}

#[test]
fn a_newer_definition_of_the_culprit_releases_it_and_another_flags_does_not() {
    let found = "ccc...".chars().fold(changed(4), |suspicion, outcome| run(suspicion, outcome == 'c'));
    let culprit = Box::<str>::from("flag_03");
    assert_eq!(found.culprits.get(&culprit), Some(&Culprit { fingerprint: 7, since: 42, crashes: 3 }));
    let with = |key: &str, fingerprint| {
        let mut changes = flags(4);
        changes.insert(key.into(), fingerprint);
        found.clone().step(RULES, Event::Snapshot { id: id(43), changes })
    };
    assert_eq!(with("flag_00", 8).held(), ["flag_03"]);
    assert_eq!(with("flag_03", 8).held(), Vec::<&str>::new());
    let undone = found.step(RULES, Event::Snapshot { id: id(43), changes: Changes::new() });
    assert!(undone.is_settled() && undone.held().is_empty());
}

#[test]
fn a_change_amid_narrowing_restores_everything_until_the_next_crash() {
    let narrowing = "ccc.".chars().fold(changed(4), |suspicion, outcome| run(suspicion, outcome == 'c'));
    let mut changes = flags(4);
    changes.insert("flag_00".into(), 8);
    let trusted_again = narrowing.step(RULES, Event::Snapshot { id: id(43), changes });
    assert_eq!(trusted_again.held(), Vec::<&str>::new());
    assert_eq!(run(trusted_again, true).held().len(), 4);
}

#[test]
fn a_snapshot_is_settled_only_without_a_culprit() {
    let settled = (0..5).fold(changed(4), |suspicion, _| run(suspicion, false));
    assert!(settled.is_settled());
    let found = "ccc...".chars().fold(changed(4), |suspicion, outcome| run(suspicion, outcome == 'c'));
    let much_later = (0..50).fold(found, |suspicion, _| run(suspicion, false));
    assert!(!much_later.is_settled());
    assert_eq!(much_later.held(), ["flag_03"]);
}

fn log2_rounded_up(count: usize) -> usize {
    count.next_power_of_two().trailing_zeros() as usize
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_culprit_is_found_within_the_logarithm_of_the_changes(count in 1_usize..200, pick in any::<prop::sample::Index>()) {
        let changes = flags(count);
        let culprit = BTreeSet::from([changes.keys().nth(pick.index(count)).unwrap().clone()]);
        let mut suspicion = (0..RULES.crashes).fold(changed(count), |suspicion, _| run_with(suspicion, &culprit));
        prop_assert_eq!(suspicion.held().len(), count);
        let mut runs = 0;
        while !suspicion.culprits.keys().eq(&culprit) || suspicion.held().len() > 1 {
            suspicion = run_with(suspicion, &culprit);
            runs += 1;
            prop_assert!(runs <= log2_rounded_up(count) + 2, "{} flags took {} runs", count, runs);
        }
        let later = (0..100).fold(suspicion, |suspicion, _| run_with(suspicion, &culprit));
        prop_assert_eq!(later.held(), culprit.iter().map(|key| &**key).collect::<Vec<_>>());
    }

    #[test]
    fn several_culprits_are_all_found_and_nobody_else_stays_held(
        count in 1_usize..60, picks in proptest::collection::vec(any::<prop::sample::Index>(), 1..6),
    ) {
        let changes = flags(count);
        let culprits: BTreeSet<Box<str>> =
            picks.iter().map(|pick| changes.keys().nth(pick.index(count)).unwrap().clone()).collect();
        let runs = 3 + (log2_rounded_up(count) + 2) * culprits.len();
        let end = (0..runs).fold(changed(count), |suspicion, _| run_with(suspicion, &culprits));
        prop_assert_eq!(end.held(), culprits.iter().map(|key| &**key).collect::<Vec<_>>());
    }

    /// However often the culprit strikes, and whatever else crashes now and then.
    #[test]
    fn whatever_happens_only_changed_flags_are_held_and_it_ends(
        count in 1_usize..20,
        runs in proptest::collection::vec((0_u8..4, any::<u8>()), 0..300),
    ) {
        let mut suspicion = changed(count);
        for (outcome, number) in runs {
            let step = suspicion.step;
            let event = match outcome {
                0 => Event::Crashed { step },
                1 => Event::Clean { step },
                2 => Event::Crashed { step: u64::from(number) },
                _ => Event::Snapshot { id: id(42 + u64::from(number)), changes: flags(usize::from(number) % (count + 1)) },
            };
            suspicion = suspicion.step(RULES, event);
            prop_assert!(suspicion.is_sound(), "{:?}", suspicion);
            let mut held = suspicion.held();
            prop_assert!(held.iter().all(|key| suspicion.changes.contains_key(*key)), "{:?}", suspicion);
            held.sort_unstable();
            held.dedup();
            prop_assert_eq!(held.len(), suspicion.held().len(), "each once");
            let json = serde_json::to_string(&suspicion).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Suspicion>(&json).unwrap(), &suspicion);
        }
        let end = (0..2_000).fold(suspicion, |suspicion, _| run(suspicion, true));
        prop_assert!(end.held().len() <= count);
        prop_assert!(matches!(end.phase, Phase::Cleared { .. } | Phase::Settled), "{:?}", end);
    }

    /// A culprit that crashes one run in so many is held back in the end, be it with others that were blamed in its place.
    #[test]
    fn a_culprit_that_strikes_now_and_then_is_held_in_the_end(
        count in 1_usize..12, pick in any::<prop::sample::Index>(), every in 1_u32..4, seed in any::<u32>(),
    ) {
        let changes = flags(count);
        let culprit = changes.keys().nth(pick.index(count)).unwrap().clone();
        let mut suspicion = changed(count);
        let mut number = seed;
        for _ in 0..5_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let strikes = (number >> 16) % every == 0;
            let crashes = strikes && !suspicion.held().contains(&&*culprit);
            suspicion = run(suspicion, crashes);
        }
        prop_assert!(suspicion.is_settled() || suspicion.culprits.contains_key(&culprit), "{:?}", suspicion);
    }
}
