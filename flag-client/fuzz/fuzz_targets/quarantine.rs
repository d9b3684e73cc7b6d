#![no_main]
//! Any bytes as what the crash quarantine knows, and any runs after it: no panic, and no flag is held back twice.

use std::collections::BTreeSet;

use flag_client::fuzzing::observe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<bool>, &[u8])| {
    let (runs, bytes) = input;
    let Some(held) = observe(bytes, &runs) else { return };
    assert_eq!(held.iter().collect::<BTreeSet<_>>().len(), held.len());
});
