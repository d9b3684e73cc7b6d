//! The page for users against the declarations that it is written from.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;

use caro_integration::{flags, user_page};
use flag_client::Kind;

const CHANNELS: [&str; 3] =
    ["Discord: #feedback channel", "GitHub: open an issue with the \"feedback\" label", "Email: feedback@caro.sh"];

#[test]
fn the_page_in_the_repository_is_current() {
    let kept = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("FEATURES.md")).unwrap_or_default();
    let renew = "cargo run -p caro-integration --example features_page > caro-integration/FEATURES.md";
    assert!(kept.replace("\r\n", "\n") == user_page(&CHANNELS), "FEATURES.md is not current: {renew}");
}

#[test]
fn every_feature_has_what_users_ask_for() {
    let page = user_page(&CHANNELS);
    for flag in flags::ALL {
        let named = match flag.kind {
            Kind::KillSwitch => format!("* **{}** (`{}`)", flag.title, flag.key),
            _ => format!("#### {} (", flag.title),
        };
        assert!(page.contains(&named), "{named}\n{page}");
        assert!(flag.privacy.is_some() && !flag.description.is_empty(), "{}", flag.key);
    }
    for open in ["telemetry_cloud_sync", "enhanced_safety_v2", "ollama_backend"] {
        assert!(page.contains(&format!("**Enable**: `caro features enable {open}`")), "{open}\n{page}");
    }
    assert!(CHANNELS.iter().all(|channel| page.contains(&format!("- {channel}\n"))));
    assert!(!user_page(&[]).contains("Providing Feedback"));
}
