"""Values to the JSON of the contract. Layer: pure. Every face prints these, so there is one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from rag.articles import canonical_url, in_utc
from rag.types import (
    Answer,
    AnswerSentence,
    Article,
    Citation,
    Evidence,
    Hit,
    Refusal,
    Retrieved,
    SearchNotes,
    SentenceReady,
)

Json = dict[str, Any]


def answer_json(answer: Answer, *, explain: bool = False) -> Json:
    """An Answer as in DESIGN section 4, with its explanation in `explain` where that is asked for."""
    refusal = answer.refusal
    more = {"explain": dict(answer.explanation)} if explain else {}
    return {
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "answered": answer.answered,
        "refusal": refusal and {"reason": refusal.reason, "closest": [citation_json(c) for c in refusal.closest]},
        "answer": answer.answer,
        "sentences": [_sentence(s) for s in answer.sentences],
        "citations": [citation_json(c) for c in answer.citations],
        "disagreements": [dict(d) for d in answer.disagreements],
        "confidence": answer.confidence,
        "unsure": answer.unsure,
        "timings_ms": dict(answer.timings_ms),
        "model": dict(answer.model),
        **more,
    }


def answer_of(fields: Json) -> Answer:
    """The Answer that `answer_json` made these fields of, also that of an older server, which did not say how sure it
    was. Raises KeyError, TypeError, InvariantError for others."""
    refusal = fields["refusal"]
    return Answer(
        question=fields["question"],
        standalone_question=fields["standalone_question"],
        answered=fields["answered"],
        refusal=refusal and Refusal(refusal["reason"], tuple(Citation(**c) for c in refusal["closest"])),
        answer=fields["answer"],
        sentences=tuple(AnswerSentence(**{**s, "citations": tuple(s["citations"])}) for s in fields["sentences"]),
        citations=tuple(Citation(**c) for c in fields["citations"]),
        disagreements=tuple(fields["disagreements"]),
        confidence=fields.get("confidence"),
        unsure=fields.get("unsure", False),
        timings_ms=fields["timings_ms"],
        model=fields["model"],
    )


def _sentence(sentence: AnswerSentence) -> Json:
    """A sentence; of a timeline also its date."""
    dated = {"date": sentence.date, "dated_by": sentence.dated_by}
    return {
        "text": sentence.text,
        "citations": list(sentence.citations),
        "support": sentence.support,
        "score": sentence.score,
        **(dated if sentence.date else {}),
    }


def retrieved_json(event: Retrieved) -> Json:
    """The sentences that an answer may use, best first."""
    return {"evidence": [_evidence(e) for e in event.evidence]}


def _evidence(item: Evidence) -> Json:
    article = item.article
    return {
        "article_id": article.id,
        "title": article.title,
        "source": article.source,
        "url": article.url,
        "published": article.published,
        "start": item.span.start,
        "end": item.span.end,
        "text": item.text,
        "score": round(item.score, 4),
        "copies": item.copies,
    }


def sentence_json(event: SentenceReady) -> Json:
    """One checked sentence, as shown with its markers too, and the citations it is the first to use."""
    return {
        "sentence": {**_sentence(event.sentence), "marked": event.sentence.marked},
        "citations": [citation_json(c) for c in event.citations],
    }


def citation_json(citation: Citation) -> Json:
    """One citation, all fields."""
    lists = {name: list(getattr(citation, name)) for name in ("copy_outlets", "independent_outlets")}
    return {**asdict(citation), **lists}


def article_json(article: Article, *, text: bool = True) -> Json:
    """One article, all fields; without its text in a list, where its length stands for it."""
    fields = {
        **asdict(article),
        "authors": list(article.authors),
        "published_utc": in_utc(article.published) if article.published else None,
        "canonical_url": canonical_url(article.url) if article.url else None,
    }
    return fields if text else {**{k: v for k, v in fields.items() if k != "text"}, "characters": len(article.text)}


def hit_json(hit: Hit) -> Json:
    """One search hit."""
    article, passage = hit.article, hit.passage
    return {
        "article_id": article.id,
        "title": article.title,
        "source": article.source,
        "url": article.url,
        "published": article.published,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "score": round(hit.score, 4),
        "copies": hit.copies,
    }


def search_json(query: str, hits: list[Hit], notes: SearchNotes | None = None) -> Json:
    """The result of one search; with `notes` also why it is what it is, in `explain` of the whole and of each hit."""
    if notes is None:
        return {"query": query, "hits": [hit_json(h) for h in hits]}
    found = [{**hit_json(h), "explain": hit_explain_json(h)} for h in hits]
    return {"query": query, "explain": notes_json(notes), "hits": found}


def notes_json(notes: SearchNotes) -> Json:
    """What a search made of its question."""
    filters = notes.filters
    return {
        "filters": {"since": _iso(filters.since), "until": _iso(filters.until), "source": filters.source},
        "articles_searched": notes.searched,
        "left_out_without_date": notes.undated,
        "today": _iso(notes.today),
        "dates": {
            "words": list(notes.date_words),
            "periods": [{"first": _iso(first), "last": _iso(last)} for first, last in notes.periods],
        },
        "asks_for_latest": notes.latest,
    }


def hit_explain_json(hit: Hit) -> Json:
    """Where each way of searching put a hit (a way that did not find it is missing), and the sum that its score is."""
    return {
        "views": {name: {"rank": hit.ranks[name], "score": round(hit.views[name], 4)} for name in hit.ranks},
        "score_parts": {name: round(value, 4) for name, value in hit.parts.items()},
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def error_json(error: str, extra: Mapping[str, Any] | None = None) -> Json:
    """One error, as a line of a batch."""
    return {**(extra or {}), "error": error}
