"""A follow-up question to one that stands alone. Layer: pure.

Rules, in this order: a remark that only points at the last question ("Why?", "And in Ankara?") is put into it; a short
mention is made full and a pronoun is replaced by what it stands for; a question that names next to nothing, or goes on
without a name, gets the topic added. A question that stands alone is left alone. docs/conversation.md has the figures,
and what a language model did instead. English only: in other languages every question stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import lexical
from rag.conversation import Exchange
from rag.discourse import Context, Rewrite, definite
from rag.noun_phrases import Phrase, phrases
from rag.pronouns import PRONOUN, resolved

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
    r"^(?P<new>(?:in|on|at|during|after|before|for|from|by|with|to|of|last|next|this)\b"
    r"(?! (?:which|what|whom|whose|how)\b.*\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|must)\b)"
    r".{2,60}?)\s*[?.!]*$",
    re.IGNORECASE,
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
    text, meant = resolved(_expanded(question, context), context)
    if meant is not None:
        # A name before the pronoun is the subject and what comes next is about it; one behind it is not.
        pronoun = PRONOUN.search(question)
        ahead = [p for p in phrases(question) if p.name and pronoun and p.end <= pronoun.start()]
        return _completed(text, context, ahead[0] if ahead else meant)
    if text != question:
        return Rewrite(text, text)
    return _completed(question, context, None)


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
    new = re.sub(r"^for ", "", resolved(_expanded(changed["new"], context), context)[0])
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


_FEW = 2
_GOES_ON = re.compile(r"\s*(?:and|but|so|then)\b", re.IGNORECASE)  # "And on Thursday?": of a date alone nothing is told
_DATES = frozenset(lexical.stem(w) for w in lexical.CALENDAR)
_INTERROGATIVE = re.compile(r"^(?:who|what|when|where|why|how|which|is|are|was|were|do|does|did|has|have|had)\b", re.I)


def _completed(question: str, context: Context, meant: Phrase | None) -> Rewrite:
    """The topic added where a question names next to nothing ("How many people died?"), or goes on with words of its
    own but no name of the conversation ("And who will pay for it all?"); itself otherwise. `meant` is what a pronoun
    of it stood for."""
    alone, centre = Rewrite(question, question, meant), context.centre
    if centre is None:
        return alone
    strange = not _shares(question, centre.head)
    if meant is None and strange and _names_nothing(question):
        # What the answer found is the topic, without what it took the place of.
        topic = _topic(question, context, [centre]) if centre.head in context.question else definite(centre)
        return _about(question, topic, _joiner(question), centre)
    if not (_goes_on(question, context) if meant is None else _lacks_name(question, context, meant)):
        return alone
    names = _topic(question, context, [])
    if not names and meant is None and strange and _GOES_ON.match(question):
        names = definite(centre)
    joiner = "about" if _joiner(question) == "about" else "for"
    return _about(question, names, joiner, meant) if names else alone


def _about(question: str, topic: str, joiner: str, centre: Phrase | None) -> Rewrite:
    return Rewrite(f"{question.rstrip(' ?.!')} {joiner} {topic}{_stop(question)}", question, centre)


def _names_nothing(question: str) -> bool:
    own, asked = phrases(question), _OPENING.sub("", question.strip())
    goes_on = _GOES_ON.match(question) is not None
    terms = [t for t in lexical.terms(asked) if t not in _DATES] if goes_on else lexical.terms(asked)
    dated = {p for p in own if goes_on and lexical.fold(p.head) in lexical.CALENDAR}
    named = any(p not in dated and (_naming(p) or not (p.generic or _is_definite(question, p))) for p in own)
    return len(terms) <= _FEW and _INTERROGATIVE.match(asked) is not None and not named


def _goes_on(question: str, context: Context) -> bool:
    """Whether a question with words of its own goes on with the last one. After "and" or "but" it does, unless it
    names what the last one named, or two things that nobody has heard of; otherwise where it names nothing and tells
    of something that is known without more words ("the airline"), or of what was ("did") in few words of its own: more
    are a topic ("Who won the golden loaf?")."""
    own = phrases(question)
    names = [p for p in own if _naming(p)]
    if _GOES_ON.match(question):
        asks = question.rstrip().endswith("?") and bool(_own_words(question, names))
        known = any(_shares(context.question, p.head) for p in names)
        return asks and not known and sum(not context.knows(p) for p in names) < _OWN_TOPIC
    known = any(_is_definite(question, p) and not p.generic and len(lexical.terms(p.head)) == 1 for p in own)
    told = known or (_PAST.search(question) and len(_own_words(question, names)) <= _FEW)
    return not names and bool(told) and _INTERROGATIVE.match(question) is not None


_OWN_TOPIC = 2
_PAST = re.compile(r"\b(?:did|was|were|had)\b", re.IGNORECASE)


def _own_words(question: str, names: Sequence[Phrase]) -> set[str]:
    return set(lexical.terms(_OPENING.sub("", question))).difference(*(lexical.terms(p.head) for p in names))


def _lacks_name(question: str, context: Context, meant: Phrase) -> bool:
    """Whether a pronoun stood for a thing of the last question and nothing is named: the tickets, but whose?"""
    unnamed = not any(_naming(p) for p in phrases(question))
    return unnamed and question.rstrip().endswith("?") and _shares(context.question, meant.head)


def _naming(phrase: Phrase) -> bool:
    """Whether it is or holds a name: `the Lycos screensaver`."""
    return any(w[0].isupper() and lexical.fold(w) not in lexical.CALENDAR for w in phrase.head.split())


_PARTS = 3  # of a topic: more bury the question


def _topic(question: str, context: Context, first: Sequence[Phrase]) -> str:
    """`first`, then what the last question named, each where this one has no word of it: `Kmart and Sears`."""
    parts: list[str] = []
    for phrase in [*first, *(p for p in phrases(context.question) if _naming(p))]:
        if not _shares(" ".join([question, *parts]), phrase.head):
            parts.append(definite(phrase))
    parts = parts[:_PARTS]
    return " and ".join([*([", ".join(parts[:-1])] if parts[1:] else []), *parts[-1:]])


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
