/// Returns the name that a misspelt one most likely means: the nearest by insertions, deletions and replacements of letters, case aside.
/// `None` where none is near: up to half the letters may be wrong, at least one and at most three.
pub fn nearest<'n>(found: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let found = found.to_lowercase();
    let limit = (found.chars().count() / 2).clamp(1, 3);
    let candidates = names.into_iter().map(|name| (distance(&found, &name.to_lowercase()), name));
    candidates.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Returns the Levenshtein distance, by the usual rolling row.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (1..=to.len()).collect();
    for (deleted, letter) in from.chars().enumerate() {
        let (mut diagonal, mut left) = (deleted, deleted + 1);
        for (cell, other) in row.iter_mut().zip(&to) {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(from.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        for (from, to, letters) in
            [("", "", 0), ("", "ab", 2), ("ab", "", 2), ("stage", "stgae", 2), ("kitten", "sitting", 3), ("a", "a", 0)]
        {
            assert_eq!(distance(from, to), letters, "{from} {to}");
        }
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let names = ["kind", "stage", "rollout", "rules"];
        for (found, meant) in [
            ("rolout", Some("rollout")),
            ("Stage", Some("stage")),
            ("stgae", Some("stage")),
            ("rule", Some("rules")),
            ("percentage", None),
            ("x", None),
        ] {
            assert_eq!(nearest(found, names), meant, "{found}");
        }
    }
}
