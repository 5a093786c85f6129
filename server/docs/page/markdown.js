// Markdown becomes elements here, not HTML: what agents write is not trusted, and
// markup in it stays text. It is the Markdown that agents write (headings, lists,
// tables, code, quotes, emphasis, links), not all of CommonMark. Pictures become
// links: to load one would tell a stranger who reads this. Time is linear in the
// text but for bounded factors, and nesting is bounded.

import { inline } from "./inline.js";
import { make } from "./dom.js";

const deepest = 8;

const rule = /^ {0,3}([-*_]) *(?:\1 *){2,}$/;
const heading = /^ {0,3}(#{1,6}) +(.*)$/;
const fence = /^ {0,3}(`{3,}|~{3,})[^`]*$/;
const quote = /^ {0,3}>[ ]?/;
const item = /^( {0,3})([-*+]|\d{1,9}[.)])( +|$)/;
const divider = /^ {0,3}\|? *:?-+:? *(?:\| *:?-+:? *)*\|? *$/;

/** render returns what the text means as a fragment. */
export function render(text) {
  const fragment = document.createDocumentFragment();
  for (const node of blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0)) fragment.append(node);
  return fragment;
}

function blocks(lines, depth) {
  const out = [];
  for (let at = 0, node; at < lines.length;) {
    if (lines[at].trim() === "") at++;
    else {
      [node, at] = depth < deepest && begins(lines, at) ? block(lines, at, depth) : paragraph(lines, at, depth);
      out.push(node);
    }
  }
  return out;
}

/** begins reports whether a block other than a paragraph begins at a line. */
function begins(lines, at) {
  const line = lines[at];
  return fence.test(line) || heading.test(line) || quote.test(line) || rule.test(line) || item.test(line) || isTable(lines, at);
}

const isTable = (lines, at) => lines[at].includes("|") && divider.test(lines[at + 1] ?? "") && lines[at + 1].includes("-");

/** block returns the block that begins at a line, and the line after it. */
function block(lines, at, depth) {
  const line = lines[at];
  let m;
  if ((m = fence.exec(line))) return code(lines, at, m[1]);
  if ((m = heading.exec(line))) return [make(`h${Math.min(6, m[1].length + 2)}`, {}, inline(m[2].replace(/ #+ *$/, ""))), at + 1];
  if (rule.test(line)) return [make("hr"), at + 1];
  if (quote.test(line)) return quotation(lines, at, depth);
  return item.test(line) ? list(lines, at, depth) : table(lines, at);
}

function code(lines, at, mark) {
  const body = [];
  for (at++; at < lines.length; at++) {
    const line = lines[at].trim();
    if (line.length >= mark.length && line === mark[0].repeat(line.length)) break;
    body.push(lines[at]);
  }
  return [make("pre", { tabIndex: 0 }, make("code", {}, body.join("\n"))), at + 1];
}

function quotation(lines, at, depth) {
  const body = [];
  while (at < lines.length && quote.test(lines[at])) body.push(lines[at++].replace(quote, ""));
  return [make("blockquote", {}, blocks(body, depth + 1)), at];
}

function list(lines, at, depth) {
  const ordered = /\d/.test(lines[at].trim()[0]);
  const node = make(ordered ? "ol" : "ul");
  if (ordered) node.start = parseInt(lines[at].trim(), 10);
  while (at < lines.length) {
    const m = item.exec(lines[at]);
    if (!m || /\d/.test(m[2][0]) !== ordered || rule.test(lines[at])) break;
    let next;
    [next, at] = entry(lines, at, m, depth);
    node.append(next);
  }
  return [node, at];
}

/** entry reads one item: its line, and the lines that are indented below it. */
function entry(lines, at, m, depth) {
  const body = [lines[at].slice(m[0].length)];
  const indent = m[1].length + m[2].length + 1;
  for (at++; at < lines.length; at++) {
    const line = lines[at], spaces = line.search(/\S/);
    if (spaces < 0) {
      if (!(lines[at + 1]?.search(/\S/) >= Math.min(indent, 2))) break;
      body.push("");
    } else if (spaces >= Math.min(indent, 2)) body.push(line.slice(Math.min(spaces, indent)));
    else if (body.at(-1) !== "" && !begins(lines, at)) body.push(line); // goes on without indent
    else break;
  }
  while (at < lines.length && lines[at].trim() === "" && item.test(lines[at + 1] ?? "")) at++; // a loose list
  const task = /^\[([ xX])\] +/.exec(body[0]);
  if (task) body[0] = (task[1] === " " ? "☐ " : "☑ ") + body[0].slice(task[0].length);
  const children = blocks(body, depth + 1);
  if (children[0]?.tagName === "P") children.splice(0, 1, [...children[0].childNodes]); // tight
  return [make("li", {}, children), at];
}

function table(lines, at) {
  const sides = cells(lines[at + 1]).map((c) => (c.endsWith(":") ? (c.startsWith(":") ? "center" : "right") : ""));
  const row = (line, tag) => make("tr", {}, cells(line).slice(0, sides.length).map((c, i) => make(tag, { className: sides[i] }, inline(c))));
  const body = make("tbody");
  const head = make("thead", {}, row(lines[at], "th"));
  for (at += 2; at < lines.length && lines[at].includes("|"); at++) body.append(row(lines[at], "td"));
  return [make("div", { className: "wide", tabIndex: 0 }, make("table", {}, head, body)), at];
}

function cells(line) {
  const list = line.trim().replace(/^\|/, "").match(/(?:\\.|[^|\\])+|\||\\$/g) ?? [];
  const out = [""];
  for (const piece of list) {
    if (piece === "|") out.push("");
    else out[out.length - 1] += piece.replace(/\\\|/g, "|");
  }
  if (out.length > 1 && out.at(-1).trim() === "") out.pop();
  return out.slice(0, 50).map((c) => c.trim());
}

function paragraph(lines, at, depth) {
  const body = [lines[at++]];
  while (at < lines.length && lines[at].trim() !== "" && !interrupts(lines, at, depth)) body.push(lines[at++]);
  return [make("p", {}, inline(body.map((l) => l.trimStart()).join("\n").trimEnd())), at];
}

/** interrupts reports whether a paragraph ends before a line. A year at the
 * beginning of a line begins no list. */
function interrupts(lines, at, depth) {
  const m = item.exec(lines[at]);
  if (m && /^\d/.test(m[2]) && parseInt(m[2], 10) !== 1) return false;
  return depth < deepest && begins(lines, at);
}
