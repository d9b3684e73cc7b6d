//! Where documents are published: a server, or a folder of the same layout.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use reqwest::Url;

use super::error::{FetchError, SyncError};
use super::etags::Validators;

/// Where documents come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Server(Url),
    Folder(PathBuf),
}

/// What a source says to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    Document { bytes: Vec<u8>, validators: Validators },
    NotModified,
    Absent,
}

impl Source {
    /// Reads an address: `https://...`, `http://...` of a loopback host, `file://...`, else a folder's path.
    pub(crate) fn parse(address: &str) -> Result<Self, SyncError> {
        if !address.contains("://") {
            return Ok(Self::Folder(address.into()));
        }
        let malformed = |reason: &str| SyncError::Url { reason: reason.into() };
        let mut url = Url::parse(address).map_err(|source| malformed(&source.to_string()))?;
        match (url.scheme(), url.host_str()) {
            ("file", _) => {
                let path = url.to_file_path();
                return path.map(Self::Folder).map_err(|()| malformed("no path of this machine"));
            }
            ("https", Some(_)) => {}
            ("http", Some(_)) if is_loopback(&url) => {}
            ("http", Some(host)) => return Err(SyncError::Insecure { host: host.into() }),
            (scheme, _) => return Err(SyncError::Scheme { found: scheme.into() }),
        }
        // Joining replaces what follows the last slash.
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self::Server(url))
    }

    /// Returns the address of a document for people: without a user's name and password.
    pub(super) fn address_of(&self, path: &str) -> Box<str> {
        match self {
            Self::Server(base) => match base.join(path) {
                Ok(mut url) => {
                    // Fails only where there is none to remove.
                    let _ = (url.set_username(""), url.set_password(None));
                    String::from(url).into()
                }
                Err(_) => path.into(),
            },
            Self::Folder(folder) => folder.join(path).display().to_string().into(),
        }
    }
}

/// Tells whether a host is this machine by its very name or number, whatever a name server says.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || number.is_ok_and(|number| number.is_loopback())
}

pub(super) fn read(path: &Path, limit: usize) -> Result<Answer, FetchError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Answer::Absent),
        file => file.map_err(FetchError::Read)?,
    };
    read_within(file, limit).map(|bytes| Answer::Document { bytes, validators: Validators::default() })
}

/// Reads to the end, but never more than the limit and one byte.
fn read_within(from: impl io::Read, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(most).read_to_end(&mut bytes).map_err(FetchError::Read)?;
    if bytes.len() > limit { Err(FetchError::TooLarge { limit }) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let shown = |address: &str| Source::parse(address).unwrap().address_of("v1/kills.json");
        assert_eq!(
            &*shown("https://user:secret@flags.example.org/caro?key=secret#x"),
            "https://flags.example.org/caro/v1/kills.json"
        );
        assert_eq!(&*shown("file:///srv/flags"), "/srv/flags/v1/kills.json");
    }

    #[test]
    fn only_encrypted_or_local_addresses_are_fetched_from() {
        let table = [
            ("https://flags.example.org/caro", Ok("https://flags.example.org/caro/")),
            ("https://flags.example.org", Ok("https://flags.example.org/")),
            ("http://127.0.0.1:8080/", Ok("http://127.0.0.1:8080/")),
            ("http://[::1]:8080", Ok("http://[::1]:8080/")),
            ("http://localhost/x", Ok("http://localhost/x/")),
            ("file:///srv/flags%20of%20caro", Ok("/srv/flags of caro")),
            ("/srv/flags", Ok("/srv/flags")),
            ("flags", Ok("flags")),
            ("http://flags.example.org", Err("http to host \"flags.example.org\" is not encrypted, expected https")),
            (
                "http://localhost.example.org",
                Err("http to host \"localhost.example.org\" is not encrypted, expected https"),
            ),
            ("ftp://flags.example.org", Err("the remote's url has scheme \"ftp\", expected https or file")),
            ("https://", Err("the remote's url is malformed: empty host")),
        ];
        for (address, expected) in table {
            let found = match Source::parse(address) {
                Ok(Source::Server(url)) => Ok(url.to_string()),
                Ok(Source::Folder(path)) => Ok(path.display().to_string()),
                Err(error) => Err(error.to_string()),
            };
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{address}");
        }
    }
}
