//! A PostgreSQL cluster of a test's own.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// A server that runs until this is dropped, with nothing but a socket in a temporary folder.
pub struct Cluster {
    binaries: PathBuf,
    folder: TempDir,
    port: u16,
    databases: AtomicU32,
}

/// The user that the server runs as: it refuses to run as root.
fn as_user(program: &Path, user: Option<&str>) -> Command {
    match user {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn binaries() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}

impl Cluster {
    /// Starts a server. Where none is installed this says so and returns none; with `FLAG_REQUIRE_POSTGRES=1` that is a failure.
    #[expect(clippy::disallowed_methods, reason = "a test asks the environment what it must be able to do")]
    pub fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            let required = std::env::var("FLAG_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
            assert!(!required, "PostgreSQL is required, but there is no /usr/lib/postgresql/*/bin/initdb");
            // Written past the harness, which swallows what passing tests print.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no PostgreSQL server in /usr/lib/postgresql: nothing was tested on it"
            );
            return None;
        };
        let folder = TempDir::new().unwrap();
        let user = is_root().then_some("postgres");
        if user.is_some() {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        }
        let data = folder.path().join("data");
        let run = |command: &mut Command| {
            let output = command.current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run(as_user(&binaries.join("initdb"), user).arg("-D").arg(&data).args([
            "-U",
            "flag",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]));
        // Nothing listens there; the number names the socket.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c port={port} -c fsync=off",
            folder.path().display()
        );
        // The server keeps what it is given as standard output: a pipe of ours would never end.
        let log = folder.path().join("log");
        let status = as_user(&binaries.join("pg_ctl"), user)
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(&log)
            .args(["-w", "-o", &options, "start"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{}", fs::read_to_string(&log).unwrap_or_default());
        Some(Self { binaries, folder, port, databases: AtomicU32::new(0) })
    }

    /// Stops the server in the middle of whatever it does, and starts it again.
    pub fn restart(&self) {
        let user = is_root().then_some("postgres");
        let status = as_user(&self.binaries.join("pg_ctl"), user)
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-l")
            .arg(self.folder.path().join("log"))
            .args(["-w", "-m", "fast", "restart"])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Makes an empty database and returns its address.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("flags{number}");
        self.client("postgres").batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        self.address(&name)
    }

    fn address(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&port={}&user=flag", self.folder.path().display(), self.port)
    }

    fn client(&self, database: &str) -> postgres::Client {
        postgres::Client::connect(&self.address(database), postgres::NoTls).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let user = is_root().then_some("postgres");
        let _ = as_user(&self.binaries.join("pg_ctl"), user)
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-m", "immediate", "stop"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
