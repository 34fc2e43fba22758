//! Guests that cannot be served, and what is said then.

use std::path::Path;

use fastlike_runtime::{Fastlike, Guest, StartError};

use crate::harness::{Test, get, guest_file};

async fn error(guest: impl Into<Guest>) -> StartError {
    match Fastlike::builder(guest).build().await {
        Err(error) => error,
        Ok(_) => panic!("it was built"),
    }
}

fn text(text: &str) -> Guest {
    Guest::bytes("app.wat", text)
}

#[tokio::test]
async fn a_file_that_is_not_there() {
    let error = error(Path::new("no/such/app.wasm")).await;
    assert!(matches!(error, StartError::Read { .. }), "{error}");
    assert_eq!(error.to_string(), "cannot read no/such/app.wasm");
}

#[tokio::test]
async fn what_is_no_module() {
    for (guest, why) in [
        ("", "empty"),
        ("#!/bin/sh\n", "begin"),
        ("\u{7f}ELF", "begin"),
    ] {
        let error = error(text(guest)).await;
        assert!(matches!(error, StartError::NotWasm { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_limit_that_nothing_fits_in_is_named() {
    let megabyte = "(module (memory (export \"memory\") 17) (func (export \"_start\")))";
    let test = Test::wat(megabyte).limits(|limits| limits.heap = 1024 * 1024);
    let error = test.build().await.expect_err("it is a page too large");
    assert!(matches!(error, StartError::Heap { .. }), "{error}");
    assert!(error.to_string().contains("heap limit of 1 MiB"), "{error}");

    let test = Test::wat("(module)").limits(|limits| limits.pool_slots = usize::MAX);
    let error = test.build().await.expect_err("too many");
    assert!(error.to_string().contains("pool_slots"), "{error}");
}

#[tokio::test]
async fn a_component_is_told_apart() {
    for guest in ["(component)", ";; a comment\n  (component)"] {
        let error = error(text(guest)).await.to_string();
        assert!(
            error.contains("not supported yet") && error.contains("wasm32-wasip1"),
            "{error}"
        );
    }
    let binary = Guest::bytes("app.wasm", *b"\0asm\x0d\0\x01\0");
    assert!(matches!(error(binary).await, StartError::Component { .. }));
}

#[tokio::test]
async fn what_the_platform_does_not_run_is_refused_at_the_start() {
    let (exceptions, gc) = (
        "(module (tag (param i32)) (func (export \"_start\")))",
        "(module (type (struct (field i32))) (func (export \"_start\")))",
    );
    for (guest, proposal) in [(exceptions, "exceptions"), (gc, "gc")] {
        let error = error(text(guest)).await;
        assert!(matches!(error, StartError::Compile { .. }), "{error}");
        assert!(error.to_string().contains(proposal), "{error}");
    }
}

#[tokio::test]
async fn what_does_not_compile_is_told_with_its_place() {
    let error = error(text("(module\n  (func (unknown)))")).await;
    assert!(matches!(error, StartError::Compile { .. }), "{error}");
    assert!(error.to_string().contains("2:10"), "{error}");
    let cut_off = Guest::bytes("app.wasm", *b"\0asm\x01\0\0\0\x01\x7f");
    assert!(matches!(
        self::error(cut_off).await,
        StartError::Compile { .. }
    ));
}

#[tokio::test]
async fn a_library_has_no_entry() {
    let error = error(text("(module)")).await;
    assert!(matches!(error, StartError::NoEntry { .. }), "{error}");
    assert!(error.to_string().contains("_start"), "{error}");
}

#[tokio::test]
async fn an_entry_that_is_no_function_of_no_arguments() {
    for entry in [
        r#"(func (export "_start") (param i32))"#,
        r#"(global (export "_start") i32 (i32.const 0))"#,
    ] {
        match Fastlike::builder(text(&format!("(module {entry})")))
            .build()
            .await
        {
            Err(error) => assert!(error.to_string().contains("_start"), "{error}"),
            Ok(service) => {
                let response = service.handle(get("/"), &crate::harness::client()).await;
                assert_eq!(response.status(), http::StatusCode::INTERNAL_SERVER_ERROR);
            }
        }
    }
}

#[tokio::test]
async fn a_guest_without_memory_gets_statuses_and_no_trap() {
    let guest = r#"(module
        (import "fastly_http_req" "body_downstream_get" (func $get (param i32 i32) (result i32)))
        (func (export "_start") (if (i32.ne (call $get (i32.const 0) (i32.const 4)) (i32.const 2)) (then unreachable))))"#;
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn a_guest_of_text_and_one_of_a_file_are_served_alike() {
    let service = Test::guest("hello").start().await;
    let summary = service.fastlike.summary();
    assert_eq!(summary.guest, guest_file("hello").display().to_string());
    assert!(
        summary.bytes > 100_000 && summary.imports > 10,
        "{summary:?}"
    );
    let service = Test::wat(";; nothing\n(module (func (export \"_start\")))")
        .start()
        .await;
    assert_eq!(service.get("/").await.ok(), "");
    assert_eq!(service.fastlike.summary().guest, "test.wat");
}

#[tokio::test]
async fn what_was_compiled_once_is_found_in_the_cache() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = || walk(folder.path());
    for _ in 0..2 {
        let fastlike =
            Fastlike::builder(guest_file("hello").as_path()).compile_cache(folder.path());
        let fastlike = fastlike.build().await.expect("built");
        let response = fastlike.handle(get("/"), &crate::harness::client()).await;
        assert_eq!(response.status(), http::StatusCode::OK);
    }
    assert!(files() > 0);
}

/// The number of files in a folder.
fn walk(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| if path.is_dir() { walk(&path) } else { 1 })
        .sum()
}
