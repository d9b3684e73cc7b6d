use std::fs;
use std::io;
use std::path::PathBuf;

use super::durable_file::{Readers, replace};
use crate::app::WebhookSecret;

/// The secrets that alerts are signed with, one a line and the newest first, in a file for each sink beside the private keys.
#[derive(Clone, Debug)]
pub struct AlertSecrets {
    folder: PathBuf,
}

impl AlertSecrets {
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, sink: &str) -> PathBuf {
        self.folder.join(format!("alert-{sink}.secret"))
    }

    /// Returns the secrets of a sink, none if it has none.
    pub fn secrets(&self, sink: &str) -> io::Result<Vec<WebhookSecret>> {
        let text = match fs::read_to_string(self.path(sink)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => zeroize::Zeroizing::new(read?),
        };
        let secrets: Result<Vec<WebhookSecret>, _> =
            text.lines().filter(|line| !line.trim().is_empty()).map(str::parse).collect();
        secrets.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Keeps the secrets of a sink, the newest first.
    pub fn keep(&self, sink: &str, secrets: &[WebhookSecret]) -> io::Result<()> {
        let mut text = zeroize::Zeroizing::new(String::new());
        for secret in secrets {
            text.push_str(&secret.expose());
            text.push('\n');
        }
        replace(&self.path(sink), text.as_bytes(), Readers::Owner)
    }

    /// Forgets the secrets of a sink.
    pub fn forget(&self, sink: &str) -> io::Result<()> {
        match fs::remove_file(self.path(sink)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
