//! Several programs on one store.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_compare_generations_lose_no_update() {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 20;
    let test = Test::guest("kv_store_counter");
    let none: [(&str, &str); 0] = [];
    let service = test
        .with(|builder| builder.kv_store("counters", none))
        .start()
        .await;
    let client = |service: Running| async move {
        let mut counts = Vec::new();
        for _ in 0..REQUESTS {
            counts.push(
                service
                    .get("/")
                    .await
                    .ok()
                    .parse::<usize>()
                    .expect("a count"),
            );
        }
        counts
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(client(service.clone())))
        .collect();
    let mut counts = Vec::new();
    for client in clients {
        counts.extend(client.await.expect("it ends"));
    }
    counts.sort_unstable();
    let wanted: Vec<_> = (1..=CLIENTS * REQUESTS).collect();
    assert_eq!(counts, wanted, "every count was given out once");
}

#[tokio::test]
async fn a_javascript_program_uses_its_store() {
    let Some(test) = Test::guest_if_built("js_kv_store") else {
        return;
    };
    let service = test
        .with(|builder| builder.kv_store("store", STORE))
        .start()
        .await;
    let send = async |method: &str, target: &str, body: &str, options: &[(&str, &str)]| {
        let mut request = request(method, target, body.to_owned());
        with(&mut request, options);
        service.send(request).await
    };
    assert_eq!(service.get("/get?greeting").await.ok(), "hello");
    assert_eq!(service.get("/get?nothing").await.ok(), "absent");
    let options = [("metadata", "about it")];
    assert_eq!(send("POST", "/put?key", "value", &options).await.ok(), "ok");
    let found = service.get("/get?key").await;
    assert_eq!(found.ok(), "value");
    assert_eq!(found.header("x-metadata"), "about it");
    let options = [("mode", "append")];
    assert_eq!(send("POST", "/put?key", "!", &options).await.ok(), "ok");
    assert_eq!(service.get("/get?key").await.ok(), "value!");
    let added = send("POST", "/put?key", "", &[("mode", "add")]).await;
    assert_eq!(added.status, 500, "{}", added.text());

    assert_eq!(service.get("/together?to/").await.ok(), "abcd");
    let page = service.get("/list?to/").await;
    assert_eq!(
        (page.ok(), page.header("x-cursor")),
        ("to/a,to/b", "dG8vYg==")
    );
    assert_eq!(service.get("/delete?key").await.ok(), "ok");
    assert_eq!(service.get("/get?key").await.ok(), "absent");
}
