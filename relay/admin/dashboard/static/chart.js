// Lines over the last hour. The drawing stretches with its place; words stand beside it, so nothing is squeezed.

import { h } from "./dom.js";
import { clockTime } from "./format.js";

const LAST = 58; // of 59 minutes
const WIDE = LAST * 10;
const HIGH = 100;

/** `lines`: [{name, values, kind}], null for a gap; `at`: the minutes; `say`: a value as text. */
export function chart(lines, at, say, { key, label }) {
  const top = ceiling(Math.max(0, ...lines.flatMap((line) => line.values.map((value) => value ?? 0))));
  const drawn = lines.map((line) => [
    line.filled && h("path", { class: `area ${line.kind}`, d: area(line.values, top) }),
    h("path", { class: `line ${line.kind}`, d: path(line.values, top) }),
    h("path", { class: `line dot ${line.kind}`, d: dots(line.values, top) }),
  ]);
  const grid = [0, 50, 100].map((y) => h("line", { class: "grid", x1: 0, x2: WIDE, y1: y, y2: y }));
  const plot = h(
    "div",
    { class: "plot", onpointermove: (event) => point(event, lines, at, say), onpointerleave: hide },
    h("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" }, grid, drawn),
    h("div", { class: "cursor", "data-own": true }),
  );
  const scale = [top, top / 2, 0].map((value) => h("span", null, say(value)));
  const hours = [0, 15, 29, 44, LAST].map((place) => h("span", null, clockTime(at[place])));
  return h(
    "figure",
    { class: "chart", "data-key": key, role: "img", "aria-label": label },
    h("div", { class: "scale", "aria-hidden": "true" }, scale),
    plot,
    h("div", { class: "hours", "aria-hidden": "true" }, hours),
  );
}

export function legend(lines) {
  return h("ul", { class: "legend" }, lines.map((line) => h("li", { class: line.kind }, line.name)));
}

/** Sixty small columns: ok, and failed on top. */
export function sparkline(minutes, label) {
  const top = Math.max(1, ...minutes.map((minute) => minute.ok + minute.failed));
  const columns = minutes.map((minute, place) => {
    const ok = (minute.ok / top) * 20;
    const failed = (minute.failed / top) * 20;
    return [
      ok > 0 && h("rect", { class: "ok", x: place * 2, width: 1.4, y: 22 - Math.max(1, ok), height: Math.max(1, ok) }),
      failed > 0 &&
        h("rect", { class: "failed", x: place * 2, width: 1.4, y: 22 - ok - Math.max(1, failed), height: Math.max(1, failed) }),
    ];
  });
  const floor = h("line", { class: "grid", x1: 0, x2: 120, y1: 22.5, y2: 22.5 });
  return h("svg", { class: "spark", viewBox: "0 0 120 23", role: "img", "aria-label": label }, floor, columns);
}

const x = (place) => place * 10;
const y = (value, top) => Math.round((HIGH - (value / top) * HIGH) * 100) / 100;

function path(values, top) {
  let drawn = "";
  let pen = false;
  values.forEach((value, place) => {
    if (value !== null) drawn += `${pen ? "L" : "M"}${x(place)} ${y(value, top)}`;
    pen = value !== null;
  });
  return drawn || "M0 0";
}

/** Minutes between two gaps, of which no line is seen: lines of no length, with round ends. */
function dots(values, top) {
  const isGap = (place) => (values[place] ?? null) === null;
  const alone = values.map((value, place) => !isGap(place) && isGap(place - 1) && isGap(place + 1) && `M${x(place)} ${y(value, top)}h0`);
  return alone.filter(Boolean).join("") || "M0 0";
}

function area(values, top) {
  const filled = values.map((value) => value ?? 0);
  return `M0 ${HIGH}${filled.map((value, place) => `L${x(place)} ${y(value, top)}`).join("")}L${WIDE} ${HIGH}Z`;
}

/** The next round number above, so that the scale does not jump with every event. */
function ceiling(value) {
  if (value <= 4) return 4;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].map((step) => step * size).find((step) => step >= value);
}

function point(event, lines, at, say) {
  const plot = event.currentTarget;
  const box = plot.getBoundingClientRect();
  const place = Math.min(LAST, Math.max(0, Math.round(((event.clientX - box.left) / box.width) * LAST)));
  const cursor = plot.querySelector(".cursor");
  const told = lines.map((line) =>
    h("div", { class: line.kind }, h("span", null, line.name), h("b", null, line.values[place] === null ? "–" : say(line.values[place]))),
  );
  cursor.replaceChildren(h("div", { class: "tip" }, h("div", { class: "faint" }, clockTime(at[place])), told));
  cursor.style.left = `${(place / LAST) * 100}%`;
  cursor.classList.toggle("left", place > 40);
  cursor.classList.add("shown");
}

function hide(event) {
  event.currentTarget.querySelector(".cursor").classList.remove("shown");
}
