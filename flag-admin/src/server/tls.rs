use std::path::PathBuf;
use std::sync::Arc;

use flag_core::Timestamp;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

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
    /// A file holds no certificate.
    #[error("{place} holds no certificate")]
    NoCertificate {
        /// Where it lies.
        place: String,
    },
    /// The certificate is none that can be read.
    #[error("certificate {place} cannot be read")]
    Form {
        /// Where it lies.
        place: String,
        /// Why.
        #[source]
        source: x509_cert::der::Error,
    },
    /// The certificate is not good any more.
    #[error("certificate {place} expired at {at}")]
    Expired {
        /// Where it lies.
        place: String,
        /// When.
        at: Timestamp,
    },
    /// The certificate is not good yet.
    #[error("certificate {place} is not valid before {at}")]
    Early {
        /// Where it lies.
        place: String,
        /// From when on it is.
        at: Timestamp,
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
    /// Reads both, and checks that clients will take the certificate at this time.
    pub(super) fn acceptor(&self, now: Timestamp) -> Result<TlsAcceptor, TlsError> {
        let place = |path: &PathBuf| path.display().to_string();
        let unreadable = |what, path: &PathBuf| {
            let place = place(path);
            move |source| TlsError::File { what, place, source }
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable("certificate", &self.certificate))?;
        let own = chain.first().ok_or_else(|| TlsError::NoCertificate { place: place(&self.certificate) })?;
        check_times(own, place(&self.certificate), now)?;
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

/// Refuses a certificate that every client would refuse. Who vouches for it, and for which names, is for clients to judge.
fn check_times(own: &CertificateDer<'_>, place: String, now: Timestamp) -> Result<(), TlsError> {
    let certificate = match Certificate::from_der(own) {
        Ok(certificate) => certificate,
        Err(source) => return Err(TlsError::Form { place, source }),
    };
    let validity = certificate.tbs_certificate.validity;
    let millis = |time: x509_cert::time::Time| {
        Timestamp::from_millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
    };
    let (from, until) = (millis(validity.not_before), millis(validity.not_after));
    if now > until {
        return Err(TlsError::Expired { place, at: until });
    }
    if now < from {
        return Err(TlsError::Early { place, at: from });
    }
    Ok(())
}

impl TlsError {
    /// Returns what to do about it.
    pub(super) fn hint(&self) -> String {
        let hint = match self {
            Self::Expired { .. } => "have a new one issued, and name it with --tls-cert and --tls-key",
            Self::Early { .. } => "set the clock of this machine, or wait until then",
            Self::Mismatch { .. } => "name the key that the certificate was issued for with --tls-key",
            Self::NoCertificate { .. } | Self::Form { .. } | Self::File { .. } => {
                "give both in PEM: the certificate and those that vouch for it, and its private key without a passphrase"
            }
        };
        hint.to_owned()
    }
}
