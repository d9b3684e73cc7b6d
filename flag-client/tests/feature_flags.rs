//! The plain form, as the first programs used it.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use flag_client::FeatureFlags;
use support::Home;

#[test]
fn overrides_then_flags_then_off() {
    let table = [
        (None, None, false),
        (Some(true), None, true),
        (Some(false), None, false),
        (None, Some(true), true),
        (Some(true), Some(false), false),
        (Some(false), Some(true), true),
    ];
    for (flag, chosen, expected) in table {
        let mut flags = FeatureFlags::default();
        flags.flags.extend(flag.map(|on| ("mlx_backend".to_owned(), on)));
        flags.overrides.extend(chosen.map(|on| ("mlx_backend".to_owned(), on)));
        assert_eq!(flags.is_enabled("mlx_backend"), expected, "{flag:?} {chosen:?}");
    }
}

#[test]
fn a_saved_file_keeps_comments_other_sections_and_other_values() {
    let home = Home::new();
    let path = home.write(
        "config.toml",
        "# top\n[llm]\nmodel = \"small\"\n\n[feature_flags]\na = true # first\nb = false\nstyle = \"terse\"\n\n[feature_flags.kill_switches]\ntelemetry = true\n",
    );
    let mut flags = FeatureFlags::load(&path).unwrap();
    assert!(flags.is_enabled("a") && !flags.is_enabled("b") && !flags.is_enabled("style"));
    flags.disable("a");
    flags.enable("c");
    flags.flags.remove("b");
    flags.save(&path).unwrap();
    assert_eq!(
        home.read("config.toml"),
        "# top\n[llm]\nmodel = \"small\"\n\n[feature_flags]\na = true # first\nstyle = \"terse\"\n\n[feature_flags.kill_switches]\ntelemetry = true\n\n[feature_flags.overrides]\na = false\nc = true\n"
    );
    assert_eq!(FeatureFlags::load(&path).unwrap(), flags);
}

#[test]
fn a_missing_file_has_no_flags_and_a_broken_one_is_left_alone() {
    let home = Home::new();
    assert_eq!(FeatureFlags::load(home.path("none.toml")).unwrap(), FeatureFlags::default());
    let path = home.write("config.toml", "a = = 1\n");
    let error = FeatureFlags::load(&path).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:1:5: ", path.display())), "{error}");
    assert!(FeatureFlags::default().save(&path).is_err());
    assert_eq!(home.read("config.toml"), "a = = 1\n");
}
