"""An article into passages of whole sentences, all by offset. Layer: pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import sentencex

from rag.types import Article, Passage, Span

CountTokens = Callable[[Sequence[str]], list[int]]
SPLITTER = "sentencex"
LETTERS_A_TOKEN = 20
"""So many characters count as a token at least. To an embedder a word of a million letters (an image in base64, two
thousand words that lost their spaces) may be a single unknown one; as one sentence it would be quoted whole, and read
for hours by every check."""
_SPACE = re.compile(r"\s")
_TITLE = 300  # characters of a title that stand before each part


def split_sentences(text: str, language: str | None = None) -> list[Span]:
    """Sentences of a text, without the white space around them; every other character is in exactly one.

    sentencex never splits inside a quotation: `"It is over. We lost," said X.` stays one sentence with its speaker.
    Two of its splits are taken back: inside a word (`then-U.|S. Secretary`), and after a name that ends in a mark
    (`Democracy Now!|interviewed`).
    """
    parts = sentencex.get_sentence_boundaries(language or "en", text)
    spans: list[Span] = []
    for part in parts:
        span = _trim(text, part["start_index"], part["end_index"])
        if span is None:
            continue
        if spans and _is_inside(text, spans[-1].end, span.start):
            spans[-1] = Span(spans[-1].start, span.end)
        else:
            spans.append(span)
    return spans


def _is_inside(text: str, end: int, start: int) -> bool:
    """Whether one sentence goes on from `end` to `start`: with nothing between, or as `Now! interviewed` does."""
    if end == start:
        return text[start].isalnum()
    return text[end - 1] in "!?" and text[end:start] == " " and text[start].islower()


def _trim(text: str, start: int, end: int) -> Span | None:
    raw = text[start:end]
    body = raw.strip()
    if not body:
        return None
    start += raw.index(body)
    return Span(start, start + len(body))


def _weights(texts: Sequence[str], count: CountTokens) -> list[int]:
    """The tokens of each text; of a long one with few, what its letters count as."""
    return [max(tokens, len(text) // LETTERS_A_TOKEN) for text, tokens in zip(texts, count(texts), strict=True)]


def _divide(text: str, span: Span, limit: int, count: CountTokens) -> list[tuple[Span, int]]:
    """A sentence with its tokens; one that alone is too long is cut at the white space nearest to its middle, and
    where there is none in the middle, again and again."""
    tokens = _weights([text[span.start : span.end]], count)[0]
    if tokens <= limit or span.end - span.start < 2:
        return [(span, tokens)]
    middle = (span.start + span.end) // 2
    spaces = (match.start() for match in _SPACE.finditer(text, span.start, span.end))
    cut = min(spaces, key=lambda at: abs(at - middle), default=middle)
    pieces = (_trim(text, span.start, cut), _trim(text, cut, span.end))
    return [part for piece in pieces if piece is not None for part in _divide(text, piece, limit, count)]


def split_passages(article: Article, count: CountTokens, max_tokens: int) -> list[Passage]:
    """Passages of at most `max_tokens` tokens: whole sentences in order, of about equal length, no overlap.

    A sentence that alone is longer is cut at white space; nothing but white space is left out.
    """
    text = article.text
    whole = split_sentences(text, article.language)
    counts = _weights([text[s.start : s.end] for s in whole], count)
    parts = [
        part
        for span, tokens in zip(whole, counts, strict=True)
        for part in ([(span, tokens)] if tokens <= max_tokens else _divide(text, span, max_tokens, count))
    ]
    total = sum(tokens for _, tokens in parts)
    # Equal shares rather than full passages and a stub: a two-sentence tail embeds badly.
    target = total / max(1, math.ceil(total / max_tokens))
    groups: list[list[Span]] = []
    filled = 0
    for span, tokens in parts:
        if not groups or filled + tokens > max_tokens or filled + tokens / 2 > target:
            groups.append([])
            filled = 0
        groups[-1].append(span)
        filled += tokens
    return [_passage(article, i, group) for i, group in enumerate(groups)]


def _passage(article: Article, ordinal: int, sentences: list[Span]) -> Passage:
    start, end = sentences[0].start, sentences[-1].end
    return Passage(article.id, ordinal, start, end, article.text[start:end], tuple(sentences))


def lead(article: Article, max_words: int) -> str:
    """Title and first words: in the inverted pyramid of news, what the story is about."""
    return titled(article, " ".join(article.text.split(None, max_words)[:max_words]))


def titled(article: Article, text: str) -> str:
    """What is embedded for a part of an article: its words alone rarely say which story they are from. A title of a
    page's length would leave the embedder no room for them."""
    return f"{article.title[:_TITLE]}. {text}"
