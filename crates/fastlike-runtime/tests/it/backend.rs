//! What a guest can ask about its backends, and the backends it makes itself.

mod dynamic;
mod options;
mod records;

use std::time::Duration;

use fastlike_runtime::{BackendInfo, Health, HealthCheck, TcpKeepalive, TlsVersion, backend_fn};
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{Answer, Test, origin_at, script, soon};

async fn asked(info: BackendInfo) -> Answer {
    let backend = backend_fn(|_| async { Response::new(()) }).with_info(info);
    Test::guest("backend_getters")
        .backend("origin", backend)
        .get("/")
        .await
}

#[tokio::test]
async fn a_guest_is_told_how_its_backend_is_configured() {
    let mut info = BackendInfo::new("api.example", 8443, true);
    info.override_host = Some("www.example".to_owned());
    info.connect_timeout = Duration::from_millis(1500);
    info.first_byte_timeout = Duration::from_secs(20);
    info.between_bytes_timeout = Duration::from_secs(30);
    info.keepalive_time = Duration::from_secs(55);
    info.tls_min = Some(TlsVersion::Tls1_2);
    info.tls_max = Some(TlsVersion::Tls1_3);
    info.health = Health::Healthy;
    info.tcp_keepalive = Some(TcpKeepalive {
        time: Duration::from_secs(3),
        interval: Duration::from_secs(2),
        probes: 4,
    });
    let expected = "\
exists: true
healthy: Healthy
is_dynamic: false
host: \"api.example\"
host_override: Some(\"www.example\")
port: 8443
connect_timeout: 1.5s
first_byte_timeout: 20s
between_bytes_timeout: 30s
http_keepalive_time: 55s
tcp_keepalive_enable: true
tcp_keepalive_interval: 2s
tcp_keepalive_probes: 4
tcp_keepalive_time: 3s
is_ssl: true
ssl_min_version: Some(TLS1_2)
ssl_max_version: Some(TLS1_3)
";
    assert_eq!(asked(info).await.ok(), expected);
}

#[tokio::test]
async fn what_is_not_configured_is_absent() {
    let answer = asked(BackendInfo::new("localhost", 80, false)).await;
    assert_eq!(answer.line("healthy"), "Unknown");
    assert_eq!(answer.line("host_override"), "None");
    assert_eq!(answer.line("port"), "80");
    assert_eq!(answer.line("tcp_keepalive_enable"), "false");
    assert_eq!(answer.line("is_ssl"), "false");
    assert_eq!(answer.line("ssl_min_version"), "None");
}

#[tokio::test]
async fn an_unknown_backend_does_not_exist_and_has_nothing_to_tell() {
    let guest = script(
        "backend.exists 'nowhere' 8
        @8 == 0
        2: backend.is_healthy 'nowhere' 8
        2: backend.get_host 'nowhere' 64 10 8
        2: backend.get_port 'nowhere' 8
        backend.exists 'origin' 8
        @8 == 1
        4: backend.get_host 'origin' 0 0 8     ; as the SDK first asks
        @8 == 9
        10: backend.get_override_host 'origin' 64 10 8
        10: backend.get_ssl_min_version 'origin' 8",
    );
    let origin = backend_fn(|_| async { Response::new(()) });
    let test = Test::wat(guest).backend("origin", origin);
    assert_eq!(test.get("/").await.ok(), "");
}

#[tokio::test]
async fn a_configured_origin_is_probed_as_long_as_its_service_lives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let mut check = HealthCheck::new("health.example");
    (check.window, check.threshold, check.initial) = (1, 1, 1);
    let origin = origin_at(&url).health_check(check);
    let guest = Test::guest("backend_getters").backend("origin", origin.expect("valid"));
    let guest = guest.start().await;
    // The probe comes without anybody asking, and is bad.
    let (mut probe, _) = soon("a probe", listener.accept()).await.expect("a probe");
    assert_eq!(guest.get("/").await.line("healthy"), "Healthy");
    let mut head = [0; 1024];
    let read = probe.read(&mut head).await.expect("a head");
    assert!(head[..read].starts_with(b"GET / HTTP/1.1\r\nhost: health.example\r\n"));
    let bad = b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n";
    probe.write_all(bad).await.expect("a reader");
    // The connection is closed when the answer has been looked at.
    soon("the end of the probe", probe.read(&mut head))
        .await
        .ok();
    assert_eq!(guest.get("/").await.line("healthy"), "Unhealthy");
    drop(guest);
}
