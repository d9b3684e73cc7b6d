//! What is known, read from any bytes and led through any observations, for the fuzz targets.

use super::narrowing::{Event, Rules};
use super::store::Known;

/// Reads what is known and observes runs that crash (`true`) or end well. Returns the flags that are held back at the end, unless the
/// bytes are refused.
///
/// # Panics
///
/// What became of sound knowledge is not sound.
pub fn observe(bytes: &[u8], runs: &[bool]) -> Option<Vec<String>> {
    let mut suspicion = Known::from_json(bytes).ok()?.suspicion;
    let rules = Rules { crashes: 3, clean_runs: 10 };
    for crashed in runs {
        let step = suspicion.step;
        suspicion = suspicion.step(rules, if *crashed { Event::Crashed { step } } else { Event::Clean { step } });
        assert!(suspicion.is_sound(), "{suspicion:?}");
    }
    Some(suspicion.held().into_iter().map(str::to_owned).collect())
}
