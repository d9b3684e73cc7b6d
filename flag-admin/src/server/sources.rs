//! What other systems answer about rollouts, asked away from the desk: one that says nothing holds up no change, and no kill.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::desk::{Desk, DeskError, Opened};
use crate::adapters::Sources;
use crate::app::Inquiry;
use crate::app::ports::{MetricSource, SourceQuestion};
use crate::log::EnvironmentName;
use crate::rollout::{Source, SourceValue};

/// For how long an answer is good for whoever asks next.
const KEPT: Duration = Duration::from_secs(5);
/// How many sources are asked at once.
const AT_ONCE: usize = 16;

/// Asks the sources of an environment's rollouts, once for all who want to know at the same time.
#[derive(Debug, Default)]
pub(super) struct Asking {
    last: Mutex<Option<Last>>,
}

#[derive(Debug)]
struct Last {
    environment: EnvironmentName,
    at: Instant,
    answers: Arc<Answers>,
}

/// What sources answered. Whatever else they are asked, they have not been.
#[derive(Debug, Default)]
pub struct Answers {
    sources: Sources,
    answered: Vec<(Inquiry, SourceValue)>,
}

impl MetricSource for Answers {
    fn read(&self, source: &Source, question: &SourceQuestion<'_>) -> SourceValue {
        let is_same = |inquiry: &Inquiry| {
            inquiry.flag == *question.flag && inquiry.share == question.share && inquiry.source == *source
        };
        let answer = self.answered.iter().find(|(inquiry, _)| is_same(inquiry)).map(|(_, value)| value.clone());
        let not_yet = || SourceValue::Unusable { why: "it has not been asked about this step yet".to_owned() };
        answer.unwrap_or_else(not_yet)
    }

    fn is_listed(&self, source: &Source) -> bool {
        self.sources.is_listed(source)
    }
}

impl Asking {
    /// Returns what the sources of an environment answer now, or did a moment ago.
    pub(super) async fn answers(&self, desk: &Desk, of: &EnvironmentName) -> Result<Arc<Answers>, DeskError> {
        let mut last = self.last.lock().await;
        if let Some(known) = fresh(last.as_ref(), of) {
            return Ok(known);
        }
        let environment = of.clone();
        let (sources, inquiries) = desk.ask(move |opened| inquiries(opened, &environment)).await?;
        let asked = tokio::task::spawn_blocking(move || ask(sources, inquiries)).await;
        Ok(keep(&mut last, of, asked.map_err(|_| DeskError::Closed)?))
    }

    /// Returns the same for a thread that waits.
    pub(super) fn answers_for_a_thread(&self, desk: &Desk, of: &EnvironmentName) -> Result<Arc<Answers>, DeskError> {
        let mut last = self.last.blocking_lock();
        if let Some(known) = fresh(last.as_ref(), of) {
            return Ok(known);
        }
        let environment = of.clone();
        let (sources, inquiries) = desk.ask_and_wait(move |opened| inquiries(opened, &environment))?;
        Ok(keep(&mut last, of, ask(sources, inquiries)))
    }
}

fn fresh(last: Option<&Last>, of: &EnvironmentName) -> Option<Arc<Answers>> {
    let last = last.filter(|last| last.environment == *of && now().duration_since(last.at) < KEPT)?;
    // Nothing had to be asked, and perhaps a rollout began since.
    (!last.answers.answered.is_empty()).then(|| Arc::clone(&last.answers))
}

fn keep(last: &mut Option<Last>, environment: &EnvironmentName, answers: Answers) -> Arc<Answers> {
    let answers = Arc::new(answers);
    *last = Some(Last { environment: environment.clone(), at: now(), answers: Arc::clone(&answers) });
    answers
}

fn inquiries(opened: &Opened, environment: &EnvironmentName) -> (Sources, Vec<Inquiry>) {
    // An environment that does not exist has no rollouts; whoever asked for it learns that elsewhere.
    (opened.folder.sources(), opened.project.inquiries(environment).unwrap_or_default())
}

/// Asks some sources at a time: each has its own patience, and none waits for another.
fn ask(sources: Sources, inquiries: Vec<Inquiry>) -> Answers {
    let mut values = Vec::with_capacity(inquiries.len());
    for some in inquiries.chunks(AT_ONCE) {
        values.extend(thread::scope(|scope| {
            let ask_one = |inquiry| {
                let sources = &sources;
                scope.spawn(move || ask_one(sources, inquiry))
            };
            let asked: Vec<_> = some.iter().map(ask_one).collect();
            let ended_early = |_| SourceValue::Unusable { why: "asking it ended early".to_owned() };
            asked.into_iter().map(|asked| asked.join().unwrap_or_else(ended_early)).collect::<Vec<_>>()
        }));
    }
    Answers { sources, answered: inquiries.into_iter().zip(values).collect() }
}

fn ask_one(sources: &Sources, inquiry: &Inquiry) -> SourceValue {
    sources.read(&inquiry.source, &inquiry.question())
}

#[expect(clippy::disallowed_methods, reason = "an age is measured, and nothing is decided by the time of day")]
fn now() -> Instant {
    Instant::now()
}
