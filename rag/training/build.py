"""Question sets to ranked records: `python -m rag.training.build --squad FILE ... --out DIR`. Layer: faces."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag import loading, resources, wiring
from rag.evaluation import questions as eval_set
from rag.settings import Settings
from rag.training import records

WIKINEWS = Path(__file__).parent / "wikinews.jsonl"
"""Our questions over the Wikinews stories: where the answer stands, by the story's address and offsets in its text."""

WEBNEWS = Path(__file__).parent / "webnews.jsonl"
"""Our questions over the pages of an article extraction benchmark: where the answer stands, by the page's name and
offsets in its true text, or, where nothing answers, the words that would mislead (`trap`)."""


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


def webnews(truth: Path) -> records.Corpus:
    """Our questions over news pages of 2019. `truth` is ground-truth.json of the article extraction benchmark."""
    pages = json.loads(truth.read_text("utf-8"))
    rows = [json.loads(line) for line in WEBNEWS.open(encoding="utf-8")]
    asked = {row["page"] for row in rows}
    found = ({"id": page, "title": "", "text": pages[page]["articleBody"]} for page in pages if page in asked)
    corpus = records.articles("webnews", found)
    for number, row in enumerate(rows):
        text, answer = pages[row["page"]]["articleBody"], None
        gold: tuple[int, ...] = ()
        if row["answer"]:
            answer = text[slice(*row["answer"])]
            holding = corpus.holding(row["page"], text[slice(*row["sentence"])])
            gold = tuple(i for i in holding if answer in corpus.lines[i].text)
        corpus.ask(f"webnews-{number}", row["fold"], row["page"], row["question"], answer, gold)
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


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="rag.training.build", description=__doc__)
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD 2.0 file")
    parser.add_argument("--clapnq", type=Path, required=True, help="folder with CLAPNQ's clapnq_dev_*.jsonl")
    parser.add_argument("--wikinews", type=Path, required=True, help="the Wikinews stories as JSON Lines")
    parser.add_argument("--webnews", type=Path, help="ground-truth.json of the article extraction benchmark")
    parser.add_argument("--out", type=Path, required=True, help="folder for the records")
    options = parser.parse_args()
    embedder = loading.load_embedder(Settings.load())
    corpora = [records.squad(options.squad), records.clapnq(options.clapnq), wikinews(options.wikinews), own()]
    if options.webnews:
        corpora.append(webnews(options.webnews))
    for corpus in corpora:
        corpus.rank(embedder)
        records.save(corpus, options.out)
        print(f"{corpus.name}: {len(corpus.lines)} sentences, {len(corpus.records)} questions")


if __name__ == "__main__":
    main()
