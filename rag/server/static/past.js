// Conversations kept in this browser (localStorage) and nowhere else.

const KEY = "newsrag.history";
const KEEP = "newsrag.history.off";
const LETTERS = "newsrag.letters";
const MOST = 50;

/** Whether conversations are kept. */
export const keeping = () => read(KEEP) !== "1";

/** Keep from now on, or forget everything and keep nothing. */
export function keep(on) {
  if (on) drop(KEEP);
  else {
    write(KEEP, "1");
    clear();
  }
}

/** The kept conversations, newest first. What does not look like one (another version wrote it) is left out. */
export function conversations() {
  try {
    const kept = JSON.parse(read(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter(sound) : [];
  } catch {
    return [];
  }
}

/** Keep a conversation, as the newest. When the browser has no room the oldest ones go. */
export function save(conversation) {
  if (!keeping()) return;
  const kept = [conversation, ...conversations().filter(({ id }) => id !== conversation.id)].slice(0, MOST);
  while (kept.length && !write(KEY, JSON.stringify(kept))) kept.pop();
}

/** Whether single letters work as keys of their own (WCAG 2.1.4 asks that they can be turned off). */
export const letters = () => read(LETTERS) !== "off";

/** Turn them on or off. */
export const keepLetters = (on) => (on ? drop(LETTERS) : write(LETTERS, "off"));

/** Forget one conversation. */
export function forget(id) {
  write(KEY, JSON.stringify(conversations().filter((conversation) => conversation.id !== id)));
}

/** Forget all. */
export const clear = () => drop(KEY);

function sound({ id, turns } = {}) {
  return typeof id === "string" && Array.isArray(turns) && turns.length > 0 && turns.every(soundTurn);
}

function soundTurn(turn) {
  const { answer, question } = turn ?? {};
  return typeof question === "string" && Array.isArray(answer?.sentences) && Array.isArray(answer?.citations);
}

function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, value);
    return true;
  } catch {
    return false; // blocked or full
  }
}

function drop(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // storage is blocked: nothing was kept
  }
}
