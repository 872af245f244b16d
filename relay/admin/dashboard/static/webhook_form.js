// The form for a webhook, new or changed, with its filter tried on recent events while one types.

import { call, post } from "./api.js";
import { h } from "./dom.js";
import { tryFilter } from "./filter_trial.js";
import { go } from "./main.js";
import { button, copyable, field, open, toast } from "./ui.js";

const SUGGESTED = ["message", "app_mention", "reaction_added", "channel_*", "member_joined_channel", "*"];

export function addWebhook() {
  return edit("Add webhook", {}, async (asked, close) => {
    const made = await post("/v1/webhooks", asked);
    close();
    await showSecret(made);
    go(`/webhooks/${made.id}`);
  });
}

export function changeWebhook(webhook, refresh) {
  return edit("Edit webhook", webhook, async (asked, close) => {
    await call("PATCH", `/v1/webhooks/${webhook.id}`, asked);
    close();
    toast("Saved.");
    await refresh();
  });
}

function showSecret({ secret }) {
  return open("box", "Your webhook is ready", (close) => [
    h(
      "div",
      { class: "body form" },
      h("p", { class: "quiet" }, "Give this signing secret to your endpoint. Slack's verifiers take it as it is; Standard Webhooks libraries too."),
      copyable(secret, "Copy the secret"),
    ),
    h("footer", null, button("Done", close, { kind: "primary" })),
  ]);
}

function edit(title, webhook, save) {
  const isNew = !webhook.id;
  return open("sheet", title, (close) => {
    const form = h("form", { class: "form", id: "webhook", novalidate: true }, fields(webhook, isNew));
    const stop = tryFilter(form);
    form.onsubmit = async (event) => {
      event.preventDefault();
      complain(form, []);
      try {
        await save(collect(form, webhook), () => {
          stop();
          close();
        });
      } catch (error) {
        if (!error.errors?.length) toast(error.sentence ?? String(error), "bad");
        complain(form, error.errors ?? []);
      }
    };
    const submit = h("button", { class: "primary", form: "webhook" }, isNew ? "Add webhook" : "Save");
    return [h("div", { class: "body" }, form), h("footer", null, button("Cancel", close), submit)];
  });
}

function fields(webhook, isNew) {
  const text = (name, value = "", more = {}) => h("input", { name, value, spellcheck: "false", autocomplete: "off", ...more });
  const events = text("events", (webhook.events ?? ["message"]).join(", "), { placeholder: "message, reaction_added" });
  const suggestions = SUGGESTED.map((one) => button(one, () => append(events, one), { kind: "small" }));
  return [
    place("url", field("URL", text("url", webhook.url, { type: "url", placeholder: "https://example.com/slack/events", required: true, autofocus: true }))),
    place("events", field("Events", events, { hint: "Selectors, with commas. * is every event that Slack's Events API has too; ** also brings what only RTM has." }), h("div", { class: "tags" }, suggestions)),
    place("filter", field("Filter", h("textarea", { name: "filter", rows: 5, class: "mono", spellcheck: "false", placeholder: '{"event": {"text": [{"prefix": "deploy"}]}}' }, webhook.filter ? JSON.stringify(webhook.filter, null, 2) : ""), { hint: "A pattern over the whole envelope; empty lets everything pass." })),
    h("div", { class: "trial", "aria-live": "polite" }),
    place("channels", field("Channels", text("channels", (webhook.channels ?? []).join(", "), { placeholder: "C024BE91L" }), { hint: "Ids, with commas. None: every channel." })),
    place("description", field("Description", text("description", webhook.description, { placeholder: "What it is for", spellcheck: "true" }))),
    h("details", null, h("summary", null, "More settings"), h("div", { class: "form" }, advanced(webhook, text, isNew))),
  ];
}

function advanced(webhook, text, isNew) {
  const select = (name, options, chosen) =>
    h("select", { name }, options.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
  const check = (name, label, checked) => h("label", { class: "check" }, h("input", { type: "checkbox", name, checked }), h("span", null, label));
  const formats = [["slack", "Slack's envelope"], ["cloudevents", "CloudEvents 1.0"]];
  const orders = [["none", "No order"], ["channel", "In order in each channel"], ["all", "In order, all of them"]];
  return [
    h(
      "div",
      { class: "pair" },
      place("format", field("Format", select("format", formats, webhook.format))),
      place("order", field("Order", select("order", orders, webhook.order))),
      place("timeout", field("Timeout, seconds", text("timeout", webhook.timeout ?? 10, { type: "number", min: 1, max: 30, step: "any" }))),
      place("max_in_flight", field("At once, at most", text("max_in_flight", webhook.max_in_flight ?? 10, { type: "number", min: 1 }))),
      place("rate_limit", field("A second, at most", text("rate_limit", webhook.rate_limit ?? "", { type: "number", min: 0, step: "any", placeholder: "No limit" }))),
    ),
    place("headers", field("Own headers", h("textarea", { name: "headers", rows: 3, class: "mono", spellcheck: "false", placeholder: isNew || !webhook.header_names?.length ? "X-Team: platform" : `${webhook.header_names.join(", ")} (values are not shown)` }), { hint: "One a line. Values are kept encrypted and never shown again." })),
    check("reply", "Post the text of its 2xx answers to the channel", webhook.reply),
    isNew && check("verify", "Send Slack's url_verification challenge first", false),
  ];
}

function place(name, ...children) {
  return h("div", { class: "field", "data-field": name }, children);
}

function append(control, word) {
  const words = split(control.value);
  if (!words.includes(word)) control.value = [...words, word].join(", ");
  control.dispatchEvent(new Event("input", { bubbles: true }));
}

export const split = (text) => text.split(/[\s,]+/).filter(Boolean);

function collect(form, webhook) {
  const said = Object.fromEntries(new FormData(form));
  const asked = {
    url: said.url.trim(),
    events: split(said.events),
    channels: split(said.channels),
    description: said.description,
    filter: readFilter(said.filter),
    format: said.format,
    order: said.order,
    timeout: Number(said.timeout),
    max_in_flight: Number(said.max_in_flight),
    rate_limit: said.rate_limit ? Number(said.rate_limit) : null,
    reply: form.reply.checked,
  };
  if (said.headers.trim()) {
    const lines = said.headers.split("\n").filter((line) => line.trim());
    asked.headers = Object.fromEntries(lines.map((line) => [line.split(":")[0].trim(), line.slice(line.indexOf(":") + 1).trim()]));
  }
  if (!webhook.id && form.verify.checked) asked.verify = true;
  return asked;
}

/** The pattern, null for none. Throws what `complain` can show. */
export function readFilter(text) {
  if (!text.trim()) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw { errors: [{ field: "filter", message: `this is not JSON: ${error.message}` }] };
  }
}

function complain(form, errors) {
  for (const old of form.querySelectorAll(".wrong.told")) old.remove();
  for (const control of form.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  const left = [];
  for (const { field: name, message } of errors) {
    const at = form.querySelector(`[data-field="${name.split(".")[0]}"]`);
    if (!at) {
      left.push(`${name}: ${message}`);
      continue;
    }
    at.closest("details")?.setAttribute("open", "");
    at.querySelector("input, textarea, select").setAttribute("aria-invalid", "true");
    at.append(h("p", { class: "wrong told", role: "alert" }, message));
  }
  if (left.length) toast(left.join("; "), "bad");
  form.querySelector("[aria-invalid]")?.focus();
}
