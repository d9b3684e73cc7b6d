use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::sources::{counts, ratio};
use crate::rollout::SourceValue;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may be, in bytes: one number takes a few hundred.
const MAX_BYTES: usize = 64 * 1024;

/// Asks a Prometheus server, or what answers as one does, for one number, or for two that are counts.
pub(super) fn read(url: &str, query: &str, total: Option<String>) -> SourceValue {
    let (url, query) = (url.to_owned(), query.to_owned());
    // On a thread of its own, since a caller may itself run on a runtime that must not be blocked within.
    let asking = thread::Builder::new().name("promql".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(async {
            let client =
                reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
            let client = client.map_err(|error| error.to_string())?;
            let bad = number(&client, &url, &query).await?;
            let of = match &total {
                Some(total) => Some(number(&client, &url, total).await?),
                None => None,
            };
            Ok::<_, String>((bad, of, total.is_some()))
        })
    });
    let answer = match asking.map(thread::JoinHandle::join) {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err("asking it ended early".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    match answer {
        Err(why) => SourceValue::Unusable { why },
        // Nothing went wrong where nothing is counted as having done so, if anything was counted at all.
        Ok((bad, Some(Some(of)), _)) => counts(bad.unwrap_or(0.0), of),
        Ok((Some(value), None, _)) => ratio(value),
        Ok(_) => SourceValue::Nothing,
    }
}

async fn number(client: &reqwest::Client, url: &str, query: &str) -> Result<Option<f64>, String> {
    let address = format!("{}/api/v1/query", url.trim_end_matches('/'));
    let sent = client.get(&address).query(&[("query", query)]).send().await;
    let mut response = sent.map_err(|error| said(&error))?;
    if !response.status().is_success() {
        return Err(format!("it answers {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| said(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_BYTES {
            return Err(format!("its answer is longer than {MAX_BYTES} bytes"));
        }
    }
    value_in(&body)
}

/// Says what went wrong without the address, which may hold a password.
fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    if error.is_connect() { "no connection".to_owned() } else { "its answer breaks off".to_owned() }
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar((f64, String)),
    Vector(Vec<Sample>),
}

#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

/// Returns the one number of an answer; none where there is no sample.
fn value_in(body: &[u8]) -> Result<Option<f64>, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "its answer is not that of a Prometheus server".to_owned())?;
    if answer.status != "success" {
        return Err("it could not answer the query".to_owned());
    }
    let text = match answer.data {
        Some(Data::Scalar((_, text))) => text,
        Some(Data::Vector(samples)) => match samples.as_slice() {
            [] => return Ok(None),
            [sample] => sample.value.1.clone(),
            samples => return Err(format!("it answers with {} series, expected one", samples.len())),
        },
        None => return Err("its answer holds no data".to_owned()),
    };
    let value: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    if value.is_nan() { Err("the value is NaN, as of a division by zero".to_owned()) } else { Ok(Some(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e49_an_answer_is_one_number_or_none_or_refused() {
        let vector =
            |samples: &str| format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{samples}]}}}}"#);
        let sample = |value: &str| format!(r#"{{"metric":{{}},"value":[1780304400.1,"{value}"]}}"#);
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1780304400,"0.25"]}}"#;
        assert_eq!(value_in(scalar.as_bytes()), Ok(Some(0.25)));
        assert_eq!(value_in(vector("").as_bytes()), Ok(None));
        assert_eq!(value_in(vector(&sample("12")).as_bytes()), Ok(Some(12.0)));
        for (body, why) in [
            (vector(&sample("NaN")), "the value is NaN, as of a division by zero"),
            (vector(&sample("many")), "\"many\" is no number"),
            (vector(&format!("{},{}", sample("1"), sample("2"))), "it answers with 2 series, expected one"),
            (r#"{"status":"error"}"#.to_owned(), "it could not answer the query"),
            (r#"{"status":"success"}"#.to_owned(), "its answer holds no data"),
            ("<html>".to_owned(), "its answer is not that of a Prometheus server"),
            (String::new(), "its answer is not that of a Prometheus server"),
        ] {
            assert_eq!(value_in(body.as_bytes()), Err(why.to_owned()), "{body}");
        }
    }

    #[test]
    fn numbers_that_are_no_counts_are_unusable() {
        assert_eq!(counts(1.4, 9.6), SourceValue::Counts { bad: 1, of: 10 });
        assert_eq!(counts(0.0, 0.0), SourceValue::Nothing);
        for (bad, of) in [(f64::NAN, 1.0), (1.0, f64::INFINITY), (-1.0, 10.0)] {
            assert!(matches!(counts(bad, of), SourceValue::Unusable { .. }), "{bad} {of}");
        }
        assert_eq!(ratio(f64::INFINITY), SourceValue::Unusable { why: "the ratio is inf".to_owned() });
    }
}
