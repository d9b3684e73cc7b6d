use zeroize::Zeroizing;

use super::remote_server::RemoteServer;
use super::system::token_variable;
use crate::app::ports::{Cause, Document, LogError, Publisher, PublisherError};
use crate::log::EnvironmentName;

/// A server that serves what is signed here: it has no keys, and takes only what clients would.
#[derive(Debug)]
pub struct ServerPlace {
    server: RemoteServer,
    environment: EnvironmentName,
}

impl ServerPlace {
    /// Returns a server at an address. Its token is taken from the environment of this program.
    pub fn open(address: &str, environment: EnvironmentName) -> Result<Self, PublisherError> {
        let failed = |source: Cause| PublisherError { place: address.to_owned(), action: "opened", source };
        let token = token_variable().map(|token| Zeroizing::new(token.trim().to_owned()));
        let token = token.ok_or_else(|| {
            let message = "there is no token for it, expected one in FLAG_ADMIN_TOKEN".to_owned();
            let hint = Some("have one issued there: flag-admin token new HOLDER --can publish".to_owned());
            failed(Box::new(LogError::Refused { place: address.to_owned(), status: 401, message, hint }))
        })?;
        let server = RemoteServer::new(address, token).map_err(|error| failed(Box::new(error)))?;
        Ok(Self { server, environment })
    }

    fn path(&self, document: Document) -> String {
        let name = match document {
            Document::Snapshot => "snapshot".to_owned(),
            Document::Kills => "kills".to_owned(),
            Document::Root(version) => format!("root-{version}"),
        };
        format!("documents/{name}?environment={}", self.environment)
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(LogError) -> PublisherError {
        let place = self.place();
        move |error| PublisherError { place, action, source: Box::new(error) }
    }
}

impl Publisher for ServerPlace {
    fn published(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError> {
        self.server.document(&self.path(document)).map_err(self.failed("read"))
    }

    fn publish(&mut self, document: Document, bytes: &[u8]) -> Result<(), PublisherError> {
        self.server.push(&self.path(document), Some(bytes)).map_err(self.failed("written"))
    }

    fn withdraw(&mut self, document: Document) -> Result<(), PublisherError> {
        self.server.push(&self.path(document), None).map_err(self.failed("removed"))
    }

    fn place(&self) -> String {
        self.server.place()
    }
}
