//! flag-client: the whole client, deciding for somebody else at each read, as a service does for each of its requests.

use benches::{ENVIRONMENT, PROJECT, signed};
use flag_client::trust::{TrustFile, TrustState};
use flag_client::{FlagClient, Remote};
use flag_core::{Attributes, Context};
use tempfile::TempDir;

use crate::product::Product;
use crate::work::Person;

/// A client over the state file that a run before it left.
pub struct OurClient {
    client: FlagClient,
    _home: TempDir,
}

impl OurClient {
    /// Returns the client itself.
    pub fn client(&self) -> &FlagClient {
        &self.client
    }
}

impl Product for OurClient {
    const NAME: &'static str = "flag-client";
    const PACKAGE: Option<&'static str> = None;
    const UNEQUAL: &'static str = "a whole client with layers, kills and hooks, asked anew for each context; \
        replacing reads and verifies all its files again";
    // It starts from files, which are flag-core's W5 and reading them.
    const IS_LOADED: bool = false;

    type Ready = Self;
    type Next = ();
    type Context<'p> = Context<'p>;

    fn document(flags: usize) -> Vec<u8> {
        signed::snapshot(flags)
    }

    fn load(document: &[u8]) -> Self {
        Self::open(document)
    }

    fn open(document: &[u8]) -> Self {
        let home = TempDir::new().unwrap();
        let remote = Remote {
            project: PROJECT.to_owned(),
            environment: ENVIRONMENT.to_owned(),
            pinned_root: signed::root(),
            state_file: home.path().join("published.json"),
            bundled_snapshot: None,
            url: None,
        };
        let mut state = TrustState::open(&remote.pinned_root, PROJECT, ENVIRONMENT).unwrap();
        state.accept_snapshot(document, signed::now()).unwrap();
        TrustFile::new(&remote.state_file).save(&mut state).unwrap();
        let client = FlagClient::builder().remote(remote).clock(signed::now).open();
        assert!(client.problems().is_empty(), "{:?}", client.problems());
        Self { client, _home: home }
    }

    fn context(person: &Person) -> Context<'_> {
        let known =
            Attributes::new().with("os", person.os).with("app_version", person.app_version).with("team", person.team);
        Context::new(&person.id).with_attributes(Box::leak(Box::new(known)))
    }

    fn context_of_id(id: &str) -> Context<'_> {
        Context::new(id)
    }

    fn is_on(&self, key: &str, context: &Context<'_>) -> bool {
        self.client.for_context(*context).is_enabled(key)
    }

    fn count_on(&self, keys: &[String], context: &Context<'_>) -> usize {
        let of_person = self.client.for_context(*context);
        keys.iter().filter(|key| of_person.is_enabled(key.as_str())).count()
    }

    fn prepare(_document: &[u8]) {}

    fn replace(&self, (): &()) {
        self.client.reload();
    }
}
