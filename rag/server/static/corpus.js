// What is indexed: a line about it, the outlets to filter by, and stories to ask about first.

import { get } from "./api.js";
import { count, day, oneLine, origin } from "./text.js";

const PAGE = 200;
const PAGES = 5; // of a larger archive only the first thousand are looked at; the filter takes any outlet's name
const EXAMPLES = 4;

/** `{total, articles}`: how many there are, and the first of them without their texts. Throws ApiError. */
export async function readCorpus() {
  const articles = [];
  let [next, total] = [0, 0];
  for (let page = 0; page < PAGES && next !== null; page += 1) {
    const answer = await get(`articles?limit=${PAGE}&offset=${next}`);
    articles.push(...answer.articles);
    ({ next, total } = answer);
  }
  return { articles, total };
}

/** "64 articles, 3 February 2025 to 9 December 2025". */
export function corpusLine({ articles, total }) {
  if (!total) return "No articles indexed yet: rag index PATH";
  const dates = articles.map(({ published_utc: published }) => published).filter(Boolean).sort();
  const whole = articles.length === total && dates.length > 0;
  return `${count(total, "article")}${whole ? `, ${day(dates[0])} to ${day(dates.at(-1))}` : ""}`;
}

/** The outlets as suggestions of the filter. */
export function fillOutlets(list, { articles }) {
  const outlets = [...new Set(articles.map(({ source }) => source).filter(Boolean))];
  outlets.sort((a, b) => a.localeCompare(b));
  list.replaceChildren(...outlets.map((outlet) => new Option(outlet, outlet)));
}

/** The newest story of each of a few outlets, no two with one title, as a question to ask. */
export function examples({ articles }) {
  const chosen = [];
  const newest = [...articles].sort((a, b) => (b.published_utc ?? "").localeCompare(a.published_utc ?? ""));
  for (const article of newest) {
    if (chosen.length === EXAMPLES) break;
    if (chosen.some(({ source, title }) => source === article.source || title === article.title)) continue;
    chosen.push(article);
  }
  return chosen.map((article) => ({
    title: oneLine(article.title),
    facts: origin(article),
    question: `What is known about this: ${oneLine(article.title)}?`.replace(/\?\?$/, "?"),
  }));
}
