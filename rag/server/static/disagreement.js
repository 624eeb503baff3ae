// Accounts that differ, side by side by outlet and date.

import { button, el, foreign } from "./dom.js";
import { day, oneLine } from "./text.js";

/**
 * One disagreement as a table, newest account first. `open(index, opener)` shows the citation at that index of
 * `citations`. An account names its citation by `citation` (the number).
 */
export function disagreementTable(disagreement, citations, open) {
  const accounts = (disagreement.accounts ?? []).map((account) => {
    const index = citations.findIndex(({ number }) => number === account.citation);
    return { ...account, index };
  });
  accounts.sort((a, b) => (Date.parse(b.published) || 0) - (Date.parse(a.published) || 0));
  const rows = accounts.map((account) => row(account, open));
  const head = ["Account", "Outlet", "Date", "Source"].map((name) => el("th", { scope: "col" }, name));
  const about = oneLine(disagreement.about ?? "");
  const caption = el("caption", {}, "Accounts differ", about && [": ", foreign("span", about)]);
  const table = el("table", {}, caption, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
  return el("div", { class: "disagreement" }, table);
}

function row({ value, source, published, speaker, status, index }, open) {
  const said = el("td", {}, foreign("span", oneLine(value), { class: "value" }));
  if (speaker) said.append(el("span", { class: "by" }, " ", foreign("span", oneLine(speaker))));
  if (status) said.append(el("span", { class: "status" }, oneLine(status)));
  const show = (event) => open(index, event.currentTarget);
  const name = `Source ${index + 1}: show the words in the article`;
  const chip = index < 0 ? "" : button(`[${index + 1}]`, show, { class: "chip", "aria-label": name });
  const outlet = foreign("td", source ?? "unnamed outlet");
  return el("tr", {}, said, outlet, el("td", {}, day(published, "medium") ?? "no date"), el("td", {}, chip));
}
