use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Fractions are multiples of one divided by this.
pub const UNITS: u8 = 16;

const PLACES: usize = UNITS as usize + 1;

/// How many reports had each multiple of 1/16, from none to all. JSON: pairs of a number of sixteenths and a count, those of 0 left out.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Fractions([u64; PLACES]);

impl Fractions {
    /// Counts reports with a number of sixteenths. One above 16 counts as 16.
    pub fn add(&mut self, sixteenths: u8, reports: u64) {
        if let Some(count) = self.0.get_mut(usize::from(sixteenths.min(UNITS))) {
            *count = count.saturating_add(reports);
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Returns what is left without earlier counts of the same sums; `None` if some count went backwards.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let mut left = *self;
        for (count, before) in left.0.iter_mut().zip(earlier.0) {
            *count = count.checked_sub(before)?;
        }
        Some(left)
    }

    /// Returns how many reports had a fraction.
    pub fn reports(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns how many reports had more than none.
    pub fn above_none(&self) -> u64 {
        self.0.iter().skip(1).fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the fractions that were reported, 0 to 1, with their counts.
    pub fn values(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.pairs().map(|(sixteenths, count)| (f64::from(sixteenths) / f64::from(UNITS), count))
    }

    /// Returns the mean of all fractions; `None` without any.
    #[expect(clippy::cast_precision_loss, reason = "a mean of more reports than 2^53 is as near as any")]
    pub fn mean(&self) -> Option<f64> {
        let reports = self.reports();
        let sum: f64 = self.values().map(|(value, count)| value * count as f64).sum();
        (reports > 0).then(|| sum / reports as f64)
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// Returns the numbers of sixteenths that were reported, ascending, with their counts.
    pub fn pairs(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        (0..=UNITS).zip(self.0).filter(|(_, count)| *count > 0)
    }
}

impl Serialize for Fractions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.pairs())
    }
}

impl<'de> Deserialize<'de> for Fractions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fractions = Self::default();
        for (sixteenths, count) in Vec::<(u8, u64)>::deserialize(deserializer)? {
            if sixteenths > UNITS {
                return Err(serde::de::Error::custom(format_args!(
                    "{sixteenths} sixteenths, expected at most {UNITS}"
                )));
            }
            fractions.add(sixteenths, count);
        }
        Ok(fractions)
    }
}
