// Times in the viewer's zone, numbers and durations as people say them.

import { h } from "./dom.js";

const LANGUAGE = navigator.language;
const whole = new Intl.NumberFormat(LANGUAGE);
const short = new Intl.NumberFormat(LANGUAGE, { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(LANGUAGE, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const full = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto", style: "short" });

export const count = (number) => whole.format(number);
export const brief = (number) => (number < 10000 ? whole.format(number) : short.format(number));
export const percent = (share) => (share === null ? "–" : share === 1 ? "100%" : `${(share * 100).toFixed(share > 0.999 ? 2 : 1)}%`);

/** "1 delivery", "3 deliveries". */
export const some = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${Number.isInteger(ms) ? ms : ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return seconds(ms / 1000);
}

export function seconds(s) {
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

export const clockTime = (moment) => clock.format(new Date(moment));

/** A time of the day, with the day if it is not today. */
export function time(moment) {
  const at = new Date(moment);
  const isToday = at.toDateString() === new Date().toDateString();
  return stamp(at, (isToday ? clockWithSeconds : dayAndClock).format(at));
}

/** "3 min ago", which goes on counting (see `keepCounting`). */
export function ago(moment) {
  const at = new Date(moment);
  return stamp(at, distance(at), { "data-ago": at.toISOString() });
}

/** Lets every `ago` on the page grow older. */
export function keepCounting() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-ago]")) {
      element.textContent = distance(new Date(element.dataset.ago));
    }
  }, 5000);
}

function stamp(at, text, more = {}) {
  return h("time", { datetime: at.toISOString(), title: full.format(at), class: "number", ...more }, text);
}

function distance(at) {
  const s = (at - Date.now()) / 1000;
  const size = Math.abs(s);
  if (size < 5) return "just now";
  if (size < 60) return relative.format(Math.round(s / 5) * 5, "second");
  if (size < 3600) return relative.format(Math.round(s / 60), "minute");
  if (size < 86400) return relative.format(Math.round(s / 3600), "hour");
  return relative.format(Math.round(s / 86400), "day");
}
