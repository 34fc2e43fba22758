/// <reference types="@fastly/js-compute" />
import { EdgeRateLimiter, PenaltyBox, RateCounter } from "fastly:edge-rate-limiter";

// `/check` counts a request of `client`, which may make one a second over ten seconds, and says
// whether it is blocked, then for 2 minutes; anything else says what is known of it.

addEventListener("fetch", (event) => event.respondWith(handle(event)));

function handle({ request }) {
  const counter = new RateCounter("requests");
  const penalties = new PenaltyBox("blocked");
  if (new URL(request.url).pathname === "/check") {
    const limiter = new EdgeRateLimiter(counter, penalties);
    return new Response(`blocked: ${limiter.checkRate("client", 1, 10, 1, 2)}\n`);
  }
  const rate = counter.lookupRate("client", 10);
  const count = counter.lookupCount("client", 60);
  return new Response(`rate: ${rate}\ncount: ${count}\nblocked: ${penalties.has("client")}\n`);
}
