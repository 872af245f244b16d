// One attempt: what was sent where, what was answered, and where the time went.

import { h } from "./dom.js";
import { milliseconds, time } from "./format.js";
import { body } from "./json.js";
import { tag } from "./ui.js";
import { failureWords } from "./words.js";

const STAGES = [
  ["Name", "dns_ms", "idle"],
  ["Connect", "connect_ms", "wait"],
  ["TLS", "tls_ms", "good"],
  ["Answer", "first_byte_ms", "one"],
  ["Rest", "total_ms", "two"],
];

export function attemptTag({ status, failure }) {
  if (status === null) return tag(failureWords(failure), "bad");
  return tag(String(status), status >= 200 && status < 300 ? "good" : "bad");
}

export function attemptParts(attempt) {
  const headers = Object.entries(attempt.headers ?? {});
  const sent = Object.entries(attempt.request_headers ?? {});
  return h(
    "div",
    { class: "form" },
    attempt.detail && h("p", { class: "note bad" }, attempt.detail),
    h("dl", { class: "facts" }, h("dt", null, "Sent to"), h("dd", { class: "mono" }, attempt.url), h("dt", null, "At"), h("dd", null, time(attempt.at))),
    attempt.timing && timing(attempt.timing),
    attempt.status !== null && part("Answer", attempt.excerpt ? body(attempt.excerpt) : h("p", { class: "faint" }, "Its body is empty.")),
    headers.length > 0 && folded("Headers of the answer", headerList(headers)),
    sent.length > 0 && folded("Headers of the request", headerList(sent)),
  );
}

const part = (title, content) => h("div", { class: "field" }, h("h3", null, title), content);
const folded = (title, content) => h("details", null, h("summary", null, title), content);

export function headerList(headers) {
  return h("dl", { class: "facts headers mono" }, headers.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

/** Each stage's own time, from the moments at which they were done. */
function timing(done) {
  let before = 0;
  const stages = [];
  for (const [name, key, kind] of STAGES) {
    if (done[key] - before < 0.05) continue;
    stages.push({ name, kind, ms: done[key] - before });
    before = done[key];
  }
  const bars = stages.map(({ kind, ms }) => {
    const bar = h("div", { class: `part ${kind}` });
    bar.style.flexGrow = ms;
    return bar;
  });
  return h(
    "div",
    { class: "timing" },
    h("div", { class: "stack", "aria-hidden": "true", "data-key": stages.map((stage) => stage.ms).join() }, bars),
    h("ul", null, stages.map(({ name, kind, ms }) => h("li", null, h("span", { class: `swatch ${kind}` }), name, h("b", { class: "number" }, milliseconds(ms))))),
  );
}
