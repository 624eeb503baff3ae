// One question and its answer on the page, while it streams and when it is read back from the history.

import { announce, button, el, foreign, hidden, icon, outgoing } from "./dom.js";
import { disagreementTable } from "./disagreement.js";
import { asFootnotes, asMarkdown, copyText, download } from "./export.js";
import { UNSURE, count, day, oneLine, origin } from "./text.js";

/** A turn of the conversation. `open(citations, index, opener)` shows a citation's words in their article. */
export class TurnView {
  constructor({ question, filters = {}, mode }, { open, retry }) {
    this.open = open;
    this.retry = retry;
    this.question = question;
    this.citations = [];
    this.streamed = [];
    this.progress = el("p", { class: "progress" }, el("span", { class: "pulse" }), el("span"));
    // Sentences that are added here are read out as they come; nothing else of the turn is.
    this.body = el("div", { class: "answer", "aria-live": "polite", "aria-relevant": "additions" });
    this.after = el("div", { class: "after" });
    this.heading = foreign("h2", question, { class: "question", tabindex: "-1" });
    const asked = scope(filters, mode);
    const label = el("p", { class: "scope" }, asked);
    this.element = el("section", { class: "turn" }, this.heading, asked && label, this.progress, this.body, this.after);
    this.busy("Searching the articles");
  }

  /** What is going on before the first sentence. */
  busy(line) {
    this.progress.hidden = false;
    this.progress.lastChild.textContent = line;
  }

  /** One checked sentence with the citations that it is the first to use. */
  sentence({ sentence, citations }) {
    this.citations.push(...citations);
    this.streamed.push(sentence);
    this.busy("Checking what follows");
    this.body.append(this.#sentence(sentence));
  }

  /** The whole answer. What was streamed stays as it is; only an answer that differs is drawn anew. */
  done(answer) {
    this.progress.hidden = true;
    this.citations = answer.citations;
    if (essence(this.streamed) !== essence(answer.sentences)) {
      this.body.replaceChildren(...answer.sentences.map((sentence) => this.#sentence(sentence)));
    }
    if (answer.unsure) this.body.append(el("p", { class: "unsure" }, icon("warn"), el("span", {}, UNSURE)));
    if (answer.standalone_question && answer.standalone_question !== answer.question) {
      const understood = el("p", { class: "scope" }, "Understood as: ", foreign("q", answer.standalone_question));
      this.heading.after(understood);
    }
    if (answer.answered) this.after.append(...this.#sources(answer), this.#tools(answer));
    else this.#refused(answer);
  }

  /** A failure, in one line, and a way to try again once the server's waiting time is over. */
  failed(error) {
    this.progress.hidden = true;
    const again = button("Try again", () => this.retry(), { class: "quiet" });
    const line = el("span", {}, error.message);
    this.after.replaceChildren(el("p", { class: "failure", role: "alert" }, icon("warn"), line, again));
    if (error.wait > 0) {
      line.append(` It asks to wait ${count(error.wait, "second")}.`);
      again.disabled = true;
      setTimeout(() => (again.disabled = false), 1000 * Math.min(error.wait, 120));
    }
  }

  /** The reader pressed Stop. */
  stopped() {
    this.progress.hidden = true;
    const line = this.streamed.length ? "Stopped. What is shown was checked." : "Stopped.";
    const again = button("Ask again", () => this.retry(), { class: "quiet" });
    this.after.replaceChildren(el("p", { class: "failure" }, el("span", {}, line), again));
    announce(line);
  }

  #sentence({ text, citations, support }) {
    const chips = citations.map((number) => this.#chip(number));
    if (support !== "quoted") return el("p", { class: "prose", dir: "auto" }, glued(text, chips));
    const { speaker, source, published } = this.citations[citations[0] - 1] ?? {};
    const outlet = foreign("cite", source || "unnamed outlet");
    const said = [speaker && foreign("b", oneLine(speaker)), outlet, day(published)];
    const parts = said.filter(Boolean).flatMap((part, at) => (at ? [", ", part] : [part]));
    const words = el("blockquote", { dir: "auto" }, glued(text, chips));
    return el("figure", { class: "quoted" }, words, el("figcaption", {}, parts));
  }

  #chip(number) {
    const citation = this.citations[number - 1];
    const name = `${number}: ${origin(citation)}, show the words in the article`;
    const listener = (event) => this.open(this.citations, number - 1, event.currentTarget);
    return button(`[${number}]`, listener, { class: "chip", "aria-label": `Source ${name}`, dataset: { number } });
  }

  #sources(answer) {
    const paraphrased = new Set(answer.sentences.filter((s) => s.support !== "quoted").flatMap((s) => s.citations));
    const items = answer.citations.map((citation, index) =>
      story(citation, { marker: `[${citation.number}]`, quote: paraphrased.has(citation.number) }, (event) =>
        this.open(answer.citations, index, event.currentTarget),
      ),
    );
    const disagreements = answer.disagreements ?? [];
    const tables = disagreements.map((one) =>
      disagreementTable(one, answer.citations, (index, opener) => this.open(answer.citations, index, opener)),
    );
    const sources = el("ol", { class: "stories" }, items);
    return [...tables, el("h3", { class: "label" }, "Sources"), sources];
  }

  #refused(answer) {
    const closest = answer.refusal?.closest ?? [];
    this.body.append(el("p", { class: "refusal" }, answer.answer));
    if (!closest.length) return;
    const items = closest.map((citation, index) =>
      story(citation, { quote: true }, (event) => this.open(closest, index, event.currentTarget)),
    );
    this.after.append(el("h3", { class: "label" }, "Closest stories"), el("ol", { class: "stories" }, items));
  }

  #tools(answer) {
    const copy = async () => announce((await copyText(asFootnotes(answer))) ? "Copied" : "Copying is not allowed here");
    const save = () => download(`${slug(answer.question)}.md`, asMarkdown(answer));
    return el(
      "div",
      { class: "row tools-row" },
      button([icon("copy"), "Copy with footnotes"], copy, { class: "quiet" }),
      button([icon("save"), "Download Markdown"], save, { class: "quiet" }),
      made(answer),
    );
  }
}

function essence(sentences) {
  return JSON.stringify(sentences.map(({ text, citations, support }) => [text, citations, support]));
}

/** A story that an answer cites or a refusal names: opens at its words. */
function story(citation, { marker, quote }, listener) {
  const facts = [foreign("span", citation.source || "unnamed outlet", { class: "outlet" }), day(citation.published)];
  if (spread(citation)) facts.push(spread(citation));
  if (citation.speaker) facts.push(el("span", {}, "said by ", foreign("b", oneLine(citation.speaker))));
  facts.push(outgoing(citation.url));
  const title = button(foreign("span", oneLine(citation.title)), listener, { class: "headline" });
  return el(
    "li",
    { class: "story-item" },
    el("div", { class: "marker", "aria-hidden": "true" }, marker ?? ""),
    el(
      "div",
      {},
      el("p", { class: "title" }, marker ? hidden(`${marker} `) : null, title),
      el("p", { class: "facts" }, separated(facts)),
      ...notices(citation).map((line) => el("p", { class: "correction" }, icon("warn"), el("span", {}, line))),
      quote ? foreign("blockquote", oneLine(citation.quote), { class: "excerpt" }) : null,
    ),
  );
}

/** "5 copies, 2 independent outlets": copies are one source, however many they are. */
function spread({ copies, independent_outlets: outlets }) {
  const told = outlets?.length > 1 || (copies && outlets?.length) ? count(outlets.length, "independent outlet") : "";
  return [copies ? `${copies + 1} copies` : "", told].filter(Boolean).join(", ");
}

/** What the reader must know about a cited story besides its words: that it was corrected later, or is out of date. */
export function notices(citation) {
  const { correction } = citation;
  if (!correction) return [];
  const text = oneLine(typeof correction === "string" ? correction : correction.text);
  const date = day(correction.published);
  const told = { changed: "The story was changed", version: "Another version of the story" };
  const what = told[correction.kind] ?? "Corrected later";
  return [[`${what}${date ? `, ${date}` : ""}`, text].filter(Boolean).join(": ")];
}

/** How the answer came about: times and models. */
function made(answer) {
  const { first_sentence: first, total } = answer.timings_ms ?? {};
  const { llm, embedder, settings } = answer.model ?? {};
  const rows = [
    ["First sentence", first === undefined ? null : seconds(first)],
    ["Whole answer", total === undefined ? null : seconds(total)],
    ["Language model", llm ?? "none: quotations only"],
    ["Embedder", embedder],
    ["Settings", settings],
  ].filter(([, value]) => value);
  const list = rows.map(([name, value]) => el("div", {}, el("dt", {}, name), foreign("dd", value)));
  return el("details", { class: "made" }, el("summary", {}, "How it was made"), el("dl", {}, list));
}

/** A sentence and its markers, the last word tied to the first marker so that no marker stands alone on a line. */
function glued(text, chips) {
  const at = text.lastIndexOf(" ") + 1;
  const last = text.slice(at);
  if (last.length > 24 || !chips.length) return [text, ...chips];
  return [text.slice(0, at), el("span", { class: "tied" }, last, chips[0]), ...chips.slice(1)];
}

/** What was searched, where that was not everything: "Palisade Wire, from 1 December 2025. Quotations only". */
function scope({ since, until, source }, mode) {
  const filters = [source, since && `from ${day(since) ?? since}`, until && `to ${day(until) ?? until}`];
  return [filters.filter(Boolean).join(", "), mode === "quote" ? "quotations only" : ""].filter(Boolean).join(" · ");
}

function separated(parts) {
  return parts.filter(Boolean).map((part) => el("span", { class: "fact" }, part));
}

const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(milliseconds < 10000 ? 1 : 0)} s`;

/** A file name of the question's first words. */
function slug(question) {
  const words = oneLine(question).slice(0, 60).toLowerCase().match(/[\p{L}\p{N}]+/gu);
  return words?.join("-") ?? "answer";
}
