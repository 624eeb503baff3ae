"""The reports that `rag eval` left with this index: a list, each as JSON, each for the page at /eval. Layer: faces."""

from __future__ import annotations

from collections.abc import Callable, Generator

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from rag import kept_reports
from rag.errors import UsageError
from rag.rendering import Json
from rag.server.asking import engine_of
from rag.server.jobs import Job, attended
from rag.server.problems import ProblemError

router = APIRouter(prefix="/eval")


async def _read(request: Request, read: Callable[[], Json | str]) -> Json | str:
    """What `read` makes, in a thread: a report is parsed and drawn."""
    engine = engine_of(request)

    def produce() -> Generator[Json | str]:
        yield read()

    (made,) = await attended(request, Job(produce, engine.ticket(request.state.client, "quote"), engine.readers))
    assert isinstance(made, str | dict)  # a quotation's ticket never waits in line, so no place is told
    return made


def _report(request: Request, name: str) -> Json:
    from rag.evaluation.report import read_report

    file = kept_reports.file_of(engine_of(request).folder, name)
    if file is None:
        raise ProblemError(404, "there is no report of this name", "no_such_report")
    try:
        return read_report(file)
    except UsageError as exc:
        raise ProblemError(404, "this report cannot be read: run that evaluation again", "unreadable_report") from exc


@router.get("/reports", summary="The reports of `rag eval`")
async def reports_route(request: Request) -> Response:
    """Those of this index that are kept, the newest first: `name`, `written`, `split` and `mode`."""
    folder = engine_of(request).folder
    return JSONResponse(await _read(request, lambda: {"reports": [r._asdict() for r in kept_reports.kept(folder)]}))


@router.get("/reports/{name}", summary="One report")
async def report_route(request: Request, name: str) -> Response:
    """As `rag eval --json` printed it."""
    return JSONResponse(await _read(request, lambda: _report(request, name)))


@router.get("/parts/{name}", include_in_schema=False)
async def part_route(request: Request, name: str) -> Response:
    """One report as markup, for the page."""

    def drawn() -> str:
        from rag.evaluation.page import part

        return part(_report(request, name))

    return HTMLResponse(str(await _read(request, drawn)))
