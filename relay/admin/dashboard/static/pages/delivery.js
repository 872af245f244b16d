// One delivery: every attempt, what was answered, and what happens next.

import { get, post } from "../api.js";
import { attemptParts, attemptTag } from "../attempt.js";
import { h } from "../dom.js";
import { ago, milliseconds, time } from "../format.js";
import { pretty } from "../json.js";
import { attempt, back, button, copier, toast } from "../ui.js";
import { parts, reasonWords, stateTag } from "../words.js";

const RESTING = new Set(["delivered", "dead", "cancelled"]);

export default (id) => {
  const page = { title: "Delivery", every: 2500, opened: null };
  page.load = async () => {
    const delivery = await get(`/v1/deliveries/${id}`);
    const [event, webhook] = await Promise.all([maybe(`/v1/events/${delivery.event}`), maybe(`/v1/webhooks/${delivery.webhook}`)]);
    return { delivery, event, webhook };
  };
  page.view = (data, tools) => view(data, tools, page);
  return page;
};

const maybe = (path) => get(path).catch((error) => (error.status === 404 || error.status === 403 ? null : Promise.reject(error)));

function view({ delivery, event, webhook }, tools, page) {
  const host = webhook ? parts(webhook.url)[0] : delivery.webhook;
  return [
    back(`/webhooks/${delivery.webhook}`, host),
    h(
      "div",
      { class: "head" },
      h(
        "div",
        null,
        h("h1", null, event?.type ?? "Delivery", " ", stateTag(delivery.status)),
        h("p", { class: "quiet mono ids" }, delivery.id, copier(delivery.id, "Copy the id")),
      ),
      actions(delivery, tools),
    ),
    h("p", { class: `note above-list ${kindOf(delivery)}` }, sentence(delivery)),
    h("div", { class: "sides" }, attempts(delivery, tools, page), request(delivery, event)),
  ];
}

function kindOf({ status }) {
  return { delivered: "good", dead: "bad", retrying: "wait", held: "wait" }[status] ?? "";
}

function sentence(delivery) {
  const why = reasonWords(delivery.reason);
  switch (delivery.status) {
    case "delivered":
      return ["Delivered ", ago(delivery.settled_at), why && `; ${why}`, "."];
    case "dead":
      return ["Given up ", ago(delivery.settled_at), why && `: ${why}`, ". It is kept, and can be sent again."];
    case "retrying":
      if (new Date(delivery.next_attempt_at) < new Date()) return [why && `${capital(why)}. `, "It is due, and waits for its turn: a webhook that fails is tried with one delivery at a time."];
      return [why && `${capital(why)}. `, "It is tried again ", ago(delivery.next_attempt_at), "."];
    case "held":
      return "Its webhook is disabled; it waits until that is enabled and drained.";
    case "cancelled":
      return "Cancelled; it is not sent any more.";
    default:
      return delivery.status === "sending" ? "On its way at this moment." : "It waits for its turn.";
  }
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function actions(delivery, { refresh }) {
  const act = (word, said) => (event) =>
    attempt(event, async () => {
      await post(`/v1/deliveries/${delivery.id}/${word}`);
      toast(said);
      await refresh();
    });
  return h(
    "div",
    { class: "actions" },
    RESTING.has(delivery.status) || delivery.status === "retrying"
      ? button("Send again", act("retry", "It is on its way."), { kind: "primary", mark: "retry" })
      : null,
    RESTING.has(delivery.status) ? null : button("Cancel", act("cancel", "Cancelled."), { kind: "danger" }),
  );
}

function attempts(delivery, { redraw }, page) {
  const last = delivery.attempts.length - 1;
  const opened = page.opened ?? last;
  const rows = delivery.attempts.map((one, place) =>
    h(
      "li",
      { class: place === opened ? "open" : "", "data-key": String(place) },
      h(
        "button",
        { type: "button", class: "attempt", "aria-expanded": String(place === opened), onclick: () => ((page.opened = place === opened ? -1 : place), redraw()) },
        h("span", { class: "faint number" }, `${place + 1}`),
        attemptTag(one),
        h("span", { class: "faint number" }, milliseconds(one.duration_ms)),
        h("span", { class: "when faint" }, time(one.at)),
      ),
      place === opened && h("div", { class: "inside" }, attemptParts(one)),
    ),
  );
  return h(
    "section",
    null,
    h("header", null, h("h2", null, "Attempts")),
    h("ol", { class: "card attempts" }, rows.reverse(), rows.length === 0 && h("li", { class: "pad faint" }, "It was not tried yet.")),
  );
}

function request(delivery, event) {
  return h(
    "section",
    null,
    h(
      "header",
      null,
      h("h2", null, "Body"),
      event && copier(JSON.stringify(event.envelope, null, 2), "Copy the body"),
      event && h("a", { class: "faint", href: `/events/${delivery.event}` }, "The event"),
    ),
    event ? h("div", { class: "card" }, pretty(event.envelope)) : h("div", { class: "card pad faint" }, "Its event is no longer kept."),
  );
}
