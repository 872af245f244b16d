// One webhook: what became of its deliveries, how it is set, and what can be done with it.

import { call, get, post, query } from "../api.js";
import { sparkline } from "../chart.js";
import { h } from "../dom.js";
import { ago, count, milliseconds, percent, seconds, some, time } from "../format.js";
import { go } from "../main.js";
import { openReplay } from "../replay.js";
import { deliveryRow, deliveryTable } from "../rows.js";
import { attemptParts, attemptTag } from "../attempt.js";
import { openRotation } from "../rotation.js";
import { attempt, back, button, choice, confirm, empty, open, tag, toast } from "../ui.js";
import { changeWebhook } from "../webhook_form.js";
import { breakable, disabledWords, parts, states } from "../words.js";
import { pretty } from "../json.js";
import { tally, webhookStatus } from "../webhook_rows.js";

export default (id) => {
  const page = { title: "Webhook", every: 4000, wanted: "", cursors: [null] };
  page.load = async () => {
    const [webhook, pulse, stats, ...lists] = await Promise.all([
      get(`/v1/webhooks/${id}`),
      get(query("/v1/stats/webhooks", { ids: id })),
      get(`/v1/stats/webhooks/${id}`),
      ...page.cursors.map((cursor) => get(query("/v1/deliveries", { webhook: id, status: page.wanted, limit: 25, cursor }))),
    ]);
    page.title = parts(webhook.url)[0];
    return { webhook, pulse: pulse.data[id], stats, deliveries: lists.flatMap((list) => list.data), next: lists.at(-1).next_cursor };
  };
  page.view = (data, tools) => view(data, tools, page);
  return page;
};

function view({ webhook, pulse, stats, deliveries, next }, tools, page) {
  const { ok, failed, share, said } = tally(pulse);
  const [host, rest] = parts(webhook.url);
  return [
    back("/webhooks", "Webhooks"),
    h(
      "div",
      { class: "head" },
      h("div", null, h("h1", { class: "url" }, host, h("span", { class: "faint" }, breakable(rest))), h("p", { class: "quiet" }, webhookStatus(webhook, ok, failed), webhook.description && ` · ${webhook.description}`)),
      actions(webhook, stats, tools),
    ),
    webhook.status === "disabled" && disabled(webhook, stats, tools),
    h(
      "section",
      { class: "tiles" },
      tile("Last hour", sparkline(pulse, said), `${percent(share)} of ${some(ok + failed, "attempt")}`),
      tile("Delivered", count(stats.delivered), `${count(stats.filtered)} filtered out`),
      tile("Outstanding", count(stats.outstanding), "waiting, or on their way"),
      tile("Held", count(stats.held), "until it is enabled"),
      tile("Dead", count(stats.dead), "given up; replayable"),
    ),
    deliverySection(deliveries, next, tools, page),
    settings(webhook),
  ].filter(Boolean);
}

function tile(name, value, more) {
  const shown = typeof value === "string" ? h("b", { class: "number" }, value) : value;
  return h("div", { class: "card tile" }, h("p", { class: "name" }, name), shown, h("p", { class: "faint number" }, more));
}

function actions(webhook, stats, { refresh }) {
  const path = `/v1/webhooks/${webhook.id}`;
  const remove = () =>
    confirm("Remove this webhook?", "What is still to be delivered to it is cancelled. This cannot be undone.", "Remove", async () => {
      await call("DELETE", path);
      go("/webhooks");
      toast("Removed.");
    });
  const disable = (event) => attempt(event, async () => (await post(`${path}/disable`), refresh()));
  return h(
    "div",
    { class: "actions" },
    button("Send test", (event) => attempt(event, () => test(webhook)), { mark: "send" }),
    button("Replay", () => openReplay(webhook, refresh), { mark: "retry" }),
    button("Edit", () => changeWebhook(webhook, refresh)),
    button("Rotate secret", () => openRotation(webhook)),
    webhook.status === "enabled" ? button("Disable", disable) : null,
    button("Remove", remove, { kind: "danger" }),
  );
}

async function test(webhook) {
  const told = await post(`/v1/webhooks/${webhook.id}/test`);
  const head = h("p", { class: "spread" }, attemptTag(told), h("span", { class: "faint number" }, milliseconds(told.duration_ms)));
  await open("sheet", "Test", () => h("div", { class: "body form" }, head, attemptParts(told)));
}

function disabled(webhook, stats, { refresh }) {
  const enable = (drain) => (event) =>
    attempt(event, async () => (await post(`/v1/webhooks/${webhook.id}/enable`, { drain }), refresh()));
  return h(
    "section",
    { class: "note wait spread" },
    h("p", null, disabledWords(webhook.disabled_reason), " What comes is held: ", h("b", { class: "number" }, some(stats.held, "delivery", "deliveries")), "."),
    h(
      "div",
      { class: "actions" },
      stats.held > 0 ? button("Enable and deliver what is held", enable(true), { kind: "primary" }) : null,
      button(stats.held > 0 ? "Enable only" : "Enable", enable(false)),
    ),
  );
}

function deliverySection(deliveries, next, { refresh }, page) {
  const choose = (wanted) => {
    page.wanted = wanted;
    page.cursors = [null];
    refresh();
  };
  const more = () => {
    page.cursors = [...page.cursors, next];
    return refresh();
  };
  const options = [["", "All"], ...states.filter(([value]) => ["delivered", "retrying", "dead", "held"].includes(value))];
  const nothing = page.wanted
    ? empty("events", "None of these", "No delivery is in this state now.")
    : empty("send", "Nothing was delivered yet", "Deliveries appear here as events come that this webhook wants. A test shows at once whether its endpoint answers.");
  return h(
    "section",
    null,
    h("header", null, h("h2", null, "Deliveries"), choice("Which deliveries", options, page.wanted, choose)),
    h(
      "div",
      { class: "card list" },
      deliveries.length ? deliveryTable(deliveries.map((one) => deliveryRow(one))) : nothing,
      next && h("div", { class: "more" }, button("Show more", more, { kind: "small" })),
    ),
  );
}

function settings(webhook) {
  const facts = [
    ["Id", h("span", { class: "mono" }, webhook.id)],
    ["Events", h("div", { class: "tags" }, webhook.events.map((one) => tag(one)))],
    ["Channels", webhook.channels.length ? h("div", { class: "tags" }, webhook.channels.map((one) => tag(one))) : "Every channel"],
    ["Format", webhook.format === "slack" ? "Slack's envelope" : "CloudEvents 1.0"],
    ["Order", { none: "None", channel: "In each channel", all: "All of them" }[webhook.order]],
    ["Timeout", seconds(webhook.timeout)],
    ["Limits", `${count(webhook.max_in_flight)} at once${webhook.rate_limit ? `, ${webhook.rate_limit} a second` : ""}`],
    ["Retries", webhook.retry_schedule.map((wait) => seconds(wait)).join(" · ") || "None"],
    ["Own headers", webhook.header_names.join(", ") || "None"],
    ["Replies", webhook.reply ? "Its answers are posted to the channel" : "Its answers are not posted"],
    ["Made", [time(webhook.created_at), h("span", { class: "faint" }, " · changed ", ago(webhook.updated_at))]],
  ];
  return h(
    "section",
    null,
    h("header", null, h("h2", null, "Settings")),
    h(
      "div",
      { class: "card pad" },
      h("dl", { class: "facts" }, facts.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
      webhook.filter && [h("h3", { class: "above" }, "Filter"), pretty(webhook.filter)],
    ),
  );
}
