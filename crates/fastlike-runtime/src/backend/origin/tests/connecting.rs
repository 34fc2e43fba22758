//! From a name to a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::backend::{RemoteAddr, TcpKeepalive};

fn named(port: u16, addresses: Vec<SocketAddr>) -> Origin {
    let url = format!("http://origin.example:{port}");
    Origin::new(&url)
        .expect("a valid URL")
        .connect_timeout(PATIENCE)
        .resolve_with(move |_, _| std::future::ready(Ok(addresses.clone())))
}

#[tokio::test]
async fn a_refused_connection_is_told_with_its_address() {
    let (address, _closed) = closed_port();
    let origin = Origin::new(&format!("http://{address}")).expect("a valid URL");
    assert_eq!(fault(&origin).await, SendError::Refused(address));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_is_refused() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say(OK).await;
    })
    .await;
    let (refusing, _closed) = closed_port();
    let origin = named(80, vec![refusing, server.address]);
    let response = send(&origin, get("/")).await.expect("a response");
    let remote = response.extensions().get::<RemoteAddr>().copied();
    assert_eq!(remote, Some(RemoteAddr(server.address)));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_is_slow() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say(OK).await;
    })
    .await;
    // With its queue full, a listener answers nothing at all.
    let silent = tokio::net::TcpSocket::new_v4().expect("a socket");
    silent
        .bind("127.0.0.1:0".parse().expect("address"))
        .expect("a port");
    let silent = silent.listen(0).expect("listening");
    let address = silent.local_addr().expect("an address");
    let _fill = TcpStream::connect(address).await.expect("room for one");

    let origin = named(80, vec![address, server.address]);
    let response = send(&origin, get("/")).await.expect("a response");
    let remote = response.extensions().get::<RemoteAddr>().copied();
    assert_eq!(remote, Some(RemoteAddr(server.address)));

    let origin = named(80, vec![address]).connect_timeout(Duration::from_millis(20));
    let timeout = Duration::from_millis(20);
    assert_eq!(fault(&origin).await, SendError::ConnectTimeout(timeout));
}

#[tokio::test]
async fn a_refusal_is_told_rather_than_a_missing_route() {
    let (refusing, _closed) = closed_port();
    // There are no TCP connections to everybody.
    let broadcast: SocketAddr = "255.255.255.255:80".parse().expect("an address");
    let error = fault(&named(80, vec![broadcast])).await;
    assert!(matches!(error, SendError::Unroutable(_)), "{error:?}");
    let origin = named(80, vec![broadcast, refusing]);
    assert_eq!(fault(&origin).await, SendError::Refused(refusing));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_dns_fault() {
    let origin = Origin::new("http://origin.example")
        .expect("a valid URL")
        .resolve_with(|_, _| std::future::ready(Err(std::io::Error::other("no such host"))));
    let error = fault(&origin).await;
    assert!(
        matches!(&error, SendError::Dns { message, .. } if message == "origin.example: no such host"),
        "{error}"
    );
    let error = fault(&named(80, vec![])).await;
    assert!(error.to_string().contains("has no address"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_is_a_dns_timeout() {
    let origin = Origin::new("http://origin.example")
        .expect("a valid URL")
        .resolve_with(|_, _| std::future::pending());
    assert_eq!(fault(&origin).await, SendError::DnsTimeout);
}

#[tokio::test]
async fn the_resolver_is_asked_once_for_each_connection() {
    let server = Scripted::start(|mut peer, _| async move {
        while !peer.head().await.is_empty() {
            peer.say(OK).await;
        }
    })
    .await;
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, address) = (Arc::clone(&asked), server.address);
    let origin = Origin::new("http://origin.example:81")
        .expect("a valid URL")
        .resolve_with(move |host, port| {
            assert_eq!((host, port), ("origin.example", 81));
            count.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(vec![address]))
        });
    for _ in 0..3 {
        assert_eq!(fetch(&origin).await, "ok");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn localhost_is_resolved_by_the_system() {
    let server = Scripted::start(|mut peer, _| async move {
        peer.head().await;
        peer.say(OK).await;
    })
    .await;
    let url = format!("http://localhost:{}", server.address.port());
    let origin = Origin::new(&url)
        .expect("a valid URL")
        .tcp_keepalive(TcpKeepalive {
            time: Duration::from_secs(30),
            interval: Duration::from_secs(5),
            probes: 3,
        });
    assert_eq!(fetch(&origin).await, "ok");
}
