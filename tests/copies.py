"""Labelled pairs of texts: copies of one story, and stories that only look alike. Made from the sample corpus.

Each pair belongs to the half of the event that it was made from, so that no sentence is in both halves: thresholds are
chosen on `dev` and measured on `test`.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from rag.readers import read
from rag.types import Article

ROOT = Path(__file__).resolve().parent.parent
COPIES = "headline dateline paragraph tail lead credit typos several".split()
OTHERS = "event merged figures one-figure background match weather market".split()

_DATELINE = re.compile(r"^[A-Z][A-Z ]{3,}(?:, [^–-]{1,40})? [–-] ")
_PLACES = "CALLOW POINT;NORTH BERREN;SAINT ODO;TESK HARBOUR;VARNA FIELDS".split(";")
_AGENCIES = "Palisade Wire;Northern Press Agency;ORB News;Meridian Wire".split(";")
_CREDITS = (
    "Reporting by {a}; editing by the {o} newsdesk.",
    "(c) {a} 2025. All rights reserved. This material may not be published, broadcast or rewritten without permission.",
    "This story was supplied by {a}. Sign up to the {o} newsletter to get the day's stories at breakfast.",
)
_OCR = {"rn": "m", "m": "rn", "l": "1", "e": "c", "h": "b", "cl": "d", "ti": "u", "o": "0"}
_FIGURE = re.compile(r"(?<![\d.,])\d+(?:[.,]\d+)*(?![\d.,]*\d)")


class Pair(NamedTuple):
    """Two texts, how the second came about, whether they are copies, and the half they belong to."""

    kind: str
    copy: bool
    half: str
    first: str
    second: str


def event(article_id: str) -> str:
    """`brenna-ferry-2` to `brenna-ferry`."""
    return re.sub(r"(-wire)?-\d+$", "", article_id)


def half(name: str) -> str:
    """The half of an event, by a digest of its name."""
    return ("dev", "test")[hashlib.sha256(name.encode()).digest()[0] % 2]


def corpus() -> dict[str, str]:
    """The sample corpus: texts by id."""
    found = (a for a in read([str(ROOT / "eval" / "corpus")]) if isinstance(a, Article))
    return {article.id: article.text for article in found}


def _data(name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((ROOT / "eval" / "copies" / f"{name}.json").read_text("utf-8"))
    return found


def pairs() -> list[Pair]:
    """All pairs, the same in every run."""
    texts = corpus()
    leads = _data("leads")
    made = list(_of_the_corpus(texts))
    for article_id, text in texts.items():
        if "-wire-" in article_id and article_id != "osterlay-bridge-wire-1":
            continue
        chosen = random.Random(article_id)
        others = [t for i, t in texts.items() if event(i) != event(article_id) and half(event(i)) == _half(article_id)]
        made += (
            Pair(kind, True, _half(article_id), text, t)
            for kind, t in _copies(text, leads.get(article_id), others, chosen)
        )
        made += (Pair(kind, False, _half(article_id), text, t) for kind, t in _others(text, others, chosen))
    made += _templates()
    return made


def _half(article_id: str) -> str:
    return half(event(article_id))


def _of_the_corpus(texts: dict[str, str]) -> Iterator[Pair]:
    """The wire story and its copies; and all other pairs of stories on one event."""
    for a, b in combinations(sorted(texts), 2):
        if event(a) == event(b):
            copy = "-wire-" in a and "-wire-" in b
            yield Pair("several" if copy else "event", copy, _half(a), texts[a], texts[b])


def _paragraphs(text: str) -> list[str]:
    return [p for p in text.split("\n") if p.strip()]


def _joined(paragraphs: list[str]) -> str:
    return "\n\n".join(paragraphs)


def _copies(text: str, lead: str | None, others: list[str], chosen: random.Random) -> Iterator[tuple[str, str]]:
    own = _paragraphs(text)
    local = [
        chosen.choice([p for p in _paragraphs(o) if 20 < len(p.split()) < 70] or [o]) for o in chosen.sample(others, 2)
    ]
    at = chosen.randrange(2, len(own) + 1)
    kept = max(2, round(len(own) * chosen.uniform(0.4, 0.85)))
    # A headline is no part of the text, but house style is: quotation marks, dashes, line ends.
    yield "headline", text.translate(str.maketrans("“”’–", '""\'-')).replace("\n\n", "\n")
    yield "dateline", _dateline(text, chosen)
    yield "paragraph", _joined([*own[:at], local[0], *own[at:]])
    yield "tail", _joined(own[:kept])
    yield "credit", _credited(text, chosen)
    yield "typos", _typos(text, chosen, chosen.choice([0.01, 0.02, 0.04]))
    if lead:
        yield "lead", _joined([lead, *own[1:]])
    changed = _joined([*own[:kept], local[1]]) if chosen.random() < 0.5 else _joined(own[: max(kept, 3)])
    yield "several", _credited(_dateline(_typos(changed, chosen, 0.01), chosen), chosen)


def _dateline(text: str, chosen: random.Random) -> str:
    """Another place, agency and day before the first words, or none where there was one."""
    bare = _DATELINE.sub("", text)
    line = f"{chosen.choice(_PLACES)}, {chosen.choice(['March', 'Oct.', 'Dec.'])} {chosen.randrange(1, 29)}"
    return f"{line} ({chosen.choice(_AGENCIES)}) - {bare}" if bare == text or chosen.random() < 0.5 else bare


def _credited(text: str, chosen: random.Random) -> str:
    line = chosen.choice(_CREDITS).format(a=chosen.choice(_AGENCIES), o="Harbour Gazette")
    return f"{text}\n\n{line}" if chosen.random() < 0.7 else f"{chosen.choice(_AGENCIES)} staff\n\n{text}\n\n{line}"


def _typos(text: str, chosen: random.Random, share: float) -> str:
    """As a scanner misreads, some words in a hundred; figures stay, which a copy has right."""
    words = re.split(r"(\s+)", text)
    for i, word in enumerate(words):
        if len(word) > 3 and not any(c.isdigit() for c in word) and chosen.random() < share:
            wrong = [(a, b) for a, b in _OCR.items() if a in word]
            if wrong:
                words[i] = word.replace(*chosen.choice(wrong), 1)
    return "".join(words)


def _others(text: str, others: list[str], chosen: random.Random) -> Iterator[tuple[str, str]]:
    own, other = _paragraphs(text), _paragraphs(chosen.choice(others))
    yield "merged", _joined([*own, *other])
    yield "merged", _joined([*other, *own[: max(2, len(own) * 2 // 3)]])
    if changed := _figures(text, chosen, 1.0):
        yield "figures", changed
    if changed := _figures(text, chosen, 0.0):
        yield "one-figure", changed
    background = own[len(own) // 2 :][:3]
    yield "background", _joined([*other[:5], *background])


def _figures(text: str, chosen: random.Random, share: float) -> str | None:
    """As a follow-up has other figures: this share of them and at least one, years and clock times left alone."""
    found = [m for m in _FIGURE.finditer(text) if not re.fullmatch(r"(?:19|20)\d\d", m[0]) and not _calendar(text, m)]
    if not found:
        return None
    picked = [m for m in found if chosen.random() < share] or [chosen.choice(found)]
    for match in reversed(picked):
        digits = match[0]
        other = str(int(digits[0]) % 9 + 1) + digits[1:]
        text = text[: match.start()] + other + text[match.end() :]
    return text


def _calendar(text: str, match: re.Match[str]) -> bool:
    months = "January February March April May June July August September October November December Dec Jan".split()
    around = re.findall(r"\w+", text[max(0, match.start() - 12) : match.end() + 12])
    return any(word in months for word in around)


_NAMES = "Ansel Athletic;Brenna Town;Caldor Rovers;Dunmere City;Esk Wanderers;Port Senna;Tarnside;Quillon United".split(
    ";"
)
_MEN = "Orsolya;Pellegrin;Anders;Vasquez;Tamm;Ilic;Okoro;Marchetti;Duval;Hagen;Brandt;Sorensen".split(";")
_CHOICES = {
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(),
    "index": ["Norvane 40", "Haldren All-Share"],
    "kind": ["severe wind", "heavy rain", "snow"],
    "way": ["north", "south"],
    "dir": ["up", "down"],
    "s1": ["Ardevane Group", "Kestrin Tools"],
    "s2": ["Parcelo", "Hearthly"],
}


def _templates() -> Iterator[Pair]:
    """Reports of one form: two matches, two warnings, two days at the exchange."""
    for kind, form in _data("forms").items():
        for number in range(12):
            chosen = random.Random(f"{kind} {number}")
            # Some share more than the form: the same place or index, one day later.
            first = _filled(kind, chosen, {})
            same = first if number % 2 else {}
            second = _filled(kind, chosen, {k: same[k] for k in ("place", "index", "a", "ground", "c") if k in same})
            yield Pair(kind, False, ("dev", "test")[number % 4 < 2], form.format(**first), form.format(**second))


def _filled(kind: str, chosen: random.Random, kept: dict[str, str]) -> dict[str, str]:
    teams, men = chosen.sample(_NAMES, 4), chosen.sample(_MEN, 4)
    place = chosen.choice(["the Quintara Islands", "Velmora", "the Solvane Strait", "Harrow Quay", "Lower Amberley"])
    values = {**dict(zip("abde", teams, strict=True)), **dict(zip("pqrc", men, strict=True))}
    values |= {name: str(chosen.randrange(2, 90)) for name in "m1 m2 g r1 r2 t u w h1 h2 up".split()}
    values |= {name: f"{chosen.uniform(0.1, 6):.1f}" for name in "p1 p2 y".split()}
    values |= {"x": str(chosen.randrange(2, 5)), "y": str(chosen.randrange(0, 2)) if kind == "match" else values["y"]}
    values |= {"n": _thousands(chosen, 3, 40), "v": _thousands(chosen, 2, 9), "t2": str(chosen.randrange(100, 900))}
    values |= {
        "ground": f"{teams[0].split()[0]} Park",
        "place": place,
        **{n: chosen.choice(c) for n, c in _CHOICES.items()},
    }
    if kind == "market":
        values["p"] = f"{chosen.uniform(0.1, 3):.2f}"
    return {**values, **kept}


def _thousands(chosen: random.Random, least: int, most: int) -> str:
    return f"{chosen.randrange(least, most)},{chosen.randrange(100, 999)}"
