//! flag-client: the whole client, for the installation that it runs on and for others.

use benches::{ENVIRONMENT, PROJECT, signed};
use flag_client::trust::{TrustFile, TrustState};
use flag_client::{ClientBuilder, FlagClient, IdentitySource, Remote};
use flag_core::{Attributes, Context};
use tempfile::TempDir;

use crate::product::{Held, Product};
use crate::work::Person;

/// A client that decides for somebody else at each read, as a service does for its requests.
pub struct ForOthers(OnDisk);

/// A client that decides for the installation it runs on, which is what it is made for: one person, whose digest is kept.
pub struct Installation(OnDisk);

/// A client over the state file that a run before it left.
struct OnDisk {
    client: FlagClient,
    _home: TempDir,
}

impl OnDisk {
    fn open(document: &[u8], with: impl FnOnce(&TempDir, ClientBuilder) -> ClientBuilder) -> Self {
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
        let client = with(&home, FlagClient::builder().remote(remote).clock(signed::now)).open();
        assert!(client.problems().is_empty(), "{:?}", client.problems());
        Self { client, _home: home }
    }
}

fn known(person: &Person) -> Attributes {
    Attributes::new().with("os", person.os).with("app_version", person.app_version).with("team", person.team)
}

impl Installation {
    /// What tables call it.
    pub const NAME: &'static str = "flag-client, own reads";

    /// Opens the client on this person's machine.
    pub fn open(document: &[u8], person: &Person) -> Self {
        Self(OnDisk::open(document, |home, builder| {
            let id = home.path().join("install-id");
            std::fs::write(&id, &person.id).unwrap();
            builder.identity(IdentitySource::File(id)).context_attributes(known(person))
        }))
    }

    /// Tells whether a flag is on here.
    pub fn is_on(&self, key: &str) -> bool {
        self.0.client.is_enabled(key)
    }

    /// Reads and verifies all its files again, and puts what they say in force.
    pub fn reload(&self) {
        self.0.client.reload();
    }
}

impl Product for ForOthers {
    const NAME: &'static str = "flag-client, for others";
    const PACKAGE: Option<&'static str> = None;
    const UNEQUAL: &'static str = "a whole client with layers, kills and hooks, asked anew for each context; \
        replacing reads and verifies all its files again";
    // It starts from files, which is flag-core's W5 and reading them.
    const IS_LOADED: bool = false;

    type Ready = Self;
    type Context<'p> = Context<'p>;

    fn document(flags: usize) -> Vec<u8> {
        signed::snapshot(flags)
    }

    fn load(document: &[u8]) -> Self {
        Self::open(document)
    }

    fn open(document: &[u8]) -> Self {
        Self(OnDisk::open(document, |_, builder| builder))
    }

    fn context(person: &Person) -> Context<'_> {
        // A context borrows what it knows. Contexts are made once and live as long as the run.
        Context::new(&person.id).with_attributes(Box::leak(Box::new(known(person))))
    }

    fn context_of_id(id: &str) -> Context<'_> {
        Context::new(id)
    }

    fn is_on(&self, key: &str, context: &Context<'_>) -> bool {
        self.0.client.for_context(*context).is_enabled(key)
    }

    fn count_on(&self, keys: &[String], context: &Context<'_>) -> usize {
        let of_person = self.0.client.for_context(*context);
        keys.iter().filter(|key| of_person.is_enabled(key.as_str())).count()
    }
}

impl Held for ForOthers {
    type Next = ();

    fn prepare(_document: &[u8]) {}

    fn replace(&self, (): &()) {
        self.0.client.reload();
    }
}
