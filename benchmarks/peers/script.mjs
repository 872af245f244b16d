// The script in JavaScript: @slack/rtm-api and undici.
//
// node script.mjs API_URL SECRET URL…: prints "up" when Slack has said hello. NODE_MODULES: where the packages lie.

import { createHmac, randomUUID } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES + "/");
const { RTMClient, LogLevel } = require("@slack/rtm-api");
const { Pool } = require("undici");

const [apiUrl, secret, ...urls] = process.argv.slice(2);
const slackKey = secret;
const standardKey = Buffer.from(secret.replace("whsec_", ""), "base64");
const pool = new Pool(new URL(urls[0]).origin, { connections: 32 });
const rtm = new RTMClient("xoxb-1", { slackApiUrl: apiUrl + "/api/", logLevel: LogLevel.ERROR });

async function post(path, body) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const id = "msg_" + randomUUID();
  const slack = createHmac("sha256", slackKey).update(`v0:${timestamp}:${body}`).digest("hex");
  const standard = createHmac("sha256", standardKey).update(`${id}.${timestamp}.${body}`).digest("base64");
  const headers = {
    "content-type": "application/json",
    "x-slack-request-timestamp": timestamp,
    "x-slack-signature": `v0=${slack}`,
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${standard}`,
  };
  const answer = await pool.request({ method: "POST", path, headers, body });
  await answer.body.dump();
}

rtm.on("message", (event) => {
  const body = JSON.stringify({ type: "event_callback", event });
  for (const url of urls) post(new URL(url).pathname, body).catch(() => {});
});
rtm.on("ready", () => console.log("up"));
process.stdin.on("end", () => process.exit()).resume();
await rtm.start();
