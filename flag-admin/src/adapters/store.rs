use std::fmt;
use std::str::FromStr;

use postgres::config::{Host, SslMode};
use serde::Deserialize;

use super::postgres::PostgresLog;
use super::system::postgres_password;
use crate::app::ports::LogError;

/// Where a log is kept other than in the project's folder: a PostgreSQL database, as
/// `postgres://USER@HOST:PORT/DATABASE` or `postgres:///DATABASE?host=/run/postgresql`.
///
/// Printing it leaves a password out. One that is not in the text is taken from `PGPASSWORD`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct StoreUrl {
    text: String,
}

/// Why a text names no store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is of another kind.
    #[error("store {found:?} is no PostgreSQL address, expected postgres://USER@HOST/DATABASE")]
    Scheme {
        /// The text, without a password.
        found: String,
    },
    /// It cannot be read as an address.
    #[error("store {found:?} is no PostgreSQL address")]
    Form {
        /// The text, without a password.
        found: String,
        /// Why.
        #[source]
        source: postgres::Error,
    },
    /// Changes, and a password, would travel for anybody to read.
    #[error("store {found:?}: host {host:?} is another machine, and connections are not encrypted")]
    Unencrypted {
        /// The text, without a password.
        found: String,
        /// The host.
        host: String,
    },
}

impl StoreUrl {
    /// Opens the log that is kept there.
    pub fn open(&self) -> Result<PostgresLog, LogError> {
        PostgresLog::open(&self.config(), &self.to_string())
    }

    /// Makes an empty log there, or opens the one that is.
    pub fn create(&self) -> Result<PostgresLog, LogError> {
        PostgresLog::create(&self.config(), &self.to_string())
    }

    /// Returns how it is connected to with nothing but what the address itself says. An address that somebody else wrote must not be sent
    /// the password of this program.
    pub(super) fn config_of_another(&self) -> postgres::Config {
        // That it can be read was seen when the address was made.
        self.text.parse().unwrap_or_default()
    }

    pub(super) fn config(&self) -> postgres::Config {
        let mut config = self.config_of_another();
        if config.get_password().is_none()
            && let Some(password) = postgres_password()
        {
            config.password(password);
        }
        config
    }
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let found = without_password(text);
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Err(StoreError::Scheme { found });
        }
        let config: postgres::Config = match text.parse() {
            Ok(config) => config,
            Err(source) => return Err(StoreError::Form { found, source }),
        };
        let is_here = |host: &Host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
            }
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        // Whoever writes sslmode=disable has said so; a default must not.
        if config.get_ssl_mode() != SslMode::Disable
            && let Some(Host::Tcp(host)) = config.get_hosts().iter().find(|host| !is_here(host))
        {
            return Err(StoreError::Unencrypted { found, host: host.clone() });
        }
        Ok(Self { text: text.to_owned() })
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|error: StoreError| crate::app::with_causes(&error))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.text))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// Leaves out what stands between the user and the host, and a parameter that is a password.
fn without_password(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let (address, parameters) = rest.split_once('?').map_or((rest, None), |(address, rest)| (address, Some(rest)));
    let address = match address.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => address.to_owned(),
    };
    let kept: Vec<&str> = parameters
        .into_iter()
        .flat_map(|parameters| parameters.split('&'))
        .filter(|parameter| !parameter.starts_with("password="))
        .collect();
    let parameters = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    format!("{scheme}{address}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_prints_its_password() {
        for (text, printed) in [
            ("postgres://alice:secret@localhost:5433/flags", "postgres://alice@localhost:5433/flags"),
            ("postgres://alice@[::1]/flags", "postgres://alice@[::1]/flags"),
            ("postgres:///flags?host=/run/postgresql&password=secret", "postgres:///flags?host=/run/postgresql"),
            ("postgresql://a:p%40ss@127.0.0.1/flags?password=x", "postgresql://a@127.0.0.1/flags"),
        ] {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), printed);
            assert_eq!(format!("{url:?}"), format!("StoreUrl({printed})"));
        }
    }

    #[test]
    fn addresses_that_cannot_be_used_are_refused() {
        for (text, message) in [
            (
                "mysql://a:secret@localhost/x",
                "store \"mysql://a@localhost/x\" is no PostgreSQL address, expected postgres://USER@HOST/DATABASE",
            ),
            (
                "postgres://a:secret@db.example/flags",
                "store \"postgres://a@db.example/flags\": host \"db.example\" is another machine, \
                 and connections are not encrypted",
            ),
            ("postgres://localhost:port/flags", "store \"postgres://localhost:port/flags\" is no PostgreSQL address"),
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap_err().to_string(), message);
        }
        assert!("postgres://a@db.example/flags?sslmode=disable".parse::<StoreUrl>().is_ok());
    }
}
