// Small parts that many pages use: dialogs, toasts, empty states, things to copy.

import { h, icon } from "./dom.js";

/** Says something in the corner for a while. */
export function toast(text, kind = "") {
  const element = h("div", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), kind === "bad" ? 8000 : 3500);
}

/** Runs `work`; what the relay refuses is said. Answers whether it went well. The button waits meanwhile. */
export async function attempt(event, work) {
  const button = event?.currentTarget ?? null;
  if (button?.disabled) return false;
  if (button) button.disabled = true;
  try {
    await work();
    return true;
  } catch (error) {
    toast(error.sentence ?? String(error), "bad");
    return false;
  } finally {
    if (button) button.disabled = false;
  }
}

export function button(label, onclick, { kind = "", mark = null, ...more } = {}) {
  return h("button", { type: "button", class: kind, onclick, ...more }, mark && icon(mark), label);
}

export const status = (word, kind) => h("span", { class: `status ${kind}` }, word);
export const tag = (word, kind = "") => h("span", { class: `tag ${kind}` }, word);

export function empty(mark, title, text, ...actions) {
  return h(
    "div",
    { class: "empty" },
    icon(mark),
    h("h2", null, title),
    h("p", null, text),
    actions.length ? h("div", { class: "actions" }, actions) : null,
  );
}

/** Code with a button that copies it. */
export function copyable(text, label = "Copy") {
  return h("div", { class: "copy" }, h("code", { tabindex: "0", "aria-label": text }, text), copier(text, label));
}

export function copier(text, label = "Copy") {
  return h(
    "button",
    {
      type: "button",
      class: "icon",
      title: label,
      "aria-label": label,
      onclick: async () => {
        await navigator.clipboard.writeText(text);
        toast("Copied.");
      },
    },
    icon("copy"),
  );
}

/** A dialog with `parts(close)` in it: a "sheet" at the side or a "box". Answers when it is closed. */
export function open(kind, title, parts) {
  const before = document.activeElement;
  const id = `dialog-${Date.now()}`;
  const dialog = h("dialog", { class: kind, "aria-labelledby": id });
  const close = () => dialog.close();
  const shut = button("", close, { kind: "icon", mark: "close", "aria-label": "Close", title: "Close" });
  dialog.append(h("header", null, h("h2", { id }, title), shut), ...[parts(close)].flat());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve();
    };
    dialog.onclick = (event) => {
      if (event.target === dialog && kind === "box") close();
    };
  });
}

/** Asks before something that cannot be undone. */
export function confirm(title, text, label, work) {
  return open("box", title, (close) => [
    h("div", { class: "body" }, h("p", { class: "quiet" }, text)),
    h(
      "footer",
      null,
      button("Cancel", close),
      button(label, async (event) => (await attempt(event, work)) && close(), { kind: "danger" }),
    ),
  ]);
}

/** A row of buttons of which one is pressed. */
export function choice(label, options, chosen, choose) {
  const buttons = options.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": String(value === chosen), onclick: () => choose(value) }, text),
  );
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/** A field of a form: its label, the control, a hint, and what is wrong with it. */
export function field(label, control, { hint = null, wrong = null } = {}) {
  const id = control.id || `field-${control.name}`;
  control.id = id;
  const notes = [];
  if (hint) notes.push(h("p", { class: "hint", id: `${id}-hint` }, hint));
  if (wrong) notes.push(h("p", { class: "wrong", id: `${id}-wrong`, role: "alert" }, wrong));
  if (notes.length) control.setAttribute("aria-describedby", notes.map((note) => note.id).join(" "));
  if (wrong) control.setAttribute("aria-invalid", "true");
  return h("div", { class: "field" }, h("label", { for: id }, label), control, notes);
}

export function back(href, label) {
  return h("a", { class: "back", href }, icon("back"), label);
}
