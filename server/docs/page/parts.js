// Parts of messages and artifacts as elements. What an agent sends is shown, and
// never run: markup is text, pictures are raster formats that cannot hold scripts,
// and every other file is something to save.

import { copyButton, fileName, link, make, plain, webAddress } from "./dom.js";
import { render } from "./markdown.js";

// What is shown of one text, of one Markdown text, and of one list of parts. More
// would stop the browser that shows it.
const most = { text: 1 << 20, markdown: 128 << 10, json: 256 << 10, parts: 200 };
const pictures = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
const drawEvery = 60; // ms between drawings of a text that grows, and more where one takes long

const blobs = new Set();

/** forget lets go of the files of a conversation that is not shown any more. */
export function forget() {
  for (const address of blobs) URL.revokeObjectURL(address);
  blobs.clear();
}

/** Parts is a list of parts that may grow. Texts of one type that follow each
 * other are one text: that is how agents stream. */
export class Parts {
  #last = null;
  #count = 0;
  #texts = [];

  constructor(name = "") {
    this.name = name;
    this.element = make("div", { className: "parts" });
  }

  add(list) {
    for (const part of list ?? []) {
      if (typeof part.text === "string" && this.#last?.type === mediaType(part)) {
        this.#last.add(part.text);
      } else if (++this.#count <= most.parts) {
        this.#show(part);
      } else if (this.#count === most.parts + 1) {
        this.element.append(note("There are more parts. They are not shown."));
      }
    }
  }

  /** toString returns the texts, to be copied. */
  toString() {
    return this.#texts.join("\n\n");
  }

  #show(part) {
    this.#last = typeof part.text === "string" ? new Text(mediaType(part), part.text) : null;
    if (this.#last) this.#texts.push(this.#last);
    this.element.append(this.#last ? this.#last.element : file(part, this.name));
  }
}

const mediaType = (part) => String(part.mediaType ?? "").split(";")[0].trim().toLowerCase();
const note = (text) => make("p", { className: "faint" }, text);

/** Text is a text that may grow. */
class Text {
  #pieces = [];
  #length = 0;
  #timer = 0;
  #took = 0;

  constructor(type, text) {
    this.type = type;
    this.body = make("div", { className: "text", dir: "auto" });
    this.element = make("div", {}, this.body);
    this.add(text);
    clearTimeout(this.#timer);
    this.#draw();
  }

  add(text) {
    if (this.#length > most.text) return;
    this.#pieces.push(text);
    this.#length += text.length;
    if (!this.#styled()) this.#append(text);
    else if (!this.#timer) this.#timer = setTimeout(() => this.#draw(), Math.max(drawEvery, 5 * this.#took));
    if (this.#length > most.text) this.element.append(note("The text goes on. The rest is not shown."));
  }

  toString() {
    return this.#pieces.join("");
  }

  #styled() {
    return (this.type === "text/markdown" && this.#length <= most.markdown) || (this.type === "application/json" && this.#length <= most.json);
  }

  #append(text) {
    if (this.body.firstChild?.nodeType === Node.TEXT_NODE) this.body.append(text);
    else this.body.replaceChildren(this.#pieces.join("")); // the first text, or one that has grown too long to be styled
  }

  #draw() {
    this.#timer = 0;
    if (!this.#styled()) return;
    const begin = performance.now(), text = this.#pieces.join("");
    this.body.classList.toggle("markdown", this.type === "text/markdown");
    this.body.replaceChildren(this.type === "text/markdown" ? render(text) : json(text));
    this.body.getBoundingClientRect(); // has it laid out, which takes most of the time
    this.#took = performance.now() - begin;
  }
}

/** json is JSON, given as text, as it is easily read; text that is none, as it is. */
function json(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* not yet, or never, JSON */ }
  return make("div", { className: "code" }, copyButton(() => shown), make("pre", { tabIndex: 0 }, make("code", {}, shown)));
}

/** file shows a part that is no text. */
function file(part, name) {
  const title = plain(part.filename || name, 100);
  if (typeof part.raw === "string") return bytes(part, title);
  if (typeof part.url === "string") {
    if (keptHere(part.url)) return kept(part, title);
    return webAddress(part.url) ? make("p", { className: "file" }, link(part.url, title || plain(part.url)), make("span", { className: "faint" }, `at ${new URL(part.url).host || "another place"}`))
      : note(`A file at an address that is not shown: ${plain(part.url)}`);
  }
  if (part.data !== undefined) return data(part.data);
  return note("A part of a kind that this page does not know.");
}

/** keptHere says whether an address is one of those that this server keeps large files at. */
function keptHere(address) {
  const url = webAddress(address);
  return url !== null && new URL(url).origin === location.origin && /\/blobs\/[^/]+\/[^/]+\/[0-9a-f]{64}$/.test(new URL(url).pathname);
}

/** kept shows a large file, which the server only ever gives to be saved, or as a picture. */
function kept(part, title) {
  const name = fileName(title, "file");
  const line = make("p", { className: "file" }, make("a", { href: part.url, download: name }, make("bdi", {}, name)),
    make("span", { className: "faint" }, plain(mediaType(part), 60) || "a file"));
  return pictures.includes(mediaType(part)) ? pictured(part.url, title, line) : line;
}

function data(value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch {
    return note("JSON that nests too deep to be shown.");
  }
  if (text.length > most.json) return saved(new Blob([text], { type: "application/octet-stream" }), "data.json", "application/json");
  return json(text);
}

function bytes(part, title) {
  const type = mediaType(part);
  let content;
  try {
    content = Uint8Array.from(atob(part.raw.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  } catch {
    return note("A file that is not valid base64.");
  }
  // To be opened in a tab a file would have to be of a type that a tab shows.
  const line = saved(new Blob([content], { type: "application/octet-stream" }), fileName(title, "file"), type);
  if (!pictures.includes(type)) return line;
  return pictured(address(new Blob([content], { type })), title, line);
}

function pictured(src, title, line) {
  const image = make("img", { src, alt: title || "A picture without a description" });
  image.addEventListener("error", () => image.remove()); // it is none
  return make("figure", {}, image, make("figcaption", {}, line));
}

function address(blob) {
  const url = URL.createObjectURL(blob);
  blobs.add(url);
  return url;
}

function saved(blob, name, type) {
  const anchor = make("a", { href: address(blob), download: name }, make("bdi", {}, name));
  const size = blob.size < 1024 ? `${blob.size} bytes` : `${(blob.size / 1024).toFixed(1)} KiB`;
  return make("p", { className: "file" }, anchor, make("span", { className: "faint" }, `${plain(type, 60) || "a file"}, ${size}`));
}
