"""Around the answer: filters, follow-ups, failures, keys, the history, what is taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route

from tests.browser.visits import QUESTION, UNANSWERABLE, Api, NewVisit, Visit, answered, cited


def sent(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.post_data or ""))


def test_examples_are_stories_of_the_index_and_can_be_asked(visit: Visit, api: Api) -> None:
    page = visit.open()
    titles = {article["title"] for article in api("/articles?limit=200")["articles"]}
    shown = page.locator(".example .headline").all_text_contents()
    assert len(set(shown)) == 4
    assert set(shown) <= titles
    assert f"{api('/articles?limit=1')['total']} articles" in page.locator(".top .corpus").inner_text()
    page.locator("input[name=mode][value=quote]").check()
    page.locator(".example").first.click()
    page.wait_for_selector(".tools-row")
    page.locator(".stories .headline").first.click()
    page.wait_for_selector("mark.cited")
    assert page.locator("#reader-title").text_content() == shown[0]


def test_filters_limit_what_is_asked(visit: Visit, api: Api) -> None:
    page = visit.open()
    outlets = page.eval_on_selector_all("#outlets option", "all => all.map(o => o.value)")
    articles = api("/articles?limit=200")["articles"]
    assert set(outlets) == {a["source"] for a in articles if a["source"]}
    page.click("#filter-toggle")
    page.fill("#source", "Northmere Dispatch")
    page.fill("#since", "2025-12-01")
    page.fill("#until", "2025-12-31")
    assert page.locator("#filter-toggle").inner_text().split() == ["Filters", "(3)"]
    with page.expect_request("**/ask") as asked:
        visit.ask("How many people did the collapse of the Osterlay Bridge kill?")
    assert {k: sent(asked.value).get(k) for k in ("since", "until", "source", "mode")} == {
        "since": "2025-12-01",
        "until": "2025-12-31",
        "source": "Northmere Dispatch",
        "mode": "quote",
    }
    outlets = page.locator(".turn .story-item .outlet").all_text_contents()
    assert outlets
    assert set(outlets) == {"Northmere Dispatch"}
    scope = page.locator(".turn .scope").first.inner_text()
    assert scope == "Northmere Dispatch, from 1 December 2025, to 31 December 2025 · quotations only"


def test_dates_in_the_wrong_order_are_not_sent(visit: Visit) -> None:
    page = visit.open()
    page.click("#filter-toggle")
    page.fill("#since", "2025-12-31")
    page.fill("#until", "2025-12-01")
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    assert "the first day is after the last" in page.locator("#filter-problem").inner_text()
    assert page.locator(".turn").count() == 0
    page.click("#filter-clear")
    assert page.locator("#filter-problem").inner_text() == ""


def test_a_follow_up_goes_with_what_was_said(visit: Visit) -> None:
    page = visit.open()
    visit.ask(QUESTION)
    first = page.locator(".turn .answer blockquote").inner_text()
    with page.expect_request("**/ask") as asked:
        visit.ask("Who said so?")
    history = sent(asked.value)["history"]
    assert [turn["role"] for turn in history] == ["user", "assistant"]
    assert history[0]["content"] == QUESTION
    assert history[1]["content"].split("[")[0].strip() == first.split("[")[0].strip()
    page.click("#new")
    assert page.locator(".turn").count() == 0
    with page.expect_request("**/ask") as asked:
        visit.ask(UNANSWERABLE)
    assert sent(asked.value)["history"] == []


def failing(visit: Visit, times: int, respond: Any) -> list[Request]:
    """The next calls of /ask fail as `respond` does, those after that reach the server."""
    calls: list[Request] = []

    def handle(route: Route) -> None:
        calls.append(route.request)
        if len(calls) <= times:
            respond(route)
        else:
            route.continue_()

    visit.page.route(visit.base + "/ask", handle)
    return calls


def problem(status: int, detail: str, **headers: str) -> Any:
    body = {"status": status, "title": "T", "detail": detail}
    return lambda route: route.fulfill(status=status, json=body, headers=headers)


def events(body: str) -> Any:
    return lambda route: route.fulfill(content_type="text/event-stream", body=body)


@pytest.mark.parametrize(
    ("respond", "line"),
    [
        (problem(503, "too many questions wait: try later"), "Too many questions wait: try later."),
        (problem(429, "slow down"), "Too many questions in a short time."),
        (problem(422, "question: too long"), "Question: too long."),
        (lambda route: route.abort(), "The server cannot be reached. Is it running?"),
        (events('event: error\ndata: {"status": 504, "detail": "took too long"}\n\n'), "Took too long."),
        (events("event: retrieved\ndata: {}\n\n"), "The server ended the answer before it was complete."),
    ],
)
def test_a_failure_is_one_line_and_can_be_tried_again(new_visit: NewVisit, respond: Any, line: str) -> None:
    visit = new_visit()
    page = visit.open()
    failing(visit, 1, respond)
    page.locator("input[name=mode][value=quote]").check()
    page.fill("#question", UNANSWERABLE)
    page.keyboard.press("Enter")
    page.wait_for_selector(".failure")
    assert page.locator(".failure > span").inner_text() == line
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector(".refusal")
    assert page.locator(".turn").count() == 1
    visit.forgive("Failed to load resource")


def test_a_busy_server_is_not_asked_again_too_early(visit: Visit) -> None:
    page = visit.open()
    failing(visit, 1, problem(503, "busy", **{"Retry-After": "2"}))
    page.locator("input[name=mode][value=quote]").check()
    page.fill("#question", UNANSWERABLE)
    page.keyboard.press("Enter")
    page.wait_for_selector(".failure")
    assert "It asks to wait 2 seconds." in page.locator(".failure").inner_text()
    again = page.get_by_role("button", name="Try again")
    assert again.is_disabled()
    again.click()  # waits until it may be pressed
    page.wait_for_selector(".refusal")
    visit.forgive("Failed to load resource")


def test_a_server_with_keys_asks_for_one_and_keeps_it_for_the_tab(visit: Visit) -> None:
    page = visit.open()
    calls = failing(visit, 2, problem(401, "no key"))
    page.locator("input[name=mode][value=quote]").check()
    page.fill("#question", UNANSWERABLE)
    page.keyboard.press("Enter")
    for key, complaint in (("wrong", ""), ("right", "That key was not accepted.")):
        page.wait_for_selector("#key[open]")
        page.wait_for_function("line => document.getElementById('key-problem').textContent === line", arg=complaint)
        page.fill("#key-input", key)
        page.keyboard.press("Enter")
    page.wait_for_selector(".refusal")
    assert [call.headers.get("authorization") for call in calls] == [None, "Bearer wrong", "Bearer right"]
    assert page.evaluate("sessionStorage['newsrag.key']") == "right"
    assert "right" not in page.evaluate("JSON.stringify(localStorage)")
    visit.forgive("Failed to load resource")


def test_stop_ends_the_answer_and_the_request(visit: Visit) -> None:
    page = visit.open()
    page.route(visit.base + "/ask", lambda route: None)  # never answered
    page.fill("#question", QUESTION)
    page.keyboard.press("Enter")
    with page.expect_event("requestfailed"):
        page.click("#stop")
    assert "Stopped." in page.locator(".failure").inner_text()
    assert page.evaluate("document.activeElement.id") == "question"


def test_the_history_is_kept_in_the_browser_until_it_is_cleared(visit: Visit) -> None:
    page = visit.open()
    visit.ask(QUESTION)
    answer = page.locator(".turn .answer").inner_text()
    page.reload()
    assert page.locator(".turn").count() == 0
    page.click("#past")
    page.click(".past-item")
    assert page.locator(".turn .answer").inner_text() == answer
    visit.open_citation()
    page.click("#reader-close")
    page.click("#past")
    page.click("#history-clear")
    assert page.locator(".past-item").count() == 0
    assert "Alawite" not in page.evaluate("JSON.stringify(localStorage)")


def test_nothing_is_kept_when_the_reader_does_not_want_it(visit: Visit) -> None:
    page = visit.open()
    page.click("#past")
    page.uncheck("#keep")
    page.locator("#history").press("Escape")
    visit.ask(QUESTION)
    assert "Alawite" not in page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")


def test_a_broken_history_breaks_nothing(visit: Visit) -> None:
    broken = json.dumps([{"id": 1}, None, {"id": "x", "turns": [{}]}])
    visit.page.add_init_script(f"localStorage['newsrag.history'] ??= '{broken}'")
    page = visit.open()
    page.click("#past")
    assert page.locator(".past-item").count() == 0
    page.locator("#history").press("Escape")
    visit.ask(QUESTION)
    page.click("#past")
    assert page.locator(".past-item").count() == 1


TAKEN = {"title": "The ](javascript:alert(1)) <b>title</b>", "speaker": "Someone", "url": "https://outlet.example/a>b"}


def test_an_answer_can_be_taken_away_as_markdown(visit: Visit, tmp_path: Path) -> None:
    page = taken(visit)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download Markdown").click()
    assert download.value.suggested_filename == "what-happened.md"
    download.value.save_as(tmp_path / "answer.md")
    assert (tmp_path / "answer.md").read_text(encoding="utf-8") == (
        "# What happened?\n\n"
        "A sentence.[^1]\n\n"
        "[^1]: “Quoted.” Someone, An outlet, 1 January 2025, "
        "*The \\]\\(javascript\\:alert\\(1\\)\\) \\<b\\>title\\</b\\>*. <https://outlet.example/a%3Eb>\n"
    )


def test_an_unsure_answer_says_so_on_the_page_and_wherever_it_is_taken(new_visit: NewVisit, tmp_path: Path) -> None:
    visit = new_visit(permissions=["clipboard-read", "clipboard-write"])
    page = taken(visit, unsure=True)
    remark = "Unsure: these words may not answer the question."
    assert page.locator(".turn [aria-live] .unsure").inner_text() == remark
    page.get_by_role("button", name="Copy with footnotes").click()
    page.wait_for_function("() => document.getElementById('status').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()").startswith(f"A sentence [1].\n\n{remark}\n\n[1] Someone")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download Markdown").click()
    download.value.save_as(tmp_path / "answer.md")
    assert f"\n\nA sentence.[^1]\n\n*{remark}*\n\n[^1]" in (tmp_path / "answer.md").read_text(encoding="utf-8")
    visit.canned_answer(**answered([cited(1, **TAKEN)]))
    visit.ask("And the other?")
    assert page.locator(".unsure").count() == 1


def test_an_answer_can_be_copied_with_footnotes(new_visit: NewVisit) -> None:
    page = taken(new_visit(permissions=["clipboard-read", "clipboard-write"]))
    page.get_by_role("button", name="Copy with footnotes").click()
    page.wait_for_function("() => document.getElementById('status').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == (
        "A sentence [1].\n\n"
        "[1] Someone, in An outlet, 1 January 2025, “The ](javascript:alert(1)) <b>title</b>”: “Quoted.” "
        "https://outlet.example/a%3Eb\n"
    )


def taken(visit: Visit, **more: Any) -> Page:
    page = visit.open()
    visit.canned_answer(**answered([cited(1, **TAKEN)]), question="What happened?", **more)
    visit.ask("What happened?")
    return page
