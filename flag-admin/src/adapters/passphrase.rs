use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use zeroize::{Zeroize as _, Zeroizing};

/// What opens an encrypted key. Its memory is overwritten when it goes, and no message shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

/// Why a passphrase cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// It is empty, so it would keep nothing secret.
    #[error("the passphrase is empty")]
    Empty,
    /// Two texts that should be the same are not.
    #[error("the passphrases are not the same")]
    Different,
    /// Its file cannot be read.
    #[error("passphrase file {place} cannot be read")]
    File {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others may read its file.
    #[error("passphrase file {place} has mode {found:04o}, expected 0600 or 0400")]
    Exposed {
        /// Where it is.
        place: String,
        /// Its permissions.
        found: u32,
    },
    /// The terminal that it is typed on failed.
    #[error("the passphrase cannot be read from the terminal")]
    Terminal(#[source] io::Error),
    /// Whoever was asked gave none.
    #[error("no passphrase was given")]
    Cancelled,
}

/// Where passphrases come from.
pub trait Passphrases: fmt::Debug {
    /// Returns the passphrase to try on a key, or nothing where there is none left to try. `tries` says how many were wrong before.
    fn passphrase(&self, key: &str, tries: u32) -> Result<Option<Passphrase>, PassphraseError>;
}

/// One passphrase, known beforehand, or none.
#[derive(Clone, Debug, Default)]
pub struct GivenPassphrase(pub Option<Passphrase>);

impl Passphrase {
    /// Takes a text as it is. An empty one is refused.
    pub fn new(text: String) -> Result<Self, PassphraseError> {
        if text.is_empty() { Err(PassphraseError::Empty) } else { Ok(Self(Zeroizing::new(text))) }
    }

    /// Reads the first line of a file, as other programs do. Others than its owner must not be able to read it.
    pub fn read(path: &Path) -> Result<Self, PassphraseError> {
        let place = path.display().to_string();
        let failed = |source| PassphraseError::File { place: place.clone(), source };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = fs::metadata(path).map_err(failed)?;
            let found = metadata.permissions().mode() & 0o777;
            // What is handed over in a pipe has no name by which others could open it.
            if metadata.is_file() && found & 0o077 != 0 {
                return Err(PassphraseError::Exposed { place, found });
            }
        }
        let mut text = fs::read_to_string(path).map_err(failed)?;
        let line = text.lines().next().unwrap_or_default().to_owned();
        text.zeroize();
        Self::new(line)
    }

    /// Returns the passphrase that `FLAG_PASSPHRASE` gives.
    pub fn of_environment() -> Result<Option<Self>, PassphraseError> {
        super::system::passphrase_variable().map(Self::new).transpose()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

impl Passphrases for GivenPassphrase {
    fn passphrase(&self, _: &str, tries: u32) -> Result<Option<Passphrase>, PassphraseError> {
        Ok(self.0.clone().filter(|_| tries == 0))
    }
}
