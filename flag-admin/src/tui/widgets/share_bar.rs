use flag_core::Share;

use crate::tui::prose::Row;
use crate::tui::theme::{Meaning, Theme};

/// Returns a bar of so many columns. It is empty for nobody alone, and full for everyone alone.
pub(in crate::tui) fn share_bar(share: Share, columns: u16, theme: &Theme) -> Row {
    let columns = u32::from(columns);
    let thousandths = share.thousandths();
    let filled = match share {
        Share::NOBODY => 0,
        Share::EVERYONE => columns,
        _ => (thousandths.saturating_mul(columns).saturating_add(50_000) / 100_000)
            .clamp(1, columns.saturating_sub(1).max(1)),
    };
    let draw = |text: &str, count: u32| text.repeat(usize::try_from(count).unwrap_or(0));
    Row::of(Meaning::BarFull, draw(theme.pick("█", "#"), filled))
        .and(Meaning::BarEmpty, draw(theme.pick("░", "-"), columns.saturating_sub(filled)))
}
