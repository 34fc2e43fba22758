//! KV stores, as the first SDKs ask for them.

use crate::harness::{Test, request, script};

#[tokio::test]
async fn an_older_program_uses_the_same_stores() {
    let test = Test::guest("object_store_operations");
    let service = test
        .with(|builder| builder.kv_store("store", [("greeting", "hello")]))
        .start()
        .await;
    assert_eq!(service.get("/lookup?greeting").await.ok(), "hello");
    assert_eq!(service.get("/lookup?nothing").await.ok(), "absent");
    let put = request("POST", "/insert?key", "value");
    assert_eq!(service.send(put).await.ok(), "ok");
    assert_eq!(service.get("/lookup_async?key").await.ok(), "value");
    assert_eq!(service.get("/delete_async?key").await.ok(), "ok");
    assert_eq!(service.get("/delete_async?key").await.ok(), "status 10");
    assert_eq!(service.get("/lookup?key").await.ok(), "absent");
    let store = service.fastlike.state().kv_stores().get("store");
    let keys = store.expect("a store").list(&Default::default());
    assert_eq!(keys.expect("a page").keys, ["greeting"]);
}

#[tokio::test]
async fn each_fault_has_the_status_that_the_sdks_expect() {
    let guest = script(
        "2: object_store.open 'nowhere' 8
        object_store.open 'store' 8
        3: object_store.lookup 99 'greeting' 16
        1: object_store.lookup *8 '..' 16        ; a bad key
        1: object_store.lookup_async *8 '' 16
        1: object_store.delete_async *8 'a#b' 16
        http_body.new 20
        1: object_store.insert *8 'a#b' *20         ; fails, but consumes the body
        3: http_body.close *20
        object_store.lookup *8 'nothing' 24
        @24 == 0                                 ; not written
        3: object_store.pending_lookup_wait 99 24
        3: object_store.pending_insert_wait 99
        3: object_store.pending_delete_wait 99
        object_store.delete_async *8 'nothing' 16
        10: object_store.pending_delete_wait *16
        3: object_store.pending_delete_wait *16
        ; the handles are those of the KV store calls
        object_store.lookup_async *8 'greeting' 16
        kv_store.lookup_wait_v2 *16 24 64 100 28 32 40
        @40 == 1",
    );
    let test = Test::wat(guest).with(|builder| builder.kv_store("store", [("greeting", "hello")]));
    assert_eq!(test.get("/").await.ok(), "");
}
