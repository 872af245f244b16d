// A new secret for a webhook; the old one goes on signing for a while.

import { get, post } from "./api.js";
import { h } from "./dom.js";
import { time } from "./format.js";
import { attempt, button, copyable, field, open } from "./ui.js";

const OVERLAPS = [["24h", "A day"], ["1h", "An hour"], ["7d", "A week"], ["0s", "Not at all"]];

export async function openRotation(webhook) {
  const path = `/v1/webhooks/${webhook.id}`;
  const now = await get(`${path}/secret`);
  return open("sheet", "Signing secret", (close) => {
    const shown = h("div", { class: "form" }, secrets(now));
    const overlap = h("select", { name: "overlap" }, OVERLAPS.map(([value, label]) => h("option", { value }, label)));
    const rotate = (event) =>
      attempt(event, async () => shown.replaceChildren(...secrets(await post(`${path}/rotate-secret`, { overlap: overlap.value }), true)));
    return [
      h(
        "div",
        { class: "body form" },
        shown,
        h("hr"),
        h("p", { class: "quiet" }, "A new secret signs at once. For the overlap the old one signs beside it in the Standard Webhooks header, so that receivers can change over; Slack's header carries the new one alone."),
        field("The old secret still signs for", overlap),
        button("Rotate the secret", rotate, { kind: "primary", mark: "retry" }),
      ),
      h("footer", null, button("Done", close)),
    ];
  });
}

function secrets({ secret, old_secrets: old }, isNew = false) {
  return [
    isNew && h("p", { class: "note good", role: "status" }, "This is the new secret."),
    copyable(secret, "Copy the secret"),
    ...old.map((one) => h("p", { class: "hint" }, h("code", null, `${one.secret.slice(0, 14)}…`), " signs until ", time(one.until))),
  ].filter(Boolean);
}
