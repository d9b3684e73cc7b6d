//! Where published flags come from, as arguments. A real program has these built in.

use std::fs;
use std::io;
use std::path::PathBuf;

use caro_integration::{Host, HostPaths, Remote};
use clap::Args;

#[derive(Args)]
#[command(next_help_heading = "Published flags")]
pub(crate) struct PublishedArguments {
    /// The root to trust, `1.json`
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// A signed snapshot that came with the program
    #[arg(long, value_name = "FILE", requires = "root")]
    snapshot: Option<PathBuf>,
    /// Where `features sync` fetches from
    #[arg(long, value_name = "URL", requires = "root")]
    snapshot_url: Option<String>,
    /// The project of the snapshots
    #[arg(long, default_value = "caro", hide_default_value = true)]
    project: String,
    /// The environment of the project
    #[arg(long, default_value = "production", hide_default_value = true)]
    environment: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read", path.display())]
pub(crate) struct PublishedError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl PublishedArguments {
    /// Returns the host with published flags, if a root is given.
    pub(crate) fn apply(self, host: Host, paths: &HostPaths) -> Result<Host, PublishedError> {
        let Some(root) = self.root else { return Ok(host) };
        Ok(host.remote(Remote {
            project: self.project,
            environment: self.environment,
            pinned_root: read(root)?,
            state_file: paths.state_dir.join("published.json"),
            bundled_snapshot: self.snapshot.map(read).transpose()?,
            url: self.snapshot_url,
        }))
    }
}

fn read(path: PathBuf) -> Result<Vec<u8>, PublishedError> {
    fs::read(&path).map_err(|source| PublishedError { path, source })
}
