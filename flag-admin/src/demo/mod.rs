//! A walk through the whole system on a sample project: a rollout, a snapshot, what simulated installations get, a kill.
//!
//! Every step is a use case of [`crate::app`] and names the command that does the same, so that whoever watches learns the commands.

mod client;
mod clock;
mod experiment;
mod population;
mod rollout;
mod table;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flag_client::trust::TrustError;
use flag_core::wire::SnapshotError;
use flag_core::{ChoiceError, Share, ShareError};
use serde::Serialize;

use self::client::Client;
use self::clock::PlayedClock;
use self::population::{Installation, installation};
use self::table::Population;
pub use self::table::{Count, Observed};
use crate::adapters::{FolderError, InitFolder, ProjectFolder, ROOT_FOLDER, SystemClock, init_at};
use crate::app::ports::Clock as _;
use crate::app::{
    AppError, Failure, IntakeError, KillRoute, KillScope, Operator, Project, Proposal, Prune, ServingError,
};
use crate::definition::{DefinitionError, Definitions};
use crate::log::{EnvironmentName, NameError};

/// The flags of the sample project.
const SAMPLE: &str = include_str!("../../sample/flags.toml");
const FLAGS_FILE: &str = "flags.toml";
const PUBLIC_FOLDER: &str = "public";
/// The flag that is rolled out.
const ROLLED_OUT: &str = "command_history";
/// The capability that is killed, and the flag that needs it.
const KILLED: &str = "telemetry";
const DEPENDENT: &str = "telemetry_cloud_sync";

/// What the demonstration is made with.
#[derive(Clone, Debug)]
pub struct Demonstration {
    /// A folder that is empty or not there yet.
    pub folder: PathBuf,
    /// How many installations are simulated.
    pub units: u64,
    /// Who makes the changes.
    pub operator: Operator,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What was done.
    pub title: String,
    /// The commands that do the same, typed one after the other: the first step's lead into the project's folder.
    pub commands: Vec<String>,
    /// What came of it, one thing a line.
    pub results: Vec<String>,
}

/// What the demonstration came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Demonstrated {
    /// The project.
    pub folder: String,
    /// Where it is published.
    pub public: String,
    /// How many installations were simulated.
    pub units: u64,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// What the installations got from the first snapshot.
    pub flags: Vec<Observed>,
}

/// Why the demonstration ends early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The project cannot be made or opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A use case refused.
    #[error(transparent)]
    App(#[from] AppError),
    /// The sample cannot be read.
    #[error(transparent)]
    Sample(#[from] DefinitionError),
    /// The sample's project has no name that could be kept.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A share of the walk is none.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// A report of a simulated installation is refused.
    #[error(transparent)]
    Report(#[from] IntakeError),
    /// A server would not serve what was published.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// A client does not trust what was published.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A client cannot read what was published.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A simulated user cannot choose.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// A file cannot be read or written.
    #[error("{place} cannot be used")]
    File {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Failure for DemoError {
    fn code(&self) -> &'static str {
        match self {
            Self::Folder(error) => error.code(),
            Self::App(error) => error.code(),
            Self::File { .. } => "file",
            Self::Trust(_) => "not_trusted",
            _ => "demo",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Folder(error) => error.hint(),
            Self::App(error) => error.hint(),
            _ => None,
        }
    }
}

/// Makes a new folder for a demonstration among the system's temporary ones. It stays until somebody removes it.
pub fn temporary_folder() -> io::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix("flag-admin-demo-").tempdir()?.keep())
}

/// Walks through it all. `told` hears of each step as it is done.
pub fn demonstrate<E>(
    demonstration: &Demonstration,
    told: &mut dyn FnMut(usize, &Step) -> Result<(), E>,
) -> Result<Demonstrated, E>
where
    E: From<DemoError>,
{
    let mut walk = Walk::begin(demonstration).map_err(E::from)?;
    let mut acts: Vec<Act> = vec![
        |walk| Ok(walk.made()),
        Walk::apply,
        |walk| walk.roll_out("5%"),
        |walk| walk.roll_out("25%"),
        Walk::publish,
        Walk::observe,
    ];
    // Fewer could not show anything at 1 %, and a rollout would wait for them for ever.
    if walk.population.len() >= rollout::FLEET {
        acts.extend([Walk::sick as Act, Walk::mended]);
    }
    acts.extend([Walk::kill as Act, Walk::lift]);
    if walk.population.len() >= rollout::FLEET {
        acts.push(Walk::compared);
    }
    let mut steps = Vec::with_capacity(acts.len());
    for act in acts {
        let step = act(&mut walk).map_err(E::from)?;
        steps.push(step);
        if let Some(step) = steps.last() {
            told(steps.len(), step)?;
        }
    }
    Ok(Demonstrated {
        folder: walk.folder.path().display().to_string(),
        public: walk.public.display().to_string(),
        units: demonstration.units,
        steps,
        flags: walk.flags,
    })
}

/// One step of the walk.
type Act = fn(&mut Walk) -> Result<Step, DemoError>;

/// A demonstration under way.
struct Walk {
    folder: ProjectFolder,
    project: Project,
    clock: PlayedClock,
    environment: EnvironmentName,
    public: PathBuf,
    population: Vec<Installation>,
    client: Client,
    flags: Vec<Observed>,
    /// The installations that had the dependent flag before the kill.
    had: Vec<usize>,
}

impl Walk {
    fn begin(demonstration: &Demonstration) -> Result<Self, DemoError> {
        let Demonstration { folder, units, operator } = demonstration;
        let environment = EnvironmentName::production();
        let request = InitFolder {
            project: "demo".parse()?,
            environments: vec![environment.clone()],
            operator: operator.clone(),
            store: None,
            passphrase: None,
            root: None,
        };
        // As many days ago as are played at most, where any are.
        let days =
            if usize::try_from(*units).is_ok_and(|units| units < rollout::FLEET) { 0 } else { rollout::DAYS_MOST };
        let clock = PlayedClock::at(SystemClock.now().saturating_add_millis(-days * rollout::DAY_MILLIS));
        init_at(folder, &request, clock.now())?;
        let folder = ProjectFolder::find(folder)?;
        let project = folder.open_at(operator.clone(), Box::new(clock.clone()))?;
        let public = folder.path().join(PUBLIC_FOLDER);
        let root = read(&folder.path().join(ROOT_FOLDER).join("1.json"))?;
        let client = Client::new(&root, project.state().project().as_str(), environment.as_str(), &public)?;
        let population = (0..*units).map(installation).collect();
        Ok(Self { folder, project, clock, environment, public, population, client, flags: Vec::new(), had: Vec::new() })
    }

    fn made(&self) -> Step {
        Step {
            title: "Made a project: a log, three keys, and the root that applications ship".to_owned(),
            commands: vec![
                format!("flag-admin init {} --project demo", shown(self.folder.path())),
                format!("cd {}", shown(self.folder.path())),
            ],
            results: vec![format!("the log has {} entries", self.project.state().head().seq)],
        }
    }

    fn apply(&mut self) -> Result<Step, DemoError> {
        let path = self.folder.path().join(FLAGS_FILE);
        fs::write(&path, SAMPLE).map_err(|source| DemoError::File { place: path.display().to_string(), source })?;
        let definitions = Definitions::from_toml(SAMPLE, FLAGS_FILE)?;
        let proposal = self.project.propose_definitions(&self.environment, &definitions, Prune::Keep)?;
        let committed = self.project.commit(&proposal, Some("the sample's flags"))?;
        Ok(Step {
            title: format!("Wrote {FLAGS_FILE} and applied it"),
            commands: vec![format!("flag-admin apply -f {FLAGS_FILE}")],
            results: vec![format!("{} flags, {} entries of the log", definitions.flags.len(), committed.entries)],
        })
    }

    fn roll_out(&mut self, share: &str) -> Result<Step, DemoError> {
        let proposal = self.project.propose_rollout(&self.environment, ROLLED_OUT, None, share.parse::<Share>()?)?;
        let results = planned(&proposal);
        self.project.commit(&proposal, None)?;
        Ok(Step {
            title: format!("Rolled {ROLLED_OUT} out to {share}, knowing beforehand whom that touches"),
            commands: vec![format!("flag-admin rollout set {ROLLED_OUT} {share}")],
            results,
        })
    }

    fn publish(&mut self) -> Result<Step, DemoError> {
        let published = self.publish_snapshot()?;
        Ok(Step {
            title: "Signed a snapshot and published it: files that any web server can serve".to_owned(),
            commands: vec![format!("flag-admin publish --to {PUBLIC_FOLDER}")],
            results: published,
        })
    }

    fn publish_snapshot(&mut self) -> Result<Vec<String>, DemoError> {
        let mut folder = self.folder.publisher(&self.environment, &self.public).map_err(AppError::from)?;
        let published = self.project.publish(&self.environment, &mut folder)?;
        Ok(vec![format!(
            "snapshot {} with {} flags: {}",
            published.version,
            published.flags,
            published.documents.join(", ")
        )])
    }

    fn observe(&mut self) -> Result<Step, DemoError> {
        let version = self.client.fetch(self.project.now())?;
        let units = counted(&self.population);
        let opted_in: Vec<_> = self.population.iter().filter(|installation| installation.opted_in).collect();
        let opted_in = counted(&opted_in);
        let population = Population { units, opted_in };
        let state = self.project.environment(&self.environment).map_err(AppError::from)?;
        let outcomes = self.client.outcomes(&self.population);
        self.flags = outcomes
            .into_iter()
            .filter_map(|outcome| {
                let (_, flag) = state.flags.iter().find(|(key, _)| key.as_str() == outcome.flag)?;
                Some(Observed::new(outcome, &flag.definition.flag, population))
            })
            .collect();
        let one = self.population.first().map_or("installation-0", |installation| &installation.id);
        Ok(Step {
            title: format!("Let {units} simulated installations fetch it, verify it and decide"),
            commands: vec![format!("flag-admin why {ROLLED_OUT} --unit {one}")],
            results: vec![format!("snapshot {version} is signed by keys that root 1 names, so every client takes it")],
        })
    }

    fn kill(&mut self) -> Result<Step, DemoError> {
        // From here on it is today.
        self.clock.set(SystemClock.now());
        let before = self.counts();
        self.had = self.client.exposed(DEPENDENT, &self.population);
        let proposal = self.project.propose_kill(&self.environment, KILLED, KillRoute::Emergency, KillScope::Flags)?;
        self.project.commit(&proposal, Some("a drill"))?;
        let mut folder = self.folder.publisher(&self.environment, &self.public).map_err(AppError::from)?;
        self.project.publish_kills(&self.environment, &mut folder)?;
        self.client.fetch(self.project.now())?;
        Ok(Step {
            title: format!("Killed {KILLED}: at once, without a new snapshot, and with it what needs it"),
            commands: vec![format!("flag-admin kill {KILLED} --reason \"a drill\" --to {PUBLIC_FOLDER}")],
            results: changes(before, self.counts()),
        })
    }

    fn lift(&mut self) -> Result<Step, DemoError> {
        let before = self.counts();
        let proposal = self.project.propose_unkill(&self.environment, KILLED)?;
        self.project.commit(&proposal, Some("the drill is over"))?;
        self.publish_snapshot()?;
        self.client.fetch(self.project.now())?;
        let mut results = changes(before, self.counts());
        let has = self.client.exposed(DEPENDENT, &self.population);
        let back = self.had.iter().filter(|number| has.binary_search(number).is_ok()).count();
        results.push(format!("{back} of the {} installations that had {DEPENDENT} have it again", self.had.len()));
        Ok(Step {
            title: "Lifted the kill and published again: everyone has what they had".to_owned(),
            commands: vec![
                format!("flag-admin unkill {KILLED} --reason \"the drill is over\""),
                format!("flag-admin publish --to {PUBLIC_FOLDER}"),
            ],
            results,
        })
    }

    fn counts(&self) -> [(&'static str, usize); 2] {
        [KILLED, DEPENDENT].map(|flag| (flag, self.client.exposed(flag, &self.population).len()))
    }
}

/// Says who gains, loses or moves.
fn planned(proposal: &Proposal) -> Vec<String> {
    let mut lines = Vec::new();
    for flag in &proposal.plan().flags {
        lines.push(format!("{}: gained {}, lost {}, moved {}", flag.flag, flag.gained, flag.lost, flag.moved));
        for cell in flag.cells.iter().filter(|cell| !(cell.when.is_empty() && cell.opt_ins.is_empty())) {
            let opt_ins = cell.opt_ins.iter().map(|assumed| {
                format!("{} {}", assumed.flag, if assumed.opted_in { "is opted in to" } else { "is not" })
            });
            let rules = cell
                .when
                .iter()
                .map(|assumed| format!("rule {} {}", assumed.rule, if assumed.holds { "holds" } else { "does not" }));
            let when: Vec<String> = opt_ins.chain(rules).collect();
            lines.push(format!("  where {}: gained {}, lost {}", when.join(", "), cell.gained, cell.lost));
        }
    }
    lines
}

fn changes(before: [(&'static str, usize); 2], after: [(&'static str, usize); 2]) -> Vec<String> {
    before.iter().zip(&after).map(|((flag, before), (_, after))| format!("{flag}: on for {before} → {after}")).collect()
}

fn counted<T>(things: &[T]) -> u64 {
    u64::try_from(things.len()).unwrap_or(u64::MAX)
}

fn read(path: &Path) -> Result<Vec<u8>, DemoError> {
    fs::read(path).map_err(|source| DemoError::File { place: path.display().to_string(), source })
}

/// Returns a path as a shell takes it.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=~".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
