use std::fmt;

use flag_core::{Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::quantities::{Quantity, QuantityError, Span};

const DAY_MILLIS: i64 = 86_400_000;
const MINUTE_MILLIS: i64 = 60_000;
/// 1970-01-01 was a Thursday, the fourth day from Monday on.
const EPOCH_WEEKDAY: i64 = 3;

/// The steps of a rollout: which share, when at the earliest, for how long at least, and at which hours something may change.
///
/// Times are the earliest there are: every gate may delay a step, and nothing makes up for a delay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Unchecked")]
pub struct Schedule {
    name: Box<str>,
    steps: Vec<Step>,
    soak: Span,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<ChangeWindow>,
    #[serde(skip_serializing_if = "is_zero")]
    utc_offset_minutes: i32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// One share of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The share of units exposed.
    #[serde(with = "percentage")]
    pub share: Share,
    /// How long after the start at the earliest.
    pub after: Span,
    /// Whether somebody has to agree before the rollout enters it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
}

/// Hours of some weekdays at which a rollout may move forward. Moving back needs none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeWindow {
    /// The days; every day if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// From when on, `09:00`.
    pub from: TimeOfDay,
    /// Until when, `17:00`; `24:00` is the end of the day.
    pub to: TimeOfDay,
}

/// A day of the week.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the days of the week are what they are")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

/// Minutes since midnight.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TimeOfDay(u16);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        let parsed = || {
            let (hours, minutes) = text.split_once(':')?;
            let number = |part: &str| {
                (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u16>().ok())?
            };
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            (minutes < 60 && hours * 60 + minutes <= 1_440).then_some(Self(hours * 60 + minutes))
        };
        parsed().ok_or_else(|| QuantityError { found: text.as_str().into(), quantity: Quantity::TimeOfDay })
    }
}

/// Why steps are no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There is none.
    #[error("the schedule has no steps")]
    Empty,
    /// A step exposes nobody. It would be no step, and is not taken for *unset*.
    #[error("step {step} exposes nobody, expected a share above 0%")]
    Nobody {
        /// Its place, from 1 on.
        step: usize,
    },
    /// A share does not grow.
    #[error("step {step} ({found}) is not above step {} ({before})", step - 1)]
    NotAbove {
        /// Its place, from 1 on.
        step: usize,
        /// Its share.
        found: Share,
        /// The share before it.
        before: Share,
    },
    /// A time does not come later.
    #[error("step {step} is at {found} after the start, not later than step {} at {before}", step - 1)]
    NotLater {
        /// Its place, from 1 on.
        step: usize,
        /// Its time.
        found: Span,
        /// The time before it.
        before: Span,
    },
    /// A window ends as it begins, or before.
    #[error("a change window is from {from} to {to}, expected an end after its beginning on the same day")]
    Window {
        /// Its beginning.
        from: TimeOfDay,
        /// Its end.
        to: TimeOfDay,
    },
    /// An offset that no clock on Earth has.
    #[error("utc_offset_minutes is {found}, expected -720 to 840")]
    Offset {
        /// The offset.
        found: i32,
    },
}

/// A schedule as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    #[serde(default = "custom")]
    name: Box<str>,
    steps: Vec<Step>,
    #[serde(default = "a_day")]
    soak: Span,
    #[serde(default)]
    windows: Vec<ChangeWindow>,
    #[serde(default)]
    utc_offset_minutes: i32,
}

fn custom() -> Box<str> {
    "custom".into()
}

const fn a_day() -> Span {
    Span::hours(24)
}

impl TryFrom<Unchecked> for Schedule {
    type Error = ScheduleError;

    fn try_from(unchecked: Unchecked) -> Result<Self, ScheduleError> {
        let Unchecked { name, steps, soak, windows, utc_offset_minutes } = unchecked;
        if steps.is_empty() {
            return Err(ScheduleError::Empty);
        }
        let mut last: Option<&Step> = None;
        for (step, place) in steps.iter().zip(1..) {
            if step.share == Share::NOBODY {
                return Err(ScheduleError::Nobody { step: place });
            }
            if let Some(last) = last {
                if step.share <= last.share {
                    return Err(ScheduleError::NotAbove { step: place, found: step.share, before: last.share });
                }
                if step.after <= last.after {
                    return Err(ScheduleError::NotLater { step: place, found: step.after, before: last.after });
                }
            }
            last = Some(step);
        }
        if let Some(window) = windows.iter().find(|window| window.to <= window.from) {
            return Err(ScheduleError::Window { from: window.from, to: window.to });
        }
        if !(-720..=840).contains(&utc_offset_minutes) {
            return Err(ScheduleError::Offset { found: utc_offset_minutes });
        }
        Ok(Self { name, steps, soak, windows, utc_offset_minutes })
    }
}

impl Schedule {
    /// The schedules that have a name.
    pub const NAMES: [&'static str; 3] = ["standard", "accelerated", "cautious"];

    /// Returns the schedule of a name: `standard` in twelve days, `accelerated` in three, `cautious` in six weeks.
    pub fn named(name: &str) -> Option<Self> {
        // Percent, and the day it is due, the first day being the start.
        let days: &[(u32, u32)] = match name {
            "standard" => &[(1, 1), (5, 2), (10, 4), (25, 6), (50, 8), (75, 10), (100, 12)],
            "accelerated" => &[(10, 1), (50, 2), (100, 3)],
            "cautious" => &[(1, 1), (5, 8), (10, 15), (25, 22), (50, 29), (100, 36)],
            _ => return None,
        };
        let steps = days.iter().filter_map(|(percent, day)| {
            let share = Share::from_percent(*percent).ok()?;
            Some(Step { share, after: Span::hours(day.saturating_sub(1) * 24), approval: false })
        });
        let steps = steps.collect();
        Some(Self { name: name.into(), steps, soak: a_day(), windows: Vec::new(), utc_offset_minutes: 0 })
    }

    /// Returns the schedule of steps that somebody chose, each lasting `soak` at least, with a name of theirs.
    pub fn of_steps(name: &str, steps: Vec<Step>, soak: Span) -> Result<Self, ScheduleError> {
        Self::try_from(Unchecked { name: name.into(), steps, soak, windows: Vec::new(), utc_offset_minutes: 0 })
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its steps, shares and times ascending, at least one.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns how long each step lasts at least.
    pub const fn soak(&self) -> Span {
        self.soak
    }

    /// Returns a step by its place from 0 on: the last one for every place past the end.
    pub fn step(&self, place: usize) -> Option<&Step> {
        self.steps.get(place).or_else(|| self.steps.last())
    }

    /// Tells whether a place is the last step's, or past it.
    pub fn is_last(&self, place: usize) -> bool {
        place.saturating_add(1) >= self.steps.len()
    }

    /// Returns when a step may be entered at the earliest, for a rollout that started at some time.
    pub fn earliest(&self, place: usize, started: Timestamp) -> Timestamp {
        self.step(place).map_or(started, |step| started.saturating_add_millis(step.after.millis()))
    }

    /// Returns the first time from `now` on at which a rollout may move forward: `now` itself inside a change window.
    pub fn next_window(&self, now: Timestamp) -> Timestamp {
        if self.windows.is_empty() {
            return now;
        }
        let offset = i64::from(self.utc_offset_minutes).saturating_mul(MINUTE_MILLIS);
        let local = now.as_millis().saturating_add(offset);
        let today = local.div_euclid(DAY_MILLIS);
        // A window that opens at all opens within a week.
        let openings = (0..=7).flat_map(|ahead| {
            let day = today.saturating_add(ahead);
            let weekday = usize::try_from((day + EPOCH_WEEKDAY).rem_euclid(7)).unwrap_or(0);
            let weekday = Weekday::ALL.get(weekday).copied();
            let midnight = day.saturating_mul(DAY_MILLIS);
            let at = move |time: TimeOfDay| midnight.saturating_add(i64::from(time.0) * MINUTE_MILLIS);
            self.windows.iter().filter_map(move |window| {
                let is_its_day = window.days.is_empty() || weekday.is_some_and(|day| window.days.contains(&day));
                (is_its_day && local < at(window.to)).then(|| at(window.from).max(local))
            })
        });
        openings.min().map_or(now, |local| Timestamp::from_millis(local.saturating_sub(offset)))
    }
}

/// A share as people write it: `5%`, or an integer of whole percent.
mod percentage {
    use flag_core::Share;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Percent(u32),
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(super) fn serialize<S: Serializer>(share: &Share, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(share)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => text.parse().map_err(D::Error::custom),
            Form::Percent(percent) => Share::from_percent(percent).map_err(D::Error::custom),
        }
    }
}
