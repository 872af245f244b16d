// The page that holds all others: which one a path shows, when it is loaded anew, how it is brought up to date.

import { Problem } from "./api.js";
import { h, morph } from "./dom.js";
import { keepCounting } from "./format.js";
import { installKeys } from "./shortcuts.js";
import { button, empty } from "./ui.js";
import connections from "./pages/connections.js";
import delivery from "./pages/delivery.js";
import event from "./pages/event.js";
import events from "./pages/events.js";
import keys from "./pages/keys.js";
import live from "./pages/live.js";
import overview from "./pages/overview.js";
import webhook from "./pages/webhook.js";
import webhooks from "./pages/webhooks.js";

// A page is made for its path; it has a `title`, `load()` the data, `view(data)` an element, perhaps `every` how many
// milliseconds it wants to be loaded anew, `start(refresh, redraw)` and `stop()`.
const PAGES = [
  [/^\/$/, overview],
  [/^\/webhooks$/, webhooks],
  [/^\/webhooks\/([^/]+)$/, webhook],
  [/^\/events$/, events],
  [/^\/events\/([^/]+)$/, event],
  [/^\/deliveries\/([^/]+)$/, delivery],
  [/^\/live$/, live],
  [/^\/connections$/, connections],
  [/^\/keys$/, keys],
];
const PATIENCE_MS = 150;

const main = document.getElementById("main");
let shown = null; // the page, what it was last given, its timer, and whether it stands there
let visit = 0; // grows with each path; what comes late for an older one is thrown away

/** Show the page of another path of ours. */
export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  show();
}

async function show() {
  const number = (visit += 1);
  const start = performance.now();
  shown?.page.stop?.();
  clearTimeout(shown?.timer);
  const page = pageOf(location.pathname);
  markPlace();
  const wait = setTimeout(() => number === visit && main.replaceChildren(skeleton()), PATIENCE_MS);
  const isFirst = shown === null;
  shown = { page, data: null, timer: null, isDrawn: false };
  await load(number);
  clearTimeout(wait);
  if (number !== visit) return;
  performance.measure(`page ${page.title}`, { start });
  document.title = `${page.title} · relay`;
  if (!isFirst) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
    document.getElementById("said").textContent = page.title;
  }
  page.start?.(() => load(visit), redraw);
}

async function load(number = visit) {
  const { page } = shown;
  clearTimeout(shown.timer);
  try {
    const data = await page.load();
    if (number !== visit) return;
    shown.data = data;
    redraw();
  } catch (error) {
    if (number !== visit) return;
    if (!(error instanceof Problem)) throw error;
    if (shown.data === null) main.replaceChildren(failed(error));
  }
  if (page.every) shown.timer = setTimeout(tick, page.every);
}

function tick() {
  if (document.visibilityState === "visible") load();
  else shown.timer = setTimeout(tick, shown.page.every);
}

function redraw() {
  const next = h("main", { id: "main", tabindex: "-1" }, shown.page.view(shown.data, { refresh: load, redraw }));
  if (shown.isDrawn) morph(main, next);
  else main.replaceChildren(...next.childNodes);
  shown.isDrawn = true;
  document.title = `${shown.page.title} · relay`;
}

function pageOf(path) {
  for (const [pattern, make] of PAGES) {
    const found = pattern.exec(path);
    if (found) return make(...found.slice(1).map(decodeURIComponent));
  }
  return { title: "Not found", load: async () => ({}), view: () => empty("events", "Nothing is here", "This path leads nowhere.") };
}

function failed(problem) {
  const title = problem.status === 404 ? "This is not here" : "This could not be loaded";
  return empty("events", title, problem.message, button("Try again", () => show(), { mark: "retry" }));
}

function skeleton() {
  return h("div", { class: "loading", "aria-label": "Loading" }, h("div", { class: "skeleton line" }), h("div", { class: "skeleton block" }));
}

function markPlace() {
  for (const link of document.querySelectorAll(".side nav a")) {
    const path = link.getAttribute("href");
    const family = path === "/events" || path === "/" ? [path] : [path, path === "/webhooks" ? "/deliveries" : path];
    const isHere = path === "/" ? location.pathname === "/" : family.some((one) => location.pathname.startsWith(one));
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const isPlain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) && event.button === 0;
  if (!link || !isPlain || link.target || link.origin !== location.origin) return;
  if (!PAGES.some(([pattern]) => pattern.test(link.pathname)) || link.hash) return;
  event.preventDefault();
  if (link.href !== location.href) go(link.pathname + link.search);
});
addEventListener("popstate", show);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && shown?.page.every && load());
keepCounting();
installKeys(go);
show();
