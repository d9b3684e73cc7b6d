//! Anonymous reports: what a day's outcomes come to, one flag and step at a time.
//!
//! * A report says how one flag did on one machine on one day. It holds no id of the machine or its user, no time finer than the day, and
//!   nothing about other flags: together they would be an identifier.
//! * A day becomes reports when it is over. A report that was sent, refused or dropped is never made again.
//! * What is not sent within 30 days is dropped, and of more than 1,000 reports those of the earliest days.
//! * This is aggregation of anonymous reports, not differential privacy. A server sees the address that a report comes from, as every
//!   server does, and must not keep it; and anybody can send reports that are made up.

mod chance;
mod error;
mod form;
mod prepare;
#[cfg(feature = "remote")]
mod send;
mod spool;
#[cfg(test)]
mod tests;

pub use self::error::{FormError, ReportError};
pub use self::form::{MAX_REPORT_BYTES, Nonce, Report, Sixteenths, parse};
#[cfg(feature = "remote")]
pub use self::send::{SendFailure, SentReports};

use self::chance::{Chance, from_system};
use self::spool::{MAX_AGE_DAYS, Spool};
use crate::client::FlagClient;
use crate::durable_file::sibling;
use crate::outcomes::{Consent, Recorder, Wait, remove_file};

/// A report that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedReport {
    report: Report,
    bytes: Vec<u8>,
}

impl PreparedReport {
    fn of(report: Report) -> Self {
        Self { bytes: report.to_json(), report }
    }

    /// Returns what the report says.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Returns the bytes that are sent, all of them: one JSON object.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reading what was given to fuzzers and tests.
#[doc(hidden)]
pub fn parse_spool(bytes: &[u8]) -> Vec<u8> {
    Spool::parse(bytes).to_bytes()
}

/// Reports.
impl FlagClient {
    /// Returns the reports that wait to be sent, in random order. Days that are over become reports now; today's outcomes wait until today
    /// is over.
    pub fn pending_reports(&self) -> Result<Vec<PreparedReport>, ReportError> {
        let recorder = consenting(self)?;
        let chance = &mut Chance(&mut from_system);
        let mut reports = close_days(recorder, chance)?.reports;
        chance.shuffle(&mut reports)?;
        Ok(reports.into_iter().map(PreparedReport::of).collect())
    }

    /// Removes everything recorded and every report, with or without consent.
    pub fn clear_reports(&self) -> Result<(), ReportError> {
        let (recorder, _) = self.recorder().ok_or(ReportError::NotRecording)?;
        let files = recorder.files()?;
        if !files.folder().exists() {
            return Ok(());
        }
        files.excluding(Wait::Long, || {
            for day in files.days()? {
                files.remove(day)?;
            }
            let spool = Spool::path(files);
            // What a process that was killed while it wrote may have left.
            remove_file(&sibling(&spool, ".new"))?;
            Ok(remove_file(&spool)?)
        })?
    }

    /// Sets whether the user agrees to reports from now on. Withdrawing consent removes everything that was recorded.
    pub fn set_consent(&self, consent: Consent) -> Result<(), ReportError> {
        let (recorder, _) = self.recorder().ok_or(ReportError::NotRecording)?;
        recorder.set_consent(consent);
        match consent {
            Consent::Given => Ok(()),
            Consent::Withheld => self.clear_reports(),
        }
    }

    /// Returns whether the user agrees to reports and there is something to report.
    pub fn consent(&self) -> Consent {
        self.recorder().map_or(Consent::Withheld, |(recorder, _)| recorder.consent())
    }
}

fn consenting(client: &FlagClient) -> Result<&Recorder, ReportError> {
    let (recorder, _) = client.recorder().ok_or(ReportError::NotRecording)?;
    match (recorder.consent(), recorder.switched_off()) {
        (Consent::Withheld, _) => Err(ReportError::NoConsent),
        (Consent::Given, Some(capability)) => Err(ReportError::SwitchedOff { capability: capability.into() }),
        (Consent::Given, None) => Ok(recorder),
    }
}

/// Makes reports of the days that are over and returns the spool.
///
/// The spool that has a day's reports names the day as closed, and is written before the day's file is removed: killed in between, the
/// next run removes the file and makes no second reports. Outcomes that come for a closed day, from a clock that went back, are dropped.
fn close_days(recorder: &Recorder, chance: &mut Chance<'_>) -> Result<Spool, ReportError> {
    let files = recorder.files()?;
    if !files.folder().exists() {
        return Ok(Spool::default());
    }
    let today = recorder.today();
    files.excluding(Wait::Long, || {
        let mut spool = Spool::load(files)?;
        let mut over = Vec::new();
        let mut is_changed = spool.expire(today);
        for day in files.days()? {
            match today.days_since(day) {
                // A clock that runs fast may have passed midnight already.
                -1 | 0 => continue,
                age if !(0..=MAX_AGE_DAYS).contains(&age) || spool.is_closed(day) => {}
                _ => {
                    let cells = match files.read(day) {
                        Ok(cells) => cells,
                        Err(error) => {
                            recorder.lost(error);
                            continue;
                        }
                    };
                    let reports = prepare::reports(day, cells, |key| spool.count(key), chance)?;
                    spool.close(day, reports);
                    is_changed = true;
                }
            }
            over.push(day);
        }
        if is_changed {
            spool.save(files)?;
        }
        for day in over {
            // It is closed, and tried again the next time.
            if let Err(error) = files.remove(day) {
                recorder.lost(error);
            }
        }
        Ok(spool)
    })?
}
