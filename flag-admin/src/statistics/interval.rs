use serde::Serialize;

/// An interval of numbers. Its ends may be infinite where nothing bounds it.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Tells whether a number lies in it, its ends included.
    pub fn contains(&self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }

    /// Tells whether it lies in another as a whole, without touching its ends.
    pub fn is_inside(&self, other: Self) -> bool {
        other.low < self.low && self.high < other.high
    }

    /// Returns it with both ends moved.
    #[must_use]
    pub fn shifted(&self, by: f64) -> Self {
        Self { low: self.low + by, high: self.high + by }
    }

    /// Returns the interval of the negated numbers.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { low: -self.high, high: -self.low }
    }
}

/// The chances that a test statistic is as extreme as the one seen, or more, if nothing differs.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Tails {
    /// In either direction.
    pub two_sided: f64,
    /// Towards a larger treatment.
    pub greater: f64,
    /// Towards a smaller treatment.
    pub less: f64,
}
