//! Files that are no TOML.

use super::*;
use crate::manifest::syntax::{KEY_PARTS, SHOWN};

/// Everything that is said of a text.
fn shown(text: &str) -> String {
    let (problems, warnings) = said_of("fastly.toml", text);
    assert!(!problems.is_empty() && warnings.is_empty(), "{text}");
    let shown = problems.iter().map(|p| format!("{p}\n{p:?}\n"));
    shown.collect()
}

#[test]
fn a_file_that_does_not_parse_shows_no_secret() {
    for text in [
        "[local_server.env]\nTOKEN = \"supersecret1\"\nTOKEN=\"supersecret2\"\n",
        "[[local_server.secret_stores.a]]\nkey = \"k\"\ndata = \"supersecret\n",
        "[[local_server.secret_stores.a]]\nkey = \"k\"\ndata=supersecret\n",
        "[scripts]\nenv_vars = [\n  \"A=supersecret\",\n  \"B=supersecret\" \"supersecret=C\",\n",
        "[scripts]\nenv_vars = [\n  A=supersecret,\n  'supersecret' 5\n]\n",
        "[local_server]\nfake_valid_fastly_keys=[\"supersecret\",]]\n",
        "[local_server]\nfake_valid_fastly_keys = [\n\"x\" \"supersecret\"\n]\n",
        "[local_server.env]\nA = \"\"\"\nsupersecret=1 supersecret\\z\n\"\"\"\n",
        "[local_server.env]\nA = '''\nsupersecret==\n''' '''\nsupersecret=5''' 6\n",
        "[local_server.env]\nA = '\u{fc}\u{1f600} supersecret\n",
        "[local_server.log_endpoints.a]\nheaders = { a = supersecret }\n",
        "[local_server.env]\nsupersecret\nsupersecret\n",
        "[local_server.backends.a]\nurl = \"https://me:supersecret@host\nurl = 5\n",
        "# headers\nc3VwZXJzZWNyZXQ=\nsupersecret\n",
        "[local_server.env\nA = \"supersecret\" ]supersecret\n",
    ] {
        let shown = shown(text);
        for secret in ["supersecret", "c3VwZXJz"] {
            assert!(!shown.contains(secret), "{text}\n{shown}");
        }
    }
}

#[test]
fn keys_and_punctuation_stay_where_they_are() {
    let text = "[local_server.env]\n\ta.\"b\" = [\"ü\", {c='d'}, x]\n";
    let (problems, _) = said_of("fastly.toml", text);
    assert_eq!(problems[0].source_line, "\ta.\"b\" = [\"**\", {**'*'}, *]");
    // The column is that of the text, the mark that of the line with stars.
    assert_eq!((problems[0].line, problems[0].column), (2, 25));
    assert_eq!(problems[0].mark, 25..26);
}

#[test]
fn without_a_secret_word_or_password_lines_are_shown() {
    let text = "[local_server.backends.environment]\nurl = https://host\n";
    let (problems, _) = said_of("fastly.toml", text);
    assert_eq!(problems[0].source_line, "url = https://host");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let (problems, _) = said_of("fastly.toml", "\u{feff}manifest_version = 4\n");
    let first = &problems[0];
    assert_eq!((first.line, first.column), (1, 20));
    assert_eq!(first.source_line, "manifest_version = 4");
    assert_eq!(&first.source_line[first.mark.clone()], "4");
    assert_eq!(first.span, 22..23);
    let (problems, _) = said_of("fastly.toml", "\u{feff}a b");
    assert_eq!((problems[0].line, problems[0].column), (1, 3));
}

#[test]
fn a_file_that_is_not_utf_8_is_wrong_at_its_first_such_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fastly.toml");
    let load = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("writable");
        match Manifest::load(&path) {
            Err(Error::Invalid {
                problems, files, ..
            }) if problems.len() == 1 => {
                assert_eq!(files, std::slice::from_ref(&path));
                problems[0].clone()
            }
            other => panic!("{other:?}"),
        }
    };
    let latin = load(b"name = \"a\"\n# \xc3\xbc \xfc\n");
    assert_eq!((latin.line, latin.column, latin.span), (2, 5, 16..17));
    assert_eq!(latin.help.as_deref(), Some("save it as UTF-8"));
    assert_eq!(latin.source_line, "# \u{fc} \u{fffd}");

    let secret = load(b"[local_server.env]\nA = \"hunter2\xfc\"\n");
    assert_eq!((secret.line, secret.column), (2, 13));
    assert_eq!(secret.source_line, "A = \"**********\"");

    for mark in [b"\xff\xfe", b"\xfe\xff"] {
        let wide = load(&[mark, b"n\0a\0".as_slice()].concat());
        assert!(wide.message.contains("UTF-16"), "{wide}");
        assert_eq!((wide.line, wide.column), (1, 1));
        assert_eq!(wide.help.as_deref(), Some("save it as UTF-8"));
    }
}

#[test]
fn a_second_key_is_named_with_the_place_of_the_first() {
    let text = "[local_server.backends.a]\nurl = \"http://a\"\n\
        [local_server.backends.b]\nurl = \"http://b\"\nuse_sni = true\nurl = \"http://c\"\n";
    let (problems, _) = said_of("fastly.toml", text);
    assert_eq!(titles(&problems), ["6:1 duplicate key `url`"]);
    let help = problems[0].help.as_deref();
    assert_eq!(help, Some("the first one is in line 4"));
}

#[test]
fn a_second_table_is_one_problem() {
    let table = "[local_server.backends.a]\nurl = \"http://a\"\nuse_sni = true\n";
    let text = format!("{table}\n{table}[local_server.env]\nA = \"1\"\nA = \"2\"\n");
    let (problems, _) = said_of("fastly.toml", &text);
    let expected = [
        "5:24 duplicate table `local_server.backends.a`",
        "10:1 duplicate key `A`",
    ];
    assert_eq!(titles(&problems), expected);
    let help = problems[0].help.as_deref();
    assert_eq!(help, Some("the first one is in line 1"));
}

#[test]
fn one_mistake_makes_a_few_problems_at_most() {
    let lines = |count| "a b\n".repeat(count);
    let (problems, _) = said_of("fastly.toml", &lines(SHOWN));
    assert_eq!(problems.len(), SHOWN);
    let (problems, _) = said_of("fastly.toml", &lines(SHOWN + 1));
    assert_eq!(problems.len(), SHOWN + 1);
    assert_eq!(titles(&problems)[SHOWN], "4:3 1 more syntax error");
    let (problems, _) = said_of("fastly.toml", &lines(100));
    assert_eq!(problems.len(), SHOWN + 1);
    let last = &titles(&problems)[SHOWN];
    assert_eq!(last, "4:3 97 more syntax errors from here on");
}

#[test]
fn a_key_of_too_many_parts_has_a_place() {
    let key = |parts| vec!["a"; parts].join(".");
    let text = format!("name = \"a\"\n{} = 1\n", key(KEY_PARTS));
    assert_eq!(said_of("fastly.toml", &text).0, []);
    for parts in [KEY_PARTS + 1, 20_000] {
        let text = format!("name = \"a\"\n{} = 1\n", key(parts));
        let (problems, _) = said_of("fastly.toml", &text);
        assert_eq!(titles(&problems), ["2:1 a key has at most 80 parts"]);
    }
}

#[test]
fn a_part_of_a_long_line_is_shown_as_one() {
    let text = format!(
        "# é\nx = \"{}\"; \"{}\"\n",
        "é".repeat(1_000),
        "b".repeat(1_000)
    );
    let (problems, _) = said_of("fastly.toml", &text);
    let long = &problems[0];
    assert_eq!((long.line, long.column), (2, 1_007));
    let line = &long.source_line;
    assert!(line.starts_with('…') && line.ends_with('…'), "{line}");
    assert!(line[long.mark.start..].starts_with("; "), "{long}");
}

#[test]
fn what_is_said_of_a_megabyte_is_short() {
    let long = "é".repeat(100_000);
    for text in [
        format!("[local_server.backends.a]\nurl = \"{long}\"\nhealth = \"{long}\"\n"),
        format!("[local_server.backends.\"{long}\"]\n"),
        format!("[local_server.backends]\na = \"{long}\"\n"),
        format!("[local_server.acls]\na = \"{long}\"\n"),
    ] {
        let (problems, _) = said_of("fastly.toml", &text);
        for problem in problems {
            let (title, help) = (problem.title(), problem.help.unwrap_or_default());
            let most = 2 * problem::LONG_MESSAGE + 2;
            assert!(title.chars().count() <= most, "{}", title.len());
            assert!(help.chars().count() <= most, "{}", help.len());
            assert!(format!("{title}{help}").contains('…'), "{title} {help}");
        }
    }
    let most = problem::LONG_MESSAGE;
    assert_eq!(problem::cut(&"é".repeat(most), most), "é".repeat(most));
    let cut = problem::cut(&"é".repeat(most + 1), most);
    assert_eq!(cut, format!("{0}…{0}", "é".repeat(100)));
}
