// An answer to take away: Markdown with footnotes, or plain text with numbered notes.

import { webUrl } from "./dom.js";
import { UNSURE, day, oneLine, origin } from "./text.js";

/** Foreign words inside Markdown: shown as they are, never read as markup, a link or HTML. */
export function escaped(text) {
  return oneLine(text).replace(/[\\`*_{}[\]<>()#+!|~&$^:@-]/g, "\\$&").replace(/^(\d+)\./, "$1\\.");
}

/** The answer as a Markdown page: question, sentences with footnote marks, accounts that differ, notes. */
export function asMarkdown(answer) {
  const marks = (numbers) => numbers.map((number) => `[^${number}]`).join("");
  const sentences = answer.sentences.map(({ text, citations }) => escaped(text) + marks(citations));
  const tables = (answer.disagreements ?? []).map((one) => markdownTable(one, answer.citations));
  const notes = answer.citations.map((citation) => {
    const url = webUrl(citation.url);
    const said = [citation.speaker, citation.source, day(citation.published)].filter(Boolean).map(escaped).join(", ");
    const link = url ? ` <${url.href.replace(/[<>\s]/g, encodeURIComponent)}>` : "";
    return `[^${citation.number}]: “${escaped(citation.quote)}” ${said}, *${escaped(citation.title)}*.${link}`;
  });
  const remark = answer.unsure ? [`*${UNSURE}*`] : [];
  const parts = [`# ${escaped(answer.question)}`, sentences.join(" "), ...remark, ...tables, notes.join("\n")];
  return `${parts.join("\n\n")}\n`;
}

/** The answer as plain text, its notes below: for a word processor or a message. */
export function asFootnotes(answer) {
  const notes = answer.citations.map((citation) => {
    const url = webUrl(citation.url);
    const speaker = citation.speaker ? `${oneLine(citation.speaker)}, in ` : "";
    const place = `${speaker}${oneLine(origin(citation)) || "unnamed outlet"}, “${oneLine(citation.title)}”`;
    return `[${citation.number}] ${place}: “${oneLine(citation.quote)}”${url ? ` ${url.href}` : ""}`;
  });
  return `${answer.answer}\n\n${answer.unsure ? `${UNSURE}\n\n` : ""}${notes.join("\n")}\n`;
}

function markdownTable(disagreement, citations) {
  const rows = (disagreement.accounts ?? []).map((account) => {
    const citation = citations.find(({ number }) => number === account.citation);
    const date = day(account.published) ?? "";
    return `| ${escaped(account.value)} | ${escaped(account.source ?? "")} | ${date} | ${citation ? `[^${citation.number}]` : ""} |`;
  });
  return ["| Account | Outlet | Date | Source |", "|---|---|---|---|", ...rows].join("\n");
}

/** Put text on the clipboard; false where the browser does not let us. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyTheOldWay(text); // a page served over plain http from another machine has no clipboard
  }
}

function copyTheOldWay(text) {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  before?.focus();
  return copied;
}

/** Hand the browser a text file. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/markdown;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
