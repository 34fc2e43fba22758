/// <reference types="@fastly/js-compute" />

// Writes to a log endpoint and to the console, purges a surrogate key, and answers with what the
// platform tells of this run, as JSON.

import { purgeSurrogateKey, vCpuTime } from "fastly:compute";
import { env } from "fastly:env";
import { Logger, configureConsole } from "fastly:logger";

configureConsole({ prefixing: false, stderr: true });

addEventListener("fetch", (event) => event.respondWith(handle(event)));

async function handle({ request }) {
  const events = new Logger("events");
  events.log(`${request.method} ${new URL(request.url).pathname}`);
  events.log("two\nlines, ünd more");
  console.log("a note");
  console.error("a complaint");
  purgeSurrogateKey("news");
  purgeSurrogateKey("news", true);
  return Response.json({
    host: env("FASTLY_HOSTNAME"),
    unknown: env("NO_SUCH_VARIABLE"),
    computed: vCpuTime() > 0,
    reserved: refusal(() => new Logger("stdout").log("x")),
  });
}

function refusal(act) {
  try {
    act();
    return "done";
  } catch (error) {
    return error.constructor.name;
  }
}
