use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Entries, Range};
use crate::Share;
use crate::share::EVERYONE;

/// What is served: `{"variant": ID}`, or a split `{"exposure": SHARE, "allocation": {ID: [[FROM, TO]]}, "otherwise": ID}`. A split without
/// allocation gives the exposed the variant that *on* means ([`crate::Flag::on_variant`]); without otherwise, the others get the off variant.
///
/// What has one member only is written as that member: `ID` for a variant, `SHARE` for a split that leaves the rest unsaid. Both
/// forms are read.
///
/// Exactly one of variant and split stands; which, and that its parts fit together, is checked when the flag is compiled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Serve {
    /// Everyone gets this variant.
    pub variant: Option<Box<str>>,
    /// The share of units that the allocation serves.
    pub exposure: Option<Share>,
    /// Ranges of lane 1 by variant id. They cover 0..100_000 without gap or overlap.
    pub allocation: Option<Entries<Vec<Range>>>,
    /// What the units that are not exposed get.
    pub otherwise: Option<Box<str>>,
}

impl Serve {
    /// Returns the serve that gives everyone one variant.
    pub fn variant(id: impl Into<Box<str>>) -> Self {
        Self { variant: Some(id.into()), ..Self::default() }
    }

    /// Returns the split that exposes a share of units to one variant.
    pub fn rollout(exposure: Share, on: impl Into<Box<str>>, otherwise: impl Into<Box<str>>) -> Self {
        let everything = Range { from: 0, to: EVERYONE };
        Self {
            variant: None,
            exposure: Some(exposure),
            allocation: Some(Entries::from_iter([(on.into(), vec![everything])])),
            otherwise: Some(otherwise.into()),
        }
    }
}

/// The members of the long form.
#[derive(Serialize, Deserialize)]
struct Members<V, A> {
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    variant: Option<V>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposure: Option<Share>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    allocation: Option<A>,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    otherwise: Option<V>,
}

const fn none<T>() -> Option<T> {
    None
}

impl Serialize for Serve {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self { variant: Some(variant), exposure: None, allocation: None, otherwise: None } => {
                serializer.serialize_str(variant)
            }
            Self { variant: None, exposure: Some(exposure), allocation: None, otherwise: None } => {
                exposure.serialize(serializer)
            }
            Self { variant, exposure, allocation, otherwise } => {
                let (variant, otherwise) = (variant.as_deref(), otherwise.as_deref());
                Members { variant, exposure: *exposure, allocation: allocation.as_ref(), otherwise }
                    .serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Serve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ServeVisitor;
        impl<'de> Visitor<'de> for ServeVisitor {
            type Value = Serve;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a variant's id, a share of 0 to 100000, or an object")
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<Serve, E> {
                Ok(Serve::variant(id))
            }

            fn visit_u64<E: Error>(self, thousandths: u64) -> Result<Serve, E> {
                let exposure = Share::from_wire(thousandths).map_err(E::custom)?;
                Ok(Serve { exposure: Some(exposure), ..Serve::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Serve, A::Error> {
                let Members { variant, exposure, allocation, otherwise } =
                    Members::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Serve { variant, exposure, allocation, otherwise })
            }
        }
        deserializer.deserialize_any(ServeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn short_forms_are_read_and_written() {
        for (long, short) in [(r#"{"variant":"on"}"#, r#""on""#), (r#"{"exposure":25000}"#, "25000")] {
            let serve: Serve = serde_json::from_str(long).unwrap();
            assert_eq!(serde_json::from_str::<Serve>(short).unwrap(), serve);
            assert_eq!(serde_json::to_string(&serve).unwrap(), short);
        }
        for both in [r#"{"exposure":25000,"otherwise":"off"}"#, r#"{"variant":"on","exposure":1}"#, "{}"] {
            let serve: Serve = serde_json::from_str(both).unwrap();
            assert_eq!(serde_json::to_string(&serve).unwrap(), both);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let table = [
            (
                "true",
                "invalid type: boolean `true`, expected a variant's id, a share of 0 to 100000, or an object at line 1 column 4",
            ),
            (
                "-1",
                "invalid type: integer `-1`, expected a variant's id, a share of 0 to 100000, or an object at line 1 column 2",
            ),
            ("100001", "share 100001 is above 100000 thousandths of a percent at line 1 column 6"),
        ];
        for (text, message) in table {
            assert_eq!(serde_json::from_str::<Serve>(text).unwrap_err().to_string(), message);
        }
    }
}
