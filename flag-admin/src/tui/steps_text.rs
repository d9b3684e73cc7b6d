//! The steps of a rollout as one line that is quick to edit: `1% 5%@1d 25%@3d! 100%@7d soak=12h`.

use flag_core::Share;

use crate::rollout::{Schedule, Span, Step};

/// How long a step lasts at least, where the line does not say.
const SOAK: Span = Span::hours(24);
const SOAK_WORD: &str = "soak=";

/// Returns the line of a schedule.
pub(super) fn text_of(schedule: &Schedule) -> String {
    let mut words: Vec<String> = schedule
        .steps()
        .iter()
        .map(|step| {
            let after = if step.after.millis() == 0 { String::new() } else { format!("@{}", step.after) };
            format!("{}{after}{}", step.share, if step.approval { "!" } else { "" })
        })
        .collect();
    if schedule.soak() != SOAK {
        words.push(format!("{SOAK_WORD}{}", schedule.soak()));
    }
    words.join(" ")
}

/// Reads a line, or says what is wrong with it. A schedule that has a name keeps it.
pub(super) fn read(text: &str) -> Result<Schedule, String> {
    let named = Schedule::NAMES.iter().filter_map(|name| Schedule::named(name));
    let (mut steps, mut soak): (Vec<Step>, Span) = (Vec::new(), SOAK);
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        if let Some(span) = word.strip_prefix(SOAK_WORD) {
            soak = span.parse().map_err(|error| format!("{error}"))?;
            continue;
        }
        let (word, approval) = word.strip_suffix('!').map_or((word, false), |word| (word, true));
        let (share, after) = word.split_once('@').map_or((word, None), |(share, after)| (share, Some(after)));
        let share: Share = share.parse().map_err(|error| format!("step {}: {error}", steps.len().saturating_add(1)))?;
        let after = match (after, steps.last()) {
            (Some(after), _) => {
                after.parse().map_err(|error| format!("step {}: {error}", steps.len().saturating_add(1)))?
            }
            (None, None) => Span::hours(0),
            (None, Some(_)) => {
                let place = steps.len().saturating_add(1);
                return Err(format!(
                    "step {place} says not when, expected such as {share}@2d: two days after the start"
                ));
            }
        };
        steps.push(Step { share, after, approval });
    }
    let schedule = Schedule::of_steps("custom", steps, soak).map_err(|error| error.to_string())?;
    let is_same = |named: &Schedule| named.steps() == schedule.steps() && named.soak() == schedule.soak();
    let named = named.into_iter().find(is_same);
    Ok(named.unwrap_or(schedule))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn named_schedules_survive_their_line() {
        for name in Schedule::NAMES {
            let schedule = Schedule::named(name).unwrap();
            assert_eq!(read(&text_of(&schedule)).unwrap(), schedule);
        }
        assert_eq!(text_of(&Schedule::named("accelerated").unwrap()), "10% 50%@24h 100%@2d");
    }

    #[test]
    fn a_line_of_ones_own_is_read_and_written() {
        let line = "1% 25%@1d! 100%@1w soak=12h";
        let schedule = read(line).unwrap();
        assert_eq!(schedule.name(), "custom");
        assert!(schedule.steps()[1].approval);
        assert_eq!(read(&text_of(&schedule)).unwrap(), schedule);
    }

    #[test]
    fn e08_a_step_that_is_wrong_is_named() {
        for (line, message) in [
            ("", "the schedule has no steps"),
            ("5% 1%@1d", "step 2 (1%) is not above step 1 (5%)"),
            ("1% 5%", "step 2 says not when, expected such as 5%@2d: two days after the start"),
            ("1% 5%@2d 9%@1d", "step 3 is at 24h after the start, not later than step 2 at 2d"),
            ("0%", "step 1 exposes nobody, expected a share above 0%"),
            ("1% x@1d", "step 2: share \"x\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
        ] {
            assert_eq!(read(line).unwrap_err(), message, "{line}");
        }
    }
}
