#![no_main]
//! Any text as the local file, read and edited: no panic, an edit does what it says and nothing else, and no comment is lost.

use arbitrary::Arbitrary;
use flag_client::fuzzing::{edited, settings};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    on: Option<bool>,
    key: &'a str,
    text: &'a str,
}

fn others(text: &str, key: &str) -> Vec<String> {
    let own = format!("overrides.{key:?} = ");
    let mut all = settings(text).expect("it is TOML");
    all.retain(|setting| !setting.starts_with(&own));
    all.sort_unstable();
    all
}

fuzz_target!(|input: Input<'_>| {
    let Input { on, key, text } = input;
    let (Some(_), Some(after)) = (settings(text), edited(text, key, on)) else { return };
    assert_eq!(others(text, key), others(&after, key), "{after:?}");
    let found = settings(&after).expect("what is written is TOML");
    let own = format!("overrides.{key:?} = ");
    let value = found.iter().find_map(|setting| setting.strip_prefix(&own));
    assert_eq!(value, on.map(|on| if on { "true" } else { "false" }), "{after:?}");
    for line in text.lines().filter(|line| line.starts_with('#')) {
        assert!(after.lines().any(|kept| kept == line), "{line:?} is lost: {after:?}");
    }
    assert_eq!(edited(&after, key, on).as_ref(), Some(&after), "a second time it says nothing new");
});
