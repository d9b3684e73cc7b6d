//! Safety patterns. Those of version 1 always apply: nothing here takes one away, whatever a flag says.

use caro_integration::Flags;
use caro_integration::flags::ENHANCED_SAFETY_V2;

/// A text that a command must not contain, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: &'static str,
    /// What it would do.
    pub(crate) harm: &'static str,
}

const VERSION_1: [Pattern; 3] = [
    Pattern { text: "rm -rf /", harm: "it deletes everything" },
    Pattern { text: "mkfs", harm: "it formats a disk" },
    Pattern { text: "> /dev/sd", harm: "it overwrites a disk" },
];

const ADDED_BY_VERSION_2: [Pattern; 3] = [
    Pattern { text: "chmod -R 777", harm: "it lets everyone change the files" },
    Pattern { text: "| sh", harm: "it runs what it downloads, unseen" },
    Pattern { text: "git push --force", harm: "it overwrites other people's work" },
];

/// Returns the pattern that forbids a command, if one does.
pub(crate) fn forbidding(command: &str, flags: &impl Flags) -> Option<&'static Pattern> {
    let added: &[Pattern] = if flags.is_enabled(ENHANCED_SAFETY_V2.key()) { &ADDED_BY_VERSION_2 } else { &[] };
    VERSION_1.iter().chain(added).find(|pattern| command.contains(pattern.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Every(bool);

    impl Flags for Every {
        fn is_enabled(&self, _feature: &str) -> bool {
            self.0
        }
    }

    #[test]
    fn version_2_only_adds_patterns() {
        for Pattern { text, .. } in VERSION_1 {
            assert!(forbidding(text, &Every(false)).is_some(), "{text} without version 2");
            assert!(forbidding(text, &Every(true)).is_some(), "{text} with version 2");
        }
        for Pattern { text, .. } in ADDED_BY_VERSION_2 {
            assert_eq!(forbidding(text, &Every(false)), None, "{text} without version 2");
            assert!(forbidding(text, &Every(true)).is_some(), "{text} with version 2");
        }
        assert_eq!(forbidding("ls -la", &Every(true)), None);
    }
}
