// A replay: deliveries of a stretch of time are sent again, and its progress is shown.

import { call, get, post } from "./api.js";
import { h } from "./dom.js";
import { count, some } from "./format.js";
import { attempt, button, field, open } from "./ui.js";

const WHICH = [
  ["dead", "Dead ones: given up, and kept"],
  ["missing", "Missing ones: wanted now, but never made for this webhook"],
  ["all", "All of them, delivered ones too"],
];
const SINCE = [["1", "The last hour"], ["6", "The last 6 hours"], ["24", "The last day"], ["72", "The last 3 days"]];
const LOOK_MS = 400;

export function openReplay(webhook, refresh) {
  return open("sheet", "Replay", (close) => {
    const which = h("div", { class: "form", role: "radiogroup", "aria-label": "Which deliveries" }, WHICH.map(([value, text], place) =>
      h("label", { class: "check" }, h("input", { type: "radio", name: "status", value, checked: place === 0 }), h("span", null, text))));
    const since = h("select", { name: "since" }, SINCE.map(([value, text]) => h("option", { value }, text)));
    const progress = h("div", { "aria-live": "polite" });
    const begin = (event) =>
      attempt(event, async () => {
        const status = which.querySelector("input:checked").value;
        const from = new Date(Date.now() - since.value * 3600000).toISOString();
        await follow(await post("/v1/replays", { webhook: webhook.id, since: from, status }), progress);
        await refresh();
      });
    return [
      h(
        "div",
        { class: "body form" },
        h("p", { class: "quiet" }, "Each delivery goes out again with the same webhook-id, so a receiver that has seen it can tell."),
        which,
        field("Of events since", since),
        progress,
      ),
      h("footer", null, button("Close", close), button("Replay", begin, { kind: "primary", mark: "retry" })),
    ];
  });
}

async function follow(replay, place) {
  for (;;) {
    place.replaceChildren(shown(replay));
    if (replay.status !== "running" || !place.isConnected) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    replay = await get(`/v1/replays/${replay.id}`);
  }
}

function shown(replay) {
  const share = Math.round(replay.share * 100);
  const bar = h("div");
  bar.style.width = `${share}%`;
  const isRunning = replay.status === "running";
  const sent = some(replay.replayed, "delivery", "deliveries");
  const said = { running: `${sent} so far`, finished: `Done: ${sent}`, cancelled: `Stopped after ${sent}`, failed: `It failed after ${sent}` }[replay.status];
  return h(
    "div",
    { class: "form" },
    h("div", { class: "bar", role: "progressbar", "aria-label": "Progress", "aria-valuenow": share, "aria-valuemin": 0, "aria-valuemax": 100 }, bar),
    h("p", { class: "number" }, `${said} sent again; ${count(replay.looked)} looked at.`),
    isRunning && button("Stop", () => call("DELETE", `/v1/replays/${replay.id}`), { kind: "small" }),
  );
}
