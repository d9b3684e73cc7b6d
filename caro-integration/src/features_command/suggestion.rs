/// Returns the candidate that `name` was probably meant to be: the nearest one, if it is near.
///
/// Hyphens count as underscores and capitals as small letters. Beyond that a third of the letters may be wrong, missing, too many, or in the
/// wrong order. A name that is near to none may be the beginning of exactly one, with a quarter of its letters wrong.
pub(crate) fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = normal(name);
    let mut beginnings = Vec::new();
    let mut nearest: Option<(usize, &str)> = None;
    for candidate in candidates {
        let known = normal(candidate);
        let Distance { whole, beginning } = distance(&name, &known);
        if whole <= name.len().max(known.len()) / 3 && nearest.is_none_or(|(best, _)| whole < best) {
            nearest = Some((whole, candidate));
        }
        if !name.is_empty() && beginning <= name.len() / 4 {
            beginnings.push(candidate);
        }
    }
    match (nearest, beginnings.as_slice()) {
        (Some((_, candidate)), _) | (None, &[candidate]) => Some(candidate),
        _ => None,
    }
}

fn normal(name: &str) -> Vec<char> {
    name.trim().chars().map(|letter| if letter == '-' { '_' } else { letter.to_ascii_lowercase() }).collect()
}

/// How far a name is from a candidate.
struct Distance {
    /// From all of it.
    whole: usize,
    /// From the beginning of it that is nearest.
    beginning: usize,
}

/// The optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours, each counted once.
/// Boytsov, "Indexing methods for approximate dictionary searching", ACM JEA 16 (2011), section 2.
fn distance(left: &[char], right: &[char]) -> Distance {
    let mut second_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX / 2);
    for (row, letter) in left.iter().enumerate() {
        let mut this = Vec::with_capacity(above.len());
        this.push(row + 1);
        for (column, other) in right.iter().enumerate() {
            let substituted = at(&above, column) + usize::from(letter != other);
            let mut least = substituted.min(at(&above, column + 1) + 1).min(at(&this, column) + 1);
            let swapped =
                row > 0 && column > 0 && left.get(row - 1) == Some(other) && right.get(column - 1) == Some(letter);
            if swapped {
                least = least.min(at(&second_above, column - 1) + 1);
            }
            this.push(least);
        }
        second_above = std::mem::replace(&mut above, this);
    }
    Distance { whole: at(&above, right.len()), beginning: above.iter().copied().min().unwrap_or(usize::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["telemetry_cloud_sync", "command_history", "command_model_comparison", "mlx_backend"];

    #[test]
    fn names_the_nearest_or_none() {
        for (given, meant) in [
            ("telemetry_cloud_snyc", Some("telemetry_cloud_sync")),
            ("telemetry-cloud-sync", Some("telemetry_cloud_sync")),
            ("Command_History", Some("command_history")),
            ("comand_histroy", Some("command_history")),
            ("telemetry", Some("telemetry_cloud_sync")),
            ("telemtry", Some("telemetry_cloud_sync")),
            ("mlx", Some("mlx_backend")),
            // The beginning of two names.
            ("command", None),
            ("dark_mode", None),
            ("", None),
        ] {
            assert_eq!(closest(given, NAMES), meant, "{given:?}");
        }
    }

    #[test]
    fn counts_a_swap_once() {
        for (left, right, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "acb", 1), ("abc", "xbc", 1), ("abc", "ab", 1)]
        {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&letters(left), &letters(right)).whole, expected, "{left:?} to {right:?}");
            assert_eq!(distance(&letters(right), &letters(left)).whole, expected, "{right:?} to {left:?}");
        }
    }
}
