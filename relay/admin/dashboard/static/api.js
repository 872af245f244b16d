// The REST API, called with the session's cookie and the proof that this page is ours.

const said = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

export const scope = said("relay-scope");

/** A refusal: `detail` for people, `errors` by field. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? "The relay did not answer.");
    this.status = status;
    this.code = body.code ?? "unknown";
    this.errors = body.errors ?? [];
  }

  /** What to tell a person. */
  get sentence() {
    return this.errors.length ? this.errors.map((one) => `${one.field}: ${one.message}`).join("; ") : this.message;
  }
}

/** The answer's JSON, null for none. Throws Problem. */
export async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-Relay-Proof"] = said("relay-proof");
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, { code: "unreachable", detail: "The relay cannot be reached. It is tried again by itself." });
  }
  if (answer.status === 401) {
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    return new Promise(() => {}); // the page is about to go
  }
  const text = await answer.text();
  let read = null;
  try {
    read = text ? JSON.parse(text) : null;
  } catch {
    read = { detail: `The relay answered with status ${answer.status}.` };
  }
  if (!answer.ok && !(answer.status === 503 && read && "ready" in read)) throw new Problem(answer.status, read ?? {});
  return read;
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);

/** A path with the parameters that say something. */
export function query(path, parameters) {
  const kept = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return kept.length ? `${path}?${new URLSearchParams(kept)}` : path;
}
