use std::fmt::Display;

use super::outcome::{Ending, Outcome};

/// Says in sentences what a simulation comes to, the most important thing first.
pub fn verdict(outcome: &Outcome) -> Vec<String> {
    let Outcome { runs, healthy, endings, alarmed, missed, .. } = outcome;
    let stopped: usize = endings.iter().filter(|(ending, _)| ending.is_alarm()).map(|(_, number)| number).sum();
    let of = |ending: Ending| endings.get(&ending).copied().unwrap_or(0);
    let mut told = Vec::new();
    if *healthy {
        told.push(match stopped {
            0 => format!("A healthy flag is left alone: in none of {runs} runs was there a false alarm."),
            stopped => format!("A healthy flag is stopped by a false alarm in {stopped} of {runs} runs."),
        });
        if let Some(days) = outcome.days_to_complete {
            told.push(format!(
                "In {} of {runs} runs it reaches everyone, as a rule on day {:.0}.",
                of(Ending::Completed),
                days.median
            ));
        }
    } else {
        told.push(match (stopped, alarmed) {
            (stopped, _) if stopped == *runs => {
                format!("A flag as sick as this is caught in every one of {runs} runs.")
            }
            (0, _) => format!("A flag as sick as this is never caught in {runs} runs."),
            (stopped, alarmed) => {
                format!("A flag as sick as this is caught in {stopped} of {runs} runs ({:.0} %).", alarmed * 100.0)
            }
        });
        if let (Some(hours), Some(reports)) = (outcome.hours_to_alarm, outcome.reports_to_alarm) {
            told.push(format!(
                "As a rule that takes {} and {} reports.",
                lasting(hours.median),
                grouped(reports.median)
            ));
        }
        if missed.is_some_and(|missed| missed > 0.0) {
            told.push(format!("In {} runs it reaches everyone all the same.", of(Ending::Completed)));
        }
    }
    if let Some(harmed) = outcome.harmed {
        let when = if *healthy { "Along the way" } else { "Until then" };
        told.push(format!("{when} an error hits about {} people.", grouped(harmed.median)));
    }
    let waits = of(Ending::Inconclusive) + of(Ending::NoEvidence);
    if waits > 0 {
        told.push(format!("In {waits} runs too little was reported to tell, and it waits for somebody."));
    }
    told
}

/// Returns a span of hours in words: days, where there are two or more.
fn lasting(hours: f64) -> String {
    if hours < 48.0 { format!("{hours:.0} hours") } else { format!("{:.1} days", hours / 24.0) }
}

/// Returns a number, rounded to a whole one and not below 0, with a comma between thousands.
pub fn grouped(number: impl Display) -> String {
    let digits = format!("{number:.0}");
    let first = digits.len() % 3;
    let comma = |place: usize| place > 0 && place % 3 == first;
    digits.chars().enumerate().fold(String::new(), |mut text, (place, digit)| {
        if comma(place) {
            text.push(',');
        }
        text.push(digit);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_read_at_a_glance() {
        let numbers = [0.0, 7.4, 999.0, 1_000.0, 12_345.0].map(grouped);
        assert_eq!(numbers, ["0", "7", "999", "1,000", "12,345"]);
        assert_eq!(grouped(1_234_567_u64), "1,234,567");
        assert_eq!([5.2, 47.0, 101.0].map(lasting), ["5 hours", "47 hours", "4.2 days"]);
    }
}
