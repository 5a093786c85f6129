// Elements are made here and nowhere else. Text is always a text node, and the
// only addresses that become links are those of the web and of mail.

/** make returns an element. Properties are set as such, so none is parsed;
 * children are elements, strings, nothing, and lists of them. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== "") element.append(child);
  }
  return element;
}

/** find returns the element of an id of the page. */
export const find = (id) => document.getElementById(id);

/** webAddress returns an address that may become a link, or null. */
export function webAddress(text) {
  if (typeof text !== "string" || text.length > 2000) return null;
  let url;
  try {
    url = new URL(text); // relative addresses would be ours, and are none
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** link returns a link that tells its target nothing, or just the children. */
export function link(address, ...children) {
  const href = webAddress(address);
  if (href === null) return make("span", {}, ...children);
  return make("a", { href, title: href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

// What is not seen, or turns text around: a name with it could look like another.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** plain returns a name of one line, without what is not seen, at most so long. */
export function plain(text, most = 200) {
  const one = String(text ?? "").slice(0, most * 4).replace(unseen, " ").replace(/\s+/g, " ").trim();
  return [...one].length > most ? [...one].slice(0, most).join("") + "…" : one;
}

/** fileName returns a name under which a file may be saved. */
export function fileName(text, otherwise) {
  const name = plain(text, 100).replace(/[\\/:*?"<>|]/g, "_").replace(/^[.\s]+|[.\s]+$/g, "");
  return name || otherwise;
}

/** copyButton copies what text returns, where the browser lets a page do that. */
export function copyButton(text, label = "Copy") {
  const button = make("button", { type: "button", className: "quiet small", textContent: label });
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}
