// Keys: g and a letter go to a page, / searches, j and k walk a list, ? tells of all these.

import { h } from "./dom.js";
import { open } from "./ui.js";

const PLACES = { o: ["/", "Overview"], w: ["/webhooks", "Webhooks"], e: ["/events", "Events"], l: ["/live", "Live"],
  c: ["/connections", "Connections"], k: ["/keys", "Keys"] }; // prettier-ignore

export function installKeys(go) {
  let going = 0;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog");
    if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
    if (Date.now() - going < 1200 && PLACES[event.key]) {
      going = 0;
      go(PLACES[event.key][0]);
    } else if (event.key === "g") going = Date.now();
    else if (event.key === "/") focus(event, "[data-search]");
    else if (event.key === "?") help();
    else if (event.key === "j" || event.key === "k") walk(event.key === "j" ? 1 : -1);
  });
}

function focus(event, selector) {
  const place = document.querySelector(selector);
  if (place) {
    event.preventDefault();
    place.focus();
  }
}

function walk(step) {
  const links = [...document.querySelectorAll("a.whole")];
  const here = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, here + step))]?.focus();
}

function help() {
  const rows = [
    ...Object.entries(PLACES).map(([key, [, name]]) => [`g ${key}`, name]),
    ["/", "Search"],
    ["j k", "Down and up in a list"],
    ["↵", "Open"],
    ["esc", "Close"],
  ];
  const list = rows.map(([keys, name]) => [h("dt", null, h("kbd", null, keys)), h("dd", null, name)]);
  open("box", "Keys", () => h("div", { class: "body" }, h("dl", { class: "facts" }, list), h("p", null, " ")));
}
