// One event: the envelope as it is sent, and where it went.

import { get, post, query } from "../api.js";
import { h } from "../dom.js";
import { time } from "../format.js";
import { pretty } from "../json.js";
import { deliveryRow, deliveryTable } from "../rows.js";
import { parts } from "../words.js";
import { attempt, back, button, copier, empty, toast } from "../ui.js";

export default (id) => {
  const page = { title: "Event", every: 4000, urls: new Map() };
  page.load = async () => {
    const [event, deliveries, webhooks] = await Promise.all([
      get(`/v1/events/${id}`),
      get(query("/v1/deliveries", { event: id, limit: 100 })),
      page.urls.size ? null : get("/v1/webhooks?limit=200"),
    ]);
    page.title = event.type;
    for (const { id, url } of webhooks?.data ?? []) page.urls.set(id, parts(url).join(""));
    await Promise.all(deliveries.data.map((one) => learn(page.urls, one.webhook)));
    return { event, deliveries: deliveries.data, urls: page.urls };
  };
  page.view = view;
  return page;
};

/** What a webhook's URL is, asked once; most are known from the list. */
async function learn(urls, id) {
  if (urls.has(id)) return;
  urls.set(id, id);
  const webhook = await get(`/v1/webhooks/${id}`).catch(() => null);
  if (webhook) urls.set(id, parts(webhook.url).join(""));
}

function view({ event, deliveries, urls }, { refresh }) {
  const replay = (click) =>
    attempt(click, async () => {
      await post(`/v1/events/${event.id}/replay`);
      toast("It is on its way again.");
      await refresh();
    });
  return [
    back("/events", "Events"),
    h(
      "div",
      { class: "head" },
      h("div", null, h("h1", null, event.type), h("p", { class: "quiet mono ids" }, event.id, copier(event.id, "Copy the id"))),
      h("div", { class: "actions" }, deliveries.length > 0 && button("Send again", replay, { mark: "retry" })),
    ),
    h(
      "section",
      null,
      h("header", null, h("h2", null, "Where it went")),
      h(
        "div",
        { class: "card list" },
        deliveries.length
          ? deliveryTable(deliveries.map((one) => deliveryRow(one, urls.get(one.webhook))), "Webhook")
          : empty("webhooks", "To no webhook", "No webhook wanted this event when it came.", h("a", { class: "button", href: "/webhooks" }, "Webhooks")),
      ),
    ),
    h(
      "section",
      null,
      h("header", null, h("h2", null, "Payload"), copier(JSON.stringify(event.envelope, null, 2), "Copy the payload")),
      h(
        "div",
        { class: "card pad form" },
        h(
          "dl",
          { class: "facts" },
          h("dt", null, "Received"),
          h("dd", null, time(event.received_at)),
          h("dt", null, "Channel"),
          h("dd", { class: "mono" }, event.channel ?? "None"),
          h("dt", null, "Connection"),
          h("dd", { class: "mono" }, event.connection ?? "The relay's own"),
        ),
        pretty(event.envelope),
      ),
    ),
  ];
}
