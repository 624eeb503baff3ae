"""Our questions over real news, put together with articles that are not ours to pass on. Layer: faces.

`eval/news.jsonl` says where in the articles the answers stand, by offsets; this command takes the words from there and
writes an eval set with its articles. The articles are Wikinews stories (JSON Lines with `title`, `text`, `url`) and the
pages of the article extraction benchmark of Scrapinghub, see `rag.evaluation.extraction`. An article's id is `wNN`, the
number of its line in the file of stories from 00 on, or `p` and the first eight digits of the page's name.

The first line of `eval/news.jsonl` is a header: `articles`, how many there must be, and `sha256`, the first digits of
the SHA-256 of each text that a place is in. A place is `[article id, start, end]`, in characters of the article's text.
Each other line is a question as in an eval set, except that `support` has places; that an answer is a place where it
stands in the support, else words of our own; and that what was said in `history` may be a list of such parts in a row.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.errors import UsageError
from rag.evaluation import extraction
from rag.readers import html

QUESTIONS = Path(__file__).parents[2] / "eval" / "news.jsonl"
"""Of a checkout: an installed newsrag does not have it."""

DIGITS = 16
"""Of a SHA-256 that the header keeps."""

_SHORT = 300
"""Characters under which a page is no article."""

Row = dict[str, Any]


def digest(text: str) -> str:
    """The first digits of a text's SHA-256, by which the header knows it again."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def stories(file: Path) -> list[Row]:
    """The stories of a JSON Lines file with their ids. Raises UsageError: cannot be read, not such a file."""
    rows = _rows(file)
    if not all(isinstance(row.get("text"), str) for row in rows):
        raise UsageError(f"{file} is not the file of stories: each line must have a text")
    return [{**row, "id": f"w{number:02}"} for number, row in enumerate(rows)]


def pages(folder: Path) -> list[Row]:
    """The true texts of the benchmark's pages that are long enough; headline, outlet and date as our reader finds them.
    Raises UsageError: a file is missing or not the benchmark's."""
    found = []
    for name, text in sorted(extraction.true_texts(folder).items()):
        if len(text) >= _SHORT:
            read = html.parse(extraction.page(folder, name), None).fields
            about = {key: str(read[key]) for key in ("source", "published") if read.get(key)}
            found.append({"id": f"p{name[:8]}", "title": read.get("title") or "", **about, "text": text})
    return found


def questions(file: Path, articles: Sequence[Row]) -> list[Row]:
    """The questions of `file`, in the words of `articles`, as an eval set has them. Raises UsageError: the file cannot
    be read, or the articles are not those on which the offsets were made."""
    header, *rows = _rows(file)
    if not {"articles", "sha256"} <= header.keys():
        raise UsageError(f"{file} is not eval/news.jsonl of newsrag: its first line must have articles and sha256")
    texts = {article["id"]: article["text"] for article in articles}
    if len(articles) != header["articles"]:
        raise UsageError(f"{file} asks over {header['articles']} articles, not {len(articles)}: give the same data")
    for name, known in header["sha256"].items():
        if name not in texts:
            raise UsageError(
                f"the article {name} of {file} is missing: give the data that the questions were written on"
            )
        if digest(texts[name]) != known:
            raise UsageError(
                f"the text of the article {name} is not the one {file} was made on (SHA-256 {digest(texts[name])}, "
                f"not {known}): give the same version of the data"
            )
    return [_in_words(row, texts) for row in rows]


def _in_words(row: Row, texts: Mapping[str, str]) -> Row:
    """A question with the words in place of the places."""

    def words(part: str | list[Any]) -> str:
        if isinstance(part, str):
            return part
        name, start, end = part
        return texts[name][start:end]

    support = [{"article_id": place[0], "quote": words(place)} for place in row["support"]]
    made = {**row, "answers": [words(answer) for answer in row["answers"]], "support": support}
    if "history" in row:
        made["history"] = [{**said, "content": "".join(map(words, said["content"]))} for said in row["history"]]
    return made


def _rows(file: Path) -> list[Row]:
    """The objects of a JSON Lines file, at least one."""
    try:
        rows = [json.loads(line) for line in file.read_bytes().decode("utf-8").split("\n") if line.strip()]
    except OSError as exc:
        raise UsageError(f"cannot read {file}: {exc.strerror}") from exc
    except ValueError as exc:
        raise UsageError(f"{file} is not JSON Lines in UTF-8: {exc}") from exc
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{file} must hold one JSON object a line")
    return rows


def _write(file: Path, rows: Sequence[Row]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write {file}: {exc.strerror}") from exc


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="rag.evaluation.news", description="Write our eval set over real news, with its articles"
    )
    parser.add_argument("--wikinews", type=Path, required=True, help="JSON Lines of Wikinews stories")
    parser.add_argument("--web", type=Path, required=True, help="folder of the article extraction benchmark")
    parser.add_argument("--out", type=Path, required=True, help="folder for articles.jsonl and questions.jsonl")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="eval/news.jsonl of newsrag's repository")
    options = parser.parse_args()
    articles, asked = options.out / "articles.jsonl", options.out / "questions.jsonl"
    try:
        found = [*pages(options.web), *stories(options.wikinews)]
        rows = questions(options.questions, found)
        _write(articles, found)
        _write(asked, rows)
    except UsageError as exc:
        parser.exit(exc.exit_code, f"{parser.prog}: {exc}\n")
    index = options.out / "index"
    print(f"{len(rows)} questions over {len(found)} articles. Now run:")
    print(shlex.join(["rag", "index", str(articles), "--index", str(index)]))
    print(shlex.join(["rag", "eval", str(asked), "--index", str(index), "--split", "test"]))


if __name__ == "__main__":
    main()
