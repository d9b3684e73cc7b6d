/// How wide a line may be: what every terminal has.
pub(crate) const WIDTH: usize = 80;

const GAP: usize = 2;

/// Lays out rows in columns as wide as their widest cell, the first row being the heading. The cell in `elastic` gives way where the line
/// would be wider than [`WIDTH`]; lines end without spaces.
pub(crate) fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]], elastic: usize) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let total = widths.iter().sum::<usize>() + GAP * COLUMNS.saturating_sub(1);
    if let Some(width) = widths.get_mut(elastic) {
        let heading = rows.first().and_then(|row| row.get(elastic)).map_or(0, |cell| cell.chars().count());
        *width = width.saturating_sub(total.saturating_sub(WIDTH)).max(heading);
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let cell = shortened(cell, *width);
            let padding = width + GAP - cell.chars().count().min(width + GAP);
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', padding));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shortened(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    // The end of a place is its line, the part that differs.
    let kept = width.saturating_sub(3);
    let skipped = cell.chars().count().saturating_sub(kept);
    std::iter::repeat_n('.', width.min(3)).chain(cell.chars().skip(skipped)).collect()
}

/// Breaks text at spaces into lines of at most [`WIDTH`], those after the first indented. A word that is longer stays whole.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    broken(text, 0, indent)
}

/// The same with the first line indented, too.
pub(crate) fn indented(text: &str, indent: usize) -> String {
    broken(text, indent, indent)
}

fn broken(text: &str, first: usize, others: usize) -> String {
    let mut lines = " ".repeat(first);
    let mut column = first;
    let mut at_start = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if at_start {
            column += length;
        } else if column + 1 + length > WIDTH {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', others));
            column = others + length;
        } else {
            lines.push(' ');
            column += 1 + length;
        }
        at_start = false;
        lines.push_str(word);
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<const COLUMNS: usize>(rows: &[[&str; COLUMNS]]) -> Vec<[String; COLUMNS]> {
        rows.iter().map(|row| row.map(str::to_owned)).collect()
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be_and_lines_end_without_spaces() {
        let laid_out = table(&rows(&[["Name", "State", "Place"], ["long_name", "on", ""], ["x", "off", "here"]]), 2);
        assert_eq!(laid_out, "Name       State  Place\nlong_name  on\nx          off    here\n");
    }

    #[test]
    fn the_elastic_column_gives_way_and_keeps_the_end_of_its_cells() {
        let name = "n".repeat(60);
        let laid_out = table(&rows(&[["Name", "Place", "May"], [&name, "a_very_long_file_name.toml:14", "off"]]), 1);
        // 60 letters of the name, two gaps and three letters of the last column leave 13 for the place.
        let lines: Vec<&str> = laid_out.lines().collect();
        let padding = " ".repeat(56);
        assert_eq!(lines, [format!("Name{padding}  Place          May"), format!("{name}  ...me.toml:14  off")]);
        assert!(laid_out.lines().all(|line| line.chars().count() <= WIDTH), "{laid_out}");
    }

    #[test]
    fn text_is_broken_at_spaces_and_long_words_stay_whole() {
        let word = "w".repeat(90);
        assert_eq!(wrapped("one two", 2), "one two\n");
        assert_eq!(wrapped(&format!("one {word} two"), 2), format!("one\n  {word}\n  two\n"));
        let eighty = format!("{} {}", "a".repeat(40), "b".repeat(39));
        assert_eq!(wrapped(&eighty, 2), format!("{eighty}\n"));
        assert_eq!(wrapped(&format!("{eighty} c"), 4), format!("{eighty}\n    c\n"));
        assert_eq!(wrapped("", 2), "\n");
        assert_eq!(indented("one two", 2), "  one two\n");
        assert_eq!(indented(&eighty, 2), format!("  {}\n  {}\n", "a".repeat(40), "b".repeat(39)));
    }
}
