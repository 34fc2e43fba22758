/// <reference types="@fastly/js-compute" />

// Sends the client's request on to the backend `origin` and answers with what came back:
// one header changed, one added, and the text of the body in capitals.

addEventListener("fetch", (event) => event.respondWith(handle(event)));

async function handle(event) {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (pathname === "/no-origin") {
    return new Response(`hello from JavaScript, ${event.client.address}`);
  }

  const answer = await fetch(request, { backend: "origin" });

  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  headers.set("x-origin-status", String(answer.status));
  headers.append("x-served-by", "js");
  const text = await answer.text();
  return new Response(text.toUpperCase(), { status: 200, headers });
}
