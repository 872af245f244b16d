// One attempt: what was sent where, what was answered, how long it took.

import { h } from "./dom.js";
import { milliseconds, time } from "./format.js";
import { body } from "./json.js";
import { tag } from "./ui.js";
import { failureWords } from "./words.js";

export function attemptTag({ status, failure }) {
  if (status === null) return tag(failureWords(failure), "bad");
  return tag(String(status), status >= 200 && status < 300 ? "good" : "bad");
}

/** The whole of it, for a sheet or a list. */
export function attemptParts(attempt) {
  return h(
    "div",
    { class: "form" },
    h("div", { class: "spread" }, attemptTag(attempt), h("span", { class: "faint number" }, milliseconds(attempt.duration_ms))),
    attempt.detail && h("p", { class: "note bad" }, attempt.detail),
    h("dl", { class: "facts" }, h("dt", null, "Sent to"), h("dd", { class: "mono" }, attempt.url), h("dt", null, "At"), h("dd", null, time(attempt.at))),
    Object.keys(attempt.headers).length > 0 && [h("h3", null, "Answer's headers"), headerList(Object.entries(attempt.headers))],
    attempt.status !== null && [h("h3", null, "Answer's body"), attempt.excerpt ? body(attempt.excerpt) : h("p", { class: "faint" }, "Empty.")],
  );
}

export function headerList(headers) {
  return h("dl", { class: "facts headers mono" }, headers.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}
