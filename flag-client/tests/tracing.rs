//! The events that the hook for `tracing` gives.
#![cfg(feature = "tracing")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use flag_client::{Context, Declaration, FlagClient, IdentitySource, TracingHook};
use support::{Home, NOW, rollout, snapshot};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes down the events of its thread.
#[derive(Clone)]
struct Written {
    upto: Level,
    events: Arc<Mutex<Vec<String>>>,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }
}

impl Subscriber for Written {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.upto
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} {}:", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        self.events.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn events(upto: Level) -> Vec<String> {
    let home = Home::new();
    let remote = home.remote(Some(snapshot(4, &rollout("telemetry_cloud_sync", 100_000, ""))));
    let builder = FlagClient::builder().declare([Declaration::boolean("local")]).remote(remote).clock(|| NOW);
    let flags = builder.identity(IdentitySource::Given("installation".to_owned())).hook(TracingHook).open();
    let written = Written { upto, events: Arc::default() };
    tracing::subscriber::with_default(written.clone(), || {
        assert!(flags.is_enabled("telemetry_cloud_sync"));
        assert!(flags.for_context(Context::new("user-7")).is_enabled("telemetry_cloud_sync"));
        assert!(!flags.is_enabled("local"));
        assert!(!flags.is_enabled("nowhere"));
    });
    let events = written.events.lock().unwrap();
    events.clone()
}

#[test]
fn events_carry_the_names_of_the_conventions_and_no_identifier() {
    const PROVIDER: &str = "feature_flag.provider.name=flag-client feature_flag.version=1.4";
    let split = format!(
        "DEBUG feature_flag.evaluation: feature_flag.key=telemetry_cloud_sync feature_flag.result.variant=on \
         feature_flag.result.reason=split {PROVIDER}"
    );
    let expected = [
        split.clone(),
        split,
        format!(
            "DEBUG feature_flag.evaluation: feature_flag.key=local feature_flag.result.variant=off \
             feature_flag.result.reason=default {PROVIDER}"
        ),
        format!(
            "DEBUG feature_flag.evaluation: feature_flag.key=nowhere feature_flag.result.reason=error {PROVIDER} \
             error.type=flag_not_found"
        ),
    ];
    assert_eq!(events(Level::DEBUG), expected);
}

#[test]
fn nothing_is_made_where_nobody_listens() {
    assert_eq!(events(Level::INFO), [""; 0]);
}
