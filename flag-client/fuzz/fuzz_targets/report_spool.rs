#![no_main]
//! Any bytes as a report and as the spool of reports: no panic, and what is kept of them reads back.

use flag_client::report::{parse, parse_spool};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = parse(bytes) {
        assert_eq!(parse(&report.to_json()).expect("what is written reads back"), report);
    }
    let kept = parse_spool(bytes);
    assert_eq!(parse_spool(&kept), kept);
});
