use serde::{Deserialize, Serialize};

/// How a metric of a flag is measured. What a report carries of it lies between 0 and 1, in sixteenths, whatever was measured.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// Parts of a whole: suggestions accepted of suggestions shown. A report carries the day's sum of parts over the day's sum of wholes.
    Ratio,
    /// A value between two bounds: a score from 0 to 5. A report carries where between the bounds the day's mean lies. Values beyond a
    /// bound count as the bound.
    Bounded {
        /// The lower bound, finite.
        min: f64,
        /// The upper bound, finite and above the lower one.
        max: f64,
    },
}

/// One measurement of a [`Measure`].
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MetricValue {
    /// For a [`Measure::Ratio`].
    Ratio {
        /// The parts, at most as many as the whole.
        numerator: u32,
        /// The whole. Nothing of nothing is no measurement, and left out.
        denominator: u32,
    },
    /// For a [`Measure::Bounded`]: a number.
    Value(f64),
}

/// Why a measurement is not recorded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The host did not declare the metric for the flag.
    #[error("it is not declared")]
    Undeclared,
    /// Its name cannot be one.
    #[error("its name is none, expected 1 to 128 letters, digits, dots, underscores and dashes")]
    Name,
    /// The metric's bounds are no bounds.
    #[error("its bounds are {min} and {max}, expected two finite numbers of which the second is larger")]
    Bounds {
        /// The lower bound.
        min: f64,
        /// The upper bound.
        max: f64,
    },
    /// More parts than the whole has.
    #[error("{numerator} of {denominator} is more than the whole")]
    AboveWhole {
        /// The parts.
        numerator: u32,
        /// The whole.
        denominator: u32,
    },
    /// The measurement is not a number.
    #[error("the value is not a number")]
    NotANumber,
    /// The measurement is of another form than the metric.
    #[error("the value is {found}, expected {expected}")]
    Form {
        /// The form of the value.
        found: &'static str,
        /// The form of the metric.
        expected: &'static str,
    },
}

/// How finely a bounded value is kept: its place between the bounds in parts of this.
const PARTS: u32 = 1 << 20;

/// A measurement as it is summed: parts and wholes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) parts: u64,
    pub(crate) whole: u64,
}

impl Measure {
    /// Returns what a value adds to the metric's sums.
    pub(crate) fn measure(self, value: MetricValue) -> Result<Measured, MetricError> {
        match (self, value) {
            (Self::Ratio, MetricValue::Ratio { numerator, denominator }) => {
                if numerator > denominator {
                    return Err(MetricError::AboveWhole { numerator, denominator });
                }
                Ok(Measured { parts: numerator.into(), whole: denominator.into() })
            }
            (Self::Bounded { min, max }, MetricValue::Value(value)) => {
                if !(min.is_finite() && max.is_finite() && min < max) {
                    return Err(MetricError::Bounds { min, max });
                }
                if value.is_nan() {
                    return Err(MetricError::NotANumber);
                }
                // Halved, since the distance of two finite numbers need not be finite.
                let place = (value.clamp(min, max) / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0);
                Ok(Measured { parts: parts(place), whole: PARTS.into() })
            }
            (Self::Ratio, MetricValue::Value(_)) => {
                Err(MetricError::Form { found: "one number", expected: "a numerator and a denominator" })
            }
            (Self::Bounded { .. }, MetricValue::Ratio { .. }) => {
                Err(MetricError::Form { found: "a numerator and a denominator", expected: "one number" })
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float saturates, and the place lies between 0 and 1"
)]
fn parts(place: f64) -> u64 {
    ((place * f64::from(PARTS)).round() as u64).min(PARTS.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_become_parts_of_a_whole() {
        let ratio = |numerator, denominator| Measure::Ratio.measure(MetricValue::Ratio { numerator, denominator });
        assert_eq!(ratio(3, 4), Ok(Measured { parts: 3, whole: 4 }));
        assert_eq!(ratio(0, 0), Ok(Measured { parts: 0, whole: 0 }));
        assert_eq!(ratio(5, 4), Err(MetricError::AboveWhole { numerator: 5, denominator: 4 }));
        for (min, max, value, parts) in [
            (0.0, 5.0, 5.0, PARTS),
            (0.0, 5.0, 2.5, PARTS / 2),
            (0.0, 5.0, -1.0, 0),
            (0.0, 5.0, f64::INFINITY, PARTS),
            (-1.0, 1.0, 0.0, PARTS / 2),
            (f64::MIN, f64::MAX, 0.0, PARTS / 2),
        ] {
            let measured = Measure::Bounded { min, max }.measure(MetricValue::Value(value));
            assert_eq!(measured, Ok(Measured { parts: parts.into(), whole: PARTS.into() }), "{value} in {min}..{max}");
        }
    }

    #[test]
    fn what_is_no_measurement_is_refused() {
        let score = Measure::Bounded { min: 0.0, max: 5.0 };
        for (metric, value, message) in [
            (score, MetricValue::Value(f64::NAN), "the value is not a number"),
            (
                score,
                MetricValue::Ratio { numerator: 1, denominator: 2 },
                "the value is a numerator and a denominator, expected one number",
            ),
            (
                Measure::Ratio,
                MetricValue::Value(1.0),
                "the value is one number, expected a numerator and a denominator",
            ),
            (
                Measure::Bounded { min: 1.0, max: 1.0 },
                MetricValue::Value(1.0),
                "its bounds are 1 and 1, expected two finite numbers of which the second is larger",
            ),
            (Measure::Ratio, MetricValue::Ratio { numerator: 2, denominator: 1 }, "2 of 1 is more than the whole"),
        ] {
            assert_eq!(metric.measure(value).map_err(|error| error.to_string()), Err(message.to_owned()));
        }
    }
}
