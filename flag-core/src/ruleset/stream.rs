//! Compiles a snapshot while its JSON is read, flag by flag, without keeping the document.
//!
//! It takes only what is wholly sound and in the order that snapshots are written in: segments and groups before flags. Whatever else there
//! is, it gives up, and the document is read as a whole, which tells what is wrong.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Candidates, Ruleset};
use crate::Timestamp;
use crate::condition::Condition;
use crate::flag::Compiler;
use crate::wire::{self, AuditHead, Entries, FlagForm, Group, Kill, SCHEMA, SNAPSHOT_MAX_FLAGS};

/// Returns the ruleset of a sound snapshot, or nothing where the document has to be looked at as a whole.
pub(super) fn compile(bytes: &[u8]) -> Option<Ruleset> {
    // Text that is known to be UTF-8 as a whole is not checked again string by string.
    let text = core::str::from_utf8(bytes).ok()?;
    let mut json = serde_json::Deserializer::from_str(text);
    let reader = DocumentReader { expected_flags: (bytes.len() / FLAG_BYTES).min(SNAPSHOT_MAX_FLAGS) };
    let Document { candidates, segments, kills } = reader.deserialize(&mut json).ok()?;
    json.end().ok()?;
    Ruleset::assemble(candidates, segments, &kills)
}

/// About as many bytes as a published flag has. It says how much room to make for the flags before they are counted; making it anew as
/// they come would copy all of them again and again.
const FLAG_BYTES: usize = 128;

struct DocumentReader {
    expected_flags: usize,
}

struct Document {
    candidates: Candidates,
    segments: Box<[Condition]>,
    kills: Vec<Kill>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Schema,
    Project,
    Environment,
    Epoch,
    Version,
    IssuedAt,
    ExpiresAt,
    AuditHead,
    Segments,
    Groups,
    Flags,
    Kills,
    Lifted,
    #[serde(other)]
    Unknown,
}

/// How many fields a snapshot has to have.
const REQUIRED: usize = 8;

impl<'de> DeserializeSeed<'de> for DocumentReader {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentReader {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a snapshot")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let (mut seen, mut required) = ([false; 13], 0_usize);
        let (mut segments, mut groups) = (Entries::default(), Entries::<Group>::default());
        let mut ready = None;
        let mut kills = Vec::new();
        while let Some(field) = map.next_key::<Field>()? {
            if let Some(seen) = seen.get_mut(field.place()) {
                if core::mem::replace(seen, true) {
                    return Err(A::Error::custom("a field stands twice"));
                }
            }
            required = required.saturating_add(usize::from(field.is_required()));
            match field {
                Field::Schema if map.next_value::<u32>()? == SCHEMA => {}
                Field::Schema => return Err(A::Error::custom("another schema")),
                Field::Project | Field::Environment => drop(map.next_value::<Box<str>>()?),
                Field::Epoch | Field::Version => drop(map.next_value::<u64>()?),
                Field::IssuedAt | Field::ExpiresAt => drop(map.next_value::<Timestamp>()?),
                Field::AuditHead => drop(map.next_value::<Option<AuditHead>>()?),
                Field::Lifted => drop(map.next_value::<Vec<Box<str>>>()?),
                Field::Kills => kills = map.next_value()?,
                Field::Segments | Field::Groups if ready.is_some() => {
                    return Err(A::Error::custom("segments or groups after the flags"));
                }
                Field::Segments => segments = map.next_value::<Entries<wire::Condition>>()?,
                Field::Groups => groups = map.next_value()?,
                Field::Flags => {
                    let mut compiler = Compiler::new(&segments, &groups);
                    let mut candidates = Candidates::with_capacity(self.expected_flags);
                    map.next_value_seed(Flags { candidates: &mut candidates, compiler: &mut compiler })?;
                    ready = Some((candidates, compiler.segments.into_compiled()));
                }
                Field::Unknown => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match ready {
            Some((candidates, segments)) if required == REQUIRED => Ok(Document { candidates, segments, kills }),
            _ => Err(A::Error::custom("a field is missing")),
        }
    }
}

impl Field {
    const fn place(&self) -> usize {
        match self {
            Self::Schema => 0,
            Self::Project => 1,
            Self::Environment => 2,
            Self::Epoch => 3,
            Self::Version => 4,
            Self::IssuedAt => 5,
            Self::ExpiresAt => 6,
            Self::Flags => 7,
            Self::AuditHead => 8,
            Self::Segments => 9,
            Self::Groups => 10,
            Self::Kills => 11,
            Self::Lifted => 12,
            Self::Unknown => usize::MAX,
        }
    }

    const fn is_required(&self) -> bool {
        self.place() < REQUIRED
    }
}

/// Reads the object of flags and compiles each as it comes.
struct Flags<'c, 'w> {
    candidates: &'c mut Candidates,
    compiler: &'c mut Compiler<'w>,
}

impl<'de> DeserializeSeed<'de> for Flags<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Flags<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of flags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { candidates, compiler } = self;
        while let Some((key, flag)) = map.next_entry::<Box<str>, FlagForm>()? {
            candidates.compile(key, flag, compiler);
            if candidates.slots.len() > SNAPSHOT_MAX_FLAGS {
                return Err(A::Error::custom("too many flags"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::Context;

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

    #[test]
    fn segments_after_flags_are_read_all_the_same() {
        let document = format!("{{{HEADER},{},{SEGMENT}}}", flags(&["f"]));
        let ruleset = Ruleset::from_json(document.as_bytes()).unwrap();
        assert_eq!(ruleset.quarantined().count(), 0);
        assert!(ruleset.evaluate("f", &Context::anonymous()).bool_or(false));
    }
}
