// Rows of webhooks: how each is doing.

import { get, query } from "./api.js";
import { sparkline } from "./chart.js";
import { h } from "./dom.js";
import { brief, percent, some } from "./format.js";
import { status, tag } from "./ui.js";
import { disabledWords, parts } from "./words.js";

const QUIET = Array.from({ length: 60 }, () => ({ ok: 0, failed: 0 }));
const COLUMNS = [
  ["url", "URL"],
  ["wants", "Events"],
  ["pulse", "Last hour"],
  ["rate right", "Success"],
  ["open right", "Backlog"],
  ["state", "Status"],
];

/** The last hour of each webhook, by id. */
export async function pulsesOf(ids) {
  if (!ids.length) return {};
  const { data } = await get(query("/v1/stats/webhooks", { ids: ids.slice(0, 200).join() }));
  return Object.fromEntries(ids.map((id) => [id, data[id] ?? QUIET]));
}

export function tally(pulse) {
  const ok = pulse.reduce((sum, minute) => sum + minute.ok, 0);
  const failed = pulse.reduce((sum, minute) => sum + minute.failed, 0);
  const share = ok + failed ? ok / (ok + failed) : null;
  return { ok, failed, share, said: `${some(ok, "attempt")} taken and ${failed} failed in the last hour` };
}

export function webhookTable(rows) {
  return h(
    "table",
    { class: "webhooks" },
    h("thead", null, h("tr", null, COLUMNS.map(([kind, name]) => h("th", { class: kind, scope: "col" }, name)))),
    h("tbody", null, rows.map(webhookRow)),
  );
}

function webhookRow({ webhook, ledger, pulse }) {
  const [host, rest] = parts(webhook.url);
  const { share, said, ok, failed } = tally(pulse);
  const backlog = ledger ? ledger.outstanding + ledger.held : 0;
  const wants = [...webhook.events.slice(0, 2).map((one) => tag(one)), webhook.events.length > 2 && tag(`+${webhook.events.length - 2}`)];
  return h(
    "tr",
    { class: "opens", "data-key": webhook.id },
    h(
      "td",
      null,
      h("a", { class: "whole", href: `/webhooks/${webhook.id}` }, h("b", null, host), h("span", { class: "faint" }, rest)),
      h("span", { class: "second" }, webhook.description || webhook.id),
    ),
    h("td", null, h("div", { class: "tags nowrap" }, wants)),
    h("td", null, sparkline(pulse, said)),
    h("td", { class: "right number", "data-label": "Success" }, percent(share)),
    h("td", { class: "right number", "data-label": "Backlog" }, backlog ? brief(backlog) : h("span", { class: "faint" }, "0")),
    h("td", { title: webhook.status === "disabled" ? disabledWords(webhook.disabled_reason) : null }, webhookStatus(webhook, ok, failed)),
  );
}

export function webhookStatus(webhook, ok = 0, failed = 0) {
  if (webhook.status === "disabled") return status("Disabled", webhook.disabled_reason === "manual" ? "" : "bad");
  if (failed && !ok) return status("Failing", "bad");
  return status("Enabled", "good");
}
