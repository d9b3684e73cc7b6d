use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use flag_client::trust::RoleName;
use flag_core::Timestamp;

use super::durable_file::{Readers, create, sync_folder};
use super::folder_error::FolderError;
use super::key_files::{KeyFiles, generate_keys, make_folder};
use super::passphrase::{GivenPassphrase, Passphrase};
use super::project_folder::{KEYS_FOLDER, LOG_FILE, ROOT_FOLDER, SETTINGS_FILE};
use super::settings_file::SettingsFile;
use super::sqlite::SqliteLog;
use super::store::StoreUrl;
use super::system::SystemClock;
use crate::app::ports::{Clock as _, KeyStore as _, LogError, LogTarget};
use crate::app::{Birth, InitError, Operator, birth, birth_under};
use crate::log::{EnvironmentName, Head, ProjectName};

const IGNORE_FILE: &str = ".gitignore";
/// Keys and database never belong in a repository; settings and roots may.
const IGNORED: &str = "/keys/\n/log.sqlite*\n/publish.lock\n/serve.lock\n/settings.lock\n";

/// A project to be made.
#[derive(Clone, Debug)]
pub struct InitFolder {
    /// Its name.
    pub project: ProjectName,
    /// Its environments; the first is the one that commands change where they name none.
    pub environments: Vec<EnvironmentName>,
    /// Who makes it.
    pub operator: Operator,
    /// Where its log is kept; in the folder where absent.
    pub store: Option<StoreUrl>,
    /// What its private keys are encrypted under; they are not where absent.
    pub passphrase: Option<Passphrase>,
    /// The root that was signed elsewhere for it, byte for byte; keys and a root are made where absent.
    pub root: Option<Vec<u8>>,
}

/// Makes a project in a folder that is not there yet, or empty. It is made beside its place and renamed into it, so that there is a whole
/// project or none. Returns the head of its log.
pub fn init(target: &Path, request: &InitFolder) -> Result<Head, FolderError> {
    init_at(target, request, SystemClock.now())
}

/// Makes a project whose first entries are of a time of one's own, as the one that a demonstration plays.
pub(crate) fn init_at(target: &Path, request: &InitFolder, now: Timestamp) -> Result<Head, FolderError> {
    made_beside(target, |building| build(building, request, now))
}

/// Refuses what [`init`] would refuse, as far as can be told without making anything.
pub fn check_init(target: &Path, request: &InitFolder) -> Result<(), FolderError> {
    check_vacant(target)?;
    if let Some(root) = &request.root {
        birth_under(&birth_of(request, SystemClock.now()), root.clone())?;
    }
    Ok(())
}

/// Refuses a folder that holds a project, or anything.
pub(super) fn check_vacant(target: &Path) -> Result<(), FolderError> {
    let place = || target.display().to_string();
    match fs::read_dir(target) {
        Ok(_) if target.join(SETTINGS_FILE).exists() => Err(FolderError::AlreadyAProject { place: place() }),
        Ok(mut there) => {
            if there.next().is_some() {
                return Err(FolderError::NotEmpty { place: place() });
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(FolderError::File { place: place(), action: "read", source }),
    }
}

/// Makes a folder that is not there yet, or empty: beside its place, and renamed into it once it is whole.
pub(super) fn made_beside(
    target: &Path,
    make: impl FnOnce(&Path) -> Result<Head, FolderError>,
) -> Result<Head, FolderError> {
    let file = |path: &Path, action| {
        let place = path.display().to_string();
        move |source| FolderError::File { place, action, source }
    };
    check_vacant(target)?;
    let target = std::path::absolute(target).map_err(file(target, "read"))?;
    let parent = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(file(parent, "written"))?;
    let building =
        tempfile::Builder::new().prefix(".flag-admin-").tempdir_in(parent).map_err(file(parent, "written"))?;
    let head = make(building.path())?;
    if target.exists() {
        fs::remove_dir(&target).map_err(file(&target, "written"))?;
    }
    fs::rename(building.path(), &target).map_err(file(&target, "written"))?;
    // It is not there any more, and must not be removed from where it is now.
    let _ = building.keep();
    sync_folder(parent).map_err(file(parent, "written"))?;
    Ok(head)
}

fn birth_of(request: &InitFolder, now: Timestamp) -> Birth<'static> {
    Birth {
        project: request.project.clone(),
        environments: request.environments.clone(),
        operator: request.operator.clone(),
        now,
        keys: &[],
    }
}

fn build(folder: &Path, request: &InitFolder, now: Timestamp) -> Result<Head, FolderError> {
    let written = |name: &str| {
        let place = folder.join(name).display().to_string();
        move |source| FolderError::File { place, action: "written", source }
    };
    let environment = request.environments.first().ok_or(InitError::NoEnvironment)?;
    let keys;
    let newborn = if let Some(root) = &request.root {
        make_folder(&folder.join(KEYS_FOLDER)).map_err(written(KEYS_FOLDER))?;
        birth_under(&birth_of(request, now), root.clone())?
    } else {
        keys = generate_keys(&folder.join(KEYS_FOLDER), request.passphrase.as_ref()).map_err(written(KEYS_FOLDER))?;
        let opened_by = Rc::new(GivenPassphrase(request.passphrase.clone()));
        let files = KeyFiles::new(folder.join(KEYS_FOLDER)).with_passphrases(opened_by);
        birth(&Birth { keys: &keys, ..birth_of(request, now) }, &*files.signer(RoleName::Root)?)?
    };
    fs::create_dir(folder.join(ROOT_FOLDER)).map_err(written(ROOT_FOLDER))?;
    let root = folder.join(ROOT_FOLDER).join("1.json");
    create(&root, &newborn.root, Readers::Everyone).map_err(written(ROOT_FOLDER))?;
    let settings = SettingsFile::text(&request.project, environment, request.store.as_ref());
    create(&folder.join(SETTINGS_FILE), settings.as_bytes(), Readers::Everyone).map_err(written(SETTINGS_FILE))?;
    write_ignored(folder)?;
    let mut entries = newborn.entries.into_iter();
    let head = new_log(folder, request.store.as_ref())?.fill(&mut || Ok(entries.next()))?;
    for made in [KEYS_FOLDER, ROOT_FOLDER, "."] {
        sync_folder(&folder.join(made)).map_err(written(made))?;
    }
    Ok(head)
}

/// Keeps what is not for repositories out of them.
pub(super) fn write_ignored(folder: &Path) -> Result<(), FolderError> {
    let path = folder.join(IGNORE_FILE);
    let place = path.display().to_string();
    let written = |source| FolderError::File { place, action: "written", source };
    create(&path, IGNORED.as_bytes(), Readers::Everyone).map_err(written)
}

/// Makes an empty log: in a store, or in a folder where none is named.
pub(super) fn new_log(folder: &Path, store: Option<&StoreUrl>) -> Result<Box<dyn LogTarget>, LogError> {
    Ok(match store {
        Some(store) => Box::new(store.create()?),
        None => Box::new(SqliteLog::create(&folder.join(LOG_FILE))?),
    })
}
