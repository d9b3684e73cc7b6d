#![no_main]
//! Any text read as a time: no panic, what is printed reads back, and order is kept.

use arbitrary::Arbitrary;
use flag_core::Timestamp;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    millis: i64,
    text: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let any = Timestamp::from_millis(input.millis);
    let printed: Timestamp = any.to_string().parse().expect("every instant prints as a time");
    assert_eq!(printed.to_string(), any.to_string());
    let Ok(read) = input.text.parse::<Timestamp>() else { return };
    // An offset can carry a time past the years that print, so that it prints as the nearest one inside.
    let again: Timestamp = read.to_string().parse().expect("what was read prints as a time");
    assert_eq!(again.to_string(), read.to_string());
    assert_eq!(serde_json::from_str::<Timestamp>(&serde_json::to_string(&read).expect("text")).ok(), Some(again));
    match read.cmp(&any) {
        std::cmp::Ordering::Less => assert!(again <= printed),
        std::cmp::Ordering::Equal => assert_eq!(again, printed),
        std::cmp::Ordering::Greater => assert!(again >= printed),
    }
    assert_eq!(any.millis_since(read), any.as_millis().saturating_sub(read.as_millis()));
});
