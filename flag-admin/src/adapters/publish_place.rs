use super::folder::Folder;
#[cfg(feature = "object-store")]
use super::object_store::StorePlace;
use super::server_place::ServerPlace;
use super::store_documents::StoreDocuments;
use crate::app::ports::{Document, Publisher, PublisherError};

/// A place to publish to, opened.
#[derive(Debug)]
pub enum PublishPlace {
    /// A folder.
    Folder(Folder),
    /// The project's own store.
    Own(StoreDocuments),
    /// A server.
    Server(ServerPlace),
    /// An object store.
    #[cfg(feature = "object-store")]
    Store(StorePlace),
}

impl PublishPlace {
    fn publisher(&self) -> &dyn Publisher {
        match self {
            Self::Folder(folder) => folder,
            Self::Own(documents) => documents,
            Self::Server(server) => server,
            #[cfg(feature = "object-store")]
            Self::Store(store) => store,
        }
    }

    fn publisher_mut(&mut self) -> &mut dyn Publisher {
        match self {
            Self::Folder(folder) => folder,
            Self::Own(documents) => documents,
            Self::Server(server) => server,
            #[cfg(feature = "object-store")]
            Self::Store(store) => store,
        }
    }
}

impl Publisher for PublishPlace {
    fn published(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError> {
        self.publisher().published(document)
    }

    fn publish(&mut self, document: Document, bytes: &[u8]) -> Result<(), PublisherError> {
        self.publisher_mut().publish(document, bytes)
    }

    fn withdraw(&mut self, document: Document) -> Result<(), PublisherError> {
        self.publisher_mut().withdraw(document)
    }

    fn place(&self) -> String {
        self.publisher().place()
    }
}
