/// <reference types="@fastly/js-compute" />

// Answers with what a program in JavaScript finds in its stores, as JSON.

import { Acl } from "fastly:acl";
import { ConfigStore } from "fastly:config-store";
import { Device } from "fastly:device";
import { SecretStore } from "fastly:secret-store";

addEventListener("fetch", (event) => event.respondWith(handle(event)));

async function handle(event) {
  const { request, client } = event;
  const settings = new ConfigStore("settings");
  const keys = new SecretStore("keys");
  const password = await keys.get("password");
  const clients = Acl.open("clients");
  const device = Device.lookup(request.headers.get("user-agent"));
  const made = SecretStore.fromBytes(new TextEncoder().encode("mine"));
  return Response.json({
    greeting: settings.get("greeting"),
    missing: settings.get("missing"),
    password: password.plaintext(),
    bytes: password.rawBytes().length,
    made: made.plaintext(),
    no_secret: await keys.get("other"),
    client: await clients.lookup(client.address),
    stranger: await clients.lookup("203.0.113.1"),
    device: device && {
      name: device.name,
      brand: device.brand,
      model: device.model,
      hardwareType: device.hardwareType,
      isMobile: device.isMobile,
      isTablet: device.isTablet,
      isDesktop: device.isDesktop,
      isTouchscreen: device.isTouchscreen,
      isBot: device.isBot,
    },
    nobody: Device.lookup("no browser"),
    no_store: refusal(() => new SecretStore("nowhere")),
    no_acl: refusal(() => Acl.open("nowhere")),
  });
}

function refusal(open) {
  try {
    open();
    return "opened";
  } catch (error) {
    return error.constructor.name;
  }
}
