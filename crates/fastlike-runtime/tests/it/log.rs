//! Log endpoints.

use http::StatusCode;

use fastlike_runtime::{LogEndpoint, LogFormat, LogTarget};

use crate::harness::{Logs, Test, client, closed_port, get, guest_file, request, script};

#[tokio::test]
async fn each_write_is_one_message_as_the_guest_wrote_it() {
    let service = Test::guest("log_endpoint").start().await;
    assert_eq!(
        service.send(request("PUT", "/here", "")).await.ok(),
        "logged"
    );
    let logged = service.seen.logged();
    let expected: [(&str, &[u8]); 3] = [
        ("events", b"PUT /here"),
        ("events", b"two\nlines"),
        ("other", b"not UTF-8: \xff\xfe"),
    ];
    let expected: Vec<(String, Vec<u8>)> = expected
        .map(|(name, line)| (name.to_owned(), line.to_vec()))
        .to_vec();
    assert_eq!(logged, expected);
}

#[tokio::test]
async fn a_panic_goes_to_the_endpoint_that_the_guest_chose() {
    let service = Test::guest("log_endpoint").start().await;
    assert_eq!(
        service.get("/panic").await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let (endpoint, line) = service.seen.logged().pop().expect("the panic");
    let line = String::from_utf8_lossy(&line);
    assert_eq!(endpoint, "panics");
    assert!(line.contains("asked for a panic"), "{line}");
}

#[tokio::test]
async fn without_a_sink_messages_go_to_the_runtimes_own_log() {
    let logs = Logs::capture();
    let service = fastlike_runtime::Fastlike::builder(guest_file("log_endpoint").as_path())
        .build()
        .await
        .expect("built");
    assert_eq!(
        service.handle(get("/here"), &client()).await.status(),
        StatusCode::OK
    );
    assert_eq!(
        logs.with("GET /here"),
        ["INFO GET /here endpoint=\"events\""]
    );
}

#[tokio::test]
async fn names_are_bounded_and_handles_checked() {
    let guest = script(
        "13: log.endpoint_get 0 256 8
        log.endpoint_get 32 255 8
        2: log.endpoint_get 'StdOut' 8
        3: log.write 99 'lost' 16
        log.write *8 '' 16",
    );
    assert_eq!(Test::wat(guest).get("/").await.ok(), "");
}

#[tokio::test]
async fn a_message_ends_where_its_line_does_and_an_empty_one_is_none() {
    let guest = script(
        "log.endpoint_get 'e' 8
        log.write *8 '' 16
        @16 == 0
        log.write *8 'lnlf' 16
        @16 == 4",
    );
    let service = Test::wat(guest.replace("lnlf", "aa\\0a\\0a")).start().await;
    assert_eq!(service.get("/").await.ok(), "");
    assert_eq!(service.seen.logged(), [("e".to_owned(), b"aa\n".to_vec())]);
}

#[tokio::test]
async fn endpoints_have_targets_of_their_own_which_a_server_that_ends_waits_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.log");
    let file = LogEndpoint::new(LogTarget::File(path.clone())).format(LogFormat::Json);
    let service = Test::guest("log_endpoint")
        .with(|builder| {
            builder
                .log_endpoint("events", file)
                .log_endpoint("other", LogEndpoint::new(LogTarget::Stderr))
        })
        .start()
        .await;
    let server = service.serve().await;
    let answer = server
        .exchange("GET /here HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.stop().await;
    let lines = std::fs::read_to_string(&path).expect("a file");
    let messages: Vec<String> = lines
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            line["message"].as_str().expect("text").to_owned()
        })
        .collect();
    assert_eq!(messages, ["GET /here", "two\nlines"]);
    let stderr = service.seen.stderr_lines();
    assert!(
        stderr
            .iter()
            .any(|line| line.starts_with("other :: not UTF-8")),
        "{stderr:?}"
    );
    assert_eq!(service.seen.logged(), []);
    let reports = service.fastlike.log_reports();
    assert_eq!(
        (reports.len(), reports[0].delivered, reports[0].waiting),
        (1, 2, 0)
    );
}

#[tokio::test]
async fn a_log_file_that_cannot_be_opened_prevents_the_start() {
    let file = LogEndpoint::new(LogTarget::File("/no/such/folder/x.log".into()));
    let built = Test::guest("log_endpoint")
        .with(|builder| builder.log_endpoint("events", file))
        .build()
        .await;
    let error = built.expect_err("no folder").to_string();
    assert!(
        error.starts_with("log endpoint \"events\": the log file /no/such"),
        "{error}"
    );
}

#[tokio::test]
async fn a_target_that_is_gone_delays_no_guest_and_the_loss_is_said_once() {
    let (address, _closed) = closed_port();
    let address = address.to_string();
    let logs = Logs::capture();
    let mut endpoint = LogEndpoint::new(LogTarget::Tcp(address.clone()));
    endpoint.queue_lines = 1;
    let service = Test::guest("log_endpoint")
        .with(|builder| builder.log_endpoint("events", endpoint))
        .start()
        .await;
    // Two lines each.
    for _ in 0..5 {
        assert_eq!(service.get("/").await.ok(), "logged");
    }
    let report = service.fastlike.log_reports().remove(0);
    assert_eq!(report.target, format!("tcp {address}"));
    assert!(report.lost >= 7 && report.delivered == 0, "{report:?}");
    assert_eq!(report.lost + report.waiting, 10, "{report:?}");
    let said = logs.with("were lost");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("WARN log endpoint \"events\": 1 lines for tcp"),
        "{said:?}"
    );
}
