use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use flag_client::trust::RoleName;
use toml_edit::DocumentMut;

use super::durable_file::{Readers, create, sync_folder};
use super::project_folder::{
    FolderError, KEYS_FOLDER, ProjectFolder, ROOT_FOLDER, SETTINGS_FILE, made_beside, new_log, write_ignored,
};
use super::settings_file::SettingsFile;
use super::store::StoreUrl;
use super::system::SystemClock;
use crate::app::ports::{Clock as _, RootStore as _};
use crate::app::{BackupError, BackupHeader, BackupReader, verify_backup, write_backup};
use crate::log::{Head, ProjectName};

const ROLES: [RoleName; 3] = [RoleName::Root, RoleName::Snapshot, RoleName::Kill];

/// Whether private keys are part of a backup.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum BackupKeys {
    /// They stay where they are.
    #[default]
    Without,
    /// They are in it, as they lie in the project: not encrypted.
    With,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The project.
    pub project: ProjectName,
    /// The head of its log.
    pub head: Head,
    /// Whether its private keys were in the backup.
    pub keys: BackupKeys,
}

/// Writes a project into one file that only its owner may read. The file must not be there yet; it is whole or not there.
pub fn backup(folder: &ProjectFolder, target: &Path, keys: BackupKeys) -> Result<Head, FolderError> {
    let failed = |path: &Path, action| {
        let place = path.display().to_string();
        move |source| FolderError::File { place, action, source }
    };
    let settings_path = folder.path().join(SETTINGS_FILE);
    let settings = fs::read_to_string(&settings_path).map_err(failed(&settings_path, "read"))?;
    let mut pems = BTreeMap::new();
    for role in ROLES.into_iter().filter(|_| keys == BackupKeys::With) {
        let path = folder.path().join(KEYS_FOLDER).join(format!("{role}.pem"));
        match fs::read_to_string(&path) {
            Ok(pem) => drop(pems.insert(role.to_string(), pem)),
            // A key that lies elsewhere, such as a root key kept offline, is not this project's to back up.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path, "read")(error)),
        }
    }
    let roots = folder.roots().roots()?;
    let project = folder.settings().project.clone();
    let header = BackupHeader::new(project, SystemClock.now(), settings, &roots, pems);
    let log = folder.log()?;

    let absolute = std::path::absolute(target).map_err(failed(target, "written"))?;
    let parent = absolute.parent().unwrap_or(Path::new("/"));
    if absolute.exists() {
        return Err(FolderError::Exists { place: target.display().to_string() });
    }
    // A temporary file is its owner's alone, and goes away again unless it is kept.
    let beside = tempfile::Builder::new()
        .prefix(".flag-admin-backup-")
        .tempfile_in(parent)
        .map_err(failed(target, "written"))?;
    let head = write_backup(&*log, &header, &mut BufWriter::new(beside.as_file()))?;
    beside.as_file().sync_all().map_err(failed(target, "written"))?;
    beside.persist_noclobber(&absolute).map_err(|error| failed(target, "written")(error.error))?;
    sync_folder(parent).map_err(failed(parent, "written"))?;
    Ok(head)
}

/// Makes a project out of a backup, in a folder that is not there yet or empty, and in a store that is empty. Everything is proved before
/// anything is made; a whole project is made or none.
pub fn restore(file: &Path, target: &Path, store: Option<&StoreUrl>) -> Result<Restored, FolderError> {
    let failed = |path: &Path, action| {
        let place = path.display().to_string();
        move |source| FolderError::File { place, action, source }
    };
    let open = || File::open(file).map(BufReader::new).map_err(failed(file, "read"));
    let (header, proved) = verify_backup(open()?)?;
    let settings = with_store(&header.settings, store)?;
    let read = SettingsFile::parse(&settings, SETTINGS_FILE)?;
    if read.project != header.project {
        return Err(FolderError::OtherProject {
            place: format!("{SETTINGS_FILE} in {}", file.display()),
            found: read.project,
            expected: header.project,
        });
    }
    let head = made_beside(target, |building| {
        let written = |name: &str| failed(&building.join(name), "written");
        for made in [ROOT_FOLDER].into_iter().chain((!header.keys.is_empty()).then_some(KEYS_FOLDER)) {
            owned_folder(&building.join(made)).map_err(written(made))?;
        }
        for (version, root) in (1_u64..).zip(header.roots().unwrap_or_default()) {
            let path = building.join(ROOT_FOLDER).join(format!("{version}.json"));
            create(&path, &root, Readers::Everyone).map_err(written(ROOT_FOLDER))?;
        }
        // Only the three names: what else a file might say is no path of ours.
        for (role, pem) in ROLES.iter().filter_map(|role| Some((role, header.keys.get(&role.to_string())?))) {
            let path = building.join(KEYS_FOLDER).join(format!("{role}.pem"));
            create(&path, pem.as_bytes(), Readers::Owner).map_err(written(KEYS_FOLDER))?;
        }
        create(&building.join(SETTINGS_FILE), settings.as_bytes(), Readers::Everyone)
            .map_err(written(SETTINGS_FILE))?;
        write_ignored(building)?;
        for made in [ROOT_FOLDER, "."] {
            sync_folder(&building.join(made)).map_err(written(made))?;
        }
        // The file is read a second time, and proved again: it may have been replaced since.
        let (mut reader, _) = BackupReader::open(open()?)?;
        let mut last = Head::GENESIS;
        let mut next = || {
            let entry = reader.next_entry()?;
            match &entry {
                Some(entry) => last = entry.head(),
                None if last != proved => return Err(BackupError::Changed.into()),
                None => {}
            }
            Ok(entry)
        };
        Ok(new_log(building, store)?.fill(&mut next)?)
    })?;
    let keys = if header.keys.is_empty() { BackupKeys::Without } else { BackupKeys::With };
    Ok(Restored { project: header.project, head, keys })
}

/// Names the store that a project is restored to in its settings, and keeps everything else in them.
fn with_store(settings: &str, store: Option<&StoreUrl>) -> Result<String, FolderError> {
    let unchanged = SettingsFile::parse(settings, SETTINGS_FILE)?;
    if unchanged.store.as_ref() == store {
        return Ok(settings.to_owned());
    }
    // It was just read as TOML.
    let mut document: DocumentMut = settings.parse().unwrap_or_default();
    match store {
        Some(store) => drop(document.insert("store", toml_edit::value(store.to_string()))),
        None => drop(document.remove("store")),
    }
    Ok(document.to_string())
}

fn owned_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    if path.ends_with(KEYS_FOLDER) {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}
