//! Kills: the union of every layer's. A layer can add one and never take away another's.

use serde::Serialize;

use crate::decision::Origin;

/// A kill that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KillInForce {
    /// The flag or capability that is off.
    pub target: Box<str>,
    /// Who killed it, and where.
    pub origin: Origin,
}

/// The ending that names a capability by its kill switch: `telemetry_disabled` is the switch of `telemetry`.
const SWITCH_ENDING: &str = "_disabled";

/// Returns what a name kills: the flag of that name if there is one, else the capability whose kill switch has that name.
pub(crate) fn target_of(name: &str, is_flag: impl FnOnce(&str) -> bool) -> &str {
    match name.strip_suffix(SWITCH_ENDING) {
        Some(capability) if !capability.is_empty() && !is_flag(name) => capability,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_switch_and_its_capability_are_one() {
        let table = [
            ("telemetry", "telemetry"),
            ("telemetry_disabled", "telemetry"),
            ("telemetry_disabled_disabled", "telemetry_disabled"),
            ("ads_disabled", "ads_disabled"),
            ("_disabled", "_disabled"),
            ("disabled", "disabled"),
            ("", ""),
        ];
        for (name, target) in table {
            assert_eq!(target_of(name, |name| name == "ads_disabled"), target, "{name:?}");
        }
    }
}
