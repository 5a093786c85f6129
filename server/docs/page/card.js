// The agent's card: who it is, what it can do, and how to call it.

import { copyButton, link, make, plain } from "./dom.js";

/** needsKey reports whether the card says that calls need credentials. */
export const needsKey = (card) => Object.keys(card.securitySchemes ?? {}).length > 0;

/** examples returns what the skills give as examples, a few of them. */
export const examples = (card) => (card.skills ?? []).flatMap((s) => s.examples ?? []).filter((e) => typeof e === "string").slice(0, 4);

/** show returns the sections of the card. choose is called with an example that is chosen. */
export function show(card, choose) {
  return [
    make("section", {}, make("h2", {}, "About"), make("p", { className: "description", dir: "auto" }, String(card.description ?? "").slice(0, 4000)), facts(card)),
    make("section", {}, make("h2", {}, "Skills"), ...(card.skills ?? []).slice(0, 100).map((s) => skill(s, choose))),
    calling(card),
    make("section", {}, make("h2", {}, "Interfaces"), interfaces(card)),
  ];
}

/** byline says whose the agent is. */
export function byline(card) {
  const by = card.provider?.organization ? ["by ", link(card.provider.url, make("bdi", {}, plain(card.provider.organization, 100))), " · "] : [];
  return [...by, `version ${plain(card.version, 40)}`];
}

function facts(card) {
  const can = card.capabilities ?? {};
  const chips = [
    can.streaming && "streams", can.pushNotifications && "push notifications", can.extendedAgentCard && "extended card",
    card.signatures?.length && "signed card", needsKey(card) ? "needs a key" : "no key needed",
  ];
  const extensions = (can.extensions ?? []).slice(0, 20).map((e) => make("li", {}, link(e.uri, plain(e.uri)), e.required ? " (required)" : ""));
  return make("div", {},
    make("ul", { className: "chips" }, chips.filter(Boolean).map((c) => make("li", {}, c))),
    make("dl", {},
      make("dt", {}, "Takes"), make("dd", {}, modes(card.defaultInputModes)), make("dt", {}, "Answers"), make("dd", {}, modes(card.defaultOutputModes))),
    extensions.length > 0 && make("details", {}, make("summary", {}, "Extensions"), make("ul", {}, extensions)) || null);
}

const modes = (list) => plain((list ?? []).slice(0, 20).join(", "), 400);

function skill(s, choose) {
  const list = (s.examples ?? []).filter((e) => typeof e === "string").slice(0, 10);
  return make("article", { className: "skill" },
    make("h3", {}, make("bdi", {}, plain(s.name, 100))),
    make("p", { dir: "auto" }, plain(s.description, 1000)),
    make("ul", { className: "tags", "aria-label": "Tags" }, (s.tags ?? []).slice(0, 20).map((t) => make("li", {}, plain(t, 40)))),
    list.map((e) => example(e, choose)));
}

/** example returns a button that chooses an example. */
export function example(text, choose) {
  const button = make("button", { type: "button", className: "example", dir: "auto" }, plain(text, 160));
  button.addEventListener("click", () => choose(text));
  return button;
}

function calling(card) {
  const line = curl(card);
  if (!line) return null;
  return make("section", {}, make("h2", {}, "Call it"),
    needsKey(card) ? make("p", { className: "faint" }, "With your key in the environment variable ", make("code", {}, "CARREL_TOKEN"), ":") : null,
    make("div", { className: "code curl" }, copyButton(() => line), make("pre", { tabIndex: 0 }, make("code", { id: "curl" }, line))));
}

/** curl returns a line for a POSIX shell that sends a message to the agent. */
export function curl(card) {
  const at = (card.supportedInterfaces ?? []).find((i) => i.protocolBinding === "JSONRPC");
  if (!at) return "";
  const message = { messageId: "1", role: "ROLE_USER", parts: [{ text: examples(card)[0] ?? "hello" }] };
  const params = at.tenant ? { tenant: at.tenant, message } : { message };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "SendMessage", params });
  const key = needsKey(card) ? ` \\\n  -H "Authorization: Bearer $CARREL_TOKEN"` : "";
  return `curl -s ${quoted(at.url)} \\\n  -H 'Content-Type: application/json' -H 'A2A-Version: 1.0'${key} \\\n  -d ${quoted(body)}`;
}

// What is not ASCII is escaped in the JSON already where it could be unseen here.
const quoted = (text) => `'${text.replace(/[\u0000-\u001f\u007f-\uffff]/g, unit).replace(/'/g, `'\\''`)}'`;
const unit = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;

function interfaces(card) {
  const rows = (card.supportedInterfaces ?? []).slice(0, 20).map((i) => make("tr", {},
    make("td", {}, plain(i.protocolBinding, 40)), make("td", {}, plain(i.protocolVersion, 20)),
    make("td", { className: "mono" }, plain(i.url, 300), i.tenant ? make("span", { className: "faint" }, ` tenant ${plain(i.tenant, 140)}`) : null)));
  return make("div", { className: "wide", tabIndex: 0 }, make("table", {},
    make("thead", {}, make("tr", {}, ["Binding", "Version", "Address"].map((h) => make("th", { scope: "col" }, h)))), make("tbody", {}, rows)));
}
