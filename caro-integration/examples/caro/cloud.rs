//! A stand-in for caro's telemetry service: a file in place of a network.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Where telemetry is synced to.
pub(crate) trait Cloud {
    /// Takes rows of telemetry, in their order; all of them or none. The service knows a row by its number, so that one sent twice
    /// counts once.
    fn upload(&self, rows: &[(usize, String)]) -> io::Result<()>;
}

/// The service, with a file as its database.
pub(crate) struct FileCloud {
    database: PathBuf,
}

impl FileCloud {
    pub(crate) fn new(database: PathBuf) -> Self {
        Self { database }
    }

    /// Returns the rows that the service has, each with its number before it.
    pub(crate) fn rows(&self) -> io::Result<Vec<String>> {
        match fs::read_to_string(&self.database) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl Cloud for FileCloud {
    fn upload(&self, rows: &[(usize, String)]) -> io::Result<()> {
        let known = self.rows()?;
        let last = known.last().and_then(|row| row.split_once(' ')?.0.parse().ok()).unwrap_or(0);
        let new = rows.iter().filter(|(number, _)| *number > last);
        let new: Vec<String> = new.map(|(number, row)| format!("{number} {row}\n")).collect();
        OpenOptions::new().create(true).append(true).open(&self.database)?.write_all(new.concat().as_bytes())
    }
}

/// The service while it is down.
pub(crate) struct Unavailable;

impl Cloud for Unavailable {
    fn upload(&self, _rows: &[(usize, String)]) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the cloud is unavailable"))
    }
}
