#![no_main]
//! Any bytes as an event stream: no panic, and where the network cuts it does not matter.

use flag_client::fuzzing::events;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let (whole, wrong) = events(bytes, &[]);
    let (parts, wrong_in_parts) = events(first, second);
    assert_eq!(wrong, wrong_in_parts);
    // What stood before the mistake in one piece is not told with it.
    assert!(whole == parts || wrong.is_some());
});
