//! Keys, brackets and files in the wrong place.

use super::*;

fn help_of(text: &str) -> (String, Option<String>) {
    let (problems, warnings) = said_of("fastly.toml", text);
    let all: Vec<_> = problems.into_iter().chain(warnings).collect();
    assert_eq!(all.len(), 1, "{text}: {all:?}");
    (all[0].title(), all[0].help.clone())
}

#[test]
fn an_entry_in_single_brackets_is_told_of_double_ones() {
    for kind in ["kv_stores", "object_store", "secret_stores"] {
        let text = format!("[local_server.{kind}.a]\nkey = \"a\"\ndata = \"b\"\n");
        let (_, help) = help_of(&text);
        let expected = format!("write `[[local_server.{kind}.a]]`, in double brackets");
        assert_eq!(help, Some(expected));
    }
    let (_, help) = help_of("[local_server.kv_stores]\na = { key = \"a\", data = \"b\" }\n");
    let expected = "write `a = [{ key = \"…\", data = \"…\" }]`";
    assert_eq!(help.as_deref(), Some(expected));
}

#[test]
fn a_table_in_double_brackets_is_told_of_single_ones() {
    for name in ["backends.a", "config_stores.a", "geolocation"] {
        let (_, help) = help_of(&format!("[[local_server.{name}]]\nformat = \"json\"\n"));
        let expected = format!("write `[local_server.{name}]`, in single brackets");
        assert_eq!(help, Some(expected));
    }
}

#[test]
fn a_section_beside_local_server_is_warned_of() {
    for name in ["backends", "kv_stores", "limits", "log_endpoints"] {
        let (title, help) = help_of(&format!("[{name}.a]\nurl = \"http://a\"\n"));
        assert_eq!(title, format!("{name}: unknown section"));
        let expected = format!("did you mean `[local_server.{name}]`?");
        assert_eq!(help, Some(expected));
    }
    for fine in [
        "[setup.backends.a]\n",
        "[other.a]\n",
        "env = \"production\"\n",
    ] {
        assert_eq!(said_of("fastly.toml", fine), (vec![], vec![]), "{fine}");
    }
}

#[test]
fn a_slip_in_the_name_of_secrets_shows_none() {
    for name in ["secret_store", "secret-stores", "Secret_Stores"] {
        let text = format!("local_server = {{ {name} = {{ a = [\"supersecret\"] }} }}\n");
        let (_, warnings) = said_of("fastly.toml", &text);
        let line = &warnings[0].source_line;
        assert!(
            line.contains(name) && !line.contains("supersecret"),
            "{line}"
        );
    }
}

#[test]
fn a_slip_in_scripts_is_warned_of() {
    let text = "[scripts]\nbuld = \"make\"\npost_init = \"true\"\nsomething_new = 1\n";
    let (title, help) = help_of(text);
    assert_eq!(title, "scripts.buld: unknown key, ignored");
    assert_eq!(help.as_deref(), Some("did you mean `build`?"));
}

#[test]
fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("logs")).expect("writable");
    let manifest = folder.path().join("fastly.toml");
    for text in [
        "[local_server.log_endpoints.a]\ntype = \"file\"\npath = \"logs\"\n",
        "[local_server.log_endpoints.a]\ntype = \"file\"\npath = \"\"\n",
        "[local_server.geolocation]\n\ndatabase = \"logs\"\n",
    ] {
        let (problems, _) = said_of(&manifest, text);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].line, 3);
        let message = &problems[0].message;
        assert!(message.ends_with("is a folder and no file"), "{message}");
    }
}

#[test]
fn words_that_would_be_sent_on_are_looked_at() {
    let wrong = |text: &str| said_of("fastly.toml", text).0.len();
    assert_eq!(
        wrong("[local_server.service]\nid = \"a\\nb\"\npop = \"\\u007f\"\n"),
        2
    );
    assert_eq!(wrong("[local_server.service]\nid = \"a b\u{e9}\"\n"), 0);
    assert_eq!(wrong("[local_server.inspect]\nverdict = \"\"\n"), 1);
}

#[test]
fn a_kind_of_bot_may_be_a_number() {
    let parse = |category: &str| {
        let text =
            format!("[local_server.client_signals.default]\nbot = {{ category = {category} }}\n");
        Manifest::parse("fastly.toml", text)
    };
    for category in ["7", "\"7\"", "0x7"] {
        let (manifest, warnings) = parse(category).expect("valid");
        assert_eq!(warnings, []);
        let bot = manifest.client_signals.default.bot.expect("a bot");
        assert_eq!(bot.category_kind, Some(7));
    }
    assert!(parse("-1").is_err() && parse("1.5").is_err());
}
