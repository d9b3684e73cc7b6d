use flag_core::Share;

use crate::tui::prose::Row;
use crate::tui::theme::{Meaning, Theme};

/// Returns a bar of so many columns. It is empty for nobody alone, and full for everyone alone.
pub(in crate::tui) fn share_bar(share: Share, columns: u16, theme: &Theme) -> Row {
    bar(share.thousandths(), Share::EVERYONE.thousandths(), columns, theme)
}

/// Returns a bar that is filled by a part of a whole. It is empty for none of it alone, and full for all of it alone.
pub(in crate::tui) fn bar(part: u32, whole: u32, columns: u16, theme: &Theme) -> Row {
    let columns = u32::from(columns);
    let filled = if part == 0 {
        0
    } else if part >= whole {
        columns
    } else {
        let rounded = part.saturating_mul(columns).saturating_add(whole / 2).checked_div(whole).unwrap_or(0);
        rounded.clamp(1, columns.saturating_sub(1).max(1))
    };
    let draw = |text: &str, count: u32| text.repeat(usize::try_from(count).unwrap_or(0));
    Row::of(Meaning::BarFull, draw(theme.pick("█", "#"), filled))
        .and(Meaning::BarEmpty, draw(theme.pick("░", "-"), columns.saturating_sub(filled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_empty_for_nobody_alone_and_full_for_everyone_alone() {
        for (thousandths, expected) in [
            (0, "-------"),
            (1, "#------"),
            (1_000, "#------"),
            (25_000, "##-----"),
            (50_000, "####---"),
            (99_000, "######-"),
            (99_999, "######-"),
            (100_000, "#######"),
        ] {
            let theme =
                Theme { palette: crate::tui::theme::Palette::Mono, characters: crate::tui::theme::Characters::Ascii };
            let drawn = bar(thousandths, 100_000, 7, &theme).line(&theme).to_string();
            assert_eq!(drawn, expected, "{thousandths} of 100000");
        }
    }
}
