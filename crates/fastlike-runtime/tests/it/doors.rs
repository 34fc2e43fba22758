//! Every function that real guests import is there, with the signature that they expect.

use fastlike_runtime::{Fastlike, StartError};

use crate::harness::Test;
use crate::harness::wat::{Import, signatures};

async fn build(imports: &str) -> Result<Fastlike, StartError> {
    let module =
        format!("(module {imports} (memory (export \"memory\") 1) (func (export \"_start\")))");
    let test = Test::wat(module);
    test.limits(|limits| limits.pool_slots = 1).build().await
}

fn kind(kind: &str) -> Vec<Import> {
    signatures()
        .into_iter()
        .filter(|import| import.kind == kind)
        .collect()
}

#[tokio::test]
async fn each_function_is_linked_with_its_signature() {
    for (name, count) in [("core", 255), ("legacy", 53), ("wasi-p1", 46)] {
        let imports = kind(name);
        assert_eq!(imports.len(), count, "{name}");
        let declared: String = imports.iter().map(Import::declaration).collect();
        let fastlike = build(&declared)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(fastlike.summary().imports, count);
    }
}

async fn refused(kinds: &[&str]) {
    for mut import in kinds.iter().flat_map(|name| kind(name)) {
        let (module, name) = (import.module, import.name);
        import.params.push("i32");
        let more = build(&import.declaration()).await;
        assert!(
            more.is_err(),
            "{module}::{name} is linked with a parameter too many"
        );
        import.params.pop();
        import.results.push("i32");
        let results = build(&import.declaration()).await;
        assert!(
            results.is_err(),
            "{module}::{name} is linked with a result too many"
        );
    }
}

#[tokio::test]
async fn another_signature_of_an_http_function_is_refused() {
    refused(&["core"]).await;
}

#[tokio::test]
async fn another_signature_of_an_old_name_or_of_wasi_is_refused() {
    refused(&["legacy", "wasi-p1"]).await;
}

#[tokio::test]
async fn another_signature_is_told_with_the_functions_name() {
    let wrong = r#"(import "fastly_http_req" "new" (func (param i64) (result i32)))"#;
    let error = build(wrong)
        .await
        .expect_err("the parameter is a pointer")
        .to_string();
    assert!(error.contains("fastly_http_req::new"), "{error}");
}

#[tokio::test]
async fn every_unknown_import_is_named_at_once_with_what_is_like_it() {
    let imports = r#"
        (import "fastly_http_req" "new" (func (param i32) (result i32)))
        (import "fastly_http_req" "send_v9" (func (result i32)))
        (import "fastly_http_request" "method_get" (func (result i32)))
        (import "env" "abort" (func))
        (import "wasi_snapshot_preview1" "thread_spawn" (func))"#;
    let Err(error) = build(imports).await else {
        panic!("built")
    };
    let StartError::UnknownImports { imports, .. } = &error else {
        panic!("{error}")
    };
    let names: Vec<String> = imports
        .iter()
        .map(|import| format!("{}::{}", import.module, import.name))
        .collect();
    assert_eq!(
        names,
        [
            "fastly_http_req::send_v9",
            "fastly_http_request::method_get",
            "env::abort",
            "wasi_snapshot_preview1::thread_spawn"
        ]
    );
    assert_eq!(
        imports[0].hint.as_deref(),
        Some("there is `fastly_http_req::send`")
    );
    assert!(
        imports[1]
            .hint
            .as_deref()
            .is_some_and(|hint| hint.contains("::method_get`"))
    );
    let text = error.to_string();
    assert!(
        text.starts_with("test.wat imports what fastlike does not provide:\n"),
        "{text}"
    );
    assert!(
        text.contains("unknown import: `env::abort` has not been defined"),
        "{text}"
    );
}

#[tokio::test]
async fn imports_that_are_no_functions_are_refused() {
    let error = build(r#"(import "env" "memory" (memory 1))"#)
        .await
        .expect_err("not provided");
    assert!(error.to_string().contains("env::memory"), "{error}");
    let error = build(r#"(import "fastly_http_req" "new" (global i32))"#)
        .await
        .expect_err("a function");
    assert!(
        error.to_string().contains("fastly_http_req::new"),
        "{error}"
    );
}
