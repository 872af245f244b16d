// Elements from calls, and a page brought up to date by changing only what differs: nothing flickers, focus stays.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "use", "path", "line", "rect", "circle", "g"]);
const ICONS = new URL("icons.svg", import.meta.url).pathname;

/** An element. Properties that are functions listen; `true` is an attribute without value; null and false are left out. */
export function h(tag, properties, ...children) {
  const element = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  element.listens = {};
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (typeof value === "function") {
      element[name] = value;
      element.listens[name] = value;
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  return h("svg", { "aria-hidden": "true" }, h("use", { href: `${ICONS}#${name}` }));
}

/** Lets `old` become like `next`. Children with a `data-key` stay themselves; one with `data-own` minds its own inside. */
export function morph(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  morphListeners(old, next);
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.hasAttribute("data-own")) return;
  if ("value" in old && next.hasAttribute("value") && document.activeElement !== old) old.value = next.value;
  if ("checked" in old) old.checked = next.checked;
  morphChildren(old, next);
  if (old.localName === "select" && document.activeElement !== old) old.value = next.value;
}

function morphListeners(old, next) {
  for (const name of Object.keys(old.listens ?? {})) {
    if (!next.listens?.[name]) old[name] = null;
  }
  for (const [name, listen] of Object.entries(next.listens ?? {})) old[name] = listen;
  old.listens = next.listens;
}

function morphChildren(old, next) {
  const keyed = new Map();
  for (const child of old.children) {
    if (child.dataset?.key) keyed.set(child.dataset.key, child);
  }
  let here = old.firstChild;
  for (const wanted of [...next.childNodes]) {
    const key = wanted.dataset?.key;
    const known = key ? keyed.get(key) : here && fits(here, wanted) ? here : null;
    if (known) {
      if (known === here) here = here.nextSibling;
      else old.insertBefore(known, here);
      morph(known, wanted);
    } else {
      old.insertBefore(wanted, here);
    }
  }
  while (here) {
    const gone = here;
    here = here.nextSibling;
    gone.remove();
  }
}

function fits(old, next) {
  return old.nodeType === next.nodeType && old.nodeName === next.nodeName && !old.dataset?.key && !next.dataset?.key;
}
