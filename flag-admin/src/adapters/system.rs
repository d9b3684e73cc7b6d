use std::time::{SystemTime, UNIX_EPOCH};

use flag_core::Timestamp;

use super::test_clock::stopped_at;
use crate::app::ports::{Clock, Randomness, RandomnessError};

/// The clock of the machine. A test may have [stopped](super::stop_clock_for_test) it for this process.
#[derive(Copy, Clone, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the clock")]
    fn now(&self) -> Timestamp {
        if let Some(time) = stopped_at() {
            return time;
        }
        let millis = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => millis(since),
            Err(before) => millis(before.duration()).saturating_neg(),
        })
    }
}

/// The random source of the system.
#[derive(Copy, Clone, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn draw(&self) -> Result<[u8; 16], RandomnessError> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| RandomnessError(error.into()))?;
        Ok(bytes)
    }
}

/// Returns the name of the system's user, as far as the environment or the system tells.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the user's name from the environment")]
pub fn user_name() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .or_else(user_number)
}

/// Returns the password for PostgreSQL that the environment gives, under the name that its own programs read.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
pub(super) fn postgres_password() -> Option<String> {
    std::env::var("PGPASSWORD").ok().filter(|password| !password.is_empty())
}

/// Returns the token for a server that the environment gives.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
pub fn token_variable() -> Option<String> {
    std::env::var("FLAG_ADMIN_TOKEN").ok().filter(|token| !token.trim().is_empty())
}

/// Returns the passphrase of private keys that the environment gives to unattended runs.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
pub(super) fn passphrase_variable() -> Option<String> {
    std::env::var("FLAG_PASSPHRASE").ok()
}

/// Returns what the environment says of object stores, under the names that their own programs read.
#[cfg(feature = "object-store")]
pub(super) fn object_store_settings() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.starts_with(prefix)))
}

/// Returns the command that starts the user's editor, as the environment names it, else `vi`.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
pub fn editor() -> String {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    named.map(|editor| editor.trim().to_owned()).find(|editor| !editor.is_empty()).unwrap_or_else(|| "vi".to_owned())
}

/// Lets this program have as many files and connections open as the system allows it to. Returns how many that are.
#[cfg(unix)]
pub fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it is refused, what was allowed before still is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Lets this program have as many files and connections open as the system allows it to. Returns how many that are.
#[cfg(not(unix))]
pub fn raise_descriptor_limit() -> u64 {
    8_192
}

/// Tells whether the environment asks for output without colours: `NO_COLOR` is set and not empty (no-color.org), or the terminal is dumb.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
pub fn is_without_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb")
}

/// Tells whether the environment asks for lines of text rather than a screen: `FLAG_ADMIN_PLAIN` is set, and neither empty nor 0.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
pub fn is_plain() -> bool {
    std::env::var_os("FLAG_ADMIN_PLAIN").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Services and containers often run without those variables.
#[cfg(target_os = "linux")]
fn user_number() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    Some(format!("uid-{}", std::fs::metadata("/proc/self").ok()?.uid()))
}

#[cfg(not(target_os = "linux"))]
fn user_number() -> Option<String> {
    None
}
