//! The provider, asked through the real OpenFeature API.
#![cfg(feature = "openfeature")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use flag_client::openfeature::Provider;
use flag_client::{Attributes, Declaration, FlagClient, IdentitySource, Prerequisite};
use open_feature::provider::{FeatureProvider as _, ProviderStatus};
use open_feature::{
    Client, EvaluationContext, EvaluationContextFieldValue, EvaluationErrorCode, EvaluationReason, FlagMetadataValue,
    OpenFeature, StructValue, Value,
};
use support::{DAY, Home, NOW, flag, rollout, snapshot};

/// Runs a future to its end on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn api(flags: FlagClient) -> Client {
    wait(async {
        let mut api = OpenFeature::default();
        api.set_provider(Provider::new(flags)).await;
        api.create_client()
    })
}

fn serving(key: &str, value: &str) -> String {
    format!(
        r#""{key}":{{"version":9,"variants":{{"it":{value}}},"off_variant":"it","fallthrough":{{"variant":"it"}}}}"#
    )
}

fn published(home: &Home, flags: &str) -> flag_client::ClientBuilder {
    let builder = FlagClient::builder().remote(home.remote(Some(snapshot(4, flags)))).clock(|| NOW);
    builder.identity(IdentitySource::Given("installation".to_owned()))
}

fn user(key: &str) -> EvaluationContext {
    EvaluationContext::default().with_targeting_key(key)
}

#[test]
fn every_type_arrives() {
    let home = Home::new();
    let flags = [
        flag("switch", true, ""),
        serving("number", "7"),
        serving("ratio", "0.5"),
        serving("text", "\"\""),
        serving("limits", r#"{"per_minute":60,"plans":["a",1,true,null],"deep":{"x":1.5},"nothing":null}"#),
    ];
    let client = api(published(&home, &flags.join(",")).open());
    assert_eq!(wait(client.get_bool_value("switch", None, None)), Ok(true));
    assert_eq!(wait(client.get_int_value("number", None, None)), Ok(7));
    assert_eq!(wait(client.get_float_value("number", None, None)), Ok(7.0), "nothing is lost");
    assert_eq!(wait(client.get_float_value("ratio", None, None)), Ok(0.5));
    assert_eq!(wait(client.get_string_value("text", None, None)), Ok(String::new()));
    let limits = wait(client.get_struct_value::<StructValue>("limits", None, None)).unwrap();
    let plans = Value::Array(vec![Value::from("a"), Value::Int(1), Value::Bool(true)]);
    let expected = StructValue::default()
        .with_field("per_minute", 60)
        .with_field("plans", plans)
        .with_field("deep", StructValue::default().with_field("x", 1.5));
    assert_eq!(limits, expected);
}

#[test]
fn errors_have_their_codes() {
    let home = Home::new();
    let broken = r#""broken":{"variants":{"on":true},"off_variant":"nowhere","fallthrough":{"variant":"on"}}"#;
    let flags = [serving("number", "7"), serving("ratio", "0.5"), broken.to_owned()];
    let client = api(published(&home, &flags.join(",")).open());
    let error = |result: Result<bool, open_feature::EvaluationError>| {
        let error = result.unwrap_err();
        (error.code, error.message.unwrap())
    };
    let ask = |key: &str| error(wait(client.get_bool_value(key, None, None)));
    assert_eq!(ask("nowhere"), (EvaluationErrorCode::FlagNotFound, "no value: FLAG_NOT_FOUND".to_owned()));
    assert_eq!(ask("broken"), (EvaluationErrorCode::ParseError, "no value: PARSE_ERROR".to_owned()));
    let message = r#"flag "number" is of type integer, expected bool without loss"#.to_owned();
    assert_eq!(ask("number"), (EvaluationErrorCode::TypeMismatch, message));
    let ratio = wait(client.get_int_value("ratio", None, None)).unwrap_err();
    assert_eq!(ratio.code, EvaluationErrorCode::TypeMismatch, "e31: 0.5 is no whole number");
    let number = wait(client.get_struct_value::<StructValue>("number", None, None)).unwrap_err();
    assert_eq!(number.message.as_deref(), Some(r#"flag "number" is of type integer, expected object without loss"#));
}

#[test]
fn reasons_and_metadata_say_how_and_not_for_whom() {
    const UNFOUNDED: Declaration = Declaration::boolean("unfounded").prerequisites(&[Prerequisite::on("nowhere")]);
    let home = Home::new();
    home.config("[feature_flags.overrides]\nchosen = true\n");
    let rule = r#","rules":[{"id":"team","when":{"attribute":"plan","operator":"equals","values":["team"]},"serve":{"variant":"on"}}]"#;
    let flags = [
        flag("static", true, ""),
        flag("rule", false, rule),
        rollout("split", 50_000, ""),
        flag("killed", true, ""),
        flag("disabled", true, r#","enabled":false"#),
        flag("chosen", false, r#","overridable":true"#),
    ];
    let local = Declaration::boolean("local").default_on(true);
    let builder = published(&home, &flags.join(",")).declare([local, UNFOUNDED, Declaration::boolean("chosen")]);
    let client = api(builder.user_file(home.path("config.toml")).kill(["killed"]).open());
    let team = user("user-7").with_custom_field("plan", "team");
    let installation = EvaluationContext::default();
    for (key, context, word, ours) in [
        ("static", &team, "STATIC", "STATIC"),
        ("rule", &team, "TARGETING_MATCH", "TARGETING_MATCH"),
        ("rule", &installation, "DEFAULT", "DEFAULT"),
        ("split", &team, "SPLIT", "SPLIT"),
        ("killed", &team, "DISABLED", "KILLED"),
        ("disabled", &team, "DISABLED", "DISABLED"),
        ("chosen", &installation, "TARGETING_MATCH", "OVERRIDE"),
        ("chosen", &team, "STATIC", "STATIC"),
        ("local", &team, "DEFAULT", "DEFAULT"),
        ("unfounded", &team, "ERROR", "PARSE_ERROR"),
    ] {
        let details = wait(client.get_bool_details(key, Some(context), None)).unwrap();
        assert_eq!(details.reason.unwrap().to_string(), word, "{key}");
        let metadata = details.flag_metadata.values;
        assert_eq!(metadata["reason"], FlagMetadataValue::from(ours), "{key}");
        assert_eq!(metadata["snapshotVersion"], FlagMetadataValue::Int(4));
        let mut names: Vec<_> = metadata.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["flagVersion", "reason", "snapshotVersion", "stale"]);
        let text = format!("{metadata:?}");
        assert!(!text.contains("user-7") && !text.contains("installation"), "{text}");
    }
}

#[test]
fn the_targeting_key_is_the_unit_and_without_one_the_installation_is() {
    let home = Home::new();
    let flags = rollout("split", 50_000, "");
    let flags = published(&home, &flags).open();
    let own = flags.is_enabled("split");
    let client = api(flags.clone());
    assert_eq!(wait(client.get_bool_value("split", None, None)), Ok(own));
    let same = Ok(own);
    assert_eq!(wait(client.get_bool_value("split", Some(&user("installation")), None)), same, "the same unit");
    let exposed =
        (0..200).filter(|id| wait(client.get_bool_value("split", Some(&user(&format!("u{id}"))), None)) == Ok(true));
    let exposed = exposed.count();
    assert!((60..140).contains(&exposed), "{exposed} of 200 at 50%");
}

#[test]
fn custom_fields_are_attributes() {
    let home = Home::new();
    let rule = |key: &str, attribute: &str, operator: &str, value: &str| {
        let rule = format!(
            r#","rules":[{{"id":"r","when":{{"attribute":"{attribute}","operator":"{operator}","values":[{value}]}},"serve":{{"variant":"on"}}}}]"#
        );
        flag(key, false, &rule)
    };
    let flags = [
        rule("text", "plan", "equals", "\"team\""),
        rule("number", "age", "equals", "30"),
        rule("switch", "beta", "equals", "true"),
        rule("moment", "since", "before", "\"2026-01-01T00:00:00Z\""),
        rule("nested", "org.plan", "equals", "\"team\""),
        rule("own", "os", "equals", "\"linux\""),
    ];
    let builder = published(&home, &flags.join(",")).context_attributes(Attributes::new().with("os", "linux"));
    let client = api(builder.open());
    let org = StructValue { fields: [("plan".to_owned(), Value::from("team"))].into() };
    let fields = |context: EvaluationContext| {
        context
            .with_custom_field("plan", "team")
            .with_custom_field("age", 30)
            .with_custom_field("beta", true)
            .with_custom_field("since", EvaluationContextFieldValue::DateTime(std::time::UNIX_EPOCH.into()))
            .with_custom_field("org", EvaluationContextFieldValue::new_struct(org.clone()))
            .with_custom_field("unreadable", EvaluationContextFieldValue::new_struct(7_u8))
    };
    for (context, own) in [(fields(user("user-7")), false), (fields(EvaluationContext::default()), true)] {
        for key in ["text", "number", "switch", "moment", "nested"] {
            assert_eq!(wait(client.get_bool_value(key, Some(&context), None)), Ok(true), "{key}");
        }
        let found = wait(client.get_bool_value("own", Some(&context), None));
        assert_eq!(found, Ok(own), "the installation's attributes are its own");
    }
}

#[test]
fn an_expired_snapshot_is_stale_and_still_counts() {
    let home = Home::new();
    let later = NOW.saturating_add_millis(40 * DAY);
    let flags = published(&home, &flag("switch", true, "")).clock(move || later).open();
    let provider = Provider::new(flags.clone());
    assert_eq!(provider.status(), ProviderStatus::STALE);
    assert_eq!(provider.metadata().name, "flag-client");
    let details = wait(api(flags).get_bool_details("switch", None, None)).unwrap();
    assert!(details.value);
    assert_eq!(details.reason, Some(EvaluationReason::Other("STALE".to_owned())));
    assert_eq!(details.flag_metadata.values["stale"], FlagMetadataValue::Bool(true));
}
