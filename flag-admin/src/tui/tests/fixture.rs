//! A project in memory at a fixed time, and a session of the dashboard on it.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use flag_client::Day;
use flag_client::report::Report;
use flag_client::trust::{RoleName, Signer};
use flag_core::{FlagKey, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::adapters::{MemoryCells, Sources};
use crate::app::ports::{
    Added, CellStore, CellStoreError, Clock, KeyError, KeyStore, LogError, LogStore, Publisher, PublisherError,
    Randomness, RandomnessError, RootStore, RootStoreError,
};
use crate::app::{Draft, DraftStore, DraftStoreError, Operator, Ports, Project, Prune, Settings};
use crate::cells::{Cell as CellSum, CellKey};
use crate::definition::Definitions;
use crate::log::{Actor, Change, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, Head, Role, Sealed, Stored};
use crate::tui::desk::{Desk, Trail};
use crate::tui::effect::Effect;
use crate::tui::keymap::Keymap;
use crate::tui::model::{Model, Start};
use crate::tui::msg::Msg;
use crate::tui::theme::{Characters, Palette, Theme};
use crate::tui::update::update;
use crate::tui::view::view;

const SAMPLE: &str = include_str!("../../../sample/flags.toml");
const START: &str = "2026-02-10T09:00:00Z";
const MINUTE: i64 = 60_000;

/// A log in memory that several projects share.
#[derive(Clone, Default)]
struct MemoryLog(Rc<RefCell<Vec<Stored>>>);

impl LogStore for MemoryLog {
    fn head(&self) -> Result<Head, LogError> {
        Ok(self.0.borrow().last().map_or(Head::GENESIS, |last| Head { seq: last.seq, hash: last.hash }))
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError> {
        self.0.borrow().iter().filter(|stored| stored.seq > after).cloned().try_for_each(each)?;
        self.head()
    }

    fn append(&mut self, expected: Head, entries: &[Sealed]) -> Result<(), LogError> {
        let found = self.head()?;
        if found != expected {
            return Err(LogError::HeadMoved { expected, found });
        }
        self.0.borrow_mut().extend(entries.iter().map(|entry| entry.stored().clone()));
        Ok(())
    }
}

#[derive(Clone)]
struct FixedClock(Rc<Cell<i64>>);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.get())
    }
}

struct Sequence(Cell<u8>);

impl Randomness for Sequence {
    fn draw(&self) -> Result<[u8; 16], RandomnessError> {
        self.0.set(self.0.get().wrapping_add(1));
        Ok([self.0.get(); 16])
    }
}

struct NoKeys;

impl KeyStore for NoKeys {
    fn signer(&self, role: RoleName) -> Result<Box<dyn Signer>, KeyError> {
        Err(KeyError::Missing { role, place: "keys/snapshot.pem".to_owned() })
    }
}

struct NoRoots;

impl RootStore for NoRoots {
    fn roots(&self) -> Result<Vec<Vec<u8>>, RootStoreError> {
        Ok(Vec::new())
    }
}

/// Drafts in memory.
#[derive(Default)]
struct MemoryDrafts(RefCell<Option<Draft>>);

impl DraftStore for MemoryDrafts {
    fn draft(&self, _: &EnvironmentName, _: &Actor) -> Result<Option<Draft>, DraftStoreError> {
        Ok(self.0.borrow().clone())
    }

    fn keep(&mut self, draft: &Draft) -> Result<(), DraftStoreError> {
        self.0.replace(Some(draft.clone()));
        Ok(())
    }

    fn remove(&mut self, _: &EnvironmentName, _: &Actor) -> Result<(), DraftStoreError> {
        self.0.replace(None);
        Ok(())
    }

    fn drafts(&self) -> Result<Vec<Draft>, DraftStoreError> {
        Ok(self.0.borrow().iter().cloned().collect())
    }
}

/// Reports that arrive while the dashboard is open.
#[derive(Clone, Default)]
pub(super) struct SharedCells(Rc<RefCell<MemoryCells>>);

impl CellStore for SharedCells {
    fn add_all(
        &mut self,
        environment: &EnvironmentName,
        reports: &[Report],
        received: Timestamp,
    ) -> Result<Vec<Added>, CellStoreError> {
        self.0.borrow_mut().add_all(environment, reports, received)
    }

    fn cells(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        since: Day,
    ) -> Result<Vec<(CellKey, CellSum)>, CellStoreError> {
        self.0.borrow().cells(environment, flag, since)
    }
}

/// A folder that nothing is in.
struct Nowhere;

impl Publisher for Nowhere {
    fn published(&self, _: crate::app::ports::Document) -> Result<Option<Vec<u8>>, PublisherError> {
        Ok(None)
    }

    fn publish(&mut self, _: crate::app::ports::Document, _: &[u8]) -> Result<(), PublisherError> {
        Ok(())
    }

    fn withdraw(&mut self, _: crate::app::ports::Document) -> Result<(), PublisherError> {
        Ok(())
    }

    fn place(&self) -> String {
        "nowhere".to_owned()
    }
}

/// The dashboard without a terminal: keys go in, what the world would do is done, the screen comes out.
pub(super) struct Session {
    pub(super) model: Model,
    pub(super) desk: Desk,
    /// Effects for the terminal that were asked for.
    pub(super) asked: Vec<Effect>,
    /// Effects that the desk has done.
    pub(super) done: Vec<Effect>,
    /// What the desk has yet to do, while it hangs.
    hanging: Option<Vec<Effect>>,
    log: MemoryLog,
    clock: FixedClock,
    /// What reports come to.
    pub(super) cells: SharedCells,
}

/// Whether a project has flags.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    Sample,
}

impl Session {
    /// Opens the dashboard on the sample's flags.
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        Self::with(Content::Sample, columns, rows)
    }

    pub(super) fn with(content: Content, columns: u16, rows: u16) -> Self {
        let text = if content == Content::Sample { SAMPLE } else { "" };
        Self::of(text, columns, rows)
    }

    /// Opens the dashboard on flags that are written as a file has them.
    pub(super) fn of(definitions: &str, columns: u16, rows: u16) -> Self {
        let log = MemoryLog::default();
        let clock = FixedClock(Rc::new(Cell::new(START.parse::<Timestamp>().unwrap().as_millis())));
        begin(&mut log.clone(), clock.now());
        let mut project = open(&log, &clock, "alice");
        let environment = EnvironmentName::production();
        if !definitions.is_empty() {
            clock.0.set(clock.0.get() + 5 * MINUTE);
            let definitions = Definitions::from_toml(definitions, "flags.toml").unwrap();
            let proposal = project.propose_definitions(&environment, &definitions, Prune::Keep).unwrap();
            project.commit(&proposal, Some("the first flags")).unwrap();
        }
        if definitions == SAMPLE {
            clock.0.set(clock.0.get() + 60 * MINUTE);
            let proposal =
                project.propose_rollout(&environment, "command_history", None, "5%".parse().unwrap()).unwrap();
            project.commit(&proposal, None).unwrap();
        }
        clock.0.set(clock.0.get() + 3 * MINUTE);
        let open_publisher = Box::new(|_: &Path| Ok(Box::new(Nowhere) as Box<dyn Publisher>));
        let cells = SharedCells::default();
        let desk = Desk {
            project,
            environment,
            open_publisher,
            remember_target: Box::new(|_| {}),
            unlock: Box::new(|_| Ok(())),
            drafts: Box::new(MemoryDrafts::default()),
            cells: Box::new(cells.clone()),
            sources: Box::new(Sources::default()),
            idle: 0,
            afar: None,
            out: None,
            trail: Trail::default(),
        };
        let keymap = Rc::new(Keymap::standard());
        let start = Start { now: clock.now(), size: (columns, rows), out: None, server: None, keymap };
        let model = Model::new(desk.facts().unwrap(), start);
        Self { model, desk, asked: Vec::new(), done: Vec::new(), hanging: None, log, clock, cells }
    }

    /// Lets another program set a share.
    pub(super) fn others_set(&self, flag: &str, share: &str) {
        let mut project = open(&self.log, &self.clock, "bob");
        let environment = EnvironmentName::production();
        let proposal = project.propose_rollout(&environment, flag, None, share.parse().unwrap()).unwrap();
        project.commit(&proposal, None).unwrap();
    }

    /// Lets another program set a share that is another each time, if it can be set.
    pub(super) fn others_go_on(&self, flag: &str) {
        let mut project = open(&self.log, &self.clock, "bob");
        let share = format!("{}%", project.state().head().seq % 90 + 1).parse().unwrap();
        if let Ok(proposal) = project.propose_rollout(&EnvironmentName::production(), flag, None, share) {
            drop(project.commit(&proposal, None));
        }
    }

    /// Lets another program make changes, whatever they are.
    pub(super) fn others_change(&self, changes: Vec<Change>) {
        let mut project = open(&self.log, &self.clock, "bob");
        let proposal = project.propose(&EnvironmentName::production(), changes).unwrap();
        project.commit(&proposal, None).unwrap();
    }

    /// Lets time pass, as the loop tells it.
    pub(super) fn wait(&mut self, millis: i64) {
        self.clock.0.set(self.clock.0.get() + millis);
        let now = self.clock.now();
        self.take(Msg::Tick(now));
    }

    /// Lets another program archive a flag.
    pub(super) fn others_archive(&self, flag: &str) {
        let mut project = open(&self.log, &self.clock, "bob");
        let environment = EnvironmentName::production();
        let change = Change::FlagArchived { key: flag.parse().unwrap() };
        let proposal = project.propose(&environment, vec![change]).unwrap();
        project.commit(&proposal, None).unwrap();
    }

    /// Looks for others' changes, as the loop does from time to time.
    pub(super) fn look(&mut self) {
        let msg = self.desk.look();
        self.take(msg);
    }

    /// Lets the desk hang: it takes what it is asked for, and answers nothing.
    pub(super) fn hang(&mut self) {
        self.hanging = Some(Vec::new());
    }

    /// Lets the desk answer again, what it was asked for first.
    pub(super) fn recover(&mut self) {
        for effect in self.hanging.take().unwrap_or_default() {
            self.done.push(effect.clone());
            for msg in self.desk.perform(effect) {
                self.take(msg);
            }
        }
    }

    pub(super) fn take(&mut self, msg: Msg) {
        let mut waiting = std::collections::VecDeque::from([msg]);
        while let Some(msg) = waiting.pop_front() {
            for effect in update(&mut self.model, msg) {
                match effect {
                    Effect::Quit | Effect::Suspend | Effect::Repaint | Effect::Copy(_) | Effect::SaveSession => {
                        self.asked.push(effect);
                    }
                    other => match &mut self.hanging {
                        Some(hanging) => hanging.push(other),
                        None => {
                            self.done.push(other.clone());
                            waiting.extend(self.desk.perform(other));
                        }
                    },
                }
            }
        }
    }

    /// Presses keys: names such as `Enter`, `C-c`, or characters one by one.
    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        for word in keys.split(' ') {
            match named(word) {
                Some(key) => self.take(Msg::Key(key)),
                None => {
                    for c in word.chars() {
                        self.take(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
                    }
                }
            }
        }
        self
    }

    /// Returns the screen, line by line, without colours.
    pub(super) fn screen(&self) -> String {
        self.drawn(Characters::Unicode)
    }

    pub(super) fn drawn(&self, characters: Characters) -> String {
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let theme = Theme { palette: Palette::Mono, characters };
        terminal.draw(|frame| view(&self.model, &theme, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let lines = buffer.content.chunks(usize::from(columns.max(1)));
        lines
            .map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned() + "\n")
            .collect()
    }
}

pub(super) fn named(word: &str) -> Option<KeyEvent> {
    let code = match word {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "BackTab" => KeyCode::BackTab,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "Backspace" => KeyCode::Backspace,
        "F1" => KeyCode::F(1),
        "Space" => KeyCode::Char(' '),
        _ => {
            let letter = word.strip_prefix("C-")?.chars().next()?;
            return Some(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
        }
    };
    Some(KeyEvent::new(code, KeyModifiers::NONE))
}

fn open(log: &MemoryLog, clock: &FixedClock, actor: &str) -> Project {
    let ports = Ports {
        log: Box::new(log.clone()),
        keys: Box::new(NoKeys),
        roots: Box::new(NoRoots),
        clock: Box::new(clock.clone()),
        random: Box::new(Sequence(Cell::new(0))),
    };
    let operator = Operator { actor: actor.parse().unwrap(), role: Role::ReleaseManager };
    Project::open(ports, Settings::default(), operator).unwrap()
}

fn begin(log: &mut MemoryLog, now: Timestamp) {
    let year = 365 * 24 * 60 * MINUTE;
    let changes = [
        Change::ProjectCreated { project: "caro".parse().unwrap(), environments: vec![EnvironmentName::production()] },
        Change::RootPublished {
            version: 1,
            epoch: 1,
            digest: Digest::GENESIS,
            expires_at: now.saturating_add_millis(year),
        },
    ];
    for change in changes {
        let head = log.head().unwrap();
        let entry = Entry {
            schema: ENTRY_SCHEMA,
            seq: head.seq + 1,
            time: now,
            actor: "alice".parse().unwrap(),
            role: Role::ReleaseManager,
            environment: None,
            change,
            reason: None,
            prev: head.hash,
        };
        log.append(head, &[Sealed::new(entry).unwrap()]).unwrap();
    }
}
