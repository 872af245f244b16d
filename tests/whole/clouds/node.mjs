// Lambda, SQS, Vercel, Workers, Queues and D1, as far as the pages' JavaScript sees them: a server that runs their
// functions. See python.py, which has the same manners.
//
//     node node.mjs FOLDER

import { AsyncLocalStorage } from "node:async_hooks";
import { webcrypto } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

globalThis.crypto ??= webcrypto; // Node 18 has it, but under this name alone
const pages = process.argv[2];
const require = createRequire(join(pages, "aws-lambda", "x.js"));
const tell = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

const taken = new Set();
let full = false;

function takes(name) {
  if (full) throw new Error("The queue is not there.");
  return !taken.has(name) && !!taken.add(name);
}

// What stands in node_modules asks this for SQS and for what runs after the answer.
globalThis.clouds = {
  async sendMessage({ QueueUrl, MessageBody, MessageDeduplicationId }) {
    if (takes(MessageDeduplicationId)) tell({ place: QueueUrl, worked: JSON.parse(MessageBody).event_id });
  },
  waitUntil: (promise) => promise.catch((error) => tell({ failed: String(error) })),
};

const slack = process.env.SLACK_API_URL;
const far = globalThis.fetch;
globalThis.fetch = (url, ...rest) => far(String(url).replace("https://slack.com/api/", slack), ...rest); // Slack's name leads to ours

const rows = new Set();
const env = {
  RELAY_SECRET: process.env.RELAY_SECRET,
  QUEUE: {
    async send(body) {
      if (full) throw new Error("The queue is not there.");
      const message = { body, ack() {} };
      await worker.queue({ messages: [message] }, env);
    },
  },
  DB: {
    prepare: (sql) => ({
      bind: (id) => ({
        first: async () => (sql.startsWith("SELECT") && rows.has(id) ? { id } : null),
        run: async () => sql.startsWith("INSERT") && rows.add(id),
      }),
    }),
  },
};

const bolt = require("./bolt_app.js");
const { default: worker } = await import(join(pages, "cloudflare-workers", "worker.js"));
const vercel = await import(join(pages, "vercel", "route.js"));
const lambdas = { "receive.js": require("./receive.js").receive, "bolt_app.js": bolt.receive };

// The payload format 2.0 (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html).
const functionUrl = ({ method, url, headers }, bytes, isBase64Encoded) => ({
  version: "2.0",
  routeKey: "$default",
  rawPath: url,
  rawQueryString: "",
  headers,
  requestContext: { accountId: "anonymous", apiId: "url", http: { method, path: url, protocol: "HTTP/1.1" } },
  body: bytes.toString(isBase64Encoded ? "base64" : "utf8"),
  isBase64Encoded,
});

async function answer(asked, bytes) {
  const [, place, rest] = asked.url.split("/");
  const { method, headers } = asked;
  const web = () => new Request(`http://${headers.host}${asked.url}`, { method, headers, body: bytes });
  switch (place) {
    case "queue":
      full = rest === "full";
      return new Response(null);
    case "vercel":
      return await vercel.POST(web());
    case "worker":
      return await worker.fetch(web(), env);
  }
  process.env.QUEUE_URL = rest ? `${place}/${rest}` : place;
  const said = await lambdas[place](functionUrl(asked, bytes, rest === "base64"), {});
  return new Response(said.body || null, { status: said.statusCode, headers: said.headers });
}

// Where a page works without a queue of ours, its own line says what it did.
const at = new AsyncLocalStorage();
console.log = (event) => tell({ place: at.getStore(), worked: event });

const server = createServer(async (asked, to) => {
  const chunks = [];
  for await (const chunk of asked) chunks.push(chunk);
  let said;
  try {
    said = await at.run(asked.url.split("/")[1], answer, asked, Buffer.concat(chunks));
  } catch (error) {
    said = new Response(String(error), { status: 500 }); // each of the platforms does that
  }
  to.writeHead(said.status).end(Buffer.from(await said.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
