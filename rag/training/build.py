"""Question sets to ranked records: `python -m rag.training.build --squad FILE ... --out DIR`. Layer: faces.

Only the sets that are given; our own questions over the sample corpus always.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag import loading, resources, wiring
from rag.evaluation import extraction
from rag.evaluation import questions as eval_set
from rag.readers import html
from rag.settings import Settings
from rag.training import records

WIKINEWS = Path(__file__).parent / "wikinews.jsonl"
"""Our questions over the Wikinews stories: where the answer stands, by the story's address and offsets in its text."""

WEBNEWS = Path(__file__).parent / "webnews.jsonl"
"""Our questions over the pages of an article extraction benchmark: where the answer stands, by the page's name and
offsets in its true text, or, where nothing answers, the words that would mislead (`trap`)."""

WEBMORE = Path(__file__).parent / "webmore.jsonl"
"""More of the same, written later, over the training and dev pages and some others."""

WICE = Path(__file__).parent / "wice.jsonl"
"""The same over excerpts of the pages that WiCE's claims cite: a page is a row of its file, by number, and its text the
row's sentences with a space between them."""


def wikinews(articles: Path) -> records.Corpus:
    """Our questions over Wikinews. `articles` are JSON Lines with `url`, `title` and `text`."""
    stories = [json.loads(line) for line in articles.open(encoding="utf-8")]
    texts = {story["url"]: story["text"] for story in stories}
    corpus = records.articles("wikinews", [{**story, "id": story["url"]} for story in stories])
    for number, row in enumerate(map(json.loads, WIKINEWS.open(encoding="utf-8"))):
        text, answer = texts[row["url"]], None
        gold: tuple[int, ...] = ()
        if row["quote"]:
            gold = corpus.holding(row["url"], text[slice(*row["quote"])])
            answer = text[slice(*row["answer"])]
            # A quotation across several sentences: those with the answer.
            gold = tuple(i for i in gold if answer in corpus.lines[i].text) or gold
        corpus.ask(f"wikinews-{number}", row["fold"], row["url"], row["question"], answer, gold)
    return corpus


def webnews(folder: Path, file: Path = WEBNEWS) -> records.Corpus:
    """Our questions over news pages of 2019. `folder` is the article extraction benchmark: the true texts, and the
    pages, which have the headline, the outlet and the date."""
    texts = extraction.true_texts(folder)
    rows = [json.loads(line) for line in file.open(encoding="utf-8")]
    found = []
    for page in sorted({row["page"] for row in rows}):
        read = html.parse(extraction.page(folder, page), None).fields
        about = {"title": read.get("title") or "", "source": read.get("source"), "published": read.get("published")}
        found.append({"id": page, "text": texts[page], **about})
    return _over_pages(file.stem, rows, found)


def wice(chunks: Path) -> records.Corpus:
    """Our questions over WiCE's cited pages. `chunks` is its claim_oracle_chunks_dev.jsonl."""
    rows = [json.loads(line) for line in WICE.open(encoding="utf-8")]
    asked = {row["page"] for row in rows}
    texts = (" ".join(json.loads(line)["evidence"]) for line in chunks.open(encoding="utf-8"))
    found = [{"id": str(i), "title": "", "text": text} for i, text in enumerate(texts) if str(i) in asked]
    return _over_pages("wice", rows, found)


def _over_pages(name: str, rows: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> records.Corpus:
    texts = {page["id"]: page["text"] for page in found}
    corpus = records.articles(name, found)
    for number, row in enumerate(rows):
        text, answer = texts[row["page"]], None
        gold: tuple[int, ...] = ()
        if row["answer"]:
            answer = text[slice(*row["answer"])]
            holding = corpus.holding(row["page"], text[slice(*row["sentence"])])
            gold = tuple(i for i in holding if answer in corpus.lines[i].text)
        corpus.ask(f"{name}-{number}", row["fold"], row["page"], row["question"], answer, gold)
    return corpus


def own() -> records.Corpus:
    """The hand-written questions of the dev split over its own stories; every second story trains, none of the test
    split is seen."""
    chosen = [q for q in eval_set.load(resources.data("eval/questions.jsonl")).questions if q.split == "dev"]
    stories = sorted({q.story for q in chosen})
    corpus = records.articles("own", (a for a in sample_articles() if a["id"].rsplit("-", 1)[0] in stories))
    for q in chosen:
        gold = sorted({i for s in q.support for i in corpus.holding(s.article_id, s.quote)})
        answer = next((w for i in gold for w in [records.cased(q.answers, corpus.lines[i].text)] if w), None)
        fold = "train" if stories.index(q.story) % 2 == 0 else "dev"
        corpus.ask(q.id, fold, q.story, q.question, answer, gold)
    return corpus


def sample_articles() -> Iterator[dict[str, Any]]:
    """The articles of the sample corpus."""
    with tempfile.TemporaryDirectory() as folder:
        wiring.index_paths([str(resources.data("eval/corpus"))], Path(folder), Settings.load())
        with wiring.open_store(Path(folder)) as store:
            for a in store.articles():
                yield {"id": a.id, "title": a.title, "source": a.source, "published": a.published, "text": a.text}


MAKERS: dict[str, tuple[str, Callable[[Path], records.Corpus]]] = {
    "squad": ("a SQuAD 2.0 file", records.squad),
    "clapnq": ("folder with CLAPNQ's clapnq_dev_*.jsonl", records.clapnq),
    "wikinews": ("the Wikinews stories as JSON Lines", wikinews),
    "webnews": ("folder of the article extraction benchmark", webnews),
    "webmore": ("the same, for the questions written later", lambda folder: webnews(folder, WEBMORE)),
    "wice": ("WiCE's claim_oracle_chunks_dev.jsonl", wice),
}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.training.build", description=__doc__)
    for name, (what, _) in MAKERS.items():
        parser.add_argument(f"--{name}", type=Path, help=what)
    parser.add_argument("--out", type=Path, required=True, help="folder for the records")
    options = parser.parse_args()
    embedder = loading.load_embedder(Settings.load())
    given = {name: path for name in MAKERS if (path := getattr(options, name))}
    corpora = [*(MAKERS[name][1](path) for name, path in given.items()), own()]
    for corpus in corpora:
        corpus.rank(embedder)
        records.save(corpus, options.out)
        print(f"{corpus.name}: {len(corpus.lines)} sentences, {len(corpus.records)} questions")


if __name__ == "__main__":
    main()
