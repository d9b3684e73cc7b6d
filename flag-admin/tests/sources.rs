//! Other systems that rollouts ask: what they answer, and what becomes of it when they do not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use flag_admin::adapters::Sources;
use flag_admin::app::ports::{MetricSource as _, SourceQuestion};
use flag_admin::rollout::{Source, SourceKind, SourceValue};

/// Answers each of some requests with a body, in order, and returns the address.
fn answering(bodies: Vec<String>) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let answer = |body: String| {
            let (mut connection, _) = listener.accept().unwrap();
            let mut request = vec![0; 4_096];
            let length = connection.read(&mut request).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            connection.write_all(head.as_bytes()).unwrap();
            connection.write_all(body.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned()
        };
        bodies.into_iter().map(answer).collect()
    });
    (url, serving)
}

fn scalar(value: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[1780304400,"{value}"]}}}}"#)
}

fn ask(kind: SourceKind) -> SourceValue {
    let source = Source { metric: "errors".into(), kind, limit: "5%".parse().unwrap(), rollback: None };
    let flag = "search".parse().unwrap();
    let share = "25%".parse().unwrap();
    let listed = [("listed".to_owned(), source.kind.from().to_owned())];
    Sources::new(listed.into()).read(&source, &SourceQuestion { flag: &flag, share, since_seconds: 3_600 })
}

fn promql(url: &str, total: Option<&str>) -> SourceKind {
    SourceKind::Promql {
        from: url.into(),
        query: "errors{flag=\"{flag}\"}[{since}s]".into(),
        total: total.map(Into::into),
    }
}

#[test]
fn prometheus_answers_with_counts_and_is_told_what_is_meant() {
    let (url, serving) = answering(vec![scalar("3"), scalar("120.4")]);
    assert_eq!(ask(promql(&url, Some("requests"))), SourceValue::Counts { bad: 3, of: 120 });
    let asked = serving.join().unwrap();
    assert!(asked[0].contains("/api/v1/query?query=errors") && asked[0].contains("search"), "{asked:?}");
    assert!(asked[0].contains("3600s"), "{asked:?}");
}

#[test]
fn e49_garbage_and_silence_are_no_numbers() {
    for (body, why) in [
        ("<html>sign in</html>".to_owned(), "its answer is not that of a Prometheus server"),
        (scalar("NaN"), "the value is NaN, as of a division by zero"),
    ] {
        let (url, serving) = answering(vec![body]);
        assert_eq!(ask(promql(&url, None)), SourceValue::Unusable { why: why.to_owned() });
        serving.join().unwrap();
    }
    // A port that was free a moment ago.
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    assert_eq!(ask(promql(&url, None)), SourceValue::Unusable { why: "no connection".to_owned() });
    // One that takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    assert_eq!(ask(promql(&url, None)), SourceValue::Unusable { why: "no answer within 5 s".to_owned() });
}

#[test]
fn a_database_that_is_none_is_no_number() {
    for url in ["mysql://127.0.0.1/x", "postgres://nobody@127.0.0.1:1/none"] {
        let answer = ask(SourceKind::Sql { from: url.into(), query: "error_rate".into() });
        assert!(matches!(answer, SourceValue::Unusable { .. }), "{url}: {answer:?}");
    }
}

#[test]
fn e49_a_database_that_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://reader@{}/telemetry", silent.local_addr().unwrap());
    let answer = ask(SourceKind::Sql { from: url.into(), query: "error_rate".into() });
    assert_eq!(answer, SourceValue::Unusable { why: "no answer within 10 s".to_owned() });
}
