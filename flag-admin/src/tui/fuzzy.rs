//! How well a text fits what somebody types of it.

/// A letter that begins a word.
const START: i32 = 8;
/// A letter right after the one before it.
const NEXT: i32 = 6;
/// A letter that was passed over.
const GAP: i32 = 1;

/// Returns how well `text` fits, the more the better, if every letter of `wanted` stands in it in order. Case does not count.
pub(super) fn score(wanted: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let wanted: Vec<char> = wanted.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let Some(first) = wanted.first() else { return Some(0) };
    // The best start is not always the first: each is tried.
    let starts = text.iter().enumerate().filter(|(_, c)| *c == first).map(|(place, _)| place);
    let length = i32::try_from(text.len()).unwrap_or(i32::MAX);
    starts
        .filter_map(|start| from(&wanted, &text, start))
        .max()
        .map(|score| score.saturating_mul(16).saturating_sub(length))
}

fn from(wanted: &[char], text: &[char], start: usize) -> Option<i32> {
    let mut score = 0_i32;
    let mut last: Option<usize> = None;
    let mut place = start;
    for letter in wanted {
        let found = text.iter().skip(place).position(|c| c == letter)?.saturating_add(place);
        let before = found.checked_sub(1).and_then(|before| text.get(before));
        if before.is_none_or(|c| !c.is_alphanumeric()) {
            score = score.saturating_add(START);
        }
        if let Some(last) = last {
            let gap = i32::try_from(found.saturating_sub(last).saturating_sub(1)).unwrap_or(i32::MAX);
            score = if gap == 0 { score.saturating_add(NEXT) } else { score.saturating_sub(gap.saturating_mul(GAP)) };
        }
        last = Some(found);
        place = found.saturating_add(1);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_stand_in_order_and_the_closest_text_wins() {
        for (wanted, texts) in [
            ("tcs", &["telemetry_cloud_sync", "two_clocks"][..]),
            ("kill", &["kill", "kill switches", "knowing little"]),
            ("hist", &["history", "command_history"]),
            ("cs", &["command_sync", "classic"]),
        ] {
            let scores: Vec<_> = texts.iter().map(|text| score(wanted, text)).collect();
            assert!(scores.is_sorted_by(|one, other| one >= other), "{wanted}: {scores:?}");
        }
        assert_eq!(score("xyz", "telemetry"), None);
        assert_eq!(score("yt", "telemetry_"), None);
        assert_eq!(score("", "anything"), Some(0));
        assert!(score("TELE", "telemetry").is_some());
    }
}
