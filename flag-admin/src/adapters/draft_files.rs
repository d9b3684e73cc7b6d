use std::fs;
use std::io;
use std::path::PathBuf;

use super::durable_file::{Readers, replace};
use crate::app::{Draft, DraftStore, DraftStoreError};
use crate::log::{Actor, EnvironmentName};

/// Drafts as files of one folder, `alice@production.json`.
#[derive(Clone, Debug)]
pub struct DraftFiles {
    folder: PathBuf,
}

impl DraftFiles {
    /// Returns the drafts of a folder, which need not be there yet.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Names hold no `@`, so no two drafts share a file, and none leaves the folder.
    fn path(&self, environment: &EnvironmentName, actor: &Actor) -> PathBuf {
        self.folder.join(format!("{}@{environment}.json", actor.as_str()))
    }

    fn error(path: &std::path::Path, action: &'static str) -> impl FnOnce(io::Error) -> DraftStoreError {
        let place = path.display().to_string();
        move |source| DraftStoreError { place, action, source: Box::new(source) }
    }

    fn read(path: &std::path::Path) -> Result<Option<Draft>, DraftStoreError> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Self::error(path, "read"))?,
        };
        let draft = serde_json::from_slice(&bytes).map_err(io::Error::from);
        draft.map(Some).map_err(Self::error(path, "read"))
    }
}

impl DraftStore for DraftFiles {
    fn draft(&self, environment: &EnvironmentName, actor: &Actor) -> Result<Option<Draft>, DraftStoreError> {
        Self::read(&self.path(environment, actor))
    }

    fn keep(&mut self, draft: &Draft) -> Result<(), DraftStoreError> {
        let path = self.path(draft.environment(), draft.actor());
        fs::create_dir_all(&self.folder).map_err(Self::error(&self.folder, "written"))?;
        let bytes = serde_json::to_vec(draft).map_err(io::Error::from).map_err(Self::error(&path, "written"))?;
        replace(&path, &bytes, Readers::Everyone).map_err(Self::error(&path, "written"))
    }

    fn remove(&mut self, environment: &EnvironmentName, actor: &Actor) -> Result<(), DraftStoreError> {
        let path = self.path(environment, actor);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Self::error(&path, "removed")),
        }
    }

    fn drafts(&self) -> Result<Vec<Draft>, DraftStoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Self::error(&self.folder, "read"))?,
        };
        let mut drafts = Vec::new();
        for entry in entries {
            let path = entry.map_err(Self::error(&self.folder, "read"))?.path();
            // What an interrupted write left beside its place begins with a dot.
            let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            let is_draft = !is_hidden && path.extension().is_some_and(|extension| extension == "json");
            if is_draft {
                drafts.extend(Self::read(&path)?);
            }
        }
        drafts.sort_by(|one, other| (one.environment(), one.actor()).cmp(&(other.environment(), other.actor())));
        Ok(drafts)
    }
}
