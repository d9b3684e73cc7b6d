use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::adapters::SystemClock;
use crate::app::ports::Clock as _;

/// How much a line of the log matters.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// All is well.
    Info,
    /// Somebody should look at it.
    Warn,
    /// Something is not served, or not done.
    Error,
}

/// Writes what happens to the server: one JSON object a line. No line names a user, a unit id or a context.
#[derive(Clone)]
pub struct Log(Arc<Mutex<dyn Write + Send>>);

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// Returns a log on standard error.
    pub fn to_stderr() -> Self {
        Self::to(std::io::stderr())
    }

    /// Returns a log on something else.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    /// Writes a line: `{"time", "level", "event", ...fields}`.
    pub fn line<const N: usize>(&self, level: Level, event: &str, fields: [(&str, Value); N]) {
        let mut line = Map::new();
        line.insert("time".into(), SystemClock.now().to_string().into());
        line.insert("level".into(), level.as_str().into());
        line.insert("event".into(), event.into());
        line.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // Whoever read the log is gone; the server is not for that.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes());
    }
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
