// Events: what Slack sent, searched by type, channel, text and time.

import { get, query } from "../api.js";
import { h } from "../dom.js";
import { eventRow, eventTable } from "../rows.js";
import { button, empty } from "../ui.js";

const SPANS = [["", "Any time"], ["15", "The last 15 minutes"], ["60", "The last hour"], ["1440", "The last day"], ["4320", "The last 3 days"]];
const NAMES = ["text", "type", "channel", "minutes"];
const PAUSE_MS = 250;

export default () => {
  const wanted = Object.fromEntries(NAMES.map((name) => [name, new URLSearchParams(location.search).get(name) ?? ""]));
  const page = { title: "Events", every: 4000, cursors: [null], wanted };
  page.load = async () => {
    const { minutes, ...asked } = page.wanted;
    const since = minutes ? new Date(Date.now() - minutes * 60000).toISOString() : "";
    const lists = await Promise.all(page.cursors.map((cursor) => get(query("/v1/events", { ...asked, since, limit: 40, cursor }))));
    return { events: lists.flatMap((list) => list.data), next: lists.at(-1).next_cursor };
  };
  page.view = (data, tools) => view(data, tools, page);
  return page;
};

function view({ events, next }, { refresh }, page) {
  const isSearch = Object.values(page.wanted).some(Boolean);
  const more = () => {
    page.cursors = [...page.cursors, next];
    return refresh();
  };
  const nothing = isSearch
    ? empty("events", next ? "Nothing among the newest" : "Nothing found", next ? "Further back there may be some." : "No event that is kept fits. Try another type, or a longer time.")
    : empty("events", "No event yet", "As soon as a connection to Slack is up, everything that it hears appears here.", h("a", { class: "button", href: "/connections" }, "Connections"));
  return [
    h("div", { class: "head" }, h("div", null, h("h1", null, "Events"), h("p", { class: "quiet" }, "What Slack sent, for as long as it is kept."))),
    search(page, refresh),
    h(
      "div",
      { class: "card list" },
      events.length ? eventTable(events.map(eventRow)) : nothing,
      next && h("div", { class: "more" }, button("Further back", more, { kind: "small" })),
    ),
  ];
}

function search(page, refresh) {
  let timer = null;
  const change = (name) => (event) => {
    page.wanted[name] = event.target.value.trim();
    page.cursors = [null];
    history.replaceState(null, "", query("/events", page.wanted));
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS);
  };
  const input = (name, label, more = {}) =>
    h("input", { type: "search", name, value: page.wanted[name], placeholder: label, "aria-label": label, oninput: change(name), spellcheck: "false", autocomplete: "off", ...more });
  const span = h("select", { name: "minutes", "aria-label": "Time", onchange: change("minutes") }, SPANS.map(([value, text]) => h("option", { value, selected: value === page.wanted.minutes }, text)));
  return h(
    "div",
    { class: "filters", role: "search" },
    input("text", "Search the text", { class: "wide", "data-search": true }),
    input("type", "Type of event"),
    input("channel", "Channel's id"),
    span,
  );
}
