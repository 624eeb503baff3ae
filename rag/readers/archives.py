"""ZIP, gzip and tar archives: the articles of what is in them, without unpacking to disk. Layer: adapters.

Three limits make a bomb harmless. All that comes out of one archive, at every level together, stays below
`RATIO` times its size (news text packs 3 to 20 times); archives lie in each other at most `MAX_DEPTH` deep; and no
more than one member of the usual limit is held at a time.
"""

from __future__ import annotations

import io
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Protocol

from rag.errors import UsageError
from rag.readers import docx, epub
from rag.readers.common import Budget, Source, shown, too_large, whole
from rag.readers.folders import skipped_line
from rag.readers.formats import EXTENSIONS
from rag.types import Article, Problem

if TYPE_CHECKING:
    import gzip
    import zipfile

RATIO = 100
MAX_DEPTH = 3
_LEAST_IN_LIMITS = 4  # what a small archive may give at least, as a multiple of the limit for one file
_NAMES_SHOWN = 3
_DAMAGE: tuple[type[Exception], ...] = (EOFError, zlib.error, OSError)
_DRIVE = re.compile(r"[A-Za-z]:")


class Readable(Protocol):
    """What there is of a stream while it is being unpacked."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; none at the end."""


Read = Callable[[Source, str], Iterator[Article | Problem]]


class _Metered(io.RawIOBase):
    """A stream whose bytes are counted against the archive's budget, if any, as they come out."""

    def __init__(self, stream: Readable, budget: Budget | None) -> None:
        self._stream, self._budget = stream, budget
        self._damage: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        filled = 0
        if self._damage:
            raise self._damage
        try:
            while filled < len(view) and (data := self._stream.read(len(view) - filled)):
                view[filled : filled + len(data)] = data
                filled += len(data)
        except Exception as error:
            if not filled:
                raise
            self._damage = error  # what came before it is good
        if self._budget is not None:
            self._budget.take(filled)
        return filled


class _AsItComes:
    """A gzip stream that gives what it has before it fails; its own `read` would lose that."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        return self._stream.read1(size)


def read_gzip(source: Source, read: Read) -> Iterator[Article | Problem]:
    """The one file in it, by its name without `.gz`; `.tgz` is a tar archive."""
    import gzip

    inside = _entered(source)
    if inside is None:
        yield _too_deep(source)
        return
    name, extension = os.path.splitext(source.name or "")
    if extension.lower() not in EXTENSIONS:
        name, extension = source.name or "", ""
    with gzip.GzipFile(fileobj=source.stream) as unpacked:
        stream = _metered(_AsItComes(unpacked), inside)
        yield from _guarded(read(inside._replace(stream=stream, name=name or None), extension.lower()), source)


def read_tar(source: Source, read: Read) -> Iterator[Article | Problem]:
    """Its regular files, in their order, as a stream: nothing is sought in it."""
    import tarfile

    inside = _entered(source)
    if inside is None:
        yield _too_deep(source)
        return
    yield from _guarded(_tar_members(source, inside, read), source, (tarfile.TarError,))


def _tar_members(source: Source, inside: Source, read: Read) -> Iterator[Article | Problem]:
    import tarfile

    kept = _Kept(source)
    stream = source.stream if source.budget is not None else _metered(source.stream, inside)
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            vars(archive)["members"] = []  # it would keep them all
            if member.isdir():
                continue
            # A sparse file claims any size at no cost; links and devices have no content of their own.
            extension = kept.extension(member.name, plain=member.isreg() and not member.issparse())
            content = archive.extractfile(member) if extension is not None else None
            if content is not None and extension is not None:
                # The whole archive was counted as it was read.
                counted = io.BufferedReader(_Metered(content, None))
                yield from read(_member(inside, member.name, counted), extension)
    yield from kept.problems()


def read_zip(source: Source, read: Read) -> Iterator[Article | Problem]:
    """The files in it, or the one text of a Word document, or the chapters of an e-book: its content says which."""
    import zipfile

    inside = _entered(source)
    if inside is None:
        yield _too_deep(source)
        return
    stream: BinaryIO = source.stream
    if not stream.seekable():
        data = whole(source)
        if data is None:
            yield too_large(source.where, source.limits)
            return
        stream = io.BytesIO(data)
    yield from _guarded(
        _zip_members(source, inside, stream, read), source, (zipfile.BadZipFile, NotImplementedError, RuntimeError)
    )


def _zip_members(source: Source, inside: Source, stream: BinaryIO, read: Read) -> Iterator[Article | Problem]:
    import zipfile

    kept = _Kept(source)
    with zipfile.ZipFile(stream) as archive:
        names = set(archive.namelist())
        for marker, parse, kind in ((docx.MARKER, docx.read_docx, "Word"), (epub.MARKER, epub.read_epub, "EPUB")):
            if marker in names:
                if sum(info.file_size for info in archive.infolist()) > source.limits.bytes:
                    yield too_large(source.where, source.limits)
                else:
                    stream.seek(0)
                    for item in parse(source._replace(stream=stream)):
                        yield replace(item, format=kind) if isinstance(item, Article) else item
                return
        for info in archive.infolist():
            if info.is_dir():
                continue
            extension = kept.extension(info.filename, plain=True)
            if extension is None:
                continue
            where = f"{source.where}/{shown(info.filename)}"
            if info.flag_bits & 1:
                yield Problem(where, "is encrypted")
            elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
                yield Problem(where, "is compressed in a way that is not read")
            else:
                yield from _zip_member(archive, info, inside, where, read, extension)
    yield from kept.problems()


def _zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, inside: Source, where: str, read: Read, extension: str
) -> Iterator[Article | Problem]:
    import zipfile

    try:
        with archive.open(info) as content:
            stream = _metered(content, inside)
            yield from read(_member(inside, info.filename, stream), extension)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
        yield Problem(where, "is damaged")


class _Kept:
    """Which members of one archive are read, and one line for all that are not."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._skipped: Counter[str] = Counter()
        self._outside: list[str] = []
        self._found = False

    def extension(self, name: str, *, plain: bool) -> str | None:
        """The member's extension in lower case, or None where it is not to be read."""
        parts = re.split(r"[\\/]", name)
        if name.startswith(("/", "\\")) or _DRIVE.match(name) or ".." in parts:
            self._outside.append(name)
            return None
        if any(part.startswith((".", "__MACOSX")) for part in parts if part != "."):
            return None
        extension = os.path.splitext(parts[-1])[1].lower()
        if not plain or extension not in EXTENSIONS:
            self._skipped[extension if plain else "links and devices"] += 1
            return None
        self._found = True
        return extension

    def problems(self) -> Iterator[Problem]:
        if self._outside:
            names = ", ".join(shown(name) for name in self._outside[:_NAMES_SHOWN])
            more = ", …" if len(self._outside) > _NAMES_SHOWN else ""
            count = len(self._outside)
            yield Problem(self._source.where, f"{count} with a path out of the archive skipped: {names}{more}")
        if self._skipped:
            yield Problem(self._source.where, skipped_line(self._skipped))
        if not self._found:
            yield Problem(self._source.where, "no articles found")


def _entered(source: Source) -> Source | None:
    """The source one level further in, with a budget; None where that is too deep."""
    if source.depth >= MAX_DEPTH:
        return None
    budget = source.budget
    if budget is None:
        size = source.stream.seek(0, os.SEEK_END)
        source.stream.seek(0)
        budget = Budget(max(RATIO * size, _LEAST_IN_LIMITS * source.limits.bytes))
    return source._replace(depth=source.depth + 1, budget=budget)


def _metered(stream: Readable, inside: Source) -> io.BufferedReader:
    return io.BufferedReader(_Metered(stream, inside.budget))


def _member(inside: Source, name: str, stream: BinaryIO) -> Source:
    stem = os.path.splitext(re.split(r"[\\/]", name)[-1])[0]
    return inside._replace(stream=stream, where=f"{inside.where}/{shown(name)}", name=shown(stem))


def _guarded(
    items: Iterator[Article | Problem], source: Source, errors: tuple[type[Exception], ...] = ()
) -> Iterator[Article | Problem]:
    """Damage ends the archive, not the run. Too much coming out ends every level of it: that error goes on up."""
    try:
        yield from items
    except UsageError as error:
        if source.budget is not None:
            raise
        yield Problem(source.where, str(error))
    except (*_DAMAGE, *errors) as error:
        yield Problem(source.where, f"is damaged: {' '.join(str(error).split()) or type(error).__name__}")


def _too_deep(source: Source) -> Problem:
    return Problem(source.where, f"lies {source.depth} archives deep; more than {MAX_DEPTH} are not read")
