use std::fmt;
use std::fs::File;
use std::time::Duration;

use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt as _, PutOptions, PutPayload};
use tokio::runtime::{Builder, Runtime};

use crate::app::ports::{Cause, Document, Publisher, PublisherError};

/// How long one request may take, repetitions included. A publication is some four of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a cache may keep a snapshot or the kills: as long as clients may wait for a kill.
const BRIEFLY: &str = "public, max-age=30, must-revalidate";
/// A root of a version never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// An object store that clients fetch from: Amazon S3 and what speaks like it, Google Cloud Storage, or Azure Blob Storage.
///
/// Credentials, region and endpoint are taken from the environment, under the names that the stores' own programs read
/// (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME` and so on). An object is put whole or not
/// at all.
pub struct StorePlace {
    store: Box<dyn ObjectStore>,
    prefix: Path,
    address: String,
    runtime: Runtime,
    /// Held for as long as this lives, so that of two publishers of one project the later version stays.
    _lock: Option<File>,
}

impl StorePlace {
    /// Opens a store by its address. No request is made yet.
    pub(super) fn open(address: &str, lock: File) -> Result<Self, PublisherError> {
        let failed = |source: Cause| PublisherError { place: address.to_owned(), action: "opened", source };
        let url = url::Url::parse(address).map_err(|error| failed(error.into()))?;
        let (store, prefix) = object_store::parse_url_opts(&url, super::system::object_store_settings())
            .map_err(|error| failed(error.into()))?;
        Self::on(store, prefix, address, Some(lock)).map_err(|error| failed(error.into()))
    }

    fn on(store: Box<dyn ObjectStore>, prefix: Path, address: &str, lock: Option<File>) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { store, prefix, address: address.to_owned(), runtime, _lock: lock })
    }

    fn path(&self, document: Document) -> Path {
        let text = document.to_string();
        text.split('/').fold(self.prefix.clone(), Path::join)
    }

    fn failed(&self, document: Document, action: &'static str) -> impl Fn(Cause) -> PublisherError {
        let place = format!("{}/{document}", self.address);
        move |source| PublisherError { place: place.clone(), action, source }
    }

    /// Waits for a request, but not for ever.
    fn wait<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> Result<T, object_store::Error> {
        self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, request).await.unwrap_or_else(|elapsed| {
                Err(object_store::Error::Generic { store: "timeout", source: elapsed.into() })
            })
        })
    }
}

impl Publisher for StorePlace {
    fn published(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError> {
        let path = self.path(document);
        match self.wait(async { self.store.get(&path).await?.bytes().await }) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(document, "read")(error.into())),
        }
    }

    fn publish(&mut self, document: Document, bytes: &[u8]) -> Result<(), PublisherError> {
        if self.published(document)?.as_deref() == Some(bytes) {
            return Ok(());
        }
        let keep = if matches!(document, Document::Root(_)) { FOR_EVER } else { BRIEFLY };
        let attributes =
            Attributes::from_iter([(Attribute::ContentType, "application/json"), (Attribute::CacheControl, keep)]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let path = self.path(document);
        let payload = PutPayload::from(bytes.to_vec());
        self.wait(self.store.put_opts(&path, payload, options))
            .map(|_| ())
            .map_err(|error| self.failed(document, "written")(error.into()))
    }

    fn withdraw(&mut self, document: Document) -> Result<(), PublisherError> {
        // Some stores answer with success and others not where nothing is.
        if self.published(document)?.is_none() {
            return Ok(());
        }
        let path = self.path(document);
        match self.wait(self.store.delete(&path)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(document, "removed")(error.into())),
        }
    }

    fn place(&self) -> String {
        self.address.clone()
    }
}

impl fmt::Debug for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorePlace").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    fn place() -> StorePlace {
        StorePlace::on(Box::new(InMemory::new()), Path::from("flags/production"), "memory://flags", None).unwrap()
    }

    #[test]
    fn documents_are_put_where_clients_ask_for_them_and_taken_away_again() {
        let mut place = place();
        assert_eq!(place.published(Document::Kills).unwrap(), None);
        place.publish(Document::Kills, b"{}").unwrap();
        place.publish(Document::Kills, b"{}").unwrap();
        assert_eq!(place.published(Document::Kills).unwrap().as_deref(), Some(b"{}".as_slice()));
        assert_eq!(place.path(Document::Root(2)).as_ref(), "flags/production/v1/root/2.json");
        place.withdraw(Document::Kills).unwrap();
        place.withdraw(Document::Kills).unwrap();
        assert_eq!(place.published(Document::Kills).unwrap(), None);
    }

    #[test]
    fn objects_say_what_they_are_and_how_long_they_may_be_kept() {
        let mut place = place();
        for (document, kept) in [(Document::Root(1), FOR_EVER), (Document::Snapshot, BRIEFLY)] {
            place.publish(document, b"{}").unwrap();
            let path = place.path(document);
            let got = place.wait(place.store.get(&path)).unwrap();
            let said = |attribute| got.attributes.get(&attribute).map(|value| value.as_ref().to_owned());
            assert_eq!(said(Attribute::ContentType).as_deref(), Some("application/json"));
            assert_eq!(said(Attribute::CacheControl).as_deref(), Some(kept));
        }
    }
}
