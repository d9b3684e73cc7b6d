use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use flag_client::trust::RoleName;
use toml_edit::DocumentMut;

use super::durable_file::{Readers, create, sync_folder};
use super::folder_error::FolderError;
use super::new_project::{check_vacant, made_beside, new_log, write_ignored};
use super::project_folder::{KEYS_FOLDER, ProjectFolder, ROOT_FOLDER, SETTINGS_FILE};
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
    let roots = folder.roots().roots()?;
    let project = folder.settings().project.clone();
    let mut header = BackupHeader::new(project, SystemClock.now(), settings, &roots);
    // A key that lies elsewhere, such as a root key kept offline, is not this project's to back up.
    for (name, half) in key_files(&folder.path().join(KEYS_FOLDER)).map_err(failed(Path::new(KEYS_FOLDER), "read"))? {
        let path = folder.path().join(KEYS_FOLDER).join(&name);
        let kept = match half {
            KeyHalf::Public => &mut header.public_keys,
            KeyHalf::Private if keys == BackupKeys::With => &mut header.keys,
            KeyHalf::Private => continue,
        };
        kept.insert(name, fs::read_to_string(&path).map_err(failed(&path, "read"))?);
    }
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

/// Proves a backup, and refuses what [`restore`] would refuse, as far as can be told without making anything. The head is that of its log.
pub fn check_restore(file: &Path, target: &Path, store: Option<&StoreUrl>) -> Result<Restored, FolderError> {
    let Proved { header, head, .. } = proved(file, store)?;
    check_vacant(target)?;
    keys_of(&header)?;
    let keys = if header.keys.is_empty() { BackupKeys::Without } else { BackupKeys::With };
    Ok(Restored { project: header.project, head, keys })
}

/// Makes a project out of a backup, in a folder that is not there yet or empty, and in a store that is empty. Everything is proved before
/// anything is made; a whole project is made or none.
pub fn restore(file: &Path, target: &Path, store: Option<&StoreUrl>) -> Result<Restored, FolderError> {
    let failed = |path: &Path, action| {
        let place = path.display().to_string();
        move |source| FolderError::File { place, action, source }
    };
    let Proved { header, settings, head: proved } = proved(file, store)?;
    let keys = keys_of(&header)?;
    let head = made_beside(target, |building| {
        let written = |name: &str| failed(&building.join(name), "written");
        for made in [ROOT_FOLDER].into_iter().chain((!keys.is_empty()).then_some(KEYS_FOLDER)) {
            owned_folder(&building.join(made)).map_err(written(made))?;
        }
        for (version, root) in (1_u64..).zip(header.roots().unwrap_or_default()) {
            let path = building.join(ROOT_FOLDER).join(format!("{version}.json"));
            create(&path, &root, Readers::Everyone).map_err(written(ROOT_FOLDER))?;
        }
        for (name, half, text) in &keys {
            let readers = if *half == KeyHalf::Private { Readers::Owner } else { Readers::Everyone };
            create(&building.join(KEYS_FOLDER).join(name), text.as_bytes(), readers).map_err(written(KEYS_FOLDER))?;
        }
        create(&building.join(SETTINGS_FILE), settings.as_bytes(), Readers::Everyone)
            .map_err(written(SETTINGS_FILE))?;
        write_ignored(building)?;
        for made in [ROOT_FOLDER, "."] {
            sync_folder(&building.join(made)).map_err(written(made))?;
        }
        // The file is read a second time, and proved again: it may have been replaced since.
        let (mut reader, _) = BackupReader::open(opened(file)?)?;
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

/// A backup whose entries are one chain.
struct Proved {
    header: BackupHeader,
    /// The settings that a project made of it has.
    settings: String,
    head: Head,
}

fn proved(file: &Path, store: Option<&StoreUrl>) -> Result<Proved, FolderError> {
    let (header, head) = verify_backup(opened(file)?)?;
    let settings = with_store(&header.settings, store)?;
    let read = SettingsFile::parse(&settings, SETTINGS_FILE)?;
    if read.project != header.project {
        return Err(FolderError::OtherProject {
            place: format!("{SETTINGS_FILE} in {}", file.display()),
            found: read.project,
            expected: header.project,
        });
    }
    Ok(Proved { header, settings, head })
}

fn opened(file: &Path) -> Result<BufReader<File>, FolderError> {
    let place = || file.display().to_string();
    File::open(file).map(BufReader::new).map_err(|source| FolderError::File { place: place(), action: "read", source })
}

/// Which half of a key a file holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum KeyHalf {
    Private,
    Public,
}

/// Returns which half of a key a file of this name holds: `snapshot.pem`, or `snapshot-retired-1.pub`. No other name is one of a key.
fn half_of(name: &str) -> Option<KeyHalf> {
    let (stem, half) = match name.rsplit_once('.')? {
        (stem, "pem") => (stem, KeyHalf::Private),
        (stem, "pub") => (stem, KeyHalf::Public),
        _ => return None,
    };
    let (role, number) = stem.split_once("-retired-").map_or((stem, None), |(role, number)| (role, Some(number)));
    let is_number = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (ROLES.iter().any(|known| known.to_string() == role) && number.is_none_or(is_number)).then_some(half)
}

/// Returns the files that the keys of a backup become, and what they hold. Backups that were made before public halves were part of them name
/// private keys by role alone. Only names of keys are names of files: what else a backup might say is no path of ours, and is not passed over.
fn keys_of(header: &BackupHeader) -> Result<Vec<(String, KeyHalf, &str)>, BackupError> {
    let private = header.keys.iter().map(|(name, text)| {
        let is_role = ROLES.iter().any(|role| role.to_string() == *name);
        (if is_role { format!("{name}.pem") } else { name.clone() }, KeyHalf::Private, text)
    });
    let public = header.public_keys.iter().map(|(name, text)| (name.clone(), KeyHalf::Public, text));
    let named = |(name, half, text): (String, KeyHalf, _)| match half_of(&name) {
        Some(found) if found == half => Ok((name, half, text)),
        _ => Err(BackupError::KeyName { name }),
    };
    private.chain(public).map(|(name, half, text)| named((name, half, text.as_str()))).collect()
}

/// Returns the names of the files that hold keys, those that others took the place of among them.
fn key_files(folder: &Path) -> io::Result<Vec<(String, KeyHalf)>> {
    let mut found = Vec::new();
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(files) => {
            for file in files {
                let name = file?.file_name().to_string_lossy().into_owned();
                found.extend(half_of(&name).map(|half| (name, half)));
            }
        }
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_keys_are_names_of_keys() {
        for (name, half) in [
            ("root.pem", Some(KeyHalf::Private)),
            ("snapshot.pub", Some(KeyHalf::Public)),
            ("kill-retired-12.pem", Some(KeyHalf::Private)),
            ("kill-retired-12.pub", Some(KeyHalf::Public)),
            ("kill-retired-.pem", None),
            ("kill-retired-12345.pem", None),
            ("kill-retired-1/../x.pem", None),
            ("../root.pem", None),
            ("alice.pem", None),
            ("root.pem.bak", None),
            ("root", None),
        ] {
            assert_eq!(half_of(name), half, "{name}");
        }
    }
}
