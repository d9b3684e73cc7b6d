//! No identifier of a person or an installation leaves a client: not in a request, an event, a report or a file, but the id's own.
#![cfg(all(feature = "remote", feature = "tracing"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod server;
mod support;

use std::fmt::{self, Write as _};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

use flag_client::{
    Attributes, Consent, Context, CrashQuarantine, Feedback, Measure, MetricValue, Outcome, Outcomes, Recorded, Remote,
    ServiceOptions, Timestamp, TracingHook,
};
use server::eventually;
use support::{DAY, Home, NOW, flag, kills, rollout, snapshot};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

const USER: &str = "user-7f3a";
const OTHER_USER: &str = "ada.lovelace";
const MAIL: &str = "grace.hopper@navy.example";
const SYNC: &str = "telemetry_cloud_sync";
const STYLE: &str = "prompt_style";

/// What is said to the outside, in the order in which it is.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<String>>>);

impl Said {
    fn push(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, word: &str) -> usize {
        self.all().iter().filter(|text| text.contains(word)).count()
    }
}

/// Answers each request with what is published, and writes down all of it: line, headers and body.
fn publishing(said: &Said) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let said = said.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer(stream, &said);
        }
    });
    url
}

fn answer(mut stream: TcpStream, said: &Said) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    let mail_rule = r#","rules":[{"id":"navy","when":{"attribute":"mail","operator":"ends_with","values":[".example"]},"serve":{"variant":"on"}}]"#;
    let flags = [
        rollout(SYNC, 50_000, r#","opt_in":"required""#),
        flag("command_history", false, mail_rule),
        flag("execution_guard", true, ""),
    ];
    let (status, document) = match head.split(' ').nth(1).unwrap() {
        "/v1/snapshot.json" => ("200 OK", snapshot(3, &flags.join(","))),
        "/v1/kills.json" => ("200 OK", kills(&[("kill-1", "mlx_backend")])),
        "/v1/reports" => ("202 Accepted", Vec::new()),
        _ => ("404 Not Found", Vec::new()),
    };
    said.push(format!("{head}\n{}", String::from_utf8_lossy(&body)));
    let length = document.len();
    let head =
        format!("HTTP/1.1 {status}\r\netag: \"{length}\"\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(&[head.as_bytes(), &document].concat());
}

/// Writes down every event and span of every crate and thread, at every level.
struct Log(Said);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.push(line.0);
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut line = Line(attributes.metadata().target().to_owned());
        attributes.record(&mut line);
        self.0.push(line.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.0.push(line.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Every file below a folder with what it holds, but one.
fn files(folder: &Path, but: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, but));
        } else if entry != but {
            let text = String::from_utf8_lossy(&fs::read(&entry).unwrap()).into_owned();
            found.push((entry.display().to_string(), text));
        }
    }
    found
}

#[test]
fn no_identifier_is_in_a_request_an_event_a_report_or_a_file() {
    let (sent, logged, told) = (Said::default(), Said::default(), Said::default());
    tracing::subscriber::set_global_default(Log(logged.clone())).unwrap();
    let home = Home::new();
    home.config("[feature_flags.overrides]\ntelemetry_cloud_sync = true\n");
    let now = Arc::new(AtomicI64::new(NOW.as_millis()));
    let clock = Arc::clone(&now);
    let flags = home
        .builder()
        .remote(Remote { url: Some(publishing(&sent)), ..home.remote(None) })
        .identity(home.identity())
        .context_attributes(Attributes::from_iter([("mail", MAIL)]))
        .outcomes(Outcomes::new().metric(SYNC, "rows", Measure::Ratio).slow_above(SYNC, Duration::from_millis(5)))
        .reports(Consent::Given)
        .crash_quarantine(CrashQuarantine::default())
        .hook(TracingHook)
        .clock(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)))
        .open();

    flags.sync().unwrap();
    assert!(flags.is_enabled("command_history"), "the rule on the mail address was met");
    assert!(flags.decision(SYNC).bucket.is_some(), "the install id was made");
    let attributes = Attributes::from_iter([("mail", MAIL), ("team", OTHER_USER)]);
    for user in [USER, OTHER_USER] {
        let theirs = flags.for_context(Context::new(user).with_attributes(&attributes));
        theirs.is_enabled(SYNC);
        theirs.variant(STYLE);
    }
    flags.enable("telemetry_cloud_sync").unwrap();
    flags.disable("command_history").unwrap();
    for outcome in [Outcome::Success, Outcome::Error, Outcome::Crash] {
        assert_eq!(flags.record(SYNC, outcome, Some(Duration::from_millis(7))), Recorded::Kept);
        assert_eq!(flags.begin("command_history").finish(outcome), Recorded::Kept);
    }
    flags.record_metric(SYNC, "rows", MetricValue::Ratio { numerator: 3, denominator: 4 });
    flags.feedback(SYNC, Feedback::Bad);
    now.fetch_add(DAY, Ordering::SeqCst);
    let reports = flags.pending_reports().unwrap();
    for report in &reports {
        told.push(String::from_utf8_lossy(report.bytes()).into_owned());
    }
    flags.record(SYNC, Outcome::Success, None);

    let (changes, health) = (told.clone(), told.clone());
    let options = ServiceOptions::new()
        .interval(Duration::from_millis(50))
        .on_change(move |change| changes.push(format!("{change:?}")))
        .on_health(move |state| health.push(format!("{state:?}")));
    let service = flags.start_service(options).unwrap();
    let conditional = |text: &&String| text.to_ascii_lowercase().contains("if-none-match");
    eventually("the service asks again", || sent.all().iter().any(|text| conditional(&text)));
    told.push(format!("{:?}", service.health()));
    drop(service);
    assert_eq!(flags.send_reports().unwrap().taken, reports.len());
    told.push(format!("{:?} {:?} {:?}", flags.problems(), flags.snapshot_info(), flags.kills()));

    // There is something to look at.
    assert_eq!(sent.count("POST /v1/reports"), reports.len());
    assert!(reports.len() >= 2 && sent.count("\"fb_neg\"") + sent.count("had_error") > 0, "{:?}", sent.all());
    assert!(logged.count("feature_flag.key") > 4, "{:?}", logged.all());
    let id_file = home.path("install-id");
    let kept = files(home.folder(), &id_file);
    assert!(kept.len() >= 4, "{kept:?}");

    let install_id = fs::read_to_string(&id_file).unwrap();
    let install_id = install_id.trim();
    assert!(install_id.len() >= 22, "{install_id}");
    let outputs = [("request", sent), ("log", logged), ("answer", told)];
    let said =
        outputs.into_iter().flat_map(|(kind, said)| said.all().into_iter().map(move |text| (kind.to_owned(), text)));
    for (place, text) in said.chain(kept) {
        for id in [install_id, USER, OTHER_USER, MAIL] {
            let is_in = |text: &str| text.to_ascii_lowercase().contains(&id.to_ascii_lowercase());
            assert!(!is_in(&text) && !is_in(&place), "{id} is in {place}: {text}");
        }
    }
}
