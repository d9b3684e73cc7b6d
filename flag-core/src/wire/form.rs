use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use serde::Deserialize;

use super::{
    Entries, Flag, Kind, Membership, OptIn, Prerequisite, Rule, Serve, Stage, first_bucketing, off, on_and_off, yes,
};
use crate::condition::Condition;
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
    pub(crate) slow_above_micros: Option<NonZeroU32>,
    #[serde(default)]
    pub(crate) requires: Vec<Box<str>>,
}

/// What a flag serves and to whom, apart from its other members: in the published form, or as a reader has it that needs no copies.
pub(crate) struct Served<'f> {
    pub(crate) rules: Vec<RuleForm<'f>>,
    pub(crate) fallthrough: ServeForm<'f>,
}

pub(crate) struct RuleForm<'f> {
    pub(crate) id: Box<str>,
    pub(crate) when: When,
    pub(crate) serve: ServeForm<'f>,
}

pub(crate) enum When {
    Published(Box<super::Condition>),
    Compiled(Condition),
}

pub(crate) enum ServeForm<'f> {
    Variant(&'f str),
    Share(Share),
    Published(Box<Serve>),
}

impl FlagForm {
    /// Returns a form that says nothing.
    pub(crate) fn unsaid() -> Self {
        Self {
            version: 0,
            kind: Kind::default(),
            stage: Stage::default(),
            enabled: yes(),
            bucketing: first_bucketing(),
            seed: None,
            unit: None,
            variants: None,
            off_variant: None,
            rules: Vec::new(),
            fallthrough: Serve::default(),
            prerequisites: Vec::new(),
            off_after: None,
            overridable: false,
            opt_in: OptIn::default(),
            critical: false,
            group: None,
            holdout: Share::default(),
            default_on_expiry: false,
            slow_above_micros: None,
            requires: Vec::new(),
        }
    }

    /// Takes what the flag serves out of the form.
    pub(crate) fn take_served(&mut self) -> Served<'static> {
        let published = |serve| ServeForm::Published(Box::new(serve));
        let rules = core::mem::take(&mut self.rules).into_iter().map(|Rule { id, when, serve }| RuleForm {
            id,
            when: When::Published(Box::new(when)),
            serve: published(serve),
        });
        Served { rules: rules.collect(), fallthrough: published(core::mem::take(&mut self.fallthrough)) }
    }
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
            slow_above_micros,
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
            slow_above_micros,
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
            slow_above_micros,
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
            slow_above_micros,
            requires,
        }
    }
}
