"""A follow-up question to one that stands alone. Layer: pure.

Rules, in this order: a remark that only points at the last question ("Why?", "And in Ankara?") is put into it; a short
mention is made full and a pronoun is replaced by what it stands for; a question that names next to nothing gets the
topic added. A question that stands alone is left alone. docs/conversation.md has the figures, and what a language
model did instead. English only: in other languages every question stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import lexical
from rag.conversation import Exchange
from rag.discourse import Context, Rewrite, definite
from rag.noun_phrases import Phrase, phrases

_LAST_EXCHANGES = 8
_CHARACTERS = 2000  # of an earlier question that are read


def standalone(question: str, history: Sequence[Exchange]) -> str:
    """The question as somebody would ask it who heard nothing of what was said before; itself where it stands alone.

    Earlier follow-ups are rewritten first, so that "it" may go back several turns.
    """
    context = Context()
    for exchange in history[-_LAST_EXCHANGES:]:
        asked = exchange.question[:_CHARACTERS]
        if lexical.words(asked):  # "???" asks nothing that a follow-up could go on with
            context = context.after(exchange, _rewritten(asked, context))
    return _rewritten(question, context).text


# ── the rules

_OPENING = re.compile(
    r"^(?:(?:and|so|but|then|ok(?:ay)?|well|oh|wow|yes|no|right|thanks|thank you|interesting|really|great|cool)\b"
    r"[\s,.!?]*)+",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"^(?:(?:what|how) about|what of)\s+(?P<new>.+?)\s*[?.!]*$", re.IGNORECASE)
_AND = re.compile(
    r"^(?P<new>(?:in|on|at|during|after|before|for|from|by|with|to|of|last|next|this)\b.{2,60}?)\s*[?.!]*$", re.I
)
_BARE = re.compile(
    r"^(?P<wh>why(?: not)?|when|where|how|who|by whom|how come|since when|how (?:many|much|long|often))"
    r"(?: (?:did|does|will|has|was|is) (?:it|this|that)(?: (?:happen(?:ed)?|occur(?:red)?|take place|so))|"
    r" (?:was|is) (?:this|that))?\s*[?.!]*$",
    re.IGNORECASE,
)
_WHO_SAID = re.compile(
    r"^(?P<who>who (?:said|says|claimed|claims|reported|reports)) (?:so|this|that|it)\s*[?.!]*$", re.I
)
_COUNTED = re.compile(r"^how many (?P<what>.+?) (?P<aux>was|were|are|is|have|has|had|will|did|do) (?P<rest>.+)$", re.I)
_MORE = re.compile(
    r"^(?:(?:can|could) you |please )*(?:tell me more|say more|(?:give me |any )?(?:more )?(?:details|examples)|"
    r"give me (?:some|an?) examples?|go on|elaborate|explain|explain more|more information|anything else|what else)"
    r"\s*[?.!]*$",
    re.IGNORECASE,
)
_QUESTION_WORD = re.compile(
    r"^(?:(?:who|what|when|where|why|how)(?: (?:many|much|long|often|old|far))?|(?:which|what|how many|how much) \w+)"
    r"\s+(?=(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b)",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:in|on|since|before|after|during|by)?\s*\b(?:last|next|this) "
    r"(?:week|month|year|summer|winter|spring|autumn)\b|"
    r"\b(?:in|on|since|before|after|during|by)\s+(?:(?:early|late|mid-?)\s*)?(?:\d{1,2} )?"
    r"(?:(?:January|February|March|April|May|June|July|August|September|October|November|December)\b(?: \d{4})?|"
    r"(?:1[0-9]|20)\d\d)|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
    re.IGNORECASE,
)


_NEW_TOPIC = re.compile(r"\b(?:about|what (?:is|are|was|were)|who (?:is|was|are|were))\b", re.IGNORECASE)


def _rewritten(question: str, context: Context) -> Rewrite:
    if not context.question:
        return Rewrite(question, question)
    pointed = _pointing(question, context)
    if pointed is not None:
        return pointed
    resolved, meant = _resolved(_expanded(question, context), context)
    if meant is not None:
        # A name before the pronoun is the subject and what comes next is about it; one behind it is not.
        pronoun = _PRONOUN.search(question)
        ahead = [p for p in phrases(question) if p.name and pronoun and p.end <= pronoun.start()]
        return Rewrite(resolved, resolved, ahead[0] if ahead else meant)
    if resolved != question:
        return Rewrite(resolved, resolved)
    return _completed(question, context)


def _pointing(question: str, context: Context) -> Rewrite | None:
    """A remark that only changes one thing of the last question, put into it."""
    remark = _OPENING.sub("", question.strip())
    last = context.question.rstrip(" ?.!")
    if said := _WHO_SAID.match(remark):
        text = f"{said['who']} {last[0].lower()}{last[1:]}?"
        return Rewrite(text, text, context.centre, asks_who_said=True)
    if bare := _BARE.match(remark):
        text = _asked_anew(bare["wh"], last)
        return Rewrite(text, text, context.centre)
    if _MORE.match(remark) and context.centre:
        text = f"{question.rstrip(' ?.!')} about {definite(context.centre)}{_stop(question)}"
        return Rewrite(text, text, context.centre)
    changed = _ABOUT.match(remark)
    if changed is None and remark != question.strip():
        changed = _AND.match(remark)
    if changed is None:
        return None
    new = re.sub(r"^for ", "", _resolved(_expanded(changed["new"], context), context)[0])
    centre = next((p for p in phrases(new) if not p.generic), context.centre)
    text = _exchanged(last, new) or question
    if text == question and context.centre and not _shares(new, context.centre.head):
        text = f"What about {new} for {definite(context.centre)}?"
    return Rewrite(text, new, centre)


def _expanded(question: str, context: Context) -> str:
    """A short mention made full: "the bridge" to "the Osterlay bridge", "Velle" to "Anton Velle"."""
    pieces: list[str] = []
    last = 0
    for own in phrases(question):
        full = next((m for m in context.mentioned if _fuller(own, m)), None)
        before = question[: own.start].split()[-1:] or [""]
        definite = question[own.start : own.start + 4].lower() == "the " or before[0].lower() in _DEFINITE
        if full is None or not (own.name or definite):
            continue
        at = own.end - len(own.head)
        pieces += [question[last:at], full.head]
        last = own.end
    return "".join([*pieces, question[last:]])


_DEFINITE = frozenset("this that these those".split())


def _fuller(short: Phrase, full: Phrase) -> bool:
    """Whether a phrase that was mentioned ends in this one, or is a person's name that holds it."""
    few, many = short.head.lower().split(), full.head.lower().split()
    if len(few) >= len(many):
        return False
    return many[-len(few) :] == few or (short.name and full.name and few == many[: len(few)] and full.person)


def _asked_anew(wh: str, last: str) -> str:
    """The last question with another question word: "When?" after "Why did it close?" is "When did it close?"."""
    counted = _COUNTED.match(last)
    clause = f"{counted['aux']} {counted['what']} {counted['rest']}" if counted else _QUESTION_WORD.sub("", last)
    comma = "" if clause != last or _AUXILIARY.match(last) else ","
    return f"{wh[0].upper()}{wh[1:]}{comma} {clause[0].lower()}{clause[1:]}?"


def _exchanged(last: str, new: str) -> str | None:
    """The last question with its part of the same kind replaced: a date by a date, a name by a name, and with a place
    or the like added. Nothing where no kind is plain."""
    if _DATE.search(new):
        dated = _DATE.search(last)
        return f"{last[: dated.start()].rstrip()} {new}{last[dated.end() :]}?" if dated else f"{last} {new}?"
    if _PREPOSITION.match(new):
        return f"{last} {new}?"
    old = next((p for p in phrases(last) if p.name), None)
    first = next(iter(phrases(new)), None)
    if old is None or first is None or not first.name:
        return None
    changed = f"{last[: old.start]}{new}{last[old.end :]}?"
    return changed if len(lexical.words(changed)) > len(lexical.words(new)) + 1 else None


_PREPOSITION = re.compile(r"(?:in|on|at|during|with|by|after|before)\b", re.IGNORECASE)
# "Is it safe to swim" is about nothing; "is it related to the flood" is about something.
_TO = "related|native|similar|compared|close|due|used|different"
_FREE_IT = re.compile(
    r"\bit(?= (?:costs?|takes?|rain\w*|snow\w*|mean to|be like to|seems?|appears?|sounds?|looks?|turns? out)\b)|"
    rf"\b(?:is|was|isn't|isn’t|be) it(?= (?:\w+ )?(?!{_TO})\w+ (?:to|that|for)\b)|"
    rf"\bit(?= ?(?:is|was|’s|'s) (?:\w+ )?(?!{_TO})\w+ (?:to|that)\b)|"
    r"\bit(?= (?:true|possible|safe|legal|important|necessary|ok|okay|better)\b)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
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


def _resolved(question: str, context: Context) -> tuple[str, Phrase | None]:
    """Pronouns replaced by what they stand for, the first of each kind; also the first thing stood for."""
    own = [p for p in phrases(question) if not p.generic]
    done: dict[str, Phrase] = {}
    free = {m.end() for m in _FREE_IT.finditer(question)}
    asked = _asked(question)
    pieces: list[str] = []
    last = 0
    for match in _PRONOUN.finditer(question):
        kind, word = match.lastgroup or "", match.group().lower()
        if kind in done or match.end() in free or not any(a <= match.start() < b for a, b in asked):
            continue
        if _inside(question, match, own, kind):
            continue
        if kind == "this" and _joins(question, match):
            continue
        meant = _meant(kind, context, {p.head for p in own})
        if meant is None:
            continue
        done[kind] = meant
        follows = re.match(r"\s+[^\W\d_]", question[match.end() :])
        owner = word in _POSSESSIVE or (word == "her" and follows and _noun_follows(question, match.end()))
        pieces += [question[last : match.start()], _case(meant, word, bool(owner), question, match)]
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


def _noun_follows(question: str, at: int) -> bool:
    following = re.match(r"\s+([^\W\d_]+)", question[at:])
    return bool(following and lexical.fold(following.group(1)) not in lexical.STOPWORDS)


def _joins(question: str, match: re.Match[str]) -> bool:
    """Whether "that" only joins a clause: "Did he say that the bridge is safe?"."""
    if match.group().lower() != "that":
        return False
    before = question[: match.start()].split()
    rest = question[match.end() :].strip(" ?.!")
    opening = {"is", "was", "does", "did", "do", "about", "like", "of", "for", "to", "with", "by", "after", "before",
               "why", "how", "can", "could", "will", "would", "in", "on", "at", "from", "and"}  # fmt: skip
    return bool(before and rest and before[-1].lower() not in opening)


def _inside(question: str, match: re.Match[str], own: Sequence[Phrase], kind: str) -> bool:
    """Whether the question itself says what the pronoun stands for: a phrase before it that it can refer to."""
    before = [p for p in own if p.end <= match.start()]
    if kind == "he":
        before = [p for p in before if p.name]
    elif kind == "they":
        before = [p for p in before if p.plural or p.name]
    if not before or kind in ("this", "there"):
        return False
    if match.group().lower() in _POSSESSIVE | {"her"}:
        return True
    return bool(_CLAUSE.search(question[before[-1].end : match.start()]))


def _meant(kind: str, context: Context, own: set[str]) -> Phrase | None:
    """What a pronoun of this kind stands for; nothing when nothing of the kind was mentioned."""
    if kind == "he":
        single = [p.head for p in context.mentioned if p.name and " " not in p.head]
        return _named((*context.people, *single), own)
    if kind == "there":
        return _named(context.places, own)
    centre = [context.centre] if context.centre else []
    candidates = [p for p in (*centre, *context.mentioned) if p.head not in own]
    if kind == "they":
        candidates = [p for p in candidates if p.plural] or candidates
    else:
        candidates = [p for p in candidates if not p.person] or candidates
    return candidates[0] if candidates else None


def _named(heads: Sequence[str], own: set[str]) -> Phrase | None:
    head = next((h for h in heads if h not in own), None)
    return Phrase(head, 0, 0, True, False) if head else None


_FEW = 2
_GOES_ON = re.compile(r"\s*(?:and|but|so|then)\b", re.IGNORECASE)  # "And on Thursday?": of a date alone nothing is told
_DATES = frozenset(lexical.stem(w) for w in lexical.CALENDAR)
_INTERROGATIVE = re.compile(r"^(?:who|what|when|where|why|how|which|is|are|was|were|do|does|did|has|have|had)\b", re.I)


def _completed(question: str, context: Context) -> Rewrite:
    """The topic added where a question names next to nothing ("How many people died?"); itself otherwise."""
    own, centre, asked = phrases(question), context.centre, _OPENING.sub("", question.strip())
    goes_on = _GOES_ON.match(question) is not None
    terms = [t for t in lexical.terms(asked) if t not in _DATES] if goes_on else lexical.terms(asked)
    short = len(terms) <= _FEW and _INTERROGATIVE.match(asked)
    dated = {p for p in own if goes_on and lexical.fold(p.head) in lexical.CALENDAR}
    named = any(p not in dated and (p.name or not (p.generic or _is_definite(question, p))) for p in own)
    if centre is None or not short or named or _shares(question, centre.head):
        return Rewrite(question, question)
    topic = definite(centre)
    text = f"{question.rstrip(' ?.!')} {_joiner(question)} {topic}{_stop(question)}"
    return Rewrite(text, question, centre)


def _is_definite(question: str, phrase: Phrase) -> bool:
    return question[phrase.start : phrase.end].lower().startswith("the ")


def _shares(question: str, topic: str) -> bool:
    return bool(set(lexical.terms(question)) & set(lexical.terms(topic)))


def _joiner(question: str) -> str:
    """A small word that makes a sentence of most questions and their topic."""
    if re.search(r"\b(?:say|said|tell|told|think|know|more|mean|argue|claim|report)\b", question, re.IGNORECASE):
        return "about"
    if re.match(r"(?:what|which|who) (?:is|are|was|were|'s|’s) (?:the|some)\b", question, re.IGNORECASE):
        return "of"
    return "in" if re.match(r"(?:how many|who|when|where|what happened)\b", question, re.IGNORECASE) else "for"


def _stop(question: str) -> str:
    return question.rstrip()[-1] if question.rstrip()[-1:] in "?.!" else "?"
