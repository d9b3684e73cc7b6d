//! A folder of its own for each test, and the program run in it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The definitions that ship with the program.
pub const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample/flags.toml");

/// What a run of the program came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Returns the JSON on standard output of a run that went well.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Returns the text on standard output of a run that went well.
    #[track_caller]
    pub fn text(&self) -> &str {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        &self.out
    }
}

/// A folder for one test.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub fn empty() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Returns a sandbox with a project in `flags`, made by @alice.
    pub fn with_project() -> Self {
        let sandbox = Self::empty();
        sandbox.run(&["init", "flags", "--project", "caro", "--as", "alice"]).text();
        sandbox
    }

    /// Returns a sandbox with a project that has the sample's definitions.
    pub fn with_sample() -> Self {
        let sandbox = Self::with_project();
        sandbox.run(&["-C", "flags", "apply", "-f", SAMPLE, "--yes", "--as", "alice"]).text();
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Returns the program with these arguments, in this folder, with nothing on standard input.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flag-admin"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("NO_COLOR").env("USER", "alice");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        finished(self.spawn(arguments))
    }

    /// Runs the program in the project.
    pub fn project(&self, arguments: &[&str]) -> Run {
        let all: Vec<&str> = ["-C", "flags"].iter().chain(arguments).copied().collect();
        self.run(&all)
    }
}

/// Waits for a run.
pub fn finished(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Returns so many unit ids, one a line.
pub fn ids(number: usize) -> String {
    (0..number).fold(String::new(), |ids, id| ids + "install-" + &id.to_string() + "\n")
}

/// Returns the search path of a shell that is to find the program.
#[expect(clippy::disallowed_methods, reason = "a test finds the programs that it runs")]
pub fn path_with_program() -> std::ffi::OsString {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_flag-admin")).parent().unwrap().to_owned();
    let before = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&before))).unwrap()
}
