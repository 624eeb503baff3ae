"""How a command on this machine finds and asks the server that runs over its index. Layer: faces. Light: the command
must not pay for what the server has loaded already.

A running server leaves a file in the index folder, readable by its owner alone: where it listens, which process it is,
what it answers with, and a token of this run that stands for a key of the scope `read`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

from rag import __version__
from rag.errors import BackendError, NewsragError, UsageError
from rag.settings import Settings
from rag.types import Filters, Mode

FILE = "server.json"
_CONNECT_S, _SILENCE_S = 1.0, 60.0  # the server says something every 15 seconds
_LONGEST = 10_000  # bytes of the file


class UnavailableError(NewsragError):
    """The server cannot be asked, and nothing of an answer came: whoever asked can answer without it."""


class Place(NamedTuple):
    """A running server: its address, on this machine, and the token of its run."""

    host: str
    port: int
    token: str


def new_token() -> str:
    """A token for one run of the server."""
    return secrets.token_urlsafe(32)


@contextmanager
def announced(folder: Path, settings: Settings, listening: socket.socket, token: str) -> Iterator[None]:
    """The file, for as long as the server serves. None where it cannot be written, or where the server listens on an
    address that is not this machine's own."""
    host = _loopback(listening)
    if host is None:
        yield
        return
    about = {"host": host, "port": listening.getsockname()[1], "token": token, "pid": os.getpid()}
    written = _write(folder / FILE, {**about, "process": _process(os.getpid()), "answers": _answers_with(settings)})
    try:
        yield
    finally:
        if written and _read(folder / FILE).get("token") == token:  # else another server's
            (folder / FILE).unlink(missing_ok=True)


def find(folder: Path, settings: Settings) -> Place | None:
    """The running server over this index that answers with these settings. None where there is none, where the file is
    left over from one, and where somebody else could have written it."""
    about = _read(folder / FILE)
    host, port, pid, token = (about.get(name) for name in ("host", "port", "pid", "token"))
    if not (isinstance(host, str) and isinstance(token, str) and isinstance(port, int) and isinstance(pid, int)):
        return None
    with suppress(ValueError):
        if about.get("answers") == _answers_with(settings) and ipaddress.ip_address(host).is_loopback:
            return Place(host, port, token) if _alive(pid, about.get("process")) else None
    return None


def events(place: Place, question: str, filters: Filters, mode: Mode) -> Iterator[tuple[str, Any]]:
    """Name and data of the events of one answer; the last is `done`. Raises UsageError for a question that the server
    refuses as such, UnavailableError when nothing of an answer came, and BackendError when it broke off."""
    connection = HTTPConnection(place.host, place.port, timeout=_CONNECT_S)
    headers = {"Authorization": f"Bearer {place.token}", "Accept": "text/event-stream",
               "Content-Type": "application/json"}  # fmt: skip
    days = {name: day.isoformat() for name, day in (("since", filters.since), ("until", filters.until)) if day}
    body = {"question": question, "mode": mode, "source": filters.source, **days}
    shown = False
    try:
        connection.connect()
        connection.sock.settimeout(_SILENCE_S)
        connection.request("POST", "/ask", json.dumps(body), headers)
        response = connection.getresponse()
        if response.status == 422:
            raise UsageError(str(json.loads(response.read())["detail"]))
        if response.status != 200:
            raise UnavailableError(f"the server answers {response.status}")
        for name, data in _server_events(response):
            if name == "error":
                raise BackendError(str(data["detail"])) if shown else UnavailableError(str(data["detail"]))
            shown = shown or name == "sentence"
            yield name, data
            if name == "done":
                return
        raise HTTPException("the stream ended before the answer")
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as exc:
        if shown:
            raise BackendError("the server broke off its answer: ask again") from exc
        raise UnavailableError(f"the server cannot be asked: {exc}") from exc
    finally:
        connection.close()


def _server_events(response: HTTPResponse) -> Iterator[tuple[str, Any]]:
    name = ""
    while line := response.readline():
        field, _, value = line.decode("utf-8").rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def _answers_with(settings: Settings) -> str:
    """All that must be the same on both sides for the same answer: the installation, its version, the settings."""
    about = f"{__version__}\0{Path(__file__).resolve()}\0{settings.fingerprint()}"
    return hashlib.sha256(about.encode()).hexdigest()


def _loopback(listening: socket.socket) -> str | None:
    """The address on this machine of a socket that listens there, alone or among others."""
    host = ipaddress.ip_address(listening.getsockname()[0])
    if host.is_unspecified:
        return "127.0.0.1" if host.version == 4 else "::1"
    return str(host) if host.is_loopback else None


def _alive(pid: int, process: object) -> bool:
    """Whether this process runs, and is the one that it was: numbers are given again."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return process == _process(pid)


def _process(pid: int) -> str | None:
    """What tells two processes of one number apart: the boot, and the moment in it that the process began. None where
    the system does not say."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        began = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()[19]
    except (OSError, IndexError):
        return None
    return f"{boot} {began.decode('ascii')}"


def _write(file: Path, value: dict[str, Any]) -> bool:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            json.dump(value, opened)
        temporary.replace(file)
    except OSError:
        return False
    return True


def _read(file: Path) -> dict[str, Any]:
    """The file's object; empty where there is none, or one that not only its owner could have written or read."""
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o077):
                return {}
            value = json.loads(opened.read(_LONGEST))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
