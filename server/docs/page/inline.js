// What stands within a line of Markdown: emphasis, code, links.

import { link, make, webAddress } from "./dom.js";

const deepest = 16;
const tags = { "**": "strong", "__": "strong", "*": "em", "_": "em", "~~": "del" };

// Sticky: they are tried where the scanner stands. All are bounded in length.
const plainText = /[^\\`*_~[\]!<h\n]{1,4000}/y;
const escaped = /\\([!-/:-@[-`{-~])/y;
const ticks = /`+/y;
const target = /\( {0,9}<?([^\s<>()]{0,1000}(?:\([^\s<>()]{0,200}\)[^\s<>()]{0,200}){0,4})>?(?: {1,9}"[^"\n]{0,300}")? {0,9}\)/y;
const angled = /<((?:https?:\/\/|mailto:)[^\s<>]{1,1000})>/y;
const bare = /https?:\/\/[^\s<>"'`|*[\]]{1,1000}/y;

/** inline returns what a text means: elements, and strings that stay text. */
export function inline(text) {
  return new Scanner(text).run();
}

/** Scanner goes over the text once. Its frames are what was opened and not yet
 * closed; what is never closed is text. Pieces of text are joined at the end
 * only: to join them one by one would cost the square of their number. */
class Scanner {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.frames = [{ mark: "", nodes: [] }];
    this.unclosed = new Set(); // lengths of backticks that close nothing any more
  }

  run() {
    while (this.at < this.text.length) this.step();
    while (this.frames.length > 1) this.flatten();
    return joined(this.frames[0].nodes);
  }

  step() {
    const c = this.text[this.at];
    if (this.accept(plainText, (m) => this.put(m[0])) || this.accept(escaped, (m) => this.put(m[1]))) return;
    if (c === "`" && this.code()) return;
    if ((c === "*" || c === "_" || c === "~") && this.emphasis(c)) return;
    if (c === "[" && this.open("[", 1)) return;
    if (c === "!" && this.text[this.at + 1] === "[" && this.open("![", 2)) return;
    if (c === "]" && this.link()) return;
    if (c === "<" && this.accept(angled, (m) => this.address(m[1]))) return;
    if (c === "h" && this.accept(bare, (m) => this.sentence(m[0]))) return;
    if (c === "\n" && this.broken()) return;
    this.put(c);
    this.at++;
  }

  accept(pattern, then) {
    pattern.lastIndex = this.at;
    const m = pattern.exec(this.text);
    if (!m) return false;
    this.at += m[0].length;
    then(m);
    return true;
  }

  put(node) {
    this.frames.at(-1).nodes.push(node);
  }

  open(mark, length) {
    if (this.frames.length >= deepest) return false;
    this.frames.push({ mark, nodes: [] });
    this.at += length;
    return true;
  }

  /** flatten makes text of what the last frame opened. */
  flatten() {
    const { mark, nodes } = this.frames.pop();
    this.put(mark);
    for (const node of nodes) this.put(node);
  }

  /** close ends a frame, and those within it as text, and returns what is in it. */
  close(index) {
    while (this.frames.length > index + 1) this.flatten();
    return joined(this.frames.pop().nodes);
  }

  code() {
    ticks.lastIndex = this.at;
    const mark = ticks.exec(this.text)[0], begin = this.at + mark.length;
    const end = this.unclosed.has(mark.length) ? -1 : this.closing(mark, begin);
    if (end < 0) {
      this.unclosed.add(mark.length);
      this.put(mark);
      this.at = begin;
      return true;
    }
    const body = this.text.slice(begin, end).replace(/\n/g, " ");
    this.put(make("code", {}, /^ .*[^ ].* $/.test(body) ? body.slice(1, -1) : body));
    this.at = end + mark.length;
    return true;
  }

  closing(mark, from) {
    for (let at = this.text.indexOf(mark, from); at >= 0;) {
      let end = at;
      while (this.text[end] === "`") end++;
      if (end - at === mark.length) return at;
      at = this.text.indexOf(mark, end);
    }
    return -1;
  }

  emphasis(c) {
    const double = this.text[this.at + 1] === c && !(this.text[this.at + 2] === c && this.frames.at(-1).mark === c); // ***both***
    if (c === "~" && !double) return false;
    const mark = double ? c + c : c;
    const before = this.text[this.at - 1] ?? " ", after = this.text[this.at + mark.length] ?? " ";
    const inWord = c === "_" && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
    const opened = this.frames.findLastIndex((f) => f.mark === mark);
    if (opened > 0 && !/\s/.test(before) && !inWord) {
      this.at += mark.length;
      const nodes = this.close(opened);
      if (nodes.length > 0) this.put(make(tags[mark], {}, nodes));
      else this.put(mark + mark);
      return true;
    }
    return !/\s/.test(after) && !inWord && this.open(mark, mark.length);
  }

  link() {
    const opened = this.frames.findLastIndex((f) => !f.dead && f.mark.endsWith("["));
    if (opened < 1) return false;
    target.lastIndex = this.at + 1;
    const m = target.exec(this.text);
    if (!m || webAddress(m[1]) === null) {
      while (this.frames.length > opened) this.flatten();
      return false; // the bracket, and the address, are text
    }
    this.at += 1 + m[0].length;
    const sign = this.frames[opened].mark === "![" ? "🖼 " : "";
    const nodes = this.close(opened);
    this.put(link(m[1], sign, nodes.length > 0 ? nodes : m[1]));
    for (const f of this.frames) f.dead = true; // no link within a link
    return true;
  }

  /** address puts one that stands in the text. It is no link within brackets,
   * which may become one. */
  address(href) {
    this.put(this.frames.some((f) => !f.dead && f.mark.endsWith("[")) ? href : link(href, href));
  }

  /** sentence puts an address without what ends the sentence it stands in. */
  sentence(found) {
    let kept = found.replace(/[.,;:!?]{1,9}$/, "");
    if (kept.endsWith(")") && !kept.includes("(")) kept = kept.slice(0, -1);
    this.at -= found.length - kept.length;
    this.address(kept);
  }

  /** broken: two spaces, or a backslash, before the end of a line break it. */
  broken() {
    const { nodes } = this.frames.at(-1), last = nodes.at(-1);
    const hard = typeof last === "string" && /( {2}|\\)$/.test(last);
    if (hard) nodes[nodes.length - 1] = last.replace(/ {1,9}$|\\$/, "");
    this.put(hard ? make("br") : "\n");
    this.at++;
    return true;
  }
}

/** joined returns the nodes with strings that stand side by side made one. */
function joined(nodes) {
  const out = [];
  let text = [];
  for (const node of [...nodes, null]) {
    if (typeof node === "string") {
      text.push(node);
      continue;
    }
    if (text.length > 0) out.push(text.join(""));
    text = [];
    if (node) out.push(node);
  }
  return out;
}
