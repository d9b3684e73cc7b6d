#![no_main]
//! Any bytes as the envelope of a snapshot, and as a snapshot that is signed: no panic, nothing unsigned is held, what is refused changes
//! nothing, and what is written reads back.

use flag_client::trust::{Envelope, PayloadType};
use libfuzzer_sys::fuzz_target;

mod signing;
use signing::{NOW, client, signed};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::parse(bytes) {
        assert_eq!(Envelope::parse(&envelope.to_json()).expect("what is written reads back"), envelope);
    }
    let mut state = client();
    let _ = state.accept_snapshot(bytes, NOW);

    let mut state = client();
    let document = signed(PayloadType::Snapshot, bytes);
    match state.accept_snapshot(&document, NOW) {
        Err(_) => assert_eq!(state.snapshot_version(), None),
        Ok(_) => {
            assert!(state.snapshot_header().is_some_and(|header| header.project == "p" && header.environment == "e"));
            assert!(state.accept_snapshot(&document, NOW).is_ok(), "the same again is not modified");
        }
    }
});
