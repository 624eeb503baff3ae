"""Does a sentence say only what the words it cites say? Layer: pure.

Both are read into the same tokens: stems of content words, numbers by value, and on each the small words that turn
its meaning ("not", "after", "former"). Then each check can veto: quotations, numbers (unit, hedge and what they
count), words and names that are not there, the order of things, denial, uncertainty and attribution. What passes is
scored. They are strict on purpose: a true paraphrase that fails here is shown as the article's own words instead,
which costs style; an untrue one that passes could end up in print.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from rag import lexical, premises, stitching
from rag.lexical import DENIALS, Tokens, plain, read
from rag.types import Verdict

_QUOTED = re.compile(r'"([^"]{2,})"')

# These only join a fact to another: a sentence may begin behind them.
_JOINING = frozenset("after since because".split())
_DENIAL = re.compile(
    rf"\b(?:{'|'.join(sorted(DENIALS))}|den(?:y|ies|ied|ying)|refus\w+|fail(?:s|ed|ing)? to|reject\w*|false|untrue)\b",
    re.IGNORECASE,
)
# The ways of not being a fact (yet): each must be kept, and none added. The month is not the verb.
_UNCERTAIN = {
    name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for name, words in {
        "possible": r"(?-i:may)|might|could|can|possib\w+|probabl\w+|likely|perhaps",
        "conditional": r"would|should|if|unless",
        "alleged": r"alleg\w+|reportedly|apparent(?:ly)?|suspect\w*|believed|thought|rumou?r\w*|unconfirmed|seem\w*|"
        r"so-called",
        "future": r"will|expect\w*|plan(?:s|ned|ning)?|propos\w+|predict\w*|forecast\w*|due to",
        "wanted": r"want\w*|ask(?:s|ed|ing)?|urg(?:e|es|ed|ing)|demand\w*|call(?:s|ed|ing)? (?:for|on)|seek\w*|sought|"
        r"hop(?:e|es|ed|ing)|intend\w*|tr(?:y|ies|ied|ying) to|threaten\w*|vow\w*|pledg\w*|promis\w*|offer\w*",
    }.items()
}
_REPORTED = re.compile(
    r"\b(?:said|says|say|saying|told|tells|tell|according|report(?:s|ed|edly)|accus(?:e|es|ed|ing)|claim(?:s|ed|ing)?|"
    r"announc\w+|alleg\w+|argu(?:es|ed|ing)|warn(?:s|ed|ing)?|stat(?:es|ed)|add(?:s|ed)|insist\w*|quot\w+|wrote|writes|"
    r"testif\w+|confirm\w*|describ\w+|estimat(?:es|ed)|den(?:y|ies|ied)|puts?(?= [^.;]{1,60} at\b))\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"\b(?:the|a|an|of|in|on|at|to|by|from|with|for|and|or|but|that|which|who|as|than|its|his|her|their|our|is|was|are|"
    r"were|has|have|had|because|if|when|while|after|before|not|no|into|over|under|between|about|it|[A-Z])\W*$"
)
_SEPARATOR = re.compile(
    r"[,;:()]|\s-\s|\b(?:and|but|while|whereas|with|including|plus|when|as|who|which|that|compared|after|before|against)\b",
    re.IGNORECASE,
)
_LAST_CLAUSE = re.compile(r"\b(?:after|before|while|when|where)\b[^,;:()]*$", re.IGNORECASE)
_ADVERBIAL = re.compile(r"(?:in|on|at|during|near|last|this|earlier|later)\b", re.IGNORECASE)
_OF_KNOWN = re.compile(r"\b(?:of (?:the|its|their|his|her|all|those|these)|out of(?: the)?) (?:other )?$")
_DIRECTLY = re.compile(r"[ -]?(?:of (?:the )?)?")
_LEAST_TOKENS, _NEAR, _REACH, _OVERLAP = 3, 3, 5, 0.6


def verify(
    sentence: str,
    cited: str,
    *,
    outlet: str | None = None,
    rarity: Mapping[str, float],
    similarity: Callable[[], float],
    threshold: float,
) -> Verdict:
    """Check one sentence against one cited sentence.

    `outlet` may be named as the source without standing in the cited words ("according to ..."). `rarity` weighs
    stems, `similarity` gives the cosine of the two sentence vectors and is asked only when all else holds,
    `threshold` is the least score that counts as support. A vetoed sentence scores without it.
    """
    attributed = _without_outlet(sentence, outlet or "")
    said, source = read(plain(attributed)), read(plain(cited))
    reasons = [
        *_statement(said, source),
        *premises.faults(said.raw, source.raw),
        *_quotations(said.raw, source.raw),
        *_numbers(said, source),
        *_words(said, source),
        *_turns(said, source),
        *_order(said, source),
        *_stance(said, source),
        *stitching.faults(said, source),
    ]
    found = tuple(_found(said, source))
    if reasons:
        return Verdict(False, _score(said.keys, source.keys, rarity, 0.0), tuple(reasons), found)
    score = _score(said.keys, source.keys, rarity, similarity())
    if score < threshold:
        return Verdict(False, score, (f"support {score:.2f} is below {threshold:.2f}",), found)
    return Verdict(True, score, (), found)


def _found(said: Tokens, source: Tokens) -> Iterator[str]:
    """The numbers, dates and names that were looked for and are there."""
    for i, token in enumerate(said.tokens):
        kind = "date" if token.in_calendar or _is_date(said, i) else "number" if token.quantity else "name"
        if token.key in source.keys and (token.quantity or token.in_calendar or token.name):
            yield f"{kind} is in the cited words: {token.shown}"


def _without_outlet(sentence: str, outlet: str) -> str:
    """The sentence without "according to the Courier" or "the Courier reported that"."""
    if not outlet:
        return sentence
    name = rf"(?:the\s+)?{re.escape(re.sub(r'^the ', '', outlet, flags=re.IGNORECASE))}(?!\w)"
    said = r"(?:said|says|reported|reports|wrote|writes)"
    return re.sub(
        rf"(?:,\s*)?\baccording\s+to\s+{name},?|(?:,\s*)?\b{name}\s+{said}\b(?:\s+that\b)?|,\s*{said}\s+{name}",
        "",
        sentence,
        flags=re.IGNORECASE,
    ).strip()


def _score(said: Sequence[str], source: Sequence[str], rarity: Mapping[str, float], similarity: float) -> float:
    """0.6 of the sentence's tokens found in the cited words (weighted by rarity), 0.2 of them in the same order, 0.2
    cosine of the sentence vectors."""
    covered = lexical.coverage(said, frozenset(source), rarity)
    order = _common_subsequence(said, source) / len(said) if said else 0.0
    return 0.6 * covered + 0.2 * order + 0.2 * max(0.0, min(1.0, similarity))


def _statement(said: Tokens, source: Tokens) -> list[str]:
    """A bare "340" says whatever was asked, and what ends in "because of" was cut off: neither can be checked."""
    if said.raw == source.raw:
        return []
    whole = len(said.tokens) >= _LEAST_TOKENS and premises.VERB.search(said.raw) and not _DANGLING.search(said.raw)
    return [] if whole else ["not a whole statement"]


def _quotations(sentence: str, cited: str) -> list[str]:
    """What the sentence puts in quotation marks must stand in quotation marks there, or be the whole sentence."""
    whole = _QUOTED.fullmatch(sentence)
    torn = cited.count('"') % 2 == 1  # a quotation that goes on in the next sentence
    places = [cited] if whole or torn else _QUOTED.findall(cited)
    folded = [place.casefold() for place in places]
    quoted = (q.casefold().strip(" ,.;:!?") for q in _QUOTED.findall(sentence))
    return [f"quotation is not in the cited words: {q[:40]!r}" for q in quoted if not any(q in p for p in folded)]


# ── numbers


def _numbers(said: Tokens, source: Tokens) -> list[str]:
    """Every number must be there, with its unit and hedge, and count the same thing."""
    reasons = []
    for i, token in enumerate(said.tokens):
        if token.quantity is None:
            continue
        found = [(j, t.quantity) for j, t in enumerate(source.tokens) if t.quantity and t.key == token.key]
        same = [(j, q) for j, q in found if _is_date(source, j) == _is_date(said, i)]
        hedged = [j for j, q in same if q.hedge == token.quantity.hedge]
        if not same:
            reasons.append(f"number is not in the cited words: {token.shown}")
        elif not hedged:
            reasons.append(f"number with another hedge there: {token.shown}")
        elif not any(_same_thing(said, i, source, j) for j in hedged):
            reasons.append(f"number counts something else there: {token.shown}")
    return reasons


def _same_thing(said: Tokens, i: int, source: Tokens, j: int) -> bool:
    """Whether the words around a number stand around it there too, and not around another number."""
    if _of_known(source, j) and not _of_known(said, i):
        return False  # "40 died" out of "12 of the 40 died"
    first, last = _region(source, j)
    # "In 1987" counts nothing; "40 horses and soldiers" are not 40 soldiers.
    reach = _counted(source, j) if _is_date(source, j) else _behind(source, j, last)
    if not set(_counted(said, i)) <= set(reach):
        return False
    start, end = _region(said, i)
    window = range(max(start, i - _NEAR), min(end, i + _NEAR + 1))
    spans = {k: sorted((said.tokens[i].start, said.tokens[k].start)) for k in window if k != i}
    near = [said.tokens[k] for k, span in spans.items() if not _REPORTED.search(said.raw, *span)]
    present = set(source.keys[first:last])
    divided = (first, last) != (0, len(source.tokens))
    if any(t.key not in present for t in near if t.quantity or (t.name and divided)):
        return False
    return not near or sum(t.key in present for t in near) / len(near) >= _OVERLAP


def _of_known(text: Tokens, i: int) -> bool:
    return bool(_OF_KNOWN.search(text.raw[: text.tokens[i].start]))


def _behind(text: Tokens, i: int, last: int) -> list[str]:
    """The next few words behind a number, in its own clause and before token `last`."""
    clause = _SEPARATOR.search(text.raw, text.tokens[i].end)
    end = clause.start() if clause else len(text.raw)
    return [t.key for t in text.tokens[i + 1 : min(last, i + 1 + _REACH)] if t.start < end]


def _counted(text: Tokens, i: int) -> list[str]:
    """The words that stand directly behind a number: what it counts."""
    found: list[str] = []
    end = text.tokens[i].end
    for token in text.tokens[i + 1 : i + 3]:
        if token.quantity or not _DIRECTLY.fullmatch(text.raw[end : token.start]):
            break
        found.append(token.key)
        end = token.end
    return found


def _region(text: Tokens, i: int) -> tuple[int, int]:
    """Which tokens (half-open range) may belong to the number at i, and not to another number."""
    dated = _is_date(text, i)
    first, last = 0, len(text.tokens)
    for k, other in enumerate(text.tokens):
        if k == i or other.quantity is None or _is_date(text, k) != dated:
            continue
        border = _border(text, min(i, k), max(i, k))
        if border is not None and k < i:
            first = max(first, border)
        elif border is not None:
            last = min(last, border)
    return first, last


def _border(text: Tokens, a: int, b: int) -> int | None:
    """Between two numbers, the first token of the second: after the last comma or "and", else the number itself.

    None where nothing stands between them ("12 of the 40 passengers" share their words), or only a month.
    """
    left, right = text.tokens[a].quantity, text.tokens[b].quantity
    if left is None or right is None or all(t.in_calendar for t in text.tokens[a + 1 : b]):
        return None
    parts = list(_SEPARATOR.finditer(text.raw, left.right, right.left))
    at = parts[-1].start() if parts else right.left
    return next(k for k in range(a + 1, b + 1) if text.tokens[k].start >= at)


def _is_date(text: Tokens, i: int) -> bool:
    """A year, or a day beside its month."""
    quantity = text.tokens[i].quantity
    if quantity is None or quantity.unit or quantity.hedge:
        return False
    digits = text.raw[quantity.start : quantity.end]
    year = len(digits) == 4 and digits[:2] in ("19", "20") and digits.isdecimal()
    return year or any(t.in_calendar for t in text.tokens[max(0, i - 1) : i + 2])


# ── words


def _words(said: Tokens, source: Tokens) -> list[str]:
    """No word of its own, however plausible: one other word can turn a sentence round."""
    missing = [t for t in said.tokens if t.quantity is None and t.key not in source.keys]
    return [f"{'name' if t.name else 'word'} is not in the cited words: {t.shown}" for t in missing]


def _turns(said: Tokens, source: Tokens) -> list[str]:
    """Words such as "not", "after" or "former" must stand before the same words: none may be left out, none put in.

    One that stands elsewhere in the cited words may move ("after a raid on Friday", "after Friday's raid"), a denial
    may not.
    """
    reasons = [f"word is not in the cited words: {turn}" for turn in sorted(said.turns - source.turns)]
    for i, token in enumerate(said.tokens):
        dropped = _JOINING if i == 0 else frozenset()
        there = [t.turned - dropped for t in source.tokens if t.key == token.key]
        if there and not any(t <= token.turned and "not" not in token.turned - t for t in there):
            changed = min((t ^ token.turned for t in there), key=len)
            reasons.append(f"meaning of {token.shown!r} is turned: {', '.join(sorted(changed))}")
    return reasons


def _order(said: Tokens, source: Tokens) -> list[str]:
    """Who did what to whom stands in the order of words: it must be the same, but that one part may move as a whole,
    such as the day or the attribution."""
    positions: list[int] = []
    moved_at = []
    for i, key in enumerate(said.keys):
        places = [j for j, k in enumerate(source.keys) if k == key]
        later = [j for j in places if not positions or j > positions[-1]]
        if places and not later:
            moved_at.append(i)
        positions += [min(later or places)] if places else []
    if len(moved_at) > 1:
        return ["words stand in another order"]
    if len(positions) > 2 and not any(abs(b - a) == 1 for a, b in pairwise(positions)):
        return ["no two of its words stand together there"]
    speakers = [m.start() for m in _REPORTED.finditer(source.raw)]
    if moved_at and (len(speakers) > 1 or not _may_move(said, source, moved_at[0])):
        return ["names stand in another order"]
    if positions:
        start, end = source.tokens[min(positions)].start, source.tokens[max(positions)].start
        if sum(start < s < end for s in speakers) > len(_REPORTED.findall(said.raw)):
            return ["somebody else's words lie between"]
    return []


def _may_move(said: Tokens, source: Tokens, at: int) -> bool:
    """Whether the parts before and after token `at` may change places: one is a day or the like ("on Friday", "in the
    storm") without a name or a number, or one says who spoke."""
    found = (t for j, t in enumerate(source.tokens) if not t.in_calendar and not _is_date(source, j))
    fixed = {t.key for t in found if t.name or t.quantity}
    ahead = said.raw[said.tokens[at - 1].end : said.tokens[at].start]
    for part, opening in ((said.keys[:at], said.raw), (said.keys[at:], ahead.strip(" ,"))):
        if _ADVERBIAL.match(opening) and fixed.isdisjoint(part):
            return True
    return bool(_REPORTED.search(ahead) or _REPORTED.match(said.raw))


def _stance(said: Tokens, source: Tokens) -> list[str]:
    """Denials, possibilities and other people's claims must not turn into facts, nor facts into them."""
    reasons = []
    sentence, cited, used = said.raw, source.raw, _used(said, source)
    if bool(_DENIAL.search(sentence)) != bool(_DENIAL.search(used)):
        reasons.append("denial differs")
    for name, pattern in _UNCERTAIN.items():
        if bool(pattern.search(sentence)) != bool(pattern.search(used)):
            reasons.append(f"uncertainty differs: {name}")
    if bool(_REPORTED.search(sentence)) != bool(_REPORTED.search(cited)):
        reasons.append("who says so differs")
    return reasons


def _used(said: Tokens, source: Tokens) -> str:
    """The cited words without a last clause ("after ...", "while ...") that the sentence takes nothing from.

    Only one without a comma: behind that could come "it is believed".
    """
    end = max((t.start for t in source.tokens if t.key in said.keys), default=len(source.raw))
    clause = _LAST_CLAUSE.search(source.raw, end)
    return source.raw[: clause.start()] if clause else source.raw


def _common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        previous = 0
        for j, y in enumerate(b, start=1):
            previous, row[j] = row[j], previous + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]
