//! All that the dashboard knows. [`super::update`] changes it, [`super::view`] draws it.

use std::path::PathBuf;
use std::rc::Rc;

use flag_core::{FlagKey, Timestamp};
use ratatui::layout::Rect;

use super::age::elapsed;
use super::facts::{Facts, FlagFacts, RequestFacts};
use super::keymap::{Keymap, Place};
use super::layout::{Class, Parts, classify, inside, panes, parts};
use super::line_input::LineInput;
use super::listing::{Sort, View, listed};
use super::msg::Trouble;
use super::prose::Row;
use super::room::Room;
use super::screens::{
    audit, awaited, confirm, detail, entry, experiments, kills, passphrase, pending, publish, share, simulate, steps,
};
use super::simulation::Simulator;
use super::theme::Meaning;
use super::widgets::notice::Notice;
use super::widgets::popup::Popup;
use super::widgets::sheet::Laid;
use super::widgets::{help, palette};
use super::work::Work;
use crate::app::HistoryLine;

/// The state of the dashboard.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) facts: Rc<Facts>,
    pub(super) keymap: Rc<Keymap>,
    pub(super) now: Timestamp,
    pub(super) link: Link,
    /// Columns and rows.
    pub(super) size: (u16, u16),
    pub(super) room: Room,
    /// By key, so that a list that changes under the cursor moves it to no other flag.
    pub(super) selected: Option<FlagKey>,
    /// The places of the flags that the filter and the view let through, in order.
    pub(super) shown: Vec<usize>,
    /// The first flag of the list that is in sight.
    pub(super) top: usize,
    pub(super) filter: LineInput,
    pub(super) filtering: bool,
    pub(super) view: View,
    pub(super) sort: Sort,
    pub(super) kills: kills::KillList,
    pub(super) audit: audit::AuditList,
    pub(super) pending: pending::PendingList,
    pub(super) explain: super::screens::explain::Explain,
    pub(super) simulator: Simulator,
    /// What the screen of a number has laid out of the facts.
    pub(super) laid: Option<(Room, Laid)>,
    /// How far the screens without a list are scrolled.
    pub(super) scroll: usize,
    /// What was stepped into, outermost first. The screen of a number lies below it all.
    pub(super) screens: Vec<Screen>,
    /// Where the user was before.
    pub(super) before: Option<(Room, Vec<Screen>)>,
    pub(super) dialog: Option<Dialog>,
    pub(super) palette: Option<palette::Palette>,
    pub(super) help: Option<help::Help>,
    /// What was asked of the desk.
    pub(super) work: Work,
    pub(super) notice: Option<Notice>,
    /// The last thing that failed.
    pub(super) failure: Option<Trouble>,
    /// How far all of it is scrolled, where it is shown.
    pub(super) failure_shown: Option<usize>,
    /// What the last key was, where the next may mean more after it.
    pub(super) last: Last,
    /// The folder that snapshots are published to, as far as it is known.
    pub(super) out: Option<PathBuf>,
    /// The server that holds the project, and publishes it.
    pub(super) server: Option<Rc<str>>,
}

/// What the last key was.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Last {
    #[default]
    Other,
    /// An interrupt: the next one leaves.
    Interrupt,
    /// It copied a flag's key: the next one copies the command.
    Copy,
    /// It was to leave, while a change is under way: the next one leaves.
    Quit,
}

/// How fresh what is shown is.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// When the project was last looked at.
    pub(super) seen: Timestamp,
    /// Why it cannot be looked at.
    pub(super) lost: Option<Trouble>,
    /// Since when the screen is frozen.
    pub(super) frozen: Option<Timestamp>,
    /// What others changed since it is.
    pub(super) behind: Option<Rc<Facts>>,
}

/// A screen above that of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// Everything about the selected flag.
    Detail { tab: detail::Tab, scroll: usize },
    /// One entry of the log.
    Entry { seq: u64, scroll: usize },
}

/// Something that is entered or confirmed.
#[derive(Clone, Debug)]
pub(super) enum Dialog {
    Share(share::ShareForm),
    Steps(steps::StepsForm),
    Awaited(Box<awaited::Awaited>),
    Confirm(Box<confirm::Confirm>),
    Publish(publish::PublishForm),
    Passphrase(passphrase::PassphraseForm),
}

/// What a dashboard starts with.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) now: Timestamp,
    pub(super) size: (u16, u16),
    pub(super) out: Option<PathBuf>,
    pub(super) server: Option<Rc<str>>,
    pub(super) keymap: Rc<Keymap>,
}

impl Model {
    pub(super) fn new(facts: Facts, start: Start) -> Self {
        let Start { now, size, out, server, keymap } = start;
        let mut model = Self {
            facts: Rc::new(facts),
            keymap,
            now,
            link: Link { seen: now, lost: None, frozen: None, behind: None },
            size,
            room: Room::Flags,
            selected: None,
            shown: Vec::new(),
            top: 0,
            filter: LineInput::default(),
            filtering: false,
            view: View::All,
            sort: Sort::Key,
            kills: kills::KillList::default(),
            audit: audit::AuditList::default(),
            pending: pending::PendingList::default(),
            explain: super::screens::explain::Explain::default(),
            simulator: Simulator::default(),
            laid: None,
            scroll: 0,
            screens: Vec::new(),
            before: None,
            dialog: None,
            palette: None,
            help: None,
            work: Work::default(),
            notice: None,
            failure: None,
            failure_shown: None,
            last: Last::Other,
            out,
            server,
        };
        model.relist();
        model.settle();
        model
    }

    /// Returns where the keys act.
    pub(super) fn place(&self) -> Place {
        if self.help.is_some() { Place::Help } else { self.place_below_help() }
    }

    /// Returns where the keys act once help is closed.
    pub(super) fn place_below_help(&self) -> Place {
        if self.failure_shown.is_some() {
            return Place::Failure;
        }
        if self.palette.is_some() {
            return Place::Palette;
        }
        match (&self.dialog, self.screens.last()) {
            (Some(Dialog::Share(_)), _) => Place::Share,
            (Some(Dialog::Steps(_)), _) => Place::Steps,
            (Some(Dialog::Awaited(_)), _) => Place::Awaited,
            (Some(Dialog::Confirm(_)), _) => Place::Confirm,
            (Some(Dialog::Publish(_)), _) => Place::Publish,
            (Some(Dialog::Passphrase(_)), _) => Place::Passphrase,
            (None, Some(Screen::Detail { tab: detail::Tab::Explain, .. })) if self.explain.editing => Place::Explain,
            (None, Some(Screen::Detail { .. })) => Place::Detail,
            (None, Some(Screen::Entry { .. })) => Place::Entry,
            (None, None) => match self.room {
                Room::Flags if self.filtering => Place::Filter,
                Room::Flags => Place::Flags,
                Room::Kills => Place::Kills,
                Room::Experiments => Place::Experiments,
                Room::Audit if self.audit.filtering => Place::AuditFilter,
                Room::Audit => Place::Audit,
                Room::Simulate => Place::Simulate,
                Room::Pending => Place::Pending,
            },
        }
    }

    /// Returns the flag that the keys are about.
    pub(super) fn selected_flag(&self) -> Option<&FlagFacts> {
        let key = match (self.screens.last(), self.room) {
            (Some(Screen::Entry { .. }), _) | (None, Room::Audit) => self.selected_entry()?.flag.as_ref()?.as_str(),
            (None, Room::Kills) => self.kills.selected.as_deref()?,
            _ => self.selected.as_ref()?.as_str(),
        };
        self.facts.flag(key)
    }

    /// Returns the entry of the log that the keys are about.
    pub(super) fn selected_entry(&self) -> Option<&HistoryLine> {
        let seq = match self.screens.last() {
            Some(Screen::Entry { seq, .. }) => *seq,
            _ => self.audit.selected?,
        };
        self.facts.history.iter().find(|line| line.seq == seq)
    }

    /// Returns the request that the keys are about.
    pub(super) fn selected_request(&self) -> Option<&RequestFacts> {
        self.pending.selected_request(&self.facts)
    }

    /// Returns the flags that the filter and the view let through.
    pub(super) fn visible(&self) -> impl Iterator<Item = &FlagFacts> {
        self.shown.iter().filter_map(|place| self.facts.flags.get(*place))
    }

    /// Says why nothing can be changed now.
    pub(super) fn why_unchangeable(&self) -> Option<String> {
        if self.link.lost.is_some() {
            let age = elapsed(self.now.millis_since(self.link.seen));
            return Some(format!("the project cannot be read for {age}, so nothing can be changed: e says why"));
        }
        let age = elapsed(self.now.millis_since(self.link.frozen?));
        Some(format!("the screen is frozen for {age}: Space goes on, then it can be changed"))
    }

    pub(super) const fn area(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.size.0, height: self.size.1 }
    }

    pub(super) const fn class(&self) -> Class {
        classify(self.size.0, self.size.1)
    }

    pub(super) fn parts(&self) -> Parts {
        let banner = u16::try_from(super::view::banners(self).len()).unwrap_or(1);
        let status = self.status().len().clamp(1, 4);
        parts(self.area(), banner, u16::try_from(status).unwrap_or(1))
    }

    /// Returns what stands above the hints: a message, or what is gathered.
    pub(super) fn status(&self) -> Vec<Row> {
        let columns = usize::from(self.size.0).saturating_sub(2);
        let work = self.work.row(self.now).map(|row| row.cut(columns));
        let told = match (&self.notice, &self.facts.draft) {
            (Some(notice), _) => notice.rows(columns),
            (None, _) if work.is_some() => Vec::new(),
            (None, Some(draft)) => {
                let count = super::prose::count(draft.sentences.len(), "change");
                vec![Row::of(Meaning::Notice, format!("Draft: {count}, not applied. 6 shows it."))]
            }
            (None, None) => vec![Row::new()],
        };
        work.into_iter().chain(told).collect()
    }

    /// Tells whether what the next key means depends on an answer that is not there yet.
    pub(super) fn waits_for_an_answer(&self) -> bool {
        match &self.dialog {
            Some(Dialog::Awaited(_)) => true,
            Some(Dialog::Share(form)) => form.goes_on,
            Some(Dialog::Steps(form)) => form.goes_on,
            Some(Dialog::Confirm(confirm)) => confirm.sent.is_some(),
            Some(Dialog::Publish(form)) => form.sent,
            Some(Dialog::Passphrase(form)) => form.sent,
            None => false,
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

    /// Finds anew which flags are listed.
    pub(super) fn relist(&mut self) {
        self.shown = listed(&self.facts, &self.filter.text(), self.view, self.sort);
        self.audit.relist(&self.facts);
    }

    /// Brings selection and scrolling back to something that exists.
    pub(super) fn settle(&mut self) {
        let is_inside = self.screens.iter().any(|screen| matches!(screen, Screen::Detail { .. }));
        let is_there = self.selected.as_ref().is_some_and(|key| self.facts.flag(key.as_str()).is_some());
        let place = self.selected.as_ref().and_then(|selected| {
            // A flag that is gone leaves the cursor with the one that follows it.
            self.visible()
                .position(|flag| flag.key == *selected)
                .or_else(|| self.visible().position(|flag| flag.key.as_str() > selected.as_str()))
        });
        let last = self.shown.len().saturating_sub(1);
        let none = if self.selected.is_none() { 0 } else { last };
        let place = place.unwrap_or(none).min(last);
        if !(is_inside && is_there) {
            let key = self.visible().nth(place).map(|flag| flag.key.clone());
            self.selected = key;
            if is_inside && self.selected.is_none() {
                self.screens.retain(|screen| !matches!(screen, Screen::Detail { .. }));
            }
        }
        let page = self.page();
        self.top = self.top.min(place).max(place.saturating_add(1).saturating_sub(page));
        self.top = self.top.min(self.shown.len().saturating_sub(page));
        let (facts, page) = (Rc::clone(&self.facts), self.screen_page());
        self.kills.settle(&facts, page);
        self.audit.settle(&facts, page);
        self.pending.settle(&facts);
        self.lay_out();
        self.settle_scroll();
    }

    /// Lays out what may be thousands of rows, unless that was done before. No frame has the time for it.
    fn lay_out(&mut self) {
        let columns = self.screen_columns();
        if self.laid_of(self.room, columns).is_none() {
            let rows = match self.room {
                Room::Pending => Some(pending::draft(self, columns)),
                Room::Simulate => Some(simulate::draft(self, columns)),
                _ => None,
            };
            self.laid = rows.map(|rows| (self.room, Laid::new(Rc::clone(&self.facts), columns, rows)));
        }
        let (facts, columns) = (Rc::clone(&self.facts), Popup::columns(self.area()));
        if let Some(Dialog::Confirm(confirm)) = &mut self.dialog {
            confirm.lay_out(&facts, columns);
        }
    }

    /// Returns what was laid out of these facts for a screen.
    pub(super) fn laid_of(&self, room: Room, columns: usize) -> Option<Rc<[Row]>> {
        self.laid.as_ref().filter(|(laid, _)| *laid == room).and_then(|(_, laid)| laid.rows(&self.facts, columns))
    }

    fn settle_scroll(&mut self) {
        let (columns, page) = (self.screen_columns(), self.screen_page());
        let rows = match (self.screens.last(), self.room) {
            (Some(Screen::Detail { tab, .. }), _) => detail::rows(self, *tab, columns).len().saturating_add(1),
            (Some(Screen::Entry { .. }), _) => entry::rows(self, columns).len(),
            (None, Room::Experiments) => experiments::rows(self, columns).len(),
            (None, Room::Simulate) => simulate::sheet(self, columns).len(),
            (None, Room::Pending) => pending::sheet(self, columns).len(),
            (None, _) => 0,
        };
        let furthest = rows.saturating_sub(page);
        match self.screens.last_mut() {
            Some(Screen::Detail { scroll, .. } | Screen::Entry { scroll, .. }) => *scroll = (*scroll).min(furthest),
            None => self.scroll = self.scroll.min(furthest),
        }
        let area = self.area();
        let furthest = self.dialog_popup().map_or(0, |popup| popup.furthest(area));
        match &mut self.dialog {
            Some(Dialog::Share(form)) => form.scroll = form.scroll.min(furthest),
            Some(Dialog::Steps(form)) => form.scroll = form.scroll.min(furthest),
            Some(Dialog::Confirm(confirm)) => confirm.scroll = confirm.scroll.min(furthest),
            Some(Dialog::Publish(form)) => form.scroll = form.scroll.min(furthest),
            Some(Dialog::Awaited(_) | Dialog::Passphrase(_)) | None => {}
        }
        let furthest = self.help.as_ref().map_or(0, |help| help.popup(&self.keymap, area).furthest(area));
        if let Some(help) = &mut self.help {
            help.scroll = help.scroll.min(furthest);
        }
        let furthest = self.failure_popup().map_or(0, |popup| popup.furthest(area));
        if let Some(scroll) = &mut self.failure_shown {
            *scroll = (*scroll).min(furthest);
        }
    }

    /// Returns what the open dialog shows.
    pub(super) fn dialog_popup(&self) -> Option<Popup> {
        Some(match self.dialog.as_ref()? {
            Dialog::Share(form) => form.popup(self),
            Dialog::Steps(form) => form.popup(self),
            Dialog::Awaited(awaited) => return awaited.popup(self),
            // What is done at once needs no reading while it is done.
            Dialog::Confirm(confirm) if confirm.is_passing() => return None,
            Dialog::Confirm(confirm) => confirm.popup(self),
            Dialog::Publish(form) => form.popup(self),
            Dialog::Passphrase(form) => form.popup(self),
        })
    }

    /// Returns all of the last error, where it is shown.
    pub(super) fn failure_popup(&self) -> Option<Popup> {
        let (scroll, trouble) = (self.failure_shown?, self.failure.as_ref()?);
        let columns = Popup::columns(self.area());
        let mut body = share::trouble_rows(trouble, columns);
        if let Some(code) = trouble.code {
            body.extend(Row::of(Meaning::Muted, format!("code: {code}")).wrap(columns, 2));
        }
        Some(Popup { title: "Error".to_owned(), body: body.into(), scroll, ..Popup::default() })
    }
}
