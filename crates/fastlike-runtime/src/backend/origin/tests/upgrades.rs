//! Requests that ask for another protocol on their connection.

use http::header::{CONNECTION, UPGRADE};
use hyper_util::rt::TokioIo;

use super::*;
use crate::backend::Upgraded;

fn upgrade() -> Request<Body> {
    let mut request = get("/");
    let headers = request.headers_mut();
    headers.insert(CONNECTION, "Upgrade".parse().expect("a value"));
    headers.insert(UPGRADE, "echo".parse().expect("a value"));
    request
}

async fn ask(origin: &Origin) -> Result<Response<Body>, SendError> {
    let cx = SendContext { upgrade: true };
    origin.send(upgrade(), cx).await
}

/// Says "ok" to what is no upgrade, else becomes an echo.
async fn echoing() -> Scripted {
    Scripted::start(|mut peer, _| async move {
        loop {
            let head = peer.head().await;
            if head.is_empty() {
                return;
            }
            if head.contains("\r\nupgrade: echo\r\n") && head.contains("\r\nconnection: upgrade") {
                break;
            }
            peer.say(OK).await;
        }
        peer.say(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhi",
        )
        .await;
        while let Ok(word) = peer.0.read_u8().await {
            peer.say(&char::from(word).to_string()).await;
        }
    })
    .await
}

#[tokio::test]
async fn an_upgrade_gives_the_connection_with_what_was_already_sent() {
    let server = echoing().await;
    let origin = server.origin();
    assert_eq!(fetch(&origin).await, "ok");
    let response = ask(&origin).await.expect("upgraded");
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()[UPGRADE], "echo");
    let upgraded = response.extensions().get::<Upgraded>().expect("upgraded");
    let connection = upgraded.take().expect("the first time");
    assert!(upgraded.take().is_none(), "it is there once");
    let mut stream = TokioIo::new(connection.await.expect("upgraded"));
    stream.write_all(b"!").await.expect("an echo");
    let mut read = [0; 3];
    stream.read_exact(&mut read).await.expect("an echo");
    assert_eq!(&read, b"hi!");
    assert_eq!(fetch(&origin).await, "ok");
    assert_eq!(server.accepted(), 2, "one idle connection and one upgraded");
}

#[tokio::test]
async fn an_origin_may_refuse_to_upgrade() {
    let server = Scripted::start(|mut peer, _| async move {
        while !peer.head().await.is_empty() {
            peer.say("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
                .await;
        }
    })
    .await;
    let response = ask(&server.origin()).await.expect("a response");
    assert_eq!(response.status(), 403);
    assert!(response.extensions().get::<Upgraded>().is_none());
    assert_eq!(text(response).await.as_deref(), Ok("no"));
}

#[tokio::test]
async fn without_being_asked_nothing_is_upgraded() {
    let server = echoing().await;
    let response = send(&server.origin(), upgrade()).await.expect("a response");
    assert_eq!(text(response).await.as_deref(), Ok("ok"));
}
