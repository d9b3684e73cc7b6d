//! A server of a few lines that answers as a test wants it to, in no way that any real one does too.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use flag_client::{FlagClient, Remote};

use crate::support::Home;

/// How the server answers one path.
#[derive(Clone)]
pub enum Reply {
    Document(Vec<u8>, Option<&'static str>),
    Status(u16),
    /// Anything: a status, headers, each with a line break, and a body.
    Answer(u16, String, Vec<u8>),
    Redirect(String),
    /// One byte at a time, for ever.
    Drip,
    /// Nothing at all.
    Silence,
    /// Fewer bytes than announced: as many as said.
    Truncated(Vec<u8>, usize),
    /// A length of the body that nobody would send.
    Announced(u64),
    /// A body without an announced length, for ever.
    Endless,
    /// A stream of what is said on it.
    Events,
}

/// What was said on the event streams, and how often they were cut.
#[derive(Default)]
struct Said {
    text: String,
    cuts: usize,
}

#[derive(Default)]
struct State {
    replies: Mutex<HashMap<String, Reply>>,
    requests: Mutex<Vec<String>>,
    heads: Mutex<Vec<String>>,
    said: (Mutex<Said>, Condvar),
    listeners: Mutex<usize>,
}

/// One request a connection, 404 for what it does not know. It runs until the test program ends.
pub struct Server {
    pub url: String,
    state: Arc<State>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    pub fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, state: Arc::default() };
        let state = Arc::clone(&server.state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&state);
                // A client that hangs up in the middle is what some tests are about.
                thread::spawn(move || stream.map(|stream| answer(stream, &state)));
            }
        });
        server
    }

    pub fn on(&self, path: &str, reply: Reply) -> &Self {
        self.state.replies.lock().unwrap().insert(format!("/v1/{path}"), reply);
        self
    }

    pub fn snapshot(&self, bytes: Vec<u8>) -> &Self {
        self.on("snapshot.json", Reply::Document(bytes, Some("\"s\"")))
    }

    /// The paths asked for since the last call, with a star if the request was conditional.
    pub fn requests(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clear();
        std::mem::take(&mut *self.state.requests.lock().unwrap())
    }

    /// How many requests there were since the last call of [`requests`](Self::requests).
    pub fn request_count(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }

    /// The heads of the requests since the last call of [`requests`](Self::requests), in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }

    /// Says something on every event stream, those that begin later too unless it is cut before.
    pub fn say(&self, text: &str) {
        self.state.said.0.lock().unwrap().text.push_str(text);
        self.state.said.1.notify_all();
    }

    /// Ends every event stream, and forgets what was said on them.
    pub fn cut(&self) {
        let mut said = self.state.said.0.lock().unwrap();
        *said = Said { text: String::new(), cuts: said.cuts + 1 };
        self.state.said.1.notify_all();
    }

    /// How many event streams there were so far.
    pub fn listeners(&self) -> usize {
        *self.state.listeners.lock().unwrap()
    }
}

fn answer(mut stream: TcpStream, state: &State) -> io::Result<()> {
    let mut head = Vec::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        head.push(line.to_ascii_lowercase());
    }
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let known = header("if-none-match: ");
    let conditional = known.is_some() || header("if-modified-since: ").is_some();
    state.heads.lock().unwrap().push(head.join("\n"));
    state.requests.lock().unwrap().push(format!("{path}{}", if conditional { "*" } else { "" }));
    let reply = state.replies.lock().unwrap().get(&path).cloned().unwrap_or(Reply::Status(404));
    let length = |bytes: &[u8]| format!("content-length: {}\r\nconnection: close\r\n", bytes.len());
    match reply {
        Reply::Document(_, Some(etag)) if known.as_deref() == Some(etag) => {
            write!(stream, "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n")
        }
        Reply::Document(bytes, etag) => {
            let etag = etag.map(|etag| format!("etag: {etag}\r\n")).unwrap_or_default();
            write!(stream, "HTTP/1.1 200 OK\r\n{}{etag}\r\n", length(&bytes))?;
            stream.write_all(&bytes)
        }
        Reply::Status(status) => write!(stream, "HTTP/1.1 {status} No\r\n{}\r\n", length(b"")),
        Reply::Answer(status, headers, body) => {
            write!(stream, "HTTP/1.1 {status} So\r\n{}{headers}\r\n", length(&body))?;
            stream.write_all(&body)
        }
        Reply::Redirect(to) => write!(stream, "HTTP/1.1 301 Moved\r\nlocation: {to}\r\n{}\r\n", length(b"")),
        Reply::Truncated(bytes, sent) => {
            write!(stream, "HTTP/1.1 200 OK\r\n{}\r\n", length(&bytes))?;
            stream.write_all(&bytes[..sent])
        }
        Reply::Announced(length) => write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"),
        Reply::Silence => {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        Reply::Drip => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")?;
            loop {
                stream.write_all(b" ")?;
                thread::sleep(Duration::from_millis(50));
            }
        }
        Reply::Endless => {
            write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b' '; 8_192])?;
            }
        }
        Reply::Events => events(stream, state),
    }
}

fn events(mut stream: TcpStream, state: &State) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    let (said, news) = &state.said;
    let mut heard = said.lock().unwrap();
    *state.listeners.lock().unwrap() += 1;
    let (cuts, mut sent) = (heard.cuts, 0);
    while heard.cuts == cuts {
        let text = heard.text[sent..].to_owned();
        sent = heard.text.len();
        drop(heard);
        stream.write_all(text.as_bytes())?;
        heard = said.lock().unwrap();
        if heard.cuts == cuts && heard.text.len() == sent {
            heard = news.wait(heard).unwrap();
        }
    }
    Ok(())
}

/// An address at which nobody listens.
pub fn nowhere() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{free}")
}

pub fn remote(home: &Home, url: &str) -> Remote {
    Remote { url: Some(url.to_owned()), ..home.remote(None) }
}

pub fn open(home: &Home, url: &str) -> FlagClient {
    home.builder().remote(remote(home, url)).sync_deadline(Duration::from_secs(20)).open()
}

/// The error and its causes in one line.
pub fn told(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |error: &&dyn Error| (*error).source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// Whether tests run with the counts of a night, which `FLAG_NIGHTLY=1` in the environment asks for.
pub fn is_nightly() -> bool {
    std::env::vars().any(|(name, value)| name == "FLAG_NIGHTLY" && value == "1")
}

/// Waits for something to come true, for ten seconds at most.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}
