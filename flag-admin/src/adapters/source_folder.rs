use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::app::SourceTree;

/// The longest file that is read, in bytes. Nobody writes a longer one by hand.
const FILE_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The Rust files in a folder and below it: without hidden folders, and without what Cargo builds.
#[derive(Clone, Debug)]
pub struct SourceFolder {
    files: Vec<String>,
}

impl SourceFolder {
    /// Looks for the files of a folder, or takes a single file. Links in the folder are not followed.
    pub fn find(root: &Path) -> io::Result<Self> {
        let mut found = Vec::new();
        if fs::metadata(root)?.is_dir() {
            walk(root, &mut found)?;
        } else {
            found.push(root.to_owned());
        }
        let mut files: Vec<String> = found.iter().map(|file| file.display().to_string()).collect();
        files.sort();
        Ok(Self { files })
    }
}

fn walk(root: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut folders = Vec::new();
    look(root, &mut folders, found)?;
    while let Some(folder) = folders.pop() {
        if look(&folder, &mut folders, found).is_err() {
            // It stands among the files, and whoever reads it is told why that fails.
            found.push(folder);
        }
    }
    Ok(())
}

/// Notes the folders and files of one folder.
fn look(folder: &Path, folders: &mut Vec<PathBuf>, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && !is_hidden && !is_built(&path) {
            folders.push(path);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Tells whether a folder is one that Cargo builds into: it has the tag by which caches are known, or is called `target` beside a manifest.
fn is_built(folder: &Path) -> bool {
    let is_target = folder.file_name().is_some_and(|name| name == "target");
    folder.join("CACHEDIR.TAG").exists() || (is_target && folder.with_file_name("Cargo.toml").exists())
}

impl SourceTree for SourceFolder {
    fn files(&self) -> &[String] {
        &self.files
    }

    fn read(&self, file: &str) -> Result<String, String> {
        let mut bytes = Vec::new();
        let opened = File::open(file).map_err(|error| error.to_string())?;
        let read = opened.take(FILE_MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes);
        let length = read.map_err(|error| error.to_string())?;
        if u64::try_from(length).is_ok_and(|length| length > FILE_MAX_BYTES) {
            return Err(format!("longer than {FILE_MAX_BYTES} bytes"));
        }
        String::from_utf8(bytes)
            .map_err(|error| format!("byte {} begins no character", error.utf8_error().valid_up_to()))
    }
}
