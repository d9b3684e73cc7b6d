//! Days that are over become reports, once; and reports are sent, once.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a started process is told what to do by its environment, and exits")]

mod support;

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use flag_client::report::{Report, ReportError, Sixteenths, parse};
use flag_client::{ClientBuilder, Consent, Feedback, FlagClient, Outcome, Outcomes, Recorded, Timestamp};
use support::{DAY, Home, NOW, flag, rollout};

const FLAG: &str = "telemetry_cloud_sync";

/// A machine with a clock that the test sets.
struct Machine {
    home: Home,
    now: Arc<AtomicI64>,
}

impl Machine {
    fn new() -> Self {
        Self { home: Home::new(), now: Arc::new(AtomicI64::new(NOW.as_millis())) }
    }

    fn builder(&self) -> ClientBuilder {
        let now = Arc::clone(&self.now);
        self.home
            .builder_with(&[rollout(FLAG, 100_000, ""), flag("command_history", true, "")].join(","))
            .outcomes(Outcomes::new())
            .reports(Consent::Given)
            .clock(move || Timestamp::from_millis(now.load(Ordering::SeqCst)))
    }

    fn open(&self) -> FlagClient {
        self.builder().open()
    }

    /// Sets the clock to so many days after the first one.
    fn set_day(&self, day: i64) {
        self.now.store(NOW.as_millis() + day * DAY, Ordering::SeqCst);
    }

    /// Records a use on a day.
    fn use_on(&self, day: i64, flag: &str, outcome: Outcome) {
        self.set_day(day);
        assert_eq!(self.open().record(flag, outcome, None), Recorded::Kept);
    }
}

fn pending(client: &FlagClient) -> Vec<Report> {
    let mut reports: Vec<Report> =
        client.pending_reports().unwrap().iter().map(|report| parse(report.bytes()).unwrap()).collect();
    reports.sort_by_key(|report| (report.day, report.flag.clone(), report.step));
    reports
}

fn days(client: &FlagClient) -> Vec<String> {
    pending(client).iter().map(|report| report.day.to_string()).collect()
}

#[test]
fn a_day_is_reported_when_it_is_over_and_once() {
    let machine = Machine::new();
    machine.use_on(0, FLAG, Outcome::Success);
    machine.use_on(0, FLAG, Outcome::Error);
    let client = machine.open();
    assert!(pending(&client).is_empty(), "today is not over");
    machine.set_day(1);
    let reports = pending(&client);
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!((report.flag.as_str(), report.variant.as_deref()), (FLAG, Some("on")));
    assert_eq!(report.day.to_string(), "2026-06-01");
    assert!(report.first_in_stage && report.had_error && !report.crashed);
    assert_eq!(report.err_frac.map(Sixteenths::count), Some(8));
    let again = machine.open();
    assert_eq!(pending(&again), reports, "the same bytes, with the same nonce");
    machine.use_on(1, FLAG, Outcome::Success);
    machine.use_on(2, "command_history", Outcome::Crash);
    machine.set_day(3);
    let said: Vec<_> = pending(&again)
        .iter()
        .map(|report| (report.day.to_string(), report.flag.to_string(), report.first_in_stage, report.crashed))
        .collect();
    let expect = |day: &str, flag: &str, first, crashed| (day.to_owned(), flag.to_owned(), first, crashed);
    assert_eq!(
        said,
        [
            expect("2026-06-01", FLAG, true, false),
            expect("2026-06-02", FLAG, false, false),
            expect("2026-06-03", "command_history", true, true),
        ]
    );
    let mut nonces: Vec<_> = pending(&again).iter().map(|report| report.nonce).collect();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 3);
}

#[test]
fn a_kill_of_the_capability_keeps_reports_where_they_are_until_it_is_lifted() {
    let machine = Machine::new();
    machine.use_on(0, FLAG, Outcome::Success);
    machine.set_day(1);
    let client = machine.builder().outcomes(Outcomes::new().unless_killed("telemetry")).open();
    let reports = pending(&client);
    machine.use_on(1, FLAG, Outcome::Success);
    machine.set_day(2);
    client.kill("telemetry").unwrap();
    let error = client.pending_reports().unwrap_err();
    assert!(matches!(&error, ReportError::SwitchedOff { capability } if **capability == *"telemetry"), "{error:?}");
    assert_eq!(error.to_string(), "reports are off, since \"telemetry\" is switched off");
    #[cfg(feature = "remote")]
    assert!(matches!(client.send_reports(), Err(ReportError::SwitchedOff { .. })));
    assert!(machine.home.path("outcomes").join("cells-2026-06-02.jsonl").exists(), "kept, and not reported");
    client.unkill("telemetry").unwrap();
    assert_eq!(pending(&client).first(), reports.first());
    assert_eq!(days(&client), ["2026-06-01", "2026-06-02"]);
    client.kill("telemetry").unwrap();
    client.clear_reports().unwrap();
    client.unkill("telemetry").unwrap();
    assert!(pending(&client).is_empty(), "cleared while it was killed");
}

#[test]
fn a_day_whose_file_outlives_its_reports_is_not_reported_twice() {
    let machine = Machine::new();
    machine.use_on(0, FLAG, Outcome::Success);
    let cells = machine.home.path("outcomes").join("cells-2026-06-01.jsonl");
    let kept = fs::read(&cells).unwrap();
    machine.set_day(1);
    let client = machine.open();
    let reports = pending(&client);
    assert!(!cells.exists());
    // As after a kill between the two.
    fs::write(&cells, kept).unwrap();
    assert_eq!(pending(&client), reports);
    assert!(!cells.exists());
}

#[test]
fn e40_clocks_that_jump_cost_no_more_than_their_own_days() {
    let machine = Machine::new();
    let client = machine.open();
    machine.use_on(0, FLAG, Outcome::Success);
    machine.use_on(20_000, FLAG, Outcome::Error);
    machine.set_day(1);
    assert_eq!(days(&client), ["2026-06-01"], "a day far ahead is nobody's");
    machine.use_on(0, FLAG, Outcome::Error);
    machine.set_day(1);
    assert_eq!(pending(&client)[0].err_frac.map(Sixteenths::count), Some(0), "a closed day stays as it was reported");
    machine.use_on(2, FLAG, Outcome::Success);
    machine.set_day(1);
    assert_eq!(days(&client), ["2026-06-01"], "a clock that ran a day ahead is not held against it");
    machine.set_day(3);
    assert_eq!(days(&client), ["2026-06-01", "2026-06-03"]);
    machine.now.store(i64::MIN, Ordering::SeqCst);
    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Kept);
    machine.now.store(i64::MAX, Ordering::SeqCst);
    assert_eq!(days(&client), Vec::<String>::new(), "reports of more than thirty days ago are dropped");
}

#[test]
fn e51_a_sick_machine_moves_one_report() {
    let machine = Machine::new();
    let client = machine.open();
    for _ in 0..1_000 {
        client.record(FLAG, Outcome::Crash, Some(Duration::from_millis(5)));
    }
    machine.set_day(1);
    let reports = pending(&client);
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].err_frac.map(Sixteenths::count), reports[0].crashed), (Some(16), true));
    assert_eq!(reports[0].lat, [(393, 100)]);
}

#[test]
fn who_asks_at_once_gets_the_same_reports() {
    let machine = Machine::new();
    for day in 0..3 {
        machine.use_on(day, FLAG, Outcome::Success);
    }
    machine.set_day(3);
    let all: Vec<Vec<Report>> = thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| pending(&machine.open()))).collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(all[0].len(), 3);
    assert!(all.iter().all(|reports| *reports == all[0]));
}

#[test]
fn days_of_more_than_thirty_days_ago_are_dropped() {
    let machine = Machine::new();
    for day in 0..40 {
        machine.use_on(day, FLAG, Outcome::Success);
    }
    let client = machine.open();
    assert_eq!(days(&client).len(), 30);
    assert_eq!(days(&client)[0], "2026-06-10");
}

#[test]
fn broken_files_cost_themselves_alone() {
    let machine = Machine::new();
    for day in 0..3 {
        machine.use_on(day, FLAG, Outcome::Success);
    }
    let folder = machine.home.path("outcomes");
    fs::write(folder.join("cells-2026-06-02.jsonl"), [0xff; 5_000]).unwrap();
    fs::create_dir(folder.join("cells-2026-05-31.jsonl")).unwrap();
    fs::create_dir(folder.join("cells-2026-01-31.jsonl")).unwrap();
    fs::write(folder.join("cells-yesterday.jsonl"), "{}").unwrap();
    machine.set_day(3);
    let client = machine.open();
    assert_eq!(days(&client), ["2026-06-01", "2026-06-03"]);
    assert_eq!(client.problems().len(), 2, "{:?}", client.problems());
    let spool = folder.join("reports.jsonl");
    let mut lines = fs::read(&spool).unwrap();
    lines.splice(0..40, *b"garbage");
    fs::write(&spool, lines).unwrap();
    assert_eq!(days(&client).len(), 1, "the broken line is lost");
    fs::remove_file(&spool).unwrap();
    assert!(pending(&client).is_empty());
}

#[test]
fn without_consent_nothing_is_kept() {
    let machine = Machine::new();
    machine.use_on(0, FLAG, Outcome::Success);
    machine.set_day(1);
    let client = machine.open();
    assert_eq!(pending(&client).len(), 1);
    machine.use_on(1, FLAG, Outcome::Success);
    client.set_consent(Consent::Withheld).unwrap();
    assert_eq!(client.consent(), Consent::Withheld);
    let error = client.pending_reports().unwrap_err();
    assert!(matches!(error, ReportError::NoConsent));
    assert_eq!(error.to_string(), "reports are off, since the user did not consent to them");
    assert_eq!(client.feedback(FLAG, Feedback::Good), Recorded::Off);
    let left: Vec<_> =
        fs::read_dir(machine.home.path("outcomes")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
    client.set_consent(Consent::Given).unwrap();
    assert!(pending(&client).is_empty());
    let unasked = machine.home.builder_with(&flag(FLAG, true, "")).open();
    assert_eq!(unasked.pending_reports().unwrap_err().to_string(), "the application records nothing to report");
}

#[test]
fn no_byte_of_a_report_or_of_a_day_names_the_machine() {
    let machine = Machine::new();
    let client = machine.open();
    let unit = "0123456789abcdef0123456789abcdef";
    machine.home.write("install-id", unit);
    machine.use_on(0, FLAG, Outcome::Success);
    machine.use_on(1, FLAG, Outcome::Success);
    machine.set_day(1);
    let mut bytes: Vec<u8> =
        client.pending_reports().unwrap().iter().flat_map(|report| report.bytes().to_vec()).collect();
    for entry in fs::read_dir(machine.home.path("outcomes")).unwrap() {
        bytes.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(FLAG));
    assert!(machine.open().decision(FLAG).bucket.is_some(), "the id is in use");
    for id in [unit, machine.home.folder().to_str().unwrap()] {
        assert!(!text.contains(id), "{id}: {text}");
    }
}

#[test]
fn reports_survive_an_exit() {
    const STATE: &str = "FLAG_CLIENT_TEST_REPORTS";
    if let Ok(folder) = std::env::var(STATE) {
        let client = FlagClient::builder()
            .declare(support::ALL)
            .outcomes(Outcomes::new().folder(folder))
            .reports(Consent::Given)
            .clock(|| NOW.saturating_add_millis(DAY))
            .open();
        assert_eq!(client.pending_reports().unwrap().len(), 1);
        std::process::exit(0);
    }
    let home = Home::new();
    let folder = home.path("outcomes");
    let client = |days: i64| {
        FlagClient::builder()
            .declare(support::ALL)
            .outcomes(Outcomes::new().folder(&folder))
            .reports(Consent::Given)
            .clock(move || NOW.saturating_add_millis(days * DAY))
            .open()
    };
    client(0).record(FLAG, Outcome::Success, None);
    let exited = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reports_survive_an_exit"])
        .env(STATE, &folder)
        .output()
        .unwrap();
    assert!(exited.status.success(), "{exited:?}");
    assert!(!folder.join("cells-2026-06-01.jsonl").exists());
    assert_eq!(pending(&client(1)).len(), 1);
}

#[cfg(feature = "remote")]
mod sending {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Mutex;

    use flag_client::report::SendFailure;
    use flag_client::{BearerToken, Remote};

    use super::*;

    /// What a server was sent: the head and the body of each request.
    type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

    /// A server that answers each request with the next of some answers, the last one for ever, and keeps what it was sent.
    struct Server {
        url: String,
        requests: Requests,
    }

    impl Server {
        fn answering(answers: &[&str]) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://user:secret@{}/flags", listener.local_addr().unwrap());
            let requests = Requests::default();
            let (kept, answers) = (Arc::clone(&requests), answers.iter().map(ToString::to_string).collect::<Vec<_>>());
            thread::spawn(move || {
                for (number, stream) in listener.incoming().enumerate() {
                    let mut stream = stream.unwrap();
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        reader.read_line(&mut head).unwrap();
                    }
                    let head = head.to_ascii_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let mut body = vec![0; length.unwrap().parse().unwrap()];
                    reader.read_exact(&mut body).unwrap();
                    kept.lock().unwrap().push((head, body));
                    let answer = &answers[number.min(answers.len() - 1)];
                    write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            });
            Self { url, requests }
        }

        fn bodies(&self) -> Vec<Vec<u8>> {
            let mut bodies: Vec<_> = self.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
            bodies.sort();
            bodies
        }
    }

    fn client(machine: &Machine, url: &str) -> FlagClient {
        let bundled = support::snapshot(1, &rollout(FLAG, 100_000, ""));
        let remote = Remote { url: Some(url.to_owned()), ..machine.home.remote(Some(bundled)) };
        machine.builder().remote(remote).bearer_token(BearerToken::new("a_token").unwrap()).open()
    }

    /// A machine with reports of three days.
    fn machine() -> Machine {
        let machine = Machine::new();
        for day in 0..3 {
            machine.use_on(day, FLAG, Outcome::Success);
        }
        machine.set_day(3);
        machine
    }

    #[test]
    fn each_report_is_sent_alone_and_removed_when_it_is_taken() {
        let (machine, server) = (machine(), Server::answering(&["202 Accepted"]));
        let client = client(&machine, &server.url);
        let mut waiting: Vec<Vec<u8>> =
            client.pending_reports().unwrap().iter().map(|report| report.bytes().to_vec()).collect();
        waiting.sort();
        let sent = client.send_reports().unwrap();
        assert_eq!((sent.taken, sent.refused, sent.left), (3, 0, 0));
        assert_eq!(server.bodies(), waiting, "exactly the bytes that were shown");
        for (head, _) in &*server.requests.lock().unwrap() {
            assert!(head.starts_with("post /flags/v1/reports http/1.1\r\n"), "{head}");
            assert!(head.contains("content-type: application/json\r\n"), "{head}");
            assert!(!head.contains("authorization") && !head.contains("cookie"), "{head}");
        }
        assert!(client.pending_reports().unwrap().is_empty());
        assert_eq!(client.send_reports().unwrap().taken, 0);
        assert_eq!(server.bodies().len(), 3);
    }

    #[test]
    fn a_report_that_is_not_heard_of_is_sent_again_with_its_nonce() {
        let machine = machine();
        for answer in ["500 No", "503 No", "408 No", "301 Moved\r\nlocation: http://127.0.0.1:1/"] {
            let server = Server::answering(&[answer]);
            let client = client(&machine, &server.url);
            let before = pending(&client);
            let sent = client.send_reports().unwrap();
            assert_eq!((sent.taken, sent.refused, sent.left), (0, 0, 3), "{answer}");
            let status = answer[..3].parse::<u16>().unwrap();
            assert!(matches!(sent.failure, Some(SendFailure::Status { status: found, .. }) if found == status));
            assert_eq!(server.bodies().len(), 1, "the others wait");
            assert_eq!(pending(&client), before, "{answer}");
        }
        let server = Server::answering(&["200 OK", "500 No"]);
        let sent = client(&machine, &server.url).send_reports().unwrap();
        assert_eq!((sent.taken, sent.left), (1, 2));
        let refused = client(&machine, "http://127.0.0.1:1/").send_reports().unwrap();
        assert!(matches!(refused.failure, Some(SendFailure::Connection(_))));
        assert_eq!(refused.left, 2);
    }

    #[test]
    fn a_report_that_is_refused_is_dropped_and_said() {
        let (machine, server) = (machine(), Server::answering(&["400 Bad", "200 OK"]));
        let client = client(&machine, &server.url);
        let sent = client.send_reports().unwrap();
        assert_eq!((sent.taken, sent.refused, sent.left), (2, 1, 0));
        assert!(pending(&client).is_empty());
        let problems = client.problems();
        let cause = std::error::Error::source(&problems[0]).unwrap().to_string();
        assert_eq!(cause, "a report of flag \"telemetry_cloud_sync\" is refused with status 400");
    }

    #[test]
    fn fault_08_a_server_that_asks_to_be_left_alone_is_across_runs() {
        let (machine, server) = (machine(), Server::answering(&["429 Busy\r\nretry-after: 60", "200 OK"]));
        let sent = client(&machine, &server.url).send_reports().unwrap();
        assert_eq!((sent.taken, sent.left), (0, 3));
        let early = client(&machine, &server.url).send_reports().unwrap_err();
        assert_eq!(early.to_string(), "the server takes no reports before 2026-06-04T00:01:00Z");
        assert_eq!(server.bodies().len(), 1);
        machine.now.fetch_add(60_001, Ordering::SeqCst);
        assert_eq!(client(&machine, &server.url).send_reports().unwrap().taken, 3);
    }

    #[test]
    fn nothing_is_sent_without_consent_or_address() {
        let (machine, server) = (machine(), Server::answering(&["200 OK"]));
        let open = |url: Option<&str>| {
            let remote = Remote { url: url.map(str::to_owned), ..machine.home.remote(None) };
            machine.builder().remote(remote)
        };
        let message = |builder: ClientBuilder| builder.open().send_reports().unwrap_err().to_string();
        assert_eq!(
            message(open(Some(&server.url)).reports(Consent::Withheld)),
            "reports are off, since the user did not consent to them"
        );
        assert_eq!(message(open(None)), "reports have no address");
        assert_eq!(
            message(open(Some("/srv/flags"))),
            "flags are published in a folder, which takes no reports; expected a server"
        );
        assert_eq!(
            message(open(Some(&server.url)).precedence(flag_client::Precedence::LocalOnly)),
            "reports have no address"
        );
        assert!(server.bodies().is_empty());
    }
}
