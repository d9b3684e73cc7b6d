//! Breaking lines for a terminal, which would break them in the middle of words.

/// Returns how many letters of a text are seen: colours are not.
pub(super) fn seen(text: &str) -> usize {
    let mut escaped = false;
    text.chars()
        .filter(|c| {
            let counts = !escaped && *c != '\u{1b}';
            escaped = (escaped || *c == '\u{1b}') && *c != 'm';
            counts
        })
        .count()
}

/// Breaks a line at spaces into lines that are no wider than `width` as far as its words allow, each after the first behind `indent` spaces.
/// The spaces it begins with stay. Where the indent takes more than half of the width it is left out.
pub(super) fn lines(text: &str, width: usize, indent: usize) -> Vec<String> {
    let indent = if indent.saturating_mul(2) > width { 0 } else { indent };
    let words = text.trim_start_matches(' ');
    let mut line = " ".repeat(text.len().saturating_sub(words.len()));
    let mut lines = Vec::new();
    // Spaces that stand together are words without letters between them: columns are made of those.
    for (place, word) in words.split(' ').enumerate() {
        let fits = seen(&line).saturating_add(1).saturating_add(seen(word)) <= width;
        if place > 0 && !word.is_empty() && !fits {
            line.truncate(line.trim_end().len());
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if place > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole() {
        for (text, width, indent, broken) in [
            ("one two three", 20, 2, &["one two three"][..]),
            ("one two three", 13, 2, &["one two three"]),
            ("one two three", 12, 2, &["one two", "  three"]),
            ("  one two three", 9, 4, &["  one two", "    three"]),
            ("flag  on  told in words", 14, 6, &["flag  on  told", "      in words"]),
            ("incomprehensibilities end", 10, 2, &["incomprehensibilities", "  end"]),
            ("\u{1b}[1mone\u{1b}[0m two", 7, 0, &["\u{1b}[1mone\u{1b}[0m two"]),
            ("one two", 3, 2, &["one", "two"]),
            ("", 10, 2, &[""]),
        ] {
            assert_eq!(lines(text, width, indent), broken, "{text:?} {width}");
        }
    }
}
