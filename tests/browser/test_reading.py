"""Every way of reading the page: keyboard, screen reader, phone, dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

from tests.browser.visits import QUESTION, UNANSWERABLE, Api, NewVisit, Visit, answered, words_of

PHONE = {"width": 360, "height": 740}
FOCUSED = "document.activeElement.id || document.activeElement.className"


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {[n['html'] for n in v['nodes']]}" for v in found if v["impact"] in ("serious", "critical")]


def test_the_whole_way_by_keyboard_alone(visit: Visit) -> None:
    page = visit.open()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUSED) == "question"
    tab_to(page, "input[name=mode]")
    page.keyboard.press("ArrowRight")
    assert page.locator("input[value=quote]").is_checked()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".tools-row")
    assert page.evaluate(FOCUSED) == "question"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    tab_to(page, ".chip")
    page.keyboard.press("Enter")
    page.wait_for_selector("mark.cited")
    assert page.evaluate(FOCUSED) == "cited"
    page.keyboard.press("Escape")
    page.wait_for_selector("#reader", state="hidden")
    assert page.evaluate(FOCUSED) == "chip"
    page.keyboard.press("/")
    assert page.evaluate(FOCUSED) == "question"
    page.keyboard.type("/")
    assert page.input_value("#question") == "/"


def test_letters_are_keys_until_they_are_turned_off(visit: Visit, api: Api) -> None:
    page = visit.open()
    visit.canned_answer(**answered(words_of(api, "latakia-1", 2)))
    visit.ask("Q")
    page.locator(".question").focus()
    page.keyboard.press("n")
    page.wait_for_selector("mark.cited")
    page.keyboard.press("n")
    page.wait_for_function("() => document.getElementById('reader-place').textContent === '2 of 2'")
    page.keyboard.press("p")
    page.wait_for_function("() => document.getElementById('reader-place').textContent === '1 of 2'")
    page.keyboard.press("?")
    page.locator("#letters").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    assert page.locator("#help").is_hidden()


def test_a_phone_shows_one_thing_at_a_time_and_never_scrolls_sideways(new_visit: NewVisit) -> None:
    visit = new_visit(**PHONE, has_touch=True)
    page = visit.open()

    def fits() -> bool:
        wide = "all => all.filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)"
        found = page.eval_on_selector_all("body *", f"all => ({wide})(all).map(e => e.outerHTML)")
        assert found == []
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    assert fits()
    page.tap("#filter-toggle")
    assert fits()
    page.tap("#filter-toggle")
    visit.ask(UNANSWERABLE)
    assert fits()
    visit.ask(QUESTION)
    assert fits()
    visit.open_citation()
    assert fits()
    box = page.locator("#reader").bounding_box()
    assert box == {"x": 0, "y": 0, **PHONE}
    assert page.locator("#main").evaluate("main => main.inert")
    page.go_back()
    page.wait_for_selector("#reader", state="hidden")
    assert not page.locator("#main").evaluate("main => main.inert")
    assert page.evaluate(FOCUSED) == "chip"


def test_a_wide_screen_shows_the_article_beside_the_answer(visit: Visit) -> None:
    page = visit.open()
    visit.ask(QUESTION)
    visit.open_citation()
    answer, article = page.locator("#main").bounding_box(), page.locator("#reader").bounding_box()
    assert answer
    assert article
    assert answer["x"] + answer["width"] <= article["x"] + 1
    assert not page.locator("#main").evaluate("main => main.inert")


def test_the_address_of_an_open_article_opens_it(visit: Visit) -> None:
    page = visit.open()
    visit.ask(QUESTION)
    words = visit.open_citation()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("mark.cited")
    assert page.locator("mark.cited").text_content() == words


def test_colours_follow_the_system_until_the_reader_chooses(new_visit: NewVisit) -> None:
    def paper(page: Page) -> int:
        """How light the page's background is, 0 to 255."""
        return int(page.evaluate("+getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"))

    light, dark = new_visit(color_scheme="light").open(), new_visit(color_scheme="dark").open()
    assert paper(light) > 200
    assert paper(dark) < 60
    dark.click("#theme")
    assert paper(dark) > 200
    assert dark.locator("#theme").get_attribute("aria-label") == "Colours: light"
    dark.reload()
    assert paper(dark) > 200
    dark.click("#theme")
    assert paper(dark) < 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_serious_barrier_in_any_state(new_visit: NewVisit, scheme: str, width: int) -> None:
    """axe-core, impact serious or critical."""
    visit = new_visit(width=width, color_scheme=scheme)
    page = visit.open()
    barriers = {"empty": violations(page)}
    page.click("#filter-toggle")
    page.fill("#since", "2025-02-01")
    page.fill("#until", "2025-01-01")
    barriers["filters"] = violations(page)
    page.click("#filter-clear")
    page.click("#filter-toggle")
    visit.ask(UNANSWERABLE)
    barriers["refusal"] = violations(page)
    visit.ask(QUESTION)
    page.click(".turn:last-child .made summary")
    barriers["answer"] = violations(page)
    visit.open_citation()
    barriers["article"] = violations(page)
    page.keyboard.press("Escape")
    for opener, dialog in (("#past", "#history"), ("#about", "#help")):
        page.click(opener)
        barriers[dialog] = violations(page)
        page.locator(dialog).press("Escape")
    visit.ask("What is the latest confirmed number of deaths in the Marrowby flood?")
    page.hover(".turn:last-child .disagreement .chip")
    barriers["disagreement"] = violations(page)
    assert {state: found for state, found in barriers.items() if found} == {}
