//! Two variants compared: every installation says once, without a name, how its day went, and the declared rule decides.

use flag_client::Day;
use flag_core::Timestamp;

use super::{DemoError, Step, Walk};
use crate::app::{AppError, RolloutsError};

/// The flag whose variants are compared.
const FLAG: &str = "command_model_comparison";
/// Everyone takes part, in thousandths of a percent.
const STEP: u32 = 100_000;

impl Walk {
    /// Lets every installation report a day with the variant that it got, and asks what that comes to.
    pub(super) fn compared(&mut self) -> Result<Step, DemoError> {
        let unreadable = |error| AppError::from(RolloutsError::from(error));
        let mut cells = self.folder.cells()().map_err(unreadable)?;
        let texts = self.day_of_variants();
        let counted = self.report(&texts, &mut *cells)?;
        let mut results = vec![format!("{counted} anonymous reports came in")];
        let experiment =
            self.project.experiments(&self.environment)?.into_iter().find(|line| *line.flag.as_str() == *FLAG);
        if let Some(design) = experiment.and_then(|line| line.design) {
            let ever = Day::of(Timestamp::from_millis(0));
            let analysis = self.project.analyze_reports(&self.environment, design, &*cells, ever)?;
            results.push(format!("verdict: {}", analysis.verdict.headline()));
            results.extend(analysis.summary);
        }
        Ok(Step {
            title: "Compared two models, each on half of the installations".to_owned(),
            commands: vec![format!("flag-admin experiment analyze {FLAG}")],
            results,
        })
    }

    fn day_of_variants(&self) -> Vec<String> {
        let day = Day::of(self.project.now());
        let variants = self.client.variants(FLAG, &self.population);
        let reports = variants.iter().enumerate().map(|(number, variant)| {
            // In sixteenths, as reports have it. The larger model fails on every third machine, the smaller one on every fifth besides.
            let is_small = *variant == "control";
            let failed = u8::from(number % 3 == 0).saturating_add(u8::from(is_small && number % 5 == 0));
            let nonce = blake3::hash(format!("{FLAG} {day} {number}").as_bytes()).to_hex();
            format!(
                "{{\"v\":1,\"flag\":\"{FLAG}\",\"variant\":\"{variant}\",\"stage\":{STEP},\"day\":\"{day}\",\"first_in_stage\":1,\
                 \"had_error\":0,\"crashed\":0,\"err_frac\":0,\"slow_frac\":0,\"lat\":[[544,10]],\"fb_pos\":0,\"fb_neg\":0,\
                 \"metrics\":{{\"command_success_rate\":{}}},\"nonce\":\"{}\"}}",
                16_u8.saturating_sub(failed),
                nonce.get(..32).unwrap_or_default(),
            )
        });
        reports.collect()
    }
}
