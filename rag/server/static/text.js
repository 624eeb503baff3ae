// Offsets and words: nothing here touches the page.

/** What is said of an answer that may be none (`unsure` of the answer). */
export const UNSURE = "Unsure: these words may not answer the question.";

/**
 * The place in a JavaScript string (UTF-16 code units) of an offset counted in Unicode code points, as the server
 * counts. An offset beyond the text gives its length.
 */
export function utf16Offset(text, codePoints) {
  let units = 0;
  for (let seen = 0; seen < codePoints && units < text.length; seen += 1) {
    units += text.codePointAt(units) > 0xffff ? 2 : 1;
  }
  return units;
}

/**
 * Where a quotation stands: `{start, end}` in UTF-16 units. At its offsets when the words there are still the quoted
 * ones; else where else the article has them, with `moved`; null when the article no longer has them.
 */
export function locate(text, { start, end, quote }) {
  const from = utf16Offset(text, start);
  const to = from + utf16Offset(text.slice(from), end - start);
  if (quote === undefined || text.slice(from, to) === quote) return { start: from, end: to, moved: false };
  const found = text.indexOf(quote);
  return found < 0 ? null : { start: found, end: found + quote.length, moved: true };
}

/**
 * A publication date as a person writes it, in UTC, the day that the filters compare with; null for none.
 * `style` is "long" (9 March 2025) or "medium" (9 Mar 2025).
 */
export function day(published, style = "long") {
  const moment = utc(published);
  return moment && new Intl.DateTimeFormat("en-GB", { dateStyle: style, timeZone: "UTC" }).format(moment);
}

/** The same with the hour where one is known: `9 March 2025, 07:20 UTC`. */
export function dayAndTime(published) {
  const moment = utc(published);
  if (!moment || !published.includes("T")) return day(published);
  const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" }).format(moment);
  return `${day(published)}, ${time} UTC`;
}

function utc(published) {
  if (typeof published !== "string" || !published) return null;
  // ECMAScript reads a time without an offset as local time; the server reads it as UTC.
  const naive = published.includes("T") && !/(Z|[+-]\d{2}:?\d{2})$/.test(published);
  const moment = new Date(naive ? `${published}Z` : published);
  return Number.isNaN(moment.getTime()) ? null : moment;
}

/** `1 copy`, `2 copies`. */
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

/** Any text as one line. */
export function oneLine(text) {
  return String(text ?? "").replace(/\s+/gu, " ").trim();
}

/** "Outlet, 9 March 2025", of what is known. */
export function origin({ source, published }) {
  return [source, day(published)].filter(Boolean).join(", ");
}
