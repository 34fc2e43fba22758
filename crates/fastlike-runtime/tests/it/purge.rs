//! Purging.

use crate::harness::{Logs, Test};

#[tokio::test]
async fn a_key_is_purged_and_it_is_said_once_that_nothing_is_cached() {
    let logs = Logs::capture();
    let service = Test::guest("purge_surrogate_key").start().await;
    for _ in 0..2 {
        assert_eq!(service.get("/").await.ok(), "purged");
    }
    let said = logs.with("nothing is cached here yet");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("INFO") && said[0].contains("\"news\""),
        "{said:?}"
    );
}

#[tokio::test]
async fn the_answer_is_written_where_the_guest_says_if_there_is_room() {
    // The key at 0, the options at 16: place, room and length's place.
    let guest = r#"(module
        (import "fastly_purge" "purge_surrogate_key"
            (func $purge (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "news")
        (data (i32.const 16) "\64\00\00\00\2e\00\00\00\20\00\00\00")
        (func $must (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
        (func $status (param i32) (result i32)
            (call $purge (i32.const 0) (i32.const 4) (local.get 0) (i32.const 16)))
        (func (export "_start")
            (call $must (i32.eq (i32.const 4) (call $status (i32.const 2))))
            (call $must (i32.eq (i32.const 47) (i32.load (i32.const 32))))
            (call $must (i32.eqz (i32.load (i32.const 100))))
            (i32.store (i32.const 20) (i32.const 47))
            (call $must (i32.eqz (call $status (i32.const 3))))
            (call $must (i32.eq (i32.const 47) (i32.load (i32.const 32))))
            ;; What is before and after the id, which is another each time.
            (call $must (i64.eq
                (i64.shl (i64.load (i32.const 100)) (i64.const 8))
                (i64.shl (i64.load (i32.const 200)) (i64.const 8))))
            (call $must (i64.eq (i64.load (i32.const 139)) (i64.load (i32.const 210))))
            ;; Without its bit, the record is not looked at.
            (call $must (i32.eqz (call $purge
                (i32.const 0) (i32.const 4) (i32.const 1) (i32.const -1))))
            (call $must (i32.eq (i32.const 2) (call $purge
                (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 16)))))
        (data (i32.const 200) "{\22id\22:\22")
        (data (i32.const 210) "s\22:\22ok\22}"))"#;
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}
