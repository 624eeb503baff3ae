"""Offsets, paragraphs, events: the page's own functions, called in the browser that will run them."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.browser.visits import Visit

# One page for all examples: these functions keep nothing.
ON_ONE_PAGE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
PLACES = """async ([text, start, end]) => {
  const { locate } = await import("/static/text.js");
  const at = locate(text, { start, end, quote: undefined });
  return text.slice(at.start, at.end);
}"""
REBUILT = """async ([text, start, end]) => {
  const { locate } = await import("/static/text.js");
  const { paragraphs } = await import("/static/reader.js");
  const box = document.createElement("div");
  box.append(...paragraphs(text, [{ ...locate(text, { start, end }), cited: true }]));
  return [box.textContent, [...box.querySelectorAll("mark")].map((mark) => mark.textContent).join("")];
}"""
EVENTS = """async ([body, size]) => {
  const { serverEvents } = await import("/static/api.js");
  const bytes = new TextEncoder().encode(body);
  const pieces = new ReadableStream({ start(to) {
    for (let at = 0; at < bytes.length; at += size) to.enqueue(bytes.slice(at, at + size));
    to.close();
  } });
  const events = [];
  for await (const { event, data } of serverEvents(pieces)) events.push([event, data]);
  return events;
}"""
CORPUS = """async (articles) => {
  const { corpusLine, examples } = await import("/static/corpus.js");
  const corpus = { articles, total: articles.length };
  return [corpusLine(corpus), examples(corpus).map(({ question }) => question).join(" ")];
}"""


@ON_ONE_PAGE
@given(text=TEXT, places=st.tuples(st.integers(0, 60), st.integers(0, 60)))
@example(text="a👩‍👩‍👧b𝄞", places=(1, 6))
def test_offsets_are_pythons(visit: Visit, text: str, places: tuple[int, int]) -> None:
    start, end = sorted(places)
    opened(visit)
    assert visit.page.evaluate(PLACES, [text, start, end]) == text[start:end]


@ON_ONE_PAGE
@given(text=st.text(st.sampled_from("a 🗼é\n<"), min_size=1, max_size=40), places=st.tuples(*[st.integers(0, 40)] * 2))
@example(text="one\n\ntwo\nthree\n\n\nfour", places=(1, 20))
def test_paragraphs_lose_no_character(visit: Visit, text: str, places: tuple[int, int]) -> None:
    start, end = sorted(places)
    opened(visit)
    whole, marked = visit.page.evaluate(REBUILT, [text, start, end])
    assert whole == text
    # Blank lines between paragraphs are not marked; all else of the range is.
    assert marked.replace("\n", "") == text[start:end].replace("\n", "")


@ON_ONE_PAGE
@given(st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 7))
def test_events_are_read_however_they_are_cut(visit: Visit, end: str, size: int) -> None:
    lines = [": waiting", "", "event: sentence", 'data: {"a": "ü🗼', 'data:  b"}', "", "data:x", "", "event: none", ""]
    opened(visit)
    events = visit.page.evaluate(EVENTS, [end.join([*lines, "event: cut", "data: off"]), size])
    assert events == [["sentence", '{"a": "ü🗼\n b"}'], ["message", "x"]]


def test_the_span_and_the_newest_stories_of_a_corpus_are_told_in_utc(visit: Visit) -> None:
    first = {"source": "Echo", "title": "First", "published": "2025-03-09T01:00:00+09:00"}
    last = {"source": "Post", "title": "Last", "published": "2025-03-08T23:30:00-05:00"}
    opened(visit)
    line, asked = visit.page.evaluate(
        CORPUS,
        [
            {**first, "published_utc": "2025-03-08T16:00:00+00:00"},
            {**last, "published_utc": "2025-03-09T04:30:00+00:00"},
        ],
    )
    assert line == "2 articles, 8 March 2025 to 9 March 2025"
    assert asked.index("Last") < asked.index("First")


def opened(visit: Visit) -> None:
    if visit.page.url == "about:blank":
        visit.open()
