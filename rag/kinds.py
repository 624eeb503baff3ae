"""What shape of answer a question asks for: one sentence, or several of what sort. Layer: pure.

Only the question's own words are looked at. Where they say nothing plain the shape is `one`: a sentence too many costs
trust as one too few does.
"""

from __future__ import annotations

import re
from typing import Literal

from rag.parts import Parts, taken_apart

Shape = Literal["one", "parts", "compare", "change", "list", "summary", "timeline", "correction", "sides"]

_ORDER: tuple[tuple[Shape, str], ...] = (
    (
        "timeline",
        r"\b(?:time ?line|chronology|chronological|sequence of (?:events|steps)|order of events|course of events)\b|"
        r"\bin (?:what|which) order\b|\b(?:trace|retrace|chart|follow|reconstruct|track)\b(?! up)"
        r"\s+(?:the|how|what|when)\b|"
        r"\b(?:step by step|stage by stage|(?:day|week|month|year|hour) (?:by|after) (?:day|week|month|year|hour)|"
        r"from (?:report|day|week|month|year) to (?:report|day|week|month|year)|over time|so far unfolded)\b|"
        r"\bhow (?:did|has|have)\b.*\b(?:develop|developed|unfold|unfolded|evolve|evolved|progress|progressed|"
        r"come about|"
        r"play out|played out)\b|\b(?:history|stages|phases|milestones|key (?:dates|events)) of\b",
    ),
    (
        "correction",
        r"\bcorrect(?:ion|ions|ed|s)\b|\b(?:erratum|retract\w*|revis(?:ed?|ing|ion|ions)|"
        r"amended|misreport\w*|misstat\w*|put right|set straight)\b|"
        r"\bwithdr[ae]w\w*\b.*\b(?:figures?|numbers?|counts?|claims?|tolls?|reports?)\b|"
        r"\b(?:figures?|numbers?|counts?|claims?|tolls?|reports?)\b.*\bwithdr[ae]w\w*\b|"
        r"\b(?:get|got|gotten|reported|stated|printed|wrote|published|quoted)\b[^?]*\bwrong(?:ly)?\b|"
        r"\b(?:true|right|actual|real|correct) (?:figure|number|count|total|rate|toll|date|name|value|amount|sum|score|"
        r"\w+ rate)\b|\bhow (?:many|much)\b.*\b(?:really|actually|in fact)\b",
    ),
    (
        "change",
        r"\bfrom what to what\b|\bhow (?:much |far |fast )?(?:did|has|have|does|do)\b.*\b(?:change|changed|grow|grown|"
        r"rise|risen|fall|fallen|increase|increased|decrease|decreased|drop|dropped|shift|shifted|move|moved|climb|"
        r"climbed|shrink|shrunk|differ from (?:the|last|earlier))\b|\bbefore and after\b|"
        r"\bwhat (?:change|rise|fall|increase|drop) (?:in|of)\b|\b(?:at first|originally|initially)\b.*\band\b.*"
        r"\b(?:later|now|then|in the end|finally|eventually)\b",
    ),
    (
        "compare",
        r"\bcompar(?:e[ds]?|ing|ison|isons)\b|\bversus\b|\bvs\b|\bside by side\b|\b(?:difference|gap) (?:between|in)\b|"
        r"\bhow far apart\b|\brelative to\b|\brather than\b.*\bor\b|\bset against\b|"
        r"\b(?:match|equal|exceed|outweigh|outnumber|outscore|outpace|outsell)(?:ed|s)?\b|"
        r"\b(?:which|who|what)\b.*\b(?:more|less|fewer|\w+er)\b.*\bor\b|"
        r"\b(?:more|less|fewer|(?:larg|bigg|small|long|short|high|low|old|young|new|fast|slow|heavi|light|rich|poor|"
        r"strong|weak|great|cheap|deep|wid|earli|lat|warm|cold|hott|bett)er|better|worse) than\b|"
        r"\b(?:this|last) (?:season|year|month|week)\b.*\b(?:against|and|with|from)\b.*\b(?:last|this|previous)\b",
    ),
    (
        "sides",
        r"\b(?:differ|differed|disagree|disagreed|disagreement|conflicting|contradict\w*|disputed|in dispute|contested|"
        r"competing|"
        r"rival (?:claims?|accounts?|versions?|figures?))\b|\bthe two \w+s\b|"
        r"\b(?:each|both|either|different|various|other|opposing|"
        r"several) (?:sides?|outlets?|sources?|newspapers?|papers?|parties|reports?|accounts?|versions?|camps?|"
        r"agencies|media)\b|\b(?:critics|opponents)\b.*\b(?:supporters|defenders|backers)\b|"
        r"\b(?:supporters|defenders|backers)\b.*\b(?:critics|opponents)\b|\bwho says what\b|"
        r"\bfor and against\b|\bpros and cons\b|\bwhat do\b.*\b(?:say|think|make of)\b.*\band what (?:do|does)\b|"
        r"\bwhat do (?:\w+ )?\w+s? make of\b|\b(?:views|opinions|positions|reactions|arguments|"
        r"claims|estimates|accounts)\b",
    ),
    (
        "summary",
        r"^\W*(?:please\s+)?(?:can you\s+|could you\s+)?(?:summari[sz]e|sum up|outline|recap|describe|tell me|explain|"
        r"brief me|give me|update me|catch me up|report)\b|"
        r"\b(?:summary|overview|recap|rundown|digest|gist|in short|in brief|briefly|main points|key points|"
        r"main (?:terms|findings|events|facts|results|features|provisions|measures)|key (?:findings|facts|terms|"
        r"provisions|measures))\b|"
        r"^\W*what (?:has |had |have )?(?:happened|went on|was going on|is going on|took place)\b|"
        r"^\W*what (?:became|has become) of\b|^\W*what (?:is|was) (?:known|the story|the news|reported|new)\b|"
        r"^\W*what do (?:we|you) know\b|^\W*what(?:['’]s| is) the latest (?:on|about|from|in|with|news)\b|"
        r"^\W*what (?:was|is|has been|is being|was being) done\b|"
        r"^\W*what (?:steps|measures|action|actions)\b",
    ),
    (
        "list",
        r"^\W*(?:please\s+)?(?:list|name|enumerate|give)\b|"
        r"\b(?:which|what) (?:(?:two|three|four|five|six|seven|eight|nine|ten|other|different|"
        r"various|main|new|of the) )?"
        r"(?:[\w-]+ ){0,3}?(?!(?:was|is|has|does|this|us|across|business|process|class|gas|news|boss|loss|press|bus|"
        r"virus|crisis|basis|series|address|illness|witness|success|status|campus|always|less|plus)\b)"
        r"\w{2,}s (?:are|were|have|had|did|do|will|would|can|kept|took|joined|voted|signed|attended|scored|won|lost)\b|"
        r"\bwhat (?:are|were) (?:the|its|his|her|their|all)\b|"
        r"^\W*who (?:are|were) (?:the|all)\b|^\W*who (?:all|else)\b",
    ),
)
_COMPILED = tuple((shape, re.compile(pattern, re.IGNORECASE)) for shape, pattern in _ORDER)
_SINGLE = re.compile(
    r"^\W*(?:tell me|explain|describe|give me|report)\b.*\b(?:who|when|where|which|how (?:many|much|old|long))\b",
    re.IGNORECASE,
)


def shape(question: str) -> tuple[Shape, Parts]:
    """The shape of the answer wanted, and the parts that the question asks for: one, the whole, where it names none.

    Two questions in one are `parts` whatever else their words say, but that what is compared stays `compare`.
    """
    parts = taken_apart(question)
    found: Shape = next((s for s, pattern in _COMPILED if pattern.search(question)), "one")
    if found == "summary" and _SINGLE.search(question):
        found = "one"
    if len(parts.asked) > 1 and found in ("one", "list", "summary", "sides", "correction"):
        return ("compare" if parts.compared else "parts"), parts
    if parts.compared and found == "one":
        return "compare", parts
    return found, parts
