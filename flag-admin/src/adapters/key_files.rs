use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use ed25519_dalek::{Signer as _, SigningKey};
use flag_client::trust::{PublicKey, RoleName, SIGNATURE_BYTES, Signer};

use super::durable_file::{Readers, create};
use crate::app::NewKey;
use crate::app::ports::{Cause, KeyError, KeyStore};
use crate::log::Digest;

/// How many hexadecimal digits of its public key's hash name a key.
const KEY_ID_DIGITS: usize = 16;

/// A folder of private keys, one PKCS#8 PEM file (RFC 5958, RFC 8410) a role, readable by their owner alone.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    folder: PathBuf,
}

struct FileKey {
    id: String,
    key: SigningKey,
}

impl KeyFiles {
    /// Returns the keys in a folder, which need not be there.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, role: RoleName) -> PathBuf {
        self.folder.join(format!("{role}.pem"))
    }
}

impl KeyStore for KeyFiles {
    fn signer(&self, role: RoleName) -> Result<Box<dyn Signer>, KeyError> {
        let path = self.path(role);
        let place = path.display().to_string();
        let unreadable = |source: Cause| KeyError::Unreadable { role, place: place.clone(), source };
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyError::Missing { role, place }),
            Err(error) => return Err(unreadable(error.into())),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let found = metadata.permissions().mode() & 0o777;
            if found & 0o077 != 0 {
                return Err(KeyError::Exposed { role, place, found });
            }
        }
        #[cfg(not(unix))]
        let _ = metadata;
        let pem = fs::read_to_string(&path).map_err(|error| unreadable(error.into()))?;
        let key = SigningKey::from_pkcs8_pem(&pem).map_err(|error| unreadable(error.into()))?;
        Ok(Box::new(FileKey::new(key)))
    }
}

impl FileKey {
    fn new(key: SigningKey) -> Self {
        let id = Digest::of(key.verifying_key().as_bytes()).to_string().chars().take(KEY_ID_DIGITS).collect();
        Self { id, key }
    }
}

impl Signer for FileKey {
    fn key_id(&self) -> &str {
        &self.id
    }

    fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.key.sign(message).to_bytes()
    }
}

/// Makes a folder with a fresh key for each role, and returns their public halves. The folder must not be there yet.
pub fn generate_keys(folder: &Path) -> io::Result<Vec<NewKey>> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)?;
    let files = KeyFiles::new(folder);
    [RoleName::Root, RoleName::Snapshot, RoleName::Kill]
        .into_iter()
        .map(|role| {
            let mut seed = [0_u8; 32];
            getrandom::fill(&mut seed)?;
            let key = FileKey::new(SigningKey::from_bytes(&seed));
            let pem = key.key.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?;
            create(&files.path(role), pem.as_bytes(), Readers::Owner)?;
            let public = PublicKey::from_bytes(key.key.verifying_key().as_bytes()).map_err(io::Error::other)?;
            Ok(NewKey { role, id: key.id, public })
        })
        .collect()
}
