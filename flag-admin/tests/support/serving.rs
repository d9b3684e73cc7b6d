//! The server, run by a test, and what is asked of it over plain sockets.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Sandbox;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs until this is dropped.
pub struct Serving {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<Vec<Value>>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body)))
    }
}

impl Serving {
    /// Starts the program, at a port that is free unless one is named, and waits until it accepts connections.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut arguments = arguments.to_vec();
        if !arguments.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        arguments.push("--json");
        Self::of(sandbox.spawn(&arguments))
    }

    /// Waits until a program that was started with `--json` accepts connections.
    #[track_caller]
    pub fn of(mut child: Child) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| Value::String(line));
                kept.lock().unwrap().push(line);
            }
        });
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said:?} {:?}", log.lock().unwrap()));
        let mut address: SocketAddr = said["address"].as_str().unwrap().parse().unwrap();
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        Self { child, address, log }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    #[track_caller]
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, b"")
    }

    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        raw(&mut self.connect(), method, path, headers, body)
    }

    /// Posts JSON.
    #[track_caller]
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
        self.ask("POST", path, &headers, body.as_bytes())
    }

    /// Asks again and again until an answer is as expected.
    #[track_caller]
    pub fn until(&self, path: &str, is_so: impl Fn(&Answer) -> bool) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.get(path, &[]);
            if is_so(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "{answer:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a line of the log.
    #[track_caller]
    pub fn logged(&self, event: &str) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.log.lock().unwrap().iter().find(|line| line["event"] == event) {
                return line.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.log.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns what it has logged.
    pub fn lines(&self) -> Vec<Value> {
        self.log.lock().unwrap().clone()
    }

    /// Opens a stream of events.
    pub fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Stream {
        let mut connection = self.connect();
        send(&mut connection, "GET", path, headers, b"");
        Stream { from: BufReader::new(connection) }
    }

    /// Asks the server to stop.
    pub fn terminate(&self) {
        let asked = std::process::Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(asked.success());
    }

    /// Waits for the end, and returns the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stream of events.
pub struct Stream {
    from: BufReader<TcpStream>,
}

impl Stream {
    /// Reads until a text was read, and returns all of it.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        let mut read = String::new();
        let mut byte = [0];
        while !read.ends_with(text) {
            self.from.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} before {text:?}: {read}"));
            read.push(char::from(byte[0]));
        }
        read
    }

    /// Reads the rest of a line.
    #[track_caller]
    pub fn line(&mut self) -> String {
        self.until("\n").trim_end().to_owned()
    }
}

fn send(connection: &mut TcpStream, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for &(name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        head.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
    }
    head.push_str("\r\n");
    connection.write_all(&[head.as_bytes(), body].concat()).unwrap();
}

/// Asks over a connection that is open, and leaves it open.
#[track_caller]
pub fn raw(connection: &mut TcpStream, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    send(connection, method, path, headers, body);
    let mut from = BufReader::new(connection);
    let mut line = || {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let status = line();
    let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("{status:?}")).parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let line = line();
        let Some((name, value)) = line.split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    if method != "HEAD" && status != 304 {
        answer.body = vec![0; length];
        from.read_exact(&mut answer.body).unwrap();
    }
    answer
}
