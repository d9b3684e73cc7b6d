//! Every mistake an author can make, with the exact words that answer it.

mod laws;
mod sample;

use super::*;

/// Returns what reading a text answers, hints included.
fn refusal(text: &str) -> String {
    Definitions::from_toml(text, "f.toml").map_or_else(|error| error.to_string(), |read| format!("read {read:?}"))
}

fn refused(table: &[(&str, &str)]) {
    for (text, message) in table {
        assert_eq!(refusal(text), *message, "{text}");
    }
}

#[test]
fn shares_are_text_or_whole_percent() {
    refused(&[
        ("flags.a.rollout = \"101%\"", "f.toml:1:19: flags.a.rollout: share \"101%\" is above 100%"),
        (
            "flags.a.rollout = \"25.0001%\"",
            "f.toml:1:19: flags.a.rollout: share \"25.0001%\" is finer than a thousandth of a percent, expected at most 3 decimals",
        ),
        ("flags.a.rollout = \"-1\"", "f.toml:1:19: flags.a.rollout: share \"-1\" is below 0%"),
        (
            "flags.a.rollout = \"NaN\"",
            "f.toml:1:19: flags.a.rollout: share \"NaN\" is not a percentage, expected digits such as \"25%\" or \"0.5%\"",
        ),
        ("flags.a.rollout = 101", "f.toml:1:19: flags.a.rollout: share 101% is above 100%"),
        ("flags.a.rollout = -1", "f.toml:1:19: flags.a.rollout: share \"-1\" is below 0%"),
        (
            "flags.a.rollout = 99999999999999999999",
            "f.toml:1:19: flags.a.rollout: share \"99999999999999999999\" is above 100%",
        ),
        (
            "flags.a.rollout = 0x19",
            "f.toml:1:19: flags.a.rollout: share \"0x19\" is not a percentage, expected digits such as \"25%\" or \"0.5%\"",
        ),
        (
            "flags.a.rollout = 25.5",
            "f.toml:1:19: flags.a.rollout: found the float 25.5, expected a percentage as text\n  hint: write \"25.5%\"",
        ),
        (
            "flags.a.rollout = 0.1234567",
            "f.toml:1:19: flags.a.rollout: found the float 0.1234567, expected a percentage as text",
        ),
        ("flags.a.rollout = nan", "f.toml:1:19: flags.a.rollout: found the float nan, expected a percentage as text"),
        (
            "flags.a.rollout = true",
            "f.toml:1:19: flags.a.rollout: found a boolean, expected a percentage such as \"25%\"",
        ),
        (
            "flags.a.holdout = \"5%%\"",
            "f.toml:1:19: flags.a.holdout: share \"5%%\" is not a percentage, expected digits such as \"25%\" or \"0.5%\"",
        ),
        (
            "groups.g.holdout = 5.0",
            "f.toml:1:20: groups.g.holdout: found the float 5.0, expected a percentage as text\n  hint: write \"5%\"",
        ),
    ]);
    for text in ["\"25%\"", "25", "\"25.000 %\""] {
        let read = Definitions::from_toml(&format!("flags.a.rollout = {text}"), "f.toml").unwrap();
        let exposure = read.flags.find("a").unwrap().flag.fallthrough.exposure.unwrap();
        assert_eq!(exposure.thousandths(), 25_000, "{text}");
    }
}

#[test]
fn names_and_keys_are_checked_and_the_nearest_is_offered() {
    refused(&[
        (
            "flags.a.kind = \"relese\"",
            "f.toml:1:16: flags.a.kind: unknown kind \"relese\", expected one of release, experiment, ops, permission, kill_switch\n  hint: did you mean \"release\"?",
        ),
        (
            "flags.a.stage = \"Beta\"",
            "f.toml:1:17: flags.a.stage: unknown stage \"Beta\", expected one of development, internal, beta, ga, deprecated\n  hint: did you mean \"beta\"?",
        ),
        (
            "flags.a.opt_in = \"always\"",
            "f.toml:1:18: flags.a.opt_in: unknown opt_in \"always\", expected one of none, allowed, required",
        ),
        (
            "[flag.a]\nkind = \"ops\"",
            "f.toml:1:2: unknown key \"flag\", expected one of flags, segments, groups\n  hint: did you mean \"flags\"?",
        ),
        (
            "[flags.a]\nkind = \"ops\"\n  stag = \"beta\"",
            "f.toml:3:3: flags.a: unknown key \"stag\", expected one of kind, stage, enabled, variants, off_variant, rules, serve, \
             rollout, weights, allocation, otherwise, prerequisites, bucketing, seed, unit, off_after, overridable, opt_in, \
             critical, group, holdout, default_on_expiry, requires, documentation, lint\n  hint: did you mean \"stage\"?",
        ),
        ("[groups.g]\nsalt = \"x\"", "f.toml:2:1: groups.g: unknown key \"salt\", expected one of seed, unit, holdout"),
        (
            "flags.a.documentation.ownr = \"@alice\"",
            "f.toml:1:23: flags.a.documentation: unknown key \"ownr\", expected one of title, description, owner, default, status, \
             rollout, rollback, privacy, note, tracking, reviewed, added, expires, risks, metrics, experiment, tags\n  hint: did you mean \"owner\"?",
        ),
        (
            "flags.a.lint.allow = [{ rule = \"naming-pattern\" }, { rule = \"expired\", reason = \" \" }]",
            "f.toml:1:23: flags.a.lint.allow[0]: no key \"reason\", expected why the flag may break the rule\n\
             f.toml:1:81: flags.a.lint.allow[1].reason: found an empty text, expected why the flag may break the rule",
        ),
        (
            "flags.\"a b\".kind = \"ops\"",
            "f.toml:1:7: flags.\"a b\": key \"a b\" holds ' ', expected only [A-Za-z0-9._-]",
        ),
    ]);
    let misplaced = refusal("flags.a.owner = \"@alice\"");
    assert!(misplaced.starts_with("f.toml:1:9: flags.a: unknown key \"owner\", expected one of kind, "), "{misplaced}");
    assert!(misplaced.ends_with("\n  hint: it belongs in [flags.a.documentation]"), "{misplaced}");
}

#[test]
fn types_are_checked() {
    refused(&[
        ("flags = 1", "f.toml:1:9: flags: found an integer, expected a table of flags"),
        ("flags.a = true", "f.toml:1:11: flags.a: found a boolean, expected a table that defines a flag"),
        ("flags.a.kind = 1", "f.toml:1:16: flags.a.kind: found an integer, expected text"),
        ("flags.a.enabled = \"yes\"", "f.toml:1:19: flags.a.enabled: found text, expected true or false"),
        ("flags.a.rules = {}", "f.toml:1:17: flags.a.rules: found a table, expected a list of rules"),
        ("flags.a.requires = [1]", "f.toml:1:21: flags.a.requires[0]: found an integer, expected text"),
        ("flags.a.bucketing = \"1\"", "f.toml:1:21: flags.a.bucketing: found text, expected a bucketing version"),
        (
            "segments.s = \"x\"",
            "f.toml:1:14: segments.s: found text, expected a condition such as { attribute = \"team\", operator = \"in\", values = [\"core\"] }",
        ),
        (
            "flags.a.off_after = 2026-05-01",
            "f.toml:1:21: flags.a.off_after: \"2026-05-01\" is no time: not an RFC 3339 time: ends at byte 10, expected 'T' or a space",
        ),
        (
            "flags.a.off_after = 5",
            "f.toml:1:21: flags.a.off_after: found an integer, expected a time such as 2026-05-01T00:00:00Z",
        ),
        (
            "flags.a.serve = { rollout = \"5%\" }",
            "f.toml:1:17: flags.a.serve: found a table, expected the name of a variant; a flag's rollout, weights and otherwise stand beside its kind",
        ),
    ]);
}

#[test]
fn variants_have_sound_values_of_one_type() {
    refused(&[
        (
            "flags.a = { variants = { x = 1, y = \"1\" }, off_variant = \"x\", serve = \"x\" }",
            "f.toml:1:37: flags.a.variants.y: variant \"y\" is of type string, expected integer as the other variants are",
        ),
        (
            "flags.a = { variants = { x = [1] }, off_variant = \"x\", serve = \"x\" }",
            "f.toml:1:30: flags.a.variants.x: variant \"x\" is of type list, expected a bool, string, integer, float or object",
        ),
        (
            "flags.a = { variants = { x = 9223372036854775808 }, off_variant = \"x\", serve = \"x\" }",
            "f.toml:1:30: flags.a.variants.x: found the integer 9223372036854775808, expected one of at most 64 bits",
        ),
        (
            "flags.a = { variants = { x = -inf }, off_variant = \"x\", serve = \"x\" }",
            "f.toml:1:30: flags.a.variants.x: found the float -inf, expected a finite number",
        ),
        (
            "flags.a = { variants = { x = { json = \"{\" } }, off_variant = \"x\", serve = \"x\" }",
            "f.toml:1:30: flags.a.variants.x: not JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            "flags.a = { variants = {}, off_variant = \"x\", serve = \"x\" }",
            "f.toml:1:24: flags.a.variants: has no variants, expected at least one",
        ),
        (
            "flags.a = { variants = { x = 1, y = 2 }, serve = \"x\" }",
            "f.toml:1:11: flags.a: no key \"off_variant\", expected the variant that is served when the flag is off, because none is called \"off\"",
        ),
        (
            "flags.a.serve = \"onn\"",
            "f.toml:1:17: flags.a.serve: unknown variant \"onn\", expected one of on, off\n  hint: did you mean \"on\"?",
        ),
    ]);
}

#[test]
fn splits_say_who_gets_what() {
    refused(&[
        (
            "flags.a = { rollout = \"50%\", weights = { on = \"50%\", off = \"40%\" } }",
            "f.toml:1:40: flags.a.weights: weights come to 90%, expected exactly 100%",
        ),
        (
            "flags.a = { rollout = \"50%\", weights = { on = \"66.667%\", off = \"33.334%\" } }",
            "f.toml:1:40: flags.a.weights: weights come to 100.001%, expected exactly 100%",
        ),
        (
            "flags.a = { rollout = \"50%\", weights = { on = 0.5, offf = \"40%\" } }",
            "f.toml:1:47: flags.a.weights.on: found the float 0.5, expected a percentage as text\n  hint: write \"0.5%\"\n\
             f.toml:1:59: flags.a.weights.offf: unknown variant \"offf\", expected one of on, off\n  hint: did you mean \"off\"?",
        ),
        (
            "flags.a = { weights = { on = \"100%\" } }",
            "f.toml:1:11: flags.a: no key \"rollout\", expected the share of units exposed",
        ),
        (
            "flags.a = { serve = \"on\", rollout = \"50%\" }",
            "f.toml:1:21: flags.a: \"serve\" and \"rollout\" exclude each other, expected one of them",
        ),
        (
            "flags.a = { rollout = 5, weights = { on = 100 }, allocation = { on = [[0, 100000]] } }",
            "f.toml:1:63: flags.a: \"weights\" and \"allocation\" exclude each other, expected one of them",
        ),
        (
            "flags.a = { variants = { off = 0, x = 1, y = 2 }, rollout = \"5%\" }",
            "f.toml:1:11: flags.a: no weights, expected the share of each variant, because none of off, x, y is the one that is on\n  \
             hint: write weights = { off = \"...%\", x = \"...%\", y = \"...%\" }",
        ),
        (
            "flags.a = { rollout = 5, allocation = { on = [[0, 50000]] } }",
            "f.toml:1:39: flags.a.allocation: fallthrough: buckets from 50000 belong to no range, expected ranges that cover 0..100000",
        ),
        (
            "flags.a = { rollout = 5, allocation = { on = [[0, 60000]], off = [[50000, 100000]] } }",
            "f.toml:1:39: flags.a.allocation: fallthrough: buckets from 50000 belong to two ranges",
        ),
        (
            "flags.a = { rollout = 5, allocation = { on = [[0, 100001]] } }",
            "f.toml:1:47: flags.a.allocation.on[0]: found a list of other values, expected two whole numbers from 0 to 100000, [FROM, TO]",
        ),
        (
            "flags.a = { rollout = 5, allocation = { on = [[0]] } }",
            "f.toml:1:47: flags.a.allocation.on[0]: found a list of 1, expected two whole numbers from 0 to 100000, [FROM, TO]",
        ),
        (
            "flags.a = { rollout = 5, allocation = { on = [0, 100000] } }",
            "f.toml:1:47: flags.a.allocation.on[0]: found an integer, expected two whole numbers from 0 to 100000, [FROM, TO]\n\
             f.toml:1:50: flags.a.allocation.on[1]: found an integer, expected two whole numbers from 0 to 100000, [FROM, TO]",
        ),
        (
            "[[flags.a.rules]]\nid = \"r\"\nwhen = { all = [] }\nserve = {}",
            "f.toml:4:9: flags.a.rules[0].serve: no key \"rollout\", expected the share of units exposed",
        ),
    ]);
}

#[test]
fn rules_and_conditions_are_whole() {
    refused(&[
        (
            "[[flags.a.rules]]",
            "f.toml:1:1: flags.a.rules[0]: no key \"id\", expected a name, unique in the flag\n\
             f.toml:1:1: flags.a.rules[0]: no key \"when\", expected a condition\n\
             f.toml:1:1: flags.a.rules[0]: no key \"serve\", expected a variant or a rollout",
        ),
        (
            "[[flags.a.rules]]\nid = \"r\"\nwhen = { all = [] }\nserve = \"on\"\n[[flags.a.rules]]\nid = \"r\"\nwhen = { any = [] }\nserve = \"on\"",
            "f.toml:6:6: flags.a.rules[1].id: rule \"r\" stands twice",
        ),
        (
            "segments.s = {}",
            "f.toml:1:14: segments.s: a condition has 0 forms, expected exactly one of all, any, not, segment, attribute",
        ),
        (
            "segments.s = { all = [], any = [] }",
            "f.toml:1:14: segments.s: a condition has 2 forms, expected exactly one of all, any, not, segment, attribute",
        ),
        (
            "segments.s = { attribute = \"team\" }",
            "f.toml:1:14: segments.s: no key \"operator\", expected how the attribute is tested, such as \"equals\"",
        ),
        (
            "segments.s = { atribute = \"team\", operator = \"exists\" }",
            "f.toml:1:16: segments.s: unknown key \"atribute\", expected one of all, any, not, segment, attribute, operator, values\n  \
             hint: did you mean \"attribute\"?",
        ),
        (
            "segments.s = { attribute = \"team\", operator = \"equals\" }",
            "f.toml:1:14: segments.s: the test \"team\" equals has no values, expected at least one",
        ),
        (
            "segments.s = { attribute = \"app\", operator = \"semver_caret\", values = [\"1.x.y.z\"] }",
            "f.toml:1:14: segments.s: value 0 of the test \"app\" semver_caret is \"1.x.y.z\": not a semantic version: byte 2 is 'x', expected a digit",
        ),
        (
            "segments.s = { attribute = \"app\", operator = \"matches\", values = [\"(\"] }",
            "f.toml:1:14: segments.s: value 0 of the test \"app\" matches is \"(\": unclosed group",
        ),
    ]);
    let operator = refusal("segments.s = { attribute = \"team\", operator = \"equal\", values = [1] }");
    let start =
        "f.toml:1:47: segments.s.operator: unknown operator \"equal\", expected one of equals, in, starts_with, ";
    assert!(operator.starts_with(start), "{operator}");
    assert!(operator.ends_with("\n  hint: did you mean \"equals\"?"), "{operator}");
}

#[test]
fn what_refers_to_nothing_or_to_itself_is_refused_once_at_its_source() {
    refused(&[
        (
            "[flags.a]\nprerequisites = { b = [\"on\"] }",
            "f.toml:2:23: flags.a.prerequisites.b: prerequisite \"b\" does not exist",
        ),
        (
            "[flags.a]\nprerequisites = { b = [\"maybe\"] }\n[flags.b]",
            "f.toml:2:23: flags.a.prerequisites.b: prerequisite \"b\" has no variant \"maybe\"",
        ),
        (
            "[flags.a]\nprerequisites = { b = [] }\n[flags.b]",
            "f.toml:2:23: flags.a.prerequisites.b: found an empty list, expected at least one variant of the other flag, such as [\"on\"]",
        ),
        (
            "[flags.a]\nprerequisites = [{ flag = \"b\", variants = [] }]\n[flags.b]",
            "f.toml:2:43: flags.a.prerequisites[0].variants: found an empty list, expected at least one variant of the other flag, such as [\"on\"]",
        ),
        (
            "[flags.a]\nprerequisites = { b = [\"on\"] }\n[flags.b]\nprerequisites = { a = [\"on\"] }",
            "f.toml:2:17: flags.a.prerequisites: prerequisites form a cycle: a -> b -> a\n\
             f.toml:4:17: flags.b.prerequisites: prerequisites form a cycle: b -> a -> b",
        ),
        (
            "[[flags.a.rules]]\nid = \"r\"\nwhen = { segment = \"gone\" }\nserve = \"on\"",
            "f.toml:3:8: flags.a.rules[0].when: rule \"r\" has a broken condition: segment \"gone\" does not exist",
        ),
        (
            "[[flags.a.rules]]\nid = \"r\"\nwhen = { segment = \"s\" }\nserve = \"on\"\n[segments.s]\nnot = { segment = \"s\" }",
            "f.toml:5:1: segments.s: segment \"s\" refers to itself",
        ),
        (
            "flags.a.group = { name = \"g\", slots = [[0, 5]] }",
            "f.toml:1:26: flags.a.group.name: exclusion group \"g\" does not exist",
        ),
        (
            "flags.a.group = { name = \"g\", slots = [[0, 5]] }\nflags.b.group = { name = \"g\", slots = [[4, 9]] }\ngroups.g = {}",
            "f.toml:1:39: flags.a.group.slots: exclusion group \"g\": slot 4 also belongs to flag \"b\"\n\
             f.toml:2:39: flags.b.group.slots: exclusion group \"g\": slot 4 also belongs to flag \"a\"",
        ),
        // What refers to something broken is not itself at fault.
        (
            "[flags.a]\nprerequisites = { b = [\"on\"] }\n[flags.b]\nkind = 1",
            "f.toml:4:8: flags.b.kind: found an integer, expected text",
        ),
        (
            "[[flags.a.rules]]\nid = \"r\"\nwhen = { segment = \"s\" }\nserve = \"on\"\n[segments.s]\nany = 1",
            "f.toml:6:7: segments.s.any: found an integer, expected a list of conditions",
        ),
        (
            "flags.a.requires = [\"time_travel\"]",
            "f.toml:1:20: flags.a.requires: requires feature \"time_travel\", which this version does not know",
        ),
        ("flags.a.bucketing = 2", "f.toml:1:21: flags.a.bucketing: bucketing version is 2, expected 1"),
        ("flags.a.seed = \"\"", "f.toml:1:16: flags.a.seed: seed has 0 bytes, expected 1 to 128"),
    ]);
}

#[test]
fn documentation_is_checked() {
    refused(&[
        (
            "flags.a.documentation.added = \"v1\"",
            "f.toml:1:31: flags.a.documentation.added: found text, expected a version, a date or both, such as { version = \"v1.2.0\", date = \"2026-02-01\" }",
        ),
        (
            "flags.a.documentation.added = { date = \"2026-02-30\" }",
            "f.toml:1:40: flags.a.documentation.added.date: date \"2026-02-30\" is not in the calendar",
        ),
        (
            "flags.a.documentation.expires = { date = 2026-02-01T00:00:00Z }",
            "f.toml:1:42: flags.a.documentation.expires.date: date \"2026-02-01T00:00:00Z\" is not of the form \"YYYY-MM-DD\"",
        ),
        (
            "flags.a.documentation.metrics = [{ target = \"fast\" }]",
            "f.toml:1:34: flags.a.documentation.metrics[0]: no key \"name\", expected the metric's name\n\
             f.toml:1:45: flags.a.documentation.metrics[0].target: target \"fast\" does not start with <, <=, > or >=",
        ),
        (
            "flags.a.documentation.risks = \"all\"",
            "f.toml:1:31: flags.a.documentation.risks: found text, expected a list of texts",
        ),
    ]);
    let dated = Definitions::from_toml("flags.a.documentation.added.date = 2026-02-01", "f.toml").unwrap();
    let added = dated.flags.find("a").unwrap().documentation.added.clone().unwrap();
    assert_eq!(added.date.unwrap().as_str(), "2026-02-01");
}

#[test]
fn text_that_is_not_toml_is_told_with_its_place() {
    refused(&[
        ("[flags.a]\nkind = ", "f.toml:2:8: not TOML: string values must be quoted, expected literal string"),
        ("[flags.a]\n[flags.a]", "f.toml:2:8: \"a\" stands twice, expected once"),
        ("[flags.a]\nkind = \"ops\"\nkind = \"ops\"", "f.toml:3:1: \"kind\" stands twice, expected once"),
    ]);
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_in_its_order() {
    let text = "[flags.b]\nstage = \"gaa\"\nrollout = 2.5\n\n[flags.a]\nkind = \"op\"\n[flags.c]\nserve = \"\u{e4}\"\n";
    let error = Definitions::from_toml(text, "f.toml").unwrap_err();
    let told: Vec<_> = error.problems().iter().map(|told| (told.line(), told.column(), told.place())).collect();
    assert_eq!(
        told,
        [(2, 9, "flags.b.stage"), (3, 11, "flags.b.rollout"), (6, 8, "flags.a.kind"), (8, 9, "flags.c.serve")]
    );
    assert!(error.problems().iter().all(|told| told.file() == "f.toml"));
}

#[test]
fn columns_count_characters() {
    let answer = refusal("flags.a = { seed = \"\u{e4}\u{1f980}\", kind = \"op\" }");
    assert!(answer.starts_with("f.toml:1:33: flags.a.kind: "), "{answer}");
}

#[test]
fn a_flag_that_says_nothing_is_off_and_a_kill_switch_is_on() {
    let read = Definitions::from_toml("flags.a = {}\nflags.k = { kind = \"kill_switch\" }", "f.toml").unwrap();
    let flag = |key| &read.flags.find(key).unwrap().flag;
    assert_eq!(flag("a").fallthrough, wire::Serve::rollout(flag_core::Share::NOBODY, "on", "off"));
    assert_eq!(flag("k").fallthrough, wire::Serve::variant("on"));
    assert!(read.flags.find("a").unwrap().documentation.is_empty());
}

#[test]
fn weights_are_laid_out_in_the_order_of_the_variants_and_written_ranges_stand() {
    let text = "[flags.a]\nvariants = { x = 1, y = 2, z = 3 }\noff_variant = \"x\"\nrollout = 100\n";
    let place = flag_core::Place::Fallthrough;
    let read = |split: &str| Definitions::from_toml(&format!("{text}{split}"), "f.toml").unwrap();
    let weighted = read("weights = { z = \"20%\", y = 0, x = \"80%\" }");
    let allocation = weighted.flags.find("a").unwrap().flag.fallthrough.allocation.clone().unwrap();
    assert_eq!(serde_json::to_string(&allocation).unwrap(), "{\"x\":[[0,80000]],\"y\":[],\"z\":[[80000,100000]]}");
    let weights: Vec<(Box<str>, u32)> = vec![("x".into(), 80_000), ("y".into(), 0), ("z".into(), 20_000)];
    assert_eq!(weighted.weights("a", &place), Some(weights));
    let fixed = read("allocation = { x = [[0, 80000]], z = [[80000, 100000]] }");
    assert_eq!(fixed.weights("a", &place), None);
    assert_eq!(fixed.fixed, [("a".into(), place.clone())]);
    let moved = read("allocation = { z = [[0, 20000]], x = [[20000, 100000]] }");
    assert_eq!(moved.weights("a", &place), None);
    assert_eq!(moved.fixed, []);
    assert_eq!(weighted.weights("b", &place), None);
}
