//! The JSON files that a manifest names.

use super::*;

/// A section for each kind of JSON file, which `a.json` is.
const KINDS: &[&str] = &[
    "[local_server.config_stores.a]\nformat = \"json\"\nfile = \"a.json\"\n",
    "[local_server.kv_stores]\na = { format = \"json\", file = \"a.json\" }\n",
    "[local_server.secret_stores]\na = { format = \"json\", file = \"a.json\" }\n",
    "[local_server.geolocation]\nformat = \"json\"\nfile = \"a.json\"\n",
    "[local_server.device_detection]\nformat = \"json\"\nfile = \"a.json\"\n",
    "[local_server.acls]\na = \"a.json\"\n",
];

/// What is said of a manifest with an `a.json` beside it.
fn with_json(text: &str, json: &str) -> (Vec<Problem>, Vec<Warning>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.json"), json).expect("writable");
    said_of(folder.path().join("fastly.toml"), text)
}

#[test]
fn a_byte_order_mark_is_taken_in_each_kind() {
    for text in KINDS {
        let json = if text.contains("acls") {
            "\u{feff}{\"entries\": []}"
        } else {
            "\u{feff}{}"
        };
        assert_eq!(with_json(text, json), (vec![], vec![]), "{text}");
        // And it is not counted.
        let (problems, _) = with_json(text, "\u{feff}{\"é\" 5}");
        assert_eq!((problems[0].line, problems[0].column), (1, 6), "{text}");
    }
}

#[test]
fn a_wrong_value_is_shown_where_it_is() {
    let json = "{\"fine\": \"\",\n \"192.0.2.1\": [7]}";
    for text in KINDS.iter().filter(|text| !text.contains("acls")) {
        let (problems, _) = with_json(text, json);
        let found = problems.last().expect("a problem");
        assert!(found.file.ends_with("a.json"), "{found}");
        assert_eq!((found.line, found.column), (2, 15), "{found}");
        assert!(found.message.starts_with("\"192.0.2.1\": "), "{found}");
        let lines = found.source_line.as_str();
        let expected = if text.contains("secret") {
            ""
        } else {
            " \"192.0.2.1\": [7]}"
        };
        assert_eq!(lines, expected, "{found}");
    }
}

#[test]
fn a_second_member_of_one_name_is_warned_of() {
    let json = "{\"a\": \"1\",\n \"b\": \"2\", \"\\u0061\": \"3\", \"a\": \"4\"}";
    for text in &KINDS[..3] {
        let (problems, warnings) = with_json(text, json);
        assert_eq!(problems, []);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let message = "\"a\" is there twice; the later counts";
        assert_eq!(warnings[0].message, message);
        assert_eq!((warnings[0].line, warnings[0].column), (2, 27), "{text}");
    }
}

#[test]
fn columns_of_secrets_count_characters_and_no_line_is_shown() {
    let (problems, _) = with_json(KINDS[2], "{\"é\u{1f600}s3cret\" 5}");
    assert_eq!((problems[0].line, problems[0].column), (1, 13));
    let shown = format!("{} {:?}", problems[0], problems[0]);
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_file_that_an_entry_lacks_is_named_with_the_entry() {
    let (problems, _) = with_json(KINDS[1], "{\n \"c\": { \"file\": \"x.txt\" } }");
    assert_eq!(problems.len(), 1);
    let problem = &problems[0];
    assert!(problem.file.ends_with("a.json"), "{problem}");
    assert_eq!((problem.line, problem.column), (2, 7));
    assert_eq!(problem.message, "\"c\": there is no file `x.txt`");
    assert!(problem.help.is_some());
}

#[test]
fn contents_without_a_format_are_looked_at() {
    for text in &[KINDS[0], KINDS[3], KINDS[4]] {
        let text = text.replace("format = \"json\"\n", "");
        let (problems, _) = with_json(&text, "{\"192.0.2.1\": 7}");
        let messages: Vec<_> = problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert_eq!(messages[0], "`format` is missing");
        assert!(messages[1].starts_with("\"192.0.2.1\": the value must be"));
    }
    let text = "[local_server.config_stores.a]\ncontents = { a = 5 }\n";
    assert_eq!(said_of("fastly.toml", text).0.len(), 2);
    let text = "[local_server.config_stores.a]\ncontents = { a = 5 }\nfile = \"none\"\n";
    assert_eq!(said_of("fastly.toml", text).0.len(), 1);
}

#[test]
fn what_numbers_may_be_is_said_in_words() {
    let text = "[local_server.geolocation]\nformat = \"inline-toml\"\n\
        addresses.\"192.0.2.1\" = { area_code = 70000, latitude = \"north\" }\n";
    let (problems, _) = said_of("fastly.toml", text);
    let messages: Vec<_> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "invalid value: integer `70000`, expected a whole number from 0 to 65535",
            "invalid type: string \"north\", expected a number"
        ]
    );
}
