"""Words, stems, names and rarity; a sentence as tokens. Layer: pure.

Folding and stemming follow SQLite FTS5's `porter unicode61 remove_diacritics 2`, so that what counts as the same word
here is what the lexical index finds.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from rag.quantities import Quantity, quantities

_PORTER = snowballstemmer.stemmer("porter")
_STEMMING = threading.Lock()  # the stemmer keeps the word that it works on: two threads would mix theirs up
# Dotted capitals ("U.S.", "U.N.") are one word; otherwise runs of letters and digits.
WORD = re.compile(r"(?:[^\W\d_]\.){2,}|\d+(?:[.,]\d+)+|[^\W_]+")

# Marks of typography that stand in most sentences of news and in no word; without them most sentences are ASCII.
_MARKS = "’‘“”–—…"
_LOWER = str.maketrans({c: c.lower() if c.isalnum() else " " for c in map(chr, range(128))})
_TOGETHER = re.compile(r"[^\W\d_]\.[^\W\d_]\.|\d[.,]\d")  # where `WORD` takes in more than letters and digits
_MAYBE_TOGETHER = re.compile(r"[.,][^\W_]")  # stands in each of those, and is looked for in a seventh of the time

# English function words and question words: they say what is asked, not what it is about.
STOPWORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below between
    both but by can could did do does doing done down during each either else ever few for from further get give gave
    given had has have having he her here hers herself him himself his how i if in into is it its itself just many may
    me might mine more most much must my myself near no nor not now of off on once one only or other our ours out over
    own please really said same say saying says shall she should so some such tell than that the their theirs them
    themselves then there these they this those through to too under until up upon us very was we were what when where
    which while who whom whose why will with would yes you your yours according happen happened happens""".split()
)

CALENDAR = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december""".split()
)
# Small words that turn what follows them. Those of denial are one; the others stand for themselves.
DENIALS = frozenset("not no never none nobody nothing neither nor hardly barely rarely".split())
_TURNING = frozenset(
    """without all every each both most many few several some half only just any other more less fewer or by from to
    against before after until since despite because except during above below under between than former ex deputy
    acting vice attempted almost nearly""".split()
)
_PAUSE = re.compile(r"[,;:()]")
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Sen|Rep|Gov|St|[A-Z])\.$")
_TYPOGRAPHY = str.maketrans("’‘“”„«»–—\u2011\u00a0", '\'\'"""""--- ')


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Case and diacritics removed: `Ataş` → `atas`; the last dot of an acronym goes too: `U.N.` → `u.n`.

    As in FTS5, only letters of the Latin alphabet lose their marks: `й` and `가` are letters of their own. The two
    letters that the alphabet lacks are spelled out, here and in the lexical index: `ı` → `i`, `ß` → `ss`.
    """
    lower = unicodedata.normalize("NFC", word).casefold().rstrip(".").replace("ı", "i")
    return "".join(_plain(letter) for letter in lower)


def _plain(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return "" if unicodedata.combining(letter) else base if base.isascii() else letter


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Porter stem of a folded word."""
    with _STEMMING:
        return str(_PORTER.stemWord(word))


def words(text: str) -> list[str]:
    """Folded words in order; single letters (`s` of a possessive) are left out, single digits stay."""
    if not text.isascii():
        for mark in _MARKS:
            text = text.replace(mark, " ")
    # The same words in a fifth of the time.
    plain_words = text.isascii() and not (_MAYBE_TOGETHER.search(text) and _TOGETHER.search(text))
    found = text.translate(_LOWER).split() if plain_words else map(fold, WORD.findall(text))
    return [w for w in found if len(w) > 1 or w.isdigit()]


def spoken(text: str) -> str:
    """The words of a text alone, a space at both ends: typography and white space may differ between copies."""
    return f" {' '.join(words(text))} "


def content_words(text: str) -> list[str]:
    """Folded words that are not function words, in order, once each."""
    return list(dict.fromkeys(w for w in words(text) if w not in STOPWORDS))


def terms(text: str) -> list[str]:
    """Stems of the content words, in order, once each."""
    return list(dict.fromkeys(stem(w) for w in content_words(text)))


def rarity(frequency: Mapping[str, int], total: int) -> dict[str, float]:
    """Inverse document frequency of each term, in BM25's form: log(1 + (N - n + 0.5) / (n + 0.5)); always above 0.

    A term that no article has weighs like one that one has: in a small archive most words of a question are unseen,
    and say nothing by it.
    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009, with Lucene's +1.
    """
    seen = {t: max(1, n) for t, n in frequency.items()}
    return {t: math.log(1 + (max(total, n) - n + 0.5) / (n + 0.5)) for t, n in seen.items()}


def coverage(wanted: Iterable[str], present: frozenset[str] | set[str], weight: Mapping[str, float]) -> float:
    """Share of the wanted terms that are present, weighted by rarity; 1 where nothing is wanted."""
    wanted = list(wanted)
    total = sum(weight.get(t, 1.0) for t in wanted)
    return sum(weight.get(t, 1.0) for t in wanted if t in present) / total if total else 1.0


def found(wanted: Iterable[str], present: frozenset[str]) -> frozenset[str]:
    """The wanted stems that are present, themselves or as a near derivation: `lead` in `leader`, `govern` in
    `governor`. Porter leaves those apart, and questions and articles mix them freely."""
    return frozenset(w for w in wanted if w in present or any(_derived(w, p) for p in present))


def _derived(a: str, b: str) -> bool:
    if a[:4] != b[:4]:  # most pairs, and cheap to see
        return False
    short, long = (a, b) if len(a) < len(b) else (b, a)
    return len(short) >= 4 and len(long) - len(short) <= 3 and long.startswith(short) and not short.isdigit()


def shingles(text: str, size: int = 5) -> frozenset[tuple[str, ...]]:
    """Word n-grams of a text, for comparing whole texts; a shorter text is one shingle."""
    return runs(words(text), size)


def runs(found: Sequence[str], size: int = 5) -> frozenset[tuple[str, ...]]:
    """`shingles` of a text that is taken apart already."""
    return frozenset(zip(*(found[i:] for i in range(size)), strict=False)) or frozenset([tuple(found)])


# ── names, and a sentence as tokens


def names(text: str) -> list[str]:
    """Folded capitalised words in order, without the first word of a sentence where it may be an ordinary one."""
    return [fold(m.group()) for m in WORD.finditer(text) if _is_name(text, m)]


def _is_name(text: str, match: re.Match[str]) -> bool:
    word = match.group()
    if word[0].islower() or not word[0].isalpha() or len(folded := fold(word)) < 2:
        return False
    if word.isupper() and not text.isupper():  # "US" is no "us"
        return True
    ordinary = folded in STOPWORDS and word != "May"
    return not ordinary and not _starts_sentence(text[: match.start()])


def _starts_sentence(before: str) -> bool:
    spoken = before.rstrip()
    inside = spoken.rstrip("“\"‘'([")
    if len(inside) < len(spoken) and inside.rstrip().endswith((",", ":")):
        return True
    inside = inside.rstrip()
    return not inside or (inside.endswith((".", "!", "?")) and not _TITLE.search(inside))


@dataclass(frozen=True, slots=True)
class Token:
    """A content word (its stem) or a number (`#340.0`), with the turning words between it and the token before."""

    key: str
    shown: str
    start: int
    turned: frozenset[str]
    name: bool
    quantity: Quantity | None = None

    @property
    def end(self) -> int:
        """Where it ends, with its unit."""
        return self.quantity.right if self.quantity else self.start + len(self.shown)

    @property
    def in_calendar(self) -> bool:
        """Whether it is a month or a day of the week."""
        return fold(self.shown) in CALENDAR


@dataclass(frozen=True, slots=True)
class Tokens:
    """A sentence in the one form in which two are compared; offsets count in `raw`, which `plain` made."""

    raw: str
    tokens: tuple[Token, ...]
    turns: frozenset[str]
    keys: tuple[str, ...]


def plain(text: str) -> str:
    """One form of quotes, dashes and spaces, contractions written out, and no "to" after "according"."""
    text = " ".join(text.translate(_TYPOGRAPHY).split())
    text = re.sub(r"\b(?:can't|cannot)\b", "can not", text, flags=re.IGNORECASE)
    text = re.sub(r"\bwon't\b", "will not", text, flags=re.IGNORECASE)
    text = re.sub(r"n't\b", " not", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\w)'(?:re|ve|ll|d|m)\b", "", text)
    return re.sub(r"\b(according) to\b", r"\1", text, flags=re.IGNORECASE)


@lru_cache(maxsize=256)
def read(text: str) -> Tokens:
    """A sentence taken apart. The words of a number's hedge and unit belong to the number."""
    counted = quantities(text)
    items: list[tuple[int, Quantity | re.Match[str]]] = [(q.left, q) for q in counted]
    words_alone = (m for m in WORD.finditer(text) if not any(q.left <= m.start() < q.right for q in counted))
    items += [(m.start(), m) for m in words_alone]
    tokens: list[Token] = []
    turned: set[str] = set()
    turns: set[str] = set()
    last = 0
    for start, item in sorted(items, key=lambda i: i[0]):
        if _PAUSE.search(text, last, start):
            turned = set()
        last = start
        if isinstance(item, Quantity):
            key, shown = f"#{item.value}{item.unit}", text[item.start : item.end]
            tokens.append(Token(key, shown, start, frozenset(turned), False, item))
        else:
            word, name = fold(item.group()), _is_name(text, item)
            turn = "not" if word in DENIALS else word
            if not name and (turn == "not" or turn in _TURNING):
                turned.add(turn)
                turns.add(turn)
                continue
            if len(word) < 2 or (word in STOPWORDS and not name):
                continue
            tokens.append(Token(stem(word), item.group(), start, frozenset(turned), name))
        turned = set()
    return Tokens(text, tuple(tokens), frozenset(turns), tuple(t.key for t in tokens))
