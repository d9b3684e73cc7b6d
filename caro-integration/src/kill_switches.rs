use crate::Features;
use crate::flags;

/// The capabilities that an emergency can take away, and whether one has.
///
/// One that is on anywhere is on: in the snapshot, in an emergency document, in a file, in `CARO_KILL`. Nothing takes another place's kill
/// away. Each capability is a flag too, `telemetry` and so on, and where that is off for this machine, for instance because it was
/// published as disabled, so is the capability. The default is that nothing is disabled.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct KillSwitches {
    /// All of telemetry is off, for privacy incidents.
    pub telemetry_disabled: bool,
    /// Every language model is off, for quality incidents.
    pub llm_backends_disabled: bool,
    /// No command is run, for safety incidents.
    pub command_execution_disabled: bool,
}

impl KillSwitches {
    /// Returns the kill switches as they stand now.
    pub fn load(features: &Features) -> Self {
        // A kill turns its flag off, whatever else is set.
        Self {
            telemetry_disabled: !features.is_enabled(flags::TELEMETRY),
            llm_backends_disabled: !features.is_enabled(flags::LLM_BACKENDS),
            command_execution_disabled: !features.is_enabled(flags::COMMAND_EXECUTION),
        }
    }

    /// Tells whether a capability is off: `telemetry`, `llm_backends` or `command_execution`, with or without `_disabled` behind it. Of
    /// anything else it is not.
    pub fn is_disabled(&self, capability: &str) -> bool {
        match capability.strip_suffix(DISABLED).unwrap_or(capability) {
            TELEMETRY => self.telemetry_disabled,
            LLM_BACKENDS => self.llm_backends_disabled,
            COMMAND_EXECUTION => self.command_execution_disabled,
            _ => false,
        }
    }
}

const TELEMETRY: &str = flags::TELEMETRY.key();
const LLM_BACKENDS: &str = flags::LLM_BACKENDS.key();
const COMMAND_EXECUTION: &str = flags::COMMAND_EXECUTION.key();

/// What may stand behind a capability's name where its kill switch is meant.
pub(crate) const DISABLED: &str = "_disabled";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_asked_for_in_both_spellings() {
        let telemetry = KillSwitches { telemetry_disabled: true, ..KillSwitches::default() };
        let llm_backends = KillSwitches { llm_backends_disabled: true, ..KillSwitches::default() };
        let execution = KillSwitches { command_execution_disabled: true, ..KillSwitches::default() };
        for (name, expected) in [
            ("telemetry", [true, false, false]),
            ("telemetry_disabled", [true, false, false]),
            ("llm_backends", [false, true, false]),
            ("llm_backends_disabled", [false, true, false]),
            ("command_execution", [false, false, true]),
            ("command_execution_disabled", [false, false, true]),
            ("telemetry_disabled_disabled", [false, false, false]),
            ("_disabled", [false, false, false]),
            ("command_history", [false, false, false]),
            ("", [false, false, false]),
        ] {
            assert_eq!([telemetry, llm_backends, execution].map(|kills| kills.is_disabled(name)), expected, "{name:?}");
        }
    }
}
