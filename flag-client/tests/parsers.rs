//! Whatever a local file says, reading and merging it is calm: no panic, one meaning, and nothing lost that others say.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use flag_client::FlagClient;
use proptest::prelude::*;
use support::{ALL, Home, flag, times};

const TABLES: [&str; 3] = ["feature_flags", "feature_flags.overrides", "feature_flags.kill_switches"];

fn cases() -> ProptestConfig {
    let cases = u32::try_from(times(64, 10_000)).unwrap();
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What the client says of the flags of the application: each with its variant, reason and layer.
fn said(client: &FlagClient) -> Vec<String> {
    let decision = |key| {
        let decision = client.decision(key);
        format!("{key} {:?} {} {:?}", decision.variant, decision.reason, decision.origin.layer)
    };
    ALL.iter().map(|declaration| decision(declaration.key)).collect()
}

fn opened(home: &Home, config: &str) -> FlagClient {
    home.config(config);
    let published = [flag("telemetry_cloud_sync", true, ""), flag("command_history", true, r#","overridable":true"#)];
    home.builder_with(&published.join(",")).open()
}

/// What the file of a user may hold: tables in any order, settings of known flags, of the wrong type too.
fn settings() -> impl Strategy<Value = Vec<(usize, Vec<(&'static str, &'static str)>)>> {
    const KEYS: [&str; 5] =
        ["telemetry_cloud_sync", "enhanced_safety_v2", "command_history", "mlx_backend", "prompt_style"];
    const VALUES: [&str; 8] = ["true", "false", "\"terse\"", "\"nothing\"", "7", "1.5", "[1]", "{ enabled = true }"];
    let table =
        proptest::collection::btree_map(proptest::sample::select(&KEYS), proptest::sample::select(&VALUES), 0..5);
    let tables = [0_usize, 1, 2].map(|at| table.clone().prop_map(move |lines| (at, lines.into_iter().collect())));
    let [first, second, third] = tables;
    (first, second, third).prop_map(|(first, second, third)| vec![first, second, third])
}

fn text<'t>(tables: impl IntoIterator<Item = &'t (usize, Vec<(&'static str, &'static str)>)>) -> String {
    let lines = tables.into_iter().flat_map(|(table, lines)| {
        let settings = lines.iter().map(|(key, value)| format!("{key} = {value}\n"));
        std::iter::once(format!("[{}]\n", TABLES[*table])).chain(settings)
    });
    lines.collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn fault_35_a_file_read_again_says_the_same(tables in settings()) {
        let home = Home::new();
        let client = opened(&home, &text(&tables));
        let before = said(&client);
        client.reload();
        client.reload();
        prop_assert_eq!(&said(&client), &before);
        drop(client);
        prop_assert_eq!(said(&opened(&home, &text(&tables))), before);
    }

    #[test]
    fn fault_35_the_order_of_tables_and_of_lines_means_nothing(tables in settings()) {
        let home = Home::new();
        let forwards = said(&opened(&home, &text(&tables)));
        let mut turned = tables;
        turned.reverse();
        for (_, lines) in &mut turned {
            lines.reverse();
        }
        prop_assert_eq!(said(&opened(&home, &text(&turned))), forwards);
    }

    #[test]
    fn fault_35_unknown_keys_change_no_other_flag(tables in settings(), unknown in "zz_[a-z]{1,12}", at in 0_usize..3) {
        let home = Home::new();
        let before = said(&opened(&home, &text(&tables)));
        let mut more = tables;
        let unknown: &'static str = Box::leak(unknown.into_boxed_str());
        more[at].1.push((unknown, "true"));
        let client = opened(&home, &text(&more));
        prop_assert_eq!(said(&client), before);
    }

    #[test]
    fn fault_35_a_bad_file_leaves_what_is_published_in_force(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let home = Home::new();
        drop(opened(&home, ""));
        std::fs::write(home.path("config.toml"), &bytes).unwrap();
        let published = [flag("telemetry_cloud_sync", true, ""), flag("unheard_of", true, "")];
        let client = home.builder_with(&published.join(",")).open();
        prop_assert!(client.is_enabled("unheard_of"));
        prop_assert_eq!(client.list().len(), ALL.len() + 1);
    }

    #[test]
    fn fault_35_any_text_after_the_head_of_a_table_is_read_without_a_panic(table in 0_usize..3, rest in ".{0,120}") {
        let home = Home::new();
        let client = opened(&home, &format!("[{}]\n{rest}", TABLES[table]));
        // Each flag is decided, whatever the file says, and what could not be read is told.
        prop_assert!(client.list().len() >= ALL.len());
        let readable = format!("[x]\n{rest}").parse::<toml_edit::DocumentMut>().is_ok();
        prop_assert!(readable || !client.problems().is_empty());
    }
}
