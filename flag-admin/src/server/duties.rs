use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use super::desk::{DeskError, Opened};
use super::log::Level;
use super::sources::Answers;
use super::state::Server;
use crate::app::ports::Lease;
use crate::app::with_causes;

/// How often a server looks whether it leads, and whether something is to be done.
const PAUSE: Duration = Duration::from_secs(2);
/// How often it is looked whether the server is to stop.
const BREATH: Duration = Duration::from_millis(200);

/// What one of several servers does, and what says which one.
pub struct Leading {
    /// Says which.
    pub lease: Box<dyn Lease>,
    /// What it does.
    pub duties: Vec<Duty>,
}

/// Something that is done again and again, with the project.
pub struct Duty {
    /// Its name in the log.
    pub name: &'static str,
    /// How long to wait between two times.
    pub every: Duration,
    /// What is done. A failure says why, and it is tried again at the next time.
    pub work: Work,
}

/// Something done with the project.
#[derive(Clone)]
pub enum Work {
    /// What needs nothing else.
    Alone(Arc<Alone>),
    /// What needs to know what other systems say of rollouts. They are asked beforehand, and hold nothing up.
    WithAnswers(Arc<WithAnswers>),
}

/// Something done with the project alone.
type Alone = dyn Fn(&mut Opened) -> Result<DutyDone, String> + Send + Sync;

/// Something done with the project and what other systems say.
type WithAnswers = dyn Fn(&mut Opened, &Answers) -> Result<DutyDone, String> + Send + Sync;

/// What came of a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DutyDone {
    /// There was nothing to do.
    Nothing,
    /// Something was done, in words.
    Something(String),
}

impl fmt::Debug for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duty").field("name", &self.name).field("every", &self.every).finish_non_exhaustive()
    }
}

/// A duty, and when it is due.
struct Due {
    name: &'static str,
    every: Duration,
    work: Work,
    next: Instant,
    trouble: Option<String>,
}

/// Does the duties for as long as this server leads, on a thread of its own.
pub(super) fn start(server: Server, leading: Leading) -> io::Result<()> {
    let Leading { mut lease, duties } = leading;
    thread::Builder::new().name("duties".into()).spawn(move || {
        let begun = now();
        let mut dues: Vec<Due> = duties
            .into_iter()
            .map(|Duty { name, every, work }| Due { name, every, work, next: begun, trouble: None })
            .collect();
        let (mut leads, mut trouble) = (false, None);
        while !server.stopping().is_asked() {
            let held = lease.hold();
            let message = held.as_ref().err().map(|error| with_causes(error));
            if message.is_some() && trouble != message {
                server.log().line(Level::Warn, "no_lease", [("message", message.clone().into())]);
            }
            trouble = message;
            let now_leads = held.unwrap_or(false);
            if now_leads != leads {
                leads = now_leads;
                server.metrics().leads(leads);
                server.log().line(Level::Info, if leads { "leading" } else { "following" }, []);
            }
            if leads {
                for due in &mut dues {
                    due.run(&server);
                }
            }
            let until = now() + PAUSE;
            while now() < until && !server.stopping().is_asked() {
                thread::sleep(BREATH);
            }
        }
    })?;
    Ok(())
}

impl Work {
    fn done(self, server: &Server) -> Result<Result<DutyDone, String>, DeskError> {
        match self {
            Self::Alone(work) => server.desk().ask_and_wait(move |opened| work(opened)),
            Self::WithAnswers(work) => {
                let answers = server.asking().answers_for_a_thread(server.desk(), server.environment())?;
                server.desk().ask_and_wait(move |opened| work(opened, &answers))
            }
        }
    }
}

impl Due {
    fn run(&mut self, server: &Server) {
        if now() < self.next {
            return;
        }
        let done = self.work.clone().done(server);
        self.next = now() + self.every;
        let done = done.unwrap_or_else(|error| Err(with_causes(&error)));
        match done {
            Ok(DutyDone::Nothing) => self.trouble = None,
            Ok(DutyDone::Something(what)) => {
                self.trouble = None;
                server.log().line(Level::Info, self.name, [("done", what.into())]);
            }
            Err(message) => {
                if self.trouble.as_ref() != Some(&message) {
                    server.log().line(Level::Warn, self.name, [("message", message.as_str().into())]);
                }
                self.trouble = Some(message);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a pause is measured, and nothing is decided by the time of day")]
fn now() -> Instant {
    Instant::now()
}
