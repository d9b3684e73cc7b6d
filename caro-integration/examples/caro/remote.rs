//! Where published flags come from, as arguments. A real program has these built in.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use caro_integration::{Features, Host, HostPaths, Remote};
use clap::Args;
use flag_client::{Fetched, SyncError};

#[derive(Args)]
pub(crate) struct RemoteArguments {
    /// Where snapshots are published: an https URL, or a folder
    #[arg(long, value_name = "URL", requires = "root", global = true)]
    snapshot_url: Option<String>,
    /// The root to trust: the file `1.json` that the publisher hands out
    #[arg(long, value_name = "FILE", global = true)]
    root: Option<PathBuf>,
    /// The project of the snapshots
    #[arg(long, default_value = "caro", global = true)]
    project: String,
    /// The environment of the project
    #[arg(long, default_value = "production", global = true)]
    environment: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error("root {} cannot be read", path.display())]
    Root {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error("the output could not be written")]
    Output(#[source] io::Error),
}

/// Fetches what is newly published, and says what that was. Everything is in force when this returns.
pub(crate) fn sync(features: &Features, out: &mut dyn Write) -> Result<(), RemoteError> {
    let report = features.client().sync()?;
    let news = match report.snapshot {
        Fetched::Updated => "newly fetched",
        _ => "nothing new",
    };
    let held = match report.snapshot_info {
        Some(snapshot) => format!("Published flags: version {} of {}, {news}", snapshot.version, snapshot.issued_at),
        None => "Published flags: none".to_owned(),
    };
    match writeln!(out, "{held}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RemoteError::Output(error)),
        _ => Ok(()),
    }
}

impl RemoteArguments {
    /// Returns the host with published flags, if a root is given.
    pub(crate) fn apply(self, host: Host, paths: &HostPaths) -> Result<Host, RemoteError> {
        let Some(root) = self.root else { return Ok(host) };
        let pinned_root = fs::read(&root).map_err(|source| RemoteError::Root { path: root, source })?;
        Ok(host.remote(Remote {
            project: self.project,
            environment: self.environment,
            pinned_root,
            state_file: paths.state_dir.join("published.json"),
            bundled_snapshot: None,
            url: self.snapshot_url,
        }))
    }
}
