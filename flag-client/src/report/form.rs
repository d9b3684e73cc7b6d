use std::collections::BTreeMap;
use std::fmt;

use flag_core::{FlagKey, Share};
use serde::{Deserialize, Serialize};

use super::error::FormError;
use crate::json;
use crate::outcomes::{Day, LAST_INDEX, MAX_VARIANT, is_metric_name};

/// The version of the form.
pub(super) const VERSION: u8 = 1;

/// The largest report, in bytes.
pub const MAX_REPORT_BYTES: usize = 8 * 1024;

/// How many durations one report tells of at most.
pub(super) const MAX_DURATIONS: u64 = 100;

/// How many metrics one report tells of at most.
pub(super) const MAX_METRICS: usize = 16;

/// What one machine says about one flag at one step of its rollout on one day: as a JSON object, exactly these members in this order.
///
/// Nothing in it names the machine or its user, nothing links it to another report, and no time in it is finer than the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "a form, where each is a sum of its own on the server")]
pub struct Report {
    /// The version of this form, 1.
    pub v: u8,
    /// The flag.
    pub flag: FlagKey,
    /// The variant that the published flag assigned. `null` where something of the machine decided instead: an override, a kill, a local
    /// value, a missing id or opt-in.
    pub variant: Option<Box<str>>,
    /// The step of the rollout, named by the exposure share that was in force, 0..=100_000 thousandths of a percent; `null` where there is
    /// no variant. Written as `stage`.
    ///
    /// It is the share and not the version of the flag, because the version grows with every edit, while a gate asks about everyone who
    /// was exposed at one share.
    #[serde(rename = "stage")]
    pub step: Option<Share>,
    /// The day, in UTC.
    pub day: Day,
    /// Whether this is the machine's first report of the flag at the step: their sum is the number of machines.
    #[serde(with = "bit")]
    pub first_in_stage: bool,
    /// Whether a use failed or crashed.
    #[serde(with = "bit")]
    pub had_error: bool,
    /// Whether a use crashed.
    #[serde(with = "bit")]
    pub crashed: bool,
    /// How many of the uses failed or crashed. `null` if none ended.
    pub err_frac: Option<Sixteenths>,
    /// How many of the uses were slow. `null` if none was held against a limit of time.
    pub slow_frac: Option<Sixteenths>,
    /// How long uses took: pairs of a place, `floor(32 * log2(microseconds))`, and how many uses were there; places ascending, at most 100
    /// uses, drawn at random if there were more.
    pub lat: Vec<(u16, u8)>,
    /// Whether the user liked it.
    #[serde(with = "bit")]
    pub fb_pos: bool,
    /// Whether the user did not.
    #[serde(with = "bit")]
    pub fb_neg: bool,
    /// The host's metrics of the flag, by name: at most 16.
    pub metrics: BTreeMap<Box<str>, Sixteenths>,
    /// Random and used once, so that a report that is sent again counts once.
    pub nonce: Nonce,
}

/// A part of a whole, rounded up or down at random to a multiple of 1/16, such that the mean of many is right.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub struct Sixteenths(u8);

impl Sixteenths {
    pub(super) const WHOLE: u8 = 16;

    /// Returns how many sixteenths, 0 to 16. It is what a report holds.
    pub const fn count(self) -> u8 {
        self.0
    }
}

impl From<Sixteenths> for u8 {
    fn from(sixteenths: Sixteenths) -> Self {
        sixteenths.0
    }
}

impl TryFrom<u8> for Sixteenths {
    type Error = FormError;

    fn try_from(count: u8) -> Result<Self, FormError> {
        if count <= Self::WHOLE { Ok(Self(count)) } else { Err(FormError::Sixteenths { found: count }) }
    }
}

/// 128 random bits, as 32 hexadecimal digits in lower case.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Nonce(u128);

impl Nonce {
    pub(super) const fn of(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> Self {
        nonce.to_string()
    }
}

impl TryFrom<String> for Nonce {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        let bits = u128::from_str_radix(&text, 16).ok().map(Self).filter(|nonce| nonce.to_string() == text);
        bits.ok_or(FormError::Nonce)
    }
}

impl Report {
    /// Returns the bytes that are sent: what [`parse`] reads.
    pub fn to_json(&self) -> Vec<u8> {
        // Writing numbers and texts to memory cannot fail; an empty report would be refused.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn check(self) -> Result<Self, FormError> {
        let contradiction = |what| Err(FormError::Contradiction { what });
        if self.v != VERSION {
            return Err(FormError::Version { found: self.v });
        }
        if self.variant.is_some() != self.step.is_some() {
            return contradiction("a variant and a stage go together");
        }
        if !self.variant.as_ref().is_none_or(|variant| (1..=MAX_VARIANT).contains(&variant.len())) {
            return contradiction("a variant has 1 to 128 bytes");
        }
        if !self.metrics.keys().all(|name| is_metric_name(name)) {
            return contradiction("a metric is named by 1 to 128 letters, digits, dots, underscores and dashes");
        }
        if self.metrics.len() > MAX_METRICS {
            return contradiction("there are at most 16 metrics");
        }
        if self.crashed && !self.had_error {
            return contradiction("a crash is an error");
        }
        match self.err_frac.map(Sixteenths::count) {
            None if self.had_error => return contradiction("an error is a part of the uses"),
            Some(1..) if !self.had_error => return contradiction("a part of the uses that failed is an error"),
            _ => {}
        }
        let ascending = self.lat.windows(2).all(|pair| matches!(pair, [(one, _), (next, _)] if one < next));
        if !ascending || self.lat.iter().any(|(place, count)| *place > LAST_INDEX || *count == 0) {
            return contradiction("durations are pairs of ascending places up to 1162 and positive counts");
        }
        if self.lat.iter().map(|(_, count)| u64::from(*count)).sum::<u64>() > MAX_DURATIONS {
            return contradiction("there are at most 100 durations");
        }
        Ok(self)
    }
}

/// Reads one report, as a server receives it: strictly, since anybody can send anything.
pub fn parse(bytes: &[u8]) -> Result<Report, FormError> {
    if bytes.len() > MAX_REPORT_BYTES {
        return Err(FormError::TooLarge { found: bytes.len() });
    }
    json::from_bytes::<Report>(bytes)?.check()
}

/// Yes and no as 1 and 0, as they are summed.
mod bit {
    use serde::de::{Error as _, Unexpected};
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(super) fn serialize<S: Serializer>(bit: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(*bit))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(D::Error::invalid_value(Unexpected::Unsigned(other.into()), &"0 or 1")),
        }
    }
}
