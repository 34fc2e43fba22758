// Does to the KV store `store` what the path says, with the key in the query and the request's
// body as the value.
/// <reference types="@fastly/js-compute" />
import { KVStore } from "fastly:kv-store";

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const url = new URL(request.url);
  const key = decodeURIComponent(url.search.slice(1));
  try {
    const store = new KVStore("store");
    switch (url.pathname) {
      case "/get": {
        const entry = await store.get(key);
        if (entry === null) {
          return new Response("absent");
        }
        const metadata = entry.metadataText() ?? "";
        return new Response(entry.body, { headers: { "x-metadata": metadata } });
      }
      case "/put": {
        const metadata = request.headers.get("x-metadata");
        const mode = request.headers.get("x-mode") ?? "overwrite";
        const options = { mode, ttl: 3600 };
        if (metadata !== null) {
          options.metadata = metadata;
        }
        await store.put(key, await request.text(), options);
        return new Response("ok");
      }
      case "/delete":
        await store.delete(key);
        return new Response("ok");
      case "/list": {
        const { list, cursor } = await store.list({ prefix: key, limit: 2 });
        return new Response(list.join(","), { headers: { "x-cursor": cursor ?? "none" } });
      }
      case "/together": {
        // The event loop waits for all of them with select.
        const keys = ["a", "b", "c", "d"];
        await Promise.all(keys.map((name) => store.put(key + name, name)));
        const entries = await Promise.all(keys.map((name) => store.get(key + name)));
        const texts = await Promise.all(entries.map((entry) => entry.text()));
        return new Response(texts.join(""));
      }
      default:
        return new Response("what?", { status: 404 });
    }
  } catch (error) {
    return new Response(`${error.name}: ${error.message}`, { status: 500 });
  }
}
