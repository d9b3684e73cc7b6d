//! Whether a change takes a flag away from users. What their publisher turned down is never held back, for what was in force before it
//! would bring it back to them.

use flag_core::Value;
use flag_core::wire::{Flag, Serve};

/// All buckets of a lane, and so the share that means everyone.
const EVERYONE: u64 = 100_000;

/// Tells whether a later definition says that fewer users get something of a flag, or that nobody does:
///
/// * it is switched off, or serves off to everyone;
/// * its fallthrough, or the rule of the same id, exposes a smaller share or serves more of it off;
/// * a rule that served more than off is gone, or a new one serves nothing else;
/// * its own holdout grew.
///
/// Whom a condition, a segment or a group selects depends on the machine, and is not compared.
pub(super) fn is_turned_down(earlier: Option<&Flag>, later: &Flag) -> bool {
    let serves_off = |serve| Reach::of(later, serve).on == 0;
    if !later.enabled || (serves_off(&later.fallthrough) && later.rules.iter().all(|rule| serves_off(&rule.serve))) {
        return true;
    }
    let Some(earlier) = earlier else { return false };
    let lower = |before: &Serve, after: &Serve| Reach::of(later, after).is_below(Reach::of(earlier, before));
    let rule_before = |id: &str| earlier.rules.iter().find(|rule| *rule.id == *id);
    let is_gone = |id: &str| !later.rules.iter().any(|rule| *rule.id == *id);
    lower(&earlier.fallthrough, &later.fallthrough)
        || later.rules.iter().any(|rule| match rule_before(&rule.id) {
            Some(before) => lower(&before.serve, &rule.serve),
            None => serves_off(&rule.serve),
        })
        || earlier.rules.iter().any(|rule| is_gone(&rule.id) && Reach::of(earlier, &rule.serve).on > 0)
        || later.holdout > earlier.holdout
}

/// How many users something is served to.
#[derive(Copy, Clone, Debug)]
struct Reach {
    /// The share that is exposed, in buckets.
    exposed: u64,
    /// The share that is served more than off, in buckets of buckets.
    on: u64,
}

impl Reach {
    fn of(flag: &Flag, serve: &Serve) -> Self {
        let is_off = |id: &str| *id == *flag.off_variant || flag.variants.find(id) == Some(&Value::Bool(false));
        let whole = |id: &str| if is_off(id) { 0 } else { EVERYONE };
        let Some(exposure) = serve.exposure else {
            let exposed = serve.variant.as_deref().map_or(0, whole);
            return Self { exposed, on: exposed * EVERYONE };
        };
        let exposed = u64::from(exposure.thousandths());
        // Without an allocation the exposed get what is not off.
        let among_exposed = serve.allocation.as_ref().map_or(EVERYONE, |allocation| {
            let owned = allocation.iter().filter(|(id, _)| !is_off(id)).flat_map(|(_, ranges)| ranges);
            let buckets = owned.map(|range| u64::from(range.to.saturating_sub(range.from))).sum::<u64>();
            buckets.min(EVERYONE)
        });
        let among_others = serve.otherwise.as_deref().map_or(0, whole);
        Self { exposed, on: exposed * among_exposed + EVERYONE.saturating_sub(exposed) * among_others }
    }

    const fn is_below(self, other: Self) -> bool {
        self.exposed < other.exposed || self.on < other.on
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    fn flag(members: &str) -> Flag {
        serde_json::from_str(&format!("{{{members}}}")).unwrap()
    }

    const TO_SOME: &str =
        r#""rules":[{"id":"r","when":{"attribute":"os","operator":"equals","values":["linux"]},"serve":SERVE}]"#;

    fn ruled(fallthrough: &str, serve: &str) -> String {
        format!(r#""fallthrough":{fallthrough},{}"#, TO_SOME.replace("SERVE", serve))
    }

    #[test]
    fn less_for_somebody_is_turned_down_and_more_or_other_things_are_not() {
        let to_all = |serve: &str| format!(r#""fallthrough":{serve}"#);
        let choice = |serve: &str| {
            format!(
                r#""variants":{{"none":"","a":"a","b":"b"}},"off_variant":"none","fallthrough":{{"exposure":50000,{serve}}}"#
            )
        };
        let table = [
            (to_all("100000"), to_all("0"), true),
            (to_all("100000"), to_all("10000"), true),
            (to_all(r#""on""#), to_all("10000"), true),
            (to_all(r#""on""#), to_all(r#""off""#), true),
            (to_all("10000"), to_all("100000"), false),
            (to_all(r#""off""#), to_all("10000"), false),
            (to_all("10000"), to_all("10000") + r#","overridable":true"#, false),
            (to_all("10000"), to_all("10000") + r#","holdout":1000"#, true),
            (to_all("10000") + r#","holdout":1000"#, to_all("10000"), false),
            (to_all("10000"), to_all("10000") + r#","enabled":false"#, true),
            // A variant may come to off by its value, and off may become another variant.
            (to_all(r#""on""#), to_all(r#""on""#) + r#","variants":{"on":false,"off":false}"#, true),
            (to_all(r#""on""#), to_all(r#""on""#) + r#","off_variant":"on""#, true),
            // Rules.
            (ruled(r#""on""#, r#""on""#), ruled(r#""on""#, r#""off""#), true),
            (ruled("10000", "50000"), ruled("20000", "40000"), true),
            (ruled("10000", "50000"), ruled("20000", "60000"), false),
            (ruled("10000", r#""on""#), to_all("10000"), true),
            (ruled("10000", r#""off""#), to_all("10000"), false),
            (to_all("10000"), ruled("10000", r#""off""#), true),
            (to_all("10000"), ruled("10000", "1"), false),
            (ruled("10000", r#""on""#), ruled("10000", r#""on""#).replace("linux", "macos"), false),
            // Whom a split exposes may get off, and whom it does not may get more.
            (choice(r#""allocation":{"a":[[0,100000]]}"#), choice(r#""allocation":{"b":[[0,100000]]}"#), false),
            (
                choice(r#""allocation":{"a":[[0,100000]]}"#),
                choice(r#""allocation":{"a":[[0,90000]],"none":[[90000,100000]]}"#),
                true,
            ),
            (
                choice(r#""allocation":{"a":[[0,100000]]},"otherwise":"b""#),
                choice(r#""allocation":{"a":[[0,100000]]}"#),
                true,
            ),
        ];
        for (before, after, expected) in table {
            assert_eq!(is_turned_down(Some(&flag(&before)), &flag(&after)), expected, "{before} to {after}");
        }
    }

    #[test]
    fn of_a_new_flag_only_off_for_everyone_is_turned_down() {
        let table = [
            (r#""fallthrough":"off""#.to_owned(), true),
            (r#""fallthrough":0"#.to_owned(), true),
            (r#""fallthrough":1"#.to_owned(), false),
            (ruled("0", r#""off""#), true),
            (ruled("0", r#""on""#), false),
        ];
        for (members, expected) in table {
            assert_eq!(is_turned_down(None, &flag(&members)), expected, "{members}");
        }
    }
}
