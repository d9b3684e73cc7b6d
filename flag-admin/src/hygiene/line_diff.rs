//! The lines in which two texts differ.

/// How many equal lines are shown around a difference.
const CONTEXT: usize = 2;

/// Returns the lines of one stretch that covers every difference, each with `-`, `+` or a space in front, after a line `@@ LINE @@` with
/// the number of its first line in `before`. Nothing where the texts are equal.
pub fn line_diff(before: &str, after: &str) -> Vec<String> {
    if before == after {
        return Vec::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (before.split('\n').collect(), after.split('\n').collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let left = old.len().min(new.len()).saturating_sub(same);
    let tail = old.iter().rev().zip(new.iter().rev()).take(left).take_while(|(old, new)| old == new).count();
    let first = same.saturating_sub(CONTEXT);
    let mut lines = vec![format!("@@ {} @@", first + 1)];
    let between = |lines: &[&str], from: usize, to: usize, sign: char| {
        let shown = lines.iter().take(to).skip(from);
        shown.map(|line| format!("{sign}{line}")).collect::<Vec<_>>()
    };
    let (old_end, new_end) = (old.len().saturating_sub(tail), new.len().saturating_sub(tail));
    lines.extend(between(&old, first, same, ' '));
    lines.extend(between(&old, same, old_end, '-'));
    lines.extend(between(&new, same, new_end, '+'));
    lines.extend(between(&old, old_end, old_end + CONTEXT.min(tail), ' '));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_one_stretch_with_lines_around() {
        for (before, after, lines) in [
            ("a\nb\nc\nd\ne", "a\nb\nX\nd\ne", vec!["@@ 1 @@", " a", " b", "-c", "+X", " d", " e"]),
            ("a\nb\nc\nd\n", "a\nb\nc\nd\nz\n", vec!["@@ 3 @@", " c", " d", "+z", " "]),
            ("", "a\n", vec!["@@ 1 @@", "+a", " "]),
            ("a\na\n", "a\n", vec!["@@ 1 @@", " a", "-a", " "]),
            ("a", "a", vec![]),
        ] {
            assert_eq!(line_diff(before, after), lines, "{before:?} {after:?}");
        }
    }
}
