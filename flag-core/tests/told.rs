//! What programs can ask of flags, decisions and explanations, besides the value.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod document;

use std::time::Duration;

use document::{ruleset, split, switch};
use flag_core::{Bucket, Context, LayerOutcome, Reason, Share, Unit};

const OFF: &str = r#""fallthrough": {"variant": "off"}"#;

#[test]
fn a_flag_tells_what_was_published_of_it() {
    let said = r#""overridable": true, "critical": false, "default_on_expiry": true, "slow_above_micros": 250000, "unit": "account""#;
    let rules = ruleset(
        &format!(
            "{}, {}, {}",
            switch("told", &format!("{said}, {OFF}")),
            switch("silent", OFF),
            switch("critical", &format!(r#""critical": true, {OFF}"#)),
        ),
        "",
    );
    let told = rules.flag("told").unwrap();
    assert!(told.is_overridable() && !told.is_critical() && told.defaults_on_expiry());
    assert_eq!((told.slow_above(), told.unit()), (Some(Duration::from_millis(250)), "account"));
    assert_eq!((told.off_variant(), told.on_variant()), ("off", Some("on")));
    let silent = rules.flag("silent").unwrap();
    assert!(!silent.is_overridable() && !silent.is_critical() && !silent.defaults_on_expiry());
    assert_eq!((silent.slow_above(), silent.unit()), (None, "unit"));
    assert!(rules.flag("critical").unwrap().is_critical());
}

#[test]
fn a_unit_keeps_its_id() {
    assert_eq!(Unit::new("user-1").unwrap().id(), "user-1");
    assert_eq!(Unit::new(""), None);
}

#[test]
fn every_reason_has_openfeatures_words() {
    for (reason, word, code) in [
        (Reason::Killed, "DISABLED", None),
        (Reason::Forced, "STATIC", None),
        (Reason::Disabled, "DISABLED", None),
        (Reason::Expired, "DISABLED", None),
        (Reason::PrerequisiteFailed, "DEFAULT", None),
        (Reason::Override, "TARGETING_MATCH", None),
        (Reason::TargetingMatch, "TARGETING_MATCH", None),
        (Reason::Split, "SPLIT", None),
        (Reason::Default, "DEFAULT", None),
        (Reason::Static, "STATIC", None),
        (Reason::TargetingKeyMissing, "DEFAULT", None),
        (Reason::NotOptedIn, "DEFAULT", None),
        (Reason::Excluded, "SPLIT", None),
        (Reason::HeldOut, "SPLIT", None),
        (Reason::FlagNotFound, "ERROR", Some("FLAG_NOT_FOUND")),
        (Reason::ParseError, "ERROR", Some("PARSE_ERROR")),
    ] {
        assert_eq!((reason.open_feature(), reason.error_code()), (word, code), "{reason}");
    }
}

#[test]
fn a_decision_tells_the_version_of_its_flag() {
    let rules = ruleset(&switch("f", &format!(r#""version": 7, {OFF}"#)), "");
    assert_eq!(rules.evaluate("f", &Context::anonymous()).flag_version(), 7);
    assert_eq!(rules.evaluate("g", &Context::anonymous()).flag_version(), 0);
}

#[test]
fn an_explanation_names_what_is_served_and_whom_that_exposes() {
    let split = |body: &str| switch("f", &format!(r#"{body} "fallthrough": {}"#, split(25_000)));
    let user = Context::new("user-1");
    for (flags, kills, context, share, said) in [
        (switch("f", r#""fallthrough": {"variant": "on"}"#), "", user, Share::EVERYONE, "serves on to everyone"),
        (switch("f", OFF), "", user, Share::NOBODY, "serves off to everyone"),
        (switch("f", r#""enabled": false, "fallthrough": {"variant": "on"}"#), "", user, Share::NOBODY, ""),
        (split(""), "", Context::anonymous(), Share::from_percent(25).unwrap(), "no unit id to go by"),
        (split(r#""opt_in": "required","#), "", user, Share::from_percent(25).unwrap(), "opted in"),
    ] {
        let rules = ruleset(&flags, kills);
        let explanation = rules.explain("f", &context);
        assert_eq!(explanation.share, share, "{said}");
        let last = explanation.layers.last().unwrap();
        assert!(last.outcome == LayerOutcome::Decided && last.detail.contains(said), "{:?}", last.detail);
    }
}

#[test]
fn shares_and_buckets_end_where_everyone_is() {
    assert_eq!(Share::from_percent(100), Ok(Share::EVERYONE));
    assert!(Share::from_percent(101).is_err());
    assert_eq!("100%".parse::<Share>().unwrap(), Share::EVERYONE);
    assert!("100.001%".parse::<Share>().is_err());
    assert_eq!(Bucket::from_index(99_999).map(Bucket::index), Some(99_999));
    assert_eq!(Bucket::from_index(100_000), None);
}
