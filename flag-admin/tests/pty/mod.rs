//! The program on a pseudo-terminal.

use std::io::{Read as _, Write};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtyPair, PtySize, native_pty_system};

/// How often is looked for what is waited for, and how long between two looks: 20 s in all, far longer than any of it takes.
const LOOKS: u32 = 400;
const BETWEEN: Duration = Duration::from_millis(50);

pub const ENTERED: &str = "\u{1b}[?1049h";
pub const LEFT: &str = "\u{1b}[?1049l";
pub const CURSOR_SHOWN: &str = "\u{1b}[?25h";
pub const CURSOR_HIDDEN: &str = "\u{1b}[?25l";

/// What a terminal is set to, printed to be compared.
type Attributes = String;

/// What a program wrote, and what a terminal shows of it.
struct Output {
    bytes: Vec<u8>,
    terminal: vt100::Parser,
}

/// A program under way.
pub struct Pty {
    pair: PtyPair,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    output: Arc<Mutex<Output>>,
    reading: Option<JoinHandle<()>>,
    before: Attributes,
}

/// How a program ended, and what it left behind.
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
    /// Whether the terminal is set as it was before.
    pub is_restored: bool,
}

fn attributes(master: &dyn MasterPty) -> Attributes {
    format!("{:?}", master.get_termios())
}

const SIZE: PtySize = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };

fn command(folder: &std::path::Path, arguments: &[&str], environment: &[(&str, &str)]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_flag-admin"));
    command.args(arguments);
    command.cwd(folder);
    command.env_remove("NO_COLOR");
    command.env("TERM", "xterm-256color");
    command.env("USER", "alice");
    for (name, value) in environment {
        command.env(name, value);
    }
    command
}

/// Starts the program, takes its terminal away once it shows a text, and waits for its end. Returns none if it does not end.
pub fn hang_up(folder: &std::path::Path, arguments: &[&str], shown: &str) -> Option<ExitStatus> {
    let pair = native_pty_system().openpty(SIZE).unwrap();
    let mut child = pair.slave.spawn_command(command(folder, arguments, &[])).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (mut output, mut bytes) = (Vec::new(), [0; 4_096]);
    while !String::from_utf8_lossy(&output).contains(shown) {
        let count = reader.read(&mut bytes).unwrap();
        output.extend_from_slice(&bytes[..count]);
    }
    drop((reader, pair));
    for _ in 0..LOOKS {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(BETWEEN);
    }
    child.kill().unwrap();
    None
}

impl Pty {
    /// Starts the program on a terminal of 100x30 characters.
    pub fn start(folder: &std::path::Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let before = attributes(&*pair.master);
        let child = pair.slave.spawn_command(command(folder, arguments, environment)).unwrap();
        let writer = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let terminal = vt100::Parser::new(SIZE.rows, SIZE.cols, 0);
        let output = Arc::new(Mutex::new(Output { bytes: Vec::new(), terminal }));
        let shared = Arc::clone(&output);
        let reading = thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let mut output = shared.lock().unwrap();
                output.bytes.extend_from_slice(&bytes[..count]);
                output.terminal.process(&bytes[..count]);
            }
        });
        Self { pair, child, writer, output, reading: Some(reading), before }
    }

    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap().bytes).into_owned()
    }

    /// Returns what the terminal shows.
    pub fn screen(&self) -> String {
        self.output.lock().unwrap().terminal.screen().contents()
    }

    /// Waits until the terminal shows a text.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(|| self.screen().contains(text), text);
    }

    /// Waits until the program has written a code so many times.
    #[track_caller]
    pub fn wait_for_code(&self, code: &str, times: usize) {
        self.wait_until(|| self.output().matches(code).count() >= times, code);
    }

    #[track_caller]
    fn wait_until(&self, found: impl Fn() -> bool, what: &str) {
        for _ in 0..LOOKS {
            if found() {
                return;
            }
            thread::sleep(BETWEEN);
        }
        panic!("{what:?} does not come:\n{}\n{:?}", self.screen(), self.output());
    }

    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        // What reads the screen for the tests panics at text that wraps in a single row.
        self.output.lock().unwrap().terminal.screen_mut().set_size(rows.max(2), cols.max(2));
        self.pair.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends the program a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end of the program.
    pub fn end(mut self) -> Ended {
        for _ in 0..LOOKS {
            if let Some(status) = self.child.try_wait().unwrap() {
                let is_restored = attributes(&*self.pair.master) == self.before;
                let Self { pair, writer, output, reading, .. } = self;
                drop((pair, writer));
                reading.unwrap().join().unwrap();
                let output = String::from_utf8_lossy(&output.lock().unwrap().bytes).into_owned();
                return Ended { status, output, is_restored };
            }
            thread::sleep(BETWEEN);
        }
        self.child.kill().unwrap();
        panic!("the program does not end: {:?}", self.output());
    }
}

impl Ended {
    /// Asserts that the terminal was taken over, and is as it was.
    #[track_caller]
    pub fn assert_terminal_given_back(&self) {
        let last = |text: &str| self.output.rfind(text);
        assert!(last(ENTERED).is_some(), "{:?}", self.output);
        assert!(last(LEFT) > last(ENTERED), "the alternate screen is still there: {:?}", self.output);
        assert!(last(CURSOR_SHOWN) > last(CURSOR_HIDDEN), "the cursor is still hidden: {:?}", self.output);
        assert!(self.is_restored, "the terminal is still raw");
    }
}
