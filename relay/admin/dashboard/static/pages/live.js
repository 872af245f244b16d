// Live: events and what became of them, as they happen.

import { get } from "../api.js";
import { h } from "../dom.js";
import { count, milliseconds, some, time } from "../format.js";
import { watch } from "../stream.js";
import { button, choice, empty, status, tag } from "../ui.js";
import { failureWords, parts, plain } from "../words.js";

const KEPT = 300;
const REDRAW_MS = 120;
const WHAT = [["all", "All"], ["event", "Events"], ["outcome", "Outcomes"]];

export default () => {
  const page = { title: "Live", line: "connecting", paused: false, what: "all", webhook: "", events: "", rows: [], held: [], dropped: 0, seen: 0 };
  let stop = null;
  let timer = null;
  let redraw = null;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      redraw();
    }, REDRAW_MS);
  };
  const begin = () => {
    stop?.();
    const asked = Object.fromEntries(Object.entries({ events: page.events, webhook: page.webhook }).filter(([, value]) => value));
    stop = watch(asked, (frame) => (take(page, frame), soon()), (word) => ((page.line = word), soon()));
  };
  page.load = async () => ({ webhooks: (await get("/v1/webhooks?limit=200")).data });
  page.start = (_, draw) => {
    redraw = draw;
    begin();
  };
  page.stop = () => {
    stop?.();
    clearTimeout(timer);
  };
  page.view = (data, tools) => view(data, tools, page, begin);
  return page;
};

function take(page, frame) {
  if (frame.type === "dropped") page.dropped += frame.frames;
  if (frame.type !== "event" && frame.type !== "outcome") return;
  page.seen += 1;
  const target = page.paused ? page.held : page.rows;
  target.unshift({ ...frame, at: frame.event?.received_at ?? frame.outcome.at });
  target.length = Math.min(target.length, KEPT);
}

function view({ webhooks }, { redraw }, page, begin) {
  const pause = () => {
    page.paused = !page.paused;
    if (!page.paused) {
      page.rows = [...page.held, ...page.rows].slice(0, KEPT);
      page.held = [];
    }
    redraw();
  };
  const rows = page.rows.filter((row) => page.what === "all" || row.type === page.what).slice(0, KEPT);
  return [
    h(
      "div",
      { class: "head" },
      h("div", null, h("h1", null, "Live"), h("p", { class: "quiet" }, lineOf(page), h("span", { class: "faint number" }, ` · ${some(page.seen, "line")} so far`), page.dropped > 0 && h("span", { class: "bad-text" }, ` · ${count(page.dropped)} dropped: this browser was too slow`))),
      h("div", { class: "actions" }, button(page.paused ? `Go on${page.held.length ? ` (${page.held.length} new)` : ""}` : "Pause", pause, { mark: page.paused ? "play" : "pause", "aria-pressed": String(page.paused) })),
    ),
    filters(webhooks, page, redraw, begin),
    h(
      "div",
      { class: "card stream", role: "log", "aria-label": "What happens", "aria-live": "off" },
      rows.length
        ? h("ol", null, rows.map(line))
        : empty("live", "Waiting for something to happen", "Events appear here the moment that Slack sends them, and beside them what your endpoints answer."),
    ),
  ];
}

function lineOf({ line, paused }) {
  if (paused) return status("Paused", "wait");
  return line === "open" ? status("Watching", "good") : status(line === "waiting" ? "The line broke; trying again" : "Connecting", "wait");
}

function filters(webhooks, page, redraw, begin) {
  const again = (name) => (event) => {
    page[name] = event.target.value.replaceAll(" ", "");
    page.rows = [];
    begin();
    redraw();
  };
  const options = [["", "Every webhook"], ...webhooks.map((one) => [one.id, parts(one.url).join("")])];
  return h(
    "div",
    { class: "filters" },
    choice("What to show", WHAT, page.what, (what) => ((page.what = what), redraw())),
    h("input", { type: "search", name: "events", class: "wide", placeholder: "Types, such as message, reaction_*", "aria-label": "Types of events", value: page.events, onchange: again("events"), "data-search": true, spellcheck: "false" }),
    h("select", { name: "webhook", "aria-label": "Webhook", onchange: again("webhook") }, options.map(([value, label]) => h("option", { value, selected: value === page.webhook }, label))),
  );
}

function line(row) {
  return row.type === "event" ? eventLine(row) : outcomeLine(row);
}

function eventLine({ event, envelope, cursor }) {
  const inner = envelope?.event ?? {};
  const text = inner.text ?? inner.message?.text ?? (inner.reaction ? `:${inner.reaction}:` : "");
  return h(
    "li",
    { "data-key": cursor },
    time(event.received_at),
    tag(event.type),
    h("a", { href: `/events/${event.id}` }, text ? plain(text) : h("span", { class: "faint mono" }, event.id)),
    h("span", { class: "faint mono" }, event.channel ?? ""),
  );
}

function outcomeLine({ outcome, cursor }) {
  const isGood = outcome.verdict === "delivered";
  const answer = /^\d+$/.test(outcome.result) ? outcome.result : failureWords(outcome.result);
  return h(
    "li",
    { class: "outcome", "data-key": cursor },
    time(outcome.at),
    tag(answer, isGood ? "good" : "bad"),
    h("a", { href: `/deliveries/${outcome.delivery}` }, outcome.event_type, h("span", { class: "faint" }, ` to ${outcome.host}`), outcome.attempt > 1 && h("span", { class: "faint" }, ` · try ${outcome.attempt}`)),
    h("span", { class: "faint number" }, milliseconds(outcome.ms)),
  );
}
