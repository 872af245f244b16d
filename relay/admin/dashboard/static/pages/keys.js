// Keys: who else may ask the API, and for what.

import { call, get, post, query } from "../api.js";
import { h } from "../dom.js";
import { ago, time } from "../format.js";
import { button, confirm, copyable, empty, field, open, tag } from "../ui.js";
import { parts } from "../words.js";

const SCOPES = {
  read: ["Read", "Everything may be looked at, but no secret."],
  owner: ["Owner", "One webhook, to look at and to change."],
  admin: ["Admin", "Everything."],
};

export default () => ({
  title: "Keys",
  every: 15000,
  load: async () => {
    const [keys, webhooks] = await Promise.all([get("/v1/keys?limit=200"), get(query("/v1/webhooks", { limit: 200 }))]);
    return { keys: keys.data, webhooks: webhooks.data };
  },
  view,
});

function view({ keys, webhooks }, { refresh }) {
  const add = button("Make a key", () => openForm(webhooks, refresh), { kind: "primary", mark: "plus" });
  const text = "A key lets a program ask the API without the admin token, for no more than it needs. It can be revoked at any time.";
  return [
    h("div", { class: "head" }, h("div", null, h("h1", null, "Keys"), h("p", { class: "quiet" }, "Who else may ask the API.")), keys.length > 0 && add),
    h("div", { class: "card list" }, keys.length ? table(keys, webhooks, refresh) : empty("keys", "No key yet", text, add)),
  ];
}

function table(keys, webhooks, refresh) {
  const columns = [["name", "Name"], ["scope", "Scope"], ["when", "Made"], ["when", "Last used"], ["act", ""]];
  return h(
    "table",
    { class: "keys" },
    h("thead", null, h("tr", null, columns.map(([size, name]) => h("th", { class: size, scope: "col" }, name || h("span", { class: "hidden" }, "Actions"))))),
    h("tbody", null, keys.map((key) => row(key, webhooks, refresh))),
  );
}

function row(key, webhooks, refresh) {
  const revoke = () =>
    confirm(`Revoke ${key.name || key.id}?`, "Whoever uses this key is refused from now on.", "Revoke", async () => {
      await call("DELETE", `/v1/keys/${key.id}`);
      await refresh();
    });
  const owned = (key.webhooks ?? []).map((id) => webhooks.find((one) => one.id === id)).map((one) => one && parts(one.url)[0]);
  return h(
    "tr",
    { "data-key": key.id },
    h("td", null, h("b", null, key.name || key.id), h("span", { class: "second mono" }, key.id)),
    h("td", null, tag(SCOPES[key.scope][0]), owned.length > 0 && h("span", { class: "faint" }, ` ${owned.filter(Boolean).join(", ")}`)),
    h("td", { class: "faint" }, time(key.created_at)),
    h("td", { class: "faint" }, key.last_used_at ? ago(key.last_used_at) : "Never"),
    h("td", { class: "right" }, button("Revoke", revoke, { kind: "small danger" })),
  );
}

function openForm(webhooks, refresh) {
  return open("sheet", "Make a key", (close) => {
    const name = h("input", { name: "name", placeholder: "ci", autocomplete: "off" });
    const webhook = field("Webhook", h("select", { name: "webhook" }, webhooks.map((one) => h("option", { value: one.id }, parts(one.url).join("")))));
    webhook.hidden = true;
    const scopes = h("div", { class: "form", role: "radiogroup", "aria-label": "Scope" }, Object.entries(SCOPES).map(([value, [title, text]], place) =>
      h("label", { class: "check" }, h("input", { type: "radio", name: "scope", value, checked: place === 0, onchange: () => (webhook.hidden = value !== "owner") }), h("span", null, h("b", null, title), h("span", { class: "faint" }, ` ${text}`)))));
    const wrong = h("p", { class: "wrong", role: "alert" });
    const form = h("form", { class: "form", id: "key" }, field("Name", name, { hint: "Who uses it." }), scopes, webhook, wrong);
    form.onsubmit = async (event) => {
      event.preventDefault();
      const scope = form.scope.value;
      try {
        const made = await post("/v1/keys", { name: name.value.trim(), scope, ...(scope === "owner" ? { webhooks: [form.webhook.value] } : {}) });
        close();
        await refresh();
        await show(made);
      } catch (error) {
        wrong.textContent = error.sentence ?? String(error);
      }
    };
    return [h("div", { class: "body" }, form), h("footer", null, button("Cancel", close), h("button", { class: "primary", form: "key" }, "Make the key"))];
  });
}

function show(made) {
  return open("box", "The key is made", (close) => [
    h("div", { class: "body form" }, h("p", { class: "quiet" }, "Copy it now: only its hash is kept, so it is never shown again."), copyable(made.key ?? made.token, "Copy the key")),
    h("footer", null, button("Done", close, { kind: "primary" })),
  ]);
}
