"""What a pronoun of a follow-up stands for, put in its place. Layer: pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import lexical
from rag.discourse import Context, definite
from rag.noun_phrases import Phrase, may_be_verb, phrases

# "Is it safe to swim" is about nothing; "is it related to the flood" is about something.
_TO = "related|native|similar|compared|close|due|used|different"
_FREE_IT = re.compile(
    r"\bit(?= (?:costs?|takes?|rain\w*|snow\w*|mean to|be like to|seems?|appears?|sounds?|looks?|turns? out)\b)|"
    rf"\b(?:is|was|isn't|isn’t|be) it(?= (?:\w+ )?(?!{_TO})\w+ (?:to|that|for)\b)|"
    rf"\bit(?= ?(?:is|was|’s|'s) (?:\w+ )?(?!{_TO})\w+ (?:to|that)\b)|"
    r"\bit(?= (?:true|possible|safe|legal|important|necessary|ok|okay|better)\b)",
    re.IGNORECASE,
)
PRONOUN = re.compile(
    r"\b(?P<it>it|its|itself)\b|\b(?P<they>they|them|their|theirs|themselves)\b|"
    r"\b(?P<he>he|him|his|himself|she|her|hers|herself)\b|"
    r"\b(?P<this>(?:this|that|these|those)(?=\s*(?:[?.!,;]|$|(?:is|are|was|were|do|does|did|has|have|had|can|could|will|"
    r"would|should|happen|happened|mean|affect|affects|work|works|compare|and|in|on|at|to|for|from|with|by)\b)))|"
    r"(?<!\bare )(?<!\bis )(?<!\bwas )(?<!\bwere )\b(?P<there>there)"
    r"(?=\s*(?:[?.!,;]|$|(?:now|then|today|before|after|in|on|since)\b))",
    re.IGNORECASE,
)
_POSSESSIVE = frozenset("its their his hers theirs".split())
_CLAUSE = re.compile(r"[,;:?!]|\b(?:when|if|because|and|but|that|while|after|before|since|who|which|so|than)\b")


def resolved(question: str, context: Context) -> tuple[str, Phrase | None]:
    """Pronouns replaced by what they stand for, the first of each kind; also the first thing stood for."""
    own = [p for p in phrases(question) if not p.generic]
    done: dict[str, Phrase] = {}
    free = {m.end() for m in _FREE_IT.finditer(question)}
    asked = _asked(question)
    pieces: list[str] = []
    last = 0
    for match in PRONOUN.finditer(question):
        kind, word = match.lastgroup or "", match.group().lower()
        if kind in done or match.end() in free or not any(a <= match.start() < b for a, b in asked):
            continue
        if _inside(question, match, own, kind, context):
            continue
        if kind == "this" and _joins(question, match):
            continue
        meant = _meant(kind, context, {p.head for p in own}, _suffers(question, match))
        if meant is None:
            continue
        done[kind] = meant
        owner = word in _POSSESSIVE or (word == "her" and _owns(question, match))
        pieces += [question[last : match.start()], _case(meant, word, owner, question, match)]
        last = match.end()
    return "".join([*pieces, question[last:]]), next(iter(done.values()), None)


def _asked(text: str) -> list[tuple[int, int]]:
    """Where the questions of a remark stand; the whole of it where nothing ends in a question mark."""
    sentences = [m.span() for m in re.finditer(r"[^.?!]+[.?!]*", text)]
    return [s for s in sentences if text[s[0] : s[1]].rstrip().endswith("?")] or [(0, len(text))]


def _case(phrase: Phrase, word: str, owner: bool, question: str, match: re.Match[str]) -> str:
    meant = definite(phrase)
    if word == "there":
        meant = f"in {meant}"
    elif owner:
        meant += "’" if meant.endswith("s") else "’s"
    start = not question[: match.start()].strip()
    return meant[0].upper() + meant[1:] if start else meant


def _owns(question: str, her: re.Match[str]) -> bool:
    """Whether "her" says whose what follows is; in "what made her leave" it says who."""
    following = re.match(r"\s+([^\W\d_]+)", question[her.end() :])
    if not following or lexical.fold(following.group(1)) in lexical.STOPWORDS:
        return False
    return not (_LETS.search(question[: her.start()]) and may_be_verb(lexical.fold(following.group(1))))


_LETS = re.compile(
    r"\b(?:ma[kd]es?|lets?|help(?:s|ed)?|ha[ds]|have|see[sn]?|saw|watch(?:ed|es)?|hears?|heard)\s+$", re.IGNORECASE
)


def _joins(question: str, match: re.Match[str]) -> bool:
    """Whether "that" only joins a clause: "Did he say that the bridge is safe?"."""
    if match.group().lower() != "that":
        return False
    before = question[: match.start()].split()
    rest = question[match.end() :].strip(" ?.!")
    opening = {"is", "was", "does", "did", "do", "about", "like", "of", "for", "to", "with", "by", "after", "before",
               "why", "how", "can", "could", "will", "would", "in", "on", "at", "from", "and"}  # fmt: skip
    return bool(before and rest and before[-1].lower() not in opening)


def _inside(question: str, match: re.Match[str], own: Sequence[Phrase], kind: str, context: Context) -> bool:
    """Whether the question itself says what the pronoun stands for: a phrase before it that it can refer to. Two names
    that nobody has heard yet make a question of its own."""
    before = [p for p in own if p.end <= match.start()]
    if kind == "he":
        before = [p for p in before if p.name]
    elif kind == "they":
        before = [p for p in before if p.plural or p.name]
    if not before or kind in ("this", "there"):
        return False
    if match.group().lower() in _POSSESSIVE | {"her"}:
        return True
    if kind == "it" and sum(p.name and not context.knows(p) for p in before) > 1:
        return True
    return bool(_CLAUSE.search(question[before[-1].end : match.start()]))


def _meant(kind: str, context: Context, own: set[str], suffers: bool) -> Phrase | None:
    """What a pronoun of this kind stands for; nothing when nothing of the kind was mentioned. Things are sold, named
    ones sell: "they" who do something are what is talked about by name, "they" to whom it is done are several."""
    if kind == "he":
        single = [p.head for p in context.mentioned if p.name and " " not in p.head]
        return _named((*context.people, *single), own)
    if kind == "there":
        return _named(context.places, own)
    centre = [context.centre] if context.centre else []
    candidates = [p for p in (*centre, *context.mentioned) if p.head not in own]
    if kind == "they":
        if suffers or not (context.centre and context.centre.name):
            candidates = [p for p in candidates if p.plural] or candidates
    else:
        candidates = [p for p in candidates if not p.person] or candidates
    return candidates[0] if candidates else None


def _suffers(question: str, they: re.Match[str]) -> bool:
    """Whether something is done to what the pronoun stands for: "who sold them", "where are they sold"."""
    if they.group().lower() == "them":
        return True
    return bool(_BE.search(question[: they.start()]) or _BE_DONE.match(question[they.end() :]))


_BE = re.compile(r"\b(?:are|were)\s+$", re.IGNORECASE)
_BE_DONE = re.compile(r"\s+(?:(?:will|can|could|would|must|should|have|had) )?(?:are|were|be|been)\b", re.IGNORECASE)


def _named(heads: Sequence[str], own: set[str]) -> Phrase | None:
    head = next((h for h in heads if h not in own), None)
    return Phrase(head, 0, 0, True, False) if head else None
