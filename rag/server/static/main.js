// The page put together: one conversation, its article pane, the dialogs and the keys.

import { keyDialog, withKey } from "./access.js";
import { ApiError, ask } from "./api.js";
import { Composer } from "./composer.js";
import { corpusLine, examples, fillOutlets, readCorpus } from "./corpus.js";
import { announce, button, calm, el, foreign, icon } from "./dom.js";
import * as past from "./past.js";
import { Reader, fetchArticle } from "./reader.js";
import { count, day } from "./text.js";
import { TurnView } from "./turn.js";

const REMEMBERED_TURNS = 6; // pairs of question and answer that go with a follow-up
const byId = (id) => document.getElementById(id);

let conversation = newConversation();
let running = null; // the AbortController of the answer that is being made

const composer = new Composer({ ask: askQuestion, stop: () => running?.abort() });
const reader = new Reader({ fetchArticle: (id) => withKey(() => fetchArticle(id)), fallback: byId("question") });

function newConversation() {
  const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
  return { id, asked: new Date().toISOString(), turns: [] };
}

// ── asking

async function askQuestion(turn) {
  if (running) return announce("Another answer is being made: wait for it or stop it");
  const asker = conversation;
  const view = addTurn(turn);
  const controller = (running = new AbortController());
  composer.setBusy(true);
  reveal(view);
  announce("Searching the articles");
  try {
    const answer = await withKey(() => follow(view, turn, asker, controller.signal));
    asker.turns.push({ ...turn, answer });
    past.save(asker);
    announce(summary(answer));
  } catch (error) {
    if (error.name === "AbortError") view.stopped();
    else if (error instanceof ApiError) view.failed(error);
    else throw error;
  } finally {
    if (running === controller) running = null;
    composer.setBusy(running !== null);
    composer.setFollowUp(conversation.turns.length > 0);
  }
}

/** Show the events of one answer as they come; the answer. */
async function follow(view, { question, filters, mode }, { turns }, signal) {
  const history = turns.slice(-REMEMBERED_TURNS).flatMap(({ question: asked, answer }) => [
    { role: "user", content: asked },
    { role: "assistant", content: answer.answer },
  ]);
  for await (const { event, data } of ask({ question, mode, ...filters, history }, signal)) {
    if (event === "queued") view.busy(queueLine(data.position));
    else if (event === "retrieved") view.busy("Reading what was found");
    else if (event === "sentence") view.sentence(data);
    else if (event === "done") {
      view.done(data);
      return data;
    }
  }
  throw new ApiError("The server ended the answer before it was complete.");
}

function queueLine(position) {
  if (position <= 0) return "Searching the articles";
  return `Waiting for the language model, ${count(position, "question")} ahead`;
}

/** What comes after the sentences, which were read out already. */
function summary({ answered, citations, refusal }) {
  const closest = refusal?.closest.length ?? 0;
  if (answered) return `Answer complete, ${count(citations.length, "source")}.`;
  return `${count(closest, "close story", "close stories")} listed.`;
}

function addTurn(turn) {
  const retry = () => {
    view.element.remove();
    askQuestion(turn);
  };
  const open = (citations, index, opener) => reader.open(citations, index, opener);
  const view = new TurnView(turn, { open, retry });
  byId("welcome").hidden = true;
  byId("turns").append(view.element);
  return view;
}

function reveal({ element }) {
  element.scrollIntoView({ block: "start", behavior: calm() ? "instant" : "smooth" });
}

// ── conversations

function show(kept) {
  running?.abort();
  conversation = kept;
  byId("turns").replaceChildren();
  byId("welcome").hidden = kept.turns.length > 0;
  for (const turn of kept.turns) addTurn(turn).done(turn.answer);
  composer.setFollowUp(kept.turns.length > 0);
  if (reader.isOpen) reader.close();
}

function listPast() {
  const kept = past.conversations();
  byId("history-none").hidden = kept.length > 0;
  byId("history-clear").hidden = kept.length === 0;
  byId("history-list").replaceChildren(...kept.map(pastItem));
}

function pastItem(kept) {
  const reopen = () => {
    byId("history").close();
    show(kept);
    byId("turns").querySelector("h2").focus();
  };
  const forget = () => {
    past.forget(kept.id);
    listPast();
    byId("history-title").focus();
    announce("Removed from the history");
  };
  const [first] = kept.turns;
  const many = kept.turns.length > 1 && count(kept.turns.length, "question");
  const facts = [day(kept.asked), many].filter(Boolean).join(" · ");
  const title = foreign("span", first.question, { class: "asked" });
  return el(
    "li",
    {},
    button([title, el("span", { class: "facts" }, facts)], reopen, { class: "past-item" }),
    button(icon("trash"), forget, { class: "quiet", "aria-label": `Remove from the history: ${first.question}` }),
  );
}

// ── keys

const typing = (node) => node.closest("input, textarea, select, [contenteditable]") !== null;

function onKey(event) {
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open]")) {
    if (reader.isOpen) reader.close();
    else running?.abort();
    return;
  }
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!plain || !byId("letters").checked || typing(event.target) || document.querySelector("dialog[open]")) return;
  const actions = new Map([
    ["/", () => byId("question").focus()],
    ["n", () => step(1)],
    ["p", () => step(-1)],
    ["?", () => byId("help").showModal()],
  ]);
  if (!actions.has(event.key)) return;
  event.preventDefault();
  actions.get(event.key)();
}

/** The next citation in the open article pane, or the first of the last answer. */
function step(by) {
  if (reader.isOpen) reader.step(by);
  else byId("turns").querySelector(".turn:last-child .chip, .turn:last-child .headline")?.click();
}

// ── the rest of the page

async function welcome() {
  try {
    const corpus = await withKey(readCorpus);
    about(corpusLine(corpus));
    fillOutlets(byId("outlets"), corpus);
    const items = examples(corpus).map(({ question, title, facts }) => {
      const label = [foreign("span", title, { class: "headline" }), el("span", { class: "facts" }, facts)];
      const asked = () => askQuestion({ question, filters: composer.filters, mode: composer.mode });
      return el("li", {}, button(label, asked, { class: "example" }));
    });
    byId("example-list").replaceChildren(...items);
    byId("examples").hidden = items.length === 0;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    about(error.message);
  }
}

/** A line about the corpus: in the header, or where that is too narrow under the welcome. */
function about(line) {
  for (const place of document.querySelectorAll(".corpus")) place.textContent = line;
}

function wire() {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address belongs to the article pane
    byId("question").focus();
  });
  document.addEventListener("keydown", onKey);
  byId("new").addEventListener("click", () => {
    show(newConversation());
    byId("question").focus();
  });
  byId("past").addEventListener("click", () => {
    listPast();
    byId("keep").checked = past.keeping();
    byId("history").showModal();
  });
  byId("keep").addEventListener("change", () => {
    past.keep(byId("keep").checked);
    listPast();
  });
  byId("history-clear").addEventListener("click", () => {
    past.clear();
    listPast();
    announce("History cleared");
    byId("keep").focus();
  });
  byId("about").addEventListener("click", () => byId("help").showModal());
  byId("letters").addEventListener("change", () => past.keepLetters(byId("letters").checked));
  byId("letters").checked = past.letters();
  keyDialog();
}

wire();
welcome();
reader.followAddress();
