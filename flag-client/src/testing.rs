//! Flags in tests: clients without files, flags forced for a while, and one test for every state of a flag.
//!
//! Each client is a world of its own: it reads no file, no environment variable and no clock, so tests that run at once do not see each
//! other. The feature `testing` brings this module; put it among the features of a dev-dependency, and release builds have none of it.
//!
//! ```
//! flag_client::flags! {
//!     /// All flags.
//!     pub const ALL: &[Declaration];
//!     /// Shouts
//!     pub const LOUD: bool = "loud" { default: false }
//! }
//! # use flag_client::{FlagClient, testing};
//! fn greeting(flags: &FlagClient) -> &'static str {
//!     if flags.is_enabled(LOUD) { "HELLO" } else { "hello" }
//! }
//! testing::both_states(ALL, LOUD, |flags| assert!(greeting(flags).eq_ignore_ascii_case("hello")));
//!
//! let flags = testing::client(ALL);
//! {
//!     let _loud = testing::force(&flags, LOUD, true);
//!     assert_eq!(greeting(&flags), "HELLO");
//! }
//! assert_eq!(greeting(&flags), "hello");
//! ```

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flag_core::Timestamp;

use crate::client::FlagClient;
use crate::decision::LocalValue;
use crate::declaration::Declaration;
use crate::forced::ForcedId;
use crate::identity::IdentitySource;
use crate::registry::{Choice, Flag, FlagName};

/// When it is in the worlds of tests: 2026-01-01, midnight UTC.
pub const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

impl FlagClient {
    fn force(&self, flag: &str, value: LocalValue) -> ForcedId {
        let id = self.host().forced.add(flag.into(), value);
        self.rebuild();
        id
    }

    fn release(&self, id: ForcedId) {
        self.host().forced.remove(id);
        self.rebuild();
    }
}

/// Returns a client that knows these flags and nothing else: no file, no environment, no snapshot, no id, and a clock that stands at
/// [`NOW`]. Each flag serves its code default.
pub fn client(flags: &[Declaration]) -> FlagClient {
    let builder = FlagClient::builder().declare(flags);
    builder.identity(IdentitySource::None).clock(|| NOW).open()
}

/// Forces a flag for as long as the guard lives: stronger than everything but a kill. Of two guards of one flag the later one counts.
///
/// The flag is forced in this client and its clones. A value that the flag does not have changes nothing, and stands in
/// [`FlagClient::decision`] as refused.
pub fn force(flags: &FlagClient, flag: impl FlagName, value: impl Into<LocalValue>) -> ForceGuard {
    let id = flags.force(flag.key(), value.into());
    ForceGuard { flags: flags.clone(), id }
}

/// Keeps a flag forced. Dropping it takes that back.
#[must_use = "a flag is forced for as long as the guard lives"]
pub struct ForceGuard {
    flags: FlagClient,
    id: ForcedId,
}

impl Drop for ForceGuard {
    fn drop(&mut self) {
        self.flags.release(self.id);
    }
}

impl fmt::Debug for ForceGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForceGuard").finish_non_exhaustive()
    }
}

/// Runs a test with a flag off and then with it on, each in a [`client`] of its own.
///
/// # Panics
///
/// If the test panics in one of the states, after both ran. The message says which states failed, and how.
#[track_caller]
pub fn both_states(flags: &[Declaration], flag: Flag<bool>, test: impl Fn(&FlagClient)) {
    let states = [("off", false), ("on", true)].map(|(name, on)| (name, LocalValue::Switch(on)));
    in_states(flags, flag.key(), states, |client, _| test(client));
}

/// Runs a test for each variant of a choice, each in a [`client`] of its own.
///
/// # Panics
///
/// If the test panics for one of the variants, after all ran. The message says which failed, and how.
#[track_caller]
pub fn every_variant<T: Choice>(flags: &[Declaration], flag: Flag<T>, test: impl Fn(&FlagClient, T)) {
    let states = T::IDS.iter().map(|id| (*id, LocalValue::from(*id)));
    in_states(flags, flag.key(), states, |client, id| {
        if let Some(variant) = T::from_id(id) {
            test(client, variant);
        }
    });
}

#[track_caller]
fn in_states(
    flags: &[Declaration],
    flag: &str,
    states: impl IntoIterator<Item = (&'static str, LocalValue)>,
    test: impl Fn(&FlagClient, &'static str),
) {
    let mut failures = Vec::new();
    let mut passed = Vec::new();
    for (name, value) in states {
        let client = client(flags);
        let _forced = force(&client, flag, value);
        match catch_unwind(AssertUnwindSafe(|| test(&client, name))) {
            Ok(()) => passed.push(name),
            Err(payload) => failures.push(format!("with {flag} {name}: {}", message(&*payload))),
        }
    }
    if !failures.is_empty() {
        let passed =
            if passed.is_empty() { "in no state".to_owned() } else { format!("with {flag} {}", passed.join(", ")) };
        fail(&format!("{}\nit passed {passed}", failures.join("\n")));
    }
}

#[track_caller]
#[expect(clippy::panic, reason = "this is how a test fails")]
fn fail(message: &str) -> ! {
    panic!("{message}")
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}
