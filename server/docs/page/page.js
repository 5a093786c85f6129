// The page: it finds out at which base it was opened, shows the card there, and
// lets its user talk to the agent.

import { byline, example, examples, needsKey, show } from "./card.js";
import { Chat } from "./chat.js";
import { find, link, make, plain, webAddress } from "./dom.js";
import { Client } from "./rpc.js";

const base = location.pathname.replace(/\/+$/, "");
// Agents of one tenant share a key; one of another tenant never gets it.
const keyName = `carrel.key:${base.slice(0, base.lastIndexOf("/") + 1)}`;

const client = new Client(base, () => sessionStorage.getItem(keyName) ?? "");
const chat = new Chat(client, find("log"), refresh);
const message = find("message");

function refresh() {
  find("empty").hidden = find("log").children.length > 1;
  find("send").hidden = chat.busy;
  find("send").textContent = chat.waiting ? "Answer" : "Send";
  find("cancel").hidden = !chat.busy && !chat.waiting;
  message.placeholder = chat.waiting ? "Your answer" : "Message the agent";
  find("context").textContent = chat.context ? `context ${chat.context.slice(0, 8)}` : "";
}

function choose(text) {
  message.value = text;
  grow();
  message.focus();
}

function grow() {
  message.rows = Math.min(8, message.value.split("\n").length);
}

async function load() {
  try {
    display(await client.card());
  } catch (error) {
    const none = error.status === 404;
    document.title = "Agent";
    find("name").textContent = none ? "No agent to be seen here" : "Agent";
    find("main").hidden = true;
    tell(none ? "" : error.message);
    gate(none ? "There is no agent at this address, or it is private. A private agent shows itself to keys of its tenant." : "", none);
  }
}

function tell(text) {
  find("problem").textContent = plain(text, 1000);
  find("problem").hidden = text === "";
}

/** gate asks for a key, or says that there is one. */
function gate(why, wanted) {
  const has = client.key() !== "";
  find("gate").hidden = !wanted && !has && find("problem").hidden;
  find("access").textContent = has ? `${why} A key is in use.`.trim() : why;
  find("forget").hidden = !has;
  find("key-form").hidden = !wanted && !has;
}

function display(card) {
  const name = plain(card.name, 100) || "Agent";
  document.title = name;
  find("name").textContent = name;
  find("mark").textContent = [...name][0].toUpperCase();
  find("byline").replaceChildren(...byline(card));
  const links = [make("a", { href: `${base}/.well-known/agent-card.json` }, "Card")];
  if (webAddress(card.documentationUrl)) links.push(link(card.documentationUrl, "Documentation"));
  find("links").replaceChildren(...links);
  find("card").replaceChildren(...show(card, choose).filter(Boolean));
  find("or").hidden = examples(card).length === 0;
  find("starters").replaceChildren(...examples(card).map((e) => example(e, choose)));
  find("main").hidden = false;
  tell("");
  gate(needsKey(card) ? "Calls to this agent need a key." : "", needsKey(card));
}

function useKey(key) {
  if (key) sessionStorage.setItem(keyName, key);
  else sessionStorage.removeItem(keyName);
  find("key").value = "";
  return load();
}

find("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = find("key").value.trim();
  if (/[^\x21-\x7e]/.test(key)) tell("A key has no spaces and no letters beyond ASCII.");
  else useKey(key);
});
find("forget").addEventListener("click", () => useKey(""));
find("fresh").addEventListener("click", () => { chat.fresh(); message.focus(); });
find("cancel").addEventListener("click", () => chat.cancel());
find("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = message.value;
  if (chat.busy || text.trim() === "") return;
  message.value = "";
  grow();
  message.focus();
  const got = await chat.send(text);
  if (!got && message.value === "") choose(text); // to be sent again
});
message.addEventListener("input", grow);
message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  find("composer").requestSubmit();
});

refresh();
load();
