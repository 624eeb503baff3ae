"""What cited words must be to support anything but themselves: a statement, of the same persons. Layer: pure."""

from __future__ import annotations

import re

from rag import lexical

# The persons that a sentence may only speak of where the cited words do: "you can file" is not "the winner can file".
_PRONOUNS = (
    frozenset({"he", "him", "his", "himself"}),
    frozenset({"she", "her", "hers", "herself"}),
    frozenset({"you", "your", "yours", "yourself", "yourselves"}),
    frozenset({"we", "us", "our", "ours", "ourselves"}),
)
# A statement has an auxiliary, a past form, or a verb as in "leads the" or "wants Ankara".
VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|will|would|can|could|may|might|must|said|says|told|won|lost|"
    r"fell|rose|led|made|took|gave|went|came|met|held|left|kept|began|broke|built|bought|caught|drew|fought|found|got|"
    r"grew|hit|knew|laid|paid|put|ran|saw|sold|sent|set|shot|shut|spoke|spent|stood|struck|swept|threw|wore|wrote|became|"
    r"beat|brought|chose|cost|cut|fed|felt|flew|sank|sought|hurt|sat|fled|drove|rode|heard|stole|spread|quit|taught|"
    r"[a-z][^\W\d_]*ed)\b|"
    r"\b[a-z]+s (?:(?:the|a|an|its|his|her|their|that|to)\b|[A-Z])"
)
# "In phishing, a scammer ...", "..., but in this tutorial, a lake is ...": what follows holds there alone.
_FRAME = re.compile(r"(?:^|, (?:but|and) )((?:in|for|under|within|among)\b[^,;:]{3,60}),\s", re.IGNORECASE)


def faults(sentence: str, cited: str) -> list[str]:
    """Why these cited words support no statement, or none about the persons of this one. Both as `lexical.plain` makes
    them; words support themselves, whatever they are."""
    if sentence == cited:
        return []
    found = []
    if cited.rstrip(" \"')]").endswith("?") and not sentence.rstrip(" \"')]").endswith("?"):
        found.append("the cited words are a question")
    if not VERB.search(cited):
        found.append("the cited words are no statement")
    own, there = set(lexical.words(sentence)), set(lexical.words(cited))
    if any(pronoun & own and not pronoun & there for pronoun in _PRONOUNS):
        found.append("a pronoun is not in the cited words")
    if "-elect" in cited and "elect" not in sentence:
        found.append("not yet in office there")
    frame = _FRAME.search(cited)
    if frame and any(c.isalpha() for term in _kept_out(sentence, frame[1]) for c in term):
        found.append(f"holds only {frame[1][:40]!r}")
    return found


def _kept_out(sentence: str, frame: str) -> set[str]:
    """The words of a frame that the sentence leaves out; none of a date, which only says when."""
    if lexical.CALENDAR & set(lexical.words(frame)):
        return set()
    return set(lexical.terms(frame)) - set(lexical.terms(sentence))
