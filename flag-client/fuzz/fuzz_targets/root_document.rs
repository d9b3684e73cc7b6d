#![no_main]
//! Any bytes as the envelope of a root, and as a root that is signed by the old keys: no panic, a version that grows by one, and one that is
//! accepted can be fulfilled.

use flag_client::trust::PayloadType;
use libfuzzer_sys::fuzz_target;

mod signing;
use signing::{NOW, client, signed};

fuzz_target!(|bytes: &[u8]| {
    let _ = client().accept_root(bytes, NOW);
    let _ = flag_client::trust::TrustState::open(bytes, "p", "e");
    let mut state = client();
    let accepted = state.accept_root(&signed(PayloadType::Root, bytes), NOW).is_ok();
    let root = state.root();
    assert!(root.validate().is_ok() && root.project == "p" && root.epoch >= 1);
    assert!(root.version == 1 || (root.version == 2 && accepted));
});
