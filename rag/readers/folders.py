"""Which files of a folder are read, and in what order. Layer: adapters."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator

from rag.readers.common import shown
from rag.types import Problem

EXTENSIONS_NAMED = 8


def files_in(folder: str, extensions: Collection[str], skipped: Counter[str]) -> Iterator[str | Problem]:
    """Paths of the regular files below `folder` with one of `extensions`, in one order on every machine.

    Hidden files and folders are left out. Linked folders are followed, and each real folder is read once, so that
    links in a circle end. A folder that may not be listed is a `Problem`. Files of other types are counted in `skipped`
    by extension.
    """
    waiting, seen = [folder], set()
    while waiting:
        current = waiting.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        try:
            names = sorted(name for name in os.listdir(current) if not name.startswith("."))
        except OSError as error:
            yield Problem(f"folder {shown(current)}", f"cannot be read: {error.strerror or error}")
            continue
        paths = [os.path.join(current, name) for name in names]
        for path in filter(os.path.isfile, paths):  # False, not an error, for a link to itself
            extension = os.path.splitext(path)[1].lower()
            if extension in extensions:
                yield path
            else:
                skipped[extension] += 1
        waiting.extend(filter(os.path.isdir, reversed(paths)))


def skipped_line(skipped: Counter[str]) -> str:
    """One line for all files of types that are not read, so that a thousand images are not a thousand problems."""
    count = skipped.total()
    names = [shown(extension) or "no extension" for extension, _ in skipped.most_common(EXTENSIONS_NAMED)]
    more = ", …" if len(skipped) > len(names) else ""
    return f"{count} {'file' if count == 1 else 'files'} of other types skipped ({', '.join(names)}{more})"
