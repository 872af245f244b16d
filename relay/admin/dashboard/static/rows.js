// Rows of deliveries and of events, as several pages show them.

import { h } from "./dom.js";
import { ago, milliseconds, time } from "./format.js";
import { tag } from "./ui.js";
import { failureWords, plain, reasonWords, stateTag } from "./words.js";

export function deliveryTable(rows, what = "Event") {
  const head = [what, "Status", "Last answer", "When"];
  const sizes = ["what", "state", "answer", "when"];
  return h(
    "table",
    { class: "deliveries" },
    h("thead", null, h("tr", null, head.map((name, place) => h("th", { class: sizes[place], scope: "col" }, name)))),
    h("tbody", null, rows),
  );
}

/** `what`: what to call it, if not by its event. */
export function deliveryRow(delivery, what = null) {
  return h(
    "tr",
    { class: "opens", "data-key": delivery.id },
    h(
      "td",
      null,
      h("a", { class: "whole", href: `/deliveries/${delivery.id}` }, what ?? delivery.event_type ?? delivery.event),
      h("span", { class: "second mono" }, delivery.id),
    ),
    h("td", null, stateTag(delivery.status)),
    h("td", null, answer(delivery)),
    h("td", { class: "faint" }, delivery.next_attempt_at && delivery.status === "retrying" ? ["again ", ago(delivery.next_attempt_at)] : time(delivery.settled_at ?? delivery.created_at)),
  );
}

function answer({ last_attempt: last, reason, tries }) {
  if (!last) return h("span", { class: "faint" }, reasonWords(reason) || (tries ? `${tries} tries` : "–"));
  const word = last.status === null ? failureWords(last.failure) : String(last.status);
  const isGood = last.status !== null && last.status >= 200 && last.status < 300;
  return [
    h("span", { class: isGood ? "number" : "number bad-text" }, word),
    last.duration_ms !== null && h("span", { class: "faint number" }, ` · ${milliseconds(last.duration_ms)}`),
    tries > 1 && h("span", { class: "faint" }, ` · ${tries} tries`),
  ];
}

export function eventRow(event) {
  return h(
    "tr",
    { class: "opens", "data-key": event.id },
    h("td", { class: "faint" }, time(event.received_at)),
    h("td", null, tag(event.type)),
    h(
      "td",
      null,
      h("a", { class: "whole", href: `/events/${event.id}`, "aria-label": `${event.type} ${event.text ?? event.id}` }, event.text ? plain(event.text) : h("span", { class: "faint mono" }, event.id)),
    ),
    h("td", { class: "mono faint" }, event.channel ?? ""),
  );
}

export function eventTable(rows) {
  return h(
    "table",
    { class: "events" },
    h("thead", null, h("tr", null, [["when", "Received"], ["kind", "Type"], ["what", "Text"], ["channel", "Channel"]].map(([size, name]) => h("th", { class: size, scope: "col" }, name)))),
    h("tbody", null, rows),
  );
}
