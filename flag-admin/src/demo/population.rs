//! Simulated installations: the same for ever, drawn from their number alone.

use flag_core::Attributes;

/// One simulated installation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Installation {
    pub(super) id: String,
    pub(super) attributes: Attributes,
    /// Whether its user opted in wherever that is asked.
    pub(super) opted_in: bool,
}

/// What a draw decides, in percent of the installations.
const OPTED_IN: u8 = 30;
const CORE_TEAM: u8 = 5;
const SYSTEMS: [(u8, &str); 3] = [(45, "macos"), (90, "linux"), (100, "windows")];
const VERSIONS: [(u8, &str); 4] = [(10, "1.0.4"), (35, "1.1.0"), (80, "1.2.0"), (100, "1.3.0-beta.1")];

/// Returns the installation of a number.
pub(super) fn installation(number: u64) -> Installation {
    let digest = blake3::hash(format!("demo installation {number}").as_bytes());
    let mut drawn = digest.as_bytes().iter();
    // A byte is no even draw of a hundred, but the population is for looking at, not for measuring.
    let mut percent =
        || drawn.next().map_or(0, |byte| u8::try_from(u16::from(*byte).saturating_mul(100) / 256).unwrap_or(0));
    let pick = |percent: u8, of: &[(u8, &'static str)]| {
        of.iter().find(|(below, _)| percent < *below).or(of.last()).map_or("", |(_, name)| *name)
    };
    let os = pick(percent(), &SYSTEMS);
    let is_arm = percent() < if os == "macos" { 80 } else { 15 };
    let team = if percent() < CORE_TEAM { "core" } else { "none" };
    let version = pick(percent(), &VERSIONS);
    let opted_in = percent() < OPTED_IN;
    let attributes = Attributes::new()
        .with("os", os)
        .with("arch", if is_arm { "aarch64" } else { "x86_64" })
        .with("team", team)
        .with("app_version", version);
    Installation { id: format!("installation-{number}"), attributes, opted_in }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_the_same_for_ever() {
        let first = installation(0);
        assert_eq!(first, installation(0));
        assert_eq!(first.id, "installation-0");
        assert_ne!(first.attributes, installation(1).attributes);
    }

    #[test]
    fn parts_of_the_population_are_near_what_they_are_drawn_for() {
        let all: Vec<_> = (0..10_000).map(installation).collect();
        let with = |name: &str, value: &str| {
            all.iter().filter(|one| one.attributes.attribute(name) == Some(&value.into())).count()
        };
        assert!((4_300..4_800).contains(&with("os", "macos")));
        assert!((350..650).contains(&with("team", "core")));
        assert!((2_700..3_300).contains(&all.iter().filter(|one| one.opted_in).count()));
    }
}
