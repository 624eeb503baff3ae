// Building the page. Everything that comes from an article, a question or the server goes in as text or through
// webUrl(): no module of this page sets innerHTML, and the server's Content-Security-Policy allows no inline script.

const SVG = "http://www.w3.org/2000/svg";

/**
 * One element. `props`: `class`, `dataset`, `on` (event listeners); a boolean sets or leaves out an attribute, null
 * leaves it out, anything else is the attribute's value. Children are elements or text; null is skipped.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** An icon of the sprite in index.html. It is decoration: the control around it carries the name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Foreign words in a line of ours: their own direction, so that right-to-left text moves nothing around it. */
export function foreign(tag, text, props = {}) {
  return el(tag, { dir: "auto", ...props }, text);
}

/** The address when it is a web address, else null: `javascript:`, `data:` and relative ones never become links. */
export function webUrl(address) {
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

/** A link that leaves the page, labelled with the host it goes to; null for what is no web address. */
export function outgoing(address, label) {
  const url = webUrl(address);
  if (!url) return null;
  const target = { href: url.href, target: "_blank", rel: "noopener noreferrer", class: "outgoing" };
  return el("a", target, label ? `${label} ` : "", url.hostname, icon("out"), hidden(" (opens in a new tab)"));
}

/** Text for screen readers only. */
export function hidden(text) {
  return el("span", { class: "unseen" }, text);
}

/** A button with its listener. */
export function button(label, listener, props = {}) {
  return el("button", { type: "button", on: { click: listener }, ...props }, label);
}

let announcer = 0;

/** Say one line to screen readers. The pause lets a line that repeats the last one be heard as well. */
export function announce(text) {
  const status = document.getElementById("status");
  status.textContent = "";
  clearTimeout(announcer);
  announcer = setTimeout(() => (status.textContent = text), 60);
}

/** Whether the reader asked for less motion. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
