// The question box: text, form of the answer, filters.

import { day } from "./text.js";

const byId = (id) => document.getElementById(id);
const FIELDS = ["since", "until", "source"];

export class Composer {
  /** `ask({question, filters, mode})` is called with a question that is fit to be sent; `stop()` by the Stop button. */
  constructor({ ask, stop }) {
    this.form = byId("composer");
    this.question = byId("question");
    this.ask = ask;
    this.busy = false;
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.question.addEventListener("keydown", (event) => this.#enter(event));
    byId("stop").addEventListener("click", stop);
    byId("filter-toggle").addEventListener("click", () => this.toggleFilters());
    byId("filter-clear").addEventListener("click", () => this.#clearFilters());
    for (const name of FIELDS) byId(name).addEventListener("input", () => this.#count());
    this.#count(); // a reload may bring back what was typed
  }

  get mode() {
    return this.form.elements.mode.value;
  }

  get filters() {
    return Object.fromEntries(FIELDS.map((name) => [name, byId(name).value.trim()]).filter(([, value]) => value));
  }

  /** While an answer is made, Stop takes the place of Ask. The focus stays where the reader has it. */
  setBusy(busy) {
    this.busy = busy;
    const focused = document.activeElement;
    byId("send").hidden = busy;
    byId("stop").hidden = !busy;
    if (focused === byId("send")) byId("stop").focus();
    if (focused === byId("stop")) this.question.focus();
  }

  /** After the first question the box asks for a follow-up. */
  setFollowUp(following) {
    this.question.placeholder = following ? "Ask a follow-up" : "Ask about the articles";
  }

  toggleFilters(show = byId("filters").hidden) {
    byId("filters").hidden = !show;
    byId("filter-toggle").setAttribute("aria-expanded", String(show));
  }

  #submit(event) {
    event.preventDefault();
    const question = this.question.value.trim();
    if (!question || this.busy) return this.question.focus();
    if (!this.#datesInOrder()) return this.toggleFilters(true);
    this.question.value = "";
    this.toggleFilters(false); // how many are on still stands beside the button
    return this.ask({ question, filters: this.filters, mode: this.mode });
  }

  #enter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  #datesInOrder() {
    const { since, until } = this.filters;
    const wrong = since && until && since > until;
    const line = `From ${day(since)} to ${day(until)}: the first day is after the last.`;
    byId("filter-problem").textContent = wrong ? line : "";
    byId("since").setAttribute("aria-invalid", String(Boolean(wrong)));
    return !wrong;
  }

  #clearFilters() {
    for (const name of FIELDS) byId(name).value = "";
    this.#count();
    byId("since").focus();
  }

  #count() {
    this.#datesInOrder();
    const active = Object.keys(this.filters).length;
    byId("filter-count").textContent = active ? ` (${active})` : "";
    byId("filter-toggle").classList.toggle("active", active > 0);
  }
}
