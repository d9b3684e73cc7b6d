//! All that the dashboard knows. [`super::update`] changes it, [`super::view`] draws it.

use std::path::PathBuf;

use flag_core::{FlagKey, Timestamp};
use ratatui::layout::Rect;

use super::action::Action;
use super::facts::{Facts, FlagFacts};
use super::keymap::Place;
use super::layout::{Class, Parts, classify, inside, panes, parts};
use super::line_input::LineInput;
use super::prose::Row;
use super::screens::{confirm, detail, log, publish, share};
use super::theme::Meaning;
use super::widgets::help;
use super::widgets::notice::Notice;
use super::words;

/// The state of the dashboard.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) facts: Facts,
    pub(super) now: Timestamp,
    /// Columns and rows.
    pub(super) size: (u16, u16),
    /// By key, so that a list that changes under the cursor moves it to no other flag.
    pub(super) selected: Option<FlagKey>,
    /// The first flag of the list that is in sight.
    pub(super) top: usize,
    pub(super) filter: LineInput,
    pub(super) filtering: bool,
    /// The screens that were stepped into, outermost first. The list of flags is below them all.
    pub(super) screens: Vec<Screen>,
    pub(super) dialog: Option<Dialog>,
    pub(super) help: Option<help::Help>,
    /// A change whose confirmation opens once it is worked out.
    pub(super) awaited: Option<Action>,
    pub(super) notice: Option<Notice>,
    /// Whether the last key was an interrupt.
    pub(super) interrupted: bool,
    /// The folder that snapshots are published to, as far as it is known.
    pub(super) out: Option<PathBuf>,
}

/// A screen above the list of flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// Everything about the selected flag.
    Detail { scroll: usize },
    /// The log.
    Log { scroll: usize },
}

/// Something that is entered or confirmed.
#[derive(Clone, Debug)]
pub(super) enum Dialog {
    Share(share::ShareForm),
    Confirm(Box<confirm::Confirm>),
    Publish(publish::PublishForm),
}

impl Model {
    pub(super) fn new(facts: Facts, now: Timestamp, size: (u16, u16), out: Option<PathBuf>) -> Self {
        let mut model = Self {
            facts,
            now,
            size,
            selected: None,
            top: 0,
            filter: LineInput::default(),
            filtering: false,
            screens: Vec::new(),
            dialog: None,
            help: None,
            awaited: None,
            notice: None,
            interrupted: false,
            out,
        };
        model.settle();
        model
    }

    /// Returns where the keys act.
    pub(super) fn place(&self) -> Place {
        if self.help.is_some() { Place::Help } else { self.place_below_help() }
    }

    /// Returns where the keys act once help is closed.
    pub(super) fn place_below_help(&self) -> Place {
        match (&self.dialog, self.screens.last()) {
            (Some(Dialog::Share(_)), _) => Place::Share,
            (Some(Dialog::Confirm(_)), _) => Place::Confirm,
            (Some(Dialog::Publish(_)), _) => Place::Publish,
            (None, Some(Screen::Detail { .. })) => Place::Detail,
            (None, Some(Screen::Log { .. })) => Place::Log,
            (None, None) if self.filtering => Place::Filter,
            (None, None) => Place::Flags,
        }
    }

    pub(super) fn selected_flag(&self) -> Option<&FlagFacts> {
        self.selected.as_ref().and_then(|key| self.facts.flag(key))
    }

    /// Returns the flags that the filter lets through.
    pub(super) fn visible(&self) -> Vec<&FlagFacts> {
        let filter = self.filter.text().to_lowercase();
        let wanted: Vec<&str> = filter.split_whitespace().collect();
        self.facts.flags.iter().filter(|flag| wanted.iter().all(|word| matches(flag, word))).collect()
    }

    pub(super) const fn area(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.size.0, height: self.size.1 }
    }

    pub(super) const fn class(&self) -> Class {
        classify(self.size.0, self.size.1)
    }

    pub(super) fn parts(&self) -> Parts {
        let banner = u16::from(!self.facts.kills.is_empty());
        let status = self.status().len().clamp(1, 4);
        parts(self.area(), banner, u16::try_from(status).unwrap_or(1))
    }

    /// Returns what stands above the hints: a message, or how many flags there are.
    pub(super) fn status(&self) -> Vec<Row> {
        let columns = usize::from(self.size.0).saturating_sub(2);
        match &self.notice {
            Some(notice) => notice.rows(columns),
            None => vec![Row::of(Meaning::Muted, "")],
        }
    }

    /// Returns how many flags of the list are in sight.
    pub(super) fn page(&self) -> usize {
        let list = panes(self.class(), self.parts().body).list;
        // The list's own heading takes one row.
        usize::from(inside(list).height).saturating_sub(1).max(1)
    }

    /// Returns how many rows of a screen are in sight.
    pub(super) fn screen_page(&self) -> usize {
        usize::from(inside(self.parts().body).height).max(1)
    }

    /// Returns how many columns the text of a screen has.
    pub(super) fn screen_columns(&self) -> usize {
        usize::from(inside(self.parts().body).width).saturating_sub(2).max(1)
    }

    /// Brings selection and scrolling back to something that exists.
    pub(super) fn settle(&mut self) {
        let keys: Vec<FlagKey> = self.visible().iter().map(|flag| flag.key.clone()).collect();
        let known = |key: &FlagKey| keys.iter().position(|known| known == key);
        let place = self.selected.as_ref().and_then(|selected| {
            // A flag that is gone leaves the cursor with the one that follows it.
            known(selected).or_else(|| keys.iter().position(|key| key.as_str() > selected.as_str()))
        });
        let inside_screen = self.screens.iter().any(|screen| matches!(screen, Screen::Detail { .. }));
        let stays = inside_screen && self.selected_flag().is_some();
        let place = place.unwrap_or(keys.len().saturating_sub(1)).min(keys.len().saturating_sub(1));
        if !stays {
            self.selected = if self.selected.is_none() { keys.first() } else { keys.get(place) }.cloned();
            if inside_screen && self.selected.is_none() {
                self.screens.retain(|screen| !matches!(screen, Screen::Detail { .. }));
            }
        }
        let at = self.selected.as_ref().and_then(known).unwrap_or(0);
        let page = self.page();
        self.top = self.top.min(at).max(at.saturating_add(1).saturating_sub(page));
        self.top = self.top.min(keys.len().saturating_sub(page));
        self.settle_scroll();
    }

    fn settle_scroll(&mut self) {
        let (columns, page) = (self.screen_columns(), self.screen_page());
        let rows = match self.screens.last() {
            Some(Screen::Detail { .. }) => detail::rows(self, columns).len(),
            Some(Screen::Log { .. }) => log::rows(self, columns).len(),
            None => 0,
        };
        let furthest = rows.saturating_sub(page);
        if let Some(Screen::Detail { scroll } | Screen::Log { scroll }) = self.screens.last_mut() {
            *scroll = (*scroll).min(furthest);
        }
        let furthest = self.dialog_popup().map_or(0, |popup| popup.furthest(self.area()));
        match &mut self.dialog {
            Some(Dialog::Share(form)) => form.scroll = form.scroll.min(furthest),
            Some(Dialog::Confirm(confirm)) => confirm.scroll = confirm.scroll.min(furthest),
            Some(Dialog::Publish(form)) => form.scroll = form.scroll.min(furthest),
            None => {}
        }
        let furthest = self.help.as_ref().map_or(0, |help| help.popup().furthest(self.area()));
        if let Some(help) = &mut self.help {
            help.scroll = help.scroll.min(furthest);
        }
    }

    /// Returns what the open dialog shows.
    pub(super) fn dialog_popup(&self) -> Option<super::widgets::popup::Popup> {
        Some(match self.dialog.as_ref()? {
            Dialog::Share(form) => form.popup(self),
            Dialog::Confirm(confirm) => confirm.popup(self),
            Dialog::Publish(form) => form.popup(self),
        })
    }
}

fn matches(flag: &FlagFacts, word: &str) -> bool {
    let wire = &flag.definition.flag;
    let texts = [
        flag.key.as_str(),
        words::kind(wire.kind),
        words::stage(wire.stage),
        flag.phase.as_str(),
        flag.owner().unwrap_or_default(),
    ];
    texts.iter().any(|text| text.to_lowercase().contains(word))
}
