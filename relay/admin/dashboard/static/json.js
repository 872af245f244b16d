// JSON for reading: indented, coloured, selectable as it is.

import { h } from "./dom.js";

const PARTS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function pretty(value) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(PARTS)) {
    parts.push(text.slice(end, found.index));
    const [whole, string, colon] = found;
    if (string && colon) parts.push(h("span", { class: "key" }, string), colon);
    else parts.push(h("span", { class: string ? "text" : "literal" }, whole));
    end = found.index + whole.length;
  }
  parts.push(text.slice(end));
  return h("pre", { class: "code", tabindex: "0" }, parts);
}

/** An answer's body: JSON where it is JSON. */
export function body(text) {
  try {
    return pretty(JSON.parse(text));
  } catch {
    return h("pre", { class: "code", tabindex: "0" }, text);
  }
}
