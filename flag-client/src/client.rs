//! The client: lock-free reads of what is in force, and the changes a user may make.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::builder::{ClientBuilder, Precedence};
use crate::current::Current;
use crate::decision::{ClientDecision, Layer, LocalValue};
use crate::declaration::{Declaration, DeclarationError};
use crate::error::ClientError;
use crate::explanation::ClientExplanation;
use crate::gather::FileOwner;
use crate::hook::Hooks;
use crate::in_force::InForce;
use crate::kills::KillInForce;
use crate::local_file::{self, Contents, Edit, KillSetting, Readings, Section};
use crate::merge::{merge, standing};
use crate::outcomes::{CrashWatch, Recorder};
use crate::permission::{Standing, permit};
use crate::problem::Problem;
use crate::published::{Published, SnapshotInfo};
use crate::quarantine::{RunGuard, WatchRuns};
use crate::reads::Reader;
use crate::registry::{Evaluation, Flag, FlagName, FlagType};

/// What a reset covers beside overrides.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetScope {
    /// The user's kill switches too.
    pub kills: bool,
    /// The installation's id too, so that the next one draws other buckets; and the names of documents (`ETag`, `Last-Modified`) that a
    /// server gave, by which it could know this installation again.
    pub id: bool,
}

/// A change that was made, or needed not to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The file that holds it.
    pub file: PathBuf,
    /// Whether the file had to be written. If not, it said so already.
    pub written: bool,
    /// Where the user's own kill was lifted: the kills of the same target that stand all the same, because other layers hold them.
    pub still_killed_by: Vec<KillInForce>,
}

impl Change {
    const fn of(file: PathBuf, written: bool) -> Self {
        Self { file, written, still_killed_by: Vec::new() }
    }
}

/// Decides flags on this machine. Clones share everything.
///
/// Reads take no lock, do no I/O, and never fail. Time stands still between [`open`](ClientBuilder::open) and
/// [`reload`](Self::reload): one run of a program sees one state of its flags.
///
/// ```
/// use flag_client::{Declaration, FlagClient};
/// let flags = FlagClient::builder().declare([Declaration::boolean("command_history").default_on(true)]).open();
/// assert!(flags.is_enabled("command_history"));
/// assert!(!flags.is_enabled("no_such_flag"));
/// ```
#[derive(Clone)]
pub struct FlagClient {
    inner: Arc<Inner>,
}

struct Inner {
    host: ClientBuilder,
    declarations: Vec<Declaration>,
    declaration_problems: Vec<Problem>,
    in_force: Current,
    /// Held while what is in force is changed, never while it is read.
    published: Mutex<Published>,
    readings: Readings,
    /// None unless the host asked for it.
    quarantine: Option<Box<dyn WatchRuns>>,
    /// None unless the host records outcomes.
    outcomes: Option<(Arc<Recorder>, CrashWatch)>,
    #[cfg(feature = "remote")]
    refreshing: Mutex<()>,
    /// Until when the server wants to be left alone.
    #[cfg(feature = "remote")]
    quiet_until: Mutex<Option<flag_core::Timestamp>>,
}

impl FlagClient {
    /// Returns a builder, which knows no flag, no file and no remote yet.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn open(host: ClientBuilder) -> Self {
        let (declarations, declaration_problems) = sound(&host.declarations);
        let outcomes = Recorder::of(&host).map(|recorder| (Arc::clone(&recorder), CrashWatch::new(&recorder)));
        let published = Published::load(&host);
        let quarantine = host.quarantine.as_ref().zip(host.remote.as_ref());
        let quarantine = quarantine.map(|(make, remote)| make(&remote.state_file));
        let readings = Readings::default();
        let (problems, watch) = (&declaration_problems, quarantine.as_deref());
        let in_force = put_together(&host, &readings, &declarations, problems, &published, watch);
        note_capability(outcomes.as_ref(), &in_force);
        Self {
            inner: Arc::new(Inner {
                host,
                declarations,
                declaration_problems,
                in_force: Current::new(in_force),
                published: Mutex::new(published),
                readings,
                quarantine,
                outcomes,
                #[cfg(feature = "remote")]
                refreshing: Mutex::new(()),
                #[cfg(feature = "remote")]
                quiet_until: Mutex::new(None),
            }),
        }
    }

    /// Returns the application's flags, in the order of their declaration.
    pub fn declarations(&self) -> &[Declaration] {
        &self.inner.declarations
    }

    /// Tells whether a flag is on: its boolean, else whether it serves another variant than its off variant. An unknown flag is off,
    /// unless it is a typed flag that is on by default.
    #[inline]
    pub fn is_enabled(&self, flag: impl FlagName) -> bool {
        self.inner
            .in_force
            .read(|in_force| Reader::own(in_force, self.hooks()).is_enabled(&flag, &in_force.context(flag.key())))
    }

    /// Returns the id of the variant that a flag serves, unless there is no such flag.
    pub fn variant(&self, flag: impl FlagName) -> Option<String> {
        self.inner
            .in_force
            .read(|in_force| Reader::own(in_force, self.hooks()).variant(flag.key(), &in_force.context(flag.key())))
    }

    /// Returns the value of a typed flag, or its default in the code where there is none of its type.
    #[inline]
    pub fn get<T: FlagType>(&self, flag: Flag<T>) -> T::Value {
        self.inner
            .in_force
            .read(|in_force| Reader::own(in_force, self.hooks()).get(flag, &in_force.context(flag.key())))
    }

    /// Returns the value of a typed flag and how it came about.
    pub fn evaluate<T: FlagType>(&self, flag: Flag<T>) -> Evaluation<T::Value> {
        self.inner
            .in_force
            .read(|in_force| Reader::own(in_force, self.hooks()).evaluate(flag, &in_force.context(flag.key())))
    }

    /// Returns what a flag came to, why, and what the user may do about it.
    pub fn decision(&self, flag: impl FlagName) -> ClientDecision {
        self.inner.in_force.load().decision(flag.key())
    }

    /// Returns every flag: the application's in the order of their declaration, then others of the snapshot, then others of local files.
    pub fn list(&self) -> Vec<ClientDecision> {
        self.inner.in_force.load().list()
    }

    /// Returns what a flag came to with everything that led to it.
    pub fn explain(&self, flag: impl FlagName) -> ClientExplanation {
        self.inner.in_force.load().explain(flag.key())
    }

    /// Tells whether a kill stands against a flag or capability. `telemetry_disabled` is the switch of the capability `telemetry`, so
    /// both names mean it, unless there is a flag of the longer name.
    pub fn is_killed(&self, target: &str) -> bool {
        self.inner.in_force.load().is_killed(target)
    }

    /// Returns every kill that stands, of every layer.
    pub fn kills(&self) -> Vec<KillInForce> {
        self.inner.in_force.load().kills.clone()
    }

    /// Returns what went wrong, in no way that stopped anything.
    pub fn problems(&self) -> Vec<Problem> {
        let recording = self.recorder().into_iter().flat_map(|(recorder, _)| recorder.problems());
        self.inner.in_force.load().problems().cloned().chain(recording).collect()
    }

    /// Returns which snapshot is in force, if there is one.
    pub fn snapshot_info(&self) -> Option<SnapshotInfo> {
        self.inner.in_force.load().info
    }

    /// Turns a flag on for this user, or opts them in where the published split decides.
    pub fn enable(&self, flag: impl FlagName) -> Result<Change, ClientError> {
        self.choose(flag.key(), LocalValue::Switch(true))
    }

    /// Turns a flag off for this user.
    pub fn disable(&self, flag: impl FlagName) -> Result<Change, ClientError> {
        self.choose(flag.key(), LocalValue::Switch(false))
    }

    /// Chooses a variant for this user, by its id; `true` and `false` turn the flag on and off unless a variant has that id.
    pub fn set(&self, flag: &str, variant: &str) -> Result<Change, ClientError> {
        let in_force = self.inner.in_force.load_full();
        let is_variant = in_force.flag(flag).is_some_and(|flag| flag.variants().any(|(id, _)| id == variant));
        self.choose(
            flag,
            match variant {
                "true" if !is_variant => LocalValue::Switch(true),
                "false" if !is_variant => LocalValue::Switch(false),
                _ => LocalValue::Variant(variant.into()),
            },
        )
    }

    fn choose(&self, flag: &str, value: LocalValue) -> Result<Change, ClientError> {
        let mut published = self.inner.lock();
        {
            let in_force = self.inner.in_force.load();
            let known = in_force.flag(flag).ok_or_else(|| ClientError::UnknownFlag { flag: flag.into() })?;
            let governed = in_force.published.is_some();
            let standing = in_force.facts.get(flag).map_or(Standing::Governed, |facts| standing(facts, governed));
            permit(known.flag(), standing, &value).map_err(|why| ClientError::Refused { flag: flag.into(), why })?;
        }
        let edit = Edit::Set { section: Section::Overrides, key: flag.into(), value };
        self.inner.write(&mut published, self.inner.own_file()?, &[edit])
    }

    /// Clears the user's override of one flag, or of all. Kill switches and the installation's id stay, unless the scope names them.
    pub fn reset(&self, flag: Option<&str>, scope: ResetScope) -> Result<Change, ClientError> {
        // A refresh that is under way would keep what is to be forgotten.
        #[cfg(feature = "remote")]
        let _no_refresh = scope.id.then(|| self.lock_refresh());
        let mut published = self.inner.lock();
        let own_file = self.inner.own_file()?.to_owned();
        let mut written = false;
        for file in self.inner.user_files() {
            let mut edits = vec![match flag {
                Some(flag) => Edit::Remove { section: Section::Overrides, key: flag.into() },
                None => Edit::Clear { section: Section::Overrides },
            }];
            match flag {
                _ if !scope.kills => {}
                Some(flag) => edits.extend(self.inner.kill_switches(file, flag)?.into_iter().map(removal)),
                None => edits.push(Edit::Clear { section: Section::KillSwitches }),
            }
            written |= self.inner.write(&mut published, file, &edits)?.written;
        }
        if scope.id {
            self.inner.host.identity_source().reset().map_err(|source| ClientError::Identity(Arc::new(source)))?;
            #[cfg(feature = "remote")]
            if let Some(remote) = &self.inner.host.remote {
                crate::fetch::Etags::forget(remote)?;
            }
            self.inner.rebuild(&published);
        }
        Ok(Change::of(own_file, written))
    }

    /// Turns a flag or capability off for this user, stronger than everything.
    pub fn kill(&self, target: &str) -> Result<Change, ClientError> {
        if target.trim().is_empty() {
            return Err(ClientError::EmptyTarget { target: target.into() });
        }
        let mut published = self.inner.lock();
        let file = self.inner.own_file()?;
        let key = self.inner.spelling(file, target)?.unwrap_or_else(|| target.into());
        let edit = Edit::Set { section: Section::KillSwitches, key, value: LocalValue::Switch(true) };
        self.inner.write(&mut published, file, &[edit])
    }

    /// Takes the user's own kill of a flag or capability away. Kills of other layers are not theirs to lift: the change says which stand
    /// all the same, and where there is no kill of the user's own it is an error that says whose they are.
    pub fn unkill(&self, target: &str) -> Result<Change, ClientError> {
        let mut published = self.inner.lock();
        let own_file = self.inner.own_file()?.to_owned();
        let (mut written, mut was_held) = (false, false);
        for file in self.inner.user_files() {
            let own = self.inner.kill_switches(file, target)?;
            let edits: Vec<Edit> = own.into_iter().filter(|kill| kill.killed).map(removal).collect();
            was_held |= !edits.is_empty();
            written |= self.inner.write(&mut published, file, &edits)?.written;
        }
        let in_force = self.inner.in_force.load();
        let name = in_force.target(target);
        let stands = |kill: &&KillInForce| *kill.target == *name && kill.origin.layer != Layer::UserKill;
        let others: Vec<KillInForce> = in_force.kills.iter().filter(stands).cloned().collect();
        if others.is_empty() || was_held {
            return Ok(Change { still_killed_by: others, ..Change::of(own_file, written) });
        }
        let origins = others.into_iter().map(|kill| kill.origin).collect();
        Err(ClientError::KillHeldElsewhere { target: name.into(), origins })
    }

    /// Announces that the program ends well, for the [`quarantine`](crate::quarantine). A host that told it to take
    /// [unended runs for crashes](crate::UnendedRuns::AreCrashes) calls this before every `process::exit`. Without a quarantine it does
    /// nothing.
    pub fn end_run(&self) {
        if let Some(quarantine) = &self.inner.quarantine {
            quarantine.end_run();
        }
    }

    /// Returns a guard that announces the end of the program when it is dropped, unless by a panic.
    pub fn run_guard(&self) -> RunGuard {
        RunGuard::of(self.clone())
    }

    /// Reads all files, the clock and the trusted documents again.
    pub fn reload(&self) {
        let mut published = self.inner.lock();
        published.reload(&self.inner.host);
        self.inner.rebuild(&published);
    }
}

/// What recording needs of the client.
impl FlagClient {
    /// Returns what keeps outcomes, if the host records them.
    pub(crate) fn recorder(&self) -> Option<(&Arc<Recorder>, &CrashWatch)> {
        self.inner.outcomes.as_ref().map(|(recorder, watch)| (recorder, watch))
    }

    /// Returns what is in force now, at little cost wherever many threads ask.
    #[inline]
    pub(crate) fn lend(&self) -> crate::current::Lent {
        self.inner.in_force.lend()
    }

    pub(crate) fn in_force(&self) -> Arc<InForce> {
        self.inner.in_force.load_full()
    }

    /// Returns the number of the state that a read of this thread finds.
    #[cfg(test)]
    pub(crate) fn in_force_number(&self) -> crate::current::Number {
        self.inner.in_force.read(|in_force| in_force.number)
    }

    #[inline]
    pub(crate) fn hooks(&self) -> &Hooks {
        &self.inner.host.hooks
    }
}

/// What a refresh and test code need of the client.
#[cfg(any(feature = "remote", feature = "testing"))]
impl FlagClient {
    pub(crate) fn host(&self) -> &ClientBuilder {
        &self.inner.host
    }

    /// Reads local files and the clock again.
    pub(crate) fn rebuild(&self) {
        let published = self.inner.lock();
        self.inner.rebuild(&published);
    }
}

/// What a refresh needs of the client.
#[cfg(feature = "remote")]
impl FlagClient {
    /// Keeps a second refresh waiting while one runs.
    pub(crate) fn lock_refresh(&self) -> MutexGuard<'_, ()> {
        self.inner.refreshing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy of what is trusted, to be brought up to date while this one stays in force.
    pub(crate) fn trusted(&self) -> Option<crate::trust::TrustState> {
        self.inner.lock().state.clone()
    }

    /// Returns until when the server is to be left alone, if that is not over.
    pub(crate) fn quiet_until(&self, now: flag_core::Timestamp) -> Option<flag_core::Timestamp> {
        let until = *self.inner.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| crate::fetch::is_quiet(*until, now))
    }

    pub(crate) fn set_quiet_until(&self, until: Option<flag_core::Timestamp>) {
        *self.inner.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Reads what is trusted.
    pub(crate) fn with_trusted<T>(&self, read: impl FnOnce(Option<&crate::trust::TrustState>) -> T) -> T {
        read(self.inner.lock().state.as_ref())
    }

    /// Returns the files of this machine that decide flags.
    pub(crate) fn local_files(&self) -> Vec<PathBuf> {
        self.inner.user_files().chain(self.inner.host.system_file.as_deref()).map(Path::to_owned).collect()
    }

    /// Puts what a refresh made of the copy in force.
    pub(crate) fn adopt(&self, state: crate::trust::TrustState, problems: Vec<Problem>) {
        let mut published = self.inner.lock();
        published.adopt(state, problems);
        self.inner.rebuild(&published);
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Published> {
        // What the lock guards is replaced whole, so a panic elsewhere leaves nothing half done.
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rebuild(&self, published: &Published) {
        let (problems, watch) = (&self.declaration_problems, self.quarantine.as_deref());
        let in_force = put_together(&self.host, &self.readings, &self.declarations, problems, published, watch);
        note_capability(self.outcomes.as_ref(), &in_force);
        self.in_force.store(in_force);
    }

    /// The file that changes are written to.
    fn own_file(&self) -> Result<&Path, ClientError> {
        self.user_files().next().ok_or(ClientError::NoUserFile)
    }

    /// The user's files, strongest first.
    fn user_files(&self) -> impl Iterator<Item = &Path> {
        self.host.sidecar.iter().chain(&self.host.user_file).map(PathBuf::as_path)
    }

    fn write(&self, published: &mut Published, file: &Path, edits: &[Edit]) -> Result<Change, ClientError> {
        let written = local_file::edit(file, edits)?;
        self.rebuild(published);
        Ok(Change::of(file.to_owned(), written))
    }

    /// The key by which a file's kill switches name a target already.
    fn spelling(&self, file: &Path, target: &str) -> Result<Option<Box<str>>, ClientError> {
        let mut spellings = self.kill_switches(file, target)?;
        let killed = spellings.iter().position(|kill| kill.killed).unwrap_or(0);
        spellings.truncate(killed + 1);
        Ok(spellings.pop().map(|kill| kill.key))
    }

    /// The kill switches of a file that name a target, in either spelling.
    fn kill_switches(&self, file: &Path, target: &str) -> Result<Vec<KillSetting>, ClientError> {
        let in_force = self.in_force.load();
        let target = in_force.target(target);
        let kills = local_file::read(file)?.kills.into_iter();
        Ok(kills.filter(|kill| in_force.target(&kill.key) == target).collect())
    }
}

/// Tells who records outcomes whether that is switched off: uses that began before end unrecorded, too.
fn note_capability(outcomes: Option<&(Arc<Recorder>, CrashWatch)>, in_force: &InForce) {
    if let Some((recorder, _)) = outcomes {
        recorder.note_capability(in_force);
    }
}

fn removal(kill: KillSetting) -> Edit {
    Edit::Remove { section: Section::KillSwitches, key: kill.key }
}

/// Reads every local file and merges all layers.
fn put_together(
    host: &ClientBuilder,
    readings: &Readings,
    declarations: &[Declaration],
    declaration_problems: &[Problem],
    published: &Published,
    quarantine: Option<&dyn WatchRuns>,
) -> InForce {
    let mut problems = Vec::new();
    let users = host.sidecar.iter().chain(&host.user_file).map(|path| (FileOwner::User, path));
    let systems = host.system_file.iter().map(|path| (FileOwner::System, path));
    let files: Vec<(FileOwner, Contents)> = users
        .chain(systems)
        .filter_map(|(owner, path)| {
            let (contents, error) = readings.read(path);
            problems.extend(error.map(|source| Problem::File(Arc::new(source))));
            contents.map(|contents| (owner, contents))
        })
        .collect();
    let state = published.state.as_ref();
    let governs = host.precedence != Precedence::LocalOnly;
    let verdict = quarantine.map(|quarantine| quarantine.look(state.filter(|_| governs))).unwrap_or_default();
    let mut in_force = merge(host, declarations, files, state, verdict.holds.as_deref(), (host.clock)());
    problems.splice(0..0, declaration_problems.iter().chain(&published.problems).chain(&verdict.problems).cloned());
    in_force.problems.splice(0..0, problems);
    in_force
}

/// The declarations that hold together, and why others do not.
fn sound(declarations: &[Declaration]) -> (Vec<Declaration>, Vec<Problem>) {
    let mut sound: Vec<Declaration> = Vec::with_capacity(declarations.len());
    let mut problems = Vec::new();
    for declaration in declarations {
        let twice = sound.iter().any(|known| known.key == declaration.key);
        let checked =
            if twice { Err(DeclarationError::Twice { flag: declaration.key }) } else { declaration.validate() };
        match checked {
            Ok(()) => sound.push(*declaration),
            Err(source) => problems.push(Problem::Declaration(source)),
        }
    }
    (sound, problems)
}

impl fmt::Debug for FlagClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_force = self.inner.in_force.load();
        let mut debug = f.debug_struct("FlagClient");
        debug.field("flags", &in_force.order.len()).field("snapshot", &in_force.info).finish_non_exhaustive()
    }
}
