// The article beside the answer, opened at the exact words of a citation.

import { get } from "./api.js";
import { calm, el, foreign, icon, outgoing } from "./dom.js";
import { count, dayAndTime, locate, oneLine, origin } from "./text.js";
import { notices } from "./turn.js";

const NARROW = matchMedia("(max-width: 899px)");
const byId = (id) => document.getElementById(id);

/**
 * The pane. `open` shows one of several citations; on a narrow screen the pane covers the page, which is then inert.
 * `fetchArticle(id)` gets an article; `fallback` is where the focus goes when what opened the pane is gone.
 */
export class Reader {
  #citations = [];
  #index = 0;
  #shown = null; // the article on display
  #opener = null;
  #request = 0;

  constructor({ fetchArticle, fallback }) {
    this.fetchArticle = fetchArticle;
    this.fallback = fallback;
    this.pane = byId("reader");
    byId("reader-close").addEventListener("click", () => this.close());
    byId("reader-back").addEventListener("click", () => this.step(-1));
    byId("reader-next").addEventListener("click", () => this.step(1));
    NARROW.addEventListener("change", () => this.#cover());
    addEventListener("popstate", () => this.followAddress());
  }

  get isOpen() {
    return !this.pane.hidden;
  }

  /** Show the words of `citations[index]`; `opener` gets the focus back when the pane closes. */
  async open(citations, index, opener) {
    const address = citationAddress(citations[index]);
    if (this.isOpen) history.replaceState(history.state, "", address);
    else history.pushState({ reader: true }, "", address);
    if (opener) this.#opener = opener;
    await this.#show(citations, index);
  }

  /** Show the citation before or after, as far as there is one. */
  async step(by) {
    const next = this.#index + by;
    if (!this.isOpen || !this.#citations[next]) return;
    await this.open(this.#citations, next);
  }

  /** Close the pane; the focus goes back to where it came from. */
  close() {
    if (!this.isOpen) return;
    const ours = history.state?.reader === true;
    this.#hide();
    if (ours) history.back();
    else history.replaceState(null, "", location.pathname + location.search);
  }

  /** Open what the address names (`#article=ID&start=0&end=10`), or close where it names nothing. */
  followAddress() {
    const named = new URLSearchParams(location.hash.slice(1));
    const id = named.get("article");
    if (!id) return this.#hide();
    const [start, end] = [Number(named.get("start")) || 0, Number(named.get("end")) || 0];
    const known = this.#citations.findIndex((c) => c.article_id === id && c.start === start && c.end === end);
    return known < 0 ? this.#show([{ article_id: id, start, end }], 0) : this.#show(this.#citations, known);
  }

  async #show(citations, index) {
    const citation = citations[index];
    const request = (this.#request += 1);
    this.#citations = citations;
    this.#index = index;
    this.pane.hidden = false;
    document.body.dataset.reader = "open";
    this.#cover();
    this.#mark();
    this.#place();
    const again = this.#shown?.id === citation.article_id;
    if (!again) this.#head({ ...citation, id: null, text: null });
    try {
      const article = again ? this.#shown : await this.fetchArticle(citation.article_id);
      if (request !== this.#request || !this.isOpen) return;
      this.#head(article);
      this.#text(article, citation, again);
    } catch (error) {
      if (request === this.#request) this.#failed(error, citation);
    }
  }

  #hide() {
    if (!this.isOpen) return;
    this.#request += 1;
    this.#shown = null;
    this.pane.hidden = true;
    delete document.body.dataset.reader;
    this.#cover();
    this.#mark();
    const target = this.#opener?.isConnected ? this.#opener : this.fallback;
    this.#opener = null;
    target.focus();
  }

  /** A narrow screen shows the article alone: nothing behind it can be reached. */
  #cover() {
    const covered = this.isOpen && NARROW.matches;
    for (const node of document.querySelectorAll(".top, .talk, .skip")) node.inert = covered;
  }

  /** In the answer, mark the citation that is open. */
  #mark() {
    for (const chip of document.querySelectorAll('[aria-current="true"]')) chip.removeAttribute("aria-current");
    if (this.isOpen && this.#opener?.isConnected) this.#opener.setAttribute("aria-current", "true");
  }

  #place() {
    const many = this.#citations.length > 1;
    byId("reader-place").textContent = many ? `${this.#index + 1} of ${this.#citations.length}` : "";
    for (const [id, by] of [["reader-back", -1], ["reader-next", 1]]) {
      byId(id).hidden = !many;
      byId(id).setAttribute("aria-disabled", String(!this.#citations[this.#index + by]));
    }
  }

  #head(article) {
    this.#shown = article.id ? article : null;
    byId("reader-source").textContent = article.source ?? "";
    byId("reader-origin").textContent = origin(article);
    byId("reader-title").textContent = article.title ?? "Article";
    const names = (article.authors ?? []).map((author) => foreign("span", oneLine(author)));
    const authors = names.flatMap((name, at) => (at ? [", ", name] : [name]));
    const byline = [authors.length ? authors : null, dayAndTime(article.published), outgoing(article.url)];
    byId("reader-byline").replaceChildren(...byline.filter(Boolean).map(fact));
    byId("reader-colophon").replaceChildren(article.license ? foreign("span", `Licence: ${article.license}`) : "");
    byId("reader-notes").replaceChildren();
    const text = byId("reader-text");
    // An empty `lang` says "unknown": the article must not be read out or hyphenated as English.
    const language = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(article.language ?? "") ? article.language : "";
    text.lang = byId("reader-title").lang = language;
    if (!article.text) text.replaceChildren(el("p", { class: "note" }, "Opening the article …"));
  }

  #text(article, citation, again) {
    const main = citation.end > citation.start ? locate(article.text, citation) : null;
    const others = this.#citations.filter((c) => c !== citation && c.article_id === article.id);
    const marks = main ? [{ ...main, cited: true }] : [];
    for (const other of others) {
      const found = locate(article.text, other);
      if (found && marks.every((mark) => found.end <= mark.start || found.start >= mark.end)) marks.push(found);
    }
    byId("reader-text").replaceChildren(...paragraphs(article.text, marks));
    byId("reader-notes").replaceChildren(...this.#notes(citation, main));
    const first = byId("reader-text").querySelector("mark.cited");
    if (!first) return byId("reader-title").focus();
    first.focus({ preventScroll: true });
    first.scrollIntoView({ block: "center", behavior: again && !calm() ? "smooth" : "instant" });
  }

  #notes(citation, found) {
    const lines = [...notices(citation)];
    const quoted = citation.end > citation.start;
    if (quoted && !found) lines.push("The article was changed since this answer: it no longer has the quoted words.");
    if (found?.moved) lines.push("The article was changed since this answer: the quoted words stand elsewhere now.");
    const facts = [];
    if (citation.speaker) facts.push(fact(["Said by ", foreign("b", oneLine(citation.speaker))]));
    const copies = count(citation.copies ?? 0, "other article has", "other articles have");
    if (citation.copies) facts.push(fact(`${copies} these words`));
    const outlets = citation.independent_outlets ?? [];
    if (outlets.length > 1) facts.push(fact(["Told independently by ", foreign("span", oneLine(outlets.join(", ")))]));
    const warnings = lines.map((line) => el("p", { class: "correction" }, icon("warn"), el("span", {}, line)));
    return facts.length ? [el("p", { class: "facts" }, facts), ...warnings] : warnings;
  }

  #failed(error, citation) {
    this.#shown = null;
    const line = error.status === 404 ? "This article is no longer in the index." : error.message;
    const quote = citation.quote ? foreign("blockquote", citation.quote, { class: "excerpt" }) : "";
    const words = quote ? el("p", { class: "note" }, `The words that ${origin(citation) || "it"} had:`) : "";
    const failure = el("p", { class: "failure", role: "alert" }, icon("warn"), el("span", {}, line));
    byId("reader-text").replaceChildren(failure, words, quote);
    byId("reader-title").focus();
  }
}

const fact = (content) => el("span", { class: "fact" }, content);

/** Articles by id from the server. */
export const fetchArticle = (id) => get(`articles/${encodeURIComponent(id)}`);

function citationAddress({ article_id: id, start, end }) {
  return `#${new URLSearchParams({ article: id, start, end })}`;
}

/**
 * The text as paragraphs, with the marked ranges (UTF-16 units) in `<mark>`. The blank lines stay between the
 * paragraphs as text: what the nodes hold together is the text, character by character.
 */
export function paragraphs(text, marks) {
  const sorted = [...marks].sort((a, b) => a.start - b.start);
  let at = 0;
  return text.split(/(\n{2,})/).map((part) => {
    const from = at;
    at += part.length;
    return /^\n*$/.test(part) ? part : el("p", {}, pieces(text, from, at, sorted));
  });
}

function pieces(text, from, to, marks) {
  const nodes = [];
  let at = from;
  for (const mark of marks.filter(({ start, end }) => start < to && end > from)) {
    const [start, end] = [Math.max(mark.start, from), Math.min(mark.end, to)];
    const props = mark.cited ? { class: "cited", tabindex: "-1" } : { class: "also" };
    nodes.push(text.slice(at, start), el("mark", props, text.slice(start, end)));
    at = end;
  }
  return [...nodes, text.slice(at, to)];
}
