use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::arguments::Globals;
use super::passphrase::Sitting;
use super::problem::Stop;
use zeroize::Zeroizing;

use crate::adapters::{FolderError, Passphrases, ProjectFolder, RemoteServer, StoreUrl, token_variable, user_name};
use crate::app::{AppError, Draft, DraftError, DraftStore as _, Operator, Project, UnknownEnvironment, with_causes};
use crate::log::{Actor, EnvironmentName, Role};

/// What a command was told: where the project is, who is at work, and for which environment.
pub(super) struct Session {
    globals: Globals,
    sitting: Rc<Sitting>,
    /// The server that holds the project, if one is named.
    server: Option<RemoteServer>,
}

/// A project that is open, and the environment that the command is for.
pub(super) struct Opened {
    pub(super) folder: ProjectFolder,
    pub(super) project: Project,
    pub(super) environment: EnvironmentName,
    /// The draft that is looked at, and added to.
    pub(super) draft: Option<Draft>,
}

impl Session {
    pub(super) fn new(globals: Globals) -> Result<Self, Stop> {
        let sitting = Rc::new(Sitting::new(globals.passphrase_file.clone()));
        let server =
            globals.server.as_deref().map(|url| remote_server(url, globals.token_file.as_deref())).transpose()?;
        Ok(Self { globals, sitting, server })
    }

    /// Returns where passphrases come from.
    pub(super) fn passphrases(&self) -> &dyn Passphrases {
        &*self.sitting
    }

    /// Returns where passphrases come from, for a shell that asks by itself.
    pub(super) fn shared_sitting(&self) -> Rc<Sitting> {
        Rc::clone(&self.sitting)
    }

    /// Returns where passphrases come from, to ask for new ones.
    pub(super) fn sitting(&self) -> &Sitting {
        &self.sitting
    }

    /// Returns where passphrases come from, but for one that a file holds, if one is named.
    pub(super) fn sitting_with(&self, file: Option<PathBuf>) -> Rc<Sitting> {
        if file.is_some() { Rc::new(Sitting::new(file)) } else { Rc::clone(&self.sitting) }
    }

    /// Opens the project that the command is for: with `--draft` as if the draft were applied.
    pub(super) fn open(&self) -> Result<Opened, Stop> {
        let mut opened = self.open_logged()?;
        if self.globals.draft {
            let draft = opened.stored_draft()?.unwrap_or_else(|| Draft::new(&opened.project, &opened.environment));
            opened.project.look_at(&draft)?;
            opened.draft = Some(draft);
        }
        Ok(opened)
    }

    /// Tells whether the command is for a project that a server holds.
    pub(super) const fn is_from_afar(&self) -> bool {
        self.server.is_some()
    }

    /// Tells whether the command is for a draft.
    pub(super) const fn is_for_draft(&self) -> bool {
        self.globals.draft
    }

    /// Opens the project that the command is for, as its log has it.
    pub(super) fn open_logged(&self) -> Result<Opened, Stop> {
        let folder = self.folder()?;
        let operator = match folder.server() {
            // Whose the token is, the server knows.
            Some(server) => server.whoami().map_err(AppError::from)?.operator(),
            None => self.operator(folder.settings().actor.as_ref())?,
        };
        let project = folder.open(operator)?;
        let environment = self.globals.environment.clone().unwrap_or_else(|| folder.settings().environment.clone());
        project.environment(&environment).map_err(unknown_environment)?;
        Ok(Opened { folder, project, environment, draft: None })
    }

    /// Finds the project that the command is for, without opening it.
    pub(super) fn folder(&self) -> Result<ProjectFolder, FolderError> {
        if let Some(server) = &self.server {
            let folder = ProjectFolder::remote(server.clone(), remote_home(&server.place()))?;
            return Ok(folder.with_passphrases(self.sitting.clone()));
        }
        Ok(self.folder_in(&self.globals.directory)?.with_store(self.store()))
    }

    /// Finds the project of a folder.
    pub(super) fn folder_in(&self, directory: &Path) -> Result<ProjectFolder, FolderError> {
        Ok(ProjectFolder::find(directory)?.with_passphrases(self.sitting.clone()))
    }

    /// Returns the store named on the command line.
    pub(super) fn store(&self) -> Option<StoreUrl> {
        self.globals.store.clone()
    }

    /// Returns the environment named on the command line.
    pub(super) const fn named_environment(&self) -> Option<&EnvironmentName> {
        self.globals.environment.as_ref()
    }

    /// Returns who is at work: whom the command names, else whom the settings name, else the user of the system. Whoever may use the keys
    /// of a project folder is its release manager.
    pub(super) fn operator(&self, settings: Option<&Actor>) -> Result<Operator, Stop> {
        let named = self.globals.actor.as_ref().or(settings).cloned();
        let actor = named.or_else(|| user_name().and_then(|user| user.parse().ok()));
        let Some(actor) = actor else {
            let hint = Some("name yourself with --as NAME, or set actor in flag-admin.toml");
            return Err(Stop::problem("no_actor", "the system's user has no name that the log could keep", hint));
        };
        Ok(Operator { actor, role: Role::ReleaseManager })
    }
}

impl Opened {
    /// Returns the draft that whoever is at work keeps.
    pub(super) fn stored_draft(&self) -> Result<Option<Draft>, Stop> {
        let actor = &self.project.operator().actor;
        Ok(self.folder.drafts().draft(&self.environment, actor).map_err(AppError::from)?)
    }

    /// Returns the draft that whoever is at work keeps, and refuses where there is none.
    pub(super) fn kept_draft(&self) -> Result<Draft, Stop> {
        let (actor, environment) = (self.project.operator().actor.clone(), self.environment.clone());
        Ok(self.stored_draft()?.ok_or(AppError::Draft(DraftError::None { actor, environment }))?)
    }
}

/// Returns the server at an address, with the token from a file or the environment.
fn remote_server(url: &str, token_file: Option<&Path>) -> Result<RemoteServer, Stop> {
    let token = match token_file {
        Some(file) => Some(read_text(file)?.1),
        None => token_variable(),
    };
    let Some(token) = token.map(|token| Zeroizing::new(token.trim().to_owned())) else {
        let hint = Some("set FLAG_ADMIN_TOKEN, or name a file with --token-file FILE");
        return Err(Stop::problem("no_token", format!("there is no token for {url}"), hint));
    };
    RemoteServer::new(url, token).map_err(|error| Stop::problem("bad_server", with_causes(&error), None))
}

/// Returns where drafts of a server's project are kept: a folder of the user's own.
fn remote_home(place: &str) -> PathBuf {
    let name: String = place.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let home = dirs::state_dir().or_else(dirs::data_local_dir).unwrap_or_else(|| PathBuf::from("."));
    home.join("flag-admin").join(name)
}

fn unknown_environment(error: UnknownEnvironment) -> Stop {
    crate::app::AppError::from(error).into()
}

/// The longest file that is read, in bytes: as long as the longest snapshot, and longer than any definitions that fit in one.
const FILE_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Reads a whole file of text; `-` is standard input. Returns the name that messages give it, too.
pub(super) fn read_text(path: &Path) -> Result<(String, String), Stop> {
    let (name, bytes) = if path == Path::new("-") {
        let name = String::from("standard input");
        let bytes = read_all(io::stdin().lock(), path, &name)?;
        (name, bytes)
    } else {
        (path.display().to_string(), read_bytes(path)?)
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let place = error.utf8_error().valid_up_to();
            Err(Stop::problem("not_text", format!("{name} is not UTF-8 text: byte {place} begins no character"), None))
        }
    }
}

/// Reads a whole file of bytes.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Stop> {
    let file = File::open(path).map_err(|error| Stop::file(path, "read", &error))?;
    read_all(file, path, &path.display().to_string())
}

fn read_all(from: impl io::Read, path: &Path, name: &str) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    let read = from.take(FILE_MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes);
    match read.map_err(|error| Stop::file(path, "read", &error))? {
        length if u64::try_from(length).is_ok_and(|length| length <= FILE_MAX_BYTES) => Ok(bytes),
        _ => Err(Stop::problem("too_long", format!("{name} is longer than {FILE_MAX_BYTES} bytes"), None)),
    }
}
