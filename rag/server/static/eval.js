// The reports of `rag eval`, and the articles that they quote.

import { keyDialog, withKey } from "./access.js";
import { ApiError, get, getMarkup } from "./api.js";
import { announce, el, icon } from "./dom.js";
import { Reader, fetchArticle } from "./reader.js";
import { dayAndTime } from "./text.js";

const byId = (id) => document.getElementById(id);
const reader = new Reader({ fetchArticle: (id) => withKey(() => fetchArticle(id)), fallback: byId("shown") });

let request = 0;
let shown = null; // the part of the address that names the report on display

/** Fill the choice of reports and show the one that the address names, or the newest. */
async function start() {
  try {
    const { reports } = await withKey(() => get("eval/reports"));
    if (reports.length === 0) return place(nothing());
    const options = reports.map(({ name, written, split, mode }) =>
      el("option", { value: name }, `${dayAndTime(written)}: ${split} questions, mode ${mode}`),
    );
    byId("reports").replaceChildren(...options);
    byId("choice").hidden = false;
    await follow();
  } catch (error) {
    failed(error);
  }
}

function nothing() {
  const command = el("code", {}, "rag eval FILE --index DIR");
  return el("p", { class: "note" }, "No report is kept with this index yet. ", command, " makes one.");
}

/** Show what the address names. */
async function follow() {
  const choice = byId("reports");
  shown = location.search;
  const named = new URLSearchParams(shown).get("report");
  choice.value = [...choice.options].some(({ value }) => value === named) ? named : choice.options[0].value;
  const mine = (request += 1);
  byId("shown").setAttribute("aria-busy", "true");
  try {
    const made = await withKey(() => getMarkup(`eval/parts/${encodeURIComponent(choice.value)}`));
    if (mine !== request) return;
    place(document.adoptNode(made.querySelector(".report")));
    announce(byId("shown").querySelector("h1").textContent);
    reader.followAddress();
  } catch (error) {
    if (mine === request) failed(error);
  }
}

function place(content) {
  byId("shown").replaceChildren(content);
  byId("shown").setAttribute("aria-busy", "false");
}

function failed(error) {
  if (!(error instanceof ApiError)) throw error;
  place(el("p", { class: "failure", role: "alert" }, icon("warn"), el("span", {}, error.message)));
}

/** The quotation beside a link, as the article pane wants it. */
function citation({ dataset, parentElement }) {
  const quote = parentElement.querySelector("q").textContent;
  const { article, start, end } = dataset;
  const known = end === undefined ? {} : { quote };
  return { article_id: article, start: Number(start ?? 0), end: Number(end ?? 0), title: article, ...known };
}

function onClick(event) {
  const link = event.target.closest("a.place");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const links = [...link.closest("details").querySelectorAll("a.place")];
  reader.open(links.map(citation), links.indexOf(link), link);
}

keyDialog();
byId("shown").addEventListener("click", onClick);
byId("reports").addEventListener("change", () => {
  history.pushState(null, "", `?${new URLSearchParams({ report: byId("reports").value })}`);
  follow();
});
addEventListener("popstate", () => {
  if (location.search !== shown) follow(); // else only the article pane's part of the address changed
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) reader.close();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address belongs to the article pane
  byId("shown").focus();
});
start();
