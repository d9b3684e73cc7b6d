use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Paragraph;

use super::{audit, detail};
use crate::tui::age::ago;
use crate::tui::facts::FlagFacts;
use crate::tui::layout::{Panes, inside, panes};
use crate::tui::listing::{Sort, View};
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::{Pane, draw_filter, draw_selected};
use crate::tui::widgets::popup::draw_rows;
use crate::tui::widgets::share_bar::share_bar;
use crate::tui::words;

/// The columns of a bar.
const BAR: u16 = 7;

/// A column of the list. The state's is never left out.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Column {
    State,
    Flag,
    Kind,
    Stage,
    Rollout,
    Changed,
}

impl Column {
    /// In the order in which they stand.
    const ALL: [Self; 6] = [Self::State, Self::Flag, Self::Kind, Self::Stage, Self::Rollout, Self::Changed];
    /// In the order in which they give way.
    const GIVING_WAY: [Self; 4] = [Self::Stage, Self::Kind, Self::Changed, Self::Rollout];

    const fn title(self) -> &'static str {
        match self {
            Self::State => "State",
            Self::Flag => "Flag",
            Self::Kind => "Kind",
            Self::Stage => "Stage",
            Self::Rollout => "Rollout",
            Self::Changed => "Changed",
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::State => 12,
            Self::Flag => 24,
            Self::Kind | Self::Stage => 11,
            Self::Rollout => 16,
            Self::Changed => 9,
        }
    }
}

/// Returns the columns that fit, with their widths. What is left over goes to the flag's key.
fn columns(available: usize) -> Vec<(Column, usize)> {
    let mut shown: Vec<Column> = Column::ALL.to_vec();
    let needed = |shown: &[Column]| {
        shown.iter().map(|column| column.width()).sum::<usize>().saturating_add(shown.len().saturating_sub(1))
    };
    for gone in Column::GIVING_WAY {
        if needed(&shown) <= available {
            break;
        }
        shown.retain(|column| *column != gone);
    }
    let rest = available.saturating_sub(needed(&shown));
    let missing = needed(&shown).saturating_sub(available);
    let width = |column: Column| match column {
        Column::Flag => column.width().saturating_add(rest.min(24)).saturating_sub(missing).max(1),
        other => other.width(),
    };
    shown.into_iter().map(|column| (column, width(column))).collect()
}

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let Panes { list, preview, latest } = panes(model.class(), body);
    draw_list(model, theme, list, frame);
    if preview.width > 0 {
        let columns = usize::from(inside(preview).width).saturating_sub(2);
        let rows = detail::preview(model, columns);
        let hidden = rows.len().saturating_sub(usize::from(inside(preview).height));
        let foot = (hidden > 0).then(|| format!("{hidden} more, Enter"));
        let text = Pane { title: "Preview", foot: foot.as_deref() }.draw(theme, preview, frame);
        draw_rows(&rows, 0, theme, text, frame);
    }
    if latest.width > 0 {
        let text = Pane { title: "Latest changes", foot: Some("4 shows all") }.draw(theme, latest, frame);
        let rows = audit::rows(model, usize::from(text.width), usize::from(text.height));
        draw_rows(&rows, 0, theme, text, frame);
    }
}

fn draw_list(model: &Model, theme: &Theme, pane: Rect, frame: &mut Frame<'_>) {
    let all = model.facts.flags.len();
    let found = model.shown.len();
    let mut title = if found == all { format!("Flags {all}") } else { format!("Flags {found} of {all}") };
    if model.view != View::All {
        title = format!("{title}, view {}", model.view.title());
    }
    if model.sort != Sort::Key {
        title = format!("{title}, by {}", model.sort.title());
    }
    let height = usize::from(inside(pane).height).saturating_sub(1);
    let below = found.saturating_sub(model.top.saturating_add(height));
    let foot = (below > 0).then(|| format!("{below} more below"));
    let mut text = Pane { title: &title, foot: foot.as_deref() }.draw(theme, pane, frame);
    if model.filtering || !model.filter.is_empty() {
        draw_filter(&model.filter, model.filtering, theme, pane, frame);
    }
    if model.shown.is_empty() {
        let rows = empty(model).into_iter().flat_map(|row| row.wrap(usize::from(text.width), 0)).collect::<Vec<_>>();
        draw_rows(&rows, 0, theme, text, frame);
        return;
    }
    let columns = columns(usize::from(text.width));
    let cells: Vec<String> = columns.iter().map(|(column, width)| fit(column.title(), *width)).collect();
    let heading = Row::of(Meaning::Muted, cells.join(" "));
    frame.render_widget(Paragraph::new(heading.line(theme)), Rect { height: 1, ..text });
    text.y = text.y.saturating_add(1);
    text.height = text.height.saturating_sub(1);
    for (y, flag) in (text.y..text.y.saturating_add(text.height)).zip(model.visible().skip(model.top)) {
        let row = flag_row(model, flag, &columns, theme);
        let area = Rect { y, height: 1, ..text };
        if model.selected.as_ref() == Some(&flag.key) {
            draw_selected(&row, theme, area, frame);
            if !model.filtering && model.dialog.is_none() {
                // Readers of the screen follow the cursor.
                frame.set_cursor_position(Position { x: area.x, y });
            }
        } else {
            frame.render_widget(Paragraph::new(row.line(theme)), area);
        }
    }
}

fn empty(model: &Model) -> Vec<Row> {
    if model.facts.flags.is_empty() {
        return vec![
            Row::plain("There are no flags yet."),
            Row::new(),
            Row::plain("Write them into a file and apply it: ").and(Meaning::Key, "flag-admin apply -f flags.toml"),
            Row::of(Meaning::Muted, "They appear here by themselves."),
        ];
    }
    if model.filter.is_empty() {
        return vec![
            Row::plain(model.view.empty()),
            Row::of(Meaning::Key, "v").and(Meaning::Text, " goes on to the next view."),
        ];
    }
    vec![
        Row::plain(format!("No flag matches \"{}\".", model.filter.text())),
        Row::of(Meaning::Key, "\\")
            .and(Meaning::Text, " shows all flags, ")
            .and(Meaning::Key, "/")
            .and(Meaning::Text, " changes the filter."),
    ]
}

fn flag_row(model: &Model, flag: &FlagFacts, columns: &[(Column, usize)], theme: &Theme) -> Row {
    let wire = &flag.definition.flag;
    let mut row = Row::new();
    for (place, (column, width)) in columns.iter().enumerate() {
        if place > 0 {
            row = row.and(Meaning::Text, " ");
        }
        row = match column {
            Column::State => {
                let state = format!("{} {}", theme.glyph(flag.phase), flag.phase.as_str());
                row.and(Meaning::State(flag.phase), fit(&state, *width))
            }
            Column::Flag => row.and(Meaning::Text, fit(flag.key.as_str(), *width)),
            Column::Kind => row.and(Meaning::Muted, fit(words::kind(wire.kind), *width)),
            Column::Stage => row.and(Meaning::Muted, fit(words::stage(wire.stage), *width)),
            Column::Rollout => row.join(rollout(flag, *width, theme)),
            Column::Changed => row.and(Meaning::Muted, fit(&ago(model.now, flag.changed), *width)),
        };
    }
    row
}

/// Returns the bar and the share of what the fallthrough exposes, with a mark for rules that come before it.
fn rollout(flag: &FlagFacts, columns: usize, theme: &Theme) -> Row {
    // What is killed reaches nobody, whatever its rollout says.
    let share =
        if flag.phase == crate::app::RolloutPhase::Killed { Some(flag_core::Share::NOBODY) } else { flag.share };
    let Some(share) = share else {
        let variant = flag.definition.flag.fallthrough.variant.as_deref().unwrap_or_default();
        return Row::plain(fit(variant, columns));
    };
    let rest = columns.saturating_sub(usize::from(BAR));
    let rules = match flag.rules() {
        0 => String::new(),
        count => format!(" +{count}r"),
    };
    let text = format!("{:>5}{rules}", share.to_string());
    // A number that is cut off would be another number: rather the spaces go.
    let text = if text.len() > rest { text.replace(' ', "") } else { text };
    share_bar(share, BAR, theme).and(Meaning::Text, fit(&text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_give_way_in_order_and_the_state_stays() {
        let names = |available| columns(available).into_iter().map(|(column, _)| column.title()).collect::<Vec<_>>();
        for (available, expected) in [
            (200, vec!["State", "Flag", "Kind", "Stage", "Rollout", "Changed"]),
            (88, vec!["State", "Flag", "Kind", "Stage", "Rollout", "Changed"]),
            (87, vec!["State", "Flag", "Kind", "Rollout", "Changed"]),
            (75, vec!["State", "Flag", "Rollout", "Changed"]),
            (54, vec!["State", "Flag", "Rollout"]),
            (40, vec!["State", "Flag"]),
            (5, vec!["State", "Flag"]),
        ] {
            assert_eq!(names(available), expected, "{available} columns");
        }
    }
}
