// Connections: the sockets to Slack, how they are doing, in plain words.

import { call, get, post } from "../api.js";
import { h } from "../dom.js";
import { ago, count, seconds } from "../format.js";
import { attempt, button, confirm, empty, field, open, toast } from "../ui.js";
import { connectionKind } from "../words.js";
import { connectionStatus } from "./overview.js";

export default () => ({
  title: "Connections",
  every: 3000,
  load: () => get("/v1/connections?limit=200"),
  view,
});

function view({ data }, { refresh }) {
  const add = button("Connect to Slack", () => openForm(refresh), { kind: "primary", mark: "plus" });
  const text = "With a bot token (xoxb-…) the relay listens over RTM, with an app-level token (xapp-…) over Socket Mode. The token is kept encrypted and never shown again.";
  return [
    h("div", { class: "head" }, h("div", null, h("h1", null, "Connections"), h("p", { class: "quiet" }, "The sockets on which Slack speaks.")), data.length > 0 && add),
    data.length
      ? h("div", { class: "stacked" }, data.map((one) => card(one, refresh)))
      : h("div", { class: "card" }, empty("connections", "Connect to Slack", text, add)),
  ];
}

function card(connection, refresh) {
  const path = `/v1/connections/${connection.id}`;
  const act = (work, said) => (event) => attempt(event, async () => (await work(), toast(said), refresh()));
  const pause = () => call("PATCH", path, { paused: !connection.paused });
  const remove = () =>
    confirm("Remove this connection?", "The relay lets go of Slack. Events that came stay for as long as they are kept.", "Remove", async () => {
      await call("DELETE", path);
      await refresh();
    });
  const isWell = ["connected", "stopped"].includes(connection.status);
  return h(
    "section",
    { class: "card pad", "data-key": connection.id },
    h(
      "div",
      { class: "head" },
      h("div", null, h("h2", null, connection.name || connection.id), h("p", { class: "quiet" }, connectionKind(connection.kind))),
      h(
        "div",
        { class: "actions" },
        connection.paused ? null : button("Reconnect", act(() => post(`${path}/reconnect`), "A new socket is being opened."), { kind: "small", mark: "retry" }),
        button(connection.paused ? "Resume" : "Pause", act(pause, connection.paused ? "Resumed." : "Paused."), { kind: "small" }),
        button("Edit", () => openForm(refresh, connection), { kind: "small" }),
        button("Remove", remove, { kind: "small danger" }),
      ),
    ),
    !isWell && connection.explanation ? h("p", { class: `note ${connection.status === "failed" ? "bad" : "wait"}` }, connection.explanation, connection.error && h("span", { class: "mono" }, ` (${connection.error})`)) : null,
    h(
      "dl",
      { class: "facts columns" },
      fact("Status", [connectionStatus(connection), h("span", { class: "faint" }, " since ", ago(connection.since))]),
      fact("Workspace", connection.team ?? "Not known yet"),
      fact("Bot", connection.bot_user ?? "–"),
      fact("Reconnects", count(connection.reconnects)),
      fact("Offline", connection.offline_seconds ? `${seconds(connection.offline_seconds)} in all` : "Never"),
      fact("Id", h("span", { class: "mono" }, connection.id)),
    ),
  );
}

const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

function openForm(refresh, connection = null) {
  return open("sheet", connection ? "Edit connection" : "Connect to Slack", (close) => {
    const token = h("input", { name: "token", type: "password", autocomplete: "off", spellcheck: "false", placeholder: connection ? "Unchanged" : "xoxb-… or xapp-…" });
    const name = h("input", { name: "name", value: connection?.name ?? "", placeholder: "acme", autocomplete: "off" });
    const wrong = h("p", { class: "wrong", role: "alert" });
    const form = h(
      "form",
      { class: "form", id: "connection" },
      field("Token", token, { hint: "From your app's pages at api.slack.com/apps: “OAuth & Permissions” for a bot token, “Basic Information” for an app-level token." }),
      wrong,
      field("Name", name, { hint: "For you; it appears here and in the log." }),
    );
    form.onsubmit = async (event) => {
      event.preventDefault();
      wrong.textContent = "";
      try {
        await save(connection, token.value.trim(), name.value.trim());
        close();
        await refresh();
      } catch (error) {
        wrong.textContent = error.sentence ?? String(error);
      }
    };
    return [
      h("div", { class: "body" }, form),
      h("footer", null, button("Cancel", close), h("button", { class: "primary", form: "connection" }, connection ? "Save" : "Connect")),
    ];
  });
}

function save(connection, token, name) {
  if (connection) return call("PATCH", `/v1/connections/${connection.id}`, { name, ...(token ? { token } : {}) });
  return post("/v1/connections", { kind: token.startsWith("xapp-") ? "socket_mode" : "rtm", token, name });
}
