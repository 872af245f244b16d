// What the API's words are called on a page, and which colour they have.

import { h } from "./dom.js";
import { tag } from "./ui.js";

const STATES = {
  pending: ["Pending", ""],
  sending: ["Sending", ""],
  retrying: ["Retrying", "wait"],
  delivered: ["Delivered", "good"],
  dead: ["Dead", "bad"],
  held: ["Held", "wait"],
  cancelled: ["Cancelled", ""],
};

const REASONS = {
  unhandled: "the app has no listener for this event",
  exhausted: "no tries are left",
  no_retry: "the answer asked for no retry",
  refused: "its address is not one that is posted to",
  gone: "the endpoint says that it is gone (410)",
  lost: "the workers that tried it ended in the middle",
  expired: "its event is no longer kept",
  unreadable: "no callback can be made of it",
  http_timeout: "it took too long",
  connection_failed: "no connection came about",
  ssl_error: "the TLS connection failed",
  http_error: "the answer was not a 2xx",
  too_many_redirects: "it redirects, which is not followed",
  unknown_error: "it failed",
};

const FAILURES = {
  dns: "The name was not found",
  connect: "No connection",
  tls: "TLS failed",
  timeout: "Timed out",
  reset: "The connection broke",
  too_large: "The answer is too large",
  refused: "Not sent",
  stopped: "Broken off: the relay ended",
};

const DISABLED = {
  manual: "You disabled it.",
  gone: "It was disabled because its endpoint answered 410 Gone.",
  failing: "It was disabled because it had only failed for days.",
};

export const states = Object.entries(STATES).map(([value, [title]]) => [value, title]);
export const stateTag = (state) => tag(...STATES[state]);
export const reasonWords = (reason) => (reason ? (REASONS[reason] ?? reason) : "");
export const failureWords = (failure) => FAILURES[failure] ?? failure;
export const disabledWords = (reason) => DISABLED[reason] ?? "It is disabled.";
export const connectionKind = (kind) => ({ rtm: "RTM", socket_mode: "Socket Mode" })[kind] ?? kind;

/** Slack's markup as people read it: `<@U1>`, `<https://a.b|label>` and `&lt;` become plain. */
export function plain(text) {
  return text
    .replace(/<([@#!]?)([^|>]+)(?:\|([^>]*))?>/g, (_, mark, target, label) => (mark === "!" ? "@" : mark) + (label || target))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

/** A text that is broken, if it must be, behind the signs that part a URL. */
export function breakable(text) {
  return text.split(/(?<=[/?&])/).flatMap((piece) => [piece, h("wbr")]);
}

/** A URL's host, and the rest of it. */
export function parts(url) {
  try {
    const { host, pathname, search } = new URL(url);
    return [host, pathname === "/" && !search ? "" : pathname + search];
  } catch {
    return [url, ""];
  }
}
