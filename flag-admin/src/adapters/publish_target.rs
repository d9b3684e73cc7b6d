use std::fmt;
use std::path::{Path, PathBuf};

use super::store_documents::PLACE;

/// Where clients fetch from: a folder, or an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishTarget {
    /// A folder that a web server serves.
    Folder(PathBuf),
    /// The project's own store, which its servers hand out from: `store://`.
    Own,
    /// A server that serves the project: `https://flags.example`.
    Server(String),
    /// An object store and a prefix in it, such as `s3://bucket/flags`.
    Store(String),
}

/// Why a text names no place to publish to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Nothing of ours speaks to such a place.
    #[error("{found:?} cannot be published to, expected a folder or an address that begins with {}", SCHEMES.join(", "))]
    Scheme {
        /// The text.
        found: String,
    },
    /// The program was built without what speaks to object stores.
    #[error("{found:?} is an object store, and this program was built without the feature object-store")]
    Unsupported {
        /// The text.
        found: String,
    },
    /// A secret would stay in the project's settings for others to read.
    #[error(
        "the address holds a user or a query, expected secrets in the environment, as the store's own programs take them"
    )]
    Secret,
}

/// How addresses of places to publish to begin.
const SCHEMES: [&str; 9] =
    ["https://", "http://", "s3://", "gs://", "az://", "azure://", "abfs://", "abfss://", "file://"];

impl PublishTarget {
    /// Takes what stands in settings or on a command line for a place: an address, if `://` is in it, else a folder.
    pub fn parse(text: &Path) -> Result<Self, TargetError> {
        let Some(address) = text.to_str().filter(|text| text.contains("://")) else {
            return Ok(Self::Folder(text.to_owned()));
        };
        if address == PLACE {
            return Ok(Self::Own);
        }
        let found = || address.chars().take(128).collect::<String>();
        if !SCHEMES.iter().any(|scheme| address.starts_with(scheme)) {
            return Err(TargetError::Scheme { found: found() });
        }
        if let Some(folder) = address.strip_prefix("file://") {
            return Ok(Self::Folder(PathBuf::from(folder)));
        }
        if address.starts_with("https://") || address.starts_with("http://") {
            return if address.contains(['@', '?', '#']) {
                Err(TargetError::Secret)
            } else {
                Ok(Self::Server(address.trim_end_matches('/').to_owned()))
            };
        }
        // Azure's addresses name a container before an @; what stands behind a colon or a question mark is a secret.
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        if user.contains(':') || rest.contains(['?', '#']) || (!user.is_empty() && address.starts_with("s3://")) {
            return Err(TargetError::Secret);
        }
        if cfg!(feature = "object-store") {
            Ok(Self::Store(address.trim_end_matches('/').to_owned()))
        } else {
            Err(TargetError::Unsupported { found: found() })
        }
    }

    /// Returns the text that settings remember: a folder by its whole path, since commands start in any folder.
    pub fn to_remember(&self) -> String {
        match self {
            Self::Folder(folder) => {
                std::path::absolute(folder).unwrap_or_else(|_| folder.clone()).display().to_string()
            }
            Self::Own => PLACE.to_owned(),
            Self::Server(address) | Self::Store(address) => address.clone(),
        }
    }
}

impl fmt::Display for PublishTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Own => f.write_str(PLACE),
            Self::Server(address) | Self::Store(address) => f.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_folders_and_secrets_are_refused() {
        let parse = |text: &str| PublishTarget::parse(Path::new(text));
        let folder = |text: &str| Ok(PublishTarget::Folder(PathBuf::from(text)));
        assert_eq!(parse("./public"), folder("./public"));
        assert_eq!(parse("file:///srv/flags"), folder("/srv/flags"));
        assert_eq!(parse("store://"), Ok(PublishTarget::Own));
        assert_eq!(parse("https://flags.example/"), Ok(PublishTarget::Server("https://flags.example".to_owned())));
        for secret in [
            "https://alice:secret@flags.example",
            "s3://key:secret@bucket/flags",
            "s3://key@bucket",
            "az://box/x?sig=abc",
        ] {
            assert_eq!(parse(secret), Err(TargetError::Secret), "{secret}");
        }
        assert_eq!(
            parse("ftp://flags.example/x").unwrap_err().to_string(),
            "\"ftp://flags.example/x\" cannot be published to, expected a folder or an address that begins with \
             https://, http://, s3://, gs://, az://, azure://, abfs://, abfss://, file://"
        );
        #[cfg(feature = "object-store")]
        {
            let store = |text: &str| Ok(PublishTarget::Store(text.to_owned()));
            assert_eq!(parse("s3://bucket/flags/"), store("s3://bucket/flags"));
            assert_eq!(
                parse("abfss://box@account.dfs.core.windows.net/x"),
                store("abfss://box@account.dfs.core.windows.net/x")
            );
        }
    }
}
