//! A declaration in the form of a published flag, for the same compiler and evaluator.

use flag_core::wire::{self, Entries, Flag, Kind, OptIn, Serve, Stage};
use flag_core::{FlagKey, Value};

use super::{CodeDefault, Declaration, DeclarationError};

/// The id of the variant that a switched-on boolean flag serves.
pub(crate) const ON: &str = "on";
/// The id of the variant that a switched-off boolean flag serves.
pub(crate) const OFF: &str = "off";
/// The id of the only variant of a flag that holds one plain value.
const DEFAULT: &str = "default";

impl Declaration {
    pub(crate) fn validate(&self) -> Result<(), DeclarationError> {
        FlagKey::new_flag(self.key)?;
        for prerequisite in self.prerequisites {
            let key = prerequisite.flag.parse::<FlagKey>();
            key.map_err(|source| DeclarationError::PrerequisiteKey { flag: self.key, source })?;
        }
        match self.default {
            CodeDefault::Choice { variants, default } if !variants.contains(&default) => {
                Err(DeclarationError::DefaultVariant { flag: self.key, variant: default })
            }
            CodeDefault::Float(value) if !value.is_finite() => Err(DeclarationError::NotFinite { flag: self.key }),
            CodeDefault::Object(json) => match serde_json::from_str::<Value>(json) {
                Ok(Value::Object(_)) => Ok(()),
                Ok(_) => Err(DeclarationError::NotAnObject { flag: self.key, line: 1, column: 1 }),
                Err(source) => {
                    Err(DeclarationError::NotAnObject { flag: self.key, line: source.line(), column: source.column() })
                }
            },
            _ => Ok(()),
        }
    }

    /// The flag that serves the code default to everyone, where its prerequisites hold.
    pub(crate) fn to_flag(self) -> Flag {
        let single = |value: Value| (Entries::from_iter([(DEFAULT.into(), value)]), DEFAULT, DEFAULT);
        let (variants, off, served) = match self.default {
            CodeDefault::Bool(on) => (on_off(), OFF, if on { ON } else { OFF }),
            CodeDefault::Choice { variants, default } => {
                let off = variants.first().copied().unwrap_or(default);
                (variants.iter().map(|id| ((*id).into(), Value::from(*id))).collect(), off, default)
            }
            CodeDefault::Integer(value) => single(value.into()),
            CodeDefault::Float(value) => single(value.into()),
            CodeDefault::Text(value) => single(value.into()),
            // It was read when the declaration was checked.
            CodeDefault::Object(json) => single(serde_json::from_str(json).unwrap_or(Value::Null)),
        };
        let prerequisites = self.prerequisites.iter().filter_map(|prerequisite| {
            Some(wire::Prerequisite {
                // It was read when the declaration was checked.
                flag: prerequisite.flag.parse().ok()?,
                variants: prerequisite.variants.iter().map(|id| (*id).into()).collect(),
            })
        });
        Flag {
            kind: self.kind,
            stage: self.stage,
            opt_in: self.opt_in,
            overridable: self.overridable,
            critical: self.critical,
            prerequisites: prerequisites.collect(),
            ..plain(variants, off, served)
        }
    }
}

/// The variants of a flag that is on or off.
pub(crate) fn on_off() -> Entries<Value> {
    Entries::from_iter([(ON.into(), Value::Bool(true)), (OFF.into(), Value::Bool(false))])
}

/// A flag that serves one variant to everyone and asks nothing.
pub(crate) fn plain(variants: Entries<Value>, off: &str, served: &str) -> Flag {
    Flag {
        version: 0,
        kind: Kind::Release,
        stage: Stage::Development,
        enabled: true,
        bucketing: flag_core::BUCKETING_VERSION,
        seed: None,
        unit: None,
        variants,
        off_variant: off.into(),
        rules: Vec::new(),
        fallthrough: Serve::variant(served),
        prerequisites: Vec::new(),
        off_after: None,
        overridable: false,
        opt_in: OptIn::None,
        critical: false,
        group: None,
        holdout: flag_core::Share::NOBODY,
        default_on_expiry: false,
        slow_above_micros: None,
        requires: Vec::new(),
    }
}
