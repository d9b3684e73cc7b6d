use serde::Serialize;

/// How one use of a flag's feature ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it should.
    Success,
    /// It failed.
    Error,
    /// It took the program, or the thread, down. Counts as an error, too.
    Crash,
}

/// What the user says about a feature.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Feedback {
    /// They like it.
    Good,
    /// They do not.
    Bad,
}

/// What became of something a host recorded. A host may ignore it: nothing else depends on it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recorded {
    /// It is on the disk, and survives the end of the process in whatever way.
    Kept,
    /// Nothing is recorded here: the host did not turn it on, the user did not consent to reports, or a kill stands against it.
    Off,
    /// It could not be kept. The first time, [`FlagClient::problems`](crate::FlagClient::problems) says why.
    Lost,
}

/// Whether the user agreed to anonymous reports.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// They did not. Nothing is recorded, kept or sent.
    #[default]
    Withheld,
    /// They did.
    Given,
}
