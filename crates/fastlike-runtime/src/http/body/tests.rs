use super::*;
use http::HeaderValue;
use http_body_util::BodyExt;

async fn text(body: Body) -> String {
    let bytes = body.collect().await.expect("a whole body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn parts_are_read_in_the_order_they_were_put() {
    let budget = Budget::new(1_000);
    let mut body = Body::from("middle ");
    body.write_front(b"front ", &budget).expect("room");
    body.write_back(b"back", &budget).expect("room");
    body.append(Body::from(" appended"));
    assert_eq!(body.known_length(), Some(26));
    assert_eq!(text(body).await, "front middle back appended");
}

#[tokio::test]
async fn a_read_gives_at_most_what_was_asked_for_and_keeps_the_rest() {
    let mut body = Body::from("abcdef");
    assert_eq!(body.read(4).await, Some(Ok(Bytes::from("abcd"))));
    assert_eq!(body.read(4).await, Some(Ok(Bytes::from("ef"))));
    assert!(body.trailers().is_none());
    assert_eq!(body.read(4).await, None);
    assert!(body.trailers().is_some());
}

#[tokio::test]
async fn many_small_writes_share_buffers() {
    let budget = Budget::new(1 << 20);
    let mut body = Body::empty();
    for _ in 0..10_000 {
        body.write_back(b"x", &budget).expect("room");
    }
    assert!(body.parts.len() < 5, "{} parts", body.parts.len());
    assert_eq!(text(body).await.len(), 10_000);
}

#[test]
fn the_budget_is_refused_one_past_the_limit_and_given_back_on_drop() {
    let budget = Budget::new(10);
    let mut body = Body::empty();
    body.write_back(&[0; 10], &budget).expect("at the limit");
    assert_eq!(
        body.write_back(&[0], &budget),
        Err(OverBudget { limit: 10 })
    );
    drop(body);
    Body::empty()
        .write_back(&[0; 10], &budget)
        .expect("all of it is free again");
}

#[test]
fn each_write_to_the_front_is_charged_as_a_part_of_its_own() {
    let budget = Budget::new(10 * (PART as u64 + 1));
    let mut body = Body::empty();
    for _ in 0..10 {
        body.write_front(b"x", &budget).expect("up to the limit");
    }
    assert!(body.write_front(b"x", &budget).is_err());
}

#[tokio::test]
async fn a_body_that_is_wrapped_again_and_again_stays_as_it_is() {
    let (mut writer, mut body) = crate::http::channel(Body::empty());
    for _ in 0..100_000 {
        body = Body::wrap(body);
    }
    writer.write(b"data").await.expect("delivered");
    writer.finish();
    assert_eq!(text(body).await, "data");
}

fn with_trailers(names: &[&'static str]) -> Body {
    let mut body = Body::from("data");
    for name in names {
        let value = HeaderValue::from_static("1");
        body.trailers_mut().append(*name, value);
    }
    body
}

async fn sent(mut body: Body, takes: Takes, headers: &mut HeaderMap) -> Vec<String> {
    body.announce_trailers(takes, headers, &HeaderMap::new());
    let trailers = body.collect().await.expect("whole").trailers().cloned();
    let trailers = trailers.unwrap_or_default();
    trailers.keys().map(|name| name.to_string()).collect()
}

#[tokio::test]
async fn a_peer_gets_the_trailers_that_it_takes() {
    let mut headers = HeaderMap::new();
    headers.insert("trailer", HeaderValue::from_static("x-a, x-b"));
    // What is known when the head is sent is announced.
    let names = ["x-a", "x-c", "x-c"];
    let got = sent(with_trailers(&names), Takes::Announced, &mut headers).await;
    assert_eq!(got, ["x-a", "x-c"]);
    let announced: Vec<_> = headers.get_all("trailer").iter().collect();
    assert_eq!(announced, ["x-a, x-b", "x-c"]);
    // What comes later must have been.
    let (mut writer, body) = crate::http::channel(Body::empty());
    for name in ["x-b", "x-d"] {
        let value = HeaderValue::from_static("1");
        writer.trailers_mut().insert(name, value);
    }
    writer.finish();
    assert_eq!(sent(body, Takes::Announced, &mut headers).await, ["x-b"]);
    let mut headers = HeaderMap::new();
    assert!(
        sent(with_trailers(&["x-a"]), Takes::Nothing, &mut headers)
            .await
            .is_empty()
    );
    assert!(headers.is_empty());
    let all = sent(with_trailers(&["x-a"]), Takes::Everything, &mut headers).await;
    assert_eq!(all, ["x-a"]);
    headers.insert("content-length", HeaderValue::from_static("4"));
    assert!(
        sent(with_trailers(&["x-a"]), Takes::Announced, &mut headers)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn trailers_of_an_appended_body_move_along() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "1".parse().expect("value"));
    let mut source = Body::from("data");
    *source.trailers_mut() = trailers.clone();
    let mut body = Body::empty();
    body.append(source);
    assert_eq!(
        body.size_hint().exact(),
        None,
        "trailers need chunked framing"
    );
    let collected = body.collect().await.expect("whole");
    assert_eq!(collected.trailers(), Some(&trailers));
}
