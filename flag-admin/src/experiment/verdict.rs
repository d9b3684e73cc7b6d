use serde::Serialize;

/// What an experiment comes to. Of several that hold, the first decides.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// Units were not assigned as they should have been, or not all of them are counted: no result can be trusted.
    Withheld {
        /// The chance of such counts if nothing is wrong.
        p: f64,
    },
    /// A variant was not measured.
    NoData {
        /// The variant.
        variant: Box<str>,
        /// The metric.
        metric: String,
    },
    /// There are fewer units than were to decide.
    NotEnoughData {
        /// The units of the smaller group.
        units: u64,
        /// How many each has to have.
        needed: u64,
    },
    /// A metric that must not get worse did.
    RegressionFound {
        /// The metric.
        metric: String,
    },
    /// The treatment is better by more than is worth having, and nothing that is watched got worse.
    Ship,
    /// The treatment is better by more than is worth having, but that nothing else got worse is not shown.
    GuardrailNotShown {
        /// The first metric of which it is not shown.
        metric: String,
    },
    /// The control is better.
    KeepControl,
    /// The treatment is better, by less than is worth having.
    SignificantButSmall,
    /// Both are the same up to what is worth having.
    Equivalent,
    /// Nothing is shown.
    Inconclusive,
}

/// What to do about a verdict.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Give everyone the treatment.
    Ship,
    /// Give everyone the control.
    KeepControl,
    /// Keep the simpler variant.
    KeepSimpler,
    /// Wait for more units.
    Wait,
    /// Find out what is wrong.
    Investigate,
}

impl Verdict {
    /// Returns what to do.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Withheld { .. } | Self::NoData { .. } => Advice::Investigate,
            Self::NotEnoughData { .. } | Self::GuardrailNotShown { .. } => Advice::Wait,
            Self::RegressionFound { .. } | Self::KeepControl => Advice::KeepControl,
            Self::Ship => Advice::Ship,
            Self::SignificantButSmall | Self::Equivalent | Self::Inconclusive => Advice::KeepSimpler,
        }
    }

    /// Returns it in two or three words.
    pub const fn headline(&self) -> &'static str {
        match self {
            Self::Withheld { .. } => "Result withheld",
            Self::NoData { .. } => "No data",
            Self::NotEnoughData { .. } => "Not enough data",
            Self::RegressionFound { .. } => "Regression found",
            Self::Ship => "Ship",
            Self::GuardrailNotShown { .. } => "Guardrail not shown",
            Self::KeepControl => "Keep the control",
            Self::SignificantButSmall => "Significant, but small",
            Self::Equivalent => "Equivalent",
            Self::Inconclusive => "Inconclusive",
        }
    }
}
