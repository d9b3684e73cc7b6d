//! Files that a crash leaves whole, old or new: written beside their place, synced, and renamed into it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Returns the folder a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Returns the path of a file beside another one.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes a new file for the owner of its folder alone and syncs it. It takes over owner and permissions of a file it is to replace, if one
/// is given.
pub(crate) fn write_durably(path: &Path, bytes: &[u8], like: Option<&fs::Metadata>) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_new(path)?;
    file.write_all(bytes)?;
    if let Some(like) = like {
        keep_owner(&file, like);
        file.set_permissions(like.permissions())?;
    }
    file.sync_all()
}

/// Returns options that make a file which its owner alone may read and write.
#[cfg(unix)]
pub(crate) fn owner_only() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
pub(crate) fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// Makes a file that is not there yet, for the owner of its folder alone. It does not follow a link that somebody put there.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let file = owner_only().create_new(true).open(path)?;
    give_to_owner_of(folder_of(path), &file);
    Ok(file)
}

/// Opens a file as these options of [`owner_only`] say, and makes it if it is not there yet, for the owner of its folder alone.
pub(crate) fn open_or_create(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let opened = options.open(path);
    if !opened.as_ref().is_err_and(is_missing) {
        return opened;
    }
    match options.clone().create_new(true).open(path) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        created => created.inspect(|file| give_to_owner_of(folder_of(path), file)),
    }
}

/// Makes a folder and those it lies in, where they are not there yet, each for the owner of the one it lies in.
pub(crate) fn create_folders(folder: &Path, builder: &fs::DirBuilder) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_folders(folder_of(folder), builder)?;
            builder.create(folder)
        }
        created => created,
    }
    .or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })?;
    give_folder_to_owner_of(folder_of(folder), folder);
    Ok(())
}

/// Gives what this process has just made to the owner of its folder: what one run as the administrator left would lock the folder's owner
/// out of all later ones. Only the administrator can give something away; whoever else fails owns it rightly, and the file is as good.
///
/// Only what is new may be given away. Something that was there before might be a link to a file of somebody else.
#[cfg(unix)]
fn give_to_owner_of(folder: &Path, new: &File) {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let (Ok(folder), Ok(metadata)) = (fs::metadata(folder), new.metadata()) else { return };
    if folder.uid() != metadata.uid() {
        let _ = fchown(new, Some(folder.uid()), Some(folder.gid()));
    }
}

#[cfg(not(unix))]
fn give_to_owner_of(_folder: &Path, _new: &File) {}

/// A folder is opened after it was made, and may have been exchanged for a link in between.
#[cfg(unix)]
fn give_folder_to_owner_of(folder: &Path, new: &Path) {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(file) = File::open(new) else { return };
    let (Ok(opened), Ok(found)) = (file.metadata(), fs::symlink_metadata(new)) else { return };
    if found.is_dir() && (opened.dev(), opened.ino()) == (found.dev(), found.ino()) {
        give_to_owner_of(folder, &file);
    }
}

#[cfg(not(unix))]
fn give_folder_to_owner_of(_folder: &Path, _new: &Path) {}

/// An administrator's edit must not take the file away from its owner. Nobody else could give it away, and nobody else has to.
#[cfg(unix)]
fn keep_owner(file: &File, like: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let _ = fchown(file, Some(like.uid()), Some(like.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _like: &fs::Metadata) {}

/// Makes a rename in a folder durable.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be synced here; the rename is as durable as the system makes it.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
