//! Compiles a snapshot while its JSON is read, flag by flag, without keeping the document.
//!
//! It takes only what is wholly sound and in the order that snapshots are written in: segments and groups before flags. Whatever else there
//! is, it gives up, and the document is read as a whole, which tells what is wrong.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::de::IgnoredAny;

use super::flag_reader::read_flag;
use super::{Candidates, Ruleset, Slot};
use crate::Timestamp;
use crate::flag::Compiler;
use crate::wire::{self, AuditHead, Cursor, Entries, Group, Kill, Passed, SCHEMA, SNAPSHOT_MAX_FLAGS};

/// About as many bytes as a published flag has. It says how much room to make for the flags before they are counted; making it anew as
/// they come would copy all of them again and again.
const FLAG_BYTES: usize = 128;

/// The members of a snapshot, those first that it has to have.
const MEMBERS: [&str; 13] = [
    "schema",
    "project",
    "environment",
    "epoch",
    "version",
    "issued_at",
    "expires_at",
    "flags",
    "audit_head",
    "segments",
    "groups",
    "kills",
    "lifted",
];
/// How many it has to have.
const REQUIRED: usize = 8;

/// Returns the ruleset of a sound snapshot, or nothing where the document has to be looked at as a whole.
pub(super) fn compile(bytes: &[u8]) -> Option<Ruleset> {
    // Text that is known to be UTF-8 as a whole is not checked again string by string.
    let mut cursor = Cursor::new(core::str::from_utf8(bytes).ok()?);
    let (mut seen, mut passed) = ([false; MEMBERS.len()], Passed::Nothing);
    let (mut segments, mut groups) = (Entries::default(), Entries::<Group>::default());
    let mut ready = None;
    let mut kills = Vec::<Kill>::new();
    cursor.take(b'{')?;
    while let Some(name) = cursor.member(&mut passed)? {
        if let Some(seen) = MEMBERS.iter().position(|member| *member == name).and_then(|place| seen.get_mut(place)) {
            if core::mem::replace(seen, true) {
                return None;
            }
        }
        match name {
            "schema" if cursor.value::<u32>()? != SCHEMA => return None,
            "schema" => {}
            "project" | "environment" => drop(cursor.value::<Box<str>>()?),
            "epoch" | "version" => drop(cursor.value::<u64>()?),
            "issued_at" | "expires_at" => drop(cursor.value::<Timestamp>()?),
            "audit_head" => drop(cursor.value::<Option<AuditHead>>()?),
            "lifted" => drop(cursor.value::<Vec<Box<str>>>()?),
            "kills" => kills = cursor.value()?,
            "segments" | "groups" if ready.is_some() => return None,
            "segments" => segments = cursor.value::<Entries<wire::Condition>>()?,
            "groups" => groups = cursor.value()?,
            "flags" => {
                let mut compiler = Compiler::new(&segments, &groups);
                let expected = (bytes.len() / FLAG_BYTES).min(SNAPSHOT_MAX_FLAGS);
                let mut candidates = Candidates::with_capacity(expected);
                read_flags(&mut cursor, &mut candidates, &mut compiler)?;
                ready = Some((candidates, compiler.segments.into_compiled()));
            }
            _ => drop(cursor.value::<IgnoredAny>()?),
        }
    }
    if !cursor.is_at_end() || seen.iter().take(REQUIRED).any(|seen| !seen) {
        return None;
    }
    let (candidates, segments) = ready?;
    Ruleset::assemble(candidates, segments, &kills)
}

/// Reads the object of flags and compiles each as it comes: in one go those that are sound and spelled as publishers do, through the
/// published form all others.
fn read_flags(cursor: &mut Cursor<'_>, candidates: &mut Candidates, compiler: &mut Compiler<'_>) -> Option<()> {
    cursor.take(b'{')?;
    let mut passed = Passed::Nothing;
    while let Some(key) = cursor.member(&mut passed)? {
        let (start, patterns) = (cursor.clone(), compiler.segments.patterns_of_rules());
        match read_flag(cursor, key, compiler) {
            Some((flag, prerequisites)) => candidates.push(Slot::Live(flag), prerequisites),
            None => {
                *cursor = start;
                compiler.segments.set_patterns_of_rules(patterns);
                candidates.compile(key.into(), cursor.value()?, compiler);
            }
        }
        if candidates.slots.len() > SNAPSHOT_MAX_FLAGS {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::Context;
    use crate::wire::Snapshot;

    const HEADER: &str = "\"schema\":1,\"project\":\"p\",\"environment\":\"e\",\"epoch\":1,\"version\":1,\"issued_at\":0,\"expires_at\":1";
    const FLAG: &str = "{\"variants\":{\"on\":true,\"off\":false},\"off_variant\":\"off\",\"rules\":[{\"id\":\"r\",\
        \"when\":{\"segment\":\"s\"},\"serve\":{\"variant\":\"off\"}}],\"fallthrough\":{\"variant\":\"on\"}}";
    const SEGMENT: &str = "\"segments\":{\"s\":{\"attribute\":\"a\",\"operator\":\"exists\"}}";

    fn flags(keys: &[&str]) -> String {
        let flags = keys.iter().map(|key| format!("\"{key}\":{FLAG}")).collect::<Vec<_>>().join(",");
        format!("\"flags\":{{{flags}}}")
    }

    #[test]
    fn takes_a_sound_document_and_leaves_every_other_to_the_slow_way() {
        let document = |parts: &[&str]| format!("{{{}}}", parts.join(","));
        let sound = document(&[HEADER, SEGMENT, &flags(&["f", "g"]), "\"later\":{\"x\":[1]}"]);
        let ruleset = compile(sound.as_bytes()).unwrap();
        assert!(ruleset.evaluate("f", &Context::anonymous()).bool_or(false));

        let table = [
            (document(&[HEADER, &flags(&["f"]), SEGMENT]), "segments after flags"),
            (document(&[HEADER, SEGMENT]), "no flags"),
            (document(&[HEADER, SEGMENT, &flags(&["f", "f"])]), "a key twice"),
            (document(&[HEADER, HEADER, &flags(&[])]), "a field twice"),
            (document(&[&HEADER.replace("\"schema\":1", "\"schema\":2"), &flags(&[])]), "another schema"),
            (document(&[&HEADER.replace("\"epoch\":1,", ""), &flags(&[])]), "no epoch"),
            (document(&[HEADER, "\"flags\":{\"f\":{\"variants\":7}}"]), "a malformed flag"),
            (sound.clone() + "x", "trailing bytes"),
        ];
        for (document, why) in table {
            assert!(compile(document.as_bytes()).is_none(), "{why}");
        }
    }

    /// Flags of every member and spelling, sound and broken, beside each other.
    const VARIED: &[&str] = &[
        r#"{"version":7,"stage":"beta","fallthrough":"on"}"#,
        r#"{"fallthrough":25000}"#,
        r#"{"version":7,"kind":"ops","stage":"ga","enabled":false,"seed":"s","overridable":true,"opt_in":"required",
            "critical":true,"holdout":5000,"default_on_expiry":true,"slow_above_micros":1500000,"fallthrough":100000}"#,
        r#"{"variants":{"a":1,"b":2.5},"off_variant":"a","fallthrough":{"exposure":5,"allocation":{"b":[[0,100000]]}}}"#,
        r#"{"variants":{"a":"x","b":"y","c":"z"},"off_variant":"a","fallthrough":7}"#,
        r#"{"unit":"account","group":{"name":"g","slots":[[0,10]]},"fallthrough":1}"#,
        r#"{"group":{"name":"g","slots":[[0,10],[50,60]]},"fallthrough":1}"#,
        r#"{"prerequisites":[{"flag":"f0","variants":["on"]}],"off_after":"2026-01-01T00:00:00Z","fallthrough":"off"}"#,
        r#"{"rules":[{"id":"r","when":{"all":[{"attribute":"os","operator":"in","values":["b","a","b"]},
            {"attribute":"v","operator":"semver_caret","values":["1.2"]},{"attribute":"n","operator":"equals","values":[1,"1",null]},
            {"any":[{"not":{"segment":"s"}},{"attribute":"x","operator":"exists"},{"attribute":"y","operator":"newer","values":[]}]}]},
            "serve":50000}],"fallthrough":"off"}"#,
        r#"{"rules":[{"serve":"on","when":{"operator":"in","attribute":"os","values":["a"]},"id":"out of order"}],"fallthrough":"off"}"#,
        r#"{"rules":[{"id":"\u0061","when":{"attribute":"\u0061","operator":"in","values":["\u0061"]},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"r","when":{"attribute":"a","operator":"exists"},"serve":"on"},
            {"id":"r","when":{"attribute":"a","operator":"exists"},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"","when":{"attribute":"a","operator":"exists"},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"r","when":{"attribute":"a","operator":"semver_less","values":["x"]},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"r","when":{"attribute":"a","operator":"matches","values":["x","("]},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"r","when":{"attribute":"a"},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"r","when":{"all":[],"any":[]},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"r","when":{"segment":"none"},"serve":"on"}],"fallthrough":"on"}"#,
        r#"{"rules":[{"id":"r","when":{"all":[]},"serve":"none"}],"fallthrough":"on"}"#,
        r#"{"requires":["telepathy"],"fallthrough":"on"}"#,
        r#"{"bucketing":2,"fallthrough":"on"}"#,
        r#"{"later":{"x":[1]},"seed":null,"fallthrough":"on"}"#,
        r#"{"fallthrough":"none"}"#,
        r#"{"off_variant":"none","fallthrough":"on"}"#,
        r#"{"seed":"","fallthrough":"on"}"#,
        r#"{"variants":{},"fallthrough":"on"}"#,
    ];

    fn as_a_whole(document: &str) -> Ruleset {
        Ruleset::build(Snapshot::from_json(document.as_bytes()).unwrap())
    }

    #[test]
    fn both_ways_give_the_same_ruleset() {
        let around = |flags: &str| {
            format!(
                "{{{HEADER},{SEGMENT},\"groups\":{{\"g\":{{\"holdout\":1000}}}},\"flags\":{{{flags}}},\"kills\":[{{\"id\":\"k\",\"target\":\"f1\"}}]}}"
            )
        };
        let keyed = |place: usize, flag: &str| format!("\"f{place}\": {flag}");
        let all = VARIED.iter().enumerate().map(|(place, flag)| keyed(place, flag)).collect::<Vec<_>>().join(" ,\n");
        for flags in VARIED.iter().map(|flag| keyed(0, flag)).chain([
            all,
            String::new(),
            "\"not a key\":{\"fallthrough\":1}".into(),
        ]) {
            let document = around(&flags);
            let streamed = compile(document.as_bytes()).unwrap();
            assert_eq!(format!("{streamed:#?}"), format!("{:#?}", as_a_whole(&document)), "{document}");
        }
    }

    #[test]
    fn a_malformed_flag_is_found_by_the_slow_way() {
        for flag in [
            "7",
            "{}",
            "{\"fallthrough\":-1}",
            "{\"fallthrough\":100001}",
            "{\"fallthrough\":1.5}",
            "{\"fallthrough\":01}",
            "{\"fallthrough\":\"on\",\"fallthrough\":\"on\"}",
            "{\"fallthrough\":\"on\",\"stage\":\"gone\"}",
            "{\"fallthrough\":\"on\",\"enabled\":1}",
            "{\"fallthrough\":\"on\",\"slow_above_micros\":0}",
            "{\"fallthrough\":\"on\",\"slow_above_micros\":5000000000}",
            "{\"fallthrough\":\"on\",\"version\":18446744073709551616}",
        ] {
            let document = format!("{{{HEADER},\"flags\":{{\"f\":{flag}}}}}");
            assert!(compile(document.as_bytes()).is_none(), "{flag}");
        }
        let large =
            format!("{{{HEADER},\"flags\":{{\"f\":{{\"version\":18446744073709551615,\"fallthrough\":\"on\"}}}}}}");
        assert_eq!(compile(large.as_bytes()).unwrap().flag("f").unwrap().version(), u64::MAX);
    }

    #[test]
    fn segments_after_flags_are_read_all_the_same() {
        let document = format!("{{{HEADER},{},{SEGMENT}}}", flags(&["f"]));
        let ruleset = Ruleset::from_json(document.as_bytes()).unwrap();
        assert_eq!(ruleset.quarantined().count(), 0);
        assert!(ruleset.evaluate("f", &Context::anonymous()).bool_or(false));
    }
}
