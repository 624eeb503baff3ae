"""The page at /eval over a report that a real `rag eval` left with the server's index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.test_reading import violations
from tests.browser.visits import EMOJI, HOSTILE, NewVisit, Visit

FAILED = 3


def opened(visit: Visit, address: str = "/eval") -> Page:
    visit.page.goto(visit.base + address)
    visit.page.wait_for_selector("#shown[aria-busy=false]")
    return visit.page


@pytest.mark.usefixtures("evaluated")
def test_failures_come_first_and_the_plots_are_drawn(visit: Visit) -> None:
    page = opened(visit)
    assert page.locator("h1").text_content() == f"{FAILED} of 4 questions failed"
    headings = page.locator("h2").all_text_contents()
    assert headings[:2] == ["Failures", "Plots"]
    assert page.locator("details").count() == FAILED
    titles = page.locator("figure h3").all_text_contents()
    assert titles == ["Right by kind of question", "Risk and coverage", "Reliability of the refusal model", "Time"]
    curve = page.locator("figure:nth-child(2) svg polyline.curve")
    assert curve.evaluate("line => getComputedStyle(line).fill") == "none"
    assert curve.bounding_box()


@pytest.mark.usefixtures("evaluated")
def test_each_failure_is_one_click_from_its_article_at_the_words(visit: Visit) -> None:
    page = opened(visit)
    tried = 0
    for failure in page.locator("details").all():
        failure.evaluate("details => (details.open = true)")
        for link in failure.locator("a.place").all():
            quote = link.locator("xpath=..").locator("q").text_content() or ""
            link.click()
            page.wait_for_function(
                "quote => [...document.querySelectorAll('mark.cited')].map(m => m.textContent).join('') === quote",
                arg=quote,
            )
            assert page.locator("#reader-notes .correction").count() == 0
            tried += 1
            page.keyboard.press("Escape")
            page.wait_for_selector("#reader", state="hidden")
            assert link.evaluate("link => link === document.activeElement")
    assert tried >= FAILED
    assert page.locator("details:has(a.place)").count() == FAILED


@pytest.mark.usefixtures("evaluated")
def test_the_link_also_opens_the_article_in_the_other_page(visit: Visit) -> None:
    """A middle click has no script to help it."""
    page = opened(visit)
    links = page.locator("a.place").all()
    link = next(link for link in links if EMOJI["id"] in (link.get_attribute("href") or ""))
    quote = link.locator("xpath=..").locator("q").text_content()
    page.goto(visit.base + "/" + (link.get_attribute("href") or "").removeprefix("./"))
    page.wait_for_selector("mark.cited")
    assert "".join(page.locator("mark.cited").all_text_contents()) == quote


@pytest.mark.usefixtures("evaluated")
def test_hostile_words_are_shown_and_do_nothing(visit: Visit) -> None:
    page = visit.page
    page.add_init_script("window.wasPwned = []; window.pwned = (where) => window.wasPwned.push(where)")
    opened(visit)
    text = page.locator("#shown").text_content() or ""
    assert "<script>pwned('question')</script>" in text
    assert HOSTILE["id"] in text
    assert page.locator("#shown script, #shown img, #shown iframe").count() == 0
    page.locator("details").first.locator("a.place").first.click()
    page.wait_for_selector("mark.cited")
    assert page.evaluate("window.wasPwned") == []


def test_reports_can_be_chosen_and_the_address_names_the_one(visit: Visit, evaluated: Path) -> None:
    older = evaluated.with_name(f"20250102T030405000000Z-{evaluated.stem.partition('-')[2]}.json")
    report = json.loads(evaluated.read_text("utf-8"))
    older.write_text(json.dumps({**report, "questions": report["questions"][:1]}), "utf-8")
    try:
        page = opened(visit)
        labels = page.locator("#reports option").all_text_contents()
        assert labels[1] == "2 January 2025, 03:04 UTC: dev questions, mode quote"
        page.select_option("#reports", older.stem)
        page.wait_for_function("() => document.querySelector('h1').textContent.startsWith('1 of 1')")
        assert older.stem in page.url
        page.go_back()
        page.wait_for_function("() => document.querySelector('h1').textContent.startsWith('3 of 4')")
        opened(visit, f"/eval?report={older.stem}")
        assert page.locator("h1").text_content() == "1 of 1 questions failed"
    finally:
        older.unlink()


def test_an_index_without_reports_says_how_to_make_one(visit: Visit) -> None:
    visit.canned("/eval/reports", reports=[])
    page = opened(visit)
    assert "rag eval" in (page.locator("#shown").text_content() or "")
    assert page.locator("#choice").is_hidden()


@pytest.mark.usefixtures("evaluated")
def test_a_server_with_keys_asks_for_one(visit: Visit) -> None:
    visit.canned("/eval/reports", status=401, title="Unauthorized", detail="an API key is needed")
    page = visit.page
    page.goto(visit.base + "/eval")
    page.wait_for_selector("#key[open]")
    page.unroute(visit.base + "/eval/reports")
    sent: list[str | None] = []
    page.on("request", lambda request: sent.append(request.headers.get("authorization")))
    page.fill("#key-input", "newsrag_1_x")
    page.keyboard.press("Enter")
    page.wait_for_selector("#shown[aria-busy=false] .report")
    assert sent == ["Bearer newsrag_1_x"] * 2
    visit.forgive("401")


@pytest.mark.usefixtures("evaluated")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_serious_barrier_and_nothing_scrolls_sideways(new_visit: NewVisit, scheme: str, width: int) -> None:
    visit = new_visit(width=width, color_scheme=scheme)
    page = opened(visit)
    page.evaluate("for (const failure of document.querySelectorAll('details')) failure.open = true")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    main = page.locator("#main")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    page.locator("a.place").first.click()
    page.wait_for_selector("mark.cited")
    assert violations(page) == []
    background = page.evaluate("getComputedStyle(document.querySelector('.group')).backgroundColor")
    assert (int(background.split("(")[1].split(",")[0]) > 200) is (scheme == "light")
