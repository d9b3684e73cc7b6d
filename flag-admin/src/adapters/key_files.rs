use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use flag_client::trust::{PublicKey, RoleName, SIGNATURE_BYTES, Signer};
use pkcs8::der::pem::PemLabel as _;
use pkcs8::pkcs5::{pbes2, scrypt};
use pkcs8::spki::der::pem::LineEnding;
use pkcs8::{DecodePublicKey as _, EncodePublicKey as _, EncryptedPrivateKeyInfo, PrivateKeyInfo, SecretDocument};
use zeroize::Zeroizing;

use super::durable_file::{Readers, create, replace};
use super::passphrase::{GivenPassphrase, Passphrase, Passphrases};
use crate::app::NewKey;
use crate::app::ports::{Cause, KeyError, KeyStore};
use crate::log::Digest;

/// How many hexadecimal digits of its public key's hash name a key.
const KEY_ID_DIGITS: usize = 16;

/// How many keys of a role are kept that others took the place of.
const RETIRED_MAX: u32 = 1_000;

/// The cost of trying one passphrase, in scrypt's parameters log₂ N, r and p: 16 MiB five times over, which OWASP's password storage
/// guide counts as equal to 128 MiB once, and which `openssl pkey` opens without being told of more memory.
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

/// A folder of private keys, one PKCS#8 PEM file (RFC 5958, RFC 8410) a role, readable by their owner alone, and encrypted under a
/// passphrase (PBES2 with scrypt and AES-256, RFC 8018 and RFC 7914) or not.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    folder: PathBuf,
    passphrases: Rc<dyn Passphrases>,
}

/// What a private key's file tells without a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether a passphrase is needed to use it.
    pub protection: Protection,
    /// The public key; of an encrypted one, that of the `.pub` file beside it, if there is one.
    pub public: Option<PublicKey>,
}

/// Whether whoever reads a key's file can use it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Anybody who reads it can.
    Plain,
    /// A passphrase is needed.
    Encrypted,
}

struct FileKey {
    id: String,
    key: SigningKey,
}

impl KeyFiles {
    /// Returns the keys in a folder, which need not be there. Encrypted ones cannot be used without
    /// [`with_passphrases`](Self::with_passphrases).
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), passphrases: Rc::new(GivenPassphrase::default()) }
    }

    /// Opens encrypted keys with these passphrases.
    #[must_use]
    pub fn with_passphrases(self, passphrases: Rc<dyn Passphrases>) -> Self {
        Self { passphrases, ..self }
    }

    /// Returns where the key of a role lies.
    pub fn path(&self, role: RoleName) -> PathBuf {
        self.folder.join(format!("{role}.pem"))
    }
}

impl KeyStore for KeyFiles {
    fn signer(&self, role: RoleName) -> Result<Box<dyn Signer>, KeyError> {
        signer_at(&self.path(role), role, &*self.passphrases)
    }
}

/// Returns what signs with the private key in a file, for a role.
pub fn signer_at(path: &Path, role: RoleName, passphrases: &dyn Passphrases) -> Result<Box<dyn Signer>, KeyError> {
    Ok(Box::new(FileKey::new(open(path, role, passphrases)?)))
}

/// Looks at the file of a private key, without opening it.
pub fn inspect_key(path: &Path, role: RoleName) -> Result<KeyFile, KeyError> {
    let pem = read(path, role)?;
    let (protection, public) = if is_encrypted(&pem) {
        (Protection::Encrypted, read_public_key(&public_path(path)).ok())
    } else {
        let key = plain(&pem, path, role)?;
        (Protection::Plain, PublicKey::from_bytes(key.verifying_key().as_bytes()).ok())
    };
    Ok(KeyFile { path: path.to_owned(), protection, public })
}

/// Makes a fresh private key in a file that must not be there yet, and its public half in a `.pub` file beside it.
pub fn generate_key(path: &Path, role: RoleName, passphrase: Option<&Passphrase>) -> io::Result<NewKey> {
    let mut seed = Zeroizing::new([0_u8; ed25519_dalek::SECRET_KEY_LENGTH]);
    getrandom::fill(&mut *seed)?;
    let key = SigningKey::from_bytes(&seed);
    create(path, pem_of(&key, passphrase)?.as_bytes(), Readers::Owner)?;
    write_public(&key, path)?;
    let public = PublicKey::from_bytes(key.verifying_key().as_bytes()).map_err(io::Error::other)?;
    Ok(NewKey { role, id: key_id(&public), public })
}

/// Puts a private key under a passphrase, or under another one, or takes the passphrase away. The file holds the old form or the new one,
/// whatever happens.
pub fn protect_key(
    path: &Path,
    role: RoleName,
    opened_by: &dyn Passphrases,
    passphrase: Option<&Passphrase>,
) -> Result<(), KeyError> {
    let key = open(path, role, opened_by)?;
    let place = path.display().to_string();
    let unwritable = |source: io::Error| KeyError::Unwritable { role, place: place.clone(), source: source.into() };
    let pem = pem_of(&key, passphrase).map_err(unwritable)?;
    write_public(&key, path).map_err(unwritable)?;
    replace(path, pem.as_bytes(), Readers::Owner).map_err(unwritable)
}

/// Reads a public key: SubjectPublicKeyInfo in PEM (RFC 8410), as `.pub` files hold it and openssl prints it.
pub fn read_public_key(path: &Path) -> io::Result<PublicKey> {
    let pem = fs::read_to_string(path)?;
    let key = ed25519_dalek::VerifyingKey::from_public_key_pem(&pem)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    PublicKey::from_bytes(key.as_bytes()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Returns the id under which a root lists a key: the first 16 hexadecimal digits of the BLAKE3 hash of the public key.
pub fn key_id(public: &PublicKey) -> String {
    Digest::of(public.as_bytes()).to_string().chars().take(KEY_ID_DIGITS).collect()
}

/// Copies a private key into a folder of keys, in place of the one of its role; returns where that one is kept from then on. At any
/// moment there is a whole key in place.
pub fn move_key_into_place(file: &Path, folder: &Path, role: RoleName) -> io::Result<Option<PathBuf>> {
    let place = KeyFiles::new(folder).path(role);
    let pem = Zeroizing::new(fs::read_to_string(file)?);
    let mut kept = None;
    if place.exists() {
        let old = Zeroizing::new(fs::read_to_string(&place)?);
        if *old == *pem {
            return Ok(None);
        }
        // The name says nothing but the order: an encrypted key does not tell its id.
        let mut names = (1..=RETIRED_MAX).map(|number| folder.join(format!("{role}-retired-{number}.pem")));
        let free = names.find(|path| !path.exists()).ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
        create(&free, old.as_bytes(), Readers::Owner)?;
        match fs::read(public_path(&place)) {
            Ok(public) => replace(&public_path(&free), &public, Readers::Everyone)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        kept = Some(free);
    }
    match fs::read(public_path(file)) {
        Ok(public) => replace(&public_path(&place), &public, Readers::Everyone)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::remove_file(public_path(&place)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        },
        Err(error) => return Err(error),
    }
    replace(&place, pem.as_bytes(), Readers::Owner)?;
    Ok(kept)
}

/// Returns where the public half of a private key's file lies.
pub fn public_path(path: &Path) -> PathBuf {
    path.with_extension("pub")
}

/// Makes a folder with a fresh key for each role, and returns their public halves. The folder must not be there yet.
pub fn generate_keys(folder: &Path, passphrase: Option<&Passphrase>) -> io::Result<Vec<NewKey>> {
    make_folder(folder)?;
    let files = KeyFiles::new(folder);
    [RoleName::Root, RoleName::Snapshot, RoleName::Kill]
        .into_iter()
        .map(|role| generate_key(&files.path(role), role, passphrase))
        .collect()
}

/// Makes a folder that its owner alone may look into.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
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

fn unreadable(path: &Path, role: RoleName) -> impl Fn(Cause) -> KeyError {
    let place = path.display().to_string();
    move |source| KeyError::Unreadable { role, place: place.clone(), source }
}

fn read(path: &Path, role: RoleName) -> Result<Zeroizing<String>, KeyError> {
    let place = path.display().to_string();
    let unreadable = unreadable(path, role);
    let metadata = match fs::metadata(path) {
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
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| unreadable(error.into()))
}

fn is_encrypted(pem: &str) -> bool {
    SecretDocument::from_pem(pem).is_ok_and(|(label, _)| label == EncryptedPrivateKeyInfo::PEM_LABEL)
}

fn plain(pem: &str, path: &Path, role: RoleName) -> Result<SigningKey, KeyError> {
    SigningKey::from_pkcs8_pem(pem).map_err(|error| unreadable(path, role)(error.into()))
}

fn open(path: &Path, role: RoleName, passphrases: &dyn Passphrases) -> Result<SigningKey, KeyError> {
    let pem = read(path, role)?;
    if !is_encrypted(&pem) {
        return plain(&pem, path, role);
    }
    let unreadable = unreadable(path, role);
    let place = path.display().to_string();
    let (_, document) = SecretDocument::from_pem(&pem).map_err(|error| unreadable(error.into()))?;
    let sealed = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(|error| unreadable(error.into()))?;
    let mut tries = 0;
    while let Some(passphrase) = passphrases.passphrase(&place, tries).map_err(|error| unreadable(error.into()))? {
        // A wrong passphrase mostly shows as wrong padding, and now and then as a key of no known form.
        if let Ok(key) =
            sealed.decrypt(passphrase.bytes()).and_then(|opened| SigningKey::from_pkcs8_der(opened.as_bytes()))
        {
            return Ok(key);
        }
        tries += 1;
    }
    Err(if tries == 0 { KeyError::Encrypted { role, place } } else { KeyError::WrongPassphrase { role, place } })
}

fn pem_of(key: &SigningKey, passphrase: Option<&Passphrase>) -> io::Result<Zeroizing<String>> {
    // Without the public key, which a form newer than what openssl 3.0 reads would add.
    let pair = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    let Some(passphrase) = passphrase else { return pair.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other) };
    let (mut salt, mut iv) = ([0_u8; 16], [0_u8; 16]);
    getrandom::fill(&mut salt)?;
    getrandom::fill(&mut iv)?;
    let (log_n, r, p) = SCRYPT;
    let cost = scrypt::Params::new(log_n, r, p, scrypt::Params::RECOMMENDED_LEN)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let parameters =
        pbes2::Parameters::scrypt_aes256cbc(cost, &salt, &iv).map_err(|error| io::Error::other(error.to_string()))?;
    let document = pair.to_pkcs8_der().map_err(io::Error::other)?;
    PrivateKeyInfo::try_from(document.as_bytes())
        .and_then(|key| key.encrypt_with_params(parameters, passphrase.bytes()))
        .and_then(|sealed| Ok(sealed.to_pem(EncryptedPrivateKeyInfo::PEM_LABEL, LineEnding::LF)?))
        .map_err(io::Error::other)
}

fn write_public(key: &SigningKey, path: &Path) -> io::Result<()> {
    let pem = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(io::Error::other)?;
    replace(&public_path(path), pem.as_bytes(), Readers::Everyone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> GivenPassphrase {
        GivenPassphrase(Some(Passphrase::new(text.to_owned()).unwrap()))
    }

    fn refusal(path: &Path, passphrases: &dyn Passphrases) -> String {
        signer_at(path, RoleName::Kill, passphrases)
            .err()
            .unwrap()
            .to_string()
            .replace(&path.display().to_string(), "K")
    }

    #[test]
    fn a_key_goes_under_a_passphrase_and_out_again_and_stays_the_same_key() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("kill.pem");
        let made = generate_key(&path, RoleName::Kill, None).unwrap();
        let signature = signer_at(&path, RoleName::Kill, &GivenPassphrase::default()).unwrap().sign(b"message");

        let swordfish = given("swordfish");
        protect_key(&path, RoleName::Kill, &GivenPassphrase::default(), swordfish.0.as_ref()).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        assert_eq!(refusal(&path, &GivenPassphrase::default()), "kill key K is encrypted, and no passphrase was given");
        assert_eq!(refusal(&path, &given("Swordfish")), "the passphrase does not open kill key K");
        let before = fs::read(&path).unwrap();
        assert!(protect_key(&path, RoleName::Kill, &given("wrong"), None).is_err());
        assert_eq!(fs::read(&path).unwrap(), before, "a wrong passphrase loses nothing");

        let opened = signer_at(&path, RoleName::Kill, &swordfish).unwrap();
        assert_eq!((opened.key_id(), opened.sign(b"message")), (made.id.as_str(), signature));
        let seen = inspect_key(&path, RoleName::Kill).unwrap();
        assert_eq!((seen.protection, seen.public), (Protection::Encrypted, Some(made.public)));

        protect_key(&path, RoleName::Kill, &swordfish, None).unwrap();
        let opened = signer_at(&path, RoleName::Kill, &GivenPassphrase::default()).unwrap();
        assert_eq!(opened.sign(b"message"), signature);
    }

    #[test]
    fn no_message_shows_a_passphrase() {
        assert_eq!(format!("{:?}", given("swordfish")), "GivenPassphrase(Some(Passphrase(..)))");
        assert_eq!(Passphrase::new(String::new()).unwrap_err().to_string(), "the passphrase is empty");
    }
}
