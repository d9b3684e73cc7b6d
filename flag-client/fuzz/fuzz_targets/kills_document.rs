#![no_main]
//! Any bytes as the envelope of kills, and as kills that are signed: no panic, a kill is never lost, and the order does not matter.

use flag_client::trust::PayloadType;
use libfuzzer_sys::fuzz_target;

mod signing;
use signing::{NOW, client, signed};

const KNOWN: &str = r#"{"schema":1,"project":"p","environment":"e","epoch":1,"issued_at":0,"kills":[{"id":"k1","target":"telemetry"}]}"#;

fuzz_target!(|bytes: &[u8]| {
    let _ = client().accept_kills(bytes, NOW);
    let (known, other) = (signed(PayloadType::Kills, KNOWN.as_bytes()), signed(PayloadType::Kills, bytes));
    let (mut one, mut two) = (client(), client());
    one.accept_kills(&known, NOW).expect("a known document");
    let accepted = one.accept_kills(&other, NOW).is_ok();
    assert!(one.active_kills().iter().any(|kill| &*kill.id == "k1"));
    assert_eq!(two.accept_kills(&other, NOW).is_ok(), accepted || two.active_kills().len() > 9_000);
    if accepted {
        two.accept_kills(&known, NOW).expect("a known document");
        assert_eq!(one.active_kills(), two.active_kills());
    }
});
