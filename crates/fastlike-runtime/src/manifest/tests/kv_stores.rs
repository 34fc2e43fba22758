//! KV stores in all their forms.

use super::*;
use crate::kv::KvSeed;

fn parse(text: &str) -> Manifest {
    let (manifest, warnings) = Manifest::parse(folder().join("fastly.toml"), text)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(warnings, []);
    manifest
}

fn seed(value: &str, metadata: &'static str) -> KvSeed {
    KvSeed {
        value: value.to_owned().into(),
        metadata: metadata.into(),
    }
}

#[test]
fn kv_stores_have_several_forms_and_names() {
    let file = "files/older.kv";
    let manifest = parse(
        r#"
        [local_server.kv_stores]
        empty = []
        json = { file = "files/kv-good.json", format = "json" }
        [[local_server.kv_stores.listed]]
        key = "a"
        data = "1"
        metadata = "m"
        [[local_server.kv_stores.listed]]
        key = "b"
        file = "files/older.kv"
        [[local_server.object_stores.older]]
        key = "a"
        path = "files/older.kv"
        [[local_server.object_store.oldest]]
        key = "a"
        data = "1"
        "#,
    );
    let names: Vec<_> = manifest.kv_stores.keys().map(String::as_str).collect();
    assert_eq!(names, ["empty", "json", "listed", "older", "oldest"]);
    let entries = |name: &str| &manifest.kv_stores[name].entries;
    assert!(entries("empty").is_empty());
    assert_eq!(entries("listed")["a"], seed("1", "m"));
    let content = fs::read_to_string(folder().join(file)).expect("a file");
    assert_eq!(entries("listed")["b"], seed(&content, ""));
    assert_eq!(entries("older")["a"], seed(&content, ""));
    assert_eq!(entries("oldest")["a"], seed("1", ""));

    assert_eq!(entries("json")["text"], seed("value", ""));
    assert_eq!(entries("json")["object"], seed("value", "m"));
    assert_eq!(entries("json")["file"], seed(&content, ""));
    assert!(manifest.kv_stores["json"].file.is_some());
    // Who watches the manifest watches them too.
    assert!(manifest.files.contains(&folder().join(file)));
}

#[test]
fn values_and_metadata_of_kv_stores_are_limited() {
    let parse = |metadata: usize| {
        let metadata = "m".repeat(metadata);
        let text = format!(
            "[[local_server.kv_stores.s]]\nkey = \"a\"\ndata = \"1\"\nmetadata = \"{metadata}\""
        );
        Manifest::parse("fastly.toml", text)
    };
    parse(crate::limits::KV_METADATA).expect("at the limit");
    let error = parse(crate::limits::KV_METADATA + 1).expect_err("one past it");
    assert!(error.to_string().contains("2001 bytes"), "{error}");
}
