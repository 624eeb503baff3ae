"""Blocking work in a thread, its results in the event loop. Layer: faces.

The thread never waits for the client: results pile up in memory (an answer has a handful of events), so a slow reader
does not hold the model. When the client goes away the ticket is cancelled and the generator is closed in its thread.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.requests import Request

from rag.server.queueing import TICKET, CancelledError, Ticket

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Queued:
    """Event: so many answers come before this one."""

    position: int


class _End:
    pass


class Job(Generic[T]):
    """One generator running in a thread of `pool`. Ends when the generator does, or soon after `ticket.cancel()`."""

    def __init__(self, produce: Callable[[], Generator[T]], ticket: Ticket, pool: ThreadPoolExecutor) -> None:
        self.ticket = ticket
        self._produce = produce
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[T | Queued | BaseException | _End] = asyncio.Queue()
        ticket.on_position = lambda position: self._put(Queued(position))
        try:
            pool.submit(contextvars.copy_context().run, self._run)
        except RuntimeError:  # the pool is shutting down
            ticket.release()
            raise

    def _put(self, item: T | Queued | BaseException | _End) -> None:
        try:
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
        except RuntimeError:
            self.ticket.cancel()  # the loop is closed: the server is going down

    def _run(self) -> None:
        TICKET.set(self.ticket)
        try:
            self.ticket.check_waiting()
            with closing(self._produce()) as items:
                for item in items:
                    self._put(item)
                    self.ticket.check()
        except BaseException as exc:
            self._put(exc)
        finally:
            self.ticket.release()
            self._put(_End())

    async def items(self) -> AsyncIterator[T | Queued]:
        """What the generator yields, and places in the queue. Raises what it raises. Cancels the work when left."""
        try:
            while not isinstance(item := await self._items.get(), _End):
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.ticket.cancel()


async def gone(request: Request) -> None:
    """Returns when the client has closed the connection. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def attended(request: Request, job: Job[T]) -> list[T | Queued]:
    """All items of a job; when the client goes away first, the work stops. Raises what the work raises."""

    async def collect() -> list[T | Queued]:
        return [item async for item in job.items()]

    work, leaving = asyncio.create_task(collect()), asyncio.create_task(gone(request))
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            job.ticket.cancel()
            raise CancelledError("the client went away")
        return work.result()
    finally:
        for task in (work, leaving):
            task.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)
