// Overview: does everything work, how much goes through, how quickly, and what wants a look.

import { get } from "../api.js";
import { chart, legend } from "../chart.js";
import { h } from "../dom.js";
import { ago, brief, count, milliseconds, percent, seconds, some } from "../format.js";
import { empty, status } from "../ui.js";
import { connectionKind } from "../words.js";
import { pulsesOf, webhookTable } from "../webhook_rows.js";

export default () => ({
  title: "Overview",
  every: 5000,
  load: async () => {
    const [ready, stats, minutes, connections, webhooks] = await Promise.all([
      get("/readyz"),
      get("/v1/stats?limit=100"),
      get("/v1/stats/minutes"),
      get("/v1/connections?limit=20"),
      get("/v1/webhooks?limit=100"),
    ]);
    const troubled = await wantALook(webhooks.data, stats.webhooks);
    return { ready, stats, minutes, connections: connections.data, hasWebhooks: webhooks.data.length > 0, troubled };
  },
  view,
});

/** Webhooks that are disabled by themselves, fail now, or have given something up. */
async function wantALook(webhooks, ledgers) {
  const pulses = await pulsesOf(webhooks.map((one) => one.id));
  const rows = webhooks.map((webhook) => ({ webhook, ledger: ledgers[webhook.id], pulse: pulses[webhook.id] }));
  const isTroubled = ({ webhook, ledger, pulse }) =>
    (webhook.status === "disabled" && webhook.disabled_reason !== "manual") ||
    (ledger?.dead ?? 0) > (ledger?.cancelled ?? 0) ||
    pulse.slice(-5).some((minute) => minute.failed > 0);
  return rows.filter(isTroubled).slice(0, 6);
}

function view({ ready, stats, minutes, connections, hasWebhooks, troubled }) {
  return [
    h("div", { class: "head" }, h("div", null, h("h1", null, "Overview"), health(ready))),
    steps(connections, hasWebhooks),
    tiles(stats, minutes),
    charts(minutes.data),
    ledger(stats),
    connectionList(connections),
    troubled.length > 0 &&
      h(
        "section",
        null,
        h("header", null, h("h2", null, "Wants a look")),
        h("div", { class: "card list" }, webhookTable(troubled)),
      ),
  ].filter(Boolean);
}

function health({ ready, checks }) {
  const wrong = checks.filter((check) => !check.ok);
  if (ready) return h("p", { class: "quiet" }, status("Everything works", "good"));
  return h(
    "ul",
    { class: "quiet" },
    wrong.map((check) => h("li", null, status(`${check.name}: ${check.why ?? "not well"}`, "bad"))),
  );
}

function steps(connections, hasWebhooks) {
  if (connections.length && hasWebhooks) return null;
  const step = (done, text, href) =>
    h("li", { class: done ? "done" : "" }, done ? h("s", null, text) : h("a", { href }, text));
  return h(
    "section",
    { class: "card pad steps" },
    h("h2", null, "Two steps to the first callback"),
    h(
      "ol",
      null,
      step(connections.length > 0, "Connect to Slack with a bot or app token", "/connections"),
      step(hasWebhooks, "Add a webhook: a URL, and the events that it wants", "/webhooks"),
    ),
  );
}

function tiles(stats, { hour, data }) {
  const last = isFirstMinute(data) ? data.at(-1) : data.at(-2);
  const attempts = hour.delivered + hour.failed;
  return h(
    "section",
    { class: "tiles" },
    tile("Events in", brief(hour.events), `${count(last.events)} in the last minute`),
    tile("Callbacks out", brief(hour.delivered), `${count(last.delivered)} in the last minute`),
    tile("Success", percent(attempts ? hour.delivered / attempts : null), some(hour.failed, "failed attempt")),
    tile("Latency, median", milliseconds(hour.p50_ms), `95 of 100 within ${milliseconds(hour.p95_ms)}`),
    tile("Backlog", brief(stats.outstanding), `${count(stats.held)} held, ${count(stats.dead)} dead`),
  );
}

function tile(name, value, more) {
  return h("div", { class: "card tile" }, h("p", { class: "name" }, name), h("b", { class: "number" }, value), h("p", { class: "faint number" }, more));
}

const isFirstMinute = (all) => all.slice(0, -1).every((minute) => minute.events + minute.delivered === 0);

/** The running minute is left out, unless it is the first: a line that falls at its end looks like trouble. */
function charts(all) {
  const minutes = isFirstMinute(all) ? all.slice(1) : all.slice(0, -1);
  const at = minutes.map((minute) => minute.at);
  const flow = [
    { name: "Events in", kind: "one", filled: true, values: minutes.map((minute) => minute.events) },
    { name: "Callbacks out", kind: "two", values: minutes.map((minute) => minute.delivered) },
    { name: "Failed attempts", kind: "three", values: minutes.map((minute) => minute.failed) },
  ];
  const latency = [
    { name: "p95", kind: "one", filled: true, values: minutes.map((minute) => minute.p95_ms) },
    { name: "p50", kind: "two", values: minutes.map((minute) => minute.p50_ms) },
  ];
  return h(
    "div",
    { class: "charts" },
    panel("Per minute, the last hour", flow, at, brief, "flow"),
    panel("From Slack to your endpoint", latency, at, milliseconds, "latency"),
  );
}

function panel(title, lines, at, say, key) {
  const said = lines.map((line) => `${line.name}: ${say(line.values.at(-1) ?? 0)}`).join(", ");
  return h(
    "section",
    { class: "card pad" },
    h("header", null, h("h2", null, title), legend(lines)),
    chart(lines, at, say, { key, label: `${title}. The last minute: ${said}.` }),
  );
}

function connectionList(connections) {
  const rows = connections.map((one) =>
    h(
      "li",
      null,
      h("div", null, h("b", null, one.name || one.id), h("span", { class: "faint" }, connectionKind(one.kind))),
      h("div", { class: "right" }, connectionStatus(one), h("span", { class: "faint" }, "since ", ago(one.since))),
      one.explanation && one.status !== "connected" ? h("p", { class: "quiet" }, one.explanation) : null,
    ),
  );
  return h(
    "section",
    { class: "card" },
    h("header", { class: "pad" }, h("h2", null, "Connections"), h("a", { class: "faint", href: "/connections" }, "All")),
    rows.length
      ? h("ul", { class: "rows" }, rows)
      : empty("connections", "No connection yet", "Slack's events come in here once a token is set.", h("a", { class: "button primary", href: "/connections" }, "Connect to Slack")),
  );
}

export function connectionStatus({ status: word, offline_seconds: offline }) {
  const kind = { connected: "good", connecting: "wait", reconnecting: "wait", failed: "bad", stopped: "" }[word];
  const title = offline ? `${seconds(offline)} offline in all` : null;
  return h("span", { class: `status ${kind}`, title }, word[0].toUpperCase() + word.slice(1));
}

const COLUMNS = [
  ["delivered", "Delivered", "good"],
  ["outstanding", "Outstanding", "one"],
  ["held", "Held", "wait"],
  ["dead", "Dead", "bad"],
  ["filtered", "Filtered", "idle"],
];

function ledger(stats) {
  const whole = Math.max(1, stats.received);
  const parts = COLUMNS.filter(([name]) => stats[name] > 0).map(([name, , kind]) =>
    h("div", { class: `part ${kind}`, "data-share": String(stats[name] / whole) }),
  );
  for (const part of parts) part.style.flexGrow = part.dataset.share;
  const columns = COLUMNS.map(([name, title, kind]) =>
    h("div", null, h("dt", null, h("span", { class: `swatch ${kind}` }), title), h("dd", { class: "number" }, count(stats[name]))),
  );
  return h(
    "section",
    { class: "card ledger" },
    h(
      "header",
      null,
      h("h2", null, "Ledger"),
      h("span", { class: "faint number" }, `${some(stats.events, "event")}, ${count(stats.received)} received by webhooks`),
    ),
    h("div", { class: "stack", "data-key": `stack-${parts.map((part) => part.dataset.share).join()}` }, parts),
    h("dl", null, columns),
  );
}
