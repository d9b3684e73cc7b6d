use proptest::prelude::*;

use super::*;

/// Returns the uses of some flags in some files, as `flag file:line:column kind`, and what is unknown.
fn found(files: &[(&str, &str)], keys: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut index = ReferenceIndex::default();
    for (name, text) in files {
        match scan(text) {
            Ok(uses) => index.add((*name).to_owned(), uses),
            Err(error) => index.skip((*name).to_owned(), error.to_string()),
        }
    }
    let references = index.resolve(keys.iter().copied());
    let place = |reference: &Reference| {
        let Reference { file, line, column, kind } = reference;
        format!("{file}:{line}:{column} {}", kind.as_str())
    };
    let known = references.flags.iter();
    let known =
        known.flat_map(|flag| flag.references.iter().map(|at| format!("{} {}", flag.flag, place(at)))).collect();
    let unknown = references.unknown.iter().map(|unknown| format!("{} {}", unknown.flag, place(&unknown.reference)));
    (known, unknown.collect())
}

const KEYS: &[&str] = &["cloud_sync", "history"];

#[test]
fn every_way_of_using_a_flag_is_found_where_it_stands() {
    for (code, expected) in [
        ("fn f() { flags.is_enabled(\"cloud_sync\"); }", vec!["cloud_sync a.rs:1:27 question"]),
        ("fn f() {\n    // \u{fc}\n    let \u{fc} = x(\"cloud_sync\");\n}", vec!["cloud_sync a.rs:3:15 text"]),
        ("fn f() { assert!(flags.is_enabled(\"cloud_sync\")); }", vec!["cloud_sync a.rs:1:35 question"]),
        (
            "pub const SYNC: &str = \"cloud_sync\";\nfn f() { is_on(SYNC); }",
            vec!["cloud_sync a.rs:1:11 declaration", "cloud_sync a.rs:2:16 constant"],
        ),
        (
            "struct S; impl S { const SYNC: &'static str = \"cloud_sync\"; fn f() { g(&Self::SYNC) } }",
            vec!["cloud_sync a.rs:1:26 declaration", "cloud_sync a.rs:1:79 constant"],
        ),
        (
            "flags! {\n    /// All of history\n    pub const H: bool = \"history\" { default: true, tags: &[\"history\"] }\n}\nfn f() { flags.get(H) }",
            vec!["history a.rs:3:15 declaration", "history a.rs:5:20 constant"],
        ),
        (
            "static H: &str = \"history\";\nfn f(k: &str) { match k { H => 1, \"cloud_sync\" => 2, _ => 3 } }",
            vec!["cloud_sync a.rs:2:35 text", "history a.rs:1:8 declaration", "history a.rs:2:27 constant"],
        ),
        ("fn f() { Declaration::boolean(\"history\"); }", vec!["history a.rs:1:31 declaration"]),
        (
            "const H: &str = \"history\";\nfn f() { println!(\"{}\", H); }",
            vec!["history a.rs:1:7 declaration", "history a.rs:2:25 constant"],
        ),
        ("const ALL: &[&str] = &[\"history\"];", vec!["history a.rs:1:24 text"]),
    ] {
        assert_eq!(
            found(&[("a.rs", code)], KEYS),
            (expected.into_iter().map(str::to_owned).collect(), Vec::new()),
            "{code}"
        );
    }
}

#[test]
fn what_only_looks_like_a_use_is_none() {
    for code in [
        "// cloud_sync \"cloud_sync\"\n/// \"cloud_sync\"\nfn f() {}",
        "#[cfg(feature = \"cloud_sync\")] fn f() {}",
        "fn f() { if cfg!(feature = \"cloud_sync\") {} }",
        "#[serde(rename = \"history\")] struct S;",
        "fn f() { x(\"cloud_sync is on\"); cloud_sync(); }",
        "fn history() { self.history; }",
        "flags! {\n    /// history\n    #[doc = \"history\"]\n    const ALL: &[Declaration];\n}",
    ] {
        assert_eq!(found(&[("a.rs", code)], KEYS), (vec![], vec![]), "{code}");
    }
}

#[test]
fn constants_mean_what_their_own_file_says_and_go_by_other_names() {
    let (known, _) = found(
        &[
            ("flags.rs", "pub const SYNC: &str = \"cloud_sync\";"),
            ("own.rs", "const SYNC: &str = \"history\"; fn f() { g(SYNC) }"),
            ("user.rs", "use crate::flags::SYNC as ON; fn f() { g(ON); g(flags::SYNC) }"),
        ],
        KEYS,
    );
    assert_eq!(
        known,
        [
            "cloud_sync flags.rs:1:11 declaration",
            "cloud_sync user.rs:1:42 constant",
            "cloud_sync user.rs:1:56 constant",
            "history own.rs:1:7 declaration",
            "history own.rs:1:42 constant",
        ]
    );
}

#[test]
fn only_questions_and_declarations_name_unknown_flags() {
    let (known, unknown) = found(
        &[(
            "a.rs",
            "const OLD: &str = \"old_flag\";\nfn f() { flags.is_enabled(\"cluod_sync\"); flags.is_killed(OLD); x(\"something\"); }\n\
             flags! { pub const NEW: bool = \"new_flag\" { default: true } }\nfn g() { Declaration::text(\"a_text\", \"history\"); }",
        )],
        KEYS,
    );
    assert_eq!(known, ["history a.rs:4:38 text"]);
    assert_eq!(
        unknown,
        [
            "a_text a.rs:4:28 declaration",
            "cluod_sync a.rs:2:27 question",
            "new_flag a.rs:3:20 declaration",
            "old_flag a.rs:2:58 constant",
        ]
    );
}

#[test]
fn flags_that_are_only_declared_are_not_used_and_bad_files_are_told() {
    let mut index = ReferenceIndex::default();
    index.add("flags.rs".into(), scan("pub const SYNC: &str = \"cloud_sync\";").unwrap());
    let error = scan("fn f() {\n    let = ;\n}").unwrap_err();
    assert_eq!(error.line, 2);
    index.skip("bad.rs".into(), error.to_string());
    let references = index.resolve(KEYS.iter().copied());
    let used: Vec<(&str, bool, usize)> =
        references.flags.iter().map(|flag| (&*flag.flag, flag.used, flag.references.len())).collect();
    assert_eq!(used, [("cloud_sync", false, 1), ("history", false, 0)]);
    assert_eq!(references.files, 1);
    assert!(references.skipped[0].why.starts_with("line 2: "), "{:?}", references.skipped);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_file_cut_anywhere_is_read_or_answered(at: prop::sample::Index, written in "[a-z\"'{}()\\[\\]!#./ ]{0,6}") {
        let whole = include_str!("scan.rs");
        let at = at.index(whole.len());
        let at = (at..whole.len()).find(|at| whole.is_char_boundary(*at)).unwrap_or_default();
        let cut = format!("{}{written}", &whole[..at]);
        if let Err(error) = scan(&cut) {
            prop_assert!((1..=cut.lines().count() + 1).contains(&error.line), "{error}");
        }
    }
}
