"""`rag articles`: list, show and remove what is indexed. Layer: faces."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from rag import batch
from rag.errors import UsageError
from rag.options import AsJson, Index, Since, Source, Until
from rag.rendering import Json, article_json
from rag.settings import default_index
from rag.terminal import Page, Spinner, answer_stream, say
from rag.types import Article, Filters, Version

if TYPE_CHECKING:
    from rag.ports import Store

DONE, NOT_FOUND = 0, 1
_PAGE = 500
_FIELDS = tuple("title url source published updated authors byline section language license".split())

articles_app = typer.Typer(add_completion=False, help="List, show and remove articles.", no_args_is_help=False)


@articles_app.callback(invoke_without_command=True)
def _which(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        raise UsageError("which one? rag articles list, rag articles show ID, or rag articles remove ID")


@articles_app.command("list")
def list_command(
    index: Index = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> int:
    """The articles, in the order they were first added."""
    from rag import wiring

    chosen = batch.filters(since, until, source)
    folder = index or default_index()
    with answer_stream() as out, wiring.open_store(folder) as store, store.snapshot():
        found = 0
        for article, passages in _listed(store, chosen):
            found += 1
            if json:
                print(batch.dumps(_list_json(article, passages)), file=out)
            else:
                Page.on(out).line("  ".join([article.id, article.published or "no date", _about(article)]))
        left = store.undated(chosen)
    if left:
        say(f"{left} {'article has' if left == 1 else 'articles have'} no date: --since and --until leave them out")
    if not found:
        say("no article matches")
    return DONE if found else NOT_FOUND


def _listed(store: Store, chosen: Filters) -> Iterator[tuple[Article, int]]:
    keys = store.matching(chosen)
    for at in range(0, len(keys), _PAGE):
        page = keys[at : at + _PAGE]
        articles, passages = store.load(page), store.passage_counts(page)
        for key in page:
            yield articles[key], passages.get(key, 0)


def _list_json(article: Article, passages: int) -> Json:
    fields = ("id", "title", "source", "published", "url")
    return {**{name: getattr(article, name) for name in fields}, "passages": passages}


def _about(article: Article) -> str:
    return f"{article.title} ({article.source})" if article.source else article.title


@articles_app.command("show")
def show_command(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="As `rag articles list` prints it.")],
    history: Annotated[bool, typer.Option("--history", help="Show what each update changed.")] = False,
    index: Index = None,
    json: AsJson = False,
) -> int:
    """One article, all of it; with --history what its updates changed, oldest first."""
    from rag import wiring

    folder = index or default_index()
    with wiring.open_store(folder) as store, store.snapshot():
        article = store.article(article_id)
        versions = store.versions(article_id)
        origins = store.origins_of(article_id)
    if article is None:
        raise UsageError(f"no article {article_id!r} in {folder}: `rag articles list` shows them")
    changes = _changes(article, versions)
    with answer_stream() as out:
        if json:
            shown = {**article_json(article), "version": len(versions) + 1, "read_from": origins}
            if history:
                shown["history"] = changes
            print(batch.dumps(shown), file=out)
        else:
            page = Page.on(out)
            if history:
                _print_history(page, out, article, changes)
            else:
                _print_article(page, out, article, len(versions) + 1, origins)
    return DONE


def _print_article(page: Page, out: TextIO, article: Article, version: int, origins: Sequence[str]) -> None:
    page.line(article.title)
    inferred = " (inferred from its text or address)" if article.published_inferred else ""
    dates = [f"{article.published}{inferred}" if article.published else None]
    dates.append(f"updated {article.updated}" if article.updated else None)
    about = [article.source, article.section, *dates, article.byline or ", ".join(article.authors), article.url]
    page.line(", ".join(part for part in about if part) or "no outlet, no date")
    more = f", version {version}: `rag articles show {article.id} --history` shows what changed" if version > 1 else ""
    page.line(f"id {article.id}{more}")
    for origin in origins:
        page.line(f"read from {origin}{f' ({article.format})' if article.format else ''}")
    for paragraph in filter(str.strip, article.text.split("\n")):
        print(file=out)
        page.line(paragraph)


def _changes(article: Article, versions: Sequence[Version]) -> list[Json]:
    """One for each update: when it was seen, which fields it changed, and the differing lines of the text."""
    states = [*(version.article for version in versions), article]
    changes = []
    for version, old, new in zip(versions, states, states[1:], strict=False):
        fields: dict[str, Any] = {
            name: {"before": getattr(old, name), "after": getattr(new, name)}
            for name in _FIELDS
            if getattr(old, name) != getattr(new, name)
        }
        lines = difflib.unified_diff(_sentences(old), _sentences(new), lineterm="", n=1)
        diff = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        changes.append(
            {
                "version": version.number + 1,
                "seen": version.replaced,
                "fields": fields,
                "diff": diff,
                "before": old.text,
            }
        )
    return changes


def _sentences(article: Article) -> list[str]:
    from rag.chunking import split_sentences

    return [" ".join(article.text[s:e].split()) for s, e in split_sentences(article.text, article.language)]


def _print_history(page: Page, out: TextIO, article: Article, changes: Sequence[Json]) -> None:
    page.line(f"{article.title}, id {article.id}")
    if not changes:
        page.line("version 1, never updated")
    for change in changes:
        print(file=out)
        page.line(f"version {change['version']}, seen {change['seen']}")
        for name, values in change["fields"].items():
            page.line(f"- {name}: {values['before']}")
            page.line(f"+ {name}: {values['after']}")
        for line in change["diff"]:
            page.line(line if line[0] in "+-" else f"  {line.strip()}")


@articles_app.command("remove")
def remove_command(
    article_ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="As `list` prints them.")] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="All articles of this outlet.")] = None,
    before: Annotated[str | None, typer.Option(metavar="DATE", help="All articles published before this day.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which ones.")] = False,
    index: Index = None,
    json: AsJson = False,
) -> int:
    """Delete articles for good: text, passages, vectors, earlier versions, every word in the files of the index.
    Without an ID or an option it finishes a removal that was interrupted."""
    from rag import wiring

    folder = index or default_index()
    by_filter = source is not None or before is not None
    if article_ids and by_filter:
        raise UsageError("name articles, or --source and --before, not both")
    with wiring.open_store(folder) as store, store.snapshot():
        found = _matching(store, source, before) if by_filter else _named(store, article_ids or [], str(folder))
        unfinished = store.unwiped()
    if not found and not unfinished:
        if not by_filter:
            raise UsageError("nothing to remove: name articles, or --source or --before")
        say("no article matches")
        return NOT_FOUND
    with answer_stream() as out:
        if not json:
            for article in found if dry_run or by_filter else ():
                Page.on(out).line("  ".join([article.id, article.published or "no date", _about(article)]))
        if by_filter and found and not dry_run and not yes:
            _confirm(len(found))
        ids = [article.id for article in found]
        removed = 0
        if not dry_run:
            with Spinner("removing"):
                removed = wiring.remove_articles(ids, folder, notice=say)
        if json:
            print(batch.dumps({"index": str(folder), "ids": ids, "removed": removed, "dry_run": dry_run}), file=out)
        else:
            Page.on(out).line(
                f"{len(ids)} would be removed" if dry_run else f"{removed} removed from {folder} for good"
            )
    return DONE


def _matching(store: Store, source: str | None, before: str | None) -> list[Article]:
    chosen = batch.filters(before, None, source)
    if chosen.since == date.min:
        raise UsageError(f"before: no day is before {chosen.since}")
    if chosen.since:
        chosen = Filters(until=chosen.since - timedelta(days=1), source=chosen.source)
    if left := store.undated(chosen):
        say(f"{left} {'article has' if left == 1 else 'articles have'} no date: --before leaves them alone")
    return [article for article, _ in _listed(store, chosen)]


def _named(store: Store, article_ids: Sequence[str], folder: str) -> list[Article]:
    """Raises UsageError for an id that is not there, before anything is removed."""
    found = {article_id: store.article(article_id) for article_id in article_ids}
    if unknown := [repr(article_id) for article_id, article in found.items() if article is None]:
        raise UsageError(f"no article {', '.join(unknown[:5])} in {folder}: nothing was removed")
    return [article for article in found.values() if article is not None]


def _confirm(count: int) -> None:
    articles = "1 article" if count == 1 else f"{count} articles"
    if not sys.stdin.isatty():
        raise UsageError(f"this would remove {articles} for good: add --yes, or --dry-run to see which")
    print(f"Remove {articles} for good? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was removed")
