//! A snapshot is about to be signed and published: what it brings, and where it goes.

use std::path::PathBuf;
use std::rc::Rc;

use crossterm::event::KeyEvent;

use super::pending::change_rows;
use super::share::trouble_rows;
use crate::tui::age::{ago, minute};
use crate::tui::effect::{Effect, PublishTo};
use crate::tui::line_input::LineInput;
use crate::tui::model::Model;
use crate::tui::msg::Trouble;
use crate::tui::prose::{Row, count};
use crate::tui::theme::Meaning;
use crate::tui::widgets::popup::{Field, Popup};

/// A snapshot to be published.
#[derive(Clone, Debug)]
pub(in crate::tui) struct PublishForm {
    pub(in crate::tui) out: LineInput,
    /// The server that publishes it where it serves, instead of a folder.
    server: Option<Rc<str>>,
    pub(in crate::tui) trouble: Option<Trouble>,
    /// Whether it was sent, and has yet to be answered.
    pub(in crate::tui) sent: bool,
    pub(in crate::tui) scroll: usize,
}

impl PublishForm {
    pub(in crate::tui) fn new(model: &Model) -> Self {
        let out = model.out.as_ref().map(|out| LineInput::new(out.display().to_string())).unwrap_or_default();
        Self { out, server: model.server.clone(), trouble: None, sent: false, scroll: 0 }
    }

    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) {
        if self.sent || self.server.is_some() {
            return;
        }
        if self.out.edit(key) {
            self.trouble = None;
        }
    }

    pub(in crate::tui) fn paste(&mut self, text: &str) {
        if !self.sent && self.server.is_none() {
            self.out.paste(text);
        }
    }

    /// Returns the same publication, once the key is open.
    pub(in crate::tui) fn again(&self) -> Option<Effect> {
        Some(Effect::Publish { to: self.target()? })
    }

    fn target(&self) -> Option<PublishTo> {
        let out = self.out.text();
        match &self.server {
            Some(_) => Some(PublishTo::Server),
            None => (!out.trim().is_empty()).then(|| PublishTo::Folder(PathBuf::from(out.trim()))),
        }
    }

    /// Publishes, or says what is missing.
    pub(in crate::tui) fn sign(&mut self) -> Vec<Effect> {
        let Some(to) = self.target() else {
            let trouble = Trouble::saying("the folder is empty, expected the folder that clients fetch from");
            self.trouble = Some(trouble.with_hint("such as ./public"));
            return Vec::new();
        };
        if self.sent {
            return Vec::new();
        }
        self.sent = true;
        self.trouble = None;
        vec![Effect::Publish { to }]
    }

    pub(in crate::tui) fn popup(&self, model: &Model) -> Popup {
        let columns = Popup::columns(model.area());
        let facts = &model.facts;
        let mut head = Row::plain("Snapshot ")
            .and(Meaning::Name, facts.next_version.to_string())
            .and(Meaning::Text, format!(" of {} / {}: ", facts.project, facts.environment))
            .and(Meaning::Text, count(facts.flags.len(), "flag"))
            .and(Meaning::Text, format!(", {}, ", count(facts.kills.len(), "kill")))
            .and(Meaning::Text, format!("valid for {} days.", facts.snapshot_lifetime_days))
            .wrap(columns, 2);
        if let Some(server) = &self.server {
            let text = format!("{server} signs it with its keys, and publishes it where it serves.");
            head.extend(Row::plain(text).wrap(columns, 2));
        }
        head.push(Row::new());
        let mut body = vec![Row::new()];
        if let Some(draft) = &facts.draft {
            let text = format!(
                "The draft's {} not part of it: apply it first (6).",
                match draft.sentences.len() {
                    1 => "change is".to_owned(),
                    changes => format!("{changes} changes are"),
                }
            );
            body.extend(Row::of(Meaning::Notice, text).wrap(columns, 2));
        }
        let changes: Vec<_> = facts.unpublished_changes().collect();
        let since = match &facts.published {
            Some(published) => {
                format!("since snapshot {}, {}", published.version, ago(model.now, published.published_at))
            }
            None => "since the project was made: this is its first snapshot".to_owned(),
        };
        let (heading, changes) = if changes.is_empty() {
            let until = facts.published.map(|published| minute(published.expires_at)).unwrap_or_default();
            (
                format!("Nothing changed {since}. It is valid until {until}; publishing signs the same flags anew."),
                changes,
            )
        } else {
            (format!("{} {since}:", count(changes.len(), "change")), changes)
        };
        body.extend(Row::of(Meaning::Name, heading).wrap(columns, 0));
        body.extend(change_rows(&changes, columns));
        Popup {
            title: "Publish".to_owned(),
            head,
            fields: match self.server {
                Some(_) => Vec::new(),
                None => vec![Field { label: "Folder".to_owned(), input: self.out.clone(), focused: true }],
            },
            body: body.into(),
            foot: self.trouble.as_ref().map(|trouble| trouble_rows(trouble, columns)).unwrap_or_default(),
            scroll: self.scroll,
        }
    }
}
