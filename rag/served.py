"""`rag ask` by the server that runs over the same index, where there is one. Layer: faces. Loads no model."""

from __future__ import annotations

from pathlib import Path

from rag import batch
from rag.rendering import answer_of
from rag.server import local
from rag.settings import SAMPLE_INDEX, SAMPLE_NOTICE, Settings, default_index
from rag.terminal import Page, Spinner, answer_stream, say
from rag.types import Filters, Mode

_DATABASE = "articles.sqlite"


def ask(
    index: Path | None, settings: Settings, question: str, chosen: Filters, mode: Mode, *, json: bool
) -> int | None:
    """Show the server's answer as if it had been made here; the exit code. None where there is no server to ask, or it
    cannot answer: then nothing was shown. Raises UsageError, and BackendError when an answer breaks off."""
    folder, notice = _folder(index)
    place = local.find(folder, settings)
    if place is None:
        return None
    with answer_stream() as out, Spinner("searching") as spinner:
        page = Page.on(out)
        try:
            for name, data in local.events(place, question, chosen, mode):
                if notice:
                    say(notice)
                    notice = ""
                if name == "queued":
                    spinner.show(f"waiting for the model, {data['position']} before this question")
                elif name == "undated":
                    tell_undated(data["articles"])
                elif name == "retrieved":
                    spinner.show("reading")
                elif name == "sentence" and not json:
                    spinner.hide()
                    page.sentence(data["sentence"]["marked"])
                elif name == "done":
                    spinner.hide()
                    if json:
                        print(batch.dumps(data), file=out, flush=True)
                    else:
                        page.finish(answer_of(data))
                    return 0 if data["answered"] else 1
        except local.UnavailableError:
            return None
    raise AssertionError("a stream ends with done, or an error")


def tell_undated(left: int) -> None:
    """Articles without a date cannot pass a date filter; nobody should take that for there being none."""
    say(f"{left} {'article has' if left == 1 else 'articles have'} no date: --since and --until leave them out")


def _folder(index: Path | None) -> tuple[Path, str]:
    """The index that `wiring.choose_index` would choose, and what it would say, as far as that can be told without
    opening one: a default index counts, whatever is in it."""
    if index is not None or (default_index() / _DATABASE).exists():
        return index or default_index(), ""
    return SAMPLE_INDEX, SAMPLE_NOTICE
