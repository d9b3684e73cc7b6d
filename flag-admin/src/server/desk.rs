use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use crate::adapters::{FolderError, ProjectFolder};
use crate::app::ports::RootStore as _;
use crate::app::{Failure, OpenError, Operator, Project, with_causes};
use crate::log::EnvironmentName;

/// How much work may wait. More of it is refused rather than kept.
const WAITING_MAX: usize = 256;

/// A project that is open, on the thread that holds it.
#[derive(Debug)]
pub struct Opened {
    /// Its folder: keys, roots, settings, drafts.
    pub folder: ProjectFolder,
    /// The project.
    pub project: Project,
    /// The environment that is served.
    pub environment: EnvironmentName,
    /// Where that is published: what is served, and where the server publishes to.
    pub public: PathBuf,
}

/// Opens the project anew, on the thread that will hold it.
pub type OpenProject = Box<dyn FnMut() -> Result<Opened, FolderError> + Send>;

type Job = Box<dyn FnOnce(Result<&mut Opened, DeskError>) + Send>;

/// Where everything that reads or changes the project is done, one thing after the other, by the one thread that holds it open.
#[derive(Clone)]
pub struct Desk {
    jobs: SyncSender<Job>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// Why nothing was done at the desk.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The project cannot be opened, or its log cannot be read.
    #[error("{message}")]
    Unavailable {
        /// Its stable name.
        code: &'static str,
        /// What is wrong, with its causes.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Too much waits already.
    #[error("{WAITING_MAX} changes wait already")]
    Busy,
    /// The server is stopping, or the work ended its thread.
    #[error("the project is closed")]
    Closed,
}

impl DeskError {
    fn of(failure: &impl Failure) -> Self {
        Self::Unavailable { code: failure.code(), message: with_causes(failure), hint: failure.hint() }
    }
}

impl Desk {
    /// Opens the project on a thread of its own. Returns the desk and the project's first root.
    pub(super) async fn start(open: OpenProject) -> Result<(Self, Vec<u8>), DeskError> {
        let (jobs, waiting) = sync_channel::<Job>(WAITING_MAX);
        let (told, opened) = oneshot::channel();
        let thread = thread::Builder::new().name("desk".into());
        thread.spawn(move || work(open, &waiting, told)).map_err(|_| DeskError::Closed)?;
        let first_root = opened.await.map_err(|_| DeskError::Closed)??;
        Ok((Self { jobs }, first_root))
    }

    /// Does something with the project as its log has it now, and returns what came of it.
    pub async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Opened) -> T + Send + 'static,
    ) -> Result<T, DeskError> {
        let (told, answer) = oneshot::channel();
        let job: Job = Box::new(move |opened| {
            // Whoever asked may have gone; what was done is done.
            let _ = told.send(opened.map(work));
        });
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.map_err(|_| DeskError::Closed)?,
            Err(TrySendError::Full(_)) => Err(DeskError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(DeskError::Closed),
        }
    }

    /// Does something with the project for a thread that waits.
    pub(super) fn ask_and_wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Opened) -> T + Send + 'static,
    ) -> Result<T, DeskError> {
        let (told, answer) = oneshot::channel();
        let job: Job = Box::new(move |opened| {
            let _ = told.send(opened.map(work));
        });
        self.jobs.send(job).map_err(|_| DeskError::Closed)?;
        answer.blocking_recv().map_err(|_| DeskError::Closed)?
    }

    /// Does something with the project in somebody's name.
    pub async fn ask_as<T: Send + 'static>(
        &self,
        operator: Operator,
        work: impl FnOnce(&mut Opened) -> T + Send + 'static,
    ) -> Result<T, DeskError> {
        self.ask(move |opened| {
            let before = opened.project.hand_over(operator);
            let done = work(opened);
            opened.project.hand_over(before);
            done
        })
        .await
    }
}

fn work(mut open: OpenProject, waiting: &Receiver<Job>, told: oneshot::Sender<Result<Vec<u8>, DeskError>>) {
    let mut held = None;
    let first = open().map_err(|error| DeskError::of(&error)).and_then(|opened| {
        let roots = opened.folder.roots().roots().map_err(|error| DeskError::of(&FolderError::from(error)))?;
        held = Some(opened);
        Ok(roots.into_iter().next().unwrap_or_default())
    });
    let is_open = first.is_ok();
    if told.send(first).is_err() || !is_open {
        return;
    }
    while let Ok(job) = waiting.recv() {
        job(current(&mut held, &mut open));
    }
}

/// Returns the project with what others appended since. One whose log cannot be read, as after the database was restarted, is opened anew.
fn current<'o>(held: &'o mut Option<Opened>, open: &mut OpenProject) -> Result<&'o mut Opened, DeskError> {
    let refreshed: Result<bool, OpenError> = held.as_mut().map_or(Ok(false), |opened| opened.project.refresh());
    if held.is_none() || refreshed.is_err() {
        *held = None;
        *held = Some(open().map_err(|error| DeskError::of(&error))?);
    }
    held.as_mut().ok_or(DeskError::Closed)
}

impl Failure for DeskError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { code, .. } => code,
            Self::Busy => "busy",
            Self::Closed => "closed",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unavailable { hint, .. } => hint.clone(),
            Self::Busy | Self::Closed => None,
        }
    }
}
