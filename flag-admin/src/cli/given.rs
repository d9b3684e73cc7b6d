//! The definitions that a command is about: those of a file, or those of the project.

use std::path::{Path, PathBuf};

use clap::Args;

use super::problem::Stop;
use super::session::{Session, read_text};
use crate::app::AppError;
use crate::definition::{Definitions, Places};

/// Where definitions come from.
#[derive(Debug, Args)]
pub(super) struct GivenArguments {
    /// Take the definitions of this file rather than those of the project; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

/// The definitions of a file, and where in it they stand.
pub(super) struct GivenFile {
    pub(super) name: String,
    pub(super) definitions: Definitions,
    pub(super) places: Places,
}

impl GivenArguments {
    /// Reads the definitions, of the file if one is named.
    pub(super) fn definitions(&self, session: &Session) -> Result<Definitions, Stop> {
        if let Some(path) = &self.file {
            return Ok(read(path)?.definitions);
        }
        let opened = session.open()?;
        Ok(opened.project.definitions(&opened.environment).map_err(AppError::from)?)
    }
}

/// Reads a file of definitions.
pub(super) fn read(path: &Path) -> Result<GivenFile, Stop> {
    let (name, text) = read_text(path)?;
    let (definitions, places) = Definitions::from_toml_with_places(&text, &name)?;
    Ok(GivenFile { name, definitions, places })
}
