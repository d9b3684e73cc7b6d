//! Passphrases of private keys: from a file, from the environment, or asked for on the terminal, once a sitting.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode, is_raw_mode_enabled};
use zeroize::Zeroizing;

use super::problem::Stop;
use crate::adapters::{Passphrase, PassphraseError, Passphrases};
use crate::app::Failure;

/// How often a passphrase is asked for until it opens a key.
const TRIES: u32 = 3;

/// Where a command takes passphrases from.
#[derive(Debug)]
pub(super) struct Sitting {
    file: Option<PathBuf>,
    /// The last that was typed: one sitting, one question.
    typed: RefCell<Option<Passphrase>>,
}

/// Whether a new key may do without a passphrase.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// It may, for runs that nobody attends.
    Optional,
    /// It is what was asked for.
    Required,
}

impl Sitting {
    pub(super) const fn new(file: Option<PathBuf>) -> Self {
        Self { file, typed: RefCell::new(None) }
    }

    /// Takes a passphrase that was typed elsewhere.
    pub(super) fn give(&self, typed: String) -> Result<(), PassphraseError> {
        self.typed.replace(Some(Passphrase::new(typed)?));
        Ok(())
    }

    /// Forgets what was typed.
    pub(super) fn forget(&self) {
        self.typed.replace(None);
    }

    /// Returns the passphrase that the command line or the environment gives.
    fn given(&self) -> Result<Option<Passphrase>, PassphraseError> {
        match &self.file {
            Some(file) => Passphrase::read(file).map(Some),
            None => Passphrase::of_environment(),
        }
    }

    /// Returns the passphrase for a run that nobody attends: none where the command line and the environment give none.
    pub(super) fn beforehand(&self) -> Result<Option<Passphrase>, PassphraseError> {
        self.given()
    }

    /// Returns what a new key is to be encrypted under: as given, else as typed twice on the terminal, where there is one.
    pub(super) fn for_new_key(&self, key: &str, demand: Demand) -> Result<Option<Passphrase>, Stop> {
        if let Some(given) = self.given()? {
            return Ok(Some(given));
        }
        if !can_ask() {
            return match demand {
                Demand::Optional => Ok(None),
                Demand::Required => Err(PassphraseError::Cancelled.into()),
            };
        }
        let optional = if demand == Demand::Optional { " (empty: none)" } else { "" };
        let typed = read_hidden(&format!("new passphrase for {key}{optional}: "))?;
        if typed.is_empty() && demand == Demand::Optional {
            return Ok(None);
        }
        let passphrase = Passphrase::new(typed.to_string())?;
        if Passphrase::new(read_hidden("the same again: ")?.to_string()).ok().as_ref() != Some(&passphrase) {
            return Err(PassphraseError::Different.into());
        }
        self.typed.replace(Some(passphrase.clone()));
        Ok(Some(passphrase))
    }
}

impl Passphrases for Sitting {
    fn passphrase(&self, key: &str, tries: u32) -> Result<Option<Passphrase>, PassphraseError> {
        if let Some(given) = self.given()? {
            return Ok(Some(given).filter(|_| tries == 0));
        }
        if tries == 0
            && let Some(typed) = self.typed.borrow().clone()
        {
            return Ok(Some(typed));
        }
        if tries >= TRIES || !can_ask() {
            return Ok(None);
        }
        let typed = read_hidden(&format!("passphrase for {key}: "))?;
        let passphrase = Passphrase::new(typed.to_string()).map_err(|_| PassphraseError::Cancelled)?;
        self.typed.replace(Some(passphrase.clone()));
        Ok(Some(passphrase))
    }
}

/// Whether somebody can be asked. Under the dashboard the terminal belongs to it.
fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && !is_raw_mode_enabled().unwrap_or(true)
}

/// Gives the terminal back as it was, whatever happens.
struct Hidden;

impl Drop for Hidden {
    fn drop(&mut self) {
        // There is nobody left to tell of a failure.
        let _ = disable_raw_mode();
        let _ = writeln!(io::stderr());
    }
}

/// Reads a line that the terminal does not show.
fn read_hidden(prompt: &str) -> Result<Zeroizing<String>, PassphraseError> {
    let failed = PassphraseError::Terminal;
    let mut asked = io::stderr();
    write!(asked, "{prompt}").and_then(|()| asked.flush()).map_err(failed)?;
    enable_raw_mode().map_err(failed)?;
    let hidden = Hidden;
    // A text that grows leaves copies behind; this one has room for whatever is typed.
    let mut line = Zeroizing::new(String::with_capacity(1024));
    loop {
        let Event::Key(key) = event::read().map_err(failed)? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => break,
            KeyCode::Backspace => drop(line.pop()),
            KeyCode::Esc => return Err(PassphraseError::Cancelled),
            KeyCode::Char('c' | 'd') if control => return Err(PassphraseError::Cancelled),
            KeyCode::Char('u') if control => line.clear(),
            KeyCode::Char(c) if !control => line.push(c),
            _ => {}
        }
    }
    drop(hidden);
    Ok(line)
}

impl Failure for PassphraseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::Different => "bad_passphrase",
            _ => "no_passphrase",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exposed { place, .. } => Some(format!("chmod 600 {place}")),
            Self::Cancelled => {
                Some("name a file that holds it with --passphrase-file FILE, or set FLAG_PASSPHRASE".to_owned())
            }
            _ => None,
        }
    }
}
