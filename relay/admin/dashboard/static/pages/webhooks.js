// Webhooks: all of them, how they are doing, and the form for a new one.

import { get, query } from "../api.js";
import { sparkline } from "../chart.js";
import { h } from "../dom.js";
import { brief, percent, some } from "../format.js";
import { button, empty, status, tag } from "../ui.js";
import { addWebhook } from "../webhook_form.js";
import { disabledWords, parts } from "../words.js";

const QUIET = Array.from({ length: 60 }, () => ({ ok: 0, failed: 0 }));

export default () => {
  let pages = [null];
  const load = async () => {
    const found = [];
    let next = null;
    for (const cursor of pages) {
      const page = await get(query("/v1/webhooks", { limit: 50, cursor }));
      found.push(...page.data);
      next = page.next_cursor;
    }
    const [stats, pulses] = await Promise.all([get("/v1/stats?limit=200"), pulsesOf(found.map((one) => one.id))]);
    return { webhooks: found, next, stats: stats.webhooks, pulses };
  };
  const more = (next, refresh) => {
    pages = [...pages, next];
    return refresh();
  };
  return { title: "Webhooks", every: 5000, load, view: (data, page) => view(data, page, more) };
};

async function pulsesOf(ids) {
  return ids.length ? (await get(query("/v1/stats/webhooks", { ids: ids.slice(0, 200).join() }))).data : {};
}

function view({ webhooks, next, stats, pulses }, { refresh }, more) {
  const add = button("Add webhook", () => addWebhook(), { kind: "primary", mark: "plus" });
  const head = h("div", { class: "head" }, h("div", null, h("h1", null, "Webhooks"), h("p", { class: "quiet" }, "Where events go, and which ones.")), webhooks.length > 0 && add);
  if (!webhooks.length) {
    const text = "A webhook is a URL of yours and the events that it wants. Slack's own Events API receivers, Bolt among them, take its callbacks as they are.";
    return [head, h("div", { class: "card" }, empty("webhooks", "Add the first webhook", text, add))];
  }
  const rows = webhooks.map((one) => row(one, stats[one.id], pulses[one.id] ?? QUIET));
  const columns = [["url", "URL"], ["wants", "Events"], ["pulse", "Last hour"], ["rate right", "Success"], ["open right", "Backlog"], ["state", "Status"]];
  return [
    head,
    h(
      "div",
      { class: "card list" },
      h(
        "table",
        { class: "webhooks" },
        h("thead", null, h("tr", null, columns.map(([kind, name]) => h("th", { class: kind, scope: "col" }, name)))),
        h("tbody", null, rows),
      ),
      next && h("div", { class: "more" }, button("Show more", () => more(next, refresh), { kind: "small" })),
    ),
  ];
}

function row(webhook, columns, pulse) {
  const [host, rest] = parts(webhook.url);
  const ok = pulse.reduce((sum, minute) => sum + minute.ok, 0);
  const failed = pulse.reduce((sum, minute) => sum + minute.failed, 0);
  const backlog = columns ? columns.outstanding + columns.held : 0;
  return h(
    "tr",
    { class: "opens", "data-key": webhook.id },
    h(
      "td",
      null,
      h("a", { class: "whole", href: `/webhooks/${webhook.id}` }, h("b", null, host), h("span", { class: "faint" }, rest)),
      h("span", { class: "second" }, webhook.description || webhook.id),
    ),
    h("td", null, h("div", { class: "tags nowrap" }, webhook.events.slice(0, 2).map((one) => tag(one)), webhook.events.length > 2 && tag(`+${webhook.events.length - 2}`))),
    h("td", null, sparkline(pulse, `${some(ok, "attempt")} taken and ${failed} failed in the last hour`)),
    h("td", { class: "right number" }, percent(ok + failed ? ok / (ok + failed) : null)),
    h("td", { class: "right number" }, backlog ? brief(backlog) : h("span", { class: "faint" }, "0")),
    h("td", { title: webhook.status === "disabled" ? disabledWords(webhook.disabled_reason) : null }, webhookStatus(webhook, ok, failed)),
  );
}

export function webhookStatus(webhook, ok = 0, failed = 0) {
  if (webhook.status === "disabled") return status("Disabled", webhook.disabled_reason === "manual" ? "" : "bad");
  if (failed && !ok) return status("Failing", "bad");
  return status("Enabled", "good");
}
