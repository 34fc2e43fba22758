//! How users test their own programs: as an ordinary tower service, with an
//! origin in the same process.

use std::sync::Arc;

use bytes::Bytes;
use fastlike_runtime::{Fastlike, ServiceBackend, backend_fn};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tower_service::Service;

use crate::harness::{guest_file, soon};

#[tokio::test]
async fn a_program_is_tested_like_any_service() -> Result<(), Box<dyn std::error::Error>> {
    // What the program logs, and an origin that is a closure.
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let mut my_program = Fastlike::builder(guest_file("proxy").as_path())
        .backend(
            "origin",
            backend_fn(|request| async move {
                Response::new(format!("you asked for {}", request.uri().path()))
            }),
        )
        .log_sink(move |endpoint: &str, line: &[u8]| {
            sink.lock().push((endpoint.to_owned(), line.to_vec()))
        })
        .build()
        .await?;

    let request = Request::get("http://www.example/page").body(Full::<Bytes>::default())?;
    let response = my_program.call(request).await?;

    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await?.to_bytes();
    assert_eq!(body, "you asked for /page");
    assert!(lines.lock().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_program_is_the_backend_of_another_program() -> Result<(), Box<dyn std::error::Error>> {
    let inner = Fastlike::builder(guest_file("hello").as_path())
        .build()
        .await?;
    let mut outer = Fastlike::builder(guest_file("proxy").as_path())
        .backend("origin", ServiceBackend::new(inner))
        .build()
        .await?;
    let request = Request::get("http://www.example/").body(Full::<Bytes>::default())?;
    let body = outer
        .call(request)
        .await?
        .into_body()
        .collect()
        .await?
        .to_bytes();
    assert_eq!(body, "hello");
    Ok(())
}

#[tokio::test]
async fn a_program_is_a_hyper_service() -> Result<(), Box<dyn std::error::Error>> {
    let program = Fastlike::builder(guest_file("hello").as_path())
        .build()
        .await?;
    let (client, server) = tokio::io::duplex(1024);
    tokio::spawn(async move {
        let connection = hyper::server::conn::http1::Builder::new();
        connection
            .serve_connection(TokioIo::new(server), program)
            .await
    });
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(client)).await?;
    tokio::spawn(connection);
    let request = Request::get("/")
        .header("host", "www.example")
        .body(Full::<Bytes>::default())?;
    let response = soon("a response", sender.send_request(request)).await?;
    assert_eq!(response.into_body().collect().await?.to_bytes(), "hello");
    Ok(())
}

#[tokio::test]
async fn a_hyper_service_is_a_backend() -> Result<(), Box<dyn std::error::Error>> {
    let service = service_fn(|request: Request<fastlike_runtime::Body>| async move {
        Ok::<_, std::convert::Infallible>(Response::new(format!(
            "hyper at {}",
            request.uri().path()
        )))
    });
    let origin = backend_fn(move |request| hyper::service::Service::call(&service, request));
    let mut program = Fastlike::builder(guest_file("proxy").as_path())
        .backend("origin", origin)
        .build()
        .await?;
    let request = Request::get("http://www.example/x").body(Full::<Bytes>::default())?;
    let body = program
        .call(request)
        .await?
        .into_body()
        .collect()
        .await?
        .to_bytes();
    assert_eq!(body, "hyper at /x");
    Ok(())
}
