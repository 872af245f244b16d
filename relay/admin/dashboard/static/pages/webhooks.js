// Webhooks: all of them, and how they are doing.

import { get, query } from "../api.js";
import { h } from "../dom.js";
import { button, empty } from "../ui.js";
import { addWebhook } from "../webhook_form.js";
import { pulsesOf, webhookTable } from "../webhook_rows.js";

export default () => {
  const page = { title: "Webhooks", every: 5000, cursors: [null] };
  page.load = async () => {
    const lists = await Promise.all(
      page.cursors.map((cursor) => Promise.all([get(query("/v1/webhooks", { limit: 50, cursor })), get(query("/v1/stats", { limit: 50, cursor }))])),
    );
    const webhooks = lists.flatMap(([list]) => list.data);
    const ledgers = Object.assign({}, ...lists.map(([, stats]) => stats.webhooks));
    const pulses = await pulsesOf(webhooks.map((one) => one.id));
    const rows = webhooks.map((webhook) => ({ webhook, ledger: ledgers[webhook.id], pulse: pulses[webhook.id] }));
    return { rows, next: lists.at(-1)[0].next_cursor };
  };
  page.view = (data, tools) => view(data, tools, page);
  return page;
};

function view({ rows, next }, { refresh }, page) {
  const add = button("Add webhook", () => addWebhook(), { kind: "primary", mark: "plus" });
  const head = h(
    "div",
    { class: "head" },
    h("div", null, h("h1", null, "Webhooks"), h("p", { class: "quiet" }, "Where events go, and which ones.")),
    rows.length > 0 && add,
  );
  if (!rows.length) {
    const text =
      "A webhook is a URL of yours and the events that it wants. Whatever takes Slack's Events API takes its callbacks as they are, Bolt among them.";
    return [head, h("div", { class: "card" }, empty("webhooks", "Add the first webhook", text, add))];
  }
  const more = () => {
    page.cursors = [...page.cursors, next];
    return refresh();
  };
  return [
    head,
    h("div", { class: "card list" }, webhookTable(rows), next && h("div", { class: "more" }, button("Show more", more, { kind: "small" }))),
  ];
}
