//! Access control lists.

use fastlike_runtime::{AclChange, AclEntry};

use crate::harness::{Logs, Running, Test, get, script};

fn entry(prefix: &str, action: &str) -> AclEntry {
    AclEntry::parse(prefix, action).expect("valid")
}

async fn guest() -> Running {
    let entries = [
        entry("192.0.2.0/24", "BLOCK"),
        entry("192.0.2.7/32", "ALLOW"),
        entry("2001:db8::/32", "BLOCK"),
        entry("198.51.100.0/24", "ALLOW"),
        entry("198.51.100.0/24", "BLOCK"),
    ];
    let guest = Test::guest("acl_lookup").with(|builder| builder.acl("clients", entries));
    guest.start().await
}

async fn asked(guest: &Running, header: &'static str, value: &str) -> String {
    let mut request = get("/");
    let value = value.parse().expect("a value");
    request.headers_mut().insert(header, value);
    guest.send(request).await.ok().to_owned()
}

#[tokio::test]
async fn a_program_lets_clients_in_by_the_longest_prefix_of_their_address() {
    let guest = guest().await;
    // The client itself.
    assert_eq!(guest.get("/").await.ok(), "192.0.2.7/32 Allow");
    for (address, expected) in [
        ("192.0.2.8", "192.0.2.0/24 Block"),
        ("::ffff:192.0.2.8", "192.0.2.0/24 Block"),
        ("198.51.100.1", "198.51.100.0/24 Block"),
        ("2001:db8::1", "2001:db8::/32 Block"),
        ("2001:db9::1", "no match"),
        ("203.0.113.1", "no match"),
    ] {
        assert_eq!(
            asked(&guest, "x-address", address).await,
            expected,
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_missing_list_is_named_with_those_that_are_configured() {
    let logs = Logs::capture();
    let guest = guest().await;
    assert_eq!(asked(&guest, "x-acl", "blocked").await, "AclNotFound");
    let warnings = logs.with("\"blocked\"");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains(r#"configured: ["clients"]"#),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("[local_server.acls]"), "{warnings:?}");
}

#[tokio::test]
async fn a_changed_list_is_seen_by_the_next_request() {
    let guest = guest().await;
    let acl = guest.fastlike.acls().get("clients").expect("configured");
    let changes = [
        AclChange::Remove(entry("192.0.2.7/32", "ALLOW").prefix),
        AclChange::Set(entry("192.0.2.0/28", "ALLOW")),
    ];
    acl.change(&changes).expect("room");
    assert_eq!(guest.get("/").await.ok(), "192.0.2.0/28 Allow");
    acl.replace([]).expect("room");
    assert_eq!(guest.get("/").await.ok(), "no match");
}

#[tokio::test]
async fn a_miss_leaves_the_body_alone_and_addresses_have_4_or_16_bytes() {
    let guest = script(
        "acl.open 'clients' 8
        10: acl.open 'other' 12
        10: acl.open '' 12
        acl.lookup *8 64 4 12 16    ; 0.0.0.0
        @12 == 0
        @16 == 2
        2: acl.lookup *8 64 5 12 16
        2: acl.lookup *8 64 0 12 16
        3: acl.lookup 7 64 4 12 16
        acl.open 'all' 8
        acl.lookup *8 64 16 12 16   ; ::
        @16 == 1
        http_body.read *12 128 100 20
        @20 == 34
        @128 == '{\"prefix\":\"::/0\",\"action\":\"BLOCK\"}'",
    );
    let test = Test::wat(guest).with(|builder| {
        builder
            .acl("clients", [])
            .acl("all", [entry("::/0", "BLOCK")])
    });
    assert_eq!(test.get("/").await.ok(), "");
}
