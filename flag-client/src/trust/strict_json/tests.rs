use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn refusal(bytes: &[u8]) -> String {
    check(bytes).unwrap_err().to_string()
}

#[test]
fn refusals_name_place_and_finding() {
    let table: &[(&[u8], &str)] = &[
        (b"", "byte 0: the text ends too early"),
        (b"  ", "byte 2: the text ends too early"),
        (b"\xEF\xBB\xBF{}", "byte 0: found a byte order mark, expected an object"),
        (b"{\"a\": \"\xFF\"}", "byte 7: not UTF-8"),
        (b" [1]", "byte 1: found '[', expected an object"),
        (b"null", "byte 0: found 'n', expected an object"),
        (b"{\"a\": [1}", "byte 8: found '}', which closes nothing"),
        (b"{\"a\": 1]", "byte 7: found ']', which closes nothing"),
        (b"{\"a\": 1", "byte 7: the text ends too early"),
        (b"{\"a", "byte 3: the text ends too early"),
        (b"{\"a\\", "byte 4: the text ends too early"),
        (b"{\"a\\\"", "byte 5: the text ends too early"),
        (b"{} {}", "byte 3: found '{' after the end of the object"),
        (b"{}\0", "byte 2: found '\\0' after the end of the object"),
        ("{}é".as_bytes(), "byte 2: found 'é' after the end of the object"),
        (br#"{"a":1,"a":1}"#, r#"byte 7: duplicate key "a""#),
        (br#"{"a":1,"b":{"c":[{"d":1, "d":2}]}}"#, r#"byte 25: duplicate key "d""#),
        (br#"{"":1,"":2}"#, r#"byte 6: duplicate key """#),
        (br#"{"a":1,"\u0061":2}"#, r#"byte 7: duplicate key "a""#),
        (br#"{"\ud83d\ude00":1,"\uD83D\uDE00":2}"#, "byte 18: duplicate key \"😀\""),
        (br#"{"a\/b":1,"a/b":2}"#, r#"byte 10: duplicate key "a/b""#),
        (br#"{"\"":1,"\u0022":2}"#, r#"byte 8: duplicate key "\"""#),
        (br#"{"\ud800":1}"#, "byte 2: found '\\\\', expected a whole character in UTF-16"),
        (br#"{"a":"\udc00\ud800"}"#, "byte 6: found '\\\\', expected a whole character in UTF-16"),
        (br#"{"a":"\ud83dx"}"#, "byte 6: found '\\\\', expected a whole character in UTF-16"),
        (br#"{"a":"\u00g0"}"#, "byte 10: found 'g', expected a hexadecimal digit"),
        (br#"{"a":"\x"}"#, "byte 7: found 'x', expected an escape of JSON"),
        (b"{\"a\":\"\n\"}", "byte 6: found '\\n', expected a string without control characters"),
        (b"{\"a\":\"0123456789\t\"}", "byte 16: found '\\t', expected a string without control characters"),
        (br#"{"a":}"#, "byte 5: found '}', expected a value"),
        (br#"{"a":1,}"#, "byte 7: found '}', expected a key"),
        (b"{a:1}", "byte 1: found 'a', expected a key"),
        (br#"{"a" 1}"#, "byte 5: found '1', expected a colon"),
        (br#"{"a":1 "b":2}"#, "byte 7: found '\"', expected a comma or the end"),
        (br#"{"a":[1,]}"#, "byte 8: found ']', expected a value"),
        (br#"{"a":[,1]}"#, "byte 6: found ',', expected a value"),
        (br#"{"a":tru}"#, "byte 8: found '}', expected a value"),
        (br#"{"a":nul"#, "byte 8: the text ends too early"),
        (br#"{"a":01}"#, "byte 6: found '1', expected a number without leading zeros"),
        (br#"{"a":-}"#, "byte 6: found '}', expected a digit"),
        (br#"{"a":1.}"#, "byte 7: found '}', expected a digit"),
        (br#"{"a":1e+}"#, "byte 8: found '}', expected a digit"),
        (br#"{"a":+1}"#, "byte 5: found '+', expected a value"),
        (br#"{"a":NaN}"#, "byte 5: found 'N', expected a value"),
    ];
    for (bytes, message) in table {
        assert_eq!(refusal(bytes), *message, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn accepted_as_it_stands() {
    for text in [
        "{}",
        " {} \r\n\t",
        r#"{"a":{"a":{"a":1}},"b":{"a":2}}"#,
        r#"{"a":["a","a",{"a":1},{"a":2}]}"#,
        r#"{"a":"}\"]{","b\\":"\\","c":","}"#,
        r#"{"\"":1,"\\\"":2}"#,
    ] {
        assert_eq!(check(text.as_bytes()).unwrap(), text);
    }
}

#[test]
fn depth_32_passes_and_33_does_not() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(check(nested(32).as_bytes()).is_ok());
    assert_eq!(refusal(nested(33).as_bytes()), "byte 36: nested deeper than 32");
}

#[test]
fn duplicate_is_found_at_every_size_of_object() {
    for size in 1..=80_usize {
        let mut members: Vec<String> = (0..size).map(|i| format!("\"key_{i}\":{i}")).collect();
        assert!(check(format!("{{{}}}", members.join(",")).as_bytes()).is_ok(), "{size} keys");
        for repeated in 0..size {
            members.push(format!("\"key_{repeated}\":0"));
            let error = check(format!("{{{}}}", members.join(",")).as_bytes()).unwrap_err();
            assert!(matches!(error, StrictJsonError::DuplicateKey { key, .. } if key == format!("key_{repeated}")));
            members.pop();
        }
    }
}

#[test]
fn long_key_is_cut_in_the_message() {
    let key = "k".repeat(1000);
    let error = check(format!("{{\"{key}\":1,\"{key}\":2}}").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), format!("byte 1006: duplicate key \"{}\"", "k".repeat(64)));
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(6, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map(".{0,3}", inner, 0..20).prop_map(Value::from_iter),
        ]
    })
}

#[test]
fn objects_along_a_path_are_located() {
    let located = |text: &str| {
        let (text, spans) = locate(text.as_bytes(), ["content", "flags"]).unwrap();
        spans.map(|span| span.map_or("", |span| &text[span]).to_owned())
    };
    let table = [
        (
            r#"{"a":1,"content":{"b":{"flags":{}},"flags": {"f":{"flags":[{}]}}},"flags":{"c":2}}"#,
            [r#"{"b":{"flags":{}},"flags": {"f":{"flags":[{}]}}}"#, r#"{"f":{"flags":[{}]}}"#],
        ),
        (r#"{"cont\u0065nt" : {"f":1} }"#, [r#"{"f":1}"#, ""]),
        (r#"{"content":{"content":{"flags":{}}},"z":{}}"#, [r#"{"content":{"flags":{}}}"#, ""]),
        (r#"{"content":[{"flags":{}}]}"#, ["", ""]),
        (r#"{"content":7,"flags":{}}"#, ["", ""]),
        (r#"{"content":{"flags":[]}}"#, [r#"{"flags":[]}"#, ""]),
        (r#"{"a":{"content":{"f":1}}}"#, ["", ""]),
    ];
    for (text, expected) in table {
        assert_eq!(located(text), expected, "{text}");
    }
}

#[test]
fn an_object_is_cut_out() {
    let text = r#"{"a":1,"flags":{"f":{}},"b":2}"#;
    let (_, [flags]) = locate(text.as_bytes(), ["flags"]).unwrap();
    assert_eq!(without(text, flags.as_ref()), r#"{"a":1,"flags":{},"b":2}"#);
    assert_eq!(without(text, None), text);
}

/// Pieces of JSON, most of which do not fit together.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\"a\":",
        "\"b\":",
        "\"c\"",
        "1",
        "-0",
        "0.5",
        "1e5",
        "00",
        "-",
        "true",
        "null",
        "tru",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\n\"",
        "\"\\q\"",
        "\"",
        "\\",
        "\n",
        "\u{1}",
        "é",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("{{{}}}", pieces.concat()))
}

proptest! {
    #[test]
    fn accepts_exactly_what_serde_json_accepts_but_for_duplicate_keys(text in pieces()) {
        let theirs = serde_json::from_str::<Value>(&text);
        match check(text.as_bytes()) {
            Ok(_) => prop_assert!(theirs.is_ok(), "{text}"),
            Err(StrictJsonError::DuplicateKey { .. }) => {}
            Err(error) => prop_assert!(theirs.is_err(), "{text}: {error}"),
        }
    }

    #[test]
    fn plain_text_ends_at_the_first_special_byte(text in "[ -~\u{0}-\u{1f}é]{0,40}") {
        let object = format!("{{\"a\":{}}}", Value::from(text.clone()));
        prop_assert!(check(object.as_bytes()).is_ok());
        let raw = format!("{{\"a\":\"{text}\"}}");
        prop_assert_eq!(check(raw.as_bytes()).is_ok(), serde_json::from_str::<Value>(&raw).is_ok());
    }

    #[test]
    fn whatever_serde_json_writes_passes(value in json()) {
        let mut object = Map::new();
        object.insert("value".to_owned(), value);
        let text = Value::Object(object).to_string();
        prop_assert_eq!(check(text.as_bytes()).unwrap(), &text);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let opens = bytes.trim_ascii_start().first() == Some(&b'{');
        prop_assert!(opens || check(&bytes).is_err(), "accepted what does not open with an object");
    }

    #[test]
    fn json_like_bytes_are_never_accepted_with_a_duplicate(text in r#"\{("[ab]":[01\{\}],?|\\|"|\}){0,12}\}"#) {
        if check(text.as_bytes()).is_ok() {
            if let Ok(members) = serde_json::from_str::<Members>(&text) {
                let distinct: HashSet<&String> = members.0.iter().collect();
                prop_assert_eq!(distinct.len(), members.0.len());
            }
        }
    }
}

/// The keys of the outermost object, duplicates included.
struct Members(Vec<String>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> serde::de::Visitor<'de> for Keys {
            type Value = Members;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                    keys.push(key);
                }
                Ok(Members(keys))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}
