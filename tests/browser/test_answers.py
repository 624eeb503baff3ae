"""Asking and reading: the answer streams, its citations open the exact words, refusals offer the closest stories."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from tests.browser.visits import EMOJI, HOSTILE, QUESTION, UNANSWERABLE, Api, NewVisit, Visit, answered, cited, words_of

DISPUTED = "What is the latest confirmed number of deaths in the Marrowby flood?"
# Notes for each sentence that is put into an answer whether the answer was still being made.
WATCH = """() => {
  window.arrivals = [];
  new MutationObserver((changes) => {
    for (const { addedNodes, target } of changes) {
      const running = !document.getElementById("stop").hidden;
      if (target.matches(".answer")) for (const node of addedNodes) window.arrivals.push([node.textContent, running]);
    }
  }).observe(document.getElementById("turns"), { childList: true, subtree: true });
}"""
OTHER_WORDS = "seen => ![undefined, seen].includes(document.querySelector('mark.cited')?.textContent)"


def test_a_written_answer_streams_and_its_citation_opens_the_quoted_words(visit: Visit, api: Api) -> None:
    page = visit.open()
    page.evaluate(WATCH)
    visit.ask(QUESTION, mode="answer")
    arrivals = page.evaluate("window.arrivals")
    assert arrivals
    assert all(running for _, running in arrivals), "sentences came only with the whole answer"
    assert page.locator(".answer").get_attribute("aria-live") == "polite"
    answer = api("/ask", question=QUESTION)
    shown = page.locator(".answer blockquote, .answer .prose").all_text_contents()
    assert [line.split("[")[0].strip() for line in shown] == [s["text"] for s in answer["sentences"]]
    highlighted = visit.open_citation()
    citation = answer["citations"][0]
    article = api(f"/articles/{citation['article_id']}")
    assert highlighted == citation["quote"] == article["text"][citation["start"] : citation["end"]]
    assert page.locator("#reader-text").text_content() == article["text"]
    assert page.locator("#reader-title").text_content() == article["title"]
    page.wait_for_function("() => document.querySelector('mark.cited').getBoundingClientRect().top > 100")
    assert page.locator("mark.cited").evaluate("mark => mark.getBoundingClientRect().bottom < innerHeight")
    assert page.evaluate("document.activeElement.matches('mark.cited')")


def test_every_citation_can_be_reached_from_the_article(visit: Visit, api: Api) -> None:
    citations = [*words_of(api, "osterlay-bridge-wire-1", 2), *words_of(api, "latakia-1", 1, first=3)]
    page = visit.open()
    visit.canned_answer(**answered(citations))
    visit.ask("What happened?")
    seen = [visit.open_citation()]
    assert page.locator("mark.also").all_text_contents() == [citations[1]["quote"]]
    for index in (1, 2):
        page.click("#reader-next")
        page.wait_for_function(OTHER_WORDS, arg=seen[-1])
        seen.append(str(page.locator("mark.cited").text_content()))
        assert page.locator("#reader-place").text_content() == f"{index + 1} of 3"
    assert seen == [c["quote"] for c in citations]
    assert page.locator("#reader-next").get_attribute("aria-disabled") == "true"


def test_a_refusal_lists_the_closest_stories_and_each_opens_at_its_words(visit: Visit, api: Api) -> None:
    refused = api("/ask", question=UNANSWERABLE, mode="quote")
    assert not refused["answered"]
    page = visit.open()
    visit.ask(UNANSWERABLE)
    assert page.locator(".refusal").text_content() == refused["answer"]
    closest = refused["refusal"]["closest"]
    assert closest
    assert page.locator(".stories .headline").all_text_contents() == [c["title"] for c in closest]
    for index, citation in enumerate(closest):
        assert visit.open_citation(f".stories li:nth-child({index + 1}) .headline") == citation["quote"]
        page.click("#reader-close")


def test_offsets_count_code_points(visit: Visit, api: Api) -> None:
    question = "How many metres did the cake of Tarnvale measure?"
    citation = api("/ask", question=question, mode="quote")["citations"][0]
    assert citation["article_id"] == EMOJI["id"]
    assert any(ord(letter) > 0xFFFF for letter in EMOJI["text"][: citation["start"]])
    visit.open()
    visit.ask(question)
    assert visit.open_citation() == citation["quote"] == EMOJI["text"][citation["start"] : citation["end"]]


def test_a_hostile_article_is_shown_and_does_nothing(visit: Visit, api: Api) -> None:
    visit.page.add_init_script("window.alarms = []; window.pwned = (where) => window.alarms.push(where);")
    page = visit.open()
    question = "For how many gilders was the Quarvale lighthouse sold?"
    citation = api("/ask", question=question, mode="quote")["citations"][0]
    article = api(f"/articles/{quote(HOSTILE['id'], safe='')}")
    assert "<script>" in article["text"]
    assert citation["article_id"] == article["id"]
    visit.ask(question)
    assert visit.open_citation() == citation["quote"]
    page.wait_for_timeout(300)  # an image that fails to load would call for help now
    assert page.locator("#reader-text").text_content() == article["text"]
    assert page.locator("#reader-title").text_content() == article["title"]
    assert page.locator(".turn :is(script, img, iframe), .reader :is(script, img, iframe)").count() == 0
    assert page.locator("#reader-text :not(p, mark)").count() == 0
    links = page.eval_on_selector_all(".turn a, .reader a", "all => all.map(a => [a.protocol, a.rel, a.hostname])")
    assert links
    assert {tuple(link) for link in links} == {("https:", "noopener noreferrer", "quarvale.example")}
    listeners = "all => all.flatMap(e => [...e.attributes]).filter(a => a.name.startsWith('on')).length"
    assert page.eval_on_selector_all("*", listeners) == 0
    assert page.evaluate("window.alarms") == []


def test_an_address_that_is_no_web_address_is_no_link(visit: Visit) -> None:
    visit.open()
    addresses = ["javascript:alert(1)", "JAVASCRIPT://x.example/%0aalert(1)", "data:text/html,x", "/relative", None, 7]
    fields = {"title": "<b>Bold</b>", "speaker": "<i>Someone</i>"}
    citations = [cited(number, url=url, **fields) for number, url in enumerate(addresses, start=1)]
    visit.canned_answer(**answered(citations, text="<img src=x onerror=alert(1)>."))
    visit.ask("Q")
    assert visit.page.locator(".turn a").count() == 0
    assert visit.page.locator(".turn img").count() == 0
    assert visit.page.locator(".stories .headline").first.text_content() == "<b>Bold</b>"


def test_disagreeing_accounts_stand_in_a_table(visit: Visit, api: Api) -> None:
    answer = api("/ask", question=DISPUTED, mode="quote")
    [disagreement] = answer["disagreements"]
    accounts = disagreement["accounts"]
    assert len(accounts) > 1
    visit.open()
    visit.ask(DISPUTED)
    assert rows(visit) == [
        [
            " ".join(filter(None, (a["value"], a["speaker"], a["status"]))),
            a["source"],
            f"{datetime.fromisoformat(a['published']):%-d %b %Y}",
            f"[{a['citation']}]",
        ]
        for a in accounts
    ]
    assert DISPUTED in visit.page.locator(".disagreement caption").inner_text()
    newest = answer["citations"][accounts[0]["citation"] - 1]
    assert visit.open_citation(".disagreement .chip") == newest["quote"]


def test_accounts_are_shown_as_text_and_may_lack_outlet_date_and_citation(visit: Visit, api: Api) -> None:
    account = {"value": "14 <b>dead</b>", "citation": None, "source": None, "published": None, "speaker": None}
    visit.open()
    visit.canned_answer(
        **answered(words_of(api, "marrowby-flood-1", 1)),
        disagreements=[{"about": "<i>deaths</i>", "accounts": [{**account, "status": "differs"}]}],
    )
    visit.ask("How many died?")
    assert rows(visit) == [["14 <b>dead</b> differs", "unnamed outlet", "no date", ""]]
    assert "<i>deaths</i>" in visit.page.locator(".disagreement caption").inner_text()


def rows(visit: Visit) -> list[list[str]]:
    """The cells of the table of accounts."""
    found = visit.page.locator(".disagreement tbody tr")
    cells = (found.nth(index).locator("td").all_inner_texts() for index in range(found.count()))
    return [[" ".join(cell.split()) for cell in row] for row in cells]


def test_what_is_known_of_a_source_is_shown(visit: Visit) -> None:
    visit.open()
    citation = cited(1, speaker="Dame Rowena", copies=3, published="2025-12-09T23:30:00-02:00")
    citation["independent_outlets"] = ["An outlet", "The Voice"]
    citation["correction"] = {"text": "It was four.", "published": "2025-12-12"}
    visit.canned_answer(**answered([citation]), standalone_question="What did Q mean?")
    visit.ask("Q")
    source = visit.page.locator(".story-item").inner_text()
    facts = [
        "A title",
        "Corrected later, 12 December 2025: It was four.",
        "An outlet",
        "10 December 2025",
        "4 copies, 2 independent outlets",
        "said by Dame Rowena",
        "outlet.example",
        "Quoted.",
    ]
    assert [fact for fact in facts if fact not in source] == []
    understood = visit.page.locator(".scope", has_text="Understood as")
    assert understood.locator("q").text_content() == "What did Q mean?"


def test_an_article_that_changed_since_says_so(new_visit: NewVisit) -> None:
    for text, note, marked in (
        ("Now something. Quoted. And more.", "stand elsewhere", 1),
        ("All is new.", "no longer has", 0),
    ):
        visit = new_visit()
        visit.open()
        visit.canned_answer(**answered([cited(1)]))
        visit.canned("/articles/a-1", id="a-1", title="A title", text=text, authors=[])
        visit.ask("Q")
        visit.page.click(".chip")
        visit.page.wait_for_selector("#reader-notes .correction")
        assert note in visit.page.locator("#reader-notes").inner_text()
        assert visit.page.locator("mark.cited").count() == marked
