use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;

fn acl(entries: &[(&str, &str)]) -> Acl {
    let acl = Acl::default();
    let entries: Result<Vec<_>, _> = entries
        .iter()
        .map(|(prefix, action)| AclEntry::parse(prefix, action))
        .collect();
    acl.replace(entries.expect("valid")).expect("room");
    acl
}

fn found(acl: &Acl, address: &str) -> String {
    let entry = acl.lookup(address.parse().expect("an address"));
    entry.map_or_else(String::new, AclEntry::to_json)
}

#[test]
fn the_longest_prefix_counts_and_of_equals_the_last() {
    let acl = acl(&[
        ("192.0.2.0/24", "BLOCK"),
        ("192.0.2.7/32", "ALLOW"),
        ("192.0.0.0/16", "allow"),
        ("10.0.0.0/8", "ALLOW"),
        ("10.0.0.0/8", "BLOCK"),
        // The same as the one before it, written otherwise.
        ("10.9.9.9/8", "Allow"),
        ("10.9.9.9/8", "BLOCK"),
        ("2001:db8::/32", "BLOCK"),
        ("2001:db8::1/128", "ALLOW"),
    ]);
    assert_eq!(acl.len(), 6);
    for (address, expected) in [
        ("192.0.2.7", r#"{"prefix":"192.0.2.7/32","action":"ALLOW"}"#),
        ("192.0.2.8", r#"{"prefix":"192.0.2.0/24","action":"BLOCK"}"#),
        ("192.0.3.1", r#"{"prefix":"192.0.0.0/16","action":"ALLOW"}"#),
        ("10.1.2.3", r#"{"prefix":"10.0.0.0/8","action":"BLOCK"}"#),
        ("11.1.2.3", ""),
        (
            "2001:db8::1",
            r#"{"prefix":"2001:db8::1/128","action":"ALLOW"}"#,
        ),
        (
            "2001:db8::2",
            r#"{"prefix":"2001:db8::/32","action":"BLOCK"}"#,
        ),
        ("2001:db9::", ""),
    ] {
        assert_eq!(found(&acl, address), expected, "{address}");
    }
}

#[test]
fn everything_can_be_one_prefix_of_either_kind() {
    let acl = acl(&[("0.0.0.0/0", "BLOCK"), ("::/0", "ALLOW")]);
    assert!(found(&acl, "0.0.0.0").contains("BLOCK"));
    assert!(found(&acl, "255.255.255.255").contains("BLOCK"));
    assert!(found(&acl, "::").contains("ALLOW"));
    assert!(found(&acl, "ffff:ffff::1").contains("ALLOW"));
}

#[test]
fn ipv4_addresses_in_ipv6_ones_are_ipv4() {
    let acl = acl(&[("192.0.2.0/24", "BLOCK"), ("::/0", "ALLOW")]);
    assert!(found(&acl, "::ffff:192.0.2.1").contains("192.0.2.0/24"));
    assert_eq!(found(&acl, "::ffff:10.0.0.1"), "");
    let prefix: AclPrefix = "::ffff:192.0.2.77/120".parse().expect("a prefix");
    assert_eq!(prefix.to_string(), "192.0.2.0/24");
    // Too short to be about those alone.
    let prefix: AclPrefix = "::ffff:0:0/95".parse().expect("a prefix");
    assert_eq!(prefix.to_string(), "::fffe:0:0/95");
}

#[test]
fn what_is_no_entry_is_said_with_its_mend() {
    for (prefix, action, expected) in [
        ("192.0.2.1", "ALLOW", r#"write "192.0.2.1/32""#),
        ("::1", "ALLOW", r#"write "::1/128""#),
        ("192.0.2.0/33", "ALLOW", "is not a prefix"),
        ("localhost/8", "ALLOW", "is not a prefix"),
        ("192.0.2.0/24", "DENY", r#""DENY" is not an action"#),
    ] {
        let error = AclEntry::parse(prefix, action)
            .expect_err(prefix)
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn changes_are_made_in_their_order_and_all_or_none() {
    let acl = acl(&[("10.0.0.0/8", "BLOCK")]);
    let set =
        |prefix: &str, action| AclChange::Set(AclEntry::parse(prefix, action).expect("valid"));
    let remove = |prefix: &str| AclChange::Remove(prefix.parse().expect("a prefix"));
    let changes = [
        set("10.0.0.0/8", "ALLOW"),
        set("11.0.0.0/8", "ALLOW"),
        set("2001:db8::/32", "BLOCK"),
        remove("11.0.0.0/8"),
        remove("12.0.0.0/8"),
    ];
    let open = acl.clone();
    acl.change(&changes).expect("room");
    let now: Vec<String> = open.entries().into_iter().map(AclEntry::to_json).collect();
    let expected = [
        r#"{"prefix":"10.0.0.0/8","action":"ALLOW"}"#,
        r#"{"prefix":"2001:db8::/32","action":"BLOCK"}"#,
    ];
    assert_eq!(now, expected);
    let ten: AclPrefix = "10.0.0.0/8".parse().expect("a prefix");
    assert_eq!(
        acl.get(&ten).map(|entry| entry.action),
        Some(AclAction::Allow)
    );
}

fn host(n: usize) -> AclEntry {
    let address = Ipv4Addr::from_bits(u32::try_from(n).expect("small"));
    AclEntry::parse(&format!("{address}/32"), "BLOCK").expect("valid")
}

#[test]
fn a_list_is_full_at_its_limit() {
    let acl = Acl::default();
    let most = limits::ACL_ENTRIES;
    assert!(acl.replace((0..=most).map(host)).is_err());
    assert!(acl.is_empty());
    acl.replace((0..most).map(host)).expect("at the limit");
    let one_more = AclChange::Set(host(most));
    assert!(acl.change(std::slice::from_ref(&one_more)).is_err());
    assert_eq!(acl.len(), most);
    let instead = [AclChange::Remove(host(0).prefix), one_more];
    acl.change(&instead).expect("one has gone");
    assert_eq!(acl.lookup(IpAddr::from([0, 0, 0, 0])), None);
}

proptest! {
    #[test]
    fn a_lookup_finds_what_a_search_of_all_entries_finds(
        entries in prop::collection::vec((0u32..64, 20u8..=32, any::<bool>()), 0..40),
        addresses in prop::collection::vec(0u32..64, 20),
    ) {
        let entries: Vec<AclEntry> = entries
            .into_iter()
            .map(|(bits, length, allow)| {
                let address = Ipv4Addr::from_bits(bits << 6);
                let action = if allow { "ALLOW" } else { "BLOCK" };
                AclEntry::parse(&format!("{address}/{length}"), action).expect("valid")
            })
            .collect();
        let acl = Acl::default();
        acl.replace(entries.iter().copied()).expect("room");
        for bits in addresses {
            let address = Ipv4Addr::from_bits(bits << 6);
            let inside = |entry: &&AclEntry| {
                let net: ipnet::IpNet = entry.prefix.to_string().parse().expect("a net");
                net.contains(&IpAddr::from(address))
            };
            // Of equal keys the last is the maximum.
            let expected = entries.iter().filter(inside).max_by_key(|entry| entry.prefix.parts().2);
            prop_assert_eq!(acl.lookup(address.into()), expected.copied());
        }
    }
}
