use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::alert_secrets::AlertSecrets;
use super::draft_files::DraftFiles;
use super::durable_file::{Readers, replace};
use super::folder::Folder;
use super::folder::publish_lock;
use super::folder_error::FolderError;
use super::key_files::KeyFiles;
use super::lease::{PostgresLease, SoleLease};
#[cfg(feature = "object-store")]
use super::object_store::StorePlace;
use super::passphrase::{GivenPassphrase, Passphrases};
use super::publish_place::PublishPlace;
use super::publish_target::PublishTarget;
use super::remote_instruments::{RemoteCells, RemoteSources};
use super::remote_server::RemoteServer;
use super::root_files::RootFiles;
use super::serve_lock::{ServeLock, ServeLockError};
use super::server_place::ServerPlace;
use super::settings_file::{SettingsError, SettingsFile};
use super::sources::Sources;
use super::sqlite::SqliteLog;
use super::store::StoreUrl;
use super::store_documents::{DocumentRows, OpenRows, PostgresRows, SqliteRows, StoreDocuments};
use super::system::{SystemClock, SystemRandomness};
use crate::app::ports::{
    CellStore, CellStoreError, Clock, Lease, LogError, LogTarget, Outbox, PublisherError, TokenUses,
};
use crate::app::{OpenError, OpenInstruments, Operator, Ports, Project, Sink};
use crate::log::EnvironmentName;

/// The file that makes a folder a project.
pub const SETTINGS_FILE: &str = "flag-admin.toml";
/// The log.
pub const LOG_FILE: &str = "log.sqlite";
/// The private keys.
pub const KEYS_FOLDER: &str = "keys";
/// The signed roots.
pub const ROOT_FOLDER: &str = "root";
const LOCK_FILE: &str = "publish.lock";
const SERVE_LOCK_FILE: &str = "serve.lock";
const SETTINGS_LOCK_FILE: &str = "settings.lock";
/// The folder of the drafts.
const DRAFTS_FOLDER: &str = "drafts";

/// A folder that holds a project.
#[derive(Clone, Debug)]
pub struct ProjectFolder {
    path: PathBuf,
    settings: SettingsFile,
    store: Option<StoreUrl>,
    passphrases: Rc<dyn Passphrases>,
    /// The server that holds the project, where this folder only holds what is ours of it: drafts.
    remote: Option<RemoteServer>,
}

impl ProjectFolder {
    /// Finds the project that a folder belongs to: the nearest one, upward.
    pub fn find(start: &Path) -> Result<Self, FolderError> {
        let absolute = std::path::absolute(start).unwrap_or_else(|_| start.to_owned());
        match absolute.ancestors().find(|folder| folder.join(SETTINGS_FILE).is_file()) {
            Some(path) => {
                let settings = SettingsFile::read(&path.join(SETTINGS_FILE))?;
                let store = settings.store.clone();
                Ok(Self {
                    path: path.to_owned(),
                    settings,
                    store,
                    passphrases: Rc::new(GivenPassphrase::default()),
                    remote: None,
                })
            }
            None => Err(FolderError::NotFound { place: start.display().to_string() }),
        }
    }

    /// Returns the project that a server holds. `home` is where drafts of it are kept on this machine.
    pub fn remote(server: RemoteServer, home: PathBuf) -> Result<Self, FolderError> {
        let whoami = server.whoami().map_err(FolderError::Log)?;
        let text = SettingsFile::text(&whoami.project, &whoami.environment, None);
        let settings = SettingsFile::parse(&text, &server.place())?;
        let passphrases = Rc::new(GivenPassphrase::default());
        Ok(Self { path: home, settings, store: None, passphrases, remote: Some(server) })
    }

    /// Returns the server that holds the project, if one does.
    pub const fn server(&self) -> Option<&RemoteServer> {
        self.remote.as_ref()
    }

    /// Takes the log from another store than the settings name, if one is given.
    #[must_use]
    pub fn with_store(self, store: Option<StoreUrl>) -> Self {
        Self { store: store.or(self.store), ..self }
    }

    /// Opens encrypted keys with these passphrases.
    #[must_use]
    pub fn with_passphrases(self, passphrases: Rc<dyn Passphrases>) -> Self {
        Self { passphrases, ..self }
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what its settings file says.
    pub const fn settings(&self) -> &SettingsFile {
        &self.settings
    }

    /// Opens the project.
    pub fn open(&self, operator: Operator) -> Result<Project, FolderError> {
        self.open_at(operator, Box::new(SystemClock))
    }

    /// Opens the project with a clock of one's own.
    pub(crate) fn open_at(&self, operator: Operator, clock: Box<dyn Clock>) -> Result<Project, FolderError> {
        let ports = Ports {
            log: self.log().map_err(OpenError::from)?,
            keys: Box::new(self.keys()),
            roots: Box::new(self.roots()),
            clock,
            random: Box::new(SystemRandomness),
        };
        let project = Project::open(ports, self.settings.settings(), operator)?;
        let expected = project.state().project();
        if *expected != self.settings.project {
            return Err(FolderError::OtherProject {
                place: self.path.join(SETTINGS_FILE).display().to_string(),
                found: self.settings.project.clone(),
                expected: expected.clone(),
            });
        }
        Ok(project)
    }

    /// Opens the log alone, also of a project that does not open because its log is corrupt.
    pub fn log(&self) -> Result<Box<dyn LogTarget>, LogError> {
        if let Some(server) = &self.remote {
            return Ok(Box::new(server.clone()));
        }
        Ok(match &self.store {
            Some(store) => Box::new(store.open()?),
            None => Box::new(SqliteLog::open(&self.path.join(LOG_FILE))?),
        })
    }

    /// Sets where alerts go, by name, or that they go there no more. Comments and everything else in the settings stay.
    pub fn set_sink(&self, name: &str, sink: Option<&Sink>) -> Result<(), FolderError> {
        self.edit_settings(|text, place| SettingsFile::with_sink(text, place, name, sink))
    }

    /// Edits the settings as they are now, so that of two programs that change different things neither undoes what the other did. An
    /// editor does not know the lock: what it wrote in the meantime is edited anew.
    fn edit_settings(&self, edit: impl Fn(&str, &str) -> Result<String, SettingsError>) -> Result<(), FolderError> {
        let path = self.path.join(SETTINGS_FILE);
        let place = path.display().to_string();
        let failed = |action| {
            let place = place.clone();
            move |source| FolderError::File { place, action, source }
        };
        let lock =
            fs::File::options().create(true).truncate(false).write(true).open(self.path.join(SETTINGS_LOCK_FILE));
        let lock = lock.map_err(failed("locked"))?;
        lock.lock().map_err(failed("locked"))?;
        loop {
            let before = fs::read_to_string(&path).map_err(failed("read"))?;
            let edited = edit(&before, &place)?;
            if fs::read_to_string(&path).map_err(failed("read"))? == before {
                return replace(&path, edited.as_bytes(), Readers::Everyone).map_err(failed("written"));
            }
        }
    }

    /// Returns the secrets that alerts are signed with.
    pub fn alert_secrets(&self) -> AlertSecrets {
        AlertSecrets::new(self.path.join(KEYS_FOLDER))
    }

    /// Refuses what is kept beside the log where that lies with a server: it is the server's own.
    fn refuse_from_afar(&self) -> Result<(), LogError> {
        match &self.remote {
            None => Ok(()),
            Some(server) => {
                let message = String::from("this is done where the project lies");
                Err(LogError::Refused { place: server.place(), status: 0, message, hint: None })
            }
        }
    }

    /// Returns what opens the alerts that are on their way, on whichever thread.
    pub fn open_outbox(&self) -> OpenOutbox {
        OpenOutbox { store: self.store.clone(), path: self.path.join(LOG_FILE) }
    }

    /// Opens the alerts that are on their way.
    pub fn outbox(&self) -> Result<Box<dyn Outbox>, LogError> {
        self.refuse_from_afar()?;
        self.open_outbox().open()
    }

    /// Reads the settings anew, which a command may have changed.
    pub fn reread(&mut self) -> Result<(), SettingsError> {
        self.settings = SettingsFile::read(&self.path.join(SETTINGS_FILE))?;
        Ok(())
    }

    /// Opens what remembers when tokens were last used.
    pub fn token_uses(&self) -> Result<Box<dyn TokenUses>, LogError> {
        self.refuse_from_afar()?;
        Ok(match &self.store {
            Some(store) => Box::new(store.open()?),
            None => Box::new(SqliteLog::open(&self.path.join(LOG_FILE))?),
        })
    }

    /// Returns where an environment was published to last, as far as the settings remember.
    pub fn remembered_target(&self, environment: &EnvironmentName) -> Option<PathBuf> {
        self.settings.publish_to.get(environment).map(PathBuf::from)
    }

    /// Remembers in the settings where an environment is published to. Comments and everything else in them stay.
    pub fn remember_target(&self, environment: &EnvironmentName, out: &Path) -> Result<(), FolderError> {
        let text = PublishTarget::parse(out).map_or_else(|_| out.display().to_string(), |target| target.to_remember());
        if self.settings.publish_to.get(environment) == Some(&text) {
            return Ok(());
        }
        self.edit_settings(|settings, place| SettingsFile::with_target(settings, place, environment, &text))
    }

    /// Notes in the settings which environment commands change where they name none. Comments and everything else in them stay.
    pub fn set_environment(&self, environment: &EnvironmentName) -> Result<(), FolderError> {
        self.edit_settings(|settings, place| SettingsFile::with_environment(settings, place, environment))
    }

    /// Returns the private keys.
    pub fn keys(&self) -> KeyFiles {
        KeyFiles::new(self.path.join(KEYS_FOLDER)).with_passphrases(Rc::clone(&self.passphrases))
    }

    /// Returns the signed roots.
    pub fn roots(&self) -> RootFiles {
        RootFiles::new(self.path.join(ROOT_FOLDER))
    }

    /// Returns the drafts that people keep here.
    pub fn drafts(&self) -> DraftFiles {
        DraftFiles::new(self.path.join(DRAFTS_FOLDER))
    }

    /// Returns what is published in the project's own store.
    pub fn documents(&self, environment: &EnvironmentName) -> StoreDocuments {
        StoreDocuments::shelf(self.open_rows(), environment.clone())
    }

    /// Returns what opens the cells that reports are added to.
    pub fn cells(&self) -> impl FnMut() -> Result<Box<dyn CellStore>, CellStoreError> + Send + use<> {
        let (store, path) = (self.store.clone(), self.path.join(LOG_FILE));
        move || {
            let opened: Result<Box<dyn CellStore>, LogError> = match &store {
                Some(store) => store.open().map(|log| Box::new(log) as Box<dyn CellStore>),
                None => SqliteLog::open(&path).map(|log| Box::new(log) as Box<dyn CellStore>),
            };
            opened.map_err(|error| CellStoreError {
                place: String::from("the store of cells"),
                action: "opened",
                source: Box::new(error),
            })
        }
    }

    /// Opens what rollouts and experiments of an environment are judged by, which may lie with a server.
    pub fn instruments(&self, environment: &EnvironmentName) -> Result<OpenInstruments, CellStoreError> {
        Ok(match &self.remote {
            Some(server) => OpenInstruments {
                cells: Box::new(RemoteCells::new(server.clone())),
                sources: Box::new(RemoteSources::new(server.clone(), environment.clone())),
            },
            None => OpenInstruments { cells: self.cells()()?, sources: Box::new(self.sources()) },
        })
    }

    /// Returns the systems that rollouts may ask, by the settings as they were read.
    pub fn sources(&self) -> Sources {
        Sources::new(self.settings.sources.clone())
    }

    /// Returns the lease of whichever server leads.
    pub fn lease(&self) -> Box<dyn Lease> {
        match &self.store {
            Some(store) => Box::new(PostgresLease::new(store.clone())),
            None => Box::new(SoleLease),
        }
    }

    fn open_rows(&self) -> OpenRows {
        let (store, path) = (self.store.clone(), self.path.join(LOG_FILE));
        Box::new(move || match &store {
            Some(store) => Ok(Box::new(PostgresRows::new(store.open()?)?) as Box<dyn DocumentRows>),
            None => Ok(Box::new(SqliteRows::new(SqliteLog::open(&path)?))),
        })
    }

    /// Makes this process the one server of the project, if its log lies in the folder; several may share one in PostgreSQL. `whoami` is what
    /// another server is told.
    pub fn serve_lock(&self, whoami: &str) -> Result<Option<ServeLock>, ServeLockError> {
        match self.store {
            Some(_) => Ok(None),
            None => ServeLock::take(&self.path.join(SERVE_LOCK_FILE), whoami).map(Some),
        }
    }

    /// Opens a place to publish an environment to: a folder, the address of an object store, or the project's own store.
    pub fn publisher(&self, environment: &EnvironmentName, out: &Path) -> Result<PublishPlace, PublisherError> {
        let target = PublishTarget::parse(out).map_err(|error| PublisherError {
            place: out.display().to_string(),
            action: "opened",
            source: Box::new(error),
        })?;
        let lock = self.path.join(LOCK_FILE);
        let out = match &target {
            PublishTarget::Folder(out) => out.as_path(),
            PublishTarget::Server(address) => {
                return ServerPlace::open(address, environment.clone()).map(PublishPlace::Server);
            }
            PublishTarget::Own => {
                let (open, lock) = (self.open_rows(), publish_lock(&lock)?);
                return StoreDocuments::publisher(open, environment.clone(), lock).map(PublishPlace::Own);
            }
            #[cfg(feature = "object-store")]
            PublishTarget::Store(address) => {
                return Ok(PublishPlace::Store(StorePlace::open(address, publish_lock(&lock)?)?));
            }
            #[cfg(not(feature = "object-store"))]
            PublishTarget::Store(address) => Path::new(address),
        };
        // A folder that is served must not be one that private keys lie in.
        let whole = |path: &Path| path.canonicalize().ok();
        let holds_keys =
            |out: PathBuf| whole(&self.path).is_some_and(|own| own.starts_with(&out) || own.join(KEYS_FOLDER) == out);
        if whole(out).is_some_and(holds_keys) {
            return Err(PublisherError {
                place: out.display().to_string(),
                action: "published to",
                source: Box::new(io::Error::other("the project's private keys lie in it")),
            });
        }
        Folder::open(out, &lock).map(PublishPlace::Folder)
    }
}

/// Opens the alerts that are on their way.
#[derive(Clone, Debug)]
pub struct OpenOutbox {
    store: Option<StoreUrl>,
    path: PathBuf,
}

impl OpenOutbox {
    /// Opens them.
    pub fn open(&self) -> Result<Box<dyn Outbox>, LogError> {
        Ok(match &self.store {
            Some(store) => Box::new(store.open()?),
            None => Box::new(SqliteLog::open(&self.path)?),
        })
    }
}
