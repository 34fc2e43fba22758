//! What guests can grow of secrets.

use fastlike_abi::fastly_device_detection::FastlyDeviceDetection as _;
use fastlike_abi::fastly_secret_store::FastlySecretStore;

use super::*;

#[test]
fn a_secret_of_the_guests_own_has_a_limit() {
    let made = at_and_past(limits::SECRET, |s, m, n| status(s.from_bytes(m, bytes(n))));
    assert_eq!(made, [Fine, Inval]);
}

#[test]
fn the_secrets_that_one_run_makes_have_a_limit_together() {
    let (mut sandbox, mut raw) = (sandbox(), memory(limits::SECRET));
    let mut memory = GuestMemory::Unshared(&mut raw);
    for _ in 0..limits::SECRET_BYTES / limits::SECRET {
        let made = sandbox.from_bytes(&mut memory, bytes(limits::SECRET));
        assert_eq!(status(made), Fine);
    }
    assert!(sandbox.session.is_worn());
    assert_eq!(
        status(sandbox.from_bytes(&mut memory, bytes(1))),
        Limitexceeded
    );
    assert_eq!(status(sandbox.from_bytes(&mut memory, bytes(0))), Fine);
}

#[test]
fn names_of_secrets_have_a_limit() {
    let opened = at_and_past(limits::SECRET_NAME, |s, m, n| {
        status(FastlySecretStore::open(s, m, text(n)))
    });
    // There is none of either name.
    assert_eq!(opened, [Absent, Inval]);
}

#[test]
fn a_user_agent_that_is_looked_up_has_a_limit() {
    let looked_up = at_and_past(limits::USER_AGENT, |s, m, n| {
        status(s.lookup(m, text(n), result(0), 1024, result(0)))
    });
    assert_eq!(looked_up, [Fine, Inval]);
}
