use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where the certificate of an encrypted server lies, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

/// Why connections cannot be encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file holds no certificate or key.
    #[error("{what} {place} cannot be read")]
    File {
        /// `certificate` or `key`.
        what: &'static str,
        /// Where it lies.
        place: String,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The certificate and the key do not go together, or are of a kind that is not used any more.
    #[error("certificate {place} cannot be used with its key")]
    Mismatch {
        /// The certificate.
        place: String,
        /// Why.
        #[source]
        source: tokio_rustls::rustls::Error,
    },
}

impl TlsFiles {
    /// Reads both.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let place = |path: &PathBuf| path.display().to_string();
        let unreadable = |what, path: &PathBuf| {
            let place = place(path);
            move |source| TlsError::File { what, place, source }
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable("certificate", &self.certificate))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unreadable("key", &self.key))?;
        let mismatch = |source| TlsError::Mismatch { place: place(&self.certificate), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(mismatch)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(mismatch)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
