use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::Deserialize;

use super::{
    Entries, Flag, Kind, Membership, OptIn, Prerequisite, Rule, Serve, Stage, first_bucketing, off, on_and_off, yes,
};
use crate::{Share, Timestamp, Value};

/// A [`Flag`] as it stands in a document, where the switch that goes without saying is not said. Most flags are one, and compiling them
/// needs no copy of it.
#[derive(Deserialize)]
#[serde(expecting = "a flag")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the published form")]
pub(crate) struct FlagForm {
    #[serde(default)]
    pub(crate) version: u64,
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) stage: Stage,
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    #[serde(default = "first_bucketing")]
    pub(crate) bucketing: u32,
    #[serde(default)]
    pub(crate) seed: Option<Box<str>>,
    #[serde(default)]
    pub(crate) unit: Option<Box<str>>,
    #[serde(default)]
    pub(crate) variants: Option<Entries<Value>>,
    #[serde(default)]
    pub(crate) off_variant: Option<Box<str>>,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    pub(crate) fallthrough: Serve,
    #[serde(default)]
    pub(crate) prerequisites: Vec<Prerequisite>,
    #[serde(default)]
    pub(crate) off_after: Option<Timestamp>,
    #[serde(default)]
    pub(crate) overridable: bool,
    #[serde(default)]
    pub(crate) opt_in: OptIn,
    #[serde(default)]
    pub(crate) critical: bool,
    #[serde(default)]
    pub(crate) group: Option<Membership>,
    #[serde(default)]
    pub(crate) holdout: Share,
    #[serde(default)]
    pub(crate) default_on_expiry: bool,
    #[serde(default)]
    pub(crate) requires: Vec<Box<str>>,
}

impl From<FlagForm> for Flag {
    fn from(form: FlagForm) -> Self {
        let FlagForm {
            version,
            kind,
            stage,
            enabled,
            bucketing,
            seed,
            unit,
            variants,
            off_variant,
            rules,
            fallthrough,
            prerequisites,
            off_after,
            overridable,
            opt_in,
            critical,
            group,
            holdout,
            default_on_expiry,
            requires,
        } = form;
        let (variants, off_variant) = (variants.unwrap_or_else(on_and_off), off_variant.unwrap_or_else(off));
        Self {
            version,
            kind,
            stage,
            enabled,
            bucketing,
            seed,
            unit,
            variants,
            off_variant,
            rules,
            fallthrough,
            prerequisites,
            off_after,
            overridable,
            opt_in,
            critical,
            group,
            holdout,
            default_on_expiry,
            requires,
        }
    }
}

impl From<Flag> for FlagForm {
    fn from(flag: Flag) -> Self {
        let Flag {
            version,
            kind,
            stage,
            enabled,
            bucketing,
            seed,
            unit,
            variants,
            off_variant,
            rules,
            fallthrough,
            prerequisites,
            off_after,
            overridable,
            opt_in,
            critical,
            group,
            holdout,
            default_on_expiry,
            requires,
        } = flag;
        let (variants, off_variant) = (Some(variants), Some(off_variant));
        Self {
            version,
            kind,
            stage,
            enabled,
            bucketing,
            seed,
            unit,
            variants,
            off_variant,
            rules,
            fallthrough,
            prerequisites,
            off_after,
            overridable,
            opt_in,
            critical,
            group,
            holdout,
            default_on_expiry,
            requires,
        }
    }
}
