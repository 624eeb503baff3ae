"""What the browser tests share: awkward articles, and a visitor's page. The fixtures are in conftest.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route

QUESTION = "How many Alawite civilians does the Syrian Observatory for Human Rights say were executed?"
UNANSWERABLE = "What did the European Union say about Latakia?"
Api = Callable[..., Any]

# Everything of an article that could be taken for markup, in every field that the page shows.
HOSTILE: dict[str, Any] = {
    "id": "hostile/1?x=<b>&y=#z",
    "title": "<img src=x onerror=\"pwned('title')\"> Quarvale [lighthouse](javascript:pwned) sold",
    "source": "<script>pwned('source')</script> Quarvale Star",
    "authors": ["<svg onload=pwned('author')>", "Ann \u202eOther"],
    "published": "2025-05-04",
    "url": "https://quarvale.example/a?b=<script>pwned('url')</script>#\"onclick=pwned",
    "license": "<b onmouseover=pwned('license')>free</b>",
    "text": "Wardens in Quarvale met 👩‍👩‍👧‍👦 and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 e\u0301te\u0301 \u05d0\u05d1\u05d2 before the sale.\n\n"
    "The Quarvale lighthouse 🗼 was sold for <script>pwned('text')</script> 480 gilders "
    "<img src=x onerror=\"pwned('img')\"> to a [baker](javascript:pwned('link')) named “Óscar” &lt;b&gt;.\n\n"
    "</article><iframe srcdoc=\"<script>parent.pwned('frame')</script>\"></iframe> The lamp stays lit.",
}
# Characters outside the Basic Multilingual Plane before the words: one code point each, two JavaScript units.
EMOJI = {
    "id": "emoji-1",
    "title": "Tarnvale bakes the tallest cake",
    "source": "Tarnvale Post",
    "published": "2025-06-07",
    "text": "🎂🎉🎈 A week of festivities 𝄞 opened in Tarnvale on Saturday 🥳. The cake of Tarnvale measured eleven "
    "metres and was eaten by 900 guests. A choir sang until midnight.",
}


# Answered, but not as this set has it; right; answered although the set says that it must not be; refused.
EVALUATED: list[dict[str, Any]] = [
    {
        "id": "hostile-q1", "kind": "where", "split": "dev",
        "question": "For how many gilders was the Quarvale <script>pwned('question')</script> lighthouse sold?",
        "answers": ["Wardens in Quarvale"],
        "support": [{"article_id": HOSTILE["id"], "quote": "Wardens in Quarvale met"}],
    },
    {
        "id": "cake-q1", "kind": "how_many", "split": "dev",
        "question": "How many metres did the cake of Tarnvale measure?",
        "answers": ["eleven"],
        "support": [{"article_id": "emoji-1", "quote": "The cake of Tarnvale measured eleven metres"}],
    },
    {
        "id": "guests-q1", "kind": "absent", "split": "dev", "question": "How many guests ate the cake of Tarnvale?",
        "answers": [], "support": [],
    },
    {
        "id": "sold-q1", "kind": "other", "split": "dev", "question": "Which colour do penguins prefer at dusk?",
        "answers": ["The lamp stays lit"], "support": [{"article_id": HOSTILE["id"], "quote": "The lamp stays lit"}],
    },
]  # fmt: skip


class Visit:
    """One visitor's page, and all that it asked for and complained about."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base, self.context = base, context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("request", lambda request: self._requested(request.url))

    def _requested(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.foreign.append(url)

    def forgive(self, complaint: str) -> None:
        """This complaint of the browser belongs to the test."""
        self.complaints = [line for line in self.complaints if complaint not in line]

    def open(self, address: str = "/") -> Page:
        self.page.goto(self.base + address)
        self.page.wait_for_selector("#examples:not([hidden])", state="attached")
        return self.page

    def ask(self, question: str, mode: str = "quote") -> None:
        """Ask and wait until the answer is complete."""
        self.page.locator(f"input[name=mode][value={mode}]").check()
        self.page.fill("#question", question)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".turn:last-child .tools-row, .turn:last-child .refusal", timeout=120_000)

    def open_citation(self, selector: str = ".turn:last-child .chip") -> str:
        """Open the first citation; the highlighted words."""
        self.page.locator(selector).first.click()
        self.page.wait_for_selector("mark.cited")
        return "".join(self.page.locator("mark.cited").all_text_contents())

    def canned(self, path: str, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> None:
        """From now on the server answers a path with this JSON."""

        def fulfil(route: Route) -> None:
            route.fulfill(status=status, headers=headers, json=body)

        self.page.route(self.base + path, fulfil)

    def canned_answer(self, **answer: Any) -> None:
        """From now on the server streams this answer to every question."""
        whole: dict[str, Any] = {"answered": True, "refusal": None, "standalone_question": None, "disagreements": []}
        whole |= {"question": "Q", "timings_ms": {"first_sentence": 40, "total": 90}, "model": {"llm": None}, **answer}
        events = "".join(
            f"event: sentence\ndata: {json.dumps({'sentence': sentence, 'citations': new})}\n\n"
            for sentence, new in first_uses(whole)
        )
        body = f"{events}event: done\ndata: {json.dumps(whole)}\n\n"
        self.page.route(
            self.base + "/ask", lambda route: route.fulfill(content_type="text/event-stream", body=body.encode())
        )


def first_uses(answer: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each sentence with the citations that it is the first to use."""
    seen: set[int] = set()
    for sentence in answer["sentences"]:
        new = [c for c in answer["citations"] if c["number"] in set(sentence["citations"]) - seen]
        seen |= set(sentence["citations"])
        yield sentence, new


NewVisit = Callable[..., Visit]


def cited(number: int, **fields: Any) -> dict[str, Any]:
    """A citation."""
    usual = {"title": "A title", "source": "An outlet", "url": "https://outlet.example/a", "published": "2025-01-01"}
    place = {"article_id": "a-1", "start": 0, "end": 7, "quote": "Quoted."}
    return {"number": number, **usual, **place, "speaker": None, "copies": 0, **fields}


def words_of(api: Api, article_id: str, count: int, first: int = 1) -> list[dict[str, Any]]:
    """Citations of the first words of an article's first paragraphs, numbered from `first` on."""
    article = api(f"/articles/{article_id}")
    start, citations = 0, []
    for number, paragraph in enumerate(article["text"].split("\n\n")[:count], start=first):
        place = {"article_id": article_id, "start": start, "end": start + 40, "quote": paragraph[:40]}
        facts = {name: article[name] for name in ("title", "source", "published", "url")}
        citations.append(cited(number, **place, **facts))
        start += len(paragraph) + 2
    return citations


def answered(citations: list[dict[str, Any]], text: str = "A sentence.") -> dict[str, Any]:
    """What an answer of one paraphrased sentence with these citations has of its own."""
    numbers = [c["number"] for c in citations]
    sentence = {"text": text, "citations": numbers, "support": "verified", "score": 0.97}
    marks = "".join(f"[{n}]" for n in numbers)
    return {"answer": f"{text[:-1]} {marks}.", "sentences": [sentence], "citations": citations}
