"""Which sentences answer together what one sentence cannot. Layer: pure.

Everything here chooses among sentences that were found and ranked; nothing is written. Scores are log odds of the
evidence model, for the whole question or for one part of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rag import attribution, dates, events, lexical, questions
from rag.parts import Parts
from rag.quantities import Quantity, clause, figures
from rag.types import Evidence

Place = tuple[str, int]
_Part = tuple[str, tuple[str, ...], Sequence[Evidence]]  # what is asked, the stems that it has alone, its evidence
_OWN = 2.5  # log odds for a sentence with all the terms that only its part has
_THEN = 1.0  # log odds for a sentence about the day that its part names
_LIKE = 1.0  # log odds for another figure of the same sort as in the sentence for the first part
_ANOTHER = 1.5  # log odds below the best for a part, which is shown for another one, that the next best may have
_TIE = 0.3  # log odds below the best for a part, within which the next best is shown beside it
_AS_GOOD = 0.4  # a sentence shown already answers a part as well as the best for it, less this
_UNREAD = -5.0  # log-probability that stands for a sentence the reader did not see
_CLAIMS = re.compile(
    r"[“”\"]|\b(?:said|told|added|accus\w+|argued?|call(?:ed|s)|claim\w*|complain\w*|warn\w+|insist\w+|den(?:y|ied|ies)|wrote|"
    r"described|put the|estimat\w+|expects?|believes?|thinks?|wants?|wanted|asked for|demand\w*|rejected|dismissed|"
    r"disput\w+|defended|criticis?z?ed|counter\w*|maintain\w*)\b",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"\b(?:den(?:y|ied|ies)|reject(?:ed|s)|dismiss(?:ed|es)|disput(?:ed|es)|disagree[ds]?|contradict(?:ed|s)|"
    r"called (?:that|this|it|the claims?)|counter(?:ed|s)|hit back|refut(?:ed|es)|opposes? it|replied that|"
    r"said (?:that|this|it) was (?:not|untrue|false|wrong|nonsense))\b",
    re.IGNORECASE,
)
_BESIDE_THE_POINT = 3.0  # log odds below a sentence from which on another one is about something else
_ADDS = 0.1  # of the question's terms, by rarity, that a sentence must bring to complement another one
_SAME = 0.6  # share of stems in common from which on it says the same
_NEXT = 2.0  # log odds for what stands beside a claim: there the other side has its say
_STORY = 600  # characters around a sentence in which its story goes on
_NAMED_WITHIN = 3  # sentences behind one that counts things, in which they are named
LEAST_LISTED = 3
_THING = r"[^,;:.“”\"]{2,45}?"
# "a comb, a queen and a heron", "Cathedral, Corn Exchange, and Quayside"
_RUN = re.compile(
    rf"{_THING}(?:,\s+(?!(?:who|which|where|when|while|but|said)\b){_THING}){{1,12}},?\s(?:and|or)\s"
    rf"(?!(?:was|were|is|are|has|have|had|said|will|would|did|then|that)\b){_THING}(?=[,;:.]|$)"
)
_BETWEEN = 260  # characters that may lie between a claim and the sentence that answers it


def place(item: Evidence) -> Place:
    """Where a sentence stands."""
    return item.article.id, item.span.start


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader thinks of sentences as an answer to the whole question: log-probabilities by place; none where
    nothing was read."""

    chances: dict[Place, float]

    @classmethod
    def of(cls, chosen: Iterable[Evidence]) -> Read:
        """Out of evidence that was reread (`rag.reading.reread`)."""
        return cls({place(e): e.signals["read"] for e in chosen if "read" in e.signals})

    def score(self, item: Evidence, weight: float) -> float:
        """Log odds of the search with a share of the reader's."""
        if not self.chances:
            return item.score
        return item.score + weight * self.chances.get(place(item), _UNREAD)


def of_parts(parts: Parts, ranked: Sequence[Sequence[Evidence]]) -> list[Evidence]:
    """The best sentence for each part, in the order of the parts; one that answers two parts is there once. `ranked`:
    for each part its evidence, none where the part has no answer.

    A sentence that is shown already answers a part only with words that the other parts do not have.
    """
    wanted = [part for part in zip(parts.asked, parts.own, ranked, strict=True) if part[2]]
    chosen: list[Evidence] = []
    for n, (asked, own, found) in enumerate(wanted):
        like = chosen[0] if chosen and questions.asked(asked) in ("number", "money") else None
        scores = {
            place(e): _for_part(e, own) + _THEN * _then(asked, e) + _LIKE * bool(like and _parallel(e, like))
            for e in found
        }
        best = max(found, key=lambda e: scores[place(e)])
        top, shown = scores[place(best)], {place(e) for e in chosen}
        others = sorted((e for e in found if place(e) not in shown | {place(best)}), key=lambda e: -scores[place(e)])
        others = [e for e in others if scores[place(e)] >= top - _ANOTHER]
        covered = max((scores[p] for p in shown if p in scores), default=None)
        if _answers_later(best, own, wanted[n + 1 :]):
            chosen += others[:1]
        elif covered is None or covered < top - _AS_GOOD:
            ties = [e for e in others if scores[place(e)] >= top - _TIE and _tells(e, own)]
            chosen += [best, *ties[:1]] if own else [best]
        elif not any(_tells(e, own) for e in chosen):
            chosen += others[:1] if place(best) in shown else [best]
    return chosen


def _answers_later(best: Evidence, own: Sequence[str], later: Sequence[_Part]) -> bool:
    """Whether the best sentence for a part has no word of it, but is the best one for a later part and has words of
    that: it answers that one."""
    return not _tells(best, own) and any(
        words and _tells(best, words) and place(max(found, key=lambda e: _for_part(e, words))) == place(best)
        for _, words, found in later
    )


def _tells(item: Evidence, own: Sequence[str]) -> bool:
    """Whether a sentence has a word that is a part's alone."""
    return not own or bool(lexical.found(own, frozenset(lexical.stem(w) for w in lexical.words(item.text))))


def _for_part(item: Evidence, own: Sequence[str]) -> float:
    terms = frozenset(lexical.stem(w) for w in lexical.words(item.text))
    share = len(lexical.found(own, terms)) / len(own) if own else 0.0
    return item.score + _OWN * share


def _then(asked: str, item: Evidence) -> bool:
    """Whether a sentence tells of a day that the part names: by its weekday, or by its date."""
    day, _ = events.day_of(item)
    if day is None or len(day) < len("2025-03-08"):
        return False
    told = date.fromisoformat(day)
    if any(f"{told:%A}".lower() == word for word in lexical.words(asked)):
        return True
    return any(p.first and p.last and p.first <= told <= p.last for p in dates.timing(asked, told).periods)


# ── several sentences on one thing


def distinct(
    ranked: Sequence[Evidence],
    score: Callable[[Evidence], float],
    *,
    most: int,
    within: float,
    alike: float = 0.5,
    fits: Callable[[Evidence, Sequence[Evidence]], bool] = lambda _item, _chosen: True,
) -> list[Evidence]:
    """The best, and others that are nearly as good and say something else, best first. `within`: log odds below the
    best; `alike`: share of stems in common from which on two say the same."""
    order = sorted(ranked, key=lambda e: -score(e))
    chosen: list[Evidence] = []
    for item in order:
        if chosen and score(item) < score(chosen[0]) - within:
            break
        if not any(overlap(item, other) >= alike for other in chosen) and (not chosen or fits(item, chosen)):
            chosen.append(item)
        if len(chosen) == most:
            break
    return chosen


def complement(
    best: Evidence, ranked: Sequence[Evidence], terms: Sequence[str], rarity: Mapping[str, float]
) -> Evidence | None:
    """The best other sentence that has words of the question that `best` lacks, and says something else; None where
    none does. `terms` are the question's, `rarity` their weight."""
    mine = frozenset(lexical.terms(best.text))
    held = lexical.coverage(terms, lexical.found(terms, mine), rarity)
    for item in sorted(ranked, key=lambda e: -e.score):
        if item.score < best.score - _BESIDE_THE_POINT:
            return None
        both = lexical.coverage(terms, lexical.found(terms, mine | frozenset(lexical.terms(item.text))), rarity)
        if place(item) != place(best) and both >= held + _ADDS and overlap(item, best) < _SAME:
            return item
    return None


def nearby(item: Evidence, best: Evidence) -> float:
    """Log odds for the best sentence and what stands near it, in its article: a story goes on there."""
    same = item.article.id == best.article.id
    return _NEXT if same and abs(item.span.start - best.span.start) <= _STORY else 0.0


def overlap(a: Evidence, b: Evidence) -> float:
    """Share of the stems of the shorter sentence that the other has too."""
    first, second = frozenset(lexical.terms(a.text)), frozenset(lexical.terms(b.text))
    return len(first & second) / max(1, min(len(first), len(second)))


def parallel(best: Evidence, ranked: Sequence[Evidence], score: Callable[[Evidence], float]) -> list[Evidence]:
    """Sentences with another figure of the same sort as the best one's: in the same unit, for the same thing; best
    first."""
    near = (e for e in ranked if e.score >= best.score - _BESIDE_THE_POINT)
    found = [(score(e) + 2.0 * overlap(e, best), e) for e in near if _parallel(e, best)]
    return [item for _, item in sorted(found, key=lambda pair: -pair[0])]


def _parallel(item: Evidence, best: Evidence) -> bool:
    """Whether a sentence has another figure of the same sort as another one."""
    mine = figures(best.text)
    new = [q for q in figures(item.text) if q.value not in {m.value for m in mine}]
    pairs = [(q, m) for q in new for m in mine if q.unit == m.unit]
    return place(item) != place(best) and any(_counted(item.text, q) & _counted(best.text, m) for q, m in pairs)


def _counted(text: str, quantity: Quantity) -> frozenset[str]:
    """Stems of the words beside a figure."""
    before, after = map(lexical.words, clause(text, quantity))
    return frozenset(lexical.stem(w) for w in (*before[-4:], *after[:4]) if w not in lexical.STOPWORDS)


def enumeration(item: Evidence, article: Sequence[Evidence], least: int) -> Evidence | None:
    """The sentence that names, one after the other, at least so many things: this one, or the first of the next few of
    its article; None where there is none. What a sentence counts ("four objects") the next ones name."""
    following = [e for e in article if e.article.id == item.article.id and e.span.start > item.span.start]
    following.sort(key=lambda e: e.span.start)
    return next((e for e in (item, *following[:_NAMED_WITHIN]) if listed(e.text) >= least), None)


def listed(text: str) -> int:
    """How many things a sentence names one after the other; 0 where it lists nothing: "a comb, a queen and a heron"
    are 3."""
    found = 0
    for run in _RUN.finditer(text):
        found = max(found, len(re.findall(r",\s+(?:and |or )?|\s(?:and|or)\s", run.group())) + 1)
    return found if found >= LEAST_LISTED else 0


# ── people who say different things


def claims(item: Evidence) -> bool:
    """Whether a sentence says what somebody says or wants."""
    return bool(_CLAIMS.search(item.text))


def voices(
    ranked: Sequence[Evidence], score: Callable[[Evidence], float], *, most: int, within: float
) -> list[Evidence]:
    """The best claims, each of another speaker where they are named."""

    def another(item: Evidence, chosen: Sequence[Evidence]) -> bool:
        who = attribution.speaker(item.text)
        return who is None or who not in {attribution.speaker(e.text) for e in chosen}

    said = [e for e in ranked if claims(e)]
    if not said:
        return []
    best = max(said, key=score)

    def beside(item: Evidence) -> float:
        near = item.article.id == best.article.id and place(item) != place(best) and _beside(item, best)
        return score(item) + _NEXT * near

    return distinct(said, beside, most=most, within=within, alike=0.7, fits=another)


def reply(best: Evidence, ranked: Sequence[Evidence], about: Sequence[str] = ()) -> Evidence | None:
    """The sentence near by, in the same article, in which somebody else contradicts the best one, or is contradicted by
    it; None where there is none. `about`: stems of which another named source need only share one with the best."""
    near = [
        e
        for e in ranked
        if e.article.id == best.article.id and place(e) != place(best) and _beside(e, best) and claims(e)
    ]
    near.sort(key=lambda e: abs(e.span.start - best.span.start))
    who = attribution.speaker(best.text)
    for item in near:
        later, earlier = (item, best) if item.span.start > best.span.start else (best, item)
        other = attribution.speaker(item.text)
        if _REPLY.search(later.text) and (other is None or other != who) and (claims(earlier)):
            return item
    shared = frozenset(about) & frozenset(lexical.terms(best.text))
    speakers = ((attribution.speaker(e.text), e) for e in near if who and shared & frozenset(lexical.terms(e.text)))
    return next((e for other, e in speakers if other and other != who), None)


_CORRECTS = re.compile(
    r"\b(?:correct(?:ed|ion|s)?|revis(?:ed|es|ion)|lowered|cut its|right figure|in error|and not|wrong(?:ly)?|mistake|"
    r"disregarded|withdr[ae]w\w*|retract\w*|apologi[sz]e[sd]?|instead of|should have (?:been|said|read))\b",
    re.IGNORECASE,
)


def corrects(item: Evidence) -> bool:
    """Whether a sentence puts something right that was said before."""
    return bool(_CORRECTS.search(item.text))


def goes_on_correcting(item: Evidence, article: Sequence[Evidence]) -> Evidence | None:
    """The next sentence of the article, where both put something right: "We said 4,100. The right figure is 1,400."."""
    if not corrects(item):
        return None
    later = [e for e in article if e.span.start >= item.span.end]
    return later[0] if later and corrects(later[0]) else None


def _beside(a: Evidence, b: Evidence) -> bool:
    first, second = sorted((a.span, b.span))
    return second.start - first.end <= _BETWEEN
