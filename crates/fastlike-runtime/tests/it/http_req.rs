//! Requests: the client's, and those that a guest makes.

mod errors;
mod fanout;
mod forms;
mod inspect;
mod pending;
mod protocol;
mod pushpin;
mod tls;
mod websocket;

use std::io::Write;

use fastlike_runtime::{Body, BodyError, ConnInfo, Fastlike, Identity, backend_fn};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::harness::{
    Answer, ByHand, Logs, Test, answering, channel, client, frame, get, guest_file, origin_at,
    request, soon, text_of,
};

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(answer.ok()).expect("JSON")
}

#[tokio::test]
async fn a_guest_reads_all_of_its_clients_request() {
    let mut asked = request("POST", "/a/path?and=query", "the body");
    let headers = asked.headers_mut();
    for (name, value) in [
        ("x-many", "one"),
        ("accept", "text/plain"),
        ("x-many", "two"),
    ] {
        headers.append(name, value.parse().expect("a value"));
    }
    let answer = Test::guest("http_req_reading").send(asked).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let expected = json!({
        "method": "POST",
        "url": "http://www.example/a/path?and=query",
        "path": "/a/path",
        "query": "and=query",
        "version": "HTTP/1.1",
        "headers": {
            "host": ["www.example"],
            "x-many": ["one", "two"],
            "accept": ["text/plain"],
        },
        "original_header_names": ["host", "x-many", "x-many", "accept"],
        "body": "the body",
    });
    assert_eq!(json_of(&answer), expected);
}

#[tokio::test]
async fn a_guest_reads_methods_and_headers_of_any_size() {
    let mut asked = request("PROPFIND-OF-A-LONG-NAME", "/", "");
    let (long, count) = ("v".repeat(60_000), 200);
    for number in 0..count {
        let name: http::HeaderName = format!("x-header-{number}").parse().expect("a name");
        asked
            .headers_mut()
            .append(name, "value".parse().expect("a value"));
    }
    asked
        .headers_mut()
        .append("x-long", long.parse().expect("a value"));
    let seen = json_of(&Test::guest("http_req_reading").send(asked).await);
    assert_eq!(seen["method"], "PROPFIND-OF-A-LONG-NAME");
    assert_eq!(seen["headers"]["x-long"], json!([long]));
    assert_eq!(
        seen["headers"].as_object().map(|map| map.len()),
        Some(count + 2)
    );
}

#[tokio::test]
async fn a_clients_claim_to_be_secure_is_not_believed() {
    let mut asked = get("/");
    asked
        .headers_mut()
        .insert("fastly-ssl", "1".parse().expect("a value"));
    let seen = json_of(&Test::guest("http_req_reading").send(asked).await);
    assert_eq!(seen["url"], "http://www.example/");
    assert_eq!(seen["headers"].get("fastly-ssl"), None);
}

#[tokio::test]
async fn a_request_over_tls_is_secure() {
    let service = Test::guest("http_req_reading").start().await;
    let response = service
        .fastlike
        .handle(get("/"), &client().with_tls())
        .await;
    let seen = json_of(&Answer::of(response).await);
    assert_eq!(seen["url"], "https://www.example/");
    assert_eq!(seen["headers"]["fastly-ssl"], json!(["1"]));
}

#[tokio::test]
async fn what_counts_as_secure_can_be_chosen() {
    let behind_a_proxy = |request: &http::request::Parts, _: &ConnInfo| {
        request
            .headers
            .get("x-forwarded-proto")
            .is_some_and(|value| value == "https")
    };
    let test = Test::guest("http_req_reading").with(|b| b.secure_requests(behind_a_proxy));
    let service = test.start().await;
    assert_eq!(
        json_of(&service.get("/").await)["url"],
        "http://www.example/"
    );
    let mut asked = get("/");
    asked
        .headers_mut()
        .insert("x-forwarded-proto", "https".parse().expect("a value"));
    let seen = json_of(&service.send(asked).await);
    assert_eq!(seen["url"], "https://www.example/");
    assert_eq!(seen["headers"]["fastly-ssl"], json!(["1"]));
}

fn header<'a>(request: &'a Request<Body>, name: &str) -> Vec<&'a str> {
    let values = request.headers().get_all(name).iter();
    values.map(|value| value.to_str().expect("text")).collect()
}

/// What `http_req_send` expects of its origin.
async fn sends_expected(request: Request<Body>) -> Response<Body> {
    let response = Response::builder();
    let target = request
        .uri()
        .path_and_query()
        .map(|target| target.as_str().to_owned());
    match (request.method().as_str(), target.as_deref()) {
        ("GET", Some("/get?q=1")) => {
            assert_eq!(header(&request, "x-one"), ["1"]);
            assert_eq!(header(&request, "x-many"), ["first", "second"]);
            let response = response.header("x-origin", "a").header("x-origin", "b");
            response.body("got it".into())
        }
        ("POST", Some("/post")) => response.status(201).body(request.into_body()),
        other => panic!("{other:?}"),
    }
    .expect("a valid response")
}

#[tokio::test]
async fn a_guest_sends_requests_and_reads_their_answers() {
    let mut identity = Identity::default();
    identity.service_id = Some("my-service".to_owned());
    let origin = backend_fn(|request| {
        assert_eq!(header(&request, "host"), ["origin.example"]);
        assert_eq!(
            header(&request, "cdn-loop"),
            ["fastlike; id=\"my-service\"; pop=\"DEV\""]
        );
        sends_expected(request)
    });
    let test = Test::guest("http_req_send").with(|builder| builder.identity(identity));
    assert_eq!(
        test.backend("origin", origin).get("/").await.ok(),
        "both were answered"
    );
}

#[tokio::test]
async fn an_origin_behind_a_socket_serves_as_well() {
    let upstream = Test::guest("http_req_reading").start().await.serve().await;
    let origin = origin_at(&format!("http://{}", upstream.address));
    let service = Test::guest("proxy").backend("origin", origin).start().await;
    let posted = service.send(request("POST", "/here?q=1", "posted")).await;
    let seen = json_of(&posted);
    assert_eq!(
        (&seen["method"], &seen["path"], &seen["query"]),
        (&json!("POST"), &json!("/here"), &json!("q=1"))
    );
    assert_eq!(seen["body"], "posted");
    assert_eq!(seen["headers"]["host"], json!(["www.example"]));
    assert_eq!(seen["headers"]["content-length"], json!(["6"]));
    assert_eq!(seen["headers"].get("transfer-encoding"), None);
}

#[tokio::test]
async fn a_service_is_an_origin_of_another_one() {
    let upstream = Test::guest("http_req_reading").start().await.fastlike;
    let origin = fastlike_runtime::ServiceBackend::new(upstream);
    let service = Test::guest("proxy").backend("origin", origin).start().await;
    assert_eq!(json_of(&service.get("/inner").await)["path"], "/inner");
}

#[tokio::test]
async fn a_streamed_request_reaches_the_origin_while_it_is_made() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("http_req_send_async_streaming").backend("origin", backend);
    let service = test.start().await;
    let (sender, body) = channel();
    let answered = tokio::spawn(async move { service.send(request("POST", "/", body)).await });

    let mut asked = origin.asked().await;
    let body = asked.request.body_mut();
    let mut seen = String::new();
    while seen.len() < "chunk 1\nchunk 2\nchunk 3\n".len() {
        seen.push_str(&frame(body).await.expect("more").expect("data"));
    }
    assert_eq!(seen, "chunk 1\nchunk 2\nchunk 3\n");

    // The client has sent nothing yet.
    sender.send("from the ");
    assert_eq!(frame(body).await, Some(Ok("from the ".to_owned())));
    sender.send("client\n");
    assert_eq!(frame(body).await, Some(Ok("client\n".to_owned())));
    drop(sender);
    assert_eq!(frame(body).await, Some(Ok("last\n".to_owned())));
    assert_eq!(frame(body).await, None);
    asked.answer(Response::new("thank you"));
    assert_eq!(answered.await.expect("no panic").ok(), "thank you");
}

#[tokio::test]
async fn an_abandoned_request_is_seen_truncated_by_its_origin() {
    let (origin, backend) = ByHand::new();
    let test = Test::guest("http_req_send_abandoned").backend("origin", backend);
    let service = test.start().await;
    let answered = tokio::spawn(async move { service.get("/").await });
    let mut asked = origin.asked().await;
    let received = text_of(std::mem::take(asked.request.body_mut())).await;
    assert_eq!(received, Err(BodyError::Abandoned));
    drop(asked);
    let answer = answered.await.expect("no panic");
    assert!(answer.ok().starts_with("failed: "), "{}", answer.text());
}

#[tokio::test]
async fn over_a_socket_an_abandoned_request_has_no_end() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let receiving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut received = Vec::new();
        drop(soon("the end", stream.read_to_end(&mut received)).await);
        String::from_utf8(received).expect("text")
    });
    let origin = origin_at(&url);
    let answer = Test::guest("http_req_send_abandoned")
        .backend("origin", origin)
        .get("/")
        .await;
    assert!(answer.ok().starts_with("failed: "), "{}", answer.text());
    let received = receiving.await.expect("no panic");
    // The origin may have got nothing at all, which cannot be taken for an end.
    assert!(
        !received.contains("\r\n0\r\n"),
        "the last chunk was sent: {received}"
    );
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("in memory");
    encoder.finish().expect("in memory")
}

#[tokio::test]
async fn the_host_unpacks_gzip_only_where_the_guest_asks_for_it() {
    let text = "compressible ".repeat(10_000);
    let packed = gzip(&text);
    let length = packed.len().to_string();
    let origin = answering(move |_| {
        let response = Response::builder().header("content-encoding", "gzip");
        let response = response.header("content-length", packed.len());
        response.body(packed.clone()).expect("a valid response")
    });
    let test = Test::guest("http_req_decompress").backend("origin", origin);
    let answer = test.get("/").await;
    assert_eq!(answer.ok(), text);
    assert_eq!(answer.header("x-packed"), length);
}

#[tokio::test]
async fn a_guest_may_set_the_length_of_its_request() {
    let origin = answering(|request| {
        assert_eq!(header(&request, "content-length"), ["5"]);
        assert_eq!(header(&request, "transfer-encoding"), [""; 0]);
        Response::new(request.into_body())
    });
    let answer = Test::guest("http_req_framing")
        .backend("origin", origin)
        .get("/")
        .await;
    assert_eq!(answer.ok(), "sent");
}

#[tokio::test]
async fn an_unknown_backend_is_an_error_for_the_guest_and_one_warning_for_its_operator() {
    let logs = Logs::capture();
    let nothing = || answering(|_| Response::new(()));
    let test = Test::guest("http_req_unknown_backend").backend("api", nothing());
    let service = test.backend("images", nothing()).start().await;
    for _ in 0..2 {
        assert_eq!(service.get("/").await.ok(), "destination not found");
    }
    let warnings = logs.with("nowhere");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("WARN"), "{warnings:?}");
    assert!(
        warnings[0].contains("configured: api, images"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn one_backend_can_stand_for_all_names() {
    let names = std::sync::Arc::new(Mutex::new(Vec::new()));
    let asked = std::sync::Arc::clone(&names);
    let everything = move |name: &str| {
        asked.lock().push(name.to_owned());
        let name = name.to_owned();
        let backend = answering(move |_| Response::new(format!("in place of {name}")));
        Some(std::sync::Arc::new(backend) as std::sync::Arc<dyn fastlike_runtime::Backend>)
    };
    let test = Test::guest("proxy").with(|builder| builder.fallback_backend(everything));
    let service = test.start().await;
    for _ in 0..2 {
        assert_eq!(service.get("/").await.ok(), "in place of origin");
    }
    assert_eq!(*names.lock(), ["origin"]);
}

#[tokio::test]
async fn the_demo_of_the_readme_makes_a_page_and_fetches_one() {
    let origin = answering(|request| Response::new(format!("origin's {}", request.uri().path())));
    let service = Test::guest("demo").backend("origin", origin).start().await;
    let page = service.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for part in [
        "<h1>fast<b>like</b></h1>",
        "192.0.2.7",
        "Austin",
        "http://www.example/",
    ] {
        assert!(page.ok().contains(part), "{part}");
    }
    let fetched = service.get("/origin/deep").await;
    assert_eq!(fetched.ok(), "origin's /deep");
    assert_eq!(fetched.header("x-served-by"), "fastlike demo guest");
    assert_eq!(service.get("/other").await.status, StatusCode::NOT_FOUND);
    let refused = service.send(request("PUT", "/", "")).await;
    assert_eq!(
        (refused.status, refused.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}

#[tokio::test]
async fn a_request_without_a_connection_has_no_address() {
    let fastlike = Fastlike::builder(guest_file("http_req_reading").as_path());
    let fastlike = fastlike.build().await.expect("built");
    let asked = Request::get("/only/a/path")
        .body(Body::empty())
        .expect("a request");
    let response = fastlike.handle(asked, &ConnInfo::default()).await;
    let seen = json_of(&Answer::of(response).await);
    assert_eq!(seen["url"], "http://localhost/only/a/path");
}
