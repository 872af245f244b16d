// A filter tried on the events that came last, while it is written.

import { get, post, query } from "./api.js";
import { h, icon } from "./dom.js";
import { ago } from "./format.js";
import { plain } from "./words.js";
import { readFilter, split } from "./webhook_form.js";

const SHOWN = 6;
const PAUSE_MS = 250;

/** Shows in the form's `.trial` what passes. Answers with how to stop. */
export function tryFilter(form) {
  const place = form.querySelector(".trial");
  let turn = 0;
  let timer = null;
  const look = async () => {
    const mine = (turn += 1);
    const told = await trial(form).catch((error) => error);
    if (mine === turn) place.replaceChildren(...[told instanceof Node ? told : complaint(told)].filter(Boolean));
  };
  form.addEventListener("input", (event) => {
    if (!["events", "filter"].includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE_MS);
  });
  look();
  return () => clearTimeout(timer);
}

async function trial(form) {
  const selectors = split(form.events.value);
  const filter = readFilter(form.filter.value);
  const recent = await recentOf(selectors);
  if (!selectors.length) return null;
  if (!recent.length) return h("p", { class: "hint" }, "No recent event is of these types, so there is nothing to try the filter on.");
  const verdicts = await Promise.all(
    recent.map((event) => (filter ? post("/v1/filters/test", { filter, event_id: event.id }) : { matches: true, reasons: [] })),
  );
  const passed = verdicts.filter((verdict) => verdict.matches).length;
  return h(
    "div",
    null,
    h("p", { class: "hint" }, `Of the last ${recent.length} such events, ${passed} would be sent:`),
    h("ul", null, recent.map((event, place) => line(event, verdicts[place]))),
  );
}

async function recentOf(selectors) {
  const pages = await Promise.all(
    selectors.slice(0, 5).map((type) => get(query("/v1/events", { type, limit: SHOWN })).catch(() => ({ data: [] }))),
  );
  const found = new Map(pages.flatMap((page) => page.data).map((event) => [event.id, event]));
  return [...found.values()].sort((a, b) => (a.received_at < b.received_at ? 1 : -1)).slice(0, SHOWN);
}

function line(event, { matches, reasons }) {
  const why = reasons.map((reason) => `${reason.field} ${reason.message}`).join("; ");
  return h(
    "li",
    { class: matches ? "passes" : "" },
    icon(matches ? "check" : "close"),
    h("span", { class: "hidden" }, matches ? "passes: " : "does not pass: "),
    h("span", { class: "what" }, event.text ? plain(event.text) : event.type),
    h("span", { class: "faint why", title: why || null }, matches ? ago(event.received_at) : why),
  );
}

function complaint(error) {
  const said = error.errors?.map((one) => `${one.field}: ${one.message}`).join("; ") || error.message;
  return h("p", { class: "wrong" }, said);
}
